"""An actor's inbox in which no message can be left behind."""

import queue
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


class ClosingInbox(queue.Queue[Any]):
    """
    An inbox that refuses what comes after its actor's end.

    A Pykka inbox would keep it for ever:

    1.  `ask` finds the actor alive.
    2.  The actor ends, and answers what is waiting in its inbox.
    3.  `ask` puts the message, and waits for an answer that nobody will give.
    """

    def __init__(self) -> None:
        super().__init__()
        # Re-entrant, for a signal's handler that puts something in.
        self.mutex: Any = threading.RLock()
        self.not_empty = threading.Condition(self.mutex)
        self.not_full = threading.Condition(self.mutex)
        self.all_tasks_done = threading.Condition(self.mutex)
        self._refuse: Callable[[Any], object] | None = None

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001, FBT002 - as in queue.Queue
        """Add an envelope, or refuse it if the inbox is closed."""
        del block, timeout
        with self.mutex:
            refuse = self._refuse
            if refuse is None:
                self._put(item)
                self.not_empty.notify()
        if refuse is not None:
            refuse(item)

    def divert(self, _loop: "asyncio.AbstractEventLoop", sink: Callable[[Any], object]) -> None:
        """
        Hand envelopes over instead of keeping them for `get`, those that wait first.

        Args:
            sink: Called with each envelope, in the thread of whoever puts it, with a lock held.
        """
        with self.mutex:
            for envelope in self.queue:
                sink(envelope)
            self.queue.clear()
            self._put = sink  # type: ignore[assignment,method-assign]

    def restore(self, envelopes: Iterable[Any]) -> None:
        """
        Keep envelopes again.

        Args:
            envelopes: Those that were handed over, and are given back.
        """
        with self.mutex:
            del self._put
            self.queue.extend(envelopes)

    def close(self, refuse: Callable[[Any], object]) -> None:
        """
        Refuse what is waiting, and everything from now on.

        Args:
            refuse: Called with each envelope, in the thread of whoever puts it.
        """
        with self.mutex:
            self._refuse = refuse
            left = tuple(self.queue)
            self.queue.clear()
        for envelope in left:
            refuse(envelope)
