"""Frames over a socketpair; the same class at both ends.

A frame is a header, the lengths of its segments, and the segments::

    magic 2 | version 1 | segments 1 | length 4 each | segment 0 | segment 1 | ...

Segment 0 is the message (`actors.wire`); the others are the user's payload: a pickle, then
its out-of-band buffers (PEP 574), which are sent from where they lie.
"""

import socket
import struct
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

from actors._frames import FromRunner, ToRunner
from actors.errors import FrameTooLargeError, WireError
from actors.wire import decode, encode

Buffer: TypeAlias = bytes | bytearray | memoryview

_MAGIC: Final = b"ra"
_VERSION: Final = 1
_HEADER: Final = struct.Struct("!2sBB")
_LENGTH: Final = 4
_SCRATCH: Final = 64 * 1024
"""Bytes asked for at once; larger segments are received in place."""
_MAX_HEAD: Final = 4 << 20
"""Bytes of a message of ours; the longest carries texts of an exception, which are shortened."""
_MAX_SEGMENTS: Final = 255
_MAX_BATCH: Final = 512
"""Buffers handed to one sendmsg(2), well below IOV_MAX (1024 on Linux and macOS)."""


class Frame(NamedTuple):
    """One message with the user's payload."""

    message: ToRunner | FromRunner
    payload: tuple[Buffer, ...] = ()


def frame_buffers(
    message: ToRunner | FromRunner, payload: Sequence[Buffer], limit: int
) -> list[Buffer]:
    """
    Return the buffers of one frame, ready for `sendmsg`.

    Args:
        message: What to say.
        payload: The user's segments, at most 254.
        limit: Bytes that the user's segments may have together.

    Raises:
        FrameTooLargeError: If the segments exceed the limit.
    """
    head = encode(message)
    sizes = [len(head), *(memoryview(part).nbytes for part in payload)]
    total = sum(sizes[1:])
    if total > limit:
        raise FrameTooLargeError(total, limit)
    if len(head) > _MAX_HEAD:
        raise FrameTooLargeError(len(head), _MAX_HEAD)
    count = len(sizes)
    prefix = _HEADER.pack(_MAGIC, _VERSION, count) + struct.pack(f"!{count}I", *sizes)
    if total + len(head) <= _SCRATCH:
        return [b"".join((prefix, head, *payload))]
    return [prefix + head, *payload]


class Taken(NamedTuple):
    """What one `Channel.take` has brought."""

    frames: list[Frame]
    closed: bool = False
    problem: WireError | None = None


