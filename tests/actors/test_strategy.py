"""Who is started again: OTP's tables, and what must hold whatever happens."""

import attrs
import pykka
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors._strategy import (
    ExitKind,
    GiveUp,
    StartChildren,
    StopChildren,
    child_started,
    children_exited,
    comes_back,
    new_group,
    restart_requested,
    single,
    stop_requested,
)
from actors.errors import UnknownRunnerError
from actors.specs import Backoff, GroupSpec, Intensity, Restart, RunnerSpec, Strategy

FAILED, NORMAL, REQUESTED = ExitKind.FAILED, ExitKind.NORMAL, ExitKind.REQUESTED
PERMANENT, TRANSIENT, TEMPORARY = Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY
ONE, ALL, REST = Strategy.ONE_FOR_ONE, Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE


class Nothing(pykka.ThreadingActor):
    """A class that can be named in a spec."""


def group(strategy, restarts="ttt", *, max_restarts=3, max_seconds=5.0, backoff=None, up=True):
    """Return a group of children a, b, c ... whose restart values are given by initials."""
    values = {"p": PERMANENT, "t": TRANSIENT, "x": TEMPORARY}
    members = [
        RunnerSpec(name, Nothing, restart=values[each])
        for name, each in zip("abcdef", restarts, strict=False)
    ]
    state = new_group(
        GroupSpec(
            "group",
            members,
            strategy=strategy,
            intensity=Intensity(max_restarts=max_restarts, max_seconds=max_seconds),
            backoff=backoff or Backoff(),
        )
    )
    for name in state.ids if up else ():
        state, actions = child_started(state, name)
        assert actions == ()
    return state


def child_exited(state, name, kind, now):
    """Let one end."""
    return children_exited(state, {name: kind}, now)


def exits(state, *story, now=0.0):
    """Let children end one after another, and return all the actions."""
    found = []
    for name, kind in story:
        state, actions = child_exited(state, name, kind, now)
        found += actions
    return state, found


def start(*ids, delay=0.0):
    """Spell a StartChildren in short."""
    return StartChildren(ids, delay)


def stop(*ids):
    """Spell a StopChildren in short."""
    return StopChildren(ids)


@pytest.mark.parametrize(
    ("restarts", "kind", "expected"),
    [
        ("p", FAILED, True),
        ("p", NORMAL, True),
        ("p", REQUESTED, False),
        ("t", FAILED, True),
        ("t", NORMAL, False),
        ("x", FAILED, False),
    ],
)
def test_who_is_about_to_end_may_come_back(restarts, kind, expected):
    """As the end itself decides it then, and without deciding anything."""
    state = group(ONE, restarts)
    assert comes_back(state, "a", kind, 0.0) is expected
    state, _ = child_exited(state, "a", kind, 0.0)
    assert ("a" in state.up) is expected


def test_nobody_comes_back_after_too_many_restarts_or_a_stop():
    """Nor before: it was the last restart that was allowed."""
    state = group(ALL, "tt", max_restarts=0)
    assert not comes_back(state, "a", FAILED, 0.0)
    state, _ = stop_requested(group(ALL, "pp"))
    assert not comes_back(state, "a", REQUESTED, 0.0)
    state, _ = restart_requested(group(ALL, "tt"), None, 0.0)
    assert comes_back(state, "a", REQUESTED, 0.0)
    with pytest.raises(UnknownRunnerError):
        comes_back(state, "z", FAILED, 0.0)


@pytest.mark.parametrize(
    ("restart", "kind", "again"),
    [
        ("p", FAILED, True),
        ("p", NORMAL, True),
        ("p", REQUESTED, False),
        ("t", FAILED, True),
        ("t", NORMAL, False),
        ("t", REQUESTED, False),
        ("x", FAILED, False),
        ("x", NORMAL, False),
        ("x", REQUESTED, False),
    ],
)
@pytest.mark.parametrize("strategy", list(Strategy))
def test_the_restart_value_decides_whether_a_child_comes_back(strategy, restart, kind, again):
    """OTP's table, the same for a child alone whatever the strategy."""
    state, actions = exits(group(strategy, restart), ("a", kind))
    assert actions == ([start("a")] if again else [])
    assert state.up == (("a",) if again else ())


