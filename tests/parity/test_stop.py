"""How an actor is asked to end, what is still handled then, and who is told."""

import contextlib
import json
import os
import re
import threading
from collections import deque

import psutil
import pykka
import pytest
from citizens import Diarist, Echo, Mayfly
from gate import LIMIT

import actors


@pytest.fixture
def ref(start):
    """Give an actor that notes what it gets."""
    return start(Echo)


@pytest.fixture
def gate(runtime):
    """Give a gate."""
    return runtime.gate()


def hold_up(ref, gate):
    """Keep an actor at a gate. Return the future of its answer."""
    future = ref.proxy().wait_at(gate.folder)
    gate.wait()
    return future


def test_stop_waits_for_the_end(ref):
    """It says that the actor was alive."""
    assert ref.stop(timeout=LIMIT) is True
    assert not ref.is_alive()
    assert ref not in pykka.ActorRegistry.get_all()


def test_stop_of_a_dead_actor_says_so(ref):
    """Blocking or not."""
    ref.stop(timeout=LIMIT)
    assert ref.stop(timeout=LIMIT) is False
    assert ref.stop(block=False).get(timeout=LIMIT) is False


def test_stop_that_does_not_block_returns_a_future(runtime, ref, gate):
    """The actor is still busy then."""
    hold_up(ref, gate)
    future = ref.stop(block=False)
    assert isinstance(future, pykka.ThreadingFuture)
    with pytest.raises(pykka.Timeout):
        future.get(timeout=0.01)
    gate.open()
    assert future.get(timeout=LIMIT) is True
    runtime.wait_for_end(ref)
    assert not ref.is_alive()


def test_stop_that_takes_too_long_raises(runtime, ref, gate):
    """The actor ends all the same, when it can."""
    busy = hold_up(ref, gate)
    with pytest.raises(pykka.Timeout):
        ref.stop(timeout=0.01)
    gate.open()
    assert busy.get(timeout=LIMIT) == "through"
    runtime.wait_for_end(ref)
    assert not ref.is_alive()


def test_messages_before_the_stop_are_handled(ref, gate):
    """All of them, asked or told."""
    hold_up(ref, gate)
    futures = [ref.ask(number, block=False) for number in range(50)]
    ref.tell("told")
    handled = ref.proxy().seen()
    stopped = ref.stop(block=False)
    gate.open()
    assert stopped.get(timeout=LIMIT) is True
    assert pykka.get_all(futures, timeout=LIMIT) == list(range(50))
    assert handled.get(timeout=LIMIT) == ["through the gate", *range(50), "told"]


def test_messages_after_the_stop_are_answered_as_lost(runtime, ref, gate):
    """Though the actor had no time yet to end; the message is not handled."""
    hold_up(ref, gate)
    with runtime.busy_supervisor():
        stopped = ref.stop(block=False)
        late = ref.ask("late", block=False)
    gate.open()
    says = "was stopped on request" if runtime.in_process else f"{ref} stopped before handling"
    with pytest.raises(pykka.ActorDeadError, match=re.escape(says)):
        late.get(timeout=LIMIT)
    assert stopped.get(timeout=LIMIT) is True


@pytest.mark.runtimes("thread", reason="in a process it has so much time and no more")
def test_stop_waits_for_a_stream_that_is_not_read(start):
    """Until its reader goes on, or leaves."""
    ref = start(Echo)
    stream = ref.proxy().answer_with_generator(10**9).get(timeout=LIMIT)
    stopped = ref.stop(block=False)
    assert [next(stream) for _ in range(1000)] == list(range(1000))
    stream.cancel()
    assert stopped.get(timeout=LIMIT) is True


@pytest.mark.runtimes("process", reason="a thread cannot be ended")
def test_stop_ends_a_stream_that_is_not_read(start):
    """After its time, and says so to the reader who comes too late."""
    ref = start(Echo, stop_timeout=0.5)
    stream = ref.proxy().answer_with_generator(10**9).get(timeout=LIMIT)
    assert next(stream) == 0
    assert ref.stop(timeout=LIMIT) is True
    with pytest.raises(actors.RunnerStoppedError):
        deque(stream, maxlen=0)
    with pytest.raises(actors.RunnerStoppedError):
        next(stream)


