"""A diagnosis as text for people."""

from collections.abc import Iterator
from typing import Final

from diagnostics._lines import decode, shorten
from diagnostics.diagnosis import Diagnosis
from diagnostics.findings import Finding, Role

_EVIDENCE_LINES: Final = 4
_TAIL_LINES: Final = 10
_LINE: Final = 300

_ROLE_WORDS: Final = {
    Role.ROOT: "root cause",
    Role.EITHER: "root cause or after-effect",
    Role.AFTER_EFFECT: "after-effect of another process's end",
    Role.NOTE: "note",
}


def render(diagnosis: Diagnosis, *, name: str = "process") -> str:
    """
    Return the diagnosis as lines for a terminal or a log.

    Args:
        diagnosis: The diagnosis.
        name: Whose output it is.
    """
    return "\n".join(_lines(diagnosis, name)) + "\n"


def _lines(diagnosis: Diagnosis, name: str) -> Iterator[str]:
    cause = diagnosis.cause
    if cause is None:
        known = "nothing but notes" if diagnosis.findings else "nothing"
        yield f"{_safe(name)}: cause unknown ({known} known in the output)"
        if diagnosis.telling:
            yield "  The most telling lines; that they name the cause is not certain:"
        for line in diagnosis.telling:
            yield f"    ? {_safe(line)}"
        others = diagnosis.findings
    else:
        yield f"{_safe(name)}: {cause.cause} ({_ROLE_WORDS[cause.role]})"
        yield f"  {_safe(cause.message)}"
        if cause.remedy:
            yield f"  What to do: {cause.remedy}"
        yield from _evidence(cause)
        others = diagnosis.findings[1:]
    if others:
        yield "  Also seen:"
        for finding in others:
            times = f", {finding.count} times" if finding.count > 1 else ""
            role = _ROLE_WORDS[finding.role]
            yield f"    {finding.cause} ({role}{times}): {_safe(finding.message)}"
    for line in diagnosis.system:
        yield f"  The system says: {_safe(line)}"
    yield from _tail(diagnosis)
    if diagnosis.problem:
        yield f"  Incomplete: {_safe(diagnosis.problem)}"


def _evidence(finding: Finding) -> Iterator[str]:
    if not finding.evidence:
        return
    times = f", seen {finding.count} times" if finding.count > 1 else ""
    where = f"at line {finding.line}{times}" if finding.line else "outside of the output"
    yield f"  Seen {where}{f', also by {finding.source}' if finding.source else ''}:"
    lines = finding.evidence
    shown = lines if len(lines) <= _EVIDENCE_LINES else (lines[0], "...", *lines[-2:])
    for line in shown:
        yield f"    | {_safe(line)}"


def _tail(diagnosis: Diagnosis) -> Iterator[str]:
    if not diagnosis.tail:
        return
    shown = diagnosis.tail[-_TAIL_LINES:]
    yield f"  Last {len(shown)} of {diagnosis.total_lines} lines:"
    for line in shown:
        yield f"    > {_safe(line)}"


def _safe(text: str) -> str:
    # Findings may have been made by others than our collector.
    return shorten(decode(text.encode("utf-8", "backslashreplace")), _LINE)
