"""The way of a port's facts: stderr and the end by the diagnostic actor, all else directly."""

import contextlib
import logging
import time
from pathlib import Path
from typing import Any, Final

import pykka

from actors._log_file import LogFile
from actors._port_events import PortEnded, PortEvent
from actors._reactor import Reactor
from actors.messages import RunnerFailed
from actors.reasons import Exited, Raised, Signaled, StatusUnknown, Stopped
from diagnostics.actor_messages import (
    DiagnosisMade,
    DiagnosisRequested,
    Forget,
    OutputReceived,
    Watch,
)
from diagnostics.diagnosis import Diagnosis, Ending

_stdout: Final = logging.getLogger("actors.stdout")
_MAX_LINE: Final = 64 * 1024
_OF_ITSELF: Final = (Exited, Signaled, Raised, StatusUnknown)
"""Ends that this package has not made."""


class Relay:
    """
    The listener of every port of one supervisor.

    An end goes to the diagnostic actor on the same mailbox as the output before it, and from
    there to the supervisor. If that actor is dead or takes longer than its limit, the end goes
    on without a diagnosis and says so; the supervisor takes the first that comes.

    Args:
        reactor: The supervisor's event loop.
        supervisor: Who is told.
        diagnostics: The diagnostic actor.
        patience: Seconds that a diagnosis may take.
        log_folder: Where the runners' output is kept, if anywhere.
    """

    def __init__(
        self,
        reactor: Reactor,
        supervisor: pykka.ActorRef[Any],
        diagnostics: pykka.ActorRef[Any],
        patience: float,
        log_folder: Path | None = None,
    ) -> None:
        self._reactor = reactor
        self._supervisor = supervisor
        self._diagnostics = diagnostics
        self._patience = patience
        self._log_folder = log_folder
        self._files: dict[tuple[str, str], LogFile] = {}
        self._lines: dict[tuple[str, int], bytes] = {}

    def watch(self, source: tuple[str, int]) -> None:
        """Announce an incarnation to the diagnostic actor."""
        self._to(self._diagnostics, Watch(source, self._supervisor))

    def event(self, event: PortEvent) -> None:
        """Pass a fact on."""
        if isinstance(event, PortEnded):
            self._ended(event)
        else:
            self._to(self._supervisor, event)

    def stderr(self, source: tuple[str, int], data: bytes) -> None:
        """Pass on what a runner has written to fd 2."""
        self._keep(source, "stderr", data)
        self._to(self._diagnostics, OutputReceived(source, data, time.time()))

    def stdout(self, source: tuple[str, int], data: bytes) -> None:
        """Log what a runner has written to fd 1, line by line, at level INFO."""
        self._keep(source, "stdout", data)
        if not _stdout.isEnabledFor(logging.INFO):
            return
        *lines, rest = (self._lines.pop(source, b"") + data).split(b"\n")
        if len(rest) > _MAX_LINE:
            lines.append(rest)
            rest = b""
        if rest:
            self._lines[source] = rest
        for line in lines:
            self._log_line(source, line)

    def _keep(self, source: tuple[str, int], stream: str, data: bytes) -> None:
        if self._log_folder is None:
            return
        key = source[0], stream
        file = self._files.get(key)
        if file is None:
            file = self._files[key] = LogFile(self._log_folder, *key)
        file.write(data)

    def _log_line(self, source: tuple[str, int], line: bytes) -> None:
        _stdout.info("[%s.%d] %s", *source, line.decode("utf-8", "backslashreplace"))

    def _ended(self, event: PortEnded) -> None:
        for stream in ("stdout", "stderr"):
            file = self._files.pop((event.runner_id, stream), None)
            if file is not None:
                file.close()
        rest = self._lines.pop(event.source, b"")
        if rest:
            self._log_line(event.source, rest)
        if not event.failed:
            self._to(self._diagnostics, Forget(event.source))
            self._without_diagnosis(event, "the runner ended on request")
            return
        request = DiagnosisRequested(
            event.source,
            ending_of(event.draft),
            event,
            self._supervisor,
            pid=event.draft.pid,
            # Of a signal of ours the system has nothing to tell.
            expected=not isinstance(event.draft.reason, _OF_ITSELF),
        )
        if not self._to(self._diagnostics, request):
            self._without_diagnosis(event, "the diagnostic actor is not running")
            return
        self._reactor.call_later(
            self._patience,
            lambda: self._without_diagnosis(
                event, f"the diagnostic actor took longer than {self._patience:g} s"
            ),
        )

    def _without_diagnosis(self, event: PortEnded, problem: str) -> None:
        self._to(self._supervisor, DiagnosisMade(event.source, Diagnosis(problem=problem), event))

    @staticmethod
    def _to(ref: pykka.ActorRef[Any], message: Any) -> bool:
        """Tell an actor, unless it is dead."""
        with contextlib.suppress(pykka.ActorDeadError):
            ref.tell(message)
            return True
        return False


def ending_of(failure: RunnerFailed) -> Ending:
    """Return what the output has to explain: the exit status or the signal."""
    match failure.reason:
        case Exited(code):
            return Ending(exit_code=code)
        case Signaled(number):
            return Ending(signal=number)
        case Raised(_, code, number) | Stopped(_, code, number):
            return Ending(signal=number, exit_code=code)
        case _:
            return Ending()
