"""A message to a runner with an event loop, which waits for room without blocking."""

from collections.abc import Callable
from typing import Any

from actors._incoming import Incoming


class ConcurrentIncoming(Incoming):
    """As `Incoming`, and tells when the reader has made room or nobody waits any more."""

    __slots__ = ("_changed",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._changed: Callable[[], object] | None = None

    def listen(self, changed: Callable[[], object]) -> None:
        """Have a call made, in whichever thread receives, at each change."""
        self._changed = changed

    def has_room(self) -> bool:
        """Return whether the reader can take a chunk."""
        return self._room > 0

    def grant(self, amount: int) -> None:
        """Take note that the reader can take more chunks."""
        super().grant(amount)
        if self._changed is not None:
            self._changed()

    def cancel(self) -> None:
        """Take note that nobody waits any more."""
        super().cancel()
        if self._changed is not None:
            self._changed()
