"""Which of the findings is the likeliest cause of an end, and why."""

from collections.abc import Iterable, Sequence
from typing import Final

import attrs
import re2

from diagnostics._levels import is_logged
from diagnostics.diagnosis import Ending
from diagnostics.findings import Finding, Role

_ROLE_ORDER: Final = {Role.ROOT: 0, Role.EITHER: 1, Role.AFTER_EFFECT: 2, Role.NOTE: 3}
_ROLE_REASON: Final = {
    Role.ROOT: "a cause of its own",
    Role.EITHER: "a cause, or the effect of another process's end",
    Role.AFTER_EFFECT: "the effect of another process's end",
    Role.NOTE: "no cause of an end",
}

FAR_LINES: Final = 1_000
"""A finding that many lines before the end weighs less."""

FAR_SECONDS: Final = 120.0
"""The same for time, if at least `_FAR_LINES_TOO` lines followed."""

_FAR_LINES_TOO: Final = 20
_HEALTHY_LINES: Final = 3
_LOOK_AT: Final = 200

_HEALTHY: Final = re2.compile(
    r"(?:^|[\s\[|(\]])(?:INFO|DEBUG|info|debug)(?:[\s\]|:)])|[\[ ]I\d{4} \d\d:"
    r"|\" 20\d\b|: I [a-z]\w+/|: I [\w/]+\.cc:\d+\]|^test .* ok$|\bEpoch \d+/\d+|\d+/\d+ \[=+[\]>]"
    r"|\b(?:step|epoch|iter(?:ation)?|batch)[ :=]+\d|it/s\]|s/it\]|tok(?:ens)?/s"
)
_RECOVERED: Final = re2.compile(
    r"(?i)\b(?:reconnected|recovered|retry (?:was )?succe|succeeded (?:on|after|at) |succe\w+ after"
    r"|connection (?:re-?established|restored)|resum(?:ed|ing) (?:normal|training|service)"
    r"|connected (?:on|after|at) attempt|back to normal|attempt \d+ succe\w+|now healthy"
    r"|test result: ok\b|is not supported in this environment - disabling"
    r"|Defaulting to unsafe serialization|trying to resume download"
    r"|Failed to create \w+ExecutionProvider)"
)
_NONE_FAILED: Final = re2.compile(r"\b0 failed\b")
_PROCESS: Final = re2.compile(r"\(\w+ [^()]*\bpid=\d+[^()]*\)|\[rank\d+\]|^[\w.-]+ +\| ")
_ENDING_WORDS: Final = re2.compile(
    r"(?i)shut|exit|stop|terminat|clean|clos(?:e|ing)|abort|kill|wait|leak|destroy|fail|error"
    r"|finish|signal|crash|dump|traceback|repeated|NCCL INFO|\bbye\b|\bjoin"
)


def ordered(
    findings: Iterable[Finding],
    ending: Ending | None = None,
    *,
    tail: Sequence[str] = (),
    total_lines: int = 0,
    last_seen: float | None = None,
) -> tuple[Finding, ...]:
    """
    Put the most likely cause first, and say of each finding why it stands where it stands.

    What the process recovered from, and a handled error after which it went on, become
    notes. Roots stand before what may be either, then after-effects, then notes; what
    only says how it ended stands behind what says why. Among equals what fits the
    ending, then what is near the end, then what says more, then what was seen last.

    Args:
        findings: The findings in the order of their last sighting.
        ending: How the process ended, if that is known.
        tail: The last lines of the output.
        total_lines: How many lines there were.
        last_seen: When the last output arrived, in seconds since the epoch.
    """
    name = ending.name if ending is not None else None
    judged = [_judged(finding, tail, total_lines) for finding in findings]
    explained = any(
        not finding.is_symptom and finding.role is not Role.NOTE and _fits(finding, name) < _UNFIT
        for finding in judged
    )

    def key(finding: Finding) -> tuple[int, int, int, int, int, int]:
        symptom = finding.is_symptom and finding.role is not Role.NOTE and explained
        role = _ROLE_ORDER[Role.AFTER_EFFECT] if symptom else _ROLE_ORDER[finding.role]
        far = _is_far(finding, total_lines, last_seen)
        return role, symptom, _fits(finding, name), far, not finding.source, -finding.weight

    latest_first = judged[::-1]
    return tuple(
        attrs.evolve(finding, rank_reason=_reason(finding, name, key(finding)))
        for finding in sorted(latest_first, key=key)
    )


_FIT: Final = 0
_UNSAID: Final = 1
_UNFIT: Final = 2


def _fits(finding: Finding, name: str | None) -> int:
    if name is None or not finding.endings:
        return _UNSAID
    return _FIT if name in finding.endings else _UNFIT


def _is_far(finding: Finding, total_lines: int, last_seen: float | None) -> bool:
    after = total_lines - max(finding.last_line, finding.line)
    if after > FAR_LINES:
        return True
    late = last_seen is not None and last_seen - finding.last_seen > FAR_SECONDS
    return late and after > _FAR_LINES_TOO


def _judged(finding: Finding, tail: Sequence[str], total_lines: int) -> Finding:
    if finding.role is Role.NOTE or not total_lines:
        return finding
    after = total_lines - max(finding.last_line, finding.line)
    if after <= 0:
        return finding
    lines = tail[-min(after, _LOOK_AT) :]
    first = finding.evidence[0] if finding.evidence else ""
    lines = _of_the_same(first, lines)
    # Who writes a record of an error is alive, for the time being.
    logged = is_logged(first)
    soft = logged or finding.tentative or finding.weight < 0 or finding.role is not Role.ROOT
    if soft and any(_RECOVERED.search(line) for line in lines):
        return attrs.evolve(finding, role=Role.NOTE, rank_reason="the process recovered from it")
    # Without an exception or a signal it may have been a remark.
    remark = not getattr(finding, "exception", None) and not getattr(finding, "signal", None)
    needed = 1 if finding.tentative else 2 if remark and not logged else _HEALTHY_LINES
    may_be_handled = finding.tentative or logged or ((soft or remark) and "exit" in finding.endings)
    if may_be_handled and _went_on(lines, needed):
        return attrs.evolve(finding, role=Role.NOTE, rank_reason="the process went on after it")
    return finding


def _of_the_same(first: str, lines: Sequence[str]) -> Sequence[str]:
    """Return the lines that may come from the same process as the first, by their prefixes."""
    own = _PROCESS.search(first[:_LOOK_AT])
    if own is None:
        return lines
    others = (_PROCESS.search(line[:_LOOK_AT]) for line in lines)
    return [
        line
        for line, other in zip(lines, others, strict=True)
        if other is None or other.group() == own.group()
    ]


def _went_on(lines: Sequence[str], needed: int) -> bool:
    healthy = [
        bool(_HEALTHY.search(line)) and not _ENDING_WORDS.search(_NONE_FAILED.sub("", line))
        for line in lines
        if line.strip()
    ]
    # Healthy to the end: what comes after an error and ends in another one is no health.
    return sum(healthy) >= needed and any(healthy[-_HEALTHY_LINES:])


def _reason(finding: Finding, name: str | None, key: tuple[int, int, int, int, int, int]) -> str:
    if finding.rank_reason:
        return finding.rank_reason
    _, symptom, fit, far, *_ = key
    parts = ["only how it ended" if symptom else _ROLE_REASON[finding.role]]
    if name is not None and fit != _UNSAID:
        parts.append(f"{'fits' if fit == _FIT else 'does not fit'} the end by {name}")
    if finding.source:
        parts.append(f"borne out by {finding.source}")
    if far:
        parts.append("seen long before the end")
    return ", ".join(parts)
