"""Whether it pays to look again and again before sleeping: adaptive spinning."""

from typing import Final

_MOST: Final = 15
"""Waits without spinning between two attempts, when none succeeds. An attempt takes no longer than
a short message does (see `actors._spinner`), so a slow conversation costs 6 % more at most."""


class Spin:
    """
    Decides, from what came of it the last times.

    It spins as long as that finds something. After each time that it did not, it sleeps at once
    for twice as many waits as before, up to a limit, and then tries again.
    """

    def __init__(self) -> None:
        self._skip = 0
        """Waits that are still to come without spinning."""
        self._next = 1
        """How many there are after the next failure."""

    def worthwhile(self) -> bool:
        """Return whether to spin in this wait; call it once for each."""
        if self._skip:
            self._skip -= 1
            return False
        return True

    def found(self) -> None:
        """Take note that spinning has found something."""
        self._next = 1

    def missed(self) -> None:
        """Take note that it has not."""
        self._skip = self._next
        self._next = min(2 * self._next + 1, _MOST)
