"""A failure as text for people. Pure: nothing is printed or looked up here."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from actors.messages import LostTask, RunnerFailed
from actors.reasons import Raised
from diagnostics.diagnosis import Diagnosis
from diagnostics.findings import Finding, Role

_ESCAPE_SEQUENCES: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?"
)
"""What terminals obey, whole, so that no half of it is left as text."""

_UNPRINTABLE: Final = re.compile(
    # Controls, the marks that turn the direction of text, line separators, lone surrogates.
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)

_LINE_LIMIT: Final = 400
"""Characters of one line of foreign text; the whole of it is in the failure."""

_EVIDENCE_LIMIT: Final = 6
"""Lines of evidence shown of each finding: the first, and the last ones."""

_INDENT: Final = " " * 14


def render_failure(failure: RunnerFailed, tail: int = 8) -> str:
    """
    Tell a failure to a person.

    Args:
        failure: The failure.
        tail: How many of the last lines of output to show.

    Returns:
        Several lines of plain text without a newline at the end. Control characters and
        escape sequences in what the runner has printed are left out.
    """
    return "\n".join(_lines(failure, tail))


def _lines(failure: RunnerFailed, tail: int) -> Iterator[str]:
    yield f"runner {clean(failure.runner_id)} {clean(str(failure.reason))}"
    yield _row("who", _who(failure))
    yield _row("when", _when(failure))
    yield _row("role", _role(failure))
    diagnosis = failure.diagnosis
    for number, finding in enumerate(diagnosis.findings, start=1):
        yield from _finding(number, finding)
    if not diagnosis.findings:
        yield _row("findings", "none: the output says nothing that is known")
    if not failure.diagnostics and failure.reason.remedy:
        yield _row("what to do", failure.reason.remedy)
    if diagnosis.problem:
        yield _row("diagnosis", f"incomplete: {clean(diagnosis.problem)}")
    yield from _tasks(failure.tasks)
    if isinstance(failure.reason, Raised):
        yield from _traceback(failure.reason, diagnosis, tail)
    yield from _output(diagnosis, tail)


def _who(failure: RunnerFailed) -> str:
    group = f" of group {clean(failure.group_id)}" if failure.group_id else ""
    pid = "no process" if failure.pid is None else f"pid {failure.pid}"
    return f"{clean(failure.runner_id)}{group}, {pid}, incarnation {failure.incarnation}"


def _when(failure: RunnerFailed) -> str:
    at = datetime.fromtimestamp(failure.failed_at, tz=UTC)
    return f"{at:%Y-%m-%d %H:%M:%S} UTC, {failure.phase}, after {failure.uptime:.1f} s"


def _role(failure: RunnerFailed) -> str:
    other = failure.root_cause if failure.root_cause != failure.runner_id else None
    match failure.role:
        case Role.ROOT:
            return "root cause"
        case Role.AFTER_EFFECT:
            return (
                f"after-effect of {clean(other)}" if other else "after-effect, of whom is unknown"
            )
        case _:
            return "root cause or after-effect; the evidence does not tell"


def _finding(number: int, finding: Finding) -> Iterator[str]:
    times = f" (seen {finding.count} times)" if finding.count > 1 else ""
    yield _row(
        "findings" if number == 1 else "",
        f"{number}. {finding.cause} [{finding.role}]: {clean(finding.message)}{times}",
    )
    for line in _shortened(finding):
        yield f"{_INDENT}   > {clean(line)}"
    if finding.remedy:
        yield f"{_INDENT}   what to do: {clean(finding.remedy)}"


def _shortened(finding: Finding) -> tuple[str, ...]:
    lines = finding.evidence
    if finding.role is Role.NOTE:
        return lines[-1:]
    if len(lines) <= _EVIDENCE_LIMIT:
        return lines
    kept = _EVIDENCE_LIMIT - 1
    # The last lines of a traceback say most. In a dump of all threads, which has the most
    # recent call first, it is the first lines of the thread that brought the process down.
    start = next(
        (number for number, line in enumerate(lines) if line.startswith("Current thread")),
        len(lines) - kept,
    )
    shown = lines[start : start + kept]
    return (lines[0], f"... {len(lines) - 1 - len(shown)} more lines ...", *shown)


def _tasks(tasks: tuple[LostTask, ...]) -> Iterator[str]:
    if not tasks:
        yield _row("tasks lost", "none")
    for number, task in enumerate(tasks):
        state = "taken up" if task.acknowledged else "not taken up"
        chunks = f", {task.chunks} chunks delivered" if task.chunks else ""
        name = clean(task.message_type)
        yield _row("" if number else "tasks lost", f"{name} (task {task.task_id}), {state}{chunks}")


def _traceback(reason: Raised, diagnosis: Diagnosis, tail: int) -> Iterator[str]:
    lines = reason.error.traceback.rstrip().splitlines()
    if not lines or lines[-1].strip() in (line.strip() for line in diagnosis.tail):
        return
    yield _row("traceback", _last("lines", tail, len(lines)))
    for line in lines[-tail:]:
        yield f"{_INDENT}| {clean(line)}"


def _output(diagnosis: Diagnosis, tail: int) -> Iterator[str]:
    if not diagnosis.tail:
        yield _row("stderr", "nothing was printed" if not diagnosis.total_bytes else "not kept")
        return
    lost = f", {diagnosis.dropped_bytes} bytes were dropped" if diagnosis.dropped_bytes else ""
    total = max(diagnosis.total_lines, len(diagnosis.tail))
    yield _row("stderr", _last("lines", min(tail, len(diagnosis.tail)), total) + lost)
    for line in diagnosis.tail[-tail:]:
        yield f"{_INDENT}| {clean(line)}"


def _last(what: str, shown: int, total: int) -> str:
    return f"{total} {what}" if shown >= total else f"the last {shown} of {total} {what}"


def _row(name: str, text: str) -> str:
    return f"  {name:<12}{text}"


def clean(text: str) -> str:
    """
    Make foreign text fit to be shown in one line.

    Args:
        text: Anything that a runner may have printed.

    Returns:
        The text without escape sequences and control characters, cut at 400 characters.
    """
    text = _UNPRINTABLE.sub("", _ESCAPE_SEQUENCES.sub("", text.replace("\n", " ")))
    text = text.replace("\t", "    ")
    return text if len(text) <= _LINE_LIMIT else f"{text[:_LINE_LIMIT]} ..."
