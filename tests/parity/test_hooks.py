"""Which hook is called when, how often, and where."""

import json
import os
import threading
import uuid

import pykka
import pytest
from citizens import Daemon, Diarist, Echo, Namesake, Settler, Silent, SlowStarter
from gate import LIMIT

import actors


@pytest.fixture
def diary(tmp_path):
    """Give the file that a diarist writes."""
    return tmp_path / "diary"


@pytest.fixture
def ref(start, diary):
    """Give an actor that writes its hooks down."""
    return start(Diarist, str(diary))


def entries(diary):
    """Return what was written."""
    return [json.loads(line) for line in diary.read_text().splitlines()]


def hooks(diary):
    """Return which hooks were called, in order."""
    return [entry["hook"] for entry in entries(diary)]


def entry_of(diary, hook):
    """Return the only entry of a hook."""
    (entry,) = [entry for entry in entries(diary) if entry["hook"] == hook]
    return entry


def test_hooks_are_called_in_order_once_each(runtime, ref, diary):
    """Those of a life without a failure."""
    assert ref.ask("x", timeout=LIMIT) == "x"
    ref.tell("y")
    ref.stop(timeout=LIMIT)
    runtime.wait_for_end(ref)
    assert hooks(diary) == ["__init__", "on_start", "on_receive", "on_receive", "on_stop"]


def test_constructor_runs_where_the_actor_is_started(runtime, ref, diary):
    """A thread's in the caller's thread, a process's where its hooks run."""
    ref.stop(timeout=LIMIT)
    where = entry_of(diary, "__init__")["where"]
    if runtime.in_process:
        assert where == entry_of(diary, "on_start")["where"]
    else:
        assert where == [os.getpid(), threading.get_ident()]


def test_hooks_run_where_the_actor_lives(runtime, ref, diary):
    """All in one thread, which is not the caller's."""
    ref.ask("x", timeout=LIMIT)
    ref.stop(timeout=LIMIT)
    runtime.wait_for_end(ref)
    places = {tuple(entry["where"]) for entry in entries(diary) if entry["hook"] != "__init__"}
    ((pid, thread),) = places
    assert (pid != os.getpid()) == runtime.in_process
    assert (pid, thread) != (os.getpid(), threading.get_ident())


def test_on_start_is_over_before_the_first_message(ref, diary):
    """However quickly that comes."""
    ref.ask("first", timeout=LIMIT)
    assert hooks(diary) == ["__init__", "on_start", "on_receive"]


def test_actor_is_alive_in_on_start(ref, diary):
    """And can be found."""
    ref.ask("x", timeout=LIMIT)
    assert entry_of(diary, "on_start")["alive"] == [True, True]


def test_actor_is_dead_in_on_stop(runtime, ref, diary):
    """Nobody finds it any more."""
    ref.stop(timeout=LIMIT)
    runtime.wait_for_end(ref)
    assert entry_of(diary, "on_stop")["alive"] == [False, False]


def test_on_receive_is_not_called_for_a_proxy(ref, diary):
    """Neither for a method nor for an attribute."""
    proxy = ref.proxy()
    assert proxy.method().get(timeout=LIMIT) == "called"
    proxy.something = 1
    assert ref.ask(pykka.messages.ProxyGetAttr(("something",)), timeout=LIMIT) == 1
    assert "on_receive" not in hooks(diary)


def test_default_on_receive_answers_nothing(start):
    """What it does not know is no error."""
    ref = start(Silent)
    assert ref.ask("unknown", timeout=LIMIT) is None
    ref.tell("unknown")
    assert ref.is_alive()
    assert ref.ask("unknown", timeout=LIMIT) is None


def test_failure_under_tell_calls_on_failure_once_and_not_on_stop(runtime, ref, diary):
    """The actor has died, and was not stopped."""
    ref.tell("fail")
    runtime.wait_for_end(ref)
    assert hooks(diary) == ["__init__", "on_start", "on_receive", "on_failure"]
    assert entry_of(diary, "on_failure")["error"] == ["ValueError", "as told", True]


