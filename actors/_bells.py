"""Bells for those who wait in an event loop, rung by those who bring what is waited for."""

import contextlib
from collections.abc import Callable
from typing import Final


class Bells:
    """
    Calls to make, each once, when something has changed. False while there is none.

    It takes no lock, and may be used in any thread. What is waited for must be so before
    `ring`, and looked at after `hang`; then no ring is missed.
    """

    __slots__ = ("_hung",)

    def __init__(self) -> None:
        self._hung: Final[list[Callable[[], object]]] = []

    def __bool__(self) -> bool:
        return bool(self._hung)

    def hang(self, bell: Callable[[], object]) -> None:
        """Have a call made when something changes, in whichever thread that is."""
        self._hung.append(bell)

    def take_down(self, bell: Callable[[], object]) -> None:
        """Have it not made, if it was not yet."""
        with contextlib.suppress(ValueError):
            self._hung.remove(bell)

    def ring(self) -> None:
        """Make the calls that are wanted now."""
        for bell in tuple(self._hung):
            self.take_down(bell)
            bell()
