"""A descriptor that becomes readable when a process ends, where the system has one."""

import os
import select
import sys
from typing import Final

CAN_LOOK: Final = hasattr(os, "waitid")
"""Whether `has_ended` works here; Python has no waitid(2) on macOS."""


def has_ended(pid: int) -> bool:
    """Return whether a child has ended, without reaping it, so that its id stays its own."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def open_exit_watch(pid: int) -> int | None:
    """
    Return a descriptor that polls readable once the process has ended, or `None`.

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

    def _open(pid: int) -> int | None:
        return os.pidfd_open(pid)

elif hasattr(select, "kqueue"):

    def _open(pid: int) -> int | None:
        queue = select.kqueue()
        try:
            event = select.kevent(
                pid,
                filter=select.KQ_FILTER_PROC,
                flags=select.KQ_EV_ADD | select.KQ_EV_ONESHOT,
                fflags=select.KQ_NOTE_EXIT,
            )
            queue.control([event], 0)
            # The object closes its descriptor when collected; the duplicate stays.
            return os.dup(queue.fileno())
        finally:
            queue.close()

else:

    def _open(pid: int) -> int | None:
        del pid
        return None
