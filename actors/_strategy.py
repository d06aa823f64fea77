"""
Who is started again when somebody has ended: pure decisions, in OTP's words.

A decision takes the state of a group and what has happened, and returns the next state and
the actions that lead there. Nothing here starts, stops, sleeps, logs or looks at a clock.

The caller keeps one promise: each child that it was told to start, and each that it was
told to stop, ends in exactly one `children_exited`; at once if it has no process yet.
"""

import enum
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import attrs

from actors.errors import UnknownRunnerError
from actors.specs import Backoff, GroupSpec, Intensity, Restart, RunnerSpec, Strategy

_NOBODY: Final[frozenset[str]] = frozenset()


class ExitKind(enum.Enum):
    """How a child has ended, as far as restarting goes."""

    FAILED = "failed"
    """Of itself, and not well."""

    NORMAL = "normal"
    """Of itself, with status 0 and no task in flight."""

    REQUESTED = "requested"
    """
    Because somebody had asked for it. This one then stays down, unless it is pending: those
    were asked by us. For a request that comes in between there is `stop_requested`.
    """


@attrs.frozen
class StopChildren:
    """
    Stop these, in this order (the reverse of the start order). They need not be waited for.

    Attributes:
        ids: Children that run, or are about to be started. None is ever named again before
            it has ended.
    """

    ids: tuple[str, ...]


@attrs.frozen
class StartChildren:
    """
    Start these again, in this order. All of them are down.

    Attributes:
        ids: Children that are down.
        delay: Seconds to wait before.
    """

    ids: tuple[str, ...]
    delay: float = 0.0


@attrs.frozen
class GiveUp:
    """
    Start nobody in this group again. Those that still run were named in a `StopChildren`.

    Attributes:
        ids: Everybody in the group.
        explanation: Which limit was reached, for people.
    """

    ids: tuple[str, ...]
    explanation: str


Action: TypeAlias = StopChildren | StartChildren | GiveUp


@attrs.frozen
class Child:
    """
    A member of a group.

    Attributes:
        id: Id of the runner.
        restart: When it is started again.
        up: Whether its `children_exited` is still to come: it runs, or was told to start.
    """

    id: str
    restart: Restart
    up: bool = False


@attrs.frozen(kw_only=True)
class GroupState:
    """
    What is known about a group, or about a runner that is in none.

    Attributes:
        id: Id of the group, or of the runner.
        strategy: Who else is started again.
        intensity: How many restarts are too many.
        backoff: How long to wait before a restart.
        children: The members in start order.
        pending: Who is down, or told to stop, and is started again with the others here.
        leaving: Who was told to stop because of the others, and is not started again
            (a temporary child never is). The pending wait for these too.
        parked: Who was stopped by request, and stays down until asked for.
        restarts: Times of the restarts within the window, oldest first.
        delay: Seconds to wait before the pending are started; `None` while no failure,
            but only a request, is the reason.
        stopping: Whether the whole group was asked to stop.
        gave_up: Whether it failed too often.
    """

    id: str
    strategy: Strategy
    intensity: Intensity
    backoff: Backoff
    children: tuple[Child, ...]
    pending: frozenset[str] = _NOBODY
    leaving: frozenset[str] = _NOBODY
    parked: frozenset[str] = _NOBODY
    restarts: tuple[float, ...] = ()
    delay: float | None = None
    stopping: bool = False
    gave_up: bool = False

    @property
    def ids(self) -> tuple[str, ...]:
        """Everybody, in start order."""
        return tuple(child.id for child in self.children)

    @property
    def up(self) -> tuple[str, ...]:
        """Those whose end is still to come, in start order."""
        return tuple(child.id for child in self.children if child.up)

    @property
    def ended(self) -> bool:
        """Whether nobody in it will be started any more."""
        return self.stopping or self.gave_up


Decision: TypeAlias = tuple[GroupState, tuple[Action, ...]]


