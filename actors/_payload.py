"""The user's objects as segments of a frame: a pickle and its out-of-band buffers."""

import pickle
from collections.abc import Callable, Iterable, Sequence
from pickle import dumps
from typing import Any, Final

from pykka.messages import ProxyCall, ProxySetAttr

from actors import _by_value
from actors._framing import Buffer
from actors._main_module import hidden, look_again
from actors._unsendable import explain
from actors.errors import ActorsError, UnsendableError, WireError

_MAX_BUFFERS: Final = 250
"""A frame has at most 255 segments; further buffers travel inside the pickle."""
_SMALL: Final = 32 * 1024
"""Bytes below which a copy into the pickle is cheaper than a segment of its own."""
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
"""Types whose pickle has neither buffers nor names in it."""
_SPREAD: Final = frozenset({bytes, bytearray, ProxyCall, ProxySetAttr})
"""Types of which `_spread` makes something else."""

InBand = Callable[[pickle.PickleBuffer], bool]


def pack(value: Any, what: str) -> tuple[Buffer, ...]:
    """
    Pickle a value (protocol 5), with the definitions that the receiver cannot find by name.

    Args:
        value: What to send.
        what: What it is, for the error message.

    Raises:
        UnsendableError: If it cannot be pickled.
    """
    kind = type(value)
    if kind in _PLAIN:
        return (dumps(value, 5),)
    buffers: list[Buffer] = []
    try:
        data = dumps(
            _spread(value) if kind in _SPREAD else value,
            5,
            buffer_callback=lambda buffer: _in_band(buffer, buffers),
        )
    except (pickle.PicklingError, AttributeError, TypeError):
        return _pack_by_value(value, what, _by_value.dumps)
    except Exception as error:
        raise _unsendable(value, what, error) from error
    for module in hidden():
        # The pickle may refer to what its receiver does not find by name.
        if module in data:
            return _pack_by_value(value, what, _by_value.dumps)
    return (data, *buffers) if buffers else (data,)


def pack_for_start(value: Any, what: str) -> tuple[Buffer, ...]:
    """
    Pickle what a new process begins with; definitions sent by value as they are now.

    Args:
        value: What to send.
        what: What it is, for the error message.

    Raises:
        UnsendableError: If it cannot be pickled.
    """
    look_again()
    segments = _pack_by_value(value, what, _by_value.dumps_afresh)
    # They are sent again at each restart, whatever their owner has made of them by then.
    return owned(segments)


def pack_exception(error: BaseException) -> tuple[Buffer, ...]:
    """Pickle an exception if it comes back as what it was, else send none."""
    try:
        segments = _pack_by_value(error, "the exception", _by_value.dumps)
        if type(unpack(segments)) is type(error):
            return segments
    except ActorsError:
        pass
    return ()


def owned(segments: Iterable[Buffer]) -> tuple[Buffer, ...]:
    """Return segments as they are now: what lies in somebody else's memory is copied."""
    return tuple(bytes(each) if isinstance(each, memoryview) else each for each in segments)


class _Beside:
    """Bytes that travel beside the pickle, and arrive as what they were."""

    def __init__(self, data: bytes | bytearray) -> None:
        self._data = data

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self._data), (pickle.PickleBuffer(self._data),)


def _spread(value: Any) -> Any:
    """
    Return a value with its large bytes apart, which a pickle would copy into itself.

    Those only that are the value, an argument of a call or what an attribute is set to: to look
    into everything that is sent would take longer than to copy what is found.
    """
    kind = type(value)
    if kind is bytes or kind is bytearray:
        return _Beside(value) if len(value) >= _SMALL else value
    if kind is ProxyCall:
        kwargs = {name: _spread(each) for name, each in value.kwargs.items()}
        return ProxyCall(value.attr_path, tuple(map(_spread, value.args)), kwargs)
    if kind is ProxySetAttr:
        return ProxySetAttr(value.attr_path, _spread(value.value))
    return value


def _in_band(buffer: pickle.PickleBuffer, beside: list[Buffer]) -> bool:
    """Return whether a buffer travels inside the pickle; if not, add it to those beside it."""
    try:
        raw = buffer.raw()
    except BufferError:  # not contiguous
        return True
    if raw.nbytes < _SMALL or len(beside) >= _MAX_BUFFERS:
        return True
    beside.append(raw)
    return False


def _pack_by_value(
    value: Any, what: str, pickled: Callable[[Any, InBand], bytes]
) -> tuple[Buffer, ...]:
    buffers: list[Buffer] = []
    try:
        data = pickled(_spread(value), lambda buffer: _in_band(buffer, buffers))
    except Exception as error:
        raise _unsendable(value, what, error) from error
    return (data, *buffers) if buffers else (data,)


def _unsendable(value: Any, what: str, error: Exception) -> UnsendableError:
    return UnsendableError(what, value, explain(value, error, _by_value.attempt))


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
            "$.payload", f"cannot be rebuilt here: {type(error).__name__}: {error}{_hint(error)}"
        ) from error


def _hint(error: Exception) -> str:
    """Return what can be done about it, if what was sent by its name is not found."""
    if isinstance(error, ModuleNotFoundError):
        return (
            f" (module {error.name!r} can be imported by the sender and not here: install it, or "
            f"have its folder in sys.path, where this process runs)"
        )
    if isinstance(error, AttributeError) and " on <module " in str(error):
        return " (defined by the sender and not here, though under this name: see its module)"
    return ""