def test_actor_is_dead_in_on_failure(runtime, ref, diary):
    """Nobody finds it any more."""
    ref.tell("fail")
    runtime.wait_for_end(ref)
    assert entry_of(diary, "on_failure")["alive"] == [False, False]


def test_on_failure_runs_where_the_actor_lives(runtime, ref, diary):
    """In the same thread as the handler."""
    ref.tell("fail")
    runtime.wait_for_end(ref)
    assert entry_of(diary, "on_failure")["where"] == entry_of(diary, "on_receive")["where"]


def test_failure_under_ask_calls_no_hook(ref, diary):
    """It is the asker's."""
    with pytest.raises(ValueError, match="as told"):
        ref.ask("fail", timeout=LIMIT)
    assert ref.ask("x", timeout=LIMIT) == "x"
    assert hooks(diary) == ["__init__", "on_start", "on_receive", "on_receive"]


def test_failing_on_stop_does_not_fail_the_stop(runtime, start, diary):
    """It is called once, and the stop is answered."""
    ref = start(Diarist, str(diary), fail_in="on_stop")
    assert ref.stop(timeout=LIMIT) is True
    runtime.wait_for_end(ref)
    assert hooks(diary) == ["__init__", "on_start", "on_stop"]


def test_failing_on_failure_does_not_keep_the_actor_alive(runtime, start, diary):
    """It is called once."""
    ref = start(Diarist, str(diary), fail_in="on_failure")
    ref.tell("fail")
    runtime.wait_for_end(ref)
    assert not ref.is_alive()
    assert hooks(diary) == ["__init__", "on_start", "on_receive", "on_failure"]


@pytest.mark.runtimes("process", reason="only a supervisor publishes failures")
def test_failing_on_failure_does_not_hide_the_failure(runtime, start, diary, recorder):
    """What is published is what the handler raised."""
    ref = start(Diarist, str(diary), fail_in="on_failure")
    runtime.supervisor.subscribe(recorder, actors.RunnerFailed).get(timeout=LIMIT)
    ref.tell("fail")
    failure = recorder.wait_for(actors.RunnerFailed)
    assert failure.reason.error.type == "ValueError"


@pytest.mark.runtimes("thread", "process", reason="Pykka stops every actor")
def test_system_exit_calls_on_stop(runtime, ref, diary):
    """As in Pykka, but for this actor only; it is no failure of the handler's."""
    ref.tell("leave")
    runtime.wait_for_end(ref)
    assert hooks(diary) == ["__init__", "on_start", "on_receive", "on_stop"]
    assert entry_of(diary, "on_stop")["alive"] == [False, False]


@pytest.mark.runtimes("pykka", reason="ours only end the one that leaves")
def test_system_exit_in_pykka_calls_on_stop_of_every_actor(runtime, ref, diary, start):
    """What the test above must do without."""
    other = start(Echo)
    ref.tell("leave")
    runtime.wait_for_end(ref)
    runtime.wait_for_end(other)
    assert hooks(diary) == ["__init__", "on_start", "on_receive", "on_stop"]
    assert not other.is_alive()


@pytest.mark.runtimes("thread", "process", reason="Pykka gives a ref to an actor that is dead")
def test_failing_on_start_calls_no_other_hook(start, diary):
    """As in Pykka; but the start fails."""
    with pytest.raises((LookupError, actors.StartFailed)):
        start(Diarist, str(diary), fail_in="on_start")
    assert hooks(diary) == ["__init__", "on_start"]


@pytest.mark.runtimes("pykka", reason="ours make the start fail")
def test_failing_on_start_in_pykka_calls_no_other_hook(runtime, start, diary):
    """The ref is that of a dead actor."""
    ref = start(Diarist, str(diary), fail_in="on_start")
    runtime.wait_for_end(ref)
    assert not ref.is_alive()
    assert hooks(diary) == ["__init__", "on_start"]