@pytest.mark.parametrize(
    ("strategy", "restarts", "story", "expected"),
    [
        (ONE, "ttt", [("b", FAILED)], [start("b")]),
        (ALL, "ttt", [("b", FAILED)], [stop("c", "a")]),
        (ALL, "ttt", [("b", FAILED), ("a", REQUESTED)], [stop("c", "a")]),
        (
            ALL,
            "ttt",
            [("b", FAILED), ("a", REQUESTED), ("c", REQUESTED)],
            [stop("c", "a"), start("a", "b", "c")],
        ),
        (
            ALL,
            "ttt",
            [("b", FAILED), ("a", FAILED), ("c", NORMAL)],
            [stop("c", "a"), start("a", "b", "c")],
        ),
        (
            REST,
            "ttt",
            [("a", FAILED), ("c", FAILED), ("b", FAILED)],
            [stop("c", "b"), start("a", "b", "c")],
        ),
        (REST, "ttt", [("b", FAILED), ("c", REQUESTED)], [stop("c"), start("b", "c")]),
        (REST, "ttt", [("c", FAILED)], [start("c")]),
        # An earlier one fails while later ones go down: they come back together.
        (
            REST,
            "ttt",
            [("b", FAILED), ("a", FAILED), ("c", REQUESTED)],
            [stop("c"), start("a", "b", "c")],
        ),
        # What a restart value lets go takes nobody with it.
        (ALL, "txt", [("b", FAILED)], []),
        (ALL, "ttt", [("b", NORMAL)], []),
        (REST, "ttt", [("a", REQUESTED)], []),
        # A temporary child is stopped for its siblings' sake, waited for, and not started.
        (ALL, "txt", [("a", FAILED), ("c", FAILED)], [stop("c", "b")]),
        (
            ALL,
            "txt",
            [("a", FAILED), ("c", FAILED), ("b", FAILED)],
            [stop("c", "b"), start("a", "c")],
        ),
        (REST, "ttx", [("b", FAILED), ("c", REQUESTED)], [stop("c"), start("b")]),
        # Whoever had finished comes back with the group, whoever was stopped by request does not.
        (
            ALL,
            "ttt",
            [("a", NORMAL), ("b", FAILED), ("c", FAILED)],
            [stop("c"), start("a", "b", "c")],
        ),
        (
            ALL,
            "ttt",
            [("a", REQUESTED), ("b", FAILED), ("c", FAILED)],
            [stop("c"), start("b", "c")],
        ),
    ],
)
def test_the_strategy_decides_who_goes_down_too(strategy, restarts, story, expected):
    """Each row: who ends, in order, and all that follows."""
    assert exits(group(strategy, restarts), *story)[1] == expected


def test_a_single_runner_uses_its_own_intensity_and_backoff():
    """It is a group of one that bears its name."""
    spec = RunnerSpec(
        "solo", Nothing, intensity=Intensity(max_restarts=1), backoff=Backoff(initial=0.5)
    )
    state, _ = child_started(single(spec), "solo")
    state, actions = child_exited(state, "solo", FAILED, 10.0)
    assert actions == (start("solo", delay=0.5),)
    state, actions = child_exited(state, "solo", FAILED, 12.0)
    assert actions == (GiveUp(("solo",), "'solo' failed again after 1 restart within 5 s"),)
    assert state.gave_up


