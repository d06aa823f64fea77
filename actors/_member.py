"""One runner over all its incarnations, as its supervisor knows it."""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, cast

import pykka

from actors._attributes import Shadow
from actors._inbox import RunnerInbox
from actors._incarnation import Incarnation
from actors._payload import pack_for_start
from actors._port import Port
from actors._port_events import PortEnded
from actors._references import StandIn
from actors._relay import Relay
from actors._services import Services
from actors._warden import Warden
from actors.errors import FrameTooLargeError, SpecError, UnsendableError
from actors.messages import (
    RunnerFailed,
    RunnerIdle,
    RunnerRunning,
    RunnerShuttingDown,
    RunnerStatus,
)
from actors.reasons import LaunchFailed, Phase
from actors.runner import Runner
from actors.specs import RunnerSpec
from actors.termination import RunnerTerminationError
from diagnostics.diagnosis import Diagnosis


class Member:
    """
    What stays when incarnations come and go: the spec, the ref, the inbox.

    Args:
        spec: The runner's spec.
        group_id: Id of its group, if any.
        services: What the supervisor stands on.
        on_stop: Called with the runner's id and the future of a ref's `stop()`.

    Raises:
        SpecError: If the class is no runner, or it or its arguments cannot be pickled.
    """

    def __init__(
        self,
        spec: RunnerSpec,
        group_id: str | None,
        services: Services,
        on_stop: Callable[[str, Any], object],
    ) -> None:
        if not issubclass(spec.runner_class, Runner):
            raise SpecError(
                f"RunnerSpec({spec.id!r})",
                "runner_class",
                f"must be a subclass of actors.Runner, not {spec.runner_class!r}",
            )
        self.spec = spec
        self.group_id = group_id
        self.incarnation = 0
        self.port: Port | None = None
        self.up = False
        self.leaving = False
        """Whether it is up and takes up nothing any more."""
        self.retired = False
        """Whether it is down for good, or until it is revived."""
        self.status: RunnerStatus | None = None
        self._reactor = services.reactor
        self._payload = _payload(spec)
        self._actor = StandIn(spec.runner_class, uuid.uuid4().urn, None)
        self.inbox = RunnerInbox(
            spec.id,
            limit=spec.max_frame,
            max_waiting=spec.max_waiting,
            on_stop=lambda reply_to: on_stop(spec.id, reply_to),
            call_soon=services.reactor.call_soon,
            publish=services.queue,
            wanted=services.events.wanted,
            show=Shadow(self._actor).show,
        )
        self._actor.actor_inbox = self.inbox
        self.ref: pykka.ActorRef[Any] = pykka.ActorRef(cast("Any", self._actor))
        pykka.ActorRegistry.register(self.ref)

    @property
    def source(self) -> tuple[str, int]:
        """Runner and incarnation."""
        return self.spec.id, self.incarnation

    @property
    def status_now(self) -> RunnerStatus | None:
        """Return the last status, or that the runner is busy, which it tells only if asked to."""
        leaving = self.leaving or isinstance(self.status, RunnerShuttingDown)
        if self.port is None or leaving or not self.port.busy:
            return self.status
        # What it said when it came up may still be on its way, and is older than this.
        return RunnerRunning()

    def launch(self, relay: Relay, warden: Warden, environment: Mapping[str, str]) -> None:
        """Start the next incarnation."""
        self.incarnation += 1
        self.up = False
        self.inbox.expect()
        self.leaving = False
        self.port = Port(
            Incarnation(
                spec=self.spec,
                number=self.incarnation,
                group_id=self.group_id,
                actor_urn=self.ref.actor_urn,
                payload=self._payload,
                environment={**environment, **self.spec.environment},
                warden=warden,
            ),
            self._reactor,
            self.inbox,
            relay,
        )
        relay.watch(self.source)
        self.port.launch()

    def not_launched(self, error: RunnerTerminationError) -> PortEnded:
        """Return the end of an incarnation for which not even the environment could be made."""
        self.incarnation += 1
        now = time.time()
        draft = RunnerFailed(
            runner_id=self.spec.id,
            incarnation=self.incarnation,
            pid=None,
            group_id=self.group_id,
            phase=Phase.STARTING,
            reason=LaunchFailed(error),
            diagnosis=Diagnosis(),
            started_at=now,
            failed_at=now,
            uptime=0.0,
            error_message="",
        )
        return PortEnded(*self.source, self.ref.actor_urn, True, draft, [], time.monotonic())

    def started(self) -> None:
        """Take note that the incarnation is up."""
        self.up = True
        self.status = RunnerIdle()

    def retire(self, error: Callable[[], BaseException]) -> None:
        """
        Be down for good, or until `revive`.

        Args:
            error: Makes the error that waiting and later messages are answered with.
        """
        self.inbox.fail(self.inbox.refuse(error).tasks, error)
        self.inbox.fail(self.inbox.detach().tasks, error)
        self.retired = True
        self.fade()

    def fade(self) -> None:
        """Be dead for whoever looks. Idempotent."""
        if not self.ref.actor_stopped.is_set():
            self.ref.actor_stopped.set()
            pykka.ActorRegistry.unregister(self.ref)

    def revive(self) -> None:
        """Be reachable again, before a start."""
        self.retired = False
        self.inbox.reopen()
        if self.ref.actor_stopped.is_set():
            self.ref.actor_stopped.clear()
            pykka.ActorRegistry.register(self.ref)


def _payload(spec: RunnerSpec) -> tuple[Any, ...]:
    """Pickle once what every incarnation is made from."""
    name = f"RunnerSpec({spec.id!r})"
    parts = {"runner_class": spec.runner_class, "args": spec.args, "kwargs": dict(spec.kwargs)}
    try:
        payload = pack_for_start(tuple(parts.values()), "the runner")
    except UnsendableError:
        for field, value in parts.items():
            try:
                pack_for_start(value, field)
            except UnsendableError as error:
                raise SpecError(name, field, f"cannot be pickled: {error.problem}") from error
        raise
    size = sum(memoryview(part).nbytes for part in payload)
    if size > spec.max_frame:
        raise SpecError(name, "args", str(FrameTooLargeError(size, spec.max_frame)))
    return payload
