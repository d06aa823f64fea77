"""The parent's side of a runner's inbox: tasks out, answers in, over all incarnations."""

import functools
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from actors._answer import answer_with_error
from actors._frames import AttributesChanged, CancelTask, Credit, Request, new
from actors._framing import Buffer
from actors._handlers import holds_others_up
from actors._home import Home
from actors._line import Line
from actors._payload import owned, pack
from actors._stop_request import ActorStop
from actors._task import Detached, Task, TaskTable, kind_of
from actors._task_frames import TaskFrames
from actors.errors import FrameTooLargeError, RunnerUnavailableError
from actors.messages import RunnerStatusUpdated, TaskAcknowledged, TaskStatus
from actors.messages import TaskStatusUpdated as Updated

logger: Final = logging.getLogger("actors")
_MIN_ROOM: Final = 64 << 20
"""Bytes that may wait for a runner that does not read, however small its frames have to be."""


class RunnerInbox:
    """
    Pykka's inbox of a runner that lives elsewhere (the part of `ActorInbox` that refs use).

    A task is in exactly one place: waiting for an incarnation, in flight, or ended; whoever
    takes it out of the table ends it, so it ends once.

    Args:
        runner_id: Id of the runner.
        limit: Bytes of the largest frame.
        max_waiting: Messages that may wait while the runner is down.
        on_stop: Called with the future of a ref's `stop()`, or `None`.
        call_soon: Makes a call soon, in another thread, without taking a lock.
        publish: Called with task events.
        wanted: Says whether anybody is interested in events of some classes.
        show: Called with what proxies can see of the runner.
    """

    def __init__(
        self,
        runner_id: str,
        *,
        limit: int,
        max_waiting: int,
        on_stop: Callable[[Any], object],
        call_soon: Callable[[Callable[[], object]], object],
        publish: Callable[[Any], object],
        wanted: Callable[..., bool],
        show: Callable[[AttributesChanged], object],
    ) -> None:
        self.runner_id: Final = runner_id
        self._what = f"message to {runner_id!r}"
        self._limit = limit
        self._room = max(limit, _MIN_ROOM)
        self._max_waiting = max_waiting
        self._on_stop = on_stop
        self._call_soon = call_soon
        self._wanted = wanted
        self._home = Home(
            f"runner {runner_id!r} cannot be reached from a process that was forked from its "
            f"parent; use the spawn method, or start it there"
        )
        self._lock = threading.RLock()
        self._line: Line | None = None
        self._on_cancel: Callable[[Task], object] = _ignore
        self._waiting: deque[Task] = deque()
        self._tasks: dict[int, Task] = {}
        self._next_id: Final = itertools.count(1).__next__
        self._holding = False
        self._closed: Callable[[], BaseException] | None = None
        self._frames = TaskFrames(runner_id, self._tasks, publish=publish, wanted=wanted, show=show)
        self.received: Final = self._frames.received
        """Takes a frame that concerns a task, in whichever thread has received it."""

    def put(self, envelope: Any) -> None:
        """
        Send a message, in the caller's thread; called by `ActorRef.tell` and `ask`.

        Raises:
            UnsendableError: If the message cannot be pickled.
            FrameTooLargeError: If it exceeds the runner's limit.
            RunnerUnavailableError: If too many messages wait: the runner is down or does not read.
            pykka.ActorDeadError: If the runner is down for good and nobody waits for an answer,
                or if this process was forked from the runner's parent: it has the same channel,
                and would take the answers of the other.
        """
        self._home.check()
        message = envelope.message
        if isinstance(message, ActorStop):
            # At once: what the same sender says next comes after the stop.
            if self._is_in_the_way():
                self._call_soon(functools.partial(self.put, envelope))
                return
            self.hold()
            self._on_stop(envelope.reply_to)
            return
        payload = pack(message, self._what)
        size = len(payload[0]) if len(payload) == 1 else sum(map(len, payload))
        if size > self._limit:
            raise FrameTooLargeError(size, self._limit)
        if self._is_in_the_way():
            self._call_soon(functools.partial(self._put_later, envelope, owned(payload)))
            return
        error = self._put(envelope, payload)
        if error is None:
            return
        if envelope.reply_to is None:
            raise error
        answer_with_error(envelope.reply_to, error)

    def _is_in_the_way(self) -> bool:
        """
        Return whether the caller is a signal's handler that has interrupted what sends.

        It must not wait for our lock: another thread may have that, and wait for the sender.
        """
        line = self._line
        return line is not None and line.occupied()

    def _put_later(self, envelope: Any, payload: tuple[Buffer, ...]) -> None:
        error = self._put(envelope, payload)
        if error is None:
            return
        if envelope.reply_to is None:
            logger.error("%s is lost, which a signal's handler has told: %s", self._what, error)
        else:
            answer_with_error(envelope.reply_to, error)

    def _put(self, envelope: Any, payload: tuple[Buffer, ...]) -> BaseException | None:
        """Send a message, or return why not."""
        borrowed = len(payload) > 1
        handed: list[tuple[Line | None, Task]] = []
        try:
            return self._hand_in(envelope, payload, handed, borrowed=borrowed)
        finally:
            # Without the lock: it takes as long as the runner reads.
            if borrowed and handed:
                self._release(*handed[0])

    @holds_others_up
    def _hand_in(
        self,
        envelope: Any,
        payload: tuple[Buffer, ...],
        handed: list[tuple[Line | None, Task]],
        *,
        borrowed: bool,
    ) -> BaseException | None:
        """Send a message, or return why not; note the task, and which way it goes, before that."""
        with self._lock:
            if self._closed is not None:
                return self._closed()
            reply_to = envelope.reply_to
            task_id = 0 if reply_to is None else self._next_id()
            task = Task(self, task_id, kind_of(envelope.message), payload, reply_to)
            handed.append((self._line, task))
            self._send(task, borrowed=borrowed)
        return None

    def get(self) -> Any:
        """Refuse: messages are taken in the runner's process."""
        raise TypeError("a runner's messages are taken in its own process")

    def empty(self) -> bool:
        """Return whether no message waits for the runner to come up."""
        return not self._waiting

    def forward(
        self, payload: tuple[Buffer, ...], make: Callable[[TaskTable, int], Task], *, answered: bool
    ) -> None:
        """
        Send another runner's message, pickled as it is.

        Args:
            payload: The pickled message.
            make: Makes the task, with this table and its id.
            answered: Whether somebody waits for an answer.

        Raises:
            FrameTooLargeError: If it exceeds the runner's limit.
            RunnerUnavailableError: If too many messages wait: the runner is down or does not read.
            pykka.ActorDeadError: If the runner is down for good.
        """
        size = sum(map(len, payload))
        if size > self._limit:
            raise FrameTooLargeError(size, self._limit)
        with self._lock:
            if self._closed is not None:
                raise self._closed()
            self._send(make(self, self._next_id() if answered else 0))
            # No asker of this process is going to receive the answer for himself.
            if self._line is not None and answered:
                self._line.attend()

    def _send(self, task: Task, *, borrowed: bool = False) -> None:
        try:
            line = self._line
            if line is not None and not self._holding and line.has_room(self._room):
                self._dispatch(line, task, borrowed=borrowed)
            else:
                self._keep(task)
        except BaseException:
            self._take_back(task)
            raise

    def _release(self, line: Line | None, task: Task) -> None:
        if line is None:
            return
        try:
            line.release()
        except BaseException:
            self._take_back(task)
            raise

    def _take_back(self, task: Task) -> None:
        """Cancel a task whose sender has no future, whatever was done when a handler raised."""
        self.cancel(task)
        if self._tasks.pop(task.id, None) is not None:
            self._frames.tell(Updated, task.id, task.given_up_as)

    def _keep(self, task: Task) -> None:
        if self._line is not None and not self._holding:
            raise RunnerUnavailableError(
                f"runner {self.runner_id!r} does not read, and too many messages wait for it"
            )
        if len(self._waiting) >= self._max_waiting:
            raise RunnerUnavailableError(
                f"runner {self.runner_id!r} is down and {self._max_waiting} messages wait for it "
                f"(RunnerSpec.max_waiting)"
            )
        # As it is now, whatever its sender does with it until the runner is up.
        task.payload = owned(task.payload)
        self._waiting.append(task)

    def _dispatch(self, line: Line, task: Task, *, borrowed: bool = False) -> None:
        payload, task.payload = task.payload, ()
        task.sent_at = task.owed_since = time.monotonic()
        if task.id:
            self._tasks[task.id] = task
        observed = self._wanted(RunnerStatusUpdated, TaskAcknowledged, Updated)
        line.post(new(Request, (task.id, observed)), payload, borrowed=borrowed)
        if len(self._tasks) > 1:
            line.attend()

    def attach(self, line: Line, on_cancel: Callable[[Task], object]) -> None:
        """
        Send what has waited, and what comes, to an incarnation that is up, unless held.

        Args:
            line: The way to it.
            on_cancel: Called, in any thread, when it was told that nobody waits for a task.
        """
        with self._lock:
            self._line = line
            self._on_cancel = on_cancel
            while self._waiting and not self._holding:
                self._dispatch(line, self._waiting.popleft())

    def detach(self, begun: int = 0) -> Detached:
        """
        Keep messages back from now on.

        Args:
            begun: Id of the last task that the runner has taken up.

        Returns:
            The tasks that were in flight, to be ended; not those that nobody waits for, which
            end here.
        """
        with self._lock:
            self._line = None
            tasks = self._in_flight()
            self._tasks.clear()
        for task in tasks:
            task.acknowledged = task.id <= begun
            if task.cancelled:
                self._frames.tell(Updated, task.id, task.given_up_as)
        return Detached(tuple(task for task in tasks if not task.cancelled))

    def expect(self) -> None:
        """Let messages go to the next incarnation that is attached, after `hold`."""
        with self._lock:
            self._holding = False

    def hold(self) -> None:
        """
        Keep new messages back for a later incarnation; the tasks in flight go on.

        One that comes up while it is being stopped gets none either.
        """
        with self._lock:
            self._holding = True

    def refuse(self, error: Callable[[], BaseException]) -> Detached:
        """
        Accept nothing new; the tasks in flight go on.

        Args:
            error: Makes the error that later messages are answered with.

        Returns:
            The tasks that were waiting, to be ended.
        """
        with self._lock:
            self._closed = error
            waiting = tuple(self._waiting)
            self._waiting.clear()
        return Detached(waiting)

    def fail(self, tasks: Iterable[Task], error: Callable[[], BaseException]) -> None:
        """End each task with an error of its own: raising one changes it (cpython gh-101267)."""
        for task in tasks:
            task.fail(error())
            if task.id:
                self._frames.tell(Updated, task.id, TaskStatus.FAILED)

    def reopen(self) -> None:
        """Accept messages again, after `refuse`."""
        with self._lock:
            self._closed = None

    def owed_since(self) -> float | None:
        """
        Return the monotonic time since when the runner owes something, `None` if it does not.

        It owes nothing for a stream whose reader has to take chunks first.
        """
        owed = (task.owed_since for task in self._in_flight() if not task.awaits_reader)
        return min(owed, default=None)

    def awaited(self) -> tuple[Task, ...]:
        """Return the tasks in flight for which somebody waits, the oldest first."""
        return tuple(task for task in self._in_flight() if not task.cancelled)

    def in_flight(self, task: Task) -> bool:
        """Return whether a task has been sent and not ended."""
        return task.id in self._tasks

    def _in_flight(self) -> tuple[Task, ...]:
        # At once, in C: answers take tasks out of the table without the lock.
        return tuple(self._tasks.values())

    # What askers and readers do, in their threads.

    def receive_until(self, task: Task, done: Callable[[], object], deadline: float | None) -> bool:
        """
        Receive in the caller's thread until something is so, or for a while.

        Returns:
            Whether the caller may sleep until he is told: somebody else receives, or nobody can.

        Raises:
            pykka.ActorDeadError: If this process was forked from the runner's parent.
        """
        self._home.check()
        line = self._line
        if line is None:
            return True
        # A stream is in flight itself; what was answered is not.
        others = self._tasks.__len__ if task.core is None else self._several
        return line.receive_until(done, deadline, others)

    def _several(self) -> bool:
        return len(self._tasks) > 1

    def attend(self, task: Task) -> None:
        """See to it that somebody receives, for a waiter who does not."""
        del task
        line = self._line
        if line is not None and not self._home.is_elsewhere:
            line.attend()

    @holds_others_up
    def cancel(self, task: Task) -> None:
        """Tell the runner that nobody waits for a task any more. Idempotent."""
        if self._home.is_elsewhere:
            return
        if self._is_in_the_way():
            self.abandon(task)
            return
        with self._lock:
            task.cancelled = True
            if self._line is not None and task.id in self._tasks:
                self._line.post(CancelTask(task.id))
                self._on_cancel(task)
            elif task in self._waiting:
                self._waiting.remove(task)
                self._frames.tell(Updated, task.id, task.given_up_as)

    def abandon(self, task: Task) -> None:
        """Do so soon, without taking a lock."""
        self._call_soon(lambda: self.cancel(task))

    @holds_others_up
    def grant(self, task: Task, amount: int) -> None:
        """Tell the runner that a stream's reader can take more."""
        if self._home.is_elsewhere:
            return
        if self._is_in_the_way():
            self._call_soon(functools.partial(self.grant, task, amount))
            return
        with self._lock:
            if self._line is not None and task.id in self._tasks:
                task.granted += amount
                task.owed_since = time.monotonic()
                self._line.post(Credit(task.id, amount))


def _ignore(_task: Task) -> None:
    """Nobody is to be told."""
