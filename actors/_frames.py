"""What crosses the channel between a runner's process and its port. Private to both."""

from typing import TypeAlias

import attrs

from actors.messages import RunnerStatus
from actors.reasons import Phase
from actors.termination import RunnerTerminationError


@attrs.frozen
class Launch:
    """First frame to the runner. Payload: the pickled class, arguments and keywords."""

    runner_id: str
    incarnation: int
    actor_urn: str


@attrs.frozen
class Request:
    """A message to handle. Payload: the pickled message. Task 0 is a `tell`."""

    task_id: int


@attrs.frozen
class Credit:
    """The reader of a stream can take this many more chunks."""

    task_id: int
    chunks: int


@attrs.frozen
class CancelTask:
    """Nobody waits for this task any more."""

    task_id: int


@attrs.frozen
class Stop:
    """Handle what came before, then stop."""


@attrs.frozen
class Started:
    """`__init__` and `on_start` have returned."""


@attrs.frozen
class StatusChanged:
    """The runner has changed its state."""

    status: RunnerStatus
    at: float


@attrs.frozen
class Acknowledged:
    """The runner has taken a task up."""

    task_id: int


@attrs.frozen
class Reply:
    """A task's answer. Payload: the pickled value."""

    task_id: int


@attrs.frozen
class ReplyError:
    """A task's handler raised. Payload: the pickled exception, or none if it cannot be."""

    task_id: int
    error: RunnerTerminationError


@attrs.frozen
class StreamOpened:
    """A task is answered with a stream."""

    task_id: int


@attrs.frozen
class Chunk:
    """One piece of a stream. Payload: the pickled piece."""

    task_id: int
    sequence: int


@attrs.frozen
class StreamClosed:
    """A stream has ended of itself (`cancelled` false) or by request."""

    task_id: int
    cancelled: bool = False


@attrs.frozen
class Waiting:
    """What the runner says it waits for from here on, `None` for nothing."""

    waiting_for: str | None


@attrs.frozen
class Terminated:
    """Last frame of a runner that a Python exception ends."""

    error: RunnerTerminationError
    phase: Phase


ToRunner: TypeAlias = Launch | Request | Credit | CancelTask | Stop
"""Every frame that a port sends."""

FromRunner: TypeAlias = (
    Started
    | StatusChanged
    | Acknowledged
    | Reply
    | ReplyError
    | StreamOpened
    | Chunk
    | StreamClosed
    | Waiting
    | Terminated
)
"""Every frame that a runner sends: the seed's `Event | RunnerTerminationError`."""
