"""The messages that tell an actor to stop."""

from typing import Any, Final

import attrs
from pykka import messages
from pykka._envelope import Envelope

ActorStop: Final = messages._ActorStop  # noqa: SLF001 - Pykka's own word, which has no public name
"""What a ref's `stop()` puts into its actor's inbox."""


def is_stop(envelope: Any) -> bool:
    """Return whether an envelope in an inbox tells its actor to stop."""
    # Others are unpickled when their message is looked at; a stop is never sent as a pickle.
    return isinstance(envelope, Envelope) and isinstance(envelope.message, ActorStop)


@attrs.frozen
class StopRequested:
    """
    Somebody has called `stop()` on a runner's ref.

    Attributes:
        runner_id: Id of the runner.
        reply_to: The future of that call, or `None`.
    """

    runner_id: str
    reply_to: Any
