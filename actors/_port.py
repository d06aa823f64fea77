"""One incarnation of a runner, seen from outside."""

import signal
import threading
import time
from collections.abc import Callable
from typing import Final

from actors._bootstrap import DUMP_SIGNAL
from actors._ending import Facts, OwnEnd, exit_reason, is_failure
from actors._exchange import Exchange
from actors._frames import (
    FromRunner,
    Launch,
    Leaving,
    Left,
    Started,
    StatusChanged,
    Stop,
    Terminated,
    Waiting,
)
from actors._framing import Buffer
from actors._inbox import RunnerInbox
from actors._incarnation import Incarnation, PortListener
from actors._launch import launch
from actors._ledger import Ledger
from actors._port_events import PortEnded, PortLeaving, PortStarted, PortStatus
from actors._reactor import Reactor, Timer
from actors._task import Task
from actors._task_watch import TaskWatch
from actors._wires import Wires
from actors.errors import TaskTimedOutError, WireError
from actors.messages import (
    PHASE_OF,
    RunnerFailed,
    RunnerStatus,
)
from actors.reasons import (
    ExitReason,
    FatalOutput,
    Hung,
    LaunchFailed,
    Overdue,
    Phase,
    ProtocolViolation,
    StartTimedOut,
    StopStage,
    Unkillable,
)
from actors.termination import RunnerTerminationError
from diagnostics.diagnosis import Diagnosis

_DUMP_TIME: Final = 0.25
"""Seconds for faulthandler to write the stacks before the process is killed."""
_DUMP_SIZE: Final = 64 * 1024
"""Bytes of stacks that an error takes along."""
_CLOSED_GRACE: Final = 1.0
"""Seconds between a closed channel and the exit that normally causes it."""


