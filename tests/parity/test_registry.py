"""Who can be found, by what, and how many are reached at once."""

import json

import pykka
import pytest
from citizens import Diarist, Echo, Lingerer, Selfish
from gate import LIMIT
from pykka import ActorRegistry


@pytest.fixture
def echoes(start):
    """Give two actors of one class."""
    return [start(Echo), start(Echo)]


@pytest.fixture
def selfish(start):
    """Give an actor of a subclass."""
    return start(Selfish)


def seen(ref):
    """Return the messages that an actor has handled."""
    return ref.proxy().seen().get(timeout=LIMIT)


def test_all_actors_are_known_from_their_start(echoes, selfish):
    """In the order of their starts."""
    mine = [ref for ref in ActorRegistry.get_all() if issubclass(ref.actor_class, Echo)]
    assert mine == [*echoes, selfish]


def test_actors_are_found_by_class(runtime, echoes, selfish):
    """Subclasses included."""
    assert ActorRegistry.get_by_class(runtime.class_of(Echo)) == echoes
    assert ActorRegistry.get_by_class(Echo) == [*echoes, selfish]
    assert ActorRegistry.get_by_class(Selfish) == [selfish]
    assert ActorRegistry.get_by_class(Diarist) == []


def test_actors_are_found_by_class_name(echoes, selfish):
    """By the name alone: subclasses have another."""
    assert ActorRegistry.get_by_class_name("Echo") == echoes
    assert ActorRegistry.get_by_class_name("Selfish") == [selfish]
    assert ActorRegistry.get_by_class_name("Nobody") == []


def test_actor_is_found_by_urn(echoes):
    """As the same ref."""
    assert ActorRegistry.get_by_urn(echoes[1].actor_urn) is echoes[1]
    assert ActorRegistry.get_by_urn("urn:uuid:nobody") is None


def test_found_refs_can_be_used(echoes):
    """They are the refs that `start` has given."""
    (first, _) = ActorRegistry.get_by_class_name("Echo")
    assert first.ask("x", timeout=LIMIT) == "x"
    assert seen(echoes[0]) == ["x"]


def test_stopped_actor_is_found_no_more(runtime, echoes):
    """The others are."""
    echoes[0].stop(timeout=LIMIT)
    assert ActorRegistry.get_by_class(runtime.class_of(Echo)) == [echoes[1]]
    assert ActorRegistry.get_by_urn(echoes[0].actor_urn) is None


def test_failed_actor_is_found_no_more(runtime, echoes):
    """Nor one that ended of itself."""
    echoes[0].proxy().fail.defer()
    echoes[1].proxy().stop.defer()
    for ref in echoes:
        runtime.wait_for_end(ref)
    assert ActorRegistry.get_by_class(Echo) == []


def test_list_of_actors_is_a_copy(echoes):
    """Changing it hurts nobody."""
    ActorRegistry.get_all().clear()
    assert ActorRegistry.get_by_class_name("Echo") == echoes


def test_broadcast_reaches_everybody(echoes, selfish):
    """Each once."""
    ActorRegistry.broadcast("to all")
    assert [seen(ref) for ref in (*echoes, selfish)] == [["to all"]] * 3


def test_broadcast_to_a_class_reaches_its_actors(runtime, echoes, selfish):
    """Subclasses included."""
    ActorRegistry.broadcast("to echoes", target_class=Echo)
    ActorRegistry.broadcast("to selfish", target_class=runtime.class_of(Selfish))
    assert [seen(ref) for ref in echoes] == [["to echoes"]] * 2
    assert seen(selfish) == ["to echoes", "to selfish"]


def test_broadcast_to_a_class_name_reaches_its_actors(echoes, selfish):
    """And no others."""
    ActorRegistry.broadcast("to echoes", target_class="Echo")
    ActorRegistry.broadcast("to nobody", target_class="Nobody")
    assert [seen(ref) for ref in echoes] == [["to echoes"]] * 2
    assert seen(selfish) == []


def test_stop_all_stops_the_last_one_first(runtime, start, tmp_path):
    """And says that each was alive."""
    path = tmp_path / "diary"
    refs = [start(Diarist, str(path)) for _ in range(3)]
    for number, ref in enumerate(refs):
        assert ref.ask(number, timeout=LIMIT) == number
    answers = ActorRegistry.stop_all(timeout=LIMIT)
    assert answers == [True] * len(answers)
    assert len(answers) >= 3
    assert ActorRegistry.get_all() == []
    for ref in refs:
        runtime.wait_for_end(ref)
        assert not ref.is_alive()
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    started, stopped = (
        [entry["where"] for entry in entries if entry["hook"] == hook]
        for hook in ("on_receive", "on_stop")
    )
    assert stopped == started[::-1]


def test_stop_all_that_takes_too_long_raises(runtime, start):
    """The actors end all the same."""
    gate = runtime.gate()
    ref = start(Lingerer, gate.folder)
    with pytest.raises(pykka.Timeout):
        ActorRegistry.stop_all(timeout=0.05)
    gate.wait()
    gate.open()
    runtime.wait_for_end(ref)
    assert not ref.is_alive()


def test_stop_all_that_does_not_block_returns_futures(runtime, echoes):
    """One for each."""
    futures = ActorRegistry.stop_all(block=False)
    assert len(futures) >= 2
    assert all(pykka.get_all(futures, timeout=LIMIT))
    for ref in echoes:
        runtime.wait_for_end(ref)
        assert not ref.is_alive()
    assert ActorRegistry.stop_all() == []


# By design.


@pytest.mark.runtimes("process", reason="a process has a registry of its own")
def test_runner_knows_only_itself(echoes):
    """Not its siblings, and nobody who runs in the parent."""
    for ref in echoes:
        assert ref.proxy().urns_known().get(timeout=LIMIT) == [ref.actor_urn]


@pytest.mark.runtimes("pykka", "thread", reason="the threads of a process share one registry")
def test_actors_know_each_other(echoes):
    """There is one registry."""
    known = echoes[0].proxy().urns_known().get(timeout=LIMIT)
    assert {ref.actor_urn for ref in echoes} <= set(known)
