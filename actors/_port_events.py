"""What a port tells its supervisor."""

from typing import TypeAlias

import attrs

from actors._task import Task
from actors.messages import RunnerFailed, RunnerStatus


@attrs.frozen
class PortStarted:
    """The runner's `__init__` and `on_start` have returned."""

    runner_id: str
    incarnation: int
    pid: int


@attrs.frozen
class PortStatus:
    """The runner has changed its state."""

    runner_id: str
    incarnation: int
    status: RunnerStatus
    at: float


@attrs.frozen
class PortLeaving:
    """
    The runner takes up nothing any more, and calls its last hook.

    Attributes:
        runner_id: Id of the runner.
        incarnation: Number of the process.
        failed: Whether an exception is the reason.
        requested: Whether it was asked to.
    """

    runner_id: str
    incarnation: int
    failed: bool
    requested: bool


@attrs.frozen
class PortEnded:
    """
    The incarnation is over: reaped, and every byte that it wrote was read.

    Attributes:
        runner_id: Id of the runner.
        incarnation: Number of the process.
        actor_urn: URN of the runner's ref; the id may be another runner's by now.
        failed: Whether this end is a failure.
        draft: The failure without its diagnosis, or the end in the same form if it is none.
        tasks: The tasks that were in flight, still to be ended; see `take_tasks`.
        ended_at: Monotonic time of the end.
    """

    runner_id: str
    incarnation: int
    actor_urn: str
    failed: bool
    draft: RunnerFailed
    tasks: list[Task]
    ended_at: float

    @property
    def source(self) -> tuple[str, int]:
        """The name under which the diagnostic actor knows this incarnation's output."""
        return self.runner_id, self.incarnation

    def take_tasks(self) -> tuple[Task, ...]:
        """
        Return the tasks, and let go of them.

        An actor keeps its last message until the next one comes. Where a task has failed, its
        future has the exception, whose traceback has all that the asker's frames held.
        """
        tasks = tuple(self.tasks)
        self.tasks.clear()
        return tasks


PortEvent: TypeAlias = PortStarted | PortStatus | PortLeaving | PortEnded
"""Everything that a port tells its supervisor."""
