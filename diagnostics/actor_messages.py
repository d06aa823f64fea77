"""What the diagnostic actor is told and what it tells."""

from collections.abc import Hashable
from typing import Any

import attrs
import pykka

from diagnostics.diagnosis import Diagnosis, Ending
from diagnostics.findings import Finding


def _hashable(_: object, __: object, value: Hashable) -> None:
    # Raises where the message is made, not in the actor or in another sender.
    hash(value)


@attrs.frozen
class Watch:
    """
    A process is about to print.

    Attributes:
        source: What the process is known by here.
        reply_to: Who is told `FatalFindingSeen`; may be `None`.
        platform: The `sys.platform` of the process; `None` for that of this one.
    """

    source: Hashable = attrs.field(validator=_hashable)
    reply_to: pykka.ActorRef[Any] | None = None
    platform: str | None = None


@attrs.frozen
class OutputReceived:
    """
    A process printed something.

    Attributes:
        source: What the process is known by here.
        data: The bytes, cut anywhere.
        at: When they arrived, in seconds since the epoch.
    """

    source: Hashable = attrs.field(validator=_hashable)
    data: bytes = attrs.field(validator=attrs.validators.instance_of(bytes))
    at: float


@attrs.frozen
class OutputLost:
    """
    Output of a process was thrown away before it could be looked at.

    Attributes:
        source: What the process is known by here.
        n_bytes: How much.
    """

    source: Hashable = attrs.field(validator=_hashable)
    n_bytes: int = attrs.field(validator=attrs.validators.instance_of(int))


@attrs.frozen
class DiagnosisRequested:
    """
    A process has ended and all its output has been sent; what happened?

    Attributes:
        source: What the process is known by here; it is forgotten with this.
        ending: How it ended.
        subject: Anything; it comes back with the answer.
        reply_to: Who is told `DiagnosisMade`.
        pid: The process; without it the system is asked only for what is about no process.
        expected: Whether somebody ended it on purpose; then the system is not asked.
    """

    source: Hashable = attrs.field(validator=_hashable)
    ending: Ending
    subject: Any
    reply_to: pykka.ActorRef[Any]
    pid: int | None = None
    expected: bool = False


@attrs.frozen
class DiagnosisMade:
    """
    The answer to `DiagnosisRequested`; there is always one.

    Attributes:
        source: As in the request.
        diagnosis: What is known; its `problem` says if making it failed.
        subject: As in the request.
    """

    source: Hashable = attrs.field(validator=_hashable)
    diagnosis: Diagnosis
    subject: Any


@attrs.frozen
class FatalFindingSeen:
    """
    A process that may still be running has printed that it is lost.

    Attributes:
        source: What the process is known by here.
        finding: The finding.
    """

    source: Hashable = attrs.field(validator=_hashable)
    finding: Finding


@attrs.frozen
class Forget:
    """
    Nobody will ask about this process.

    Attributes:
        source: What the process is known by here.
    """

    source: Hashable = attrs.field(validator=_hashable)