def test_no_restart_may_be_allowed_at_all():
    """An intensity of 0 gives up at the first failure, and stops the others."""
    state, actions = exits(group(ONE, max_restarts=0), ("b", FAILED))
    assert actions == [
        stop("c", "a"),
        GiveUp(("a", "b", "c"), "'b' failed, and no restart is allowed"),
    ]
    assert exits(state, ("c", FAILED), ("a", FAILED))[1] == []


@pytest.mark.parametrize(
    ("times", "starts"),
    [
        ([0, 1, 2, 3], 3),
        ([0, 1, 2, 5], 3),  # the first is exactly as old as the window, and counts, as in OTP
        ([0, 1, 2, 5.1], 4),
        ([0, 6, 12, 18, 24], 5),
        ([0, 0, 0, 0], 3),
    ],
)
def test_the_window_slides(times, starts):
    """More than three restarts within five seconds are too many."""
    state, count = group(ONE, "p"), 0
    for now in times:
        state, actions = child_exited(state, "a", FAILED, now)
        count += sum(isinstance(each, StartChildren) for each in actions)
    assert count == starts
    assert state.gave_up == (starts < len(times))


def test_the_delay_grows_with_the_restarts_in_the_window():
    """It begins anew once the window has passed."""
    state = group(ONE, "p", max_restarts=9, backoff=Backoff(initial=1.0, factor=2.0, maximum=3.0))
    delays = []
    for now in (0, 1, 2, 3, 20):
        state, (action,) = child_exited(state, "a", FAILED, now)
        delays.append(action.delay)
    assert delays == [1.0, 2.0, 3.0, 3.0, 1.0]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_members_that_fall_together_are_one_restart(strategy):
    """A sibling's crash must not use up the budget (exo #2244)."""
    state = group(strategy, "ppp", max_restarts=1)
    state, actions = children_exited(state, dict.fromkeys("cab", FAILED), 0.0)
    assert actions == (start("a", "b", "c"),)
    assert state.restarts == (0.0,)


def test_members_that_fall_one_by_one_are_one_restart_until_all_are_down():
    """The count goes up with the first failure; what follows belongs to it."""
    state, actions = exits(group(ALL, max_restarts=1), ("b", FAILED), ("c", FAILED), ("a", FAILED))
    assert actions == [stop("c", "a"), start("a", "b", "c")]
    assert state.restarts == (0.0,)


def test_a_failure_during_the_restart_is_another_restart():
    """From the start on a child counts as up, so its failure is news."""
    state, _ = exits(group(ALL, max_restarts=1), ("a", FAILED), ("b", FAILED), ("c", FAILED))
    state, actions = child_exited(state, "a", FAILED, 1.0)
    assert actions == (
        stop("c", "b"),
        GiveUp(("a", "b", "c"), "'a' failed again after 1 restart within 5 s"),
    )


def test_giving_up_stops_nobody_twice():
    """Who was told to stop already is not told again."""
    state = group(ONE, "ppp", max_restarts=0)
    state, actions = stop_requested(state, ["c"])
    assert actions == (stop("c"),)
    _, actions = child_exited(state, "a", FAILED, 0.0)
    assert actions[0] == stop("b")


def test_a_requested_restart_does_not_count():
    """People may restart as often as they like."""
    state = group(ALL, max_restarts=0)
    for now in range(5):
        state, actions = restart_requested(state, None, now)
        assert actions == (stop("c", "b", "a"),)
        state, actions = children_exited(state, dict.fromkeys("abc", REQUESTED), now)
        assert actions == (start("a", "b", "c"),)
    assert state.restarts == ()


def test_a_requested_restart_concerns_exactly_those_named():
    """The strategy is for ends that nobody asked for; who is down is started at once."""
    state = group(ALL, "txt")
    state, actions = restart_requested(state, ["b"], 0.0)
    assert actions == (stop("b"),)
    state, actions = child_exited(state, "b", REQUESTED, 0.0)
    assert actions == (start("b"),)
    state, _ = child_exited(state, "c", REQUESTED, 0.0)
    state, actions = restart_requested(state, ["c"], 0.0)
    assert actions == (start("c"),)


