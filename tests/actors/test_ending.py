"""Exit reasons as a table: whose signal it was, and who gets the blame."""

import signal

import pytest

from actors._ending import Facts, describe, exit_reason, is_failure, natural_reason, signal_name
from actors.reasons import (
    Exited,
    FatalOutput,
    Hung,
    LaunchFailed,
    ProtocolViolation,
    Raised,
    Signaled,
    StartTimedOut,
    StatusUnknown,
    Stopped,
    StopStage,
    Unkillable,
)
from actors.termination import RunnerTerminationError

ERROR = RunnerTerminationError.from_exception(ValueError("x"))
LEFT = RunnerTerminationError.from_exception(SystemExit(0))
LEFT_3 = RunnerTerminationError.from_exception(SystemExit(3))
VIOLATION = ProtocolViolation("garbage")
KILL, TERM, SEGV, USR1 = signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGUSR1


def exited(code):
    """Return the status of a process that exited."""
    return code << 8


SIGNALED = {each: Signaled(each, each.name, describe(each)) for each in (KILL, TERM, SEGV, USR1)}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # Of itself.
        (Facts(status=exited(0)), Exited(0)),
        (Facts(status=exited(255)), Exited(255)),
        (Facts(status=KILL), SIGNALED[KILL]),
        (Facts(status=exited(1), error=ERROR), Raised(ERROR, 1, None)),
        (Facts(status=SEGV, error=ERROR), Raised(ERROR, None, SEGV)),
        (Facts(status=None, error=ERROR), Raised(ERROR)),
        (Facts(status=exited(0), error=LEFT), Raised(LEFT, 0, None)),
        # By request.
        (Facts(status=exited(0), stop_stage=StopStage.POLITE), Stopped(StopStage.POLITE, 0)),
        (Facts(status=None, stop_stage=StopStage.POLITE), Stopped(StopStage.POLITE)),
        (
            Facts(status=TERM, stop_stage=StopStage.TERMINATE),
            Stopped(StopStage.TERMINATE, None, TERM),
        ),
        (
            Facts(status=exited(143), stop_stage=StopStage.TERMINATE),
            Stopped(StopStage.TERMINATE, 143),
        ),
        (Facts(status=KILL, stop_stage=StopStage.KILL), Stopped(StopStage.KILL, None, KILL)),
        (Facts(status=TERM, stop_stage=StopStage.KILL), Stopped(StopStage.KILL, None, TERM)),
        # The usual handler of SIGTERM calls sys.exit: that is an answer to ours.
        (
            Facts(status=exited(0), stop_stage=StopStage.TERMINATE, error=LEFT),
            Stopped(StopStage.TERMINATE, 0),
        ),
        (
            Facts(status=exited(3), stop_stage=StopStage.TERMINATE, error=LEFT_3),
            Stopped(StopStage.TERMINATE, 3),
        ),
        (
            Facts(status=exited(0), stop_stage=StopStage.POLITE, error=LEFT),
            Stopped(StopStage.POLITE, 0),
        ),
        # A natural death that came before our request took effect.
        (Facts(status=SEGV, stop_stage=StopStage.POLITE), SIGNALED[SEGV]),
        (Facts(status=SEGV, stop_stage=StopStage.KILL), SIGNALED[SEGV]),
        (Facts(status=exited(3), stop_stage=StopStage.POLITE), Exited(3)),
        (Facts(status=exited(3), stop_stage=StopStage.POLITE, error=LEFT_3), Raised(LEFT_3, 3)),
        (Facts(status=exited(1), stop_stage=StopStage.POLITE, error=ERROR), Raised(ERROR, 1)),
        (
            Facts(status=TERM, stop_stage=StopStage.TERMINATE, error=ERROR),
            Raised(ERROR, None, TERM),
        ),
        # A signal that we had not sent yet.
        (Facts(status=TERM, stop_stage=StopStage.POLITE), SIGNALED[TERM]),
        (Facts(status=KILL, stop_stage=StopStage.POLITE), SIGNALED[KILL]),
        (Facts(status=KILL, stop_stage=StopStage.TERMINATE), SIGNALED[KILL]),
        # Ended by us, for a reason.
        (Facts(status=KILL, own_end=Hung(1.0), own_signals=frozenset({USR1, KILL})), Hung(1.0)),
        (
            Facts(status=USR1, own_end=StartTimedOut(1.0), own_signals=frozenset({USR1})),
            StartTimedOut(1.0),
        ),
        (Facts(status=KILL, own_end=VIOLATION, own_signals=frozenset({KILL})), VIOLATION),
        (Facts(status=None, own_end=FatalOutput("x", 1.0)), FatalOutput("x", 1.0)),
        # It ended of itself while we were about to end it.
        (Facts(status=SEGV, own_end=Hung(1.0), own_signals=frozenset({USR1})), SIGNALED[SEGV]),
        (Facts(status=exited(1), own_end=Hung(1.0), error=ERROR), Raised(ERROR, 1)),
        (Facts(status=exited(5), own_end=FatalOutput("x", 1.0)), Exited(5)),
        # Whatever the status: what it wrote was no message.
        (Facts(status=exited(0), own_end=VIOLATION), VIOLATION),
        (
            Facts(
                status=KILL,
                own_end=VIOLATION,
                own_signals=frozenset({KILL}),
                stop_stage=StopStage.KILL,
            ),
            VIOLATION,
        ),
    ],
    ids=str,
)
def test_exit_reason_is(facts, expected):
    """One row, one story."""
    assert exit_reason(facts) == expected


def test_status_that_somebody_else_took_is_said_to_be_unknown():
    """Not guessed."""
    assert isinstance(exit_reason(Facts(status=None)), StatusUnknown)


def test_core_dump_is_noted():
    """The kernel's flag in the status."""
    assert natural_reason(SEGV | 0x80) == Signaled(SEGV, "SIGSEGV", "Segmentation fault", True)


def test_signal_without_a_name_has_its_number():
    """Real-time signals, or another system's."""
    assert signal_name(60) == "signal 60"


@pytest.mark.parametrize(
    ("reason", "started", "serving", "tasks", "expected"),
    [
        (Stopped(StopStage.KILL), True, True, 5, False),
        (Exited(0), True, True, 0, False),
        (Exited(0), True, True, 1, True),
        (Exited(0), True, False, 0, True),
        (Exited(0), False, False, 0, True),
        (Exited(1), True, True, 0, True),
        (Raised(LEFT, 0), True, True, 0, True),
        (SIGNALED[TERM], True, True, 0, True),
        (StatusUnknown("x"), True, True, 0, True),
        (Unkillable(1, 1.0), True, True, 0, True),
        (LaunchFailed(ERROR), False, False, 0, True),
    ],
)
def test_end_is_a_failure(reason, started, serving, tasks, expected):
    """All but a stop that was asked for, and a good end with nothing left to do."""
    assert is_failure(reason, started=started, serving=serving, tasks=tasks) is expected
