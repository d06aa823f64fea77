"""The diagnostic actor: many processes' output in, one diagnosis for each end out."""

import logging
import sys
import threading
import time
from collections.abc import Hashable
from typing import Any, Final, final

import attrs
import pykka

from diagnostics._inbox import DEFAULT_BUDGET, BudgetedInbox
from diagnostics._weighing import weighed
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
from diagnostics.evidence import Said, Source, System, ask_each, gather
from diagnostics.findings import Role

# A source whose end nobody asks about, such as a grandchild that prints after its
# runner's diagnosis, must not be kept for ever; this is far above what one parent runs.
MAX_SOURCES: Final = 4096

EVIDENCE_LIMIT: Final = 0.5
"""Seconds that disks have to answer; a quarter of what a supervisor waits for a diagnosis."""

MAX_ASKING: Final = 8
"""About how many ends disks are asked at one time; those beyond go on without."""

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

    Where the output of a process leaves something open, the system is asked about its end:
    what the kernel knows at once, what disks tell in a thread of its own, so that no other
    process waits, and for `evidence_limit` seconds.

    Args:
        output_budget: How many bytes of output of all sources may wait in the inbox.
        system: Whom to ask about an end; by default this host.
        evidence_limit: How many seconds the disks have together; 0 to ask nobody at all.
    """

    use_daemon_thread = True

    def __init__(
        self,
        *,
        output_budget: int = DEFAULT_BUDGET,
        system: System | None = None,
        evidence_limit: float = EVIDENCE_LIMIT,
    ) -> None:
        super().__init__()
        self._system = System() if system is None else system
        self._limit = evidence_limit
        self._asking = threading.BoundedSemaphore(MAX_ASKING)
        self.actor_inbox: BudgetedInbox
        self.actor_inbox.budget = output_budget
        self._sources: dict[Hashable, _Watched] = {}

    def on_start(self) -> None:
        """Take note of what the system counted before."""
        self._system.begin()

    def on_stop(self) -> None:
        """Let go of the kernel's log."""
        self._system.end()

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
            case DiagnosisRequested(source):
                diagnosis = self._diagnosis(message)
                self._sources.pop(source, None)
                self._ask_the_system(message, diagnosis)
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

    def _ask_the_system(self, request: DiagnosisRequested, diagnosis: Diagnosis) -> None:
        """Answer with what the system says, from another thread if it is disks that say it."""
        said: tuple[Said, ...] = ()
        if self._limit > 0 and not request.expected:
            causes = {item.cause for item in diagnosis.findings if item.role is not Role.NOTE}
            sources = self._system.sources(request.ending.name, causes)
            said = ask_each(sources.quick, request.pid)
            if sources.slow and self._ask_disks(request, diagnosis, said, sources.slow):
                return
        _answer_weighed(request, diagnosis, said)

    def _ask_disks(
        self,
        request: DiagnosisRequested,
        diagnosis: Diagnosis,
        said: tuple[Said, ...],
        sources: tuple[Source, ...],
    ) -> bool:
        """Have the request answered from another thread; returns whether it will be."""
        if not self._asking.acquire(blocking=False):
            return False

        def ask() -> None:
            more: tuple[Said, ...] = ()
            try:
                more = gather(sources, request.pid, limit=self._limit)
            except RuntimeError:
                logger.warning("no thread was to be had to ask disks about %r", request.source)
            finally:
                self._asking.release()
                _answer_weighed(request, diagnosis, said + more)

        # A disk that hangs must not keep the program from ending.
        try:
            threading.Thread(target=ask, name="diagnostics-evidence", daemon=True).start()
        except RuntimeError:  # no thread is to be had, which may be what ended the process
            self._asking.release()
            return False
        return True

    def _tell_if_fatal(self, source: Hashable, watched: _Watched) -> None:
        finding = watched.collector.fatal
        if finding is None or watched.told or watched.watcher is None:
            return
        watched.told = True
        _tell(watched.watcher, FatalFindingSeen(source, finding))


def _answer_weighed(
    request: DiagnosisRequested, diagnosis: Diagnosis, said: tuple[Said, ...]
) -> None:
    if said:
        try:
            diagnosis = weighed(diagnosis, said, ending=request.ending, at=time.time())
        except Exception:
            logger.exception("what the system said about %r could not be used", request.source)
    _tell(request.reply_to, DiagnosisMade(request.source, diagnosis, request.subject))


def _tell(receiver: pykka.ActorRef[Any], message: Any) -> None:
    try:
        receiver.tell(message)
    except pykka.ActorDeadError:
        logger.warning("%s dropped: its receiver %s is dead", type(message).__name__, receiver)
