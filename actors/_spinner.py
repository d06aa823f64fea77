"""Staying awake for a moment before sleeping: what is waited for is often just about to come."""

import os
import sys
import time
from collections.abc import Callable
from typing import ClassVar, Final, TypeVar

from actors._spin import Spin

T = TypeVar("T")

_SPIN: Final = 100e-6
"""Seconds of looking. To be put to sleep and woken takes 20 to 50 microseconds on either side, and
the other side's part of a short message about 30."""


def processors() -> int:
    """Return on how many processors this process may run."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    else:  # noqa: RET505 - mypy takes it for unreachable otherwise
        return os.cpu_count() or 1


class Spinner:
    """
    Looks for a while whether something has come, where that pays.

    Two processes that talk to each other in turn would be put to sleep and woken for each message,
    which takes longer than the message itself. Of the threads of a process, one looks at a time,
    and it lets go of the interpreter and of the processor each time that it has looked.
    """

    _until: ClassVar[float] = 0.0
    """When the thread that looks is going to stop. A time and not a lock: a signal's handler that
    raises leaves nothing behind, and two that see it at once are only two that look."""

    def __init__(self) -> None:
        self._spin = Spin()
        self._several = processors() > 1

    def look(self, ready: Callable[[int], list[T]], timeout: float | None) -> list[T]:
        """
        Look, unless it does not pay or there is less time than that takes.

        Args:
            ready: Returns what has come, when called with 0.
            timeout: Seconds that may be waited; `None` if there is no limit.

        Returns:
            What has come; nothing if it is time to sleep.
        """
        if (
            not self._several
            or (timeout is not None and timeout <= _SPIN)
            or not self._spin.worthwhile()
        ):
            return []
        clock, let_others = time.perf_counter, os.sched_yield
        now = clock()
        if now < Spinner._until:
            return []
        Spinner._until = until = now + _SPIN
        while not (found := ready(0)) and clock() < until:
            let_others()
        Spinner._until = 0.0
        if found:
            self._spin.found()
        else:
            self._spin.missed()
        return found
