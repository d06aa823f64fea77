"""One message on its way to a runner: a task if somebody waits for the answer."""

import contextlib
import queue
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from pykka import messages

from actors._frames import StreamOpened
from actors._framing import Buffer
from actors._future import RunnerFuture
from actors._sealed import Sealed
from actors._stream import WINDOW, Stream, StreamCore
from actors.messages import LostTask, TaskStatus
from actors.termination import RunnerTerminationError

_PROXY_MESSAGES: Final = {messages.ProxyCall, messages.ProxyGetAttr, messages.ProxySetAttr}

Kind: TypeAlias = type | Sequence[str]
"""A message's class, or the path of the attribute that a proxy calls, reads or sets."""


class TaskTable(Protocol):
    """Where a task is while it is in flight."""

    @abstractmethod
    def receive_until(
        self, task: "Task", done: Callable[[], object], deadline: float | None
    ) -> bool:
        """
        Receive in the caller's thread until something is so, or for a while.

        Returns:
            Whether the caller may sleep until he is told: somebody else receives, or nobody can.
        """

    def attend(self, task: "Task") -> None:
        """See to it that somebody receives, for a waiter who does not."""

    def cancel(self, task: "Task") -> None:
        """Tell the runner that nobody waits any more."""

    def abandon(self, task: "Task") -> None:
        """Do so soon, without taking a lock: in a destructor."""

    def grant(self, task: "Task", amount: int) -> None:
        """Tell the runner that the reader can take more."""


class Task:
    """
    A message, and what is to be done with its answer.

    Every method that takes an answer may be called twice with the same one: a signal's handler
    may have interrupted the first call.

    Args:
        table: Where it is while it is in flight.
        task_id: Its id, 0 if nobody waits for an answer.
        kind: What the message is.
        payload: The pickled message.
        reply_to: The future of whoever waits.
    """

    __slots__ = (
        "acknowledged",
        "cancelled",
        "chunks",
        "core",
        "granted",
        "id",
        "kind",
        "opened_by",
        "opening",
        "overdue",
        "owed_since",
        "payload",
        "reply_to",
        "sent_at",
        "spent",
        "table",
    )

    reply_to: Any

    def __init__(
        self,
        table: TaskTable,
        task_id: int,
        kind: Kind,
        payload: tuple[Buffer, ...],
        reply_to: Any = None,
    ) -> None:
        self.table = table
        self.id = task_id
        self.kind = kind
        self.payload = payload
        self.reply_to = reply_to
        self.core: StreamCore | None = None
        self.acknowledged = False
        self.cancelled = False
        self.overdue = False
        self.chunks = 0
        self.granted = WINDOW
        self.spent = 0
        self.sent_at = self.owed_since = 0.0
        if isinstance(reply_to, RunnerFuture):
            reply_to.bond = self

    @property
    def lost(self) -> LostTask:
        """The task as a failure lists it."""
        return LostTask(self.id, self.name, self.acknowledged, self.chunks)

    @property
    def name(self) -> str:
        """What a failure calls the message: its class, or the attribute of a proxy."""
        return name_of(self.kind)

    @property
    def given_up_as(self) -> TaskStatus:
        """How it ends if nobody waits for its answer any more."""
        return TaskStatus.FAILED if self.overdue else TaskStatus.CANCELLED

    @property
    def streaming(self) -> bool:
        """Whether it is being answered with a stream."""
        return self.core is not None

    @property
    def awaits_reader(self) -> bool:
        """Whether its runner has sent all the chunks that the reader has had room for."""
        return self.streaming and self.spent >= self.granted

    # The bond of its future.

    def receive(self, done: Callable[[], object], deadline: float | None) -> bool:
        """Receive in the caller's thread until something is so, or for a while."""
        return self.table.receive_until(self, done, deadline)

    def attend(self) -> None:
        """See to it that somebody receives, for a waiter who does not."""
        self.table.attend(self)

    def cancel(self) -> None:
        """Nobody waits any more: the future was cancelled."""
        self.table.cancel(self)

    # What comes from the runner.

    def answer(self, payload: tuple[Buffer, ...], error: RunnerTerminationError | None) -> None:
        """
        End it with an answer, or with what its handler or its stream has raised.

        An answer to a task that is given up is dropped: whoever waited has an error, or is about
        to get one.
        """
        if self.cancelled:
            return
        sealed = Sealed(payload, error)
        if self.core is not None:
            self.core.finish(sealed)
            return
        try:
            self.reply_to.set(sealed)
        except queue.Full:
            # The asker, whose future it is, has set it, or this is the second time.
            return

    def open_stream(self, frame: StreamOpened) -> bool:
        """
        Answer with a stream.

        Args:
            frame: What says so, the same object if it is taken twice.

        Returns:
            Whether it is in turn: a task is answered with one stream only.
        """
        if self.core is None:
            core = StreamCore(
                grant=lambda amount: self.table.grant(self, amount),
                abandon=lambda: self.table.abandon(self),
                receive=self.receive,
                attend=self.attend,
            )
            streams: deque[Stream[Any]] = deque()
            self.opened_by, self.opening, self.core = frame, streams, core
        elif self.opened_by is not frame:
            return False
        if self.reply_to is not None:
            if not self.opening:
                # One call of C: a stream that an interrupt had dropped would cancel the task.
                self.opening.extend(map(Stream, (self.core,)))
            # Full: as above.
            with contextlib.suppress(queue.Full):
                self.reply_to.set(self.opening[0])
            self.reply_to = None
        # From here on only the asker holds the stream: if it is dropped, nobody reads.
        self.opening.clear()
        return True

    def push(self, sequence: int, payload: tuple[Buffer, ...], cost: int) -> None:
        """Take a chunk of its stream, which takes so much of the reader's credit."""
        if self.core is not None and not self.cancelled:
            self.core.push(Sealed(payload), sequence, cost)

    def close(self) -> None:
        """End its stream, or a task that was cancelled."""
        if self.core is not None and not self.cancelled:
            self.core.finish()

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


def kind_of(message: Any) -> Kind:
    """Return what tells a message's kind, without spelling it out for each."""
    kind = type(message)
    return message.attr_path if kind in _PROXY_MESSAGES else kind


def name_of(kind: Kind) -> str:
    """Return a kind as people read it."""
    if not isinstance(kind, type):
        return ".".join(kind)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"
