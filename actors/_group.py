"""Runners that live and die together, or one alone: performs what `_strategy` decides."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from actors import _strategy
from actors._future import RunnerFuture
from actors._group_facts import Fact, SettleDue, StartDue
from actors._member import Member
from actors._port import Port
from actors._port_events import PortEnded, PortLeaving, PortStarted, PortStatus
from actors._reactor import Timer
from actors._services import Services
from actors._strategy import Action, ExitKind, GiveUp, StartChildren, StopChildren
from actors._surroundings import Surroundings
from actors._task import Task
from actors._verdict import Ended, judge
from actors.errors import RunnerFailedError, RunnerStoppedError, StartFailed
from actors.messages import (
    ErrorChunk,
    GroupGaveUp,
    GroupRestarting,
    RunnerFailed,
    RunnerShutdown,
    RunnerShuttingDown,
    RunnerStatus,
    RunnerStatusUpdated,
)
from actors.reasons import Stopped, Unkillable
from actors.specs import GroupSpec, RunnerSpec, Strategy
from actors.termination import RunnerTerminationError
from diagnostics.actor_messages import DiagnosisMade, FatalFindingSeen
from diagnostics.diagnosis import Diagnosis

logger: Final = logging.getLogger("actors")


class Group:
    """
    The members of a group spec, or the single runner of a runner spec.

    Everything here happens in the supervisor's thread, and nothing waits.

    Args:
        spec: What was declared.
        members: The runners in start order.
        services: What the supervisor stands on.
        on_retired: Called when nobody of the group will run any more.
    """

    def __init__(
        self,
        spec: GroupSpec | RunnerSpec,
        members: Iterable[Member],
        services: Services,
        on_retired: "Callable[[Group], object]",
    ) -> None:
        self.id = spec.id
        self.members: Final = {member.spec.id: member for member in members}
        self._spec = spec if isinstance(spec, GroupSpec) else None
        self._services = services
        self._state = (
            _strategy.new_group(spec) if isinstance(spec, GroupSpec) else _strategy.single(spec)
        )
        self._on_retired = on_retired
        self._surroundings = Surroundings(
            spec.id, spec.environment if isinstance(spec, GroupSpec) else None
        )
        self._rounds = 0
        self._due: dict[str, int] = {}
        self._episode: list[Ended] = []
        self._episodes = 0
        self._settling: Timer | None = None
        self._starting: RunnerFuture[Any] | None = None
        self._start_failure: RunnerFailed | None = None
        self._stops: list[tuple[Mapping[str, int], RunnerFuture[Any]]] = []
        self._last_failure: dict[str, RunnerFailed] = {}
        self._retired = False

    # Requests.

    def start(self) -> RunnerFuture[Any]:
        """Start everybody. The future gives the ref, or the refs by id; or `StartFailed`."""
        self._starting = RunnerFuture()
        starting = self._starting
        for each in self.members:
            self._state, _ = _strategy.child_started(self._state, each)
        self._launch(tuple(self.members))
        return starting

    def stop(self, ids: Iterable[str] | None = None) -> RunnerFuture[Any]:
        """Stop these for good, or everybody. The future gives `True` when they are down."""
        chosen = frozenset(self.members if ids is None else ids)
        if self._episode:
            self._conclude()
        # By incarnation: a restart may be asked for before these are down.
        incarnations = {each: self.members[each].incarnation for each in chosen}
        future: RunnerFuture[Any] = RunnerFuture()
        self._stops.append((incarnations, future))
        for each in chosen:
            error = _stopped_error(each)
            inbox = self.members[each].inbox
            inbox.fail(inbox.refuse(error).tasks, error)
        everybody = chosen == frozenset(self.members)
        self._state, actions = _strategy.stop_requested(self._state, None if everybody else chosen)
        self._perform(actions)
        self._take_stock()
        return future

    def restart(self, ids: Iterable[str] | None = None) -> None:
        """Stop and start these, or everybody, at the user's request."""
        if self._state.ended:
            return
        chosen = tuple(self.members if ids is None else ids)
        for each in chosen:
            self.members[each].revive()
        self._state, actions = _strategy.restart_requested(self._state, chosen, time.monotonic())
        self._perform(actions)
        self._take_stock()

    # Facts.

    def take(self, fact: Fact) -> None:
        """Take note of what ports, timers and the diagnostic actor have to say."""
        match fact:
            case PortStatus():
                self._on_status(fact)
            case PortStarted():
                self._on_started(fact)
            case PortLeaving():
                self._on_leaving(fact)
            case DiagnosisMade(_, diagnosis, ended):
                self._on_ended(ended, diagnosis)
            case FatalFindingSeen((str(runner_id), int(incarnation)), finding):
                self._on_fatal(runner_id, incarnation, finding.cause)
            case SettleDue(_, episode):
                if episode == self._episodes and self._episode:
                    self._conclude()
            case StartDue():
                self._on_start_due(fact)

    def _on_started(self, event: PortStarted) -> None:
        """Take note that a runner is up."""
        member = self.members[event.runner_id]
        if member.port is None or member.incarnation != event.incarnation:
            return
        member.started()
        self._answer_start()

    def _on_leaving(self, event: PortLeaving) -> None:
        """Have a runner that will not be started again be dead for whoever looks, as in Pykka."""
        member = self.members[event.runner_id]
        if member.port is None or member.incarnation != event.incarnation:
            return
        member.leaving = True
        kind = ExitKind.REQUESTED if event.requested else ExitKind.NORMAL
        kind = ExitKind.FAILED if event.failed else kind
        if not _strategy.comes_back(self._state, event.runner_id, kind, time.monotonic()):
            member.fade()

    def _on_status(self, event: PortStatus) -> None:
        """Publish a change of state."""
        member = self.members[event.runner_id]
        # What a runner says of itself while it is on its way out is news of yesterday.
        if member.incarnation == event.incarnation and not isinstance(
            member.status, RunnerShuttingDown
        ):
            self._publish_status(member, event.status, event.at)

    def _on_fatal(self, runner_id: str, incarnation: int, cause: str) -> None:
        """End a runner that has printed a fatal line, if it does not end of itself."""
        member = self.members[runner_id]
        if member.port is not None and member.incarnation == incarnation:
            member.port.fatal(cause)

    def _on_ended(self, event: PortEnded, diagnosis: Diagnosis) -> None:
        """Take note of an end. A second notice of the same end is ignored."""
        member = self.members[event.runner_id]
        # Also of an earlier runner that had the same id.
        if event.actor_urn != member.ref.actor_urn or event.incarnation != member.incarnation:
            return
        if member.port is None:
            return
        member.port = None
        member.up = False
        if event.failed:
            self._failed(Ended(event, diagnosis))
            return
        member.inbox.fail(event.take_tasks(), _stopped_error(event.runner_id))
        self._publish_status(member, RunnerShutdown(), event.draft.failed_at)
        kind = ExitKind.REQUESTED if isinstance(event.draft.reason, Stopped) else ExitKind.NORMAL
        self._exited({event.runner_id: kind})
        if self._episode and not self.alive:
            self._conclude()

    def _on_start_due(self, message: StartDue) -> None:
        """Start those whose delay is over and who were not stopped meanwhile."""
        ids = tuple(each for each in message.ids if self._due.get(each) == message.round)
        for each in ids:
            del self._due[each]
        if ids:
            self._launch(ids)

    def abandon(self, error: Callable[[], BaseException]) -> tuple[Port, ...]:
        """
        End every process at once; the supervisor itself is ending in disorder.

        Returns:
            The ports that are still to end.
        """
        ports = tuple(each.port for each in self.members.values() if each.port is not None)
        for port in ports:
            port.kill()
        for member in self.members.values():
            member.retire(error)
        waiting = [future for _, future in self._stops]
        if self._starting is not None:
            waiting.append(self._starting)
        for future in waiting:
            ended = error()
            future.set_exception((type(ended), ended, None))
        self._surroundings.close()
        return ports

    @property
    def alive(self) -> bool:
        """Whether a process of the group is still to be reaped."""
        return any(member.port is not None for member in self.members.values())

    # Failures.

    def _failed(self, ended: Ended) -> None:
        """Collect what belongs together, then judge it."""
        self._episode.append(ended)
        spec = self._spec
        alone = spec is None or spec.strategy is Strategy.ONE_FOR_ONE or spec.settle == 0
        if alone or not self.alive:
            self._conclude()
        elif self._settling is None and spec is not None:
            self._settling = self._services.remind(spec.settle, SettleDue(self.id, self._episodes))

    def _conclude(self) -> None:
        """Publish the failures of an episode, then act on them."""
        episode, self._episode = self._episode, []
        self._episodes += 1
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        failures = judge(episode)
        tasks = {ended.event.runner_id: ended.event.take_tasks() for ended in episode}
        for failure in failures:
            self._last_failure[failure.runner_id] = failure
            self._services.publish(failure)
            self._publish_status(self.members[failure.runner_id], failure, failure.failed_at)
            self._fail_tasks(failure.runner_id, tasks[failure.runner_id], failure)
        if self._starting is not None:
            self._start_failure = self._start_failure or failures[0]
            self._state, actions = _strategy.stop_requested(self._state)
            self._perform(actions)
        if any(isinstance(failure.reason, Unkillable) for failure in failures):
            # A new process beside one that still holds the memory would fail too.
            self._state, actions = _strategy.stop_requested(self._state)
            self._perform(actions, failures[0])
        self._exited({failure.runner_id: ExitKind.FAILED for failure in failures}, failures[0])

    def _fail_tasks(self, runner_id: str, tasks: Iterable[Task], failure: RunnerFailed) -> None:
        """End tasks with a failure: the asker raises, the stream ends with an `ErrorChunk`."""
        for task in tasks:
            about = failure.error_message, failure.diagnostics
            chunk = ErrorChunk(runner_id, task.id, task.chunks, *about)
            self._services.publish(chunk)
            self.members[runner_id].inbox.fail((task,), partial(RunnerFailedError, failure, chunk))

    # Decisions.

    def _exited(self, exits: Mapping[str, ExitKind], because: RunnerFailed | None = None) -> None:
        self._state, actions = _strategy.children_exited(self._state, exits, time.monotonic())
        self._perform(actions, because)
        self._take_stock()

    def _perform(self, actions: Iterable[Action], because: RunnerFailed | None = None) -> None:
        for action in actions:
            match action:
                case StopChildren(ids):
                    for each in ids:
                        self._stop_member(self.members[each], because)
                case StartChildren(ids, delay):
                    self._schedule(ids, delay)
                case GiveUp(ids, explanation):
                    self._services.publish(GroupGaveUp(self.id, ids, explanation))

    def _stop_member(self, member: Member, because: RunnerFailed | None) -> None:
        """Stop one; its tasks end now if the reason is another's failure."""
        member.inbox.hold()
        if because is not None:
            self._fail_tasks(member.spec.id, member.inbox.detach().tasks, because)
        if member.port is not None:
            member.port.stop()
            self._publish_status(member, RunnerShuttingDown(), time.time())
            return
        if self._due.pop(member.spec.id, None) is not None:
            # It was about to be started: there is no process whose end would be reported.
            self._exited({member.spec.id: ExitKind.REQUESTED})

    def _schedule(self, ids: tuple[str, ...], delay: float) -> None:
        incarnation = max(self.members[each].incarnation for each in ids) + 1
        self._services.publish(GroupRestarting(self.id, ids, incarnation, delay))
        for each in ids:
            self.members[each].revive()
        if delay == 0:
            self._launch(ids)
            return
        self._rounds += 1
        self._due.update(dict.fromkeys(ids, self._rounds))
        self._services.remind(delay, StartDue(self.id, ids, self._rounds))

    def _launch(self, ids: tuple[str, ...]) -> None:
        services = self._services
        try:
            if len(ids) == len(self.members):
                incarnation = max(member.incarnation for member in self.members.values()) + 1
                self._surroundings.renew(incarnation, ids)
        except Exception as error:  # noqa: BLE001 - the user's code; it becomes the failure
            description = RunnerTerminationError.from_exception(error)
            for each in ids:
                member = self.members[each]
                self._episode.append(
                    Ended(member.not_launched(description), Diagnosis(problem="no process"))
                )
            # By the mailbox: a start that fails at once may be tried again a thousand times.
            self._settling = services.remind(0.0, SettleDue(self.id, self._episodes))
            return
        for each in ids:
            self.members[each].launch(services.relay, services.warden, self._surroundings.of(each))

    def _take_stock(self) -> None:
        """Answer who waits for an end, and retire who will not run again."""
        state = self._state
        for each, member in self.members.items():
            gone = member.port is None and each not in state.up and each not in state.pending
            if gone and not member.retired:
                member.retire(self._goodbye(each))
        self._answer_start()
        down = not self.alive and not state.up and not state.pending
        parked = bool(state.parked) and not state.ended
        if down and not parked and not self._retired:
            self._retire()
        # Last: whoever waited for a stop shall find everything given back.
        for waiter in tuple(self._stops):
            incarnations, future = waiter
            if not any(self._in_the_way(*each) for each in incarnations.items()):
                self._stops.remove(waiter)
                future.set(True)

    def _in_the_way(self, runner_id: str, incarnation: int) -> bool:
        """Return whether an incarnation is still to end, or to be called off."""
        member = self.members[runner_id]
        if member.incarnation > incarnation:
            return False
        return member.port is not None or runner_id in self._state.up

    def _answer_start(self) -> None:
        """Answer who waits for the start, once all are up but those that are down for good."""
        members = self.members.values()
        if self._starting is None or self._state.ended or not any(each.up for each in members):
            return
        if all(each.up or each.retired for each in members):
            starting, self._starting = self._starting, None
            refs = {each: member.ref for each, member in self.members.items()}
            starting.set(refs if self._spec is not None else refs[self.id])

    def _goodbye(self, runner_id: str) -> Callable[[], BaseException]:
        """Return what makes the error for messages to a runner that is down for good."""
        failure = self._last_failure.get(runner_id)
        if failure is not None and not self._state.stopping:
            return lambda: RunnerFailedError(failure)
        return _stopped_error(runner_id)

    def _retire(self) -> None:
        self._retired = True
        self._surroundings.close()
        self._on_retired(self)
        if self._starting is not None:
            starting, self._starting = self._starting, None
            failure = self._start_failure
            error = _stopped_error(self.id)() if failure is None else StartFailed(failure)
            starting.set_exception((type(error), error, None))

    def _publish_status(self, member: Member, status: RunnerStatus, at: float) -> None:
        member.status = status
        self._services.publish(RunnerStatusUpdated(member.spec.id, member.incarnation, status, at))


def _stopped_error(runner_id: str) -> Callable[[], RunnerStoppedError]:
    return lambda: RunnerStoppedError(f"runner {runner_id!r} was stopped on request")
