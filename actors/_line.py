"""The way from the parent to one incarnation of a runner, as those see it who send."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol

from actors._frames import ToRunner
from actors._framing import Buffer


class Line(Protocol):
    """The way to an incarnation: its port's reception. May be used from any thread."""

    def post(
        self, message: ToRunner, payload: tuple[Buffer, ...] = (), *, borrowed: bool = False
    ) -> None:
        """Send a frame without blocking; if it is `borrowed`, a `release` has to follow."""

    def release(self) -> None:
        """Let the sender of what was posted change what was in it, from now on."""

    @abstractmethod
    def has_room(self, limit: int) -> bool:
        """Return whether no more than so many bytes wait for the runner to read."""

    @abstractmethod
    def occupied(self) -> bool:
        """Return whether the caller has interrupted what sends to it, in the same thread."""

    def attend(self) -> None:
        """See to it that answers are received though nobody may be receiving for himself."""

    @abstractmethod
    def receive_until(
        self,
        done: Callable[[], object],
        deadline: float | None,
        others: Callable[[], object],
    ) -> bool:
        """
        Receive in the caller's thread until something is so, or for a while.

        Returns:
            Whether the caller may sleep until he is told: somebody else receives.
        """
