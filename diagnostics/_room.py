"""How much memory a text of several lines may take while it is read."""

import sys
from typing import Final, final

from diagnostics._lines import shorten

_NAME: Final = 300  # characters; longer paths and names exist, but not in stacks that people read
_FRAME: Final = 96  # bytes of one call without its names: the object, its number, its place


@final
class Room:
    """
    Counts what is kept, and keeps the names of files and functions once each.

    Args:
        size: How many bytes there are.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size
        self._names: dict[str, str] = {}

    @property
    def full(self) -> bool:
        """Whether more was kept than there is room for."""
        return self._left < 0

    def clear(self) -> None:
        """Begin anew; what was kept is not kept any more."""
        self._left = self._size
        self._names.clear()

    def name(self, name: str) -> str:
        """Return a name to be kept in place of this one, shortened and each the same object."""
        name = shorten(name, _NAME)
        known = self._names.get(name)
        if known is not None:
            return known
        if not self.full:
            self._left -= sys.getsizeof(name)
            self._names[name] = name
        return name

    def text(self, text: str) -> str:
        """Return a text to be kept in place of this one; shortened when there is no room left."""
        text = shorten(text, _NAME) if self.full else text
        self._left -= sys.getsizeof(text)
        return text

    def frame(self) -> None:
        """Count one call."""
        self._left -= _FRAME
