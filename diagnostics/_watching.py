"""A file that grows, read until somebody has seen enough."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_CHUNK: Final = 64 * 1024
_PAUSE: Final = 0.2


def growing(
    path: Path,
    *,
    idle: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[bytes]:
    """
    Read a file and what is appended to it.

    Args:
        path: The file. If it is replaced or cut short it is read anew from its beginning.
        idle: After how many seconds without anything new to end; `None`: never.
        clock: Tells the time.
        sleep: Waits.

    Yields:
        Chunks of what is new; an empty one each time that there is nothing.

    Raises:
        OSError: If the file cannot be read.
    """
    stream = path.open("rb")
    try:
        last = clock()
        while True:
            chunk = stream.read(_CHUNK)
            if chunk:
                last = clock()
                yield chunk
                continue
            if _is_another(path, stream.fileno(), stream.tell()):
                stream.close()
                stream = path.open("rb")
                continue
            yield b""
            if idle is not None and clock() - last >= idle:
                return
            sleep(_PAUSE)
    finally:
        stream.close()


def _is_another(path: Path, descriptor: int, position: int) -> bool:
    ours = os.fstat(descriptor)
    if ours.st_size < position:
        return True
    try:
        named = path.stat()
    except OSError:
        return False  # rotated away; the next one may come
    return (named.st_dev, named.st_ino) != (ours.st_dev, ours.st_ino)
