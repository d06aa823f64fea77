"""One incarnation of a runner, seen from outside."""

import contextlib
import os
import selectors
import signal
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import attrs

from actors._bootstrap import DUMP_SIGNAL
from actors._channel import Buffer, Channel
from actors._ending import Facts, OwnEnd, exit_reason, is_failure
from actors._exit_watch import CAN_LOOK, has_ended, open_exit_watch
from actors._frames import (
    Launch,
    Started,
    StatusChanged,
    Stop,
    Terminated,
    ToRunner,
    Waiting,
)
from actors._inbox import RunnerInbox
from actors._launch import Child, launch
from actors._port_events import PortEnded, PortEvent, PortStarted, PortStatus
from actors._reactor import Reactor, Timer
from actors.messages import (
    RunnerConnected,
    RunnerConnecting,
    RunnerFailed,
    RunnerIdle,
    RunnerLoaded,
    RunnerLoading,
    RunnerReady,
    RunnerStatus,
    RunnerWarmingUp,
)
from actors.reasons import (
    ExitReason,
    FatalOutput,
    Hung,
    LaunchFailed,
    Phase,
    ProtocolViolation,
    StartTimedOut,
    StopStage,
    Unkillable,
)
from actors.specs import RunnerSpec
from actors.termination import RunnerTerminationError
from diagnostics.diagnosis import Diagnosis

_READ_SIZE: Final = 64 * 1024
"""Capacity of a pipe on Linux, and the size that one pass of the scanner is tuned for."""
_READS_PER_TURN: Final = 4
_CHANNEL_BUDGET: Final = 1 << 20

_DRAIN_IDLE: Final = 0.1
"""Seconds without output after which a pipe held open by somebody else counts as drained."""
_DRAIN_LIMIT: Final = 2.0
"""Seconds after the exit at which the drain ends, whoever still writes."""
_DUMP_TIME: Final = 0.25
"""Seconds for faulthandler to write the stacks before the process is killed."""
_CLOSED_GRACE: Final = 1.0
"""Seconds between a closed channel and the exit that normally causes it."""
_SLOW_CHECK: Final = 0.1
"""Seconds between two looks at a process for whose exit the system has no descriptor."""

_PHASE_OF: Final[Mapping[type, Phase]] = {
    RunnerIdle: Phase.SERVING,
    RunnerConnecting: Phase.CONNECTING,
    RunnerConnected: Phase.CONNECTING,
    RunnerLoading: Phase.LOADING,
    RunnerLoaded: Phase.LOADING,
    RunnerWarmingUp: Phase.WARMING_UP,
    RunnerReady: Phase.SERVING,
}


class PortListener(Protocol):
    """Whom a port tells what happens. Every method is called in the reactor's thread."""

    def event(self, event: PortEvent) -> None:
        """Take note of a fact."""

    def stderr(self, source: tuple[str, int], data: bytes) -> None:
        """Take what the runner has written to fd 2."""

    def stdout(self, source: tuple[str, int], data: bytes) -> None:
        """Take what the runner has written to fd 1."""


@attrs.frozen(kw_only=True)
class Incarnation:
    """
    What a port needs to know about the process it starts.

    Attributes:
        spec: The runner's spec.
        number: Number of the process, counted from 1.
        group_id: Id of the runner's group, if any.
        actor_urn: URN of the runner's ref.
        payload: The pickled class, arguments and keywords.
        environment: Variables added to the process's environment.
        alive_fd: Read end of the pipe that closes when this process ends.
    """

    spec: RunnerSpec
    number: int
    group_id: str | None
    actor_urn: str
    payload: tuple[Buffer, ...]
    environment: Mapping[str, str]
    alive_fd: int


