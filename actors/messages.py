"""The facts that supervisors publish: statuses, tasks, chunks and failures."""

import enum
from collections.abc import Mapping
from typing import Final, TypeAlias

import attrs

from actors.reasons import ExitReason, Phase
from diagnostics.diagnosis import Diagnosis
from diagnostics.findings import Finding, Role


@attrs.frozen
class Progress:
    """
    Yielded by `Runner.load`: how far the loading has come.

    Attributes:
        layers_loaded: Units loaded so far.
        total_layers: Units in all.
    """

    layers_loaded: int
    total_layers: int


@attrs.frozen
class RunnerIdle:
    """`__init__` and `on_start` have returned."""


@attrs.frozen
class RunnerConnecting:
    """`connect` is running."""


@attrs.frozen
class RunnerConnected:
    """`connect` has returned."""


@attrs.frozen
class RunnerLoading:
    """
    `load` is running.

    Attributes:
        layers_loaded: Units loaded so far.
        total_layers: Units in all; 0 while unknown.
    """

    layers_loaded: int = 0
    total_layers: int = 0


@attrs.frozen
class RunnerLoaded:
    """`load` has returned."""


@attrs.frozen
class RunnerWarmingUp:
    """`warm_up` is running."""


@attrs.frozen
class RunnerReady:
    """Every lifecycle hook has returned and no task is running."""


@attrs.frozen
class RunnerRunning:
    """A task is being handled."""


@attrs.frozen
class RunnerShuttingDown:
    """The runner was asked to stop."""


@attrs.frozen
class RunnerShutdown:
    """The process has ended on request."""


@attrs.frozen
class LostTask:
    """
    A task that was in flight when its runner ended.

    Attributes:
        task_id: Number of the task, unique for its runner.
        message_type: Qualified name of the message's class, or the path of the attribute that a
            proxy calls, reads or sets.
        acknowledged: Whether the runner had taken it up.
        chunks: How many chunks of its stream had arrived.
    """

    task_id: int
    message_type: str
    acknowledged: bool = False
    chunks: int = 0


@attrs.frozen(kw_only=True)
class RunnerFailed:
    """
    One runner's death, explained. Published once per incarnation, by its supervisor alone.

    Attributes:
        runner_id: Id of the runner, from its spec.
        incarnation: Number of the process, counted from 1; a restart is the next.
        pid: Process id, or `None` if no process could be launched.
        group_id: Id of the group the runner belongs to, if any.
        phase: How far the runner had come.
        reason: How the process ended.
        diagnostics: What its output is known to mean, most likely cause first; no notes.
        diagnosis: All findings, the tail of the output, and what was dropped.
        tasks: The tasks that were in flight. Each was failed with this failure.
        role: Whether this failure is the root cause or followed from another's.
        root_cause: Id of the runner that failed first of itself, or `None` if unknown.
        started_at: Wall time of the launch, in seconds since the epoch.
        failed_at: Wall time at which the end was seen, in seconds since the epoch.
        uptime: Seconds between the two, by a monotonic clock.
        error_message: One line for people.
    """

    runner_id: str
    incarnation: int
    pid: int | None
    group_id: str | None = None
    phase: Phase
    reason: ExitReason
    diagnostics: tuple[Finding, ...] = ()
    diagnosis: Diagnosis
    tasks: tuple[LostTask, ...] = ()
    role: Role = Role.ROOT
    root_cause: str | None = None
    started_at: float
    failed_at: float
    uptime: float
    error_message: str


RunnerStatus: TypeAlias = (
    RunnerIdle
    | RunnerConnecting
    | RunnerConnected
    | RunnerLoading
    | RunnerLoaded
    | RunnerWarmingUp
    | RunnerReady
    | RunnerRunning
    | RunnerShuttingDown
    | RunnerShutdown
    | RunnerFailed
)
"""Every state a runner can be in."""

