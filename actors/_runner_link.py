"""Whom a runner reports to: nobody, whoever starts its thread, or the parent of its process."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

import pykka

from actors._answer import answer_with_error
from actors.messages import RunnerIdle, RunnerStatus


class RunnerLink(Protocol):
    """Whom a runner reports to."""

    def status(self, status: RunnerStatus) -> None:
        """Report a change of state."""

    def waiting(self, waiting_for: str | None) -> None:
        """Report who is waited for."""

    @abstractmethod
    def begun(self, envelope: Any) -> bool:
        """Report that a message is taken up. Return whether its answer is still wanted."""

    @abstractmethod
    def cancelled(self, task: Any) -> bool:
        """Return whether nobody waits for this answer any more."""

    def handled(self) -> None:
        """Report what has changed, before a message is answered."""

    def idle(self) -> None:
        """Report that no message is waiting."""

    def leaving(self) -> None:
        """Report that nothing is taken up any more, before the last hook is called."""

    def failing(self, error: BaseException) -> None:
        """Report what ends the runner, before the last hook is called."""

    def abandoned(self, reply_to: Any, error: BaseException) -> None:
        """See to it that whoever waits for this message learns of the runner's end."""


class NoLink:
    """A runner without a supervisor has nobody to report to."""

    def status(self, status: RunnerStatus) -> None:
        del status

    def waiting(self, waiting_for: str | None) -> None:
        del waiting_for

    def begun(self, envelope: Any) -> bool:
        return envelope.reply_to is None or not envelope.reply_to.cancelled

    def cancelled(self, task: Any) -> bool:
        return bool(task.cancelled)

    def handled(self) -> None:
        pass

    def idle(self) -> None:
        pass

    def leaving(self) -> None:
        pass

    def failing(self, error: BaseException) -> None:
        pass

    def abandoned(self, reply_to: Any, error: BaseException) -> None:
        if reply_to is not None:
            answer_with_error(reply_to, _dead_by(error))


class ThreadLink(NoLink):
    """
    A runner in a thread tells whoever starts it that it is up, or why it is not.

    Args:
        log: Called with what ends the runner, before its last hook.
    """

    def __init__(self, log: Callable[[BaseException], object]) -> None:
        self.up: pykka.ThreadingFuture[None] = pykka.ThreadingFuture()
        self._log = log
        self._failing = False

    def status(self, status: RunnerStatus) -> None:
        if isinstance(status, RunnerIdle):
            self.up.set()

    def failing(self, error: BaseException) -> None:
        if not self._failing:
            self._failing = True
            self._log(error)

    def ended(self, error: BaseException) -> None:
        # A runner's SystemExit is the runner's; passed on, it would end whoever starts it.
        reason = error if isinstance(error, Exception) else _dead_by(error)
        # Dropped if it was up.
        answer_with_error(self.up, reason)


def _dead_by(error: BaseException) -> pykka.ActorDeadError:
    dead = pykka.ActorDeadError(f"the runner was ended by {type(error).__name__}: {error}")
    dead.__cause__ = error
    return dead