def test_actor_that_is_not_started_has_its_name(runtime, tmp_path):
    """Class and URN; the constructors of the base classes take whatever they get."""
    actor = runtime.class_of(Diarist)(str(tmp_path / "diary"))
    assert str(actor) == f"Diarist ({actor.actor_urn})"
    assert uuid.UUID(actor.actor_urn).version == 4
    assert str(runtime.class_of(Silent)(1, 2, three=3)).startswith("Silent (urn:uuid:")


@pytest.mark.runtimes("pykka", "thread", reason="a process has no thread here")
def test_thread_is_named_after_the_class_and_no_daemon_unless_told(start):
    """It keeps the program from its end otherwise."""
    start(Silent)
    start(Daemon)
    daemons = {
        thread.name.partition("-")[0]: thread.daemon
        for thread in threading.enumerate()
        if thread.name.startswith(("Silent-", "Daemon-"))
    }
    assert daemons == {"Silent": False, "Daemon": True}


@pytest.mark.runtimes("pykka", reason="ours say whether the actor is up")
def test_start_in_pykka_does_not_wait_for_on_start(runtime, start):
    """The ref is there before the actor is up."""
    gate = runtime.gate()
    ref = start(SlowStarter, gate.folder)
    gate.wait()
    gate.open()
    assert ref.proxy().seen().get(timeout=LIMIT) == ["on_start"]


@pytest.mark.runtimes("thread", "process", reason="Pykka does not say whether the actor is up")
def test_start_waits_for_on_start(runtime, start):
    """The actor that it gives is up."""
    gate = runtime.gate()
    refs = []
    starter = threading.Thread(target=lambda: refs.append(start(SlowStarter, gate.folder)))
    starter.start()
    gate.wait()
    assert refs == []
    gate.open()
    starter.join(LIMIT)
    assert refs[0].proxy().seen().get(timeout=LIMIT) == ["on_start"]


@pytest.mark.runtimes("pykka", reason="Pykka has no such hooks")
def test_pykka_calls_no_method_by_its_name(start):
    """But for its own hooks."""
    assert start(Namesake).proxy().seen().get(timeout=LIMIT) == []


@pytest.mark.runtimes("thread", "process", reason="Pykka has no such hooks")
def test_lifecycle_hooks_are_called_by_their_names(start):
    """Also where a Pykka actor has had methods of these names."""
    seen = start(Namesake).proxy().seen().get(timeout=LIMIT)
    assert seen == ["connect", "load", "warm_up"]


@pytest.mark.runtimes("thread", "process", reason="Pykka has no such hooks")
@pytest.mark.parametrize("hook", ["connect", "load", "warm_up"])
def test_failing_lifecycle_hook_calls_on_failure(runtime, start, diary, hook):
    """Once, and not `on_stop`: there may be much to clean up by then."""
    ref = start(Settler, str(diary), fail_in=hook)
    runtime.wait_for_end(ref)
    assert hooks(diary)[-2:] == [hook, "on_failure"]
    entry = entry_of(diary, "on_failure")
    assert entry["alive"] == [False, False]
    assert entry["error"] == ["LookupError", f"cannot {hook}", True]


@pytest.mark.runtimes("thread", "process", reason="Pykka has no such hooks")
@pytest.mark.parametrize("hook", ["connect", "load", "warm_up"])
def test_leaving_in_a_lifecycle_hook_calls_on_stop(runtime, start, diary, hook):
    """As leaving in a handler does."""
    ref = start(Settler, str(diary), leave_in=hook)
    runtime.wait_for_end(ref)
    assert hooks(diary)[-2:] == [hook, "on_stop"]


@pytest.mark.runtimes("process", reason="an actor's thread is never the main one")
def test_runner_lives_in_the_main_thread_of_its_process(start):
    """Where signals are handled, and where libraries belong that want the main thread."""
    assert start(Echo).proxy().in_main_thread().get(timeout=LIMIT)