PHASE_OF: Final[Mapping[type, Phase]] = {
    RunnerIdle: Phase.SERVING,
    RunnerConnecting: Phase.CONNECTING,
    RunnerConnected: Phase.CONNECTING,
    RunnerLoading: Phase.LOADING,
    RunnerLoaded: Phase.LOADING,
    RunnerWarmingUp: Phase.WARMING_UP,
    RunnerReady: Phase.SERVING,
}
"""What a runner is about to do, or has done, in the states that tell it."""


@attrs.frozen
class RunnerStatusUpdated:
    """
    A runner has changed its state.

    Attributes:
        runner_id: Id of the runner.
        incarnation: Number of the process.
        status: The new state.
        at: Wall time in seconds since the epoch, by the runner's clock if it said so itself.
    """

    runner_id: str
    incarnation: int
    status: RunnerStatus
    at: float


class TaskStatus(enum.StrEnum):
    """How far a task has come. The last three are ends, and a task has one end."""

    RUNNING = "running"
    """The runner has taken it up."""

    COMPLETE = "complete"
    """It was answered, or its stream is over."""

    FAILED = "failed"
    """Its handler has raised, it took longer than `task_timeout`, or its runner has ended."""

    CANCELLED = "cancelled"
    """Its asker has given it up."""


@attrs.frozen
class TaskAcknowledged:
    """
    A runner has taken a task up.

    Attributes:
        runner_id: Id of the runner.
        task_id: Number of the task, unique for its runner.
    """

    runner_id: str
    task_id: int


@attrs.frozen
class TaskStatusUpdated:
    """
    A task has changed its state.

    Attributes:
        runner_id: Id of the runner.
        task_id: Number of the task, unique for its runner.
        status: The new state.
    """

    runner_id: str
    task_id: int
    status: TaskStatus


@attrs.frozen
class ChunkGenerated:
    """
    One piece of a streamed answer has come. Its payload goes to the stream's reader only.

    Attributes:
        runner_id: Id of the runner.
        task_id: Number of the task, unique for its runner.
        sequence: Number of the chunk within its stream, counted from 0.
    """

    runner_id: str
    task_id: int
    sequence: int


@attrs.frozen
class ErrorChunk:
    """
    The last chunk of a stream, or the answer to a task, that its runner's death cut off.

    Attributes:
        runner_id: Id of the runner.
        task_id: Number of the task, unique for its runner.
        sequence: Number of the chunk within its stream.
        error_message: One line for people, that of the failure.
        diagnostics: What the runner's output is known to mean.
    """

    runner_id: str
    task_id: int
    sequence: int
    error_message: str
    diagnostics: tuple[Finding, ...] = ()


@attrs.frozen
class GroupRestarting:
    """
    A group, or a single runner, is about to be started again.

    Attributes:
        group_id: Id of the group, or of the runner if it is in no group.
        runner_ids: Who is started again, in order.
        incarnation: Number of the incarnation that comes.
        delay: Seconds until then.
    """

    group_id: str
    runner_ids: tuple[str, ...]
    incarnation: int
    delay: float = 0.0


@attrs.frozen
class GroupGaveUp:
    """
    A group, or a single runner, failed too often and is not started again.

    Attributes:
        group_id: Id of the group, or of the runner if it is in no group.
        runner_ids: Who is down for good.
        explanation: Which limit was reached.
    """

    group_id: str
    runner_ids: tuple[str, ...]
    explanation: str


@attrs.frozen(kw_only=True)
class RunnerInfo:
    """
    What a supervisor knows about a runner right now.

    Attributes:
        runner_id: Id of the runner.
        group_id: Id of its group, if any.
        status: Its last status, or `None` before the first.
        pid: Process id, or `None` while it is down.
        incarnation: Number of the process, counted from 1.
    """

    runner_id: str
    group_id: str | None
    status: RunnerStatus | None
    pid: int | None
    incarnation: int


TaskEvent: TypeAlias = TaskAcknowledged | TaskStatusUpdated | ChunkGenerated
"""What happens to a task while its runner lives."""

Event: TypeAlias = (
    RunnerStatusUpdated | RunnerFailed | TaskEvent | ErrorChunk | GroupRestarting | GroupGaveUp
)
"""Everything a supervisor publishes."""
