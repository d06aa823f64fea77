"""The future of an answer that takes its time."""

import contextlib
import copyreg
import queue
import time
from typing import Any, TypeVar

import pykka

from actors._future import RunnerFuture, reduce_future

T = TypeVar("T")


class FollowingFuture(RunnerFuture[T]):
    """
    A future that follows an answer which is itself a future.

    A supervisor answers so: it must not wait in its mailbox until a runner is up or down. What
    it answers is dropped if the asker has settled the matter meanwhile.
    """

    def get(self, *, timeout: float | None = None) -> Any:
        """
        Return the answer; as `RunnerFuture.get`, within the same `timeout` in all.

        Args:
            timeout: Seconds to wait.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        value = super().get(timeout=timeout)
        if not isinstance(value, pykka.Future):
            return value
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        return value.get(timeout=left)

    def _set(self, result: tuple[Any, Any]) -> None:
        # Full: Pykka's loop, which answers, would end with it, and every runner with the loop.
        with contextlib.suppress(queue.Full):
            super()._set(result)

    async def _awaited(self) -> Any:
        value = await super()._awaited()
        return await value if isinstance(value, pykka.Future) else value


copyreg.pickle(FollowingFuture, reduce_future)
