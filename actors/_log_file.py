"""A runner's output on disk, bounded, and never in the way."""

import logging
import os
from pathlib import Path
from typing import Final
from urllib.parse import quote

logger: Final = logging.getLogger("actors")

MAX_BYTES: Final = 16 << 20
"""Size at which a file is rotated. One earlier file is kept, as `NAME.1`."""


class LogFile:
    """
    Appends what it is given, as it is.

    An error (disk full, folder gone) is logged once, and the file is left alone from then on:
    what a runner prints must never be able to take its supervisor down.

    Args:
        folder: Where the file lies; it is made if it is missing.
        runner_id: Id of the runner; characters that a file name cannot have are quoted.
        stream: `stdout` or `stderr`.
        max_bytes: Size at which the file is rotated.
    """

    def __init__(
        self, folder: Path, runner_id: str, stream: str, *, max_bytes: int = MAX_BYTES
    ) -> None:
        self.path = folder / f"{quote(runner_id, safe=' @+=,()[]')}.{stream}.log"
        self._max_bytes = max_bytes
        self._fd: int | None = None
        self._size = 0
        self._broken = False

    def write(self, data: bytes) -> None:
        """Append bytes, unless writing has failed before."""
        if self._broken:
            return
        try:
            if self._fd is not None and self._size + len(data) > self._max_bytes:
                self.close()
                self.path.replace(f"{self.path}.1")
            if self._fd is None:
                self._open()
            self._append(data)
        except OSError as error:
            self._broken = True
            self.close()
            logger.error("%s is not written any more: %s", self.path, error)

    def close(self) -> None:
        """Give the descriptor back. A later write opens the file again."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Output may hold prompts and paths: for the owner only.
        self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._size = os.fstat(self._fd).st_size

    def _append(self, data: bytes) -> None:
        left = memoryview(data)
        while left and self._fd is not None:
            written = os.write(self._fd, left)
            self._size += written
            left = left[written:]