class Port:
    """
    Starts, feeds, watches and ends one process.

    `launch`, `post`, `stop`, `fatal` and `kill` may be called from any thread and never block; all
    else happens in the reactor's thread. The end is told exactly once, as `PortEnded`.

    Args:
        incarnation: What to start.
        reactor: The supervisor's event loop.
        inbox: The runner's tasks.
        listener: Whom to tell.
    """

    def __init__(
        self,
        incarnation: Incarnation,
        reactor: Reactor,
        inbox: RunnerInbox,
        listener: PortListener,
    ) -> None:
        self._incarnation = incarnation
        self._spec = incarnation.spec
        self._reactor = reactor
        self._inbox = inbox
        self._listener = listener
        self._child: Child | None = None
        self._channel: Channel | None = None
        self._watch: int | None = None
        self._open: dict[int, Callable[[bytes], None]] = {}
        self._channel_open = False
        self._writing = False
        self._phase = Phase.STARTING
        self._started = False
        self._ended = False
        self._exited_at: float | None = None
        self._waiting_for: str | None = None
        self._error: RunnerTerminationError | None = None
        self._own_end: OwnEnd | None = None
        self._own_signals: frozenset[int] = frozenset()
        self._stop_stage: StopStage | None = None
        self._timer: Timer | None = None
        self._progress_timer: Timer | None = None
        self._last_output = 0.0
        self._last_progress = 0.0
        self._started_at = time.time()
        self._started_clock = time.monotonic()

    @property
    def pid(self) -> int | None:
        """Process id, or `None` before the launch or if it failed."""
        return self._child.pid if self._child is not None else None

    @property
    def source(self) -> tuple[str, int]:
        """Runner and incarnation."""
        return self._spec.id, self._incarnation.number

    # What others ask for.

    def launch(self) -> None:
        """Start the process."""
        self._reactor.call_soon(self._launch)

    def post(self, message: ToRunner, payload: tuple[Buffer, ...] = ()) -> None:
        """Send a frame without blocking."""
        channel = self._channel
        if channel is not None and channel.post(message, payload):
            self._reactor.call_soon(self._start_writing)

    def stop(self) -> None:
        """Ask for the end, and see to it: politely, then SIGTERM, then SIGKILL."""
        self._reactor.call_soon(self._stop)

    def kill(self) -> None:
        """End the process and its children at once, as a stop that was asked for."""
        self._reactor.call_soon(self._kill_on_request)

    def fatal(self, cause: str) -> None:
        """Give a runner that printed a fatal line a little time, then end it."""
        grace = self._spec.fatal_grace
        self._reactor.call_later(grace, lambda: self._end(FatalOutput(cause, grace)))

    # Birth.

    def _launch(self) -> None:
        spec, number = self._spec, self._incarnation.number
        self._started_at, self._started_clock = time.time(), time.monotonic()
        try:
            self._child = launch(
                f"{spec.id}.{number}",
                spec.max_frame,
                self._incarnation.alive_fd,
                self._incarnation.environment,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the failure's reason
            self._finish(LaunchFailed(RunnerTerminationError.from_exception(error)))
            return
        child = self._child
        self._channel = Channel(child.channel, spec.max_frame)
        self._channel_open = True
        self._reactor.register(child.channel.fileno(), selectors.EVENT_READ, self._on_channel)
        for fd, receive in (
            (child.stdout, lambda data: self._listener.stdout(self.source, data)),
            (child.stderr, lambda data: self._listener.stderr(self.source, data)),
        ):
            self._open[fd] = receive
            self._reactor.register(
                fd, selectors.EVENT_READ, lambda _events, fd=fd: self._on_output(fd)
            )
        self._watch = open_exit_watch(child.pid)
        if self._watch is not None:
            self._reactor.register(
                self._watch, selectors.EVENT_READ, lambda _events: self._reap()
            )
        else:
            self._reactor.call_later(_SLOW_CHECK, self._check_slowly)
        self.post(
            Launch(spec.id, number, self._incarnation.actor_urn), self._incarnation.payload
        )
        self._timer = self._reactor.call_later(
            spec.start_timeout, lambda: self._end(StartTimedOut(spec.start_timeout))
        )

    # Life.

    def _start_writing(self) -> None:
        if self._channel is not None and self._channel_open and not self._writing:
            self._writing = True
            self._watch_channel()

    def _watch_channel(self) -> None:
        assert self._channel is not None
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._writing else 0)
        self._reactor.modify(self._channel.fileno(), events, self._on_channel)

    def _on_channel(self, events: int) -> None:
        if self._channel is None or not self._channel_open:
            return
        if events & selectors.EVENT_WRITE and not self._channel.flush():
            self._writing = False
            self._watch_channel()
        if events & selectors.EVENT_READ:
            self._take_frames()

    def _take_frames(self) -> None:
        """Handle the frames that are there, up to a budget."""
        assert self._channel is not None
        taken = self._channel.take(_CHANNEL_BUDGET)
        if taken.frames:
            self._last_progress = time.monotonic()
        for frame in taken.frames:
            if not self._inbox.received(frame.message, frame.payload):  # type: ignore[arg-type]
                self._on_own_frame(frame.message)
        if taken.problem is not None:
            self._close_channel()
            self._end(ProtocolViolation(str(taken.problem)))
        elif taken.closed:
            self._close_channel()
            if self._exited_at is None:
                self._reactor.call_later(
                    _CLOSED_GRACE,
                    lambda: self._end(ProtocolViolation("the runner closed its channel")),
                )

    def _on_own_frame(self, message: object) -> None:
        match message:
            case StatusChanged(status, at):
                self._on_status(status, at)
            case Waiting(waiting_for):
                self._waiting_for = waiting_for
            case Started():
                self._on_started()
            case Terminated(error, phase):
                self._error, self._phase = error, phase
            case _:
                self._end(ProtocolViolation(f"{type(message).__name__} is for runners"))

    def _on_started(self) -> None:
        assert self._child is not None
        if self._started:
            self._end(ProtocolViolation("the runner started twice"))
            return
        self._started = True
        if self._stop_stage is None and self._own_end is None:
            self._cancel_timer()
            self._inbox.attach(self)
        if self._spec.progress_timeout is not None:
            self._watch_progress(self._spec.progress_timeout)
        self._listener.event(PortStarted(*self.source, self._child.pid))

    def _on_status(self, status: RunnerStatus, at: float) -> None:
        if self._phase is not Phase.STOPPING:
            self._phase = _PHASE_OF.get(type(status), self._phase)
        self._listener.event(PortStatus(*self.source, status, at))

    def _on_output(self, fd: int) -> None:
        """Hand on what a pipe holds, up to a budget."""
        # The same turn of the reactor may have closed it already.
        if fd not in self._open:
            return
        for _ in range(_READS_PER_TURN):
            try:
                data = os.read(fd, _READ_SIZE)
            except BlockingIOError:
                return
            if not data:
                self._close_output(fd)
                return
            self._last_output = time.monotonic()
            self._open[fd](data)
            if len(data) < _READ_SIZE:
                return

    def _watch_progress(self, limit: float) -> None:
        """End a runner with a task in flight that has shown no sign of life for `limit` s."""
        since = self._inbox.in_flight_since()
        now = time.monotonic()
        silent_for = 0.0 if since is None else now - max(since, self._last_progress)
        if self._exited_at is not None or self._ended:
            return
        if since is not None and silent_for >= limit:
            self._end(Hung(silent_for, self._waiting_for))
            return
        self._progress_timer = self._reactor.call_later(
            max(0.01, limit - silent_for) if since is not None else limit / 4,
            lambda: self._watch_progress(limit),
        )

    # Death.

    def _stop(self) -> None:
        if self._ended or self._exited_at is not None or self._stop_stage is not None:
            return
        self._stop_stage = StopStage.POLITE
        if self._own_end is not None:
            return
        self._cancel_timer()
        if not self._started or not self._channel_open:
            self._terminate()
            return
        self._phase = Phase.STOPPING
        self.post(Stop())
        self._timer = self._reactor.call_later(self._spec.stop_timeout, self._terminate)

    def _terminate(self) -> None:
        if self._exited_at is not None:
            return
        self._stop_stage = StopStage.TERMINATE
        self._signal(signal.SIGTERM)
        self._timer = self._reactor.call_later(
            self._spec.terminate_timeout, self._kill_on_request
        )

    def _kill_on_request(self) -> None:
        if self._ended or self._exited_at is not None:
            return
        self._stop_stage = StopStage.KILL
        self._cancel_timer()
        self._kill_group()

    def _end(self, reason: OwnEnd) -> None:
        """End the process for a reason of the port's own; the first reason counts."""
        if self._ended or self._exited_at is not None or self._own_end is not None:
            return
        if self._stop_stage is not None and not isinstance(reason, ProtocolViolation):
            return
        self._own_end = reason
        self._cancel_timer()
        if isinstance(reason, ProtocolViolation):
            self._kill_group()
            return
        self._signal(DUMP_SIGNAL)
        self._timer = self._reactor.call_later(_DUMP_TIME, self._kill_group)

    def _kill_group(self) -> None:
        if self._exited_at is not None or self._child is None:
            return
        self._own_signals |= {signal.SIGKILL}
        # EPERM: macOS says so for a group of zombies only.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        limit = self._spec.kill_timeout
        self._timer = self._reactor.call_later(limit, lambda: self._give_up(limit))

    def _signal(self, number: signal.Signals) -> None:
        if self._child is None:
            return
        self._own_signals |= {number}
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._child.pid, number)

    def _give_up(self, waited: float) -> None:
        if self._exited_at is None and self._child is not None:
            self._finish(Unkillable(self._child.pid, waited))

    def _check_slowly(self) -> None:
        if self._exited_at is not None or self._ended or self._child is None:
            return
        process = self._child.process
        if has_ended(process.pid) if CAN_LOOK else process.poll() is not None:
            self._reap()
            return
        self._reactor.call_later(_SLOW_CHECK, self._check_slowly)

    def _reap(self) -> None:
        """
        Reap the process, which has ended, and read what it has left.

        1.  The process has ended but was not waited for: its id is still its own.
        2.  Its children are ended now, since after 3 the id of the group could be another's.
        3.  It is reaped.
        4.  The pipes are read to their end, or until a process that left the group and holds
            them open has been silent for a while.
        """
        if self._exited_at is not None or self._child is None:
            return
        # EPERM: macOS says so for a group of zombies only.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        if self._child.process.poll() is None:
            return
        self._exited_at = self._last_output = time.monotonic()
        self._cancel_timer()
        self._close_watch()
        if self._channel_open:
            self._take_frames()
        for fd in tuple(self._open):
            self._on_output(fd)
        self._conclude()

    def _conclude(self) -> None:
        """Tell the end, once everything is read; called again at each pipe's end."""
        if self._exited_at is None or self._child is None or self._ended:
            return
        now = time.monotonic()
        due = min(self._last_output + _DRAIN_IDLE, self._exited_at + _DRAIN_LIMIT)
        if (self._channel_open or self._open) and now < due:
            # The reactor goes on reading; this looks again when nothing has come for a while.
            self._reactor.call_later(due - now, self._conclude)
            return
        facts = Facts(
            status=self._child.process.status,
            own_end=self._own_end,
            own_signals=self._own_signals,
            stop_stage=self._stop_stage,
            error=self._error,
        )
        self._finish(exit_reason(facts))

    def _finish(self, reason: ExitReason) -> None:
        if self._ended:
            return
        self._ended = True
        ended = time.monotonic()
        self._cancel_timer()
        if self._progress_timer is not None:
            self._progress_timer.cancel()
        self._close_channel()
        for fd in tuple(self._open):
            self._close_output(fd)
        self._close_watch()
        if self._channel is not None:
            self._channel.close()
        detached = self._inbox.detach()
        failed = is_failure(
            reason,
            started=self._started,
            serving=self._phase in (Phase.SERVING, Phase.STOPPING),
            tasks=len(detached.tasks),
        )
        draft = RunnerFailed(
            runner_id=self._spec.id,
            incarnation=self._incarnation.number,
            pid=self.pid,
            group_id=self._incarnation.group_id,
            phase=self._phase,
            reason=reason,
            diagnosis=Diagnosis(),
            tasks=detached.lost,
            started_at=self._started_at,
            failed_at=time.time(),
            uptime=ended - self._started_clock,
            error_message=str(reason),
        )
        self._listener.event(PortEnded(*self.source, failed, draft, detached.tasks, ended))

    def _close_channel(self) -> None:
        if self._channel_open and self._channel is not None:
            self._channel_open = False
            self._reactor.unregister(self._channel.fileno())
            self._conclude()

    def _close_output(self, fd: int) -> None:
        del self._open[fd]
        self._reactor.unregister(fd)
        os.close(fd)
        self._conclude()

    def _close_watch(self) -> None:
        if self._watch is not None:
            self._reactor.unregister(self._watch)
            os.close(self._watch)
            self._watch = None

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
