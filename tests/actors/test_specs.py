"""A declaration that cannot be right is refused when it is made, and says why."""

import math
import pickle
from typing import Generic, TypeVar

import pykka
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.errors import DuplicateIdError, SpecError
from actors.specs import Backoff, GroupSpec, Intensity, Restart, RunnerSpec, Strategy

T = TypeVar("T")


class Worker(pykka.ThreadingActor):
    """A class that a new process can find."""


def runner(**changes):
    """Declare a runner with some fields changed."""
    return RunnerSpec(**{"id": "chat", "runner_class": Worker, **changes})


def group(**changes):
    """Declare a group with some fields changed."""
    return GroupSpec(**{"id": "ring", "members": [runner(id="a"), runner(id="b")], **changes})


def test_the_defaults_are_the_documented_ones():
    """Transient, three restarts in five seconds, no delay; groups go down together."""
    spec = runner()
    assert (spec.restart, spec.intensity, spec.backoff) == (
        Restart.TRANSIENT,
        Intensity(),
        Backoff(),
    )
    assert (spec.intensity.max_restarts, spec.intensity.max_seconds) == (3, 5.0)
    assert spec.backoff.delay(0) == 0.0
    assert spec.progress_timeout is None
    assert group().strategy is Strategy.ONE_FOR_ALL


def test_class_may_be_given_with_its_parameters():
    """They are for type checkers: an instance does not know them either."""

    class Typed(pykka.ThreadingActor, Generic[T]):
        pass

    assert runner(runner_class=Typed[int]).runner_class is Typed


def test_sequences_and_mappings_are_copied():
    """What the caller does to his lists afterwards changes nothing."""
    args, kwargs, members = [1, 2], {"a": 1}, [runner()]
    spec, ring = runner(args=args, kwargs=kwargs), group(members=members)
    args.append(3)
    kwargs["b"] = 2
    members.clear()
    assert (spec.args, dict(spec.kwargs), len(ring.members)) == ((1, 2), {"a": 1}, 1)


def test_specs_can_be_pickled_and_compared():
    """They may be sent to a host on another machine."""
    for spec in (runner(args=(1,), environment={"A": "b"}), group()):
        assert pickle.loads(pickle.dumps(spec)) == spec


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("id", "", "non-empty string"),
        ("id", "  ", "non-empty string"),
        ("id", 5, "non-empty string"),
        ("runner_class", object, "subclass of actors.Runner"),
        ("runner_class", list[int], "subclass of actors.Runner"),
        ("runner_class", "Worker", "subclass of actors.Runner"),
        ("runner_class", None, "subclass of actors.Runner"),
        ("args", "tiny", r"such as \('tiny',\)"),
        ("args", b"tiny", "must be a tuple"),
        ("args", 5, "must be a tuple"),
        ("args", None, "must be a tuple"),
        ("kwargs", {1: 2}, "must map names"),
        ("kwargs", [("a", 1)], "must map names"),
        ("kwargs", None, "must map names"),
        ("environment", None, "must map str to str"),
        ("environment", {"A": 1}, "must map str to str"),
        ("environment", {1: "a"}, "must map str to str"),
        ("environment", {"": "a"}, "no name for an environment variable"),
        ("environment", {"A=B": "a"}, "no name for an environment variable"),
        ("environment", {"A": "a\0"}, "no name for an environment variable"),
        ("restart", "permanent", "one of permanent, transient, temporary"),
        ("intensity", 3, "must be of type Intensity"),
        ("backoff", 1.0, "must be of type Backoff"),
        ("start_timeout", -1, "finite number of seconds"),
        ("start_timeout", math.inf, "finite number of seconds"),
        ("stop_timeout", "5", "finite number of seconds"),
        ("terminate_timeout", True, "finite number of seconds"),
        ("kill_timeout", math.nan, "finite number of seconds"),
        ("fatal_grace", None, "finite number of seconds"),
        ("progress_timeout", 0, "None or seconds > 0"),
        ("progress_timeout", False, "None or seconds > 0"),
        ("max_frame", 0, "integer >= 1"),
        ("max_frame", 1 << 32, "at most 4294967295 bytes"),
        ("max_frame", 1.5, "integer >= 1"),
        ("max_waiting", True, "integer >= 1"),
    ],
)
def test_a_wrong_runner_is_refused(field, value, problem):
    """The error names the declaration, the field and what would be right."""
    with pytest.raises(SpecError, match=problem) as caught:
        runner(**{field: value})
    assert caught.value.field == field
    assert caught.value.spec.startswith("RunnerSpec(")


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("id", "", "non-empty string"),
        ("members", [], "at least one member"),
        ("members", None, "sequence of RunnerSpecs"),
        ("members", runner(), "sequence of RunnerSpecs"),
        ("members", "ab", "sequence of RunnerSpecs"),
        ("members", [Worker], "must be RunnerSpecs"),
        ("strategy", "one_for_all", "one of one_for_one"),
        ("intensity", None, "must be of type Intensity"),
        ("backoff", 0, "must be of type Backoff"),
        ("settle", -0.1, "finite number of seconds"),
    ],
)
def test_a_wrong_group_is_refused(field, value, problem):
    """Groups are checked like runners."""
    with pytest.raises(SpecError, match=problem) as caught:
        group(**{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize("members", [["a", "a"], ["a", "ring"]])
def test_an_id_given_twice_is_refused(members):
    """Runners and groups share their names."""
    with pytest.raises(DuplicateIdError, match="is given twice"):
        group(members=[runner(id=each) for each in members])


@pytest.mark.parametrize(
    ("cls", "field", "value"),
    [
        (Intensity, "max_restarts", -1),
        (Intensity, "max_restarts", 1.0),
        (Intensity, "max_restarts", True),
        (Intensity, "max_seconds", -1),
        (Intensity, "max_seconds", math.nan),
        (Backoff, "initial", -1),
        (Backoff, "factor", "2"),
        (Backoff, "maximum", math.inf),
    ],
)
def test_a_wrong_limit_is_refused(cls, field, value):
    """An intensity of 0 is fine, anything below is not."""
    with pytest.raises(SpecError) as caught:
        cls(**{field: value})
    assert caught.value.field == field


SECONDS = st.floats(0, 1e300) | st.integers(0, 10**6)


@given(SECONDS, SECONDS, SECONDS, st.integers(0, 5_000))
def test_a_delay_never_exceeds_the_maximum(initial, factor, maximum, restarts):
    """However large the numbers, nothing overflows."""
    delay = Backoff(initial=initial, factor=factor, maximum=maximum).delay(restarts)
    assert 0 <= delay <= maximum


@given(st.integers(0, 50))
def test_a_delay_grows(restarts):
    """Each one is at least as long as the one before."""
    backoff = Backoff(initial=0.1)
    assert backoff.delay(restarts) <= backoff.delay(restarts + 1)
