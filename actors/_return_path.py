"""The way of an answer back to the runner that has asked another actor."""

from collections.abc import Callable
from typing import Any, Protocol

from actors._frames import (
    Answer,
    Chunk,
    Reply,
    ReplyError,
    StreamClosed,
    StreamOpened,
)
from actors._framing import Buffer
from actors._payload import pack, pack_exception
from actors.errors import FrameTooLargeError
from actors.termination import RunnerTerminationError


class AnswerLine(Protocol):
    """The way to the runner that has asked. May be used from any thread."""

    def post(
        self, message: Answer, payload: tuple[Buffer, ...] = (), *, borrowed: bool = False
    ) -> None:
        """Send a frame without blocking; if it is `borrowed`, a `release` has to follow."""

    def release(self) -> None:
        """Let the sender of what was posted change what was in it, from now on."""


class Undertaking(Protocol):
    """What the actor that was asked is doing about it."""

    def cancel(self) -> object:
        """Nobody waits for the answer any more."""

    def grant(self, amount: int) -> None:
        """The reader of the stream can take more."""


class ReturnPath:
    """
    Where the answer to one forwarded message goes, in whichever thread it is given.

    Args:
        task_id: The asker's number for it.
        whom: Who was asked, for people.
        line: The way to the asker.
        forget: Called with the number when the answer has been given.
    """

    def __init__(
        self, task_id: int, whom: str, line: AnswerLine, forget: Callable[[int], object]
    ) -> None:
        self.whom = whom
        self.undertaking: Undertaking | None = None
        self.closed = False
        """Whether the answer was given, or is not wanted any more."""
        self._task_id = task_id
        self._line = line
        self._forget = forget

    def answer(self, payload: tuple[Buffer, ...], error: RunnerTerminationError | None) -> None:
        """Pass on an answer, or an exception, as it came from another runner."""
        if error is None:
            self._send(Reply(self._task_id), payload)
        else:
            self._send(ReplyError(self._task_id, error), payload)
        self._end()

    def reply(self, value: Any) -> None:
        """
        Answer with a value of this process.

        Raises:
            UnsendableError: If it cannot be pickled.
        """
        self.answer(pack(value, "the answer"), None)

    def fail(self, error: BaseException) -> None:
        """Answer with an exception of this process."""
        self.answer(pack_exception(error), RunnerTerminationError.from_exception(error))

    def open_stream(self) -> None:
        """Answer with a stream."""
        self._send(StreamOpened(self._task_id))

    def chunk(self, sequence: int, payload: tuple[Buffer, ...]) -> None:
        """Pass on a piece of the stream."""
        self._send(Chunk(self._task_id, sequence), payload)

    def close(self, *, cancelled: bool) -> None:
        """End the stream."""
        self._send(StreamClosed(self._task_id, cancelled))
        self._end()

    # What the asker says.

    def cancel(self) -> None:
        """Nobody waits for the answer any more: give none, and tell whoever was asked."""
        self._end()
        if self.undertaking is not None:
            self.undertaking.cancel()

    def grant(self, amount: int) -> None:
        """The reader can take more chunks."""
        if self.undertaking is not None:
            self.undertaking.grant(amount)

    def _send(self, message: Answer, payload: tuple[Buffer, ...] = ()) -> None:
        if self.closed:
            return
        try:
            # A value of this process, and not what another runner has sent, which is nobody's.
            borrowed = any(isinstance(segment, memoryview) for segment in payload)
            self._line.post(message, payload, borrowed=borrowed)
            if borrowed:
                self._line.release()
        except FrameTooLargeError as error:
            # What was asked may be able to send more than the asker can receive.
            described = RunnerTerminationError.from_exception(error)
            self._line.post(ReplyError(self._task_id, described), pack_exception(error))
            self.cancel()

    def _end(self) -> None:
        self.closed = True
        self._forget(self._task_id)