class Port:
    """
    Starts, feeds, watches and ends one process.

    `launch`, `stop`, `fatal` and `kill` may be called from any thread and never block; all else
    happens in the reactor's thread, `frame` excepted. The end is told exactly once, as
    `PortEnded`.

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
        self._wires: Wires | None = None
        self._ledger: Ledger | None = None
        self._exchange: Exchange | None = None
        self._phase = Phase.STARTING
        self._started = False
        self.over: Final = threading.Event()
        """Set when the incarnation has ended."""
        self._declared: str | None = None
        self._left = False
        self._error: RunnerTerminationError | None = None
        self._own_end: OwnEnd | None = None
        self._own_signals: frozenset[int] = frozenset()
        self._stop_stage: StopStage | None = None
        self._timer: Timer | None = None
        self._expired: list[Task] = []
        self._dump = bytearray()
        self._watch = TaskWatch(incarnation.spec, inbox, reactor, self)
        self._started_at = time.time()
        self._started_clock = time.monotonic()

    @property
    def pid(self) -> int | None:
        """Process id, or `None` before the launch or if it failed."""
        return self._wires.pid if self._wires is not None else None

    @property
    def begun(self) -> int:
        """Id of the last task that the runner has taken up."""
        return self._ledger.begun if self._ledger is not None else 0

    @property
    def busy(self) -> bool:
        """Whether the runner is handling a message right now."""
        return self._ledger is not None and self._ledger.busy

    @property
    def waiting_for(self) -> str | None:
        """Whom the runner says it waits for, or else whom it has asked and waits for."""
        if self._declared is not None or self._ledger is None or self._exchange is None:
            return self._declared
        return self._exchange.awaited(self._ledger)

    @property
    def source(self) -> tuple[str, int]:
        """Runner and incarnation."""
        return self._spec.id, self._incarnation.number

    # What others ask for.

    def launch(self) -> None:
        """Start the process."""
        self._reactor.call_soon(self._launch)

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
        spec, incarnation = self._spec, self._incarnation
        self._started_at, self._started_clock = time.time(), time.monotonic()
        try:
            child = launch(
                f"{spec.id}.{incarnation.number}",
                spec.max_frame,
                incarnation.warden.alive_fd,
                incarnation.environment,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is becomes the reason
            self._finish(LaunchFailed(RunnerTerminationError.from_exception(error)))
            return
        self._ledger = child.ledger
        self._wires = Wires(child, spec.max_frame, self._reactor, incarnation.warden, self)
        self._exchange = Exchange(
            repr(spec.id),
            self._wires.reception,
            self._reactor,
            lambda problem: self._end(ProtocolViolation(problem)),
        )
        self._wires.reception.post(
            Launch(spec.id, incarnation.number, incarnation.actor_urn), incarnation.payload
        )
        self._set_timer(spec.start_timeout, lambda: self._end(StartTimedOut(spec.start_timeout)))

    # Life, as the wires tell it.

    def frame(self, message: FromRunner, payload: tuple[Buffer, ...]) -> None:
        """Take a frame, in the thread that has received it."""
        self._watch.progressed_at = time.monotonic()
        if self._inbox.received(message, payload):
            return
        if self._exchange is None or not self._exchange.take(message, payload):
            self._reactor.call_soon(lambda: self._take(message))

    def _take(self, message: FromRunner) -> None:
        match message:
            case StatusChanged(status, at):
                self._on_status(status, at)
            case Waiting(waiting_for):
                self._declared = waiting_for
            case Started() if not self._started:
                self._on_started()
            case Leaving(handing_on=True) if self._stop_stage is None and self._own_end is None:
                # The others have time.
                self._cancel_timer()
            case Leaving() | Left():
                self._left = self._left or isinstance(message, Left)
                self._leave(lambda: self._end(Hung(self._spec.stop_timeout)))
            case Terminated(error, phase):
                self._error, self._phase = error, phase
                self._leave(self._kill)
            case _:
                name = type(message).__name__
                self._end(ProtocolViolation(f"{name} is not for the runner to say now"))

    def _leave(self, too_late: Callable[[], object]) -> None:
        """Send nothing to a runner on its way out, which has so much time for that and no more."""
        self._inbox.hold()
        if self._stop_stage is None and self._own_end is None:
            self._set_timer(self._spec.stop_timeout, too_late)
        failed, requested = self._error is not None, self._stop_stage is not None
        self._listener.event(PortLeaving(*self.source, failed, requested))

    def channel_ended(self, problem: WireError | None) -> None:
        """End a process that cannot be spoken with any more."""
        if problem is not None:
            self._end(ProtocolViolation(str(problem)))
        else:
            violation = ProtocolViolation("the runner closed its channel")
            self._reactor.call_later(_CLOSED_GRACE, lambda: self._end(violation))

    def output(self, fd: int, data: bytes) -> None:
        """Pass on what the process has written."""
        if fd == 1:
            self._listener.stdout(self.source, data)
        else:
            if self._expired and len(self._dump) < _DUMP_SIZE:
                self._dump += data[:_DUMP_SIZE]
            self._listener.stderr(self.source, data)

    def ended(self, status: int | None) -> None:
        """Tell the end."""
        facts = Facts(
            status=status,
            own_end=self._own_end,
            own_signals=self._own_signals,
            stop_stage=self._stop_stage,
            error=self._error,
        )
        self._finish(exit_reason(facts))

    def _on_started(self) -> None:
        self._started = True
        if self._stop_stage is None and self._own_end is None and self._wires is not None:
            self._cancel_timer()
            self._inbox.attach(self._wires.reception, self._cancelled)
        self._watch.start()
        self._listener.event(PortStarted(*self.source, self.pid or 0))

    def _on_status(self, status: RunnerStatus, at: float) -> None:
        if self._phase is not Phase.STOPPING:
            self._phase = PHASE_OF.get(type(status), self._phase)
        self._listener.event(PortStatus(*self.source, status, at))

    def _cancelled(self, task: Task) -> None:
        """Take note, in any thread, that the runner was told that nobody waits for a task."""
        if self._ledger is not None:
            self._ledger.note_cancellation()
        self._watch.cancelled(task)

    # What the watch has to say.

    def too_late(self, reason: Hung | Overdue) -> None:
        """End the runner."""
        self._end(reason)

    def expired(self, task: Task) -> None:
        """Fail a task that is beyond its deadline, with the stacks of the runner."""
        task.overdue = True
        self._inbox.cancel(task)
        self._expired.append(task)
        if len(self._expired) == 1:
            self._dump.clear()
            self._signal(DUMP_SIGNAL)
            self._reactor.call_later(_DUMP_TIME, self._fail_expired)

    def _fail_expired(self) -> None:
        expired, self._expired = self._expired, []
        stacks = self._dump.decode("utf-8", "backslashreplace")
        for task in expired:
            limit = self._spec.task_timeout or 0.0
            task.fail(TaskTimedOutError(self._spec.id, task.name, limit, stacks))

    # Death.

    @property
    def _gone(self) -> bool:
        """Whether there is no process any more, or none yet."""
        return self.over.is_set() or self._wires is None or self._wires.exited

    def _stop(self) -> None:
        if self._gone or self._wires is None or self._stop_stage is not None:
            return
        self._stop_stage = StopStage.POLITE
        if self._own_end is not None:
            return
        if not self._started or not self._wires.channel_open:
            self._terminate()
            return
        self._phase = Phase.STOPPING
        self._wires.reception.post(Stop())
        self._set_timer(self._spec.stop_timeout, self._terminate)

    def _terminate(self) -> None:
        if self._gone:
            return
        self._stop_stage = StopStage.TERMINATE
        self._signal(signal.SIGTERM)
        self._set_timer(self._spec.terminate_timeout, self._kill_on_request)

    def _kill_on_request(self) -> None:
        if self._gone:
            return
        self._stop_stage = StopStage.KILL
        self._kill()

    def _end(self, reason: OwnEnd) -> None:
        """End the process for a reason of the port's own; the first reason counts."""
        if self._gone or self._own_end is not None:
            return
        violation = isinstance(reason, ProtocolViolation)
        if self._stop_stage is not None and not violation:
            return
        self._own_end = reason
        if violation:
            self._kill()
            return
        self._signal(DUMP_SIGNAL)
        self._set_timer(_DUMP_TIME, self._kill)

    def _kill(self) -> None:
        if self._gone or self._wires is None:
            return
        self._own_signals |= {signal.SIGKILL}
        self._wires.kill_group()
        self._set_timer(self._spec.kill_timeout, self._give_up)

    def _signal(self, number: signal.Signals) -> None:
        if self._wires is not None:
            self._own_signals |= {number}
            self._wires.signal(number)

    def _give_up(self) -> None:
        if not self._gone and self._wires is not None:
            self._wires.leave()
            self._finish(Unkillable(self._wires.pid, self._spec.kill_timeout))

    def _finish(self, reason: ExitReason) -> None:
        if self.over.is_set():
            return
        self.over.set()
        ended_at = time.monotonic()
        self._cancel_timer()
        self._watch.close()
        self._fail_expired()
        if self._exchange is not None:
            self._exchange.close()
        detached = self._inbox.detach(self.begun)
        # Nobody cancels anything here from now on.
        if self._ledger is not None:
            self._ledger.close()
        failed = is_failure(
            reason,
            started=self._started,
            serving=self._phase in (Phase.SERVING, Phase.STOPPING),
            tasks=0 if self._left else len(detached.tasks),
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
            uptime=ended_at - self._started_clock,
            error_message=str(reason),
        )
        urn, tasks = self._incarnation.actor_urn, list(detached.tasks)
        self._listener.event(PortEnded(*self.source, urn, failed, draft, tasks, ended_at))

    def _set_timer(self, delay: float, call: Callable[[], object]) -> None:
        self._cancel_timer()
        self._timer = self._reactor.call_later(delay, call)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
