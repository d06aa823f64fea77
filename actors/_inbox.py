"""The parent's side of a runner's inbox: tasks out, answers in, over all incarnations."""

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from pykka import messages

from actors._channel import Buffer
from actors._frames import (
    Acknowledged,
    CancelTask,
    Chunk,
    Credit,
    FromRunner,
    Reply,
    ReplyError,
    Request,
    StreamClosed,
    StreamOpened,
    ToRunner,
)
from actors._payload import pack
from actors._sealed import Sealed
from actors._stream import Stream, StreamCore
from actors.errors import FrameTooLargeError, RunnerUnavailableError
from actors.messages import ChunkGenerated, LostTask, TaskAcknowledged, TaskStatus
from actors.messages import TaskStatusUpdated as Updated


class Post(Protocol):
    """Where frames to a runner go: its port."""

    def post(self, message: ToRunner, payload: tuple[Buffer, ...] = ()) -> None:
        """Send a frame without blocking. May be called from any thread."""


class Task:
    """One message on its way: a task if somebody waits for the answer."""

    __slots__ = ("acknowledged", "chunks", "core", "id", "kind", "payload", "reply_to", "sent_at")

    def __init__(self, task_id: int, kind: str, payload: tuple[Buffer, ...], reply_to: Any) -> None:
        self.id = task_id
        self.kind = kind
        self.payload = payload
        self.reply_to = reply_to
        self.core: StreamCore | None = None
        self.acknowledged = False
        self.chunks = 0
        self.sent_at = 0.0

    @property
    def lost(self) -> LostTask:
        """The task as a failure lists it."""
        return LostTask(self.id, self.kind, self.acknowledged, self.chunks)

    def answer(self, value: Sealed | Stream[Any]) -> None:
        """Give the asker its answer."""
        # Full: the asker, whose future it is, has set it; that must not stop the one who answers.
        with contextlib.suppress(queue.Full):
            self.reply_to.set(value)

    def fail(self, error: BaseException) -> None:
        """End the task with an error, for the asker or the stream's reader."""
        if self.core is not None:
            self.core.finish(error)
        elif self.reply_to is not None:
            with contextlib.suppress(queue.Full):
                self.reply_to.set_exception((type(error), error, None))