class FrameReader:
    """
    Turn a stream of bytes into frames, without ever believing a length beyond the limit.

    Args:
        limit: Bytes that the user's segments of a frame may have together.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._scratch = memoryview(bytearray(_SCRATCH))
        self._small = bytearray()
        self._sizes: tuple[int, ...] = ()
        self._segments: list[bytearray] = []
        self._filled = 0

    @property
    def partial(self) -> bool:
        """Whether the stream stands in the middle of a frame."""
        return bool(self._small or self._sizes)

    def buffer(self) -> memoryview:
        """Return where the next bytes are to be received."""
        if self._segments and len(self._segments[-1]) - self._filled >= _SCRATCH:
            return memoryview(self._segments[-1])[self._filled :]
        return self._scratch

    def received(self, count: int, into: memoryview) -> Iterator[Frame]:
        """
        Take note of `count` bytes in the buffer that `buffer()` returned.

        Yields:
            Each frame that is now complete.

        Raises:
            WireError: If the bytes are no frame. The stream cannot be read on after that.
        """
        if into is not self._scratch:
            self._filled += count
        else:
            self._small += into[:count]
        while True:
            if not self._sizes and not self._take_header():
                return
            if not self._take_segments():
                return
            segments, self._segments, self._sizes = self._segments, [], ()
            yield Frame(decode(segments[0]), tuple(segments[1:]))  # type: ignore[arg-type]

    def _take_header(self) -> bool:
        small = self._small
        if small and not _MAGIC.startswith(small[: len(_MAGIC)]):
            raise WireError("channel", f"no frame begins with {bytes(small[:16])!r}")
        if len(small) < _HEADER.size:
            return False
        _magic, version, count = _HEADER.unpack_from(small)
        if version != _VERSION or count == 0:
            raise WireError("channel", f"frame of version {version} with {count} segments")
        size = _HEADER.size + count * _LENGTH
        if len(small) < size:
            return False
        sizes = struct.unpack_from(f"!{count}I", small, _HEADER.size)
        if sizes[0] > _MAX_HEAD or sum(sizes[1:]) > self._limit:
            raise WireError(
                "channel", f"frame of {sum(sizes)} bytes exceeds the limit of {self._limit} bytes"
            )
        del small[:size]
        self._sizes = sizes
        return True

    def _take_segments(self) -> bool:
        while True:
            if self._segments:
                segment = self._segments[-1]
                missing = len(segment) - self._filled
                if missing and self._small:
                    part = self._small[:missing]
                    segment[self._filled : self._filled + len(part)] = part
                    self._filled += len(part)
                    del self._small[: len(part)]
                if self._filled < len(segment):
                    return False
            if len(self._segments) == len(self._sizes):
                return True
            self._segments.append(bytearray(self._sizes[len(self._segments)]))
            self._filled = 0


class Channel:
    """
    One end of the socketpair between a runner and its port.

    The runner's end blocks (`send`, `frames`); the port's end never does (`post`, `flush`,
    `take`) and belongs to the reactor.

    Args:
        sock: A connected stream socket. The channel owns it.
        limit: Bytes that the user's segments of a frame may have together.
    """

    def __init__(self, sock: socket.socket, limit: int) -> None:
        self.limit = limit
        self._socket = sock
        self._reader = FrameReader(limit)
        self._lock = threading.Lock()
        self._outgoing: deque[memoryview] = deque()
        self._closed = False

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    @property
    def partial(self) -> bool:
        """Whether the other side has sent a part of a frame only."""
        return self._reader.partial

    def close(self) -> None:
        """Close the socket and drop what was not sent. Idempotent."""
        with self._lock:
            self._closed = True
            self._outgoing.clear()
            self._socket.close()

    def send(self, message: ToRunner | FromRunner, payload: Sequence[Buffer] = ()) -> None:
        """
        Send one frame and wait until the kernel has all of it.

        Raises:
            FrameTooLargeError: If it exceeds the limit; nothing was sent.
            OSError: If the other end is gone.
        """
        parts = frame_buffers(message, payload, self.limit)
        with self._lock:
            # What a signal's handler interrupts is completed by the next call.
            self._outgoing.extend(memoryview(part).cast("B") for part in parts if part)
            while self._outgoing:
                batch = [self._outgoing[n] for n in range(min(len(self._outgoing), _MAX_BATCH))]
                _advance(self._outgoing, self._socket.sendmsg(batch))

    def frames(self) -> Iterator[Frame]:
        """
        Yield each frame as it comes, until the other end closes.

        Raises:
            WireError: If the bytes are no frame.
            OSError: If the socket fails.
        """
        while True:
            buffer = self._reader.buffer()
            count = self._socket.recv_into(buffer)
            if count == 0:
                return
            yield from self._reader.received(count, buffer)

    def post(self, message: ToRunner | FromRunner, payload: Sequence[Buffer] = ()) -> bool:
        """
        Send one frame without blocking; what the kernel does not take now waits for `flush`.

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
            waiting = bool(self._outgoing)
            self._outgoing.extend(memoryview(part).cast("B") for part in parts if part)
            return True if waiting else self._send_some()

    def flush(self) -> bool:
        """Send what waits, as far as the kernel takes it. Return whether something still waits."""
        with self._lock:
            return not self._closed and self._send_some()

    def _send_some(self) -> bool:
        while self._outgoing:
            batch = [self._outgoing[n] for n in range(min(len(self._outgoing), _MAX_BATCH))]
            try:
                sent = self._socket.sendmsg(batch, (), socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                return True
            except OSError:
                # EPIPE or ECONNRESET: nobody reads any more. The exit is what gets reported.
                self._outgoing.clear()
                return False
            _advance(self._outgoing, sent)
        return False

    def take(self, budget: int) -> Taken:
        """
        Receive without blocking.

        Args:
            budget: Stop after about this many bytes, so that others get their turn.

        Returns:
            The frames that are complete, whether the other end has closed, and what is wrong
            with the bytes that follow the frames, after which nothing can be read any more.
        """
        frames: list[Frame] = []
        while budget > 0:
            buffer = self._reader.buffer()
            try:
                count = self._socket.recv_into(buffer, 0, socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                return Taken(frames)
            except OSError:
                # ECONNRESET: the other end closed with bytes of ours unread.
                return Taken(frames, closed=True)
            if count == 0:
                return Taken(frames, closed=True)
            budget -= count
            try:
                for frame in self._reader.received(count, buffer):
                    frames.append(frame)  # noqa: PERF402 - what came before the error counts
            except WireError as error:
                return Taken(frames, problem=error)
        return Taken(frames)


def _advance(views: deque[memoryview], sent: int) -> None:
    """Drop the first `sent` bytes."""
    while sent:
        first = views[0]
        if sent < first.nbytes:
            views[0] = first[sent:]
            return
        sent -= first.nbytes
        views.popleft()
