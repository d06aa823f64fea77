"""An exception as what makes it again in another process, whatever its constructor takes."""

import copyreg
from typing import Any, Final

_HEAP_TYPE: Final = 1 << 9
"""Py_TPFLAGS_HEAPTYPE: a class that is not part of the interpreter."""
_REDUCERS: Final = ("__reduce__", "__reduce_ex__")


def reduce_exception(error: BaseException) -> Any:
    """
    Return the parts of an exception as `__reduce__` does, or `NotImplemented` if it has its own.

    Exceptions of Python are made again by calling their class with their `args`. Where a class
    has a constructor that takes something else, that fails, or makes another text, or loses what
    is kept in slots. These are made again as they were, without their constructor.

    Args:
        error: An exception.
    """
    kind = type(error)
    if kind in copyreg.dispatch_table or any(
        name in vars(each) for each in kind.__mro__ if not _is_builtin(each) for name in _REDUCERS
    ):
        return NotImplemented
    reduced: Any = error.__reduce_ex__(5)
    make, args, *states = reduced
    if make is not kind:
        return NotImplemented
    # In its `__dict__`, or there and in slots.
    own: Any = object.__getstate__(error)
    states += own if isinstance(own, tuple) else [own]
    attributes = {name: value for state in states if state for name, value in state.items()}
    if not isinstance(error, BaseExceptionGroup):
        return _again, (kind, *args), attributes, None, None, _fill
    # A class may have attributes of its own by these names.
    message: Any = BaseExceptionGroup.message
    exceptions: Any = BaseExceptionGroup.exceptions
    parts = message.__get__(error), exceptions.__get__(error)
    return _group_again, (kind, *parts, *args), attributes, None, None, _fill


def _is_builtin(kind: type) -> bool:
    return not kind.__flags__ & _HEAP_TYPE


def _again(kind: type[BaseException], *args: Any) -> BaseException:
    """Return an exception without attributes; called by pickles."""
    base = _base(kind)
    error: BaseException = base.__new__(kind, *args)
    base.__init__(error, *args)
    return error


def _group_again(
    kind: type[BaseExceptionGroup[Any]], message: str, exceptions: Any, *args: Any
) -> BaseExceptionGroup[Any]:
    """Return a group without attributes, whose `args` need not be what it is made of."""
    base = _base(kind)
    error: BaseExceptionGroup[Any] = base.__new__(kind, message, exceptions)
    base.__init__(error, *args)
    return error


def _base(kind: type[BaseException]) -> Any:
    """Return the class of Python's that decides how instances are laid out."""
    base: Any = kind
    while not _is_builtin(base):
        # Not the next one of the MRO: one of several bases decides that.
        base = base.__base__
    return base


def _fill(error: BaseException, attributes: dict[str, Any]) -> None:
    """Give an exception its attributes, one of a frozen class as well; called by pickles."""
    for name, value in attributes.items():
        object.__setattr__(error, name, value)
    own = any("__setstate__" in vars(each) for each in type(error).__mro__ if not _is_builtin(each))
    if attributes and own:
        error.__setstate__(attributes)
