"""Every exception of this package: one root, one class per cause a caller can act on."""

from typing import TYPE_CHECKING, Any

import pykka

if TYPE_CHECKING:
    from actors.messages import ErrorChunk, RunnerFailed
    from actors.termination import RunnerTerminationError

__all__ = [
    "ActorsError",
    "DuplicateIdError",
    "FrameTooLargeError",
    "NotConcurrentError",
    "PlatformError",
    "RemoteError",
    "RunnerFailedError",
    "RunnerStoppedError",
    "RunnerUnavailableError",
    "SpecError",
    "StartFailed",
    "SupervisorStoppedError",
    "TaskCancelledError",
    "TaskTimedOutError",
    "UnknownRunnerError",
    "UnsendableError",
    "WaitInSignalHandlerError",
    "WireError",
]


class ActorsError(Exception):
    """Root of every exception raised by this package."""


class SpecError(ActorsError, ValueError):
    """
    Raised when a declaration cannot be right, before anything is started.

    Attributes:
        spec: Name of the declaration, such as `RunnerSpec('chat')`.
        field: Name of the offending field.
        problem: What is wrong with it and what would be right.
    """

    def __init__(self, spec: str, field: str, problem: str) -> None:
        super().__init__(f"{spec}: {field}: {problem}")
        self.spec = spec
        self.field = field
        self.problem = problem

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.spec, self.field, self.problem)


class DuplicateIdError(SpecError):
    """Raised when an id is given to a second runner or group while the first still exists."""


class PlatformError(ActorsError):
    """Raised when a runner is started on a system that cannot run one (anything but POSIX)."""


class NotConcurrentError(ActorsError, TypeError):
    """
    Raised when a runner that has no event loop is to run a coroutine.

    To whoever asked, if a handler answers with one; by the start, if a hook is one.
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}, which only a runner with an event loop can run: declare concurrent = True"
        )
        self._what = what

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._what,)


class UnknownRunnerError(ActorsError, LookupError):
    """Raised when a supervisor is asked about an id that it does not know."""


class SupervisorStoppedError(ActorsError, pykka.ActorDeadError):
    """Raised when a supervisor that is stopping, or has stopped, is asked for something new."""


class RunnerStoppedError(ActorsError, pykka.ActorDeadError):
    """
    Raised when a message can no longer be handled because the runner was stopped on request.

    You *don't* get this if the runner died: then you get [`RunnerFailedError`]
    [actors.RunnerFailedError].
    """


class RunnerUnavailableError(ActorsError):
    """
    Raised when too many messages wait for a runner, so this one was not sent.

    It is down, and as many wait as `RunnerSpec.max_waiting` allows; or it is up and does not read,
    since a handler takes long, and the messages wait in the sender's memory. A sender that
    waits for answers now and then never meets it.
    """


class RunnerFailedError(ActorsError, pykka.ActorDeadError):
    """
    Raised to whoever waits for an answer when the runner ended before it gave one.

    Attributes:
        failure: The published failure: how it ended, why, on what evidence.
        chunk: The `ErrorChunk` that ended the stream, if the answer was a stream.
    """

    def __init__(self, failure: "RunnerFailed", chunk: "ErrorChunk | None" = None) -> None:
        super().__init__(failure.error_message)
        self.failure = failure
        self.chunk = chunk

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.failure, self.chunk)


class StartFailed(ActorsError):  # noqa: N818 - the name is part of the agreed surface
    """
    Raised when a runner ended, or had to be ended, before its `on_start` had returned.

    Attributes:
        failure: The published failure, with exit reason and output.
    """

    def __init__(self, failure: "RunnerFailed") -> None:
        super().__init__(failure.error_message)
        self.failure = failure

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.failure,)


class RemoteError(ActorsError):
    """
    Raised in place of a handler's exception that cannot be rebuilt on this side.

    Attributes:
        error: Type, message and traceback of the exception as the runner saw them.
    """

    def __init__(self, error: "RunnerTerminationError") -> None:
        super().__init__(f"{error.type}: {error.message}")
        self.error = error

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.error,)


class TaskCancelledError(ActorsError):
    """Raised to whoever still waits for the answer of a task that was cancelled."""


class TaskTimedOutError(ActorsError, pykka.Timeout):
    """
    Raised to whoever waits for a task that took longer than its spec allows; the runner lives.

    Attributes:
        runner_id: Id of the runner.
        task: Class of the message, or attribute of the proxy call.
        limit: `RunnerSpec.task_timeout` in seconds.
        stacks: Where the runner's threads stood, as `faulthandler` has it.
    """

    def __init__(self, runner_id: str, task: str, limit: float, stacks: str) -> None:
        super().__init__(f"runner {runner_id!r} did not end task {task} within {limit:g} s")
        self.runner_id = runner_id
        self.task = task
        self.limit = limit
        self.stacks = stacks
        if stacks:
            self.add_note(f"Where it stood:\n{stacks}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.runner_id, self.task, self.limit, self.stacks)


class UnsendableError(ActorsError, TypeError):
    """
    Raised to the sender of an object that cannot be pickled; nothing was sent.

    Where it is an answer, a chunk or an attribute, whoever asked for it gets this, and the runner
    goes on.

    Attributes:
        what: What was to be sent, such as `message to 'chat'`.
        problem: The part that cannot be sent and why, such as `.options['lock'] is a
            _thread.lock (TypeError: cannot pickle '_thread.lock' object)`. It begins with the
            path from the object to that part; without a path, the object itself is meant.
    """

    def __init__(self, what: str, value: object, problem: str) -> None:
        kind = type(value)
        super().__init__(
            f"{what} of type {kind.__module__}.{kind.__qualname__} cannot be pickled: {problem}"
        )
        self.what = what
        self.problem = problem

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_unsendable, (self.args[0], self.what, self.problem)


def _rebuild_unsendable(text: str, what: str, problem: str) -> UnsendableError:
    error = UnsendableError.__new__(UnsendableError, text)
    error.what = what
    error.problem = problem
    return error


class FrameTooLargeError(ActorsError, ValueError):
    """
    Raised to the sender of a message that exceeds the frame limit; nothing was sent.

    Where it is an answer, a chunk or an attribute, whoever asked for it gets this, and the runner
    goes on.

    Attributes:
        size: Size of the frame in bytes.
        limit: The limit in bytes.
    """

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"a frame of {size} bytes exceeds the limit of {limit} bytes; "
            f"send less at once or raise RunnerSpec.max_frame"
        )
        self.size = size
        self.limit = limit

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.size, self.limit)


class WaitInSignalHandlerError(ActorsError, RuntimeError):
    """
    Raised to a signal's handler that waits for what cannot come before the handler has returned.

    It has interrupted its own thread while that was at work on something received or to be sent.
    Python has no way around that; its manual says of locks what holds for all waiting in handlers.
    As with `pykka.Timeout`, what it has asked was sent, and only the answer is not waited for.
    """

    def __init__(self) -> None:
        super().__init__(
            "this signal's handler has interrupted the receipt or the sending of a message, and no "
            "answer can come before it returns; let it tell an actor, raise, or start a thread "
            "that waits"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()


class WireError(ActorsError, ValueError):
    """
    Raised when bytes or JSON are not a message of this version.

    Also to whoever asked, when the message cannot be rebuilt in the runner's process, or its answer
    in this one; then its cause is the exception.

    Attributes:
        place: Where in the message, such as `$.reason.code`.
        problem: What is wrong there.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.place, self.problem)