def test_further_stops_are_answered_like_the_first(ref, gate):
    """Once the actor has ended."""
    hold_up(ref, gate)
    stops = [ref.stop(block=False) for _ in range(3)]
    gate.open()
    assert pykka.get_all(stops, timeout=LIMIT) == [True, True, True]


def test_many_may_stop_at_once(ref):
    """Each is answered, and at least one has found it alive."""
    answers = []
    start = threading.Barrier(8)

    def stop():
        start.wait(LIMIT)
        answers.append(ref.stop(timeout=LIMIT))

    threads = [threading.Thread(target=stop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert len(answers) == 8
    assert any(answers)
    assert not ref.is_alive()


def test_stop_by_proxy_is_the_actors_own(runtime, ref):
    """The method asks for the end, and is answered before it."""
    assert ref.proxy().stop().get(timeout=LIMIT) is None
    runtime.wait_for_end(ref)
    assert not ref.is_alive()


def test_actor_that_stops_itself_handles_what_came_before(runtime, ref, gate):
    """Its own request stands in the same row as everybody's messages."""
    stopping = ref.proxy().stop_within(gate.folder)
    gate.wait()
    before = ref.ask("before", block=False)
    gate.open()
    assert stopping.get(timeout=LIMIT) == "stopping"
    runtime.wait_for_end(ref)
    # On its way to a process, it may be overtaken by what the runner tells itself.
    with (
        contextlib.suppress(pykka.ActorDeadError)
        if runtime.in_process
        else contextlib.nullcontext()
    ):
        assert before.get(timeout=LIMIT) == "before"
    assert not ref.is_alive()
    assert ref.stop(timeout=LIMIT) is False


def test_stop_by_itself_runs_on_stop_once(runtime, start, tmp_path):
    """As any stop."""
    path = tmp_path / "diary"
    ref = start(Diarist, str(path))
    ref.proxy().stop.defer()
    runtime.wait_for_end(ref)
    assert path.read_text().count("on_stop") == 1


def test_actor_that_stops_itself_handles_what_it_has_told_itself(runtime, start, tmp_path):
    """Before; a second stop does no harm, and what it tells itself later is lost."""
    path = tmp_path / "diary"
    ref = start(Diarist, str(path))
    ref.proxy().stop_twice().get(timeout=LIMIT)
    runtime.wait_for_end(ref)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert [entry.get("message") for entry in entries[2:]] == ["before the end", None]
    assert entries[-1]["hook"] == "on_stop"


def test_actor_may_stop_itself_in_on_start(runtime, start, tmp_path):
    """Its start does not fail, and its end is no failure."""
    path = tmp_path / "diary"
    ref = start(Mayfly, str(path))
    runtime.wait_for_end(ref)
    assert not ref.is_alive()
    hooks = [json.loads(line)["hook"] for line in path.read_text().splitlines()]
    assert hooks == ["__init__", "on_start", "on_stop"]
    if runtime.in_process:
        assert runtime.supervisor.failures().get(timeout=LIMIT) == ()


def test_stop_of_one_leaves_the_others(ref, start):
    """Even of its class."""
    other = start(Echo)
    ref.stop(timeout=LIMIT)
    assert other.is_alive()
    assert other.ask("x", timeout=LIMIT) == "x"


def test_runner_can_be_started_again_after_a_stop(ref, start):
    """It is another one, with another URN."""
    ref.stop(timeout=LIMIT)
    again = start(Echo)
    assert again.ask("x", timeout=LIMIT) == "x"
    assert again != ref
    assert again.actor_urn != ref.actor_urn


# By design.


@pytest.mark.runtimes("process", reason="a thread cannot be ended")
def test_process_is_gone_when_its_stop_is_answered(ref):
    """It was waited for."""
    pid, _ = ref.proxy().where().get(timeout=LIMIT)
    assert pid != os.getpid()
    assert ref.stop(timeout=LIMIT) is True
    assert not psutil.pid_exists(pid)
