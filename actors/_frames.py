"""What crosses the channel between a runner's process and its port. Private to both."""

import enum
from typing import Final, NamedTuple, TypeAlias

import attrs

from actors.messages import RunnerStatus
from actors.reasons import Phase
from actors.termination import RunnerTerminationError

new: Final = tuple.__new__
"""Makes a named tuple in half the time of its own constructor: one is made for each message."""

# The frames of a task, of which there may be very many: two numbers each, which fit into the
# header of a frame (`actors._framing`), so that nothing has to be encoded.


class Request(NamedTuple):
    """A message to handle. Payload: the pickled message. Task 0 is a `tell`."""

    task_id: int
    observed: bool = False
    """Whether somebody wants to be told when it is taken up."""


class Credit(NamedTuple):
    """The reader of a stream can take chunks for so much more (`actors._stream.price`)."""

    task_id: int
    amount: int


class CancelTask(NamedTuple):
    """Nobody waits for this task any more."""

    task_id: int


class Acknowledged(NamedTuple):
    """The runner has taken an observed task up."""

    task_id: int


class Reply(NamedTuple):
    """A task's answer. Payload: the pickled value."""

    task_id: int


class StreamOpened(NamedTuple):
    """A task is answered with a stream."""

    task_id: int


class Chunk(NamedTuple):
    """One piece of a stream. Payload: the pickled piece."""

    task_id: int
    sequence: int


class StreamClosed(NamedTuple):
    """A task has ended without an answer of its own: its stream is over, or it was cancelled."""

    task_id: int
    cancelled: bool = False


class Errand(enum.IntEnum):
    """What a runner has a message forwarded for."""

    ASK = 0
    TELL = 1
    STOP = 2
    PROBE = 3
    """To learn whether the actor is alive."""


class Forward(NamedTuple):
    """
    A message from a runner to another actor, to be passed on by its parent.

    Payload: the actor's URN and the message's name, with a line feed between them; then the
    pickled message, if it is an ask or a tell. The answer comes back in the frames in which a
    runner answers its parent, and `Credit` and `CancelTask` go the other way, too. Tasks are
    numbered by the runner, tells included, so that a frame that is delivered twice is known.
    """

    task_id: int
    errand: int


# The others, which are encoded by `actors.wire`.


@attrs.frozen
class Launch:
    """First frame to the runner. Payload: the pickled class, arguments and keywords."""

    runner_id: str
    incarnation: int
    actor_urn: str


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
class ReplyError:
    """
    A task's handler raised. Payload: the pickled exception, or none if it cannot be.

    For task 0: a message that nobody waits for could not be read, and was dropped.
    """

    task_id: int
    error: RunnerTerminationError


@attrs.frozen
class AttributesChanged:
    """
    What proxies can see of the runner has changed.

    Attributes:
        values: Paths of attributes to read and set, such as `player.volume`.
        callables: Paths of attributes to call.
        traversables: Paths of attributes that have attributes to see.
    """

    values: tuple[str, ...]
    callables: tuple[str, ...]
    traversables: tuple[str, ...]


@attrs.frozen
class Waiting:
    """What the runner says it waits for from here on, `None` for nothing."""

    waiting_for: str | None


@attrs.frozen
class Leaving:
    """
    The runner has stopped and calls its last hook. It takes up nothing any more.

    Attributes:
        handing_on: Whether that is done, and others owe the answers that it waits for now.
    """

    handing_on: bool = False


@attrs.frozen
class Left:
    """The runner has stopped, in order. It answers nothing any more."""


@attrs.frozen
class Terminated:
    """An exception ends the runner, which calls its last hook. It takes up nothing any more."""

    error: RunnerTerminationError
    phase: Phase


Compact: TypeAlias = (
    Request
    | Credit
    | CancelTask
    | Acknowledged
    | Reply
    | StreamOpened
    | Chunk
    | StreamClosed
    | Forward
)
"""Every frame that is nothing but numbers."""

Encoded: TypeAlias = (
    Launch
    | Stop
    | Started
    | StatusChanged
    | AttributesChanged
    | ReplyError
    | Waiting
    | Leaving
    | Left
    | Terminated
)
"""Every frame that the converter reads and writes."""

Answer: TypeAlias = Reply | ReplyError | StreamOpened | Chunk | StreamClosed
"""Every frame that answers a task."""

ToRunner: TypeAlias = Launch | Request | Credit | CancelTask | Stop | Answer
"""Every frame that a port sends."""

Outward: TypeAlias = Forward | Credit | CancelTask
"""Every frame in which a runner asks for something itself."""

FromRunner: TypeAlias = (
    Started
    | StatusChanged
    | AttributesChanged
    | Acknowledged
    | Reply
    | ReplyError
    | StreamOpened
    | Chunk
    | StreamClosed
    | Waiting
    | Leaving
    | Left
    | Terminated
    | Outward
)
"""Every frame that a runner sends: the seed's `Event | RunnerTerminationError`."""
