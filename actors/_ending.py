"""Pure: from what is known about an end to its exit reason."""

import os
import signal
from typing import Final

import attrs

from actors.reasons import (
    Exited,
    ExitReason,
    FatalOutput,
    Hung,
    Overdue,
    ProtocolViolation,
    Raised,
    Signaled,
    StartTimedOut,
    StatusUnknown,
    Stopped,
    StopStage,
)
from actors.termination import RunnerTerminationError

OwnEnd = StartTimedOut | Hung | Overdue | FatalOutput | ProtocolViolation
"""Reasons for which a port ends its runner itself."""

_STAGE_SIGNALS: Final = {
    StopStage.TERMINATE: {"SIGTERM"},
    StopStage.KILL: {"SIGTERM", "SIGKILL"},
}


@attrs.frozen(kw_only=True)
class Facts:
    """
    What a port knows about the end of its process.

    Attributes:
        status: Status from `waitpid(2)`, or `None` if somebody else has taken it.
        own_end: Why the port ended the process, if it did.
        own_signals: Signals that the port has sent for that.
        stop_stage: How far the stopping had gone, if a stop was asked for.
        error: The exception that the runner reported as what ends it.
    """

    status: int | None
    own_end: OwnEnd | None = None
    own_signals: frozenset[int] = frozenset()
    stop_stage: StopStage | None = None
    error: RunnerTerminationError | None = None


def exit_code_of(status: int | None) -> int | None:
    """Return the exit status in a `waitpid(2)` status, if the process exited."""
    return os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None


def signal_of(status: int | None) -> int | None:
    """Return the signal number in a `waitpid(2)` status, if a signal ended the process."""
    return os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None


def natural_reason(status: int | None) -> Exited | Signaled | StatusUnknown:
    """Return what a `waitpid(2)` status says by itself."""
    code, number = exit_code_of(status), signal_of(status)
    if code is not None:
        return Exited(code)
    if number is not None and status is not None:
        return Signaled(number, signal_name(number), describe(number), os.WCOREDUMP(status))
    return StatusUnknown("another part of this process waited for it, or SIGCHLD is ignored")


def signal_name(number: int) -> str:
    """Return a signal's name, such as `SIGSEGV`, or `signal 60` if it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def describe(number: int) -> str:
    """Return a signal's description by `strsignal(3)`, such as `Segmentation fault`."""
    text = signal.strsignal(number) or "unknown signal"
    # macOS appends the number: "Segmentation fault: 11".
    return text.partition(":")[0]


def exit_reason(facts: Facts) -> ExitReason:
    """
    Decide how the process ended.

    A signal that this supervisor sent is never taken for a cause, and a death of the
    runner's own that came before ours could take effect is never taken for ours.
    """
    number, code = signal_of(facts.status), exit_code_of(facts.status)
    if facts.own_end is not None and (facts.status is None or number in facts.own_signals):
        return facts.own_end
    stage = facts.stop_stage
    # SystemExit is how a handler of SIGTERM usually answers it.
    if stage is not None and (facts.error is None or facts.error.exit_code is not None):
        orderly = code == 0 or facts.status is None
        after_signal = stage is not StopStage.POLITE and (
            code is not None
            or (number is not None and signal_name(number) in _STAGE_SIGNALS[stage])
        )
        if orderly or after_signal:
            return Stopped(stage, code, number)
    if facts.error is not None:
        return Raised(facts.error, code, number)
    if facts.own_end is not None and isinstance(facts.own_end, ProtocolViolation):
        return facts.own_end
    return natural_reason(facts.status)


def is_failure(reason: ExitReason, *, started: bool, serving: bool, tasks: int) -> bool:
    """
    Return whether an end is to be published as a failure.

    Args:
        reason: How the process ended.
        started: Whether the runner was up.
        serving: Whether its lifecycle hooks had returned.
        tasks: How many tasks were in flight.
    """
    if isinstance(reason, Stopped):
        return False
    if isinstance(reason, Exited) and reason.exit_code == 0:
        return not (started and serving) or tasks > 0
    return True
