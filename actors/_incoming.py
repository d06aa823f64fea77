"""A message from the parent, in the runner's process: what it says and where its answer goes."""

import sys
from typing import Any, Protocol

from actors._channel import Channel
from actors._frames import Chunk, Reply, ReplyError, StreamClosed, StreamOpened, new
from actors._framing import Buffer
from actors._handing_on import give_up, hand_on, takes_time
from actors._mailbox import Mailbox
from actors._payload import pack, pack_exception, unpack
from actors._stream import WINDOW, price
from actors.errors import FrameTooLargeError
from actors.termination import RunnerTerminationError


class TaskHost(Protocol):
    """What a task needs of its process."""

    channel: Channel
    mailbox: Mailbox

    def forget(self, task_id: int) -> None:
        """Take note that a task is answered."""


class Incoming:
    """
    An envelope, and the part of `pykka.Future` and of a stream's outlet that a runner calls.

    Unpickled where it is handled: an error of the user's classes is one of the handler.

    Args:
        host: The process's side of the channel.
        task_id: Id of the task, 0 if nobody waits for an answer.
        segments: The pickled message.
        observed: Whether somebody wants to be told when it is taken up.
    """

    __slots__ = (
        "_followed",
        "_host",
        "_read",
        "_room",
        "_segments",
        "_sequence",
        "cancelled",
        "observed",
        "task_id",
    )

    def __init__(
        self,
        host: TaskHost,
        task_id: int,
        segments: tuple[Buffer, ...],
        observed: bool,  # noqa: FBT001 - made for every message; a keyword costs
    ) -> None:
        self._host = host
        self._segments = segments
        self._read: tuple[Any, ...] = ()
        self._followed: Any = None
        self._room = WINDOW
        self._sequence = 0
        self.task_id = task_id
        self.observed = observed
        self.cancelled = False

    @property
    def message(self) -> Any:
        """The message."""
        return self._read[0] if self._read else unpack(self._segments)

    def read(self) -> None:
        """
        Unpickle the message now.

        Raises:
            WireError: If it cannot be rebuilt in this process.
        """
        self._read = (unpack(self._segments),)

    @property
    def reply_to(self) -> "Incoming | None":
        """Where the answer goes, if somebody waits for it."""
        return self if self.task_id else None

    @property
    def handed_on(self) -> bool:
        """Whether somebody else is to give the answer."""
        return self._followed is not None

    def cancel(self) -> None:
        """Take note that nobody waits any more, nor for what is handed on."""
        self.cancelled = True
        give_up(self._followed)

    # The future.

    def set(self, value: Any = None) -> None:
        """Answer with a value, or later if it is a future."""
        if takes_time(value):
            self._followed = value
            hand_on(value, self)
            # It may have been cancelled before there was anything to give up.
            if self.cancelled:
                give_up(value)
        else:
            self.send(value)

    def send(self, value: Any) -> None:
        """Answer with a value, which is pickled here."""
        self._host.channel.send(new(Reply, (self.task_id,)), pack(value, "the answer"))
        self._host.forget(self.task_id)

    def set_exception(self, exc_info: Any = None) -> None:
        """Answer with an exception, in its own type if it can be rebuilt, else described."""
        error: Any = (exc_info or sys.exc_info())[1]
        reply = ReplyError(self.task_id, RunnerTerminationError.from_exception(error))
        try:
            self._host.channel.send(reply, pack_exception(error))
        except FrameTooLargeError:
            self._host.channel.send(reply)
        self._host.forget(self.task_id)

    def open_stream(self) -> "Incoming":
        """Answer with a stream. Return the way to it."""
        self._host.channel.send(StreamOpened(self.task_id))
        return self

    # The outlet.

    def grant(self, amount: int) -> None:
        """Take note that the reader can take more chunks."""
        self._room += amount

    def wait_for_room(self) -> bool:
        """Wait until the reader can take a chunk; return whether it still reads."""
        self._host.mailbox.glance()
        if self._room <= 0 and not self.cancelled:
            self._host.mailbox.wait_for(lambda: self._room > 0 or self.cancelled)
        return not self.cancelled

    def put(self, chunk: Any) -> None:
        """Send a chunk."""
        payload = pack(chunk, "the chunk")
        self._host.channel.send(Chunk(self.task_id, self._sequence), payload)
        self._sequence += 1
        # Nothing is called between reading and writing it, as another thread may grant some.
        cost = price(payload)
        self._room -= cost

    def close(self, *, cancelled: bool) -> None:
        """End the stream, or a task that nobody waits for any more."""
        self._host.channel.send(StreamClosed(self.task_id, cancelled))
        self._host.forget(self.task_id)
