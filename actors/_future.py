"""The future that a runner's asker gets."""

import sys
import time
from typing import Any, TypeVar

import pykka

from actors._sealed import Sealed
from actors._stream import Stream, StreamCore

T = TypeVar("T")


class RunnerFuture(pykka.ThreadingFuture[T]):
    """
    A `pykka.ThreadingFuture` that can also hold what came from another process.

    An answer is unpickled by whoever gets it, not by the thread that received it. An answer
    that is itself a future is followed.
    """

    def get(self, *, timeout: float | None = None) -> Any:
        """
        Return the answer.

        Args:
            timeout: Seconds to wait.

        Raises:
            pykka.Timeout: If there is no answer in time.
            RunnerFailedError: If the runner ended before it answered.
            Exception: What the handler raised.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        value = super().get(timeout=timeout)
        if isinstance(value, Sealed):
            return value.open()
        if isinstance(value, pykka.Future):
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            return value.get(timeout=left)
        return value

    def open_stream(self) -> "LocalOutlet":
        """Answer with a stream. Return the way to it, which does not hold it."""
        core = StreamCore(grant=lambda _chunks: None, abandon=lambda: None)
        self.set(Stream(core))
        return LocalOutlet(core)


class LocalOutlet:
    """Where a runner in a thread puts its chunks."""

    def __init__(self, core: StreamCore) -> None:
        self._core = core

    def wait_for_room(self) -> bool:
        return self._core.wait_for_room()

    def put(self, chunk: Any) -> None:
        self._core.push(chunk)

    def close(self, *, cancelled: bool) -> None:
        del cancelled
        self._core.finish()

    def set_exception(self, exc_info: Any = None) -> None:
        self._core.finish((exc_info or sys.exc_info())[1])
