"""Move the chunks of an iterator to wherever its reader is."""

import logging
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, Final, Protocol

logger: Final = logging.getLogger("actors")


class Outlet(Protocol):
    """The way to a stream's reader."""

    @abstractmethod
    def wait_for_room(self) -> bool:
        """Wait until the reader can take a chunk; return whether it still reads."""

    def put(self, chunk: Any) -> None:
        """Send a chunk."""

    def close(self, *, cancelled: bool) -> None:
        """End the stream."""


def pump(iterator: Iterator[Any], outlet: Outlet) -> None:
    """
    Iterate in this thread until the end, a failure, or the reader's going away.

    Raises:
        BaseException: What the iterator raised; the stream is still open then.
    """
    while outlet.wait_for_room():
        try:
            chunk = next(iterator)
        except StopIteration:
            outlet.close(cancelled=False)
            return
        outlet.put(chunk)
    try:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
    except Exception:  # the user's code; nobody waits for what it raises here
        logger.exception("%r raised while it was being cancelled", iterator)
    outlet.close(cancelled=True)
