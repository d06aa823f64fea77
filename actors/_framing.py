"""
Frames as bytes.

A frame is a header, the lengths of its segments, and the segments::

    magic 2 | kind 1 | segments 1 | number 4 | task 8 | length 4 each | segment 0 | ...

The frames of a task are in the header: their kind, their task and one number. Any other is of
kind 0 and has itself, encoded (`actors.wire`), as segment 0. The segments that remain are the
user's payload: a pickle, then its out-of-band buffers (PEP 574), which are sent from where they
lie and received where they stay.
"""

import mmap
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias, cast

from actors._frames import (
    Acknowledged,
    CancelTask,
    Chunk,
    Compact,
    Credit,
    Encoded,
    Forward,
    FromRunner,
    Reply,
    Request,
    StreamClosed,
    StreamOpened,
    ToRunner,
    new,
)
from actors.errors import FrameTooLargeError, WireError
from actors.wire import decode, encode

Buffer: TypeAlias = bytes | bytearray | memoryview | mmap.mmap

_MAGIC: Final = b"r\x02"
"""The second byte is the version."""
_HEADER: Final = struct.Struct("!2sBBIQ")
_LENGTH: Final = struct.Struct("!I")
_SINGLE: Final = struct.Struct("!2sBBIQI")
"""A header with the one length that most frames have."""
_ENCODED: Final = 0
_MAX_HEAD: Final = 4 << 20
"""Bytes of a message of ours; the longest carries texts of an exception, which are shortened."""
_BUFFER: Final = 64 * 1024
"""Bytes asked for at once. A frame that does not fit is received in place."""
_ROOM: Final = 2 * 1024
"""Free bytes that there must be to receive into; a header and all its lengths take 1036."""
_MAX_SMALL: Final = _BUFFER // 2
"""Bytes of the longest frame that is received into the buffer if it does not come at once."""
_MAPPED: Final = 1 << 20
"""Bytes from which on fresh pages from the system beat memory that is zeroed first."""

_KINDS: Final[dict[type, int]] = {
    Request: 1,
    Credit: 2,
    CancelTask: 3,
    Acknowledged: 4,
    Reply: 5,
    StreamOpened: 6,
    Chunk: 7,
    StreamClosed: 8,
    Forward: 9,
}
_MAKERS: Final[dict[int, Callable[[int, int], Compact]]] = {
    1: lambda task, number: new(Request, (task, number != 0)),
    2: lambda task, number: new(Credit, (task, number)),
    3: lambda task, _: new(CancelTask, (task,)),
    4: lambda task, _: new(Acknowledged, (task,)),
    5: lambda task, _: new(Reply, (task,)),
    6: lambda task, _: new(StreamOpened, (task,)),
    7: lambda task, number: new(Chunk, (task, number)),
    8: lambda task, number: new(StreamClosed, (task, number != 0)),
    9: lambda task, number: new(Forward, (task, number)),
}
_MAX_NUMBER: Final = (1 << 32) - 1


class Frame(NamedTuple):
    """One message with the user's payload."""

    message: ToRunner | FromRunner
    payload: tuple[Buffer, ...] = ()


def frame_buffers(
    message: Compact | Encoded, payload: Sequence[Buffer], limit: int
) -> list[Buffer]:
    """
    Return the buffers of one frame, one if it is small.

    Args:
        message: What to say.
        payload: The user's segments, at most 254: byte strings, or views of bytes.
        limit: Bytes that the user's segments may have together.

    Raises:
        FrameTooLargeError: If the segments exceed the limit.
    """
    kind = _KINDS.get(type(message), _ENCODED)
    if kind != _ENCODED:
        task: int = message[0]  # type: ignore[index]
        # A sequence number starts again where the header's is at its end.
        number = message[1] & _MAX_NUMBER if len(message) > 1 else 0  # type: ignore[index,arg-type]
        if len(payload) == 1:
            (segment,) = payload
            size = len(segment)
            if size <= _BUFFER and size <= limit:
                return [_SINGLE.pack(_MAGIC, kind, 1, number, task, size) + segment]
        segments: Sequence[Buffer] = payload
    else:
        task = number = 0
        head = encode(cast("Encoded", message))
        if len(head) > _MAX_HEAD:
            raise FrameTooLargeError(len(head), _MAX_HEAD)
        segments = (head, *payload)
    sizes = [len(each) for each in segments]
    total = sum(sizes)
    user = total - sizes[0] if kind == _ENCODED else total
    if user > limit:
        raise FrameTooLargeError(user, limit)
    prefix = _HEADER.pack(_MAGIC, kind, len(sizes), number, task)
    for size in sizes:
        prefix += _LENGTH.pack(size)
    if total <= _BUFFER:
        return [b"".join((prefix, *segments))]
    return [prefix, *segments]


