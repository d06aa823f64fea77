"""What a runner and its port note for each other without a message: a page of shared memory."""

import mmap
import os
import sys
import tempfile
from typing import Final

_SIZE: Final = mmap.PAGESIZE
_BEGUN: Final = 0
_BUSY: Final = 1
_AWAITED: Final = 2
_CANCELLATIONS: Final = 3


def open_ledger() -> tuple["Ledger", int]:
    """
    Return a new ledger and a descriptor of it for the other process, to be closed by the caller.

    Raises:
        OSError: If the system refuses.
    """
    if sys.platform == "linux":
        fd = os.memfd_create("runner-actors")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    try:
        os.ftruncate(fd, _SIZE)
        return Ledger(fd), fd
    except BaseException:
        os.close(fd)
        raise


class Ledger:
    """
    A few numbers that one side writes, without a system call, and the other reads at any time.

    A frame for each of the runner's could be lost with its process in the very case that matters,
    and would cost as much as the answer itself. The port's says when it is worth a system call to
    look for frames.

    Args:
        fd: Descriptor of the page, which is not needed afterwards.
    """

    def __init__(self, fd: int) -> None:
        # It keeps a duplicate of the descriptor until it is closed.
        self._page = mmap.mmap(fd, _SIZE)
        self._bytes = memoryview(self._page)
        self._numbers = self._bytes.cast("Q")
        self._last: tuple[int, bool, int] | None = None

    @property
    def begun(self) -> int:
        """Id of the last task that the runner has taken up; they come in the order of their ids."""
        return self._numbers[_BEGUN] if self._last is None else self._last[0]

    @property
    def busy(self) -> bool:
        """Whether the runner is handling a message."""
        return self._numbers[_BUSY] != 0 if self._last is None else self._last[1]

    @property
    def awaited(self) -> int:
        """Id of the runner's own task for whose answer its main thread waits, 0 if for none."""
        return self._numbers[_AWAITED] if self._last is None else self._last[2]

    @property
    def cancellations(self) -> int:
        """How many tasks the runner was told to give up, by frames sent before."""
        return self._numbers[_CANCELLATIONS]

    def close(self) -> None:
        """Give the page back, and remember what was in it. Idempotent."""
        if self._last is None:
            self._last = self.begun, self.busy, self.awaited
            self._numbers.release()
            self._bytes.release()
            self._page.close()

    def note_cancellation(self) -> None:
        """Note that the runner was told to give up one more task; one caller at a time."""
        self._numbers[_CANCELLATIONS] += 1

    def begin(self, task_id: int) -> None:
        """Note that the runner takes a message up; 0 if it is no task."""
        if task_id:
            self._numbers[_BEGUN] = task_id
        self._numbers[_BUSY] = 1

    def rest(self) -> None:
        """Note that no message is being handled."""
        self._numbers[_BUSY] = 0

    def await_answer(self, task_id: int) -> None:
        """Note for which task of the runner's own its main thread waits, 0 for none any more."""
        self._numbers[_AWAITED] = task_id
