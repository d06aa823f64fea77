"""The last lines of a stream, kept as bytes until somebody asks."""

from collections import deque
from typing import Final, final

from diagnostics._lines import decode, last_states, shorten

_SHOWN_LINE_LIMIT: Final = 2_000  # a longer line would push the others out of the view


@final
class Tail:
    """
    Keep the last part of a stream within fixed memory.

    Args:
        max_bytes: How many bytes are kept.
        max_lines: How many lines are shown.
    """

    def __init__(self, max_bytes: int, max_lines: int) -> None:
        self._max_bytes = max_bytes
        self._max_lines = max_lines
        self._blocks: deque[bytes] = deque()
        self._size = 0
        self._overwritable = b""

    def append(self, block: bytes) -> None:
        r"""
        Add whole segments.

        Args:
            block: The bytes; a segment that ends with a lone `\r` is replaced by what follows.
        """
        if self._overwritable or b"\r" in block:
            block = self._resolved(self._overwritable + block)
        if not block:
            return
        self._blocks.append(block)
        self._size += len(block)
        # One byte more than is shown tells whether the first line is whole.
        while self._size - len(self._blocks[0]) > self._max_bytes:
            self._size -= len(self._blocks.popleft())

    def lines(self, pending: bytes = b"") -> tuple[str, ...]:
        """
        Return the last lines as text, the oldest first.

        Args:
            pending: The unfinished segment at the end of the stream.
        """
        data = b"".join(self._blocks) + last_states(self._overwritable + pending)
        kept = data[-self._max_bytes :] if self._max_bytes else b""
        lines = kept.split(b"\n")
        if len(kept) < len(data) and data[-len(kept) - 1 : -len(kept)] != b"\n" and len(lines) > 1:
            del lines[0]  # its beginning is gone
        if not lines[-1]:
            del lines[-1]
        shown = lines[-self._max_lines :] if self._max_lines else []
        return tuple(shorten(decode(line), _SHOWN_LINE_LIMIT) for line in shown)

    def _resolved(self, data: bytes) -> bytes:
        whole = data.rfind(b"\n") + 1
        # Only the line in progress can still be overwritten; kept apart, a progress
        # bar of any length takes the room of one of its states.
        rest = last_states(data[whole:])
        self._overwritable = rest + b"\r" if rest else b""
        return last_states(data[:whole])
