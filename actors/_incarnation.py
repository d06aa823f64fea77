"""What a port is given: what to start, and whom to tell."""

from collections.abc import Mapping
from typing import Protocol

import attrs

from actors._framing import Buffer
from actors._port_events import PortEvent
from actors._warden import Warden
from actors.specs import RunnerSpec


class PortListener(Protocol):
    """Whom a port tells what happens. Every method is called in the reactor's thread."""

    def event(self, event: PortEvent) -> None:
        """Take note of a fact."""

    def stderr(self, source: tuple[str, int], data: bytes) -> None:
        """Take what the runner has written to fd 2."""

    def stdout(self, source: tuple[str, int], data: bytes) -> None:
        """Take what the runner has written to fd 1."""


@attrs.frozen(kw_only=True)
class Incarnation:
    """
    What a port needs to know about the process it starts.

    Attributes:
        spec: The runner's spec.
        number: Number of the process, counted from 1.
        group_id: Id of the runner's group, if any.
        actor_urn: URN of the runner's ref.
        payload: The pickled class, arguments and keywords.
        environment: Variables added to the process's environment.
        warden: Who ends the process if this one ends.
    """

    spec: RunnerSpec
    number: int
    group_id: str | None
    actor_urn: str
    payload: tuple[Buffer, ...]
    environment: Mapping[str, str]
    warden: Warden
