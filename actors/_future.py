"""The future that a runner's asker gets."""

import sys
import time
from collections.abc import Iterator
from typing import Any, TypeVar

import pykka

from actors._pump import pump
from actors._sealed import Sealed
from actors._stream import Stream, StreamCore

T = TypeVar("T")


class RunnerFuture(pykka.ThreadingFuture[T]):
    """
    A `pykka.ThreadingFuture` that can also hold what came from another process.

    An answer is unpickled by whoever gets it, not by the thread that received it. An answer
    that is itself a future is followed.
    """

    _core: StreamCore | None = None

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

    def stream(self, iterator: Iterator[Any]) -> None:
        """Answer with a stream, and feed it in this thread until it ends."""
        self._core = StreamCore(grant=lambda _chunks: None, abandon=lambda: None)
        self.set(Stream(self._core))
        pump(iterator, _LocalOutlet(self._core))

    def set_exception(self, exc_info: Any = None) -> None:
        """Answer with an exception, or end the stream that was the answer with it."""
        if self._core is None:
            super().set_exception(exc_info)
        else:
            self._core.finish((exc_info or sys.exc_info())[1])


class _LocalOutlet:
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
