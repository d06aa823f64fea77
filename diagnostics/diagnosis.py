"""What is known about one end: the findings in order, the last lines, what was lost."""

import signal
from typing import Any

import attrs

from diagnostics.findings import Finding, Role


@attrs.frozen
class Ending:
    """
    How a process ended, as far as its parent knows.

    Attributes:
        signal: The number of the signal that ended it, if one did.
        exit_code: The exit code, if it exited.
    """

    signal: int | None = None
    exit_code: int | None = None

    @property
    def name(self) -> str | None:
        """The signal's name, `exit` for an exit with an error, `None` if neither is known."""
        if self.signal is not None:
            try:
                return signal.Signals(self.signal).name
            except ValueError:
                return f"signal {self.signal}"
        return "exit" if self.exit_code else None


@attrs.frozen(kw_only=True)
class Diagnosis:
    """
    What the output of one process tells about its end.

    Attributes:
        findings: All findings, the most likely cause first, notes last.
        system: What the system says besides, one statement a line, each with its source.
        telling: Where no cause is known: the lines of the tail that say most.
        tail: The last lines, decoded, control characters stripped, the unfinished last
            line included.
        total_bytes: How much output was seen.
        total_lines: How many lines, an unfinished last one included.
        dropped_bytes: How much output was lost before it could be looked at.
        problem: Why there is no diagnosis or only part of one; `None` if all is well.
    """

    findings: tuple[Finding, ...] = ()
    system: tuple[str, ...] = ()
    telling: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    total_bytes: int = 0
    total_lines: int = 0
    dropped_bytes: int = 0
    problem: str | None = None

    @property
    def cause(self) -> Finding | None:
        """The most likely cause; `None` if nothing but notes is known."""
        first = self.findings[0] if self.findings else None
        return None if first is None or first.role is Role.NOTE else first


def to_json_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    """
    Return a diagnosis in the form that `python -m diagnostics --json --full` prints.

    Args:
        diagnosis: The diagnosis.

    Returns:
        Dicts, lists, strings, numbers and `None` only.
    """
    return {
        "findings": [_finding_dict(finding) for finding in diagnosis.findings],
        "system": list(diagnosis.system),
        "telling": list(diagnosis.telling),
        "tail": list(diagnosis.tail),
        "total_bytes": diagnosis.total_bytes,
        "total_lines": diagnosis.total_lines,
        "dropped_bytes": diagnosis.dropped_bytes,
        "problem": diagnosis.problem,
    }


def _finding_dict(finding: Finding) -> dict[str, Any]:
    return {
        "cause": finding.cause,
        "type": type(finding).__name__,
        "role": finding.role.value,
        "message": finding.message,
        "remedy": finding.remedy,
        "evidence": list(finding.evidence),
        "fields": _plain(finding.fields),
        "count": finding.count,
        "line": finding.line,
        "source": finding.source or "output",
        "rank_reason": finding.rank_reason,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
