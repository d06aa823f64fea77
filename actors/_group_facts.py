"""What a group is told by its supervisor."""

from typing import TypeAlias

import attrs

from actors._port_events import PortLeaving, PortStarted, PortStatus
from diagnostics.actor_messages import DiagnosisMade, FatalFindingSeen


@attrs.frozen
class SettleDue:
    """The time given to a group to end of itself is over."""

    group_id: str
    episode: int


@attrs.frozen
class StartDue:
    """The delay before a restart is over."""

    group_id: str
    ids: tuple[str, ...]
    round: int


Fact: TypeAlias = (
    PortStarted | PortStatus | PortLeaving | DiagnosisMade | FatalFindingSeen | SettleDue | StartDue
)
"""Everything a group has to take note of."""
