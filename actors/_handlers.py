"""Where a signal's handler that waits would wait for what it has interrupted."""

import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, Final, TypeVar

from actors.errors import WaitInSignalHandlerError

F = TypeVar("F", bound=Callable[..., Any])

MAIN: Final = threading.main_thread().ident
"""The thread that handlers interrupt. In a fork, where it may be another, nobody asks or waits."""

_holding: Final[set[CodeType]] = set()


def holds_others_up(function: F) -> F:
    """Mark a function that has what other threads need, so that a handler in it must not wait."""
    _holding.add(function.__code__)
    return function


def check_wait() -> None:
    """
    Make sure that a wait does not hold up whoever would end it; called by who is about to sleep.

    Raises:
        WaitInSignalHandlerError: If a handler waits that has interrupted a marked function.
    """
    if threading.get_ident() != MAIN:
        return
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - documented, for such as this
    while frame is not None:
        if frame.f_code in _holding:
            raise WaitInSignalHandlerError
        frame = frame.f_back