def new_group(spec: GroupSpec) -> GroupState:
    """Return the state of a group before its first start."""
    return GroupState(
        id=spec.id,
        strategy=spec.strategy,
        intensity=spec.intensity,
        backoff=spec.backoff,
        children=tuple(Child(member.id, member.restart) for member in spec.members),
    )


def single(spec: RunnerSpec) -> GroupState:
    """Return the state, before its first start, of a runner that is in no group."""
    return GroupState(
        id=spec.id,
        strategy=Strategy.ONE_FOR_ONE,
        intensity=spec.intensity,
        backoff=spec.backoff,
        children=(Child(spec.id, spec.restart),),
    )


def child_started(state: GroupState, child_id: str) -> Decision:
    """
    Take note that a child is being started; after a `StartChildren` this is known already.

    Args:
        state: The group.
        child_id: Who is started, from the moment of its launch on.

    Raises:
        UnknownRunnerError: When nobody here has this id.
    """
    _require(state, (child_id,))
    if child_id in state.up:
        return state, ()
    state = attrs.evolve(_with_up(state, (child_id,), up=True), parked=state.parked - {child_id})
    # A first start that overlaps with a restart, or with the end, of the whole group.
    overtaken = state.ended or child_id in state.pending
    return state, (StopChildren((child_id,)),) if overtaken else ()


def children_exited(state: GroupState, exits: Mapping[str, ExitKind], now: float) -> Decision:
    """
    Decide what follows from the end of several children that went down together.

    That counts as one restart, however many have failed, and so does whatever else fails
    until those that are to be started again are all down: only the first failure says
    anything about how often things go wrong.

    Args:
        state: The group.
        exits: Who has ended, and how.
        now: Seconds on a monotonic clock.

    Raises:
        UnknownRunnerError: When nobody here has one of these ids.
    """
    _require(state, exits)
    told = state.pending | state.leaving | state.parked
    failed = {
        child.id
        for child in state.children
        if child.id in exits and child.id not in told and _restarts(child, exits[child.id])
    }
    asked = {each for each, kind in exits.items() if kind is ExitKind.REQUESTED} - told
    state = _with_up(state, exits, up=False)
    if state.ended:
        return state, ()
    state = attrs.evolve(state, parked=state.parked | asked)
    if not failed:
        return _started_if_down(state)
    if state.delay is None:
        window = _window(state, now)
        if len(window) >= state.intensity.max_restarts:
            return _given_up(state, failed)
        delay = state.backoff.delay(len(window))
        state = attrs.evolve(state, restarts=(*window, now), delay=delay)
    return _taken_down(state, _affected(state, failed))


def comes_back(state: GroupState, child_id: str, kind: ExitKind, now: float) -> bool:
    """
    Return whether a child that is about to end will be started again, as far as is known now.

    Args:
        state: The group.
        child_id: Who is about to end.
        kind: How.
        now: Seconds on a monotonic clock.

    Raises:
        UnknownRunnerError: When nobody here has this id.
    """
    state, _ = children_exited(state, {child_id: kind}, now)
    return child_id in state.up or child_id in state.pending


def restart_requested(state: GroupState, ids: Iterable[str] | None, now: float) -> Decision:
    """
    Decide how to restart children on request, which is never one restart too many.

    Args:
        state: The group. If it has ended, nothing follows.
        ids: Who is restarted, down or not; `None` for everybody.
        now: Seconds on a monotonic clock.

    Raises:
        UnknownRunnerError: When nobody here has one of these ids.
    """
    chosen = frozenset(state.ids if ids is None else ids)
    _require(state, chosen)
    if state.ended:
        return state, ()
    told = state.pending | state.leaving | state.parked
    state = attrs.evolve(
        state,
        pending=state.pending | chosen,
        leaving=state.leaving - chosen,
        parked=state.parked - chosen,
        restarts=_window(state, now),
    )
    return _started_if_down(state, _stop(state, chosen - told))


