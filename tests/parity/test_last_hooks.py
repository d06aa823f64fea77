"""What an actor is for others while its last hook runs."""

import pykka
import pytest
from citizens import Lingerer
from gate import LIMIT

import actors

WAYS = {
    "stop": lambda ref: ref.stop(block=False),
    "stop by itself": lambda ref: ref.tell("stop"),
    "error": lambda ref: ref.tell("fail"),
}


@pytest.fixture
def gate(runtime):
    """Give the gate at which the last hook waits."""
    return runtime.gate()


@pytest.mark.parametrize("way", WAYS)
def test_actor_is_dead_for_everybody(runtime, start, gate, way):
    """Though its last hook still runs."""
    ref = start(Lingerer, gate.folder)
    end = WAYS[way](ref)
    gate.wait()
    assert ref.actor_stopped.wait(LIMIT)
    assert not ref.is_alive()
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("anything")
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("anything", timeout=LIMIT)
    with pytest.raises(pykka.ActorDeadError):
        ref.proxy()
    assert ref.stop(timeout=LIMIT) is False
    gate.open()
    runtime.wait_for_end(ref)
    if end is not None:
        assert end.get(timeout=LIMIT) is True


@pytest.mark.runtimes("process", reason="a thread is not started again")
def test_what_is_told_meanwhile_waits_for_the_next_incarnation(runtime, start, gate):
    """The old one would lose it."""
    ref = start(Lingerer, gate.folder, restart=actors.Restart.TRANSIENT)
    ref.tell("fail")
    gate.wait()
    # Until the notice of the end has come, messages go to where nobody reads them.
    number = 0
    while ref.actor_inbox.empty():
        number += 1
        ref.tell(number)
    assert ref.is_alive()
    gate.open()
    assert ref.ask("got", timeout=LIMIT) == [number]
    gate.open()


@pytest.mark.runtimes("process", reason="a thread is not started again")
def test_actor_that_is_started_again_after_all_is_alive_meanwhile(runtime, start, gate, failures):
    """It stopped itself, and nobody knew yet that its last hook would be a failure."""
    backoff = actors.Backoff(initial=2.0)
    ref = start(
        Lingerer,
        gate.folder,
        stop_timeout=0.3,
        restart=actors.Restart.TRANSIENT,
        backoff=backoff,
    )
    ref.tell("stop")
    gate.wait()
    assert ref.actor_stopped.wait(LIMIT)
    failures.wait_for(actors.RunnerFailed)
    runtime.supervisor.runners().get(timeout=LIMIT)
    assert ref.is_alive()
    assert ref.ask("got", timeout=LIMIT) == []
    gate.open()


@pytest.fixture
def failures(runtime, recorder):
    """Give a recorder of the failures that are published."""
    runtime.supervisor.subscribe(recorder, actors.RunnerFailed).get(timeout=LIMIT)
    return recorder


@pytest.mark.runtimes("process", reason="nobody can end a thread")
@pytest.mark.parametrize("message", ["fail", "leave"])
def test_last_hook_that_does_not_return_keeps_nobody_waiting(start, gate, failures, message):
    """It has the time of the spec. What ended the runner is the reason all the same."""
    ref = start(Lingerer, gate.folder, stop_timeout=0.5)
    ref.tell(message)
    waiting = ref.ask("got", block=False)
    gate.wait()
    with pytest.raises(pykka.ActorDeadError):
        waiting.get(timeout=LIMIT)
    failure = failures.wait_for(actors.RunnerFailed)
    assert isinstance(failure.reason, actors.Raised)
    assert "as told" in failure.error_message


@pytest.mark.runtimes("process", reason="nobody can end a thread")
def test_on_stop_that_does_not_return_is_a_hang(runtime, start, gate, failures):
    """Nobody has asked for the end, so nobody else sees to it."""
    ref = start(Lingerer, gate.folder, stop_timeout=0.5)
    ref.tell("stop")
    gate.wait()
    failure = failures.wait_for(actors.RunnerFailed)
    assert isinstance(failure.reason, actors.Hung)
    assert "in on_stop" in "\n".join(failure.diagnosis.tail)
    runtime.wait_for_end(ref)
