"""A descriptor that becomes readable when a process ends, where the system has one."""

import os
import select
import sys
from abc import abstractmethod
from typing import Final, Protocol

CAN_LOOK: Final = hasattr(os, "waitid")
"""Whether `has_ended` works here; Python has no waitid(2) on macOS."""


def has_ended(pid: int) -> bool:
    """Return whether a child has ended, without reaping it, so that its id stays its own."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


class ExitWatch(Protocol):
    """Polls readable once a process has ended. It owns a descriptor."""

    @abstractmethod
    def fileno(self) -> int:
        """Return the descriptor."""

    @abstractmethod
    def close(self) -> None:
        """Give the descriptor back."""


def open_exit_watch(pid: int) -> ExitWatch | None:
    """
    Return what polls readable once the process has ended, or `None`.

    Linux has `pidfd_open(2)` since 5.3. macOS and the BSDs have kqueue(2) with
    `EVFILT_PROC`/`NOTE_EXIT`, and a kqueue is itself a descriptor that can be polled.
    `None` means that the caller has to look by itself: an old kernel, a sandbox that forbids
    the call, no descriptor left.

    Args:
        pid: Id of a child that has not been waited for, so that the id is still its own.
    """
    try:
        return _open(pid)
    except OSError:
        return None


if sys.platform == "linux":

    def _open(pid: int) -> ExitWatch | None:
        # Unbuffered, and never read: only the owner of the descriptor.
        return os.fdopen(os.pidfd_open(pid), "rb", buffering=0)

elif hasattr(select, "kqueue"):

    def _open(pid: int) -> ExitWatch | None:
        queue = select.kqueue()
        event = select.kevent(
            pid,
            filter=select.KQ_FILTER_PROC,
            flags=select.KQ_EV_ADD | select.KQ_EV_ONESHOT,
            fflags=select.KQ_NOTE_EXIT,
        )
        try:
            queue.control([event], 0)
        except OSError:
            # ESRCH: it has ended already, which the caller sees by looking.
            queue.close()
            raise
        return queue

else:

    def _open(pid: int) -> ExitWatch | None:
        del pid
        return None
