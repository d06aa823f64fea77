"""Which names a runner's class takes: the documented ones, Pykka's, and unlikely ones."""

import pykka
import pytest
from everyday import OURS, Everyday, EverydayLoop, Misled, MisledLater

import actors

LIMIT = 30

PREFIX = "_runner_"

TAKEN = {"cancelled", "concurrent", "connect", "let_it_crash", "load", "waiting_for", "warm_up"}
"""The guide "Moving a Pykka actor into a process" lists them."""

BOTH = pytest.mark.parametrize("runner_class", [Everyday, EverydayLoop])


def ours_among(names, theirs):
    """Return the names that are neither Pykka's nor Python's nor unlikely."""
    return {
        name
        for name in set(names) - set(theirs)
        if not name.startswith(PREFIX) and not (name.startswith("__") and name.endswith("__"))
    }


def test_class_takes_the_documented_names_and_unlikely_ones():
    """Any other would be somebody's helper method one day."""
    assert ours_among(vars(actors.Runner), dir(pykka.ThreadingActor)) == TAKEN


@BOTH
def test_instance_takes_unlikely_names_only(place, runner_class):
    """Whatever a life has set on it by then."""
    names = place.start(runner_class).proxy().own_names().get(timeout=LIMIT)
    assert ours_among(names, vars(pykka.ThreadingActor())) == set()


@BOTH
def test_everyday_names_are_the_users(place, runner_class):
    """They are kept, and nothing of the runner's life depends on them."""
    ref = place.start(runner_class)
    proxy = ref.proxy()
    assert proxy.kept().get(timeout=LIMIT) == set(OURS)
    assert proxy.count(3).get(timeout=LIMIT).result() == [0, 1, 2]
    with pytest.raises(ValueError, match="as told"):
        proxy.fail().get(timeout=LIMIT)
    assert proxy.is_given_up().get(timeout=LIMIT) is False
    assert proxy.kept().get(timeout=LIMIT) == set(OURS)
    assert ref.ask("x", timeout=LIMIT) == "x"
    assert ref.stop(timeout=LIMIT) is True


@pytest.mark.parametrize(
    ("runner_class", "said"),
    [(Misled, "Misled.let_it_crash .* not 'always'"), (MisledLater, "MisledLater.concurrent .* 8")],
)
def test_declaration_that_is_neither_true_nor_false_fails_the_start(place, runner_class, said):
    """Such as a number of messages at a time, or an attribute that has the name by chance."""
    with pytest.raises((TypeError, actors.StartFailed), match=said):
        place.start(runner_class)
