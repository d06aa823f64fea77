"""The process that something belongs to, and no copy of it."""

import os
from typing import ClassVar

import pykka


class Home:
    """
    Knows whether this is the process that it was made in, or one that was forked from it.

    A fork has all the memory of the first process and the same descriptors: it would send with the
    numbers of the other, and take the other's answers.

    Args:
        problem: What to say to whoever tries, and what to do instead.
    """

    _forks: ClassVar[int] = 0
    """How often this process is a fork of the one that it began as."""

    def __init__(self, problem: str) -> None:
        self._problem = problem
        self._made_at = Home._forks

    @property
    def is_elsewhere(self) -> bool:
        """Whether this process was forked from it."""
        return Home._forks != self._made_at

    def check(self) -> None:
        """
        Refuse to go on elsewhere.

        Raises:
            pykka.ActorDeadError: If this process was forked from it.
        """
        if Home._forks != self._made_at:
            raise pykka.ActorDeadError(self._problem)

    @classmethod
    def forked(cls) -> None:
        """Take note that this process is a fork now."""
        cls._forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Home.forked)
