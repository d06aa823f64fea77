"""The diagnostic actor: many processes' output in, one diagnosis for each end out."""

import logging
import sys
from collections.abc import Hashable
from typing import Any, Final, final

import attrs
import pykka

from diagnostics._inbox import DEFAULT_BUDGET, BudgetedInbox
from diagnostics.actor_messages import (
    DiagnosisMade,
    DiagnosisRequested,
    FatalFindingSeen,
    Forget,
    OutputLost,
    OutputReceived,
    Watch,
)
from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.diagnosis import Diagnosis

# A source whose end nobody asks about, such as a grandchild that prints after its
# runner's diagnosis, must not be kept for ever; this is far above what one parent runs.
MAX_SOURCES: Final = 4096

logger = logging.getLogger("diagnostics")


@attrs.define
class _Watched:
    collector: RunnerDiagnosticCollector
    watcher: pykka.ActorRef[Any] | None = None
    told: bool = False


@final
class DiagnosticActor(pykka.ThreadingActor):
    """
    Collect the output of processes and say what happened when they end.

    It knows a process only as a hashable `source` and answers with messages only, so
    it never makes anybody wait. Output beyond its budget is dropped, the oldest first,
    and counted in the diagnosis.

    Args:
        output_budget: How many bytes of output of all sources may wait in the inbox.
    """

    use_daemon_thread = True

    def __init__(self, *, output_budget: int = DEFAULT_BUDGET) -> None:
        super().__init__()
        self.actor_inbox: BudgetedInbox
        self.actor_inbox.budget = output_budget
        self._sources: dict[Hashable, _Watched] = {}

    @staticmethod
    def _create_actor_inbox() -> BudgetedInbox:
        return BudgetedInbox()

    def source_count(self) -> int:
        """Return how many sources are being collected."""
        return len(self._sources)

    def on_receive(self, message: Any) -> None:
        """
        Handle one of the messages of `diagnostics.actor_messages`.

        Args:
            message: The message; an unknown one is logged and dropped.
        """
        try:
            self._handle(message)
        except Exception:
            # One bad message must not end the diagnosing of all other processes.
            logger.exception("a message of type %s could not be handled", type(message).__name__)

    def _handle(self, message: Any) -> None:
        match message:
            case OutputReceived(source, data, at):
                watched = self._watched(source)
                watched.collector.feed(data, at=at)
                self._tell_if_fatal(source, watched)
            case OutputLost(source, n_bytes):
                self._watched(source).collector.note_dropped(n_bytes)
            case Watch(source, reply_to, platform):
                watched = self._watched(source, platform)
                watched.watcher = reply_to
                self._tell_if_fatal(source, watched)
            case DiagnosisRequested(source, _, subject, reply_to):
                diagnosis = self._diagnosis(message)
                self._sources.pop(source, None)
                _tell(reply_to, DiagnosisMade(source, diagnosis, subject))
            case Forget(source):
                self._sources.pop(source, None)
            case _:
                logger.warning("unknown message of type %s dropped", type(message).__name__)

    def _watched(self, source: Hashable, platform: str | None = None) -> _Watched:
        watched = self._sources.pop(source, None)
        if watched is None:
            collector = RunnerDiagnosticCollector(platform=platform or sys.platform)
            watched = _Watched(collector)
            if len(self._sources) >= MAX_SOURCES:
                stale = next(iter(self._sources))
                del self._sources[stale]
                logger.warning("too many sources: %r, the one unheard of longest, dropped", stale)
        self._sources[source] = watched  # last, as the one heard of most recently
        return watched

    def _diagnosis(self, request: DiagnosisRequested) -> Diagnosis:
        watched = self._sources.get(request.source)
        if watched is None:
            return Diagnosis(problem="no output of this process was received")
        try:
            return watched.collector.diagnosis(request.ending)
        except Exception as error:
            logger.exception("the diagnosis of %r failed", request.source)
            return Diagnosis(problem=f"making the diagnosis failed: {error!r}")

    def _tell_if_fatal(self, source: Hashable, watched: _Watched) -> None:
        finding = watched.collector.fatal
        if finding is None or watched.told or watched.watcher is None:
            return
        watched.told = True
        _tell(watched.watcher, FatalFindingSeen(source, finding))


def _tell(receiver: pykka.ActorRef[Any], message: Any) -> None:
    try:
        receiver.tell(message)
    except pykka.ActorDeadError:
        logger.warning("%s dropped: its receiver %s is dead", type(message).__name__, receiver)
