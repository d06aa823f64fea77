"""What a supervisor stands on: its event loop, its helpers, its subscribers."""

import contextlib
import logging
from collections import deque
from pathlib import Path
from typing import Any, Final

import pykka

from actors._events import EventStream
from actors._group_facts import SettleDue, StartDue
from actors._reactor import Reactor, Timer
from actors._relay import Relay
from actors._warden import Warden
from actors.messages import RunnerFailed, TaskEvent
from diagnostics.actor import DiagnosticActor

logger: Final = logging.getLogger("actors")

_HISTORY: Final = 1000
"""Failures kept for late subscribers."""
_PATIENCE_AT_END: Final = 5.0
"""Seconds given to the diagnostic actor, and to subscribed callables, at the end."""


class Services:
    """
    Made when a supervisor starts, closed when it ends.

    Kept apart from the actor, whose public names anybody could call by proxy.

    Args:
        supervisor: The actor that works with these.
        patience: Seconds that a diagnosis may take.
        log_folder: Where the runners' output is kept, if anywhere.
    """

    def __init__(
        self, supervisor: pykka.ActorRef[Any], patience: float, log_folder: Path | None
    ) -> None:
        self.events = EventStream(keep=(RunnerFailed,))
        self.reactor = Reactor()
        self.warden = Warden()
        self.failures: deque[RunnerFailed] = deque(maxlen=_HISTORY)
        self._supervisor = supervisor
        self._diagnostics = DiagnosticActor.start()
        self.relay = Relay(self.reactor, supervisor, self._diagnostics, patience, log_folder)

    def publish(self, event: Any) -> None:
        """Tell the subscribers."""
        if isinstance(event, RunnerFailed):
            self.failures.append(event)
        self.events.publish(event)

    def queue(self, event: TaskEvent) -> None:
        """Have a task event published, from any thread, behind the statuses on their way."""
        self._tell(event)

    def remind(self, delay: float, message: SettleDue | StartDue) -> Timer:
        """Put a message into the supervisor's mailbox after a delay."""
        return self.reactor.call_later(delay, lambda: self._tell(message))

    def close(self) -> None:
        """End everything. Every runner must have ended, or been given up, before."""
        try:
            self._diagnostics.stop(timeout=_PATIENCE_AT_END)
        except pykka.Timeout:
            logger.error("the diagnostic actor did not stop within %g s", _PATIENCE_AT_END)
        self.reactor.close()
        self.warden.close()
        self.events.close(timeout=_PATIENCE_AT_END)

    def _tell(self, message: Any) -> None:
        with contextlib.suppress(pykka.ActorDeadError):
            self._supervisor.tell(message)
