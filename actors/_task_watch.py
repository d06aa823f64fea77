"""What takes too long in a runner that lives: no progress, a deadline, a cancellation."""

import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Final, Protocol

from actors._inbox import RunnerInbox
from actors._reactor import Reactor, Timer
from actors._task import Task
from actors.reasons import Hung, Overdue
from actors.specs import RunnerSpec

_OFTEN: Final = 4
"""A limit is looked at so many times in its own length while nothing is in flight."""


class TaskWatchListener(Protocol):
    """Who acts, in the reactor's thread: the port."""

    @property
    @abstractmethod
    def begun(self) -> int:
        """Id of the last task that the runner has taken up."""

    @property
    @abstractmethod
    def waiting_for(self) -> str | None:
        """Whom the runner says it waits for."""

    def too_late(self, reason: Hung | Overdue) -> None:
        """End the runner."""

    def expired(self, task: Task) -> None:
        """End a task that is beyond its deadline, and not the runner."""


class TaskWatch:
    """
    Watches the tasks of one incarnation against the limits of its spec.

    Nothing is done per task: the reactor looks at the oldest one when its time may have come.

    Args:
        spec: The runner's spec.
        inbox: The tasks.
        reactor: The supervisor's event loop.
        listener: Who acts.
    """

    def __init__(
        self,
        spec: RunnerSpec,
        inbox: RunnerInbox,
        reactor: Reactor,
        listener: TaskWatchListener,
    ) -> None:
        self._spec = spec
        self._inbox = inbox
        self._reactor = reactor
        self._listener = listener
        self._timers: list[Timer] = []
        self._closed = False
        self.progressed_at = time.monotonic()
        """When the runner last showed a sign of life; set by whoever receives it."""

    def start(self) -> None:
        """Begin, once the runner is up."""
        if self._spec.progress_timeout is not None:
            self._watch_progress(self._spec.progress_timeout)
        if self._spec.task_timeout is not None:
            self._watch_deadlines(self._spec.task_timeout)

    def close(self) -> None:
        """Look no more."""
        self._closed = True
        for timer in self._timers:
            timer.cancel()

    def cancelled(self, task: Task) -> None:
        """Take note that the runner was told that nobody waits for a task. From any thread."""
        grace = self._spec.cancel_grace
        if grace is not None:
            self._reactor.call_later(grace, lambda: self._check_cancelled(task, grace))

    def _watch_progress(self, limit: float) -> None:
        since = self._inbox.owed_since()
        if since is None:
            again_in = limit / _OFTEN
        else:
            silent_for = time.monotonic() - max(since, self.progressed_at)
            if silent_for >= limit:
                self._listener.too_late(Hung(silent_for, self._listener.waiting_for))
                return
            again_in = limit - silent_for
        self._again(again_in, lambda: self._watch_progress(limit))

    def _watch_deadlines(self, limit: float) -> None:
        now = time.monotonic()
        again_in = limit / _OFTEN
        for task in self._inbox.awaited():
            left = task.sent_at + limit - now
            if left > 0:
                again_in = left
                break
            if self._spec.restart_on_task_timeout:
                self._listener.too_late(
                    Overdue(task.name, limit, waiting_for=self._listener.waiting_for)
                )
                return
            self._listener.expired(task)
        self._again(again_in, lambda: self._watch_deadlines(limit))

    def _check_cancelled(self, task: Task, grace: float) -> None:
        if self._closed or not self._inbox.in_flight(task):
            return
        if task.id > self._listener.begun:
            # It waits in the runner's inbox, where it will be passed over.
            self._again(grace, lambda: self._check_cancelled(task, grace))
            return
        self._listener.too_late(
            Overdue(task.name, grace, cancelled=True, waiting_for=self._listener.waiting_for)
        )

    def _again(self, delay: float, call: Callable[[], object]) -> None:
        if not self._closed:
            self._timers = [timer for timer in self._timers if timer.pending]
            self._timers.append(self._reactor.call_later(delay, call))
