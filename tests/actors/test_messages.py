"""Messages are values: frozen, comparable, hashable, picklable, and readable by people."""

import copy
import inspect
import pickle
from typing import get_args

import attrs
import pytest

from actors import _frames, errors, messages, reasons
from actors.errors import RunnerFailedError
from actors.reasons import Phase, StopStage
from actors.termination import RunnerTerminationError
from diagnostics.diagnosis import Diagnosis

ERROR = RunnerTerminationError(
    type="ValueError", message="first line\nsecond line", repr="r", traceback="t"
)

FAILURE = messages.RunnerFailed(
    runner_id="chat",
    incarnation=1,
    pid=7,
    phase=Phase.SERVING,
    reason=reasons.Raised(ERROR),
    diagnosis=Diagnosis(),
    started_at=1.0,
    failed_at=2.0,
    uptime=1.0,
    error_message="chat raised ValueError",
)

REASONS = [
    (reasons.Stopped(StopStage.KILL, signal=9), "stopped on request (kill)"),
    (reasons.Exited(3), "exited with status 3 without being asked to"),
    (
        reasons.Signaled(11, "SIGSEGV", "Segmentation fault"),
        "was ended by SIGSEGV (Segmentation fault), signal 11",
    ),
    (reasons.Raised(ERROR), "raised ValueError: first line"),
    (reasons.Raised(attrs.evolve(ERROR, message="")), "raised ValueError"),
    (reasons.LaunchFailed(ERROR), "could not be launched: ValueError: first line"),
    (reasons.StartTimedOut(60.0), "did not start within 60 s and was ended"),
    (reasons.Hung(2.25), "made no progress for 2.2 s and was ended"),
    (reasons.Hung(2.0, "peer"), "made no progress for 2.0 s while waiting for peer and was ended"),
    (reasons.Overdue("add", 2.5), "did not end task add within 2.5 s and was ended"),
    (
        reasons.Overdue("add", 2.0, cancelled=True, waiting_for="peer"),
        "did not end task add within 2 s of its cancellation, waiting for peer, and was ended",
    ),
    (
        reasons.FatalOutput("metal-oom", 5.0),
        "printed a fatal line (metal-oom), lived on for 5 s and was ended",
    ),
    (reasons.ProtocolViolation("$: bad"), "broke the channel's protocol ($: bad) and was ended"),
    (reasons.Unkillable(7, 5.0), "did not end within 5 s of SIGKILL (pid 7 is left behind"),
    (reasons.StatusUnknown("reaped elsewhere"), "is gone, exit status unknown: reaped elsewhere"),
]


@pytest.mark.parametrize(("reason", "text"), REASONS)
def test_an_exit_reason_reads_as_the_end_of_a_sentence(reason, text):
    """In one line, whatever the exception's message holds."""
    assert str(reason).startswith(text)
    assert "\n" not in str(reason)


def test_every_exit_reason_is_read_above():
    """A new one needs a text, and a row."""
    assert {type(reason) for reason, _ in REASONS} == set(get_args(reasons.ExitReason))


@pytest.mark.parametrize("module", [messages, reasons, _frames])
def test_every_message_class_is_frozen_and_documented(module):
    """A message that is in two mailboxes must not change in one of them."""
    for cls in vars(module).values():
        if attrs.has(cls) and cls.__module__ == module.__name__:
            assert cls.__setattr__ is not object.__setattr__, cls
            assert cls.__hash__ is not None, cls
            assert inspect.getdoc(cls), cls


def test_a_failure_is_a_value():
    """It can be compared, hashed, copied and pickled."""
    assert hash(FAILURE) == hash(copy.deepcopy(FAILURE))
    assert pickle.loads(pickle.dumps(FAILURE)) == FAILURE
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        FAILURE.pid = 8


ARGUMENTS = {
    errors.WaitInSignalHandlerError: (),
    errors.SpecError: ("RunnerSpec('a')", "id", "is wrong"),
    errors.DuplicateIdError: ("GroupSpec('a')", "members", "is given twice"),
    errors.RunnerFailedError: (FAILURE, messages.ErrorChunk("chat", 1, 2, "m")),
    errors.StartFailed: (FAILURE,),
    errors.RemoteError: (ERROR,),
    errors.FrameTooLargeError: (2, 1),
    errors.WireError: ("$.a", "is missing"),
    errors.TaskTimedOutError: ("chat", "app.Generate", 2.0, "Current thread ..."),
    errors.UnsendableError: ("answer", object(), "TypeError: cannot pickle"),
}


@pytest.mark.parametrize("name", errors.__all__)
def test_every_exception_survives_pickling(name):
    """Answers to `ask` may cross a process border, and so may what they raise."""
    cls = getattr(errors, name)
    assert issubclass(cls, errors.ActorsError)
    error = cls(*ARGUMENTS.get(cls, ("text",)))
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert str(again) == str(error)
    assert vars(again) == vars(error)
    assert str(copy.copy(error)) == str(error)


def test_all_exceptions_are_listed():
    """`__all__` is what the documentation shows."""
    found = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.ActorsError)
    }
    assert found == set(errors.__all__)


def test_a_failed_runner_is_a_dead_actor_to_pykka():
    """Code that expects Pykka's own exception works unchanged."""
    import pykka

    error = RunnerFailedError(FAILURE)
    assert isinstance(error, pykka.ActorDeadError)
    assert error.failure is FAILURE
    assert str(error) == FAILURE.error_message
