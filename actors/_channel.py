"""One end of the socketpair between a runner and its port; the same class at both ends."""

import enum
import functools
import itertools
import select
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from actors._frames import FromRunner, ToRunner
from actors._framing import Buffer, FrameReader, frame_buffers
from actors._handlers import holds_others_up

_MAX_BUFFERS: Final = 1_000_000
"""Buffers that may wait to be sent, where they are too small for their bytes to say much."""
_PAUSE: Final = 5
"""Milliseconds in which an end that reads has read something; one that does not is at work."""
_PIECE: Final = 4 << 20
"""Bytes that are copied at once, in a millisecond or two."""
_WAIT: Final = (0,)
_DO_NOT_WAIT: Final = (socket.MSG_DONTWAIT,)
"""Flags of send(2), as `map` takes them."""
_NO_REST: Final[list[Buffer]] = []
_MAX_BATCH: Final = 512
"""Buffers handed to one sendmsg(2), well below IOV_MAX (1024 on Linux and macOS)."""


class Receipt(enum.Enum):
    """How a `Channel.receive` went."""

    SOME = enum.auto()
    NOTHING = enum.auto()
    CLOSED = enum.auto()


class Channel:
    """
    Frames over a stream socket.

    The runner's end waits for the kernel when it sends; the port's end never does (`post`,
    `flush`). Receiving never waits: whoever wants to waits for the descriptor.

    Args:
        sock: A connected stream socket. The channel owns it.
        limit: Bytes that the user's segments of a frame may have together.
    """

    def __init__(self, sock: socket.socket, limit: int) -> None:
        self.limit = limit
        self._socket = sock
        self._send: Final = sock.send
        self.reader: Final = FrameReader(limit)
        """What was received: whoever has dealt with a pending frame removes it."""
        self._recv_into: Final = functools.partial(
            sock.recv_into, nbytes=0, flags=socket.MSG_DONTWAIT
        )
        # Re-entrant, for a signal's handler that sends: whatever it has interrupted, it completes
        # that first. So these two lists stay the same, and a batch is read as it is sent.
        self._lock = threading.RLock()
        self.occupied: Final[Callable[[], bool]] = self._lock._is_owned  # type: ignore[attr-defined]  # noqa: SLF001 - as conditions ask
        """Says whether the caller has interrupted what sends here, in the same thread."""
        self._left_behind = False
        """Whether such a caller has left something to be sent."""
        self._outgoing: Final[list[Buffer]] = []
        self._waiting = 0
        """Their bytes; 0 as long as they are not counted, and too few if a handler came between."""
        self._sent: Final[list[int]] = []
        """Bytes that the kernel has taken and that are still in `_outgoing`."""
        self._closed = False

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def has_room(self, limit: int) -> bool:
        """Return whether no more than so many bytes wait to be sent, and not too many frames."""
        return self._waiting <= limit and len(self._outgoing) <= _MAX_BUFFERS

    def close(self) -> None:
        """Close the socket and drop what was not sent. Idempotent."""
        with self._lock:
            self._closed = True
            self._drop()
            self._socket.close()

    @holds_others_up
    def send(self, message: ToRunner | FromRunner, payload: Sequence[Buffer] = ()) -> None:
        """
        Send one frame and wait until the kernel has all of it.

        In a signal's handler that has interrupted this, what it has interrupted sends it.

        Raises:
            FrameTooLargeError: If it exceeds the limit; nothing was sent.
            OSError: If the other end is gone.
        """
        parts = frame_buffers(message, payload, self.limit)
        if self.occupied():
            # Perhaps inside the system's call, which is repeated with the same bytes.
            self._outgoing.extend(_owned(parts))
            self._left_behind = True
            return
        with self._lock:
            # What a signal's handler interrupts is completed by the next call.
            self._outgoing.extend(parts)
            self._send_all()
        while self._left_behind:
            self._left_behind = False
            with self._lock:
                self._send_all()

    def post(self, message: ToRunner | FromRunner, payload: Sequence[Buffer] = ()) -> bool:
        """
        Send one frame without blocking; what the kernel does not take now waits for `flush`.

        What waits is still the sender's memory, until he calls `release`.

        Returns:
            Whether something waits. A channel that is closed or broken takes nothing: the
            runner is gone then, and its exit is on the way.

        Raises:
            FrameTooLargeError: If it exceeds the limit; nothing was sent.
        """
        parts = frame_buffers(message, payload, self.limit)
        with self._lock:
            if self._closed:
                return False
            self._outgoing.extend(parts)
            if self._waiting:
                self._waiting += sum(map(len, parts))
                return True
            return self._send_some()

    @holds_others_up
    def flush(self) -> bool:
        """Send what waits, as far as the kernel takes it. Return whether something still waits."""
        with self._lock:
            return not self._closed and self._send_some()

    def release(self) -> bool:
        """
        Give the sender of a frame his memory back: he may change what was in it.

        What waits is sent on as long as the other end reads, which takes no copy and no other
        thread. What is left then is copied. What others post meanwhile comes after it.

        Returns:
            Whether something waits.
        """
        try:
            self._send_what_is_borrowed()
        except ValueError:
            return False  # Closed: nothing waits.
        finally:
            self._own()
        return bool(self._outgoing)

    # A loop has a function of its own where something must be given back: CPython may call a
    # signal's handler where it jumps back, and does not count that as part of a `try` or `with`
    # around the loop.

    def _send_what_is_borrowed(self) -> None:
        poll = select.poll()
        while any(map(_is_borrowed, self._outgoing)):
            poll.register(self._socket, select.POLLOUT)
            if not poll.poll(_PAUSE):
                return
            self.flush()

    def _send_all(self) -> None:
        while self._outgoing:
            self._send_batch(_WAIT)

    def _send_some(self) -> bool:
        while self._outgoing:
            try:
                self._send_batch(_DO_NOT_WAIT)
            except (BlockingIOError, InterruptedError):
                if not self._waiting:
                    self._waiting = sum(map(len, self._outgoing))
                return True
            except OSError as error:
                if error.errno is None:
                    raise
                # EPIPE or ECONNRESET: nobody reads any more. The exit is what gets reported.
                self._drop()
        return False

    @holds_others_up
    def _own(self) -> None:
        with self._lock:
            self._own_all()

    def _own_all(self) -> None:
        parts = self._outgoing
        while any(map(_is_borrowed, parts)):
            before = parts[:]
            count = len(before)
            owned = _owned(before)
            # Nothing is called between them; what a handler has posted meanwhile stands behind.
            if parts[:count] == before:
                parts[:count] = owned

    def _drop(self) -> None:
        self._outgoing.clear()
        self._sent.clear()
        self._waiting = 0

    def _send_batch(self, flags: tuple[int]) -> None:
        """Send once, or account for what was sent when a handler came between."""
        parts, sent = self._outgoing, self._sent
        if not sent:
            # In one call of C each, which takes what is there when it is made.
            if len(parts) == 1:
                sent.extend(map(self._send, parts, flags))
            else:
                batch = itertools.islice(parts, _MAX_BATCH)
                sent.extend(map(self._socket.sendmsg, (batch,), ((),), flags))
        if not (sent and parts):
            # A handler that sent has accounted for it.
            sent[:] = ()
            return
        size, batched = sent[0], parts[:_MAX_BATCH]
        begun, rest = (1, _NO_REST) if size == len(batched[0]) else _after(batched, size)
        # Nothing is called between them: they happen at once.
        if sent:
            parts[:begun] = rest
            self._waiting = self._waiting - size if self._waiting > size else 0
            del sent[0]

    def receive(self) -> Receipt:
        """Receive what there is, once and without blocking, unless something is pending."""
        try:
            open_still = self.reader.receive(self._recv_into)
        except (BlockingIOError, InterruptedError):
            return Receipt.NOTHING
        except OSError as error:
            # A `TimeoutError` of a signal's handler is none of the system's.
            if error.errno is None:
                raise
            # ECONNRESET: the other end closed with bytes of ours unread.
            return Receipt.CLOSED
        return Receipt.SOME if open_still else Receipt.CLOSED


def _is_borrowed(part: Buffer) -> bool:
    """Return whether somebody else may change a buffer that waits."""
    return isinstance(part, memoryview) and type(part.obj) is not bytes


def _owned(parts: Iterable[Buffer]) -> list[Buffer]:
    """Return the same bytes in buffers that nobody else can change."""
    result: list[Buffer] = []
    for part in parts:
        if _is_borrowed(part):
            # In pieces, between which other threads get their turn.
            result += [bytes(part[at : at + _PIECE]) for at in range(0, len(part), _PIECE)]
        else:
            result.append(part)
    return result


def _after(parts: Sequence[Buffer], sent: int) -> tuple[int, list[Buffer]]:
    """Return how many buffers were begun when so many bytes were sent, and the rest of the last."""
    done = 0
    while done < len(parts) and sent >= len(parts[done]):
        sent -= len(parts[done])
        done += 1
    if not sent:
        return done, []
    return done + 1, [memoryview(parts[done])[sent:]]
