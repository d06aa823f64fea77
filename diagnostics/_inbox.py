"""An actor inbox in which output waits within a budget and everything else waits for ever."""

import collections
import threading
from collections.abc import Hashable
from typing import Any, Final, final

from diagnostics.actor_messages import OutputLost, OutputReceived

DEFAULT_BUDGET: Final = 4 << 20


@final
class BudgetedInbox:
    """
    A first-in-first-out inbox that drops the oldest output when there is too much.

    Only `OutputReceived` is ever dropped; an `OutputLost` with the number of bytes takes
    its place. The newest output stays even if it is larger than the budget.

    Args:
        budget: How many bytes of output of all sources may wait.
    """

    def __init__(self, budget: int = DEFAULT_BUDGET) -> None:
        self.budget = budget
        self._condition = threading.Condition()
        self._next = 0
        self._envelopes: collections.OrderedDict[int, Any] = collections.OrderedDict()
        self._outputs: collections.deque[int] = collections.deque()
        self._waiting_bytes = 0
        self._losses: dict[Hashable, int] = {}

    def put(self, envelope: Any, /) -> None:
        """Add an envelope; never blocks."""
        message = envelope.message
        with self._condition:
            self._envelopes[self._next] = envelope
            if _droppable(envelope):
                self._outputs.append(self._next)
                self._waiting_bytes += len(message.data)
                while self._waiting_bytes > self.budget and len(self._outputs) > 1:
                    self._drop_oldest()
            self._next += 1
            self._condition.notify()

    def get(self) -> Any:
        """Return the oldest envelope, as soon as there is one."""
        with self._condition:
            while not self._envelopes:
                self._condition.wait()
            number, envelope = self._envelopes.popitem(last=False)
            message = envelope.message
            if _droppable(envelope):
                self._outputs.popleft()
                self._waiting_bytes -= len(message.data)
            elif isinstance(message, OutputLost) and self._losses.get(message.source) == number:
                del self._losses[message.source]
            return envelope

    def empty(self) -> bool:
        """Return whether nothing is waiting."""
        with self._condition:
            return not self._envelopes

    def _drop_oldest(self) -> None:
        number = self._outputs.popleft()
        envelope = self._envelopes[number]
        message = envelope.message
        self._waiting_bytes -= len(message.data)
        # One record of loss for each source, where its first loss was: the records
        # themselves must not grow with what is lost.
        place = self._losses.setdefault(message.source, number)
        if place == number:
            envelope.message = OutputLost(message.source, len(message.data))
            return
        record = self._envelopes[place]
        lost = record.message.n_bytes + len(message.data)
        record.message = OutputLost(message.source, lost)
        del self._envelopes[number]


def _droppable(envelope: Any) -> bool:
    # Who asks instead of telling waits for an answer.
    return isinstance(envelope.message, OutputReceived) and envelope.reply_to is None
