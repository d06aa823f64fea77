"""The user's objects as segments of a frame: a pickle and its out-of-band buffers."""

import pickle
from collections.abc import Sequence
from typing import Any, Final

from actors._framing import Buffer
from actors.errors import UnsendableError, WireError

_MAX_BUFFERS: Final = 250
"""A frame has at most 255 segments; further buffers travel inside the pickle."""
_SMALL: Final = 32 * 1024
"""Bytes below which a copy into the pickle is cheaper than a segment of its own."""


def pack(value: Any, what: str) -> tuple[Buffer, ...]:
    """
    Pickle a value (protocol 5).

    Args:
        value: What to send.
        what: What it is, for the error message.

    Raises:
        UnsendableError: If it cannot be pickled.
    """
    buffers: list[Buffer] = []

    def in_band(buffer: pickle.PickleBuffer) -> bool:
        try:
            raw = buffer.raw()
        except BufferError:  # not contiguous
            return True
        if raw.nbytes < _SMALL or len(buffers) >= _MAX_BUFFERS:
            return True
        buffers.append(raw)
        return False

    try:
        data = pickle.dumps(value, protocol=5, buffer_callback=in_band)
    except Exception as error:
        raise UnsendableError(what, value, error) from error
    return (data, *buffers)


def unpack(segments: Sequence[Buffer]) -> Any:
    """
    Rebuild a value.

    Raises:
        WireError: If it cannot be rebuilt in this process, with the reason as its cause.
    """
    try:
        return pickle.loads(segments[0], buffers=segments[1:])
    except Exception as error:
        raise WireError(
            "$.payload", f"cannot be rebuilt here: {type(error).__name__}: {error}"
        ) from error