def test_a_failure_during_a_requested_restart_counts():
    """Only those who were asked to go down are excused."""
    state, _ = restart_requested(group(ONE, "ppp", max_restarts=1), ["a"], 0.0)
    state, actions = child_exited(state, "a", FAILED, 0.0)
    assert actions == (start("a"),)
    assert state.restarts == ()
    state, _ = restart_requested(state, ["a"], 0.0)
    state, actions = child_exited(state, "b", FAILED, 1.0)
    assert actions == ()
    assert state.restarts == (1.0,)
    assert child_exited(state, "a", FAILED, 1.0)[1] == (start("a", "b"),)


def test_a_request_to_stop_one_wins_over_its_pending_restart():
    """The others do not wait for it any more."""
    state, actions = exits(group(ALL), ("a", FAILED), ("b", FAILED))
    assert actions == [stop("c", "b")]
    state, actions = stop_requested(state, ["c"])
    assert actions == (start("a", "b"),)
    state, actions = child_exited(state, "c", FAILED, 0.0)
    assert actions == ()
    assert state.up == ("a", "b")


@pytest.mark.parametrize("strategy", list(Strategy))
def test_after_a_request_to_stop_all_nothing_is_started(strategy):
    """Whatever the exits look like, and whoever asks for a restart."""
    state, actions = stop_requested(group(strategy, "ppp"))
    assert actions == (stop("c", "b", "a"),)
    assert stop_requested(state)[1] == ()
    assert restart_requested(state, None, 0.0) == (state, ())
    state, actions = exits(state, ("c", FAILED), ("a", NORMAL), ("b", REQUESTED))
    assert actions == []
    assert state.up == ()


def test_a_first_start_overtaken_by_a_restart_is_taken_back():
    """The caller launches b; a, launched before, fails meanwhile; b goes down, and comes back."""
    state = group(ALL, up=False)
    for name in "ab":
        state, _ = child_started(state, name)
    state, actions = child_exited(state, "a", FAILED, 0.0)
    assert actions == (stop("b"),)
    state, actions = child_started(state, "c")
    assert actions == (stop("c"),)
    state, actions = exits(state, ("b", FAILED), ("c", FAILED))
    assert actions == [start("a", "b", "c")]
    assert child_started(state, "a") == (state, ())


def test_a_child_started_after_the_end_is_stopped():
    """Nobody outlives the group."""
    state, actions = stop_requested(group(ONE, up=False))
    assert actions == ()
    assert child_started(state, "b")[1] == (stop("b"),)


def test_an_unknown_id_is_a_mistake_of_the_caller():
    """It is a LookupError, and names both ids."""
    state = group(ONE)
    for decide in (
        lambda: child_started(state, "z"),
        lambda: child_exited(state, "z", FAILED, 0.0),
        lambda: children_exited(state, {"a": FAILED, "z": FAILED}, 0.0),
        lambda: restart_requested(state, ["z"], 0.0),
        lambda: stop_requested(state, ["z"]),
    ):
        with pytest.raises(UnknownRunnerError, match="'z' is not in 'group'") as caught:
            decide()
        assert isinstance(caught.value, LookupError)