class Detached(NamedTuple):
    """What was under way when an incarnation ended."""

    tasks: tuple[Task, ...]

    @property
    def lost(self) -> tuple[LostTask, ...]:
        """The tasks as a failure lists them."""
        return tuple(task.lost for task in self.tasks)


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
    ) -> None:
        self._runner_id = runner_id
        self._limit = limit
        self._max_waiting = max_waiting
        self._on_stop = on_stop
        self._call_soon = call_soon
        self._publish = publish
        self._lock = threading.RLock()
        self._port: Post | None = None
        self._waiting: deque[Task] = deque()
        self._tasks: dict[int, Task] = {}
        self._last_id = 0
        self._holding = False
        self._closed: Callable[[], BaseException] | None = None

    def put(self, envelope: Any) -> None:
        """
        Send a message, in the caller's thread; called by `ActorRef.tell` and `ask`.

        Raises:
            UnsendableError: If the message cannot be pickled.
            FrameTooLargeError: If it exceeds the runner's limit.
            RunnerUnavailableError: If the runner is down and too many messages wait.
            pykka.ActorDeadError: If the runner is down for good and nobody waits for an answer.
        """
        if isinstance(envelope.message, messages._ActorStop):  # noqa: SLF001 - Pykka's own word
            self._on_stop(envelope.reply_to)
            return
        message, reply_to = envelope.message, envelope.reply_to
        payload = pack(message, f"message to {self._runner_id!r}")
        size = sum(memoryview(part).nbytes for part in payload)
        if size > self._limit:
            raise FrameTooLargeError(size, self._limit)
        kind = _kind(message)
        with self._lock:
            if self._closed is None:
                self._admit(kind, payload, reply_to)
                return
            error = self._closed()
        if reply_to is None:
            raise error
        reply_to.set_exception((type(error), error, None))

    def get(self) -> Any:
        """Refuse: messages are taken in the runner's process."""
        raise TypeError("a runner's messages are taken in its own process")

    def empty(self) -> bool:
        """Return whether no message waits for the runner to come up."""
        return not self._waiting

    def _admit(self, kind: str, payload: tuple[Buffer, ...], reply_to: Any) -> None:
        task_id = 0
        if reply_to is not None:
            self._last_id += 1
            task_id = self._last_id
        task = Task(task_id, kind, payload, reply_to)
        if self._port is not None and not self._holding:
            self._dispatch(self._port, task)
        elif len(self._waiting) >= self._max_waiting:
            raise RunnerUnavailableError(
                f"runner {self._runner_id!r} is down and {self._max_waiting} messages wait for it "
                f"(RunnerSpec.max_waiting)"
            )
        else:
            self._waiting.append(task)

    def _dispatch(self, port: Post, task: Task) -> None:
        payload, task.payload = task.payload, ()
        task.sent_at = time.monotonic()
        if task.id:
            self._tasks[task.id] = task
        port.post(Request(task.id), payload)

    def attach(self, port: Post) -> None:
        """Send what has waited, and what comes, to an incarnation that is up, unless held."""
        with self._lock:
            self._port = port
            while self._waiting and not self._holding:
                self._dispatch(port, self._waiting.popleft())

    def detach(self) -> Detached:
        """Keep messages back from now on. Return the tasks that were in flight, to be ended."""
        with self._lock:
            self._port = None
            tasks = tuple(self._tasks.values())
            self._tasks.clear()
        return Detached(tasks)

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

    def reopen(self) -> None:
        """Accept messages again, after `refuse`."""
        with self._lock:
            self._closed = None

    def in_flight_since(self) -> float | None:
        """Return the monotonic time since when a task has been in flight, or `None`."""
        with self._lock:
            return min((task.sent_at for task in self._tasks.values()), default=None)

    def received(self, message: FromRunner, payload: tuple[Buffer, ...]) -> bool:
        """Take a frame that concerns a task. Return whether it was one, and was in turn."""
        match message:
            case Chunk(task_id, sequence):
                self._chunk(task_id, sequence, payload)
            case Reply(task_id):
                self._end(task_id, TaskStatus.COMPLETE, Sealed(payload))
            case Acknowledged(task_id):
                self._acknowledged(task_id)
            case StreamOpened(task_id) if not self._streams(task_id, if_unknown=False):
                self._open_stream(task_id)
            case StreamClosed(task_id, cancelled) if self._streams(task_id, if_unknown=True):
                self._end(task_id, TaskStatus.CANCELLED if cancelled else TaskStatus.COMPLETE)
            case ReplyError(task_id, error):
                self._end(task_id, TaskStatus.FAILED, Sealed(payload, error))
            case _:
                return False
        return True

    def _streams(self, task_id: int, *, if_unknown: bool) -> bool:
        """Return whether a task is being answered with a stream."""
        task = self._tasks.get(task_id)
        return if_unknown if task is None else task.core is not None

    def _acknowledged(self, task_id: int) -> None:
        with self._lock:
            task = self._tasks.get(task_id)
            if task is None:
                return
            task.acknowledged = True
        self._publish(TaskAcknowledged(self._runner_id, task_id))
        self._publish(Updated(self._runner_id, task_id, TaskStatus.RUNNING))

    def _open_stream(self, task_id: int) -> None:
        with self._lock:
            task = self._tasks.get(task_id)
            if task is None:
                return
            task.core = StreamCore(
                grant=lambda chunks: self._say(Credit(task_id, chunks)),
                abandon=lambda: self._call_soon(lambda: self._say(CancelTask(task_id))),
            )
        task.answer(Stream(task.core))
        # From here on only the asker holds the stream: if it is dropped, nobody reads.
        task.reply_to = None

    def _say(self, message: Credit | CancelTask) -> None:
        with self._lock:
            if self._port is not None and message.task_id in self._tasks:
                self._port.post(message)

    def _chunk(self, task_id: int, sequence: int, payload: tuple[Buffer, ...]) -> None:
        task = self._tasks.get(task_id)
        if task is None or task.core is None:
            return
        task.chunks += 1
        task.core.push(Sealed(payload))
        self._publish(ChunkGenerated(self._runner_id, task_id, sequence))

    def _end(self, task_id: int, status: TaskStatus, answer: Sealed | None = None) -> None:
        with self._lock:
            task = self._tasks.pop(task_id, None)
        if task is None:
            return
        if task.core is not None:
            task.core.finish(answer)
        elif answer is not None:
            task.answer(answer)
        self._publish(Updated(self._runner_id, task_id, status))


def _kind(message: Any) -> str:
    """Return what a failure calls the message: its class, or the attribute of a proxy call."""
    if isinstance(message, messages.ProxyCall | messages.ProxyGetAttr | messages.ProxySetAttr):
        return ".".join(message.attr_path)
    kind = type(message)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else (f"{kind.__module__}.{kind.__qualname__}")
    )


def fail_all(tasks: Iterable[Task], error: Callable[[], BaseException]) -> None:
    """End each task with an error of its own: raising one changes it (cpython gh-101267)."""
    for task in tasks:
        task.fail(error())