def stop_requested(state: GroupState, ids: Iterable[str] | None = None) -> Decision:
    """
    Decide how to stop children on request.

    Args:
        state: The group.
        ids: Who is stopped and stays down, the others going on; `None` for the group's end.

    Raises:
        UnknownRunnerError: When nobody here has one of these ids.
    """
    chosen = frozenset(state.ids if ids is None else ids)
    _require(state, chosen)
    told = state.pending | state.leaving | state.parked
    actions = () if state.ended else _stop(state, chosen - told)
    if ids is None:
        return attrs.evolve(_forgotten(state), stopping=True), actions
    state = attrs.evolve(
        state,
        pending=state.pending - chosen,
        leaving=state.leaving - chosen,
        parked=state.parked | chosen,
    )
    return _started_if_down(state, actions)


def _require(state: GroupState, ids: Iterable[str]) -> None:
    known = state.ids
    for each in ids:
        if each not in known:
            raise UnknownRunnerError(f"{each!r} is not in {state.id!r}")


def _with_up(state: GroupState, ids: Iterable[str], *, up: bool) -> GroupState:
    chosen = frozenset(ids)
    return attrs.evolve(
        state,
        children=tuple(
            attrs.evolve(child, up=up) if child.id in chosen else child for child in state.children
        ),
    )


def _restarts(child: Child, kind: ExitKind) -> bool:
    if kind is ExitKind.REQUESTED or child.restart is Restart.TEMPORARY:
        return False
    return child.restart is Restart.PERMANENT or kind is ExitKind.FAILED


def _window(state: GroupState, now: float) -> tuple[float, ...]:
    return tuple(at for at in state.restarts if now - at <= state.intensity.max_seconds)


def _affected(state: GroupState, failed: set[str]) -> tuple[Child, ...]:
    if state.strategy is Strategy.ONE_FOR_ONE:
        return tuple(child for child in state.children if child.id in failed)
    if state.strategy is Strategy.ONE_FOR_ALL:
        return state.children
    first = min(state.ids.index(each) for each in failed)
    return state.children[first:]


def _stop(state: GroupState, ids: Iterable[str]) -> tuple[Action, ...]:
    up = tuple(each for each in reversed(state.up) if each in ids)
    return (StopChildren(up),) if up else ()


def _taken_down(state: GroupState, affected: Iterable[Child]) -> Decision:
    told = state.pending | state.leaving | state.parked
    new = [child for child in affected if child.id not in told]
    again = {child.id for child in new if child.restart is not Restart.TEMPORARY}
    never = {child.id for child in new if child.restart is Restart.TEMPORARY and child.up}
    state = attrs.evolve(state, pending=state.pending | again, leaving=state.leaving | never)
    return _started_if_down(state, _stop(state, again | never))


def _started_if_down(state: GroupState, actions: tuple[Action, ...] = ()) -> Decision:
    """Start the pending once they, and the leaving, are all down."""
    up = frozenset(state.up)
    state = attrs.evolve(state, leaving=state.leaving & up)
    if state.pending & up or state.leaving:
        return state, actions
    ids = tuple(each for each in state.ids if each in state.pending)
    delay = state.delay or 0.0
    state = attrs.evolve(_with_up(state, ids, up=True), pending=_NOBODY, delay=None)
    return state, (*actions, StartChildren(ids, delay)) if ids else actions


def _forgotten(state: GroupState) -> GroupState:
    return attrs.evolve(state, pending=_NOBODY, leaving=_NOBODY, delay=None)


def _given_up(state: GroupState, failed: set[str]) -> Decision:
    told = state.pending | state.leaving | state.parked
    stops = _stop(state, frozenset(state.ids) - told)
    limit, seconds = state.intensity.max_restarts, state.intensity.max_seconds
    names = " and ".join(repr(each) for each in state.ids if each in failed)
    explanation = (
        f"{names} failed again after {limit} restart{'s' * (limit != 1)} within {seconds:g} s"
        if limit
        else f"{names} failed, and no restart is allowed"
    )
    state = attrs.evolve(_forgotten(state), gave_up=True)
    return state, (*stops, GiveUp(state.ids, explanation))