class Group(RuleBasedStateMachine):
    """A performer that obeys, children that end as they like, and users who interfere."""

    @initialize(
        strategy=st.sampled_from(Strategy),
        restarts=st.text("ptx", min_size=1, max_size=5),
        max_restarts=st.integers(0, 3),
        max_seconds=st.sampled_from([0.0, 2.0, 5.0]),
    )
    def build(self, strategy, restarts, max_restarts, max_seconds):
        self.now = 0.0
        self.state = group(strategy, restarts, max_restarts=max_restarts, max_seconds=max_seconds)
        self.alive = set(self.state.ids)
        self.told = set()
        self.over = False
        self.owed = set()  # restartable children that failed and were not dealt with yet
        self.counted = []

    def perform(self, decision):
        before, (self.state, actions) = self.state, decision
        starts = [each for each in actions if isinstance(each, StartChildren)]
        gave_up = [each for each in actions if isinstance(each, GiveUp)]
        assert len(starts) + len(gave_up) <= 1
        for action in actions:
            if isinstance(action, StopChildren):
                assert action.ids
                assert set(action.ids) <= self.alive - self.told
                order = [self.state.ids.index(each) for each in action.ids]
                assert order == sorted(order, reverse=True)
                self.told |= set(action.ids)
            elif isinstance(action, StartChildren):
                assert not self.over
                assert action.ids
                assert not set(action.ids) & self.alive
                assert list(action.ids) == [each for each in self.state.ids if each in action.ids]
                self.alive |= set(action.ids)
                self.owed -= set(action.ids)
            else:
                assert action.ids == self.state.ids
                assert self.alive <= self.told
                self.over, self.owed = True, set()
        if self.state.restarts != before.restarts and self.state.restarts[-1:] == (self.now,):
            new = self.state.restarts.count(self.now) - before.restarts.count(self.now)
            self.counted += [self.now] * max(0, new)

    def end(self, names, kinds):
        exits = dict(zip(names, kinds, strict=True))
        if not self.over:
            for name, kind in exits.items():
                restart = {child.id: child.restart for child in self.state.children}[name]
                if kind is FAILED and restart is not TEMPORARY and name not in self.told:
                    self.owed.add(name)
        self.alive -= set(names)
        self.told -= set(names)
        self.perform(children_exited(self.state, exits, self.now))

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def some_end(self, data):
        names = data.draw(
            st.lists(st.sampled_from(sorted(self.alive)), min_size=1, max_size=3, unique=True)
        )
        self.end(names, [data.draw(st.sampled_from(ExitKind)) for _ in names])

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule(data=st.data())
    def a_restart_is_requested(self, data):
        ids = data.draw(st.none() | st.sets(st.sampled_from(self.state.ids), min_size=1))
        self.perform(restart_requested(self.state, ids, self.now))

    @rule(data=st.data())
    def a_stop_is_requested(self, data):
        ids = data.draw(st.sets(st.sampled_from(self.state.ids), min_size=1))
        self.owed -= ids
        self.perform(stop_requested(self.state, ids))

    @precondition(lambda self: not self.over)
    @rule(certain=st.integers(0, 9).map(lambda number: number == 0))
    def the_end_is_requested(self, certain):
        if certain:
            self.perform(stop_requested(self.state))
            assert self.alive <= self.told
            self.over, self.owed = True, set()

    @invariant()
    def the_state_agrees_with_the_world(self):
        if hasattr(self, "state"):
            assert set(self.state.up) == self.alive
            assert self.state.ended == self.over

    @invariant()
    def no_window_has_more_restarts_than_allowed(self):
        if hasattr(self, "state"):
            intensity = self.state.intensity
            for at in self.counted:
                window = [each for each in self.counted if at <= each <= at + intensity.max_seconds]
                assert len(window) <= intensity.max_restarts

    @invariant()
    def nobody_waits_for_nothing(self):
        """Those that are owed a restart wait for somebody who was told to stop."""
        if hasattr(self, "state") and (self.owed or self.state.pending):
            assert self.told & self.alive
            assert self.owed <= self.state.pending

    def teardown(self):
        if hasattr(self, "state"):
            for name in sorted(self.told):
                self.end([name], [REQUESTED])
            assert not self.owed
            assert not self.state.pending


TestGroup = Group.TestCase
TestGroup.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)


def test_states_and_actions_are_values():
    """A decision changes nothing but what it returns."""
    state = group(ALL)
    before = attrs.evolve(state)
    child_exited(state, "a", FAILED, 0.0)
    assert state == before
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        state.stopping = True
