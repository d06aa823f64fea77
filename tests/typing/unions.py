"""A `match` over any of the unions can be complete, and the checkers know when it is."""

from typing import assert_never, assert_type

import actors
from actors import messages


def every_reason(reason: actors.ExitReason) -> str:  # noqa: C901 - one arm a reason
    assert_type(reason.remedy, str)
    match reason:
        case actors.Stopped(stage):
            assert_type(stage, actors.StopStage)
        case actors.Exited(exit_code):
            assert_type(exit_code, int)
        case actors.Signaled(number, name):
            assert_type(number, int)
            assert_type(name, str)
        case actors.Raised(error) | actors.LaunchFailed(error):
            assert_type(error, actors.RunnerTerminationError)
        case actors.StartTimedOut(timeout):
            assert_type(timeout, float)
        case actors.Overdue(task):
            assert_type(task, str)
        case actors.Hung(waiting_for=whom):
            assert_type(whom, str | None)
        case actors.FatalOutput(cause):
            assert_type(cause, str)
        case actors.ProtocolViolation():
            pass
        case actors.Unkillable(pid=pid):
            assert_type(pid, int)
        case actors.StatusUnknown():
            pass
        case _:
            assert_never(reason)
    return str(reason)


def every_status(status: actors.RunnerStatus) -> bool:
    match status:
        case actors.RunnerIdle() | actors.RunnerConnecting() | actors.RunnerConnected():
            return True
        case actors.RunnerLoading(done, total):
            assert_type(done, int)
            return done < total
        case actors.RunnerLoaded() | actors.RunnerWarmingUp():
            return True
        case actors.RunnerReady() | actors.RunnerRunning():
            return True
        case actors.RunnerShuttingDown() | actors.RunnerShutdown():
            return False
        case actors.RunnerFailed():
            assert_type(status.reason, actors.ExitReason)
            return False
    assert_never(status)


def every_event(event: actors.Event) -> str:
    match event:
        case actors.RunnerStatusUpdated():
            assert_type(event.status, actors.RunnerStatus)
        case actors.RunnerFailed():
            assert_type(event.tasks, tuple[actors.LostTask, ...])
        case actors.TaskAcknowledged() | actors.ChunkGenerated() | actors.ErrorChunk():
            assert_type(event.task_id, int)
        case actors.TaskStatusUpdated(status=status):
            assert_type(status, actors.TaskStatus)
        case actors.GroupRestarting() | actors.GroupGaveUp():
            return event.group_id
        case _:
            assert_never(event)
    return event.runner_id


def every_task_event(event: messages.TaskEvent) -> int:
    match event:
        case actors.TaskAcknowledged() | actors.TaskStatusUpdated() | actors.ChunkGenerated():
            return event.task_id
        case _:
            assert_never(event)


def every_phase(phase: actors.Phase) -> bool:
    match phase:
        case actors.Phase.STARTING | actors.Phase.CONNECTING:
            return False
        case actors.Phase.LOADING | actors.Phase.WARMING_UP:
            return False
        case actors.Phase.SERVING:
            return True
        case actors.Phase.STOPPING:
            return False
        case _:
            assert_never(phase)


def every_task_status(status: actors.TaskStatus) -> bool:
    match status:
        case actors.TaskStatus.RUNNING:
            return False
        case actors.TaskStatus.COMPLETE | actors.TaskStatus.FAILED | actors.TaskStatus.CANCELLED:
            return True
        case _:
            assert_never(status)


def what_an_asker_catches(error: actors.RunnerFailedError | actors.StartFailed) -> str:
    assert_type(error.failure, actors.RunnerFailed)
    assert_type(error.failure.reason, actors.ExitReason)
    assert_type(error.failure.root_cause, str | None)
    return error.failure.error_message
