"""Whether what a runner's class declares, its hooks and its answers suit each other."""

import inspect
from collections.abc import Iterator
from io import IOBase
from types import AsyncGeneratorType, CoroutineType
from typing import Any, Final

from actors.errors import NotConcurrentError

_RUNNING: Final[tuple[type[Any], ...]] = (Iterator, CoroutineType, AsyncGeneratorType)

_HOOKS: Final = ("on_start", "connect", "load", "warm_up", "on_failure", "on_stop")


_FLAGS: Final = ("concurrent", "let_it_crash")


def is_running(response: Any) -> bool:
    """
    Return whether a handler's answer is still to be run.

    A file iterates over its lines, and is none the less a value: an `io.BytesIO`, say.
    """
    return isinstance(response, _RUNNING) and not isinstance(response, IOBase)


def check_flags(runner: Any) -> None:
    """
    Refuse a runner that has something else by the name of a declaration, such as a number.

    Raises:
        TypeError: If it is neither `True` nor `False`.
    """
    for name in _FLAGS:
        value = getattr(runner, name)
        if not isinstance(value, bool):
            kind = type(runner).__qualname__
            raise TypeError(f"{kind}.{name} says how a runner lives: True or False, not {value!r}")


def check_answer(response: Any) -> None:
    """
    Refuse a handler's answer that needs an event loop.

    Raises:
        NotConcurrentError: If it is a coroutine, which is closed, or an asynchronous generator.
    """
    if isinstance(response, CoroutineType):
        response.close()
        raise NotConcurrentError(f"the handler returned the coroutine {response.__qualname__}()")
    if isinstance(response, AsyncGeneratorType):
        raise NotConcurrentError(
            f"the handler returned the asynchronous generator {response.__qualname__}()"
        )


def check_hooks(runner: Any) -> None:
    """
    Refuse a runner whose hooks need an event loop.

    Raises:
        NotConcurrentError: If one is a coroutine function, or an asynchronous generator function.
    """
    for name in _HOOKS:
        hook = getattr(runner, name)
        if inspect.iscoroutinefunction(hook) or inspect.isasyncgenfunction(hook):
            raise NotConcurrentError(f"{type(runner).__qualname__}.{name} is asynchronous")