class _Large:
    """A frame that is received in place, as far as `filled` bytes of it (kept elsewhere)."""

    def __init__(self, kind: int, task: int, number: int, sizes: Sequence[int]) -> None:
        self.kind = kind
        self.task = task
        self.number = number
        self.size = sum(sizes)
        self.segments: list[bytearray | mmap.mmap] = [
            mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANON)
            if size >= _MAPPED
            else bytearray(size)
            for size in sizes
        ]

    def space(self, filled: int) -> memoryview:
        """Return where the next bytes go: the rest of one segment."""
        for segment in self.segments:
            if filled < len(segment):
                return memoryview(segment)[filled:]
            filled -= len(segment)
        raise IndexError("the frame is complete")

    def fill(self, data: memoryview) -> int:
        """Take its first bytes, which were received elsewhere. Return their number."""
        filled = 0
        while filled < len(data):
            space = self.space(filled)
            part = data[filled : filled + len(space)]
            space[: len(part)] = part
            filled += len(part)
        return filled


_Position: TypeAlias = tuple[memoryview, int, int, int, _Large | None, int]
"""
How far a reader is. Replaced as a whole, so that no interrupt can leave half of it.

The buffer; where in it the next frame begins and the received bytes end; how many receipts are
accounted for; a large frame, and how many bytes of it were received.
"""


