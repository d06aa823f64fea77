"""Supervisor: the parent actor, and the only publisher of failures."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import pykka

from actors._answer import answer, answer_with_error
from actors._closing_inbox import ClosingInbox
from actors._following import FollowingFuture
from actors._future import RunnerFuture
from actors._group import Group
from actors._group_facts import Fact, SettleDue, StartDue
from actors._member import Member
from actors._port_events import PortLeaving, PortStarted, PortStatus
from actors._services import Services
from actors._stop_request import ActorStop, StopRequested
from actors.errors import (
    ActorsError,
    DuplicateIdError,
    PlatformError,
    SpecError,
    SupervisorStoppedError,
    UnknownRunnerError,
)
from actors.messages import (
    ChunkGenerated,
    RunnerFailed,
    RunnerInfo,
    TaskAcknowledged,
    TaskEvent,
    TaskStatusUpdated,
)
from actors.specs import GroupSpec, RunnerSpec
from diagnostics.actor_messages import DiagnosisMade, FatalFindingSeen

logger: Final = logging.getLogger("actors")

R = TypeVar("R", bound=pykka.Actor)

_LAST_ORDERS: Final = 10.0
"""Seconds that a supervisor which ends in disorder waits for its killed runners."""


class Supervisor(pykka.ThreadingActor):
    """
    Starts, watches, restarts and stops runners, and explains their deaths.

    `Supervisor.start()` gives a plain `pykka.ActorRef`; its methods are called through
    `ref.proxy()`, or through a [`SupervisorProxy`][actors.SupervisorProxy], which type checkers
    understand. [`supervise`][actors.supervise] gives one, and stops everything at the end.
    Stopping the ref stops every runner first, and its future answers when all are gone.

    Args:
        diagnosis_timeout: Seconds that a diagnosis may take before the failure goes on
            without one.
        log_folder: Folder in which the output of each runner is kept, in
            `ID.stdout.log` and `ID.stderr.log`, rotated at 16 MiB. `None`: nowhere.
    """

    def __init__(
        self,
        *,
        diagnosis_timeout: float = 2.0,
        log_folder: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        self.actor_inbox: ClosingInbox
        self._log_folder = Path(log_folder) if log_folder is not None else None
        self._patience = diagnosis_timeout
        self._groups: dict[str, Group] = {}
        self._group_of: dict[str, Group] = {}
        self._stopping: RunnerFuture[Any] | None = None
        self._services: Services

    # What users call, by proxy.

    def start_runner(self, spec: RunnerSpec[R]) -> pykka.Future[pykka.ActorRef[R]]:
        """
        Start one runner.

        Args:
            spec: The runner.

        Returns:
            By the proxy's future, the ref, once `__init__` and `on_start` have returned.

        Raises:
            SpecError: If the spec cannot be right.
            DuplicateIdError: If the id is in use.
            StartFailed: If the runner ended, or had to be ended, before it was up.
            SupervisorStoppedError: If the supervisor is stopping.
            PlatformError: If the system is not POSIX.
        """
        if not isinstance(spec, RunnerSpec):
            raise SpecError("start_runner", "spec", f"must be a RunnerSpec, not {spec!r}")
        self._check_new(spec.id)
        return self._start_group(spec, [self._member(spec, None)])

    def start_group(self, spec: GroupSpec) -> pykka.Future[dict[str, pykka.ActorRef[Any]]]:
        """
        Start runners that live and die together.

        Args:
            spec: The group.

        Returns:
            By the proxy's future, the refs by id, once every member is up.

        Raises:
            SpecError: If the spec cannot be right.
            DuplicateIdError: If an id is in use.
            StartFailed: If a member ended before all were up; the others are stopped then.
            SupervisorStoppedError: If the supervisor is stopping.
            PlatformError: If the system is not POSIX.
        """
        if not isinstance(spec, GroupSpec):
            raise SpecError("start_group", "spec", f"must be a GroupSpec, not {spec!r}")
        self._check_new(spec.id, *(member.id for member in spec.members))
        members: list[Member] = []
        try:
            for each in spec.members:
                members.append(self._member(each, spec.id))  # noqa: PERF401 - see below
        except SpecError:
            for member in members:
                member.retire(lambda: SupervisorStoppedError("the group was not started"))
            raise
        return self._start_group(spec, members)

    def stop_runner(self, runner_id: str) -> pykka.Future[bool]:
        """
        Stop a runner for good: politely, then by SIGTERM, then by SIGKILL.

        Args:
            runner_id: Its id.

        Returns:
            By the proxy's future, `True`, once its process is gone.

        Raises:
            UnknownRunnerError: If there is no such runner.
        """
        return self._find(runner_id).stop([runner_id])

    def stop_group(self, group_id: str) -> pykka.Future[bool]:
        """
        Stop every member of a group for good.

        Args:
            group_id: Id of the group.

        Returns:
            By the proxy's future, `True`, once all processes are gone.

        Raises:
            UnknownRunnerError: If there is no such group.
        """
        if group_id not in self._groups:
            raise UnknownRunnerError(f"there is no group {group_id!r} here")
        return self._groups[group_id].stop()

    def restart_runner(self, runner_id: str) -> None:
        """
        Stop a runner and start it again. This does not count against its intensity.

        Args:
            runner_id: Its id.

        Raises:
            UnknownRunnerError: If there is no such runner.
        """
        self._find(runner_id).restart([runner_id])

    def runners(self) -> tuple[RunnerInfo, ...]:
        """Return id, group, status, pid and incarnation of every runner."""
        return tuple(
            RunnerInfo(
                runner_id=each,
                group_id=member.group_id,
                status=member.status_now,
                pid=member.port.pid if member.port is not None else None,
                incarnation=member.incarnation,
            )
            for group in self._groups.values()
            for each, member in group.members.items()
        )

    def subscribe(self, target: pykka.ActorRef[Any] | Callable[[Any], object], *types: Any) -> None:
        """
        Tell somebody of events from now on.

        Args:
            target: A ref, which gets them by `tell`, or a callable, which is called in a
                thread of the supervisor's own, one event at a time.
            types: Classes of events; none means all.

        Raises:
            SpecError: If the target or a type cannot be one.
        """
        self._services.events.subscribe(target, *types)

    def unsubscribe(
        self, target: pykka.ActorRef[Any] | Callable[[Any], object], *types: Any
    ) -> bool:
        """
        Tell somebody no more.

        Args:
            target: As it was subscribed.
            types: As they were subscribed; none means all.

        Returns:
            Whether it was subscribed.

        Raises:
            SpecError: If the target or a type cannot be one.
        """
        return self._services.events.unsubscribe(target, *types)

    def failures(self) -> tuple[RunnerFailed, ...]:
        """Return the failures published so far, oldest first, at most 1000."""
        return tuple(self._services.failures)

    # Pykka's hooks.

    @staticmethod
    def _create_future() -> pykka.Future[Any]:
        return FollowingFuture()

    @staticmethod
    def _create_actor_inbox() -> ClosingInbox:
        return ClosingInbox()

    def on_start(self) -> None:
        """Start what the supervisor itself stands on."""
        self._services = Services(self.actor_ref, self._patience, self._log_folder)

    def on_receive(self, message: Any) -> Any:
        """
        Pass on what ports, timers and the diagnostic actor have to say.

        Args:
            message: One of this package's own, or any event that is to be published.
        """
        match message:
            case TaskAcknowledged() | TaskStatusUpdated() | ChunkGenerated():
                self._services.events.publish(message)
            case StopRequested(runner_id, reply_to):
                self._stop_by_ref(runner_id, reply_to)
            case SettleDue(group_id) | StartDue(group_id):
                self._take(self._groups.get(group_id), message)
            case PortStatus(runner_id) | PortStarted(runner_id) | PortLeaving(runner_id):
                self._take(self._group_of.get(runner_id), message)
            case DiagnosisMade((str(runner_id), _)) | FatalFindingSeen((str(runner_id), _)):
                self._take(self._group_of.get(runner_id), message)
            case _:
                return super().on_receive(message)
        return None

    @staticmethod
    def _take(group: Group | None, fact: Fact) -> None:
        """Tell a group, unless it is retired: the news was on its way then."""
        if group is not None:
            group.take(fact)

    def _handle_receive(self, message: Any) -> Any:
        """Stop only when every runner is gone, without waiting in the mailbox."""
        if isinstance(message, ActorStop):
            return self._begin_to_stop()
        try:
            return super()._handle_receive(message)
        except ActorsError as error:
            # A future, not an exception: what nobody waits for (`defer`) must not end the
            # supervisor, and with it every runner.
            logger.info("%s could not do as it was told: %s", self, error)
            refused: RunnerFuture[Any] = RunnerFuture()
            refused.set_exception((type(error), error, error.__traceback__))
            return refused

    def _actor_loop_teardown(self) -> None:
        """Leave nothing behind, whether the end was asked for or is a bug of ours."""
        self._abandon()
        self.actor_inbox.close(self._part_with)
        # Not there if it could not be made: then nothing was started either.
        if "_services" in vars(self):
            self._services.close()
        if self._stopping is not None:
            self._stopping.set(None)

    def _part_with(self, envelope: Any) -> None:
        """Publish what is still to be told of tasks, and refuse all else that comes too late."""
        if isinstance(envelope.message, TaskEvent) and "_services" in vars(self):
            self._services.publish(envelope.message)
        else:
            _refuse(envelope)

    def _retired(self, group: Group) -> None:
        """Forget a group in which nobody will run any more."""
        del self._groups[group.id]
        for each in group.members:
            del self._group_of[each]
        self._stop_if_done()

    def _check_new(self, *ids: str) -> None:
        if os.name != "posix":
            raise PlatformError(
                f"runners need a POSIX system (Linux, macOS); this one is {os.name!r}"
            )
        if self._stopping is not None:
            raise SupervisorStoppedError("the supervisor is stopping and starts nothing new")
        for each in ids:
            if each in self._groups or each in self._group_of:
                raise DuplicateIdError("supervisor", "id", f"{each!r} is in use")

    def _member(self, spec: RunnerSpec, group_id: str | None) -> Member:
        return Member(spec, group_id, self._services, self._on_ref_stop)

    def _start_group(
        self, spec: GroupSpec | RunnerSpec, members: list[Member]
    ) -> RunnerFuture[Any]:
        group = Group(spec, members, self._services, self._retired)
        self._groups[group.id] = group
        for each in group.members:
            self._group_of[each] = group
        return group.start()

    def _find(self, runner_id: str) -> Group:
        group = self._group_of.get(runner_id)
        if group is None:
            raise UnknownRunnerError(f"there is no runner {runner_id!r} here")
        return group

    def _on_ref_stop(self, runner_id: str, reply_to: Any) -> None:
        """Take the `stop()` of a runner's ref, in the caller's thread."""
        try:
            self.actor_ref.tell(StopRequested(runner_id, reply_to))
        except pykka.ActorDeadError as error:
            if reply_to is not None:
                reply_to.set_exception((type(error), error, None))

    def _stop_by_ref(self, runner_id: str, reply_to: Any) -> None:
        group = self._group_of.get(runner_id)
        stopped = group.stop([runner_id]) if group is not None else None
        if reply_to is None:
            return
        if stopped is None:
            reply_to.set(None)
        else:
            reply_to.set_get_hook(lambda timeout: stopped.get(timeout=timeout))

    def _begin_to_stop(self) -> RunnerFuture[Any]:
        if self._stopping is None:
            self._stopping = RunnerFuture()
            for group in reversed(tuple(self._groups.values())):
                group.stop()
            self._stop_if_done()
        return self._stopping

    def _stop_if_done(self) -> None:
        if self._stopping is not None and not self._groups and not self.actor_stopped.is_set():
            self._stop()

    def _abandon(self) -> None:
        """End every runner that is left, at once. In an orderly stop there is none."""
        groups, self._groups, self._group_of = tuple(self._groups.values()), {}, {}
        ports = [port for group in groups for port in group.abandon(_ended)]
        deadline = time.monotonic() + _LAST_ORDERS
        left = [each for each in ports if not each.over.wait(max(0.0, deadline - time.monotonic()))]
        if left:
            logger.error("processes could not be ended: %s", [port.pid for port in left])


def _ended() -> SupervisorStoppedError:
    return SupervisorStoppedError("the supervisor has ended")


def _refuse(envelope: Any) -> None:
    """Answer a message that comes too late."""
    message, reply_to = envelope.message, envelope.reply_to
    if isinstance(message, StopRequested):
        reply_to = message.reply_to
    if reply_to is None:
        return
    if isinstance(message, ActorStop | StopRequested):
        answer(reply_to, None)
    else:
        answer_with_error(reply_to, _ended())
