"""Bytes to lines: where lines end, how long they may get, what of them is shown."""

import re
from collections.abc import Iterator
from typing import Final, final

LINE_LIMIT: Final = 32 * 1024
"""How many bytes of one line are kept: half from its beginning, half from its end."""

# `re` and not RE2 because only `re` substitutes at C speed; no part of it can match
# in two ways (possessive, or bounded by a character it excludes).
_ESCAPES: Final = re.compile(
    rb"\x1b(?:\[[0-?]*+[ -/]*+[@-~]"  # CSI: colours, cursor movement
    rb"|\][^\x07\x1b\r\n]*+(?:\x07|\x1b\\)"  # OSC: titles, hyperlinks
    rb"|[()*+][0-9A-Za-z])"  # character sets
)
_CONTROLS: Final = bytes({*range(0x20), 0x7F} - set(b"\t\n\r"))
_UNSHOWABLE: Final = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)

CONTROL_CLASS: Final = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
"""The bytes that make `without_escapes` necessary, as a character class."""


def without_escapes(data: bytes) -> bytes:
    """Return `data` without terminal escapes and control characters; CR, LF and tab stay."""
    # Mostly there is none: looking for each takes half the time of going over all bytes.
    if not any(map(data.__contains__, _CONTROLS)):
        return data
    if b"\x1b" in data:
        data = _ESCAPES.sub(b"", data)
    return data.translate(None, _CONTROLS)


def decode(line: bytes) -> str:
    r"""
    Decode one line for people and parsers.

    Bytes that are no UTF-8 become `\xNN`; characters that could change how the
    rest of the text is shown (C1 controls, direction marks) are left out.
    """
    return _UNSHOWABLE.sub("", line.decode("utf-8", "backslashreplace"))


def last_states(data: bytes) -> bytes:
    """Return `data` with each line as a terminal leaves it after its carriage returns."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    if b"\r" not in data:
        return data
    return b"\n".join(map(_last_state, data.split(b"\n")))


def _last_state(line: bytes) -> bytes:
    return line.rstrip(b"\r").rpartition(b"\r")[2]


def shorten(text: str, limit: int) -> str:
    """Return `text` in at most about `limit` characters, its beginning and its end."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} ...[{len(text) - 2 * half} characters cut]... {text[-half:]}"


def first_terminator(data: bytes, start: int) -> int:
    """
    Return where the segment that begins at `start` ends: at the LF of a CR LF, or at the length.

    Args:
        data: The bytes.
        start: Where to begin.
    """
    newline = data.find(b"\n", start)
    newline = len(data) if newline < 0 else newline
    lone = data.find(b"\r", start, newline)
    return newline if lone < 0 or lone == newline - 1 else lone


@final
class LineSplitter:
    r"""
    Cut a stream of bytes into blocks of whole segments.

    A segment ends with `\n`, `\r\n` or a lone `\r`: a message behind the carriage
    return of a progress bar is a segment of its own. The segments, though not the
    blocks, are the same however the stream is chunked. A segment longer than the
    limit loses its middle, so that memory stays bounded without a newline.

    Args:
        limit: How many bytes of a segment are kept.
    """

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._half = limit // 2
        self._limit = 2 * self._half
        self._pending = bytearray()
        self._head = b""
        self._gone = 0
        self.cut_bytes = 0
        """How many bytes of overlong segments were left out so far."""

    @property
    def pending(self) -> bytes:
        """The unfinished segment at the end of the stream."""
        return self._joined(bytes(self._pending))[0]

    def feed(self, data: bytes) -> Iterator[bytes]:
        """
        Take the next bytes of the stream.

        Args:
            data: Any bytes, of any length.

        Yields:
            Blocks of whole segments, terminators included.
        """
        for start in range(0, len(data), 2 * self._limit):
            part = data[start : start + 2 * self._limit]
            if self._may_be_overlong(part):
                yield from self._slice(part[: self._limit])
                part = part[self._limit :]
            yield from self._slice(part)

    def flush(self) -> bytes:
        """End the unfinished segment and return it, terminated; empty if there is none."""
        block, cut = self._joined(bytes(self._pending))
        self.cut_bytes += cut
        self._pending.clear()
        self._head = b""
        return block + b"\n" if block else b""

    def _may_be_overlong(self, data: bytes) -> bool:
        """
        Return whether a segment other than the first, which may have begun earlier, can be it.

        Of data no longer than twice the limit, an overlong segment has the middle.
        """
        middle = self._limit
        if len(data) <= middle:
            return False
        start = data.rfind(b"\n", 0, middle) + 1
        start = data.rfind(b"\r", start, middle) + 1 or start
        return first_terminator(data, middle) - start > self._limit

    def _slice(self, data: bytes) -> Iterator[bytes]:
        if self._pending.endswith(b"\r") and not data.startswith(b"\n"):
            yield self._complete(b"", 0)
        newline = data.rfind(b"\n")
        # A CR in the last place may yet turn out to be half of a CR LF.
        end = max(newline, data.rfind(b"\r", newline + 1, -1)) + 1
        if end:
            yield self._complete(data, end)
        self._pending += data[end:]
        self._bound()

    def _complete(self, data: bytes, end: int) -> bytes:
        if not self._pending and not self._head:
            return data[:end]
        first = first_terminator(data, 0)
        self._pending += data[:first]
        segment = bytes(self._pending)
        body = segment.rstrip(b"\r")
        terminator = segment[len(body) :]
        joined, cut = self._joined(body)
        self.cut_bytes += cut
        self._pending.clear()
        self._head = b""
        return b"".join((joined, terminator, memoryview(data)[first:end]))

    def _bound(self) -> None:
        if not self._head and len(self._pending) > self._limit:
            self._head = bytes(self._pending[: self._half])
            del self._pending[: self._half]
            self._gone = 0
        if self._head and len(self._pending) > 2 * self._limit:
            surplus = len(self._pending) - self._limit
            self._gone += surplus
            del self._pending[:surplus]

    def _joined(self, rest: bytes) -> tuple[bytes, int]:
        if not self._head:
            if len(rest) <= self._limit:
                return rest, 0
            head, rest, gone = rest[: self._half], rest[self._half :], 0
        else:
            head, gone = self._head, self._gone
        cut = gone + max(0, len(rest) - self._half)
        if not cut:
            return head + rest, 0
        return head + b" ...[%d bytes cut]... " % cut + rest[-self._half :], cut