class FrameReader:
    """
    Turn a stream of bytes into frames, without ever believing a length beyond the limit.

    The main thread may be interrupted anywhere by a signal's handler that raises, Ctrl-C for
    one. Nothing is lost then and nothing is read twice: the next `receive` goes on where this
    one was interrupted.

    Args:
        limit: Bytes that the user's segments of a frame may have together.
    """

    def __init__(self, limit: int) -> None:
        self.pending: deque[Frame] = deque()
        """Frames that are complete. Whoever has dealt with the first one removes it."""
        self.problem: WireError | None = None
        """What is wrong with the bytes after those frames; then they cannot be read on."""
        self._limit = limit
        self._position: _Position = (memoryview(bytearray(_BUFFER)), 0, 0, 0, None, 0)
        self._receipt: deque[tuple[int, int]] = deque([(0, 0)], maxlen=1)

    @property
    def partial(self) -> bool:
        """Whether the stream stands in the middle of a frame."""
        _, start, end, _, large, _ = self._position
        return large is not None or start != end

    def receive(self, recv_into: Callable[[memoryview], int]) -> bool:
        """
        Receive once, unless something is pending, and see which frames are complete.

        Args:
            recv_into: Receives into a buffer, and returns how many bytes, 0 at the end.

        Returns:
            Whether the stream goes on.
        """
        buffer, start, end, receipts, large, filled = self._position
        if self._receipt[0][1] == receipts:
            if self.pending or self.problem is not None:
                return True
            fresh = buffer[end:] if end else buffer
            space = fresh if large is None else large.space(filled)
            # One call of C: no handler can come between receiving bytes and noting how many.
            self._receipt.extend(zip(map(recv_into, (space,)), (receipts + 1,), strict=True))
        count, receipts = self._receipt[0]
        if not end and large is None and count > _SINGLE.size:
            # Most often: one frame of one segment, and nothing else.
            magic, kind, segments, number, task, size = _SINGLE.unpack_from(buffer)
            if (
                size == count - _SINGLE.size
                and segments == 1
                and kind in _MAKERS
                and magic == _MAGIC
                and size <= self._limit
            ):
                payload = (bytes(buffer[_SINGLE.size : count]),)
                self.pending = deque((new(Frame, (_MAKERS[kind](task, number), payload)),))
                self._position = (buffer, 0, 0, receipts, None, 0)
                return True
        frames: list[Frame] = []
        try:
            position = self._read(count, receipts, frames)
        except WireError as error:
            self.problem = error
            position = (buffer, start, end, receipts, large, filled)
        # The frames first: an interrupt between the two reads them again, from the same bytes.
        self.pending = deque(frames)
        self._position = position
        return count > 0

    def _read(self, count: int, receipts: int, frames: list[Frame]) -> _Position:
        buffer, start, end, _, large, filled = self._position
        if large is not None:
            filled += count
            if filled < large.size:
                return buffer, 0, 0, receipts, large, filled
            frames.append(_frame(large.kind, large.task, large.number, large.segments))
            return buffer, 0, 0, receipts, None, 0
        end += count
        while start < end:
            if end - start >= _SINGLE.size:
                # By far the most frames: one short segment, all there.
                magic, kind, segments, number, task, size = _SINGLE.unpack_from(buffer, start)
                body = start + _SINGLE.size
                if (
                    segments == 1
                    and body + size <= end
                    and size <= self._limit
                    and kind in _MAKERS
                    and magic == _MAGIC
                ):
                    start = body + size
                    payload = (bytes(buffer[body:start]),)
                    frames.append(new(Frame, (_MAKERS[kind](task, number), payload)))
                    continue
            taken = self._read_frame(buffer, start, end, frames)
            if isinstance(taken, _Large):
                body = start + _HEADER.size + len(taken.segments) * _LENGTH.size
                return buffer, 0, 0, receipts, taken, taken.fill(buffer[body:end])
            if taken == 0:
                break
            start += taken
        if start == end:
            return buffer, 0, 0, receipts, None, 0
        if end > _BUFFER - _ROOM or start + _MAX_SMALL > _BUFFER:
            # Into another buffer: until this is done, the bytes must stay where they are.
            moved = memoryview(bytearray(_BUFFER))
            moved[: end - start] = buffer[start:end]
            return moved, 0, end - start, receipts, None, 0
        return buffer, start, end, receipts, None, 0

    def _read_frame(
        self, buffer: memoryview, start: int, end: int, frames: list[Frame]
    ) -> int | _Large:
        """
        Read one frame.

        Returns:
            Its bytes, 0 if it is not complete, or itself if it must be received in place.
        """
        if end - start < _HEADER.size:
            if not _MAGIC.startswith(bytes(buffer[start : min(end, start + len(_MAGIC))])):
                raise _no_frame(buffer[start:end])
            return 0
        magic, kind, count, number, task = _HEADER.unpack_from(buffer, start)
        if magic != _MAGIC or (kind not in _MAKERS and (kind != _ENCODED or not count)):
            raise _no_frame(buffer[start : start + _HEADER.size])
        body: int = start + _HEADER.size + count * _LENGTH.size
        if body > end:
            return 0
        sizes = [size for (size,) in _LENGTH.iter_unpack(buffer[start + _HEADER.size : body])]
        total = sum(sizes)
        self._check_sizes(kind, sizes, total)
        if body + total > end:
            return 0 if total <= _MAX_SMALL - _ROOM else _Large(kind, task, number, sizes)
        segments: list[Buffer] = []
        for size in sizes:
            # A user's array that lies in its segment must be one that can be written to.
            make = bytearray if segments else bytes
            segments.append(make(buffer[body : body + size]))
            body += size
        frames.append(_frame(kind, task, number, segments))
        return body - start

    def _check_sizes(self, kind: int, sizes: list[int], total: int) -> None:
        head = sizes[0] if kind == _ENCODED else 0
        if head > _MAX_HEAD or total - head > self._limit:
            raise WireError(
                "channel", f"frame of {total} bytes exceeds the limit of {self._limit} bytes"
            )


def _no_frame(data: memoryview) -> WireError:
    return WireError("channel", f"no frame begins with {bytes(data)!r}")


def _frame(kind: int, task: int, number: int, segments: Sequence[Buffer]) -> Frame:
    if kind == _ENCODED:
        return Frame(decode(bytes(segments[0])), tuple(segments[1:]))  # type: ignore[arg-type]
    return Frame(_MAKERS[kind](task, number), tuple(segments))
