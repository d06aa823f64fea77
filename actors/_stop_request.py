"""The message that a runner's ref sends when it is told to stop."""

from typing import Any

import attrs


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
