"""Runners as Pykka actors in processes of their own, supervised, every death explained."""

from typing import TYPE_CHECKING

from actors._future import RunnerFuture
from actors._stream import Stream
from actors._version import __version__
from actors.errors import (
    ActorsError,
    DuplicateIdError,
    FrameTooLargeError,
    NotConcurrentError,
    PlatformError,
    RemoteError,
    RunnerFailedError,
    RunnerStoppedError,
    RunnerUnavailableError,
    SpecError,
    StartFailed,
    SupervisorStoppedError,
    TaskCancelledError,
    TaskTimedOutError,
    UnknownRunnerError,
    UnsendableError,
    WaitInSignalHandlerError,
    WireError,
)
from actors.messages import (
    ChunkGenerated,
    ErrorChunk,
    Event,
    GroupGaveUp,
    GroupRestarting,
    LostTask,
    Progress,
    RunnerConnected,
    RunnerConnecting,
    RunnerFailed,
    RunnerIdle,
    RunnerInfo,
    RunnerLoaded,
    RunnerLoading,
    RunnerReady,
    RunnerRunning,
    RunnerShutdown,
    RunnerShuttingDown,
    RunnerStatus,
    RunnerStatusUpdated,
    RunnerWarmingUp,
    TaskAcknowledged,
    TaskStatus,
    TaskStatusUpdated,
)
from actors.reasons import (
    Exited,
    ExitReason,
    FatalOutput,
    Hung,
    LaunchFailed,
    Overdue,
    Phase,
    ProtocolViolation,
    Raised,
    Signaled,
    StartTimedOut,
    StatusUnknown,
    Stopped,
    StopStage,
    Unkillable,
)
from actors.runner import Runner
from actors.termination import RunnerTerminationError
from diagnostics._later import later

if TYPE_CHECKING:
    from actors._events import EventStream
    from actors.specs import (
        Backoff,
        GroupEnvironment,
        GroupSpec,
        Intensity,
        Restart,
        RunnerSpec,
        Strategy,
    )
    from actors.supervisor import Supervisor
    from actors.supervisor_proxy import SupervisorProxy, supervise
else:
    # What supervises: a runner's process, of which there may be many, has no use for it, and to
    # import it takes as long as everything else together.
    __getattr__ = later(
        __name__,
        {
            "Backoff": "actors.specs",
            "EventStream": "actors._events",
            "GroupEnvironment": "actors.specs",
            "GroupSpec": "actors.specs",
            "Intensity": "actors.specs",
            "Restart": "actors.specs",
            "RunnerSpec": "actors.specs",
            "Strategy": "actors.specs",
            "Supervisor": "actors.supervisor",
            "SupervisorProxy": "actors.supervisor_proxy",
            "supervise": "actors.supervisor_proxy",
        },
    )

__all__ = [
    "ActorsError",
    "Backoff",
    "ChunkGenerated",
    "DuplicateIdError",
    "ErrorChunk",
    "Event",
    "EventStream",
    "ExitReason",
    "Exited",
    "FatalOutput",
    "FrameTooLargeError",
    "GroupEnvironment",
    "GroupGaveUp",
    "GroupRestarting",
    "GroupSpec",
    "Hung",
    "Intensity",
    "LaunchFailed",
    "LostTask",
    "NotConcurrentError",
    "Overdue",
    "Phase",
    "PlatformError",
    "Progress",
    "ProtocolViolation",
    "Raised",
    "RemoteError",
    "Restart",
    "Runner",
    "RunnerConnected",
    "RunnerConnecting",
    "RunnerFailed",
    "RunnerFailedError",
    "RunnerFuture",
    "RunnerIdle",
    "RunnerInfo",
    "RunnerLoaded",
    "RunnerLoading",
    "RunnerReady",
    "RunnerRunning",
    "RunnerShutdown",
    "RunnerShuttingDown",
    "RunnerSpec",
    "RunnerStatus",
    "RunnerStatusUpdated",
    "RunnerStoppedError",
    "RunnerTerminationError",
    "RunnerUnavailableError",
    "RunnerWarmingUp",
    "Signaled",
    "SpecError",
    "StartFailed",
    "StartTimedOut",
    "StatusUnknown",
    "StopStage",
    "Stopped",
    "Strategy",
    "Stream",
    "Supervisor",
    "SupervisorProxy",
    "SupervisorStoppedError",
    "TaskAcknowledged",
    "TaskCancelledError",
    "TaskStatus",
    "TaskStatusUpdated",
    "TaskTimedOutError",
    "Unkillable",
    "UnknownRunnerError",
    "UnsendableError",
    "WaitInSignalHandlerError",
    "WireError",
    "__version__",
    "supervise",
]


def __dir__() -> list[str]:
    """Return what there is, loaded or not."""
    return sorted({*globals(), *__all__})
