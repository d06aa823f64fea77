"""Where a signal's handler that waits would wait for what it has interrupted."""

import os
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, Final, TypeVar

from actors.errors import WaitInSignalHandlerError

F = TypeVar("F", bound=Callable[..., Any])

_main = threading.main_thread().ident
"""The thread that handlers interrupt."""

_holding: Final[dict[CodeType, str | None]] = {}
"""The marked functions, and the lock that one of them may let go of meanwhile."""


def in_main_thread() -> bool:
    """Return whether the caller's thread is the one that handlers interrupt."""
    return threading.get_ident() == _main


def holds_others_up(function: F) -> F:
    """Mark a function that has what other threads need, so that a handler in it must not wait."""
    _holding[function.__code__] = None
    return function


def holds_others_up_with(lock: str) -> Callable[[F], F]:
    """
    Mark a method for which that is so as long as its thread has a lock.

    Args:
        lock: Name of the object's `threading.RLock`.
    """

    def mark(function: F) -> F:
        _holding[function.__code__] = lock
        return function

    return mark


def check_wait() -> None:
    """
    Make sure that a wait does not hold up whoever would end it; called by who is about to wait.

    Raises:
        WaitInSignalHandlerError: If a handler waits that has interrupted a marked function.
    """
    if threading.get_ident() != _main:
        return
    # Not the caller's own frame.
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - documented, for such as this
    while frame is not None:
        code = frame.f_code
        if code in _holding and _has(frame, _holding[code]):
            raise WaitInSignalHandlerError
        frame = frame.f_back


def _has(frame: FrameType, lock: str | None) -> bool:
    """Return whether a marked function that was interrupted has what others need."""
    return lock is None or getattr(frame.f_locals["self"], lock)._is_owned()  # noqa: SLF001 - as conditions ask


def _forked() -> None:
    global _main  # noqa: PLW0603 - there is one main thread
    _main = threading.get_ident()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
