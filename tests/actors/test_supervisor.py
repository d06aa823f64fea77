"""The supervisor's surface: what it answers, what it refuses, and what nobody waits for in vain."""

import os
import subprocess
import sys
import threading

import psutil
import pykka
import pytest
from faulty import PROGRAM_ENVIRONMENT, Collector, Echo, Lifecycle

import actors
from actors import _port
from actors._future import RunnerFuture
from actors._group import Group
from diagnostics.actor import DiagnosticActor

LIMIT = 30


def spec(runner_id="echo", runner_class=Echo, **options):
    """Return a runner's spec."""
    return actors.RunnerSpec(runner_id, runner_class, **options)


def temporary(runner_id="echo", runner_class=Echo, **options):
    """Return the spec of a runner that is not started again."""
    return spec(runner_id, runner_class, restart=actors.Restart.TEMPORARY, **options)


def die(ref, method="kill", *args):
    """Make a runner end. Return its failure."""
    with pytest.raises(actors.RunnerFailedError) as caught:
        getattr(ref.proxy(), method)(*args).get(timeout=LIMIT)
    return caught.value.failure


def wait_for_the_end():
    """Wait until the supervisors' threads have left nothing behind, well before any limit."""
    for thread in threading.enumerate():
        if thread.name.startswith("Supervisor-"):
            thread.join(4)
            assert not thread.is_alive()


# Bad requests.


def test_id_in_use_is_refused_and_free_again_after_the_end(supervisor):
    """Among runners and groups alike."""
    ref = supervisor.start_runner(spec()).get(timeout=LIMIT)
    with pytest.raises(actors.DuplicateIdError):
        supervisor.start_runner(spec()).get(timeout=LIMIT)
    with pytest.raises(actors.DuplicateIdError):
        supervisor.start_group(actors.GroupSpec("echo", [spec("a")])).get(timeout=LIMIT)
    with pytest.raises(actors.DuplicateIdError):
        supervisor.start_group(actors.GroupSpec("g", [spec("b"), spec()])).get(timeout=LIMIT)
    assert ref.stop(timeout=LIMIT)
    again = supervisor.start_runner(spec()).get(timeout=LIMIT)
    assert again.ask("x") == "x"
    assert again != ref


@pytest.mark.parametrize("method", ["stop_runner", "stop_group", "restart_runner"])
def test_unknown_id_is_refused(supervisor, method):
    """By name."""
    with pytest.raises(actors.UnknownRunnerError, match="'nobody'"):
        getattr(supervisor, method)("nobody").get(timeout=LIMIT)


def test_what_is_no_spec_is_refused(supervisor):
    """Each by the method that wants the other; the supervisor lives on."""
    with pytest.raises(actors.SpecError, match="must be a RunnerSpec"):
        supervisor.start_runner(actors.GroupSpec("g", [spec()])).get(timeout=LIMIT)
    with pytest.raises(actors.SpecError, match="must be a GroupSpec"):
        supervisor.start_group(spec()).get(timeout=LIMIT)
    with pytest.raises(actors.SpecError, match=r"subclass of actors\.Runner"):
        supervisor.start_runner(spec(runner_class=Collector)).get(timeout=LIMIT)
    with pytest.raises(actors.SpecError, match="args"):
        supervisor.start_runner(spec(args=(threading.Lock(),))).get(timeout=LIMIT)
    group = actors.GroupSpec("g", [spec("a"), spec("b", kwargs={"x": threading.Lock()})])
    with pytest.raises(actors.SpecError, match="kwargs"):
        supervisor.start_group(group).get(timeout=LIMIT)
    assert supervisor.runners().get() == ()
    assert pykka.ActorRegistry.get_by_class(Echo) == []


def test_nothing_is_started_after_the_stop():
    """And nobody waits for an answer."""
    ref = actors.Supervisor.start()
    proxy = ref.proxy()
    assert ref.stop(timeout=LIMIT) is True
    assert ref.stop(timeout=LIMIT) is False
    with pytest.raises(pykka.ActorDeadError):
        proxy.start_runner(spec()).get(timeout=LIMIT)


def test_start_that_was_overtaken_by_the_stop_is_answered():
    """Its sender had found the supervisor alive."""
    ref = actors.Supervisor.start()
    inbox = ref.actor_inbox
    ref.stop(timeout=LIMIT)
    future, stop, of_runner = (pykka.ThreadingFuture() for _ in range(3))
    inbox.put(pykka._envelope.Envelope("late", reply_to=future))
    inbox.put(pykka._envelope.Envelope(pykka.messages._ActorStop(), reply_to=stop))
    inbox.put(pykka._envelope.Envelope(actors.supervisor.StopRequested("x", of_runner)))
    with pytest.raises(actors.SupervisorStoppedError):
        future.get(timeout=LIMIT)
    assert stop.get(timeout=LIMIT) is None
    assert of_runner.get(timeout=LIMIT) is None


# Stops.


def test_stop_while_a_start_is_under_way_answers_both():
    """The start with the stop, the stop when the process is gone."""
    ref = actors.Supervisor.start()
    starting = ref.proxy().start_runner(spec(runner_class=Lifecycle, args=("on_start", "hang")))
    stops = [ref.stop(block=False) for _ in range(3)]
    with pytest.raises(actors.RunnerStoppedError):
        starting.get(timeout=LIMIT)
    assert pykka.get_all(stops, timeout=LIMIT)[0] is True


def test_stop_during_the_delay_before_a_restart_answers_who_waits(supervisor, recorder):
    """There is no process whose end would be reported."""
    supervisor.subscribe(recorder, actors.GroupRestarting).get()
    ref = supervisor.start_runner(spec(backoff=actors.Backoff(initial=1000.0, maximum=1000.0))).get(
        timeout=LIMIT
    )
    die(ref)
    recorder.wait_for(actors.GroupRestarting)
    waiting = ref.ask("x", block=False)
    assert supervisor.stop_runner("echo").get(timeout=LIMIT) is True
    with pytest.raises(actors.RunnerStoppedError):
        waiting.get(timeout=LIMIT)


def test_restart_during_the_delay_is_at_once(supervisor, recorder):
    """The next incarnation answers."""
    supervisor.subscribe(recorder, actors.GroupRestarting).get()
    ref = supervisor.start_runner(spec(backoff=actors.Backoff(initial=1000.0, maximum=1000.0))).get(
        timeout=LIMIT
    )
    die(ref)
    recorder.wait_for(actors.GroupRestarting)
    supervisor.restart_runner("echo").get(timeout=LIMIT)
    assert ref.ask("x", timeout=LIMIT) == "x"


def test_stop_during_settle_publishes_what_had_failed(supervisor, failures):
    """It does not wait for the time to be over."""
    group = actors.GroupSpec("g", [temporary("a"), temporary("b")], settle=1000.0)
    refs = supervisor.start_group(group).get(timeout=LIMIT)
    lost = refs["a"].proxy().kill()
    pid = refs["b"].proxy().pid().get(timeout=LIMIT)
    wait_until_dead(supervisor, "a")
    assert supervisor.stop_group("g").get(timeout=LIMIT) is True
    with pytest.raises(actors.RunnerFailedError):
        lost.get(timeout=LIMIT)
    assert failures.wait_for(actors.RunnerFailed).runner_id == "a"
    assert not psutil.pid_exists(pid)


def wait_until_dead(supervisor, runner_id):
    """Wait until the supervisor has taken note of an end."""
    while next(each.pid for each in supervisor.runners().get() if each.runner_id == runner_id):
        os.sched_yield()


def test_last_one_down_ends_the_time_of_settling(supervisor, failures):
    """There is nobody left to wait for."""
    group = actors.GroupSpec("g", [temporary("a"), temporary("b")], settle=1000.0)
    refs = supervisor.start_group(group).get(timeout=LIMIT)
    refs["a"].proxy().kill.defer()
    wait_until_dead(supervisor, "a")
    refs["b"].proxy().stop.defer()
    assert failures.wait_for(actors.RunnerFailed).runner_id == "a"


def test_restart_asked_for_while_a_stop_is_under_way(supervisor):
    """The stop is answered when its process is gone, and the next one takes messages."""
    group = actors.GroupSpec("g", [spec("a"), spec("b")], strategy=actors.Strategy.ONE_FOR_ONE)
    refs = supervisor.start_group(group).get(timeout=LIMIT)
    pid = refs["a"].proxy().pid().get()
    stopping = supervisor.stop_runner("a")
    supervisor.restart_runner("a").get(timeout=LIMIT)
    assert stopping.get(timeout=LIMIT) is True
    assert refs["a"].ask("x", timeout=LIMIT) == "x"
    assert refs["a"].proxy().pid().get() != pid


def test_member_stopped_while_its_group_starts_does_not_hold_up_the_start(supervisor):
    """The others are up; its ref is dead."""
    slow = spec("slow", Lifecycle, args=("on_start", "hang"), terminate_timeout=1.0)
    starting = supervisor.start_group(
        actors.GroupSpec("g", [slow, spec("b")], strategy=actors.Strategy.ONE_FOR_ONE)
    )
    supervisor.stop_runner("slow").get(timeout=LIMIT)
    refs = starting.get(timeout=LIMIT)
    assert not refs["slow"].is_alive()
    assert refs["b"].ask("x", timeout=LIMIT) == "x"


def test_stopped_member_comes_back_on_request(supervisor):
    """With the same ref; the others were not touched."""
    group = actors.GroupSpec("g", [spec("a"), spec("b")])
    refs = supervisor.start_group(group).get(timeout=LIMIT)
    assert supervisor.stop_runner("a").get(timeout=LIMIT) is True
    with pytest.raises(pykka.ActorDeadError):
        refs["a"].ask("x", timeout=LIMIT)
    supervisor.restart_runner("a").get(timeout=LIMIT)
    assert refs["a"].ask("x", timeout=LIMIT) == "x"
    assert [info.incarnation for info in supervisor.runners().get()] == [2, 1]


def test_restart_keeps_the_ref_and_does_not_count(supervisor, failures):
    """Not even within an intensity of none."""
    ref = supervisor.start_runner(spec(intensity=actors.Intensity(max_restarts=0))).get(
        timeout=LIMIT
    )
    pid = ref.proxy().pid().get()
    supervisor.restart_runner("echo").get(timeout=LIMIT)
    assert ref.proxy().pid().get(timeout=LIMIT) != pid
    assert failures.events() == []


def test_our_sigterm_answered_by_sys_exit_is_a_stop(start, supervisor, fifo):
    """The usual handler: it must not look like an exception of the runner's own."""
    ref = start(stop_timeout=0.1)
    ref.proxy().leave_at_sigterm_and_hang.defer(fifo.path)
    assert fifo.read() == "hanging"
    assert ref.stop(timeout=LIMIT) is True
    assert supervisor.failures().get() == ()


def test_native_code_may_take_its_time_to_leave(start, supervisor, monkeypatch):
    """The interpreter is finalized by then, but the channel stays open to the end."""
    monkeypatch.setattr(_port, "_CLOSED_GRACE", 0.01)
    ref = start(stop_timeout=0.5)
    assert ref.proxy().take_long_to_leave().get(timeout=LIMIT)
    assert ref.stop(timeout=LIMIT) is True
    assert supervisor.failures().get() == ()


# Ends.


def test_runner_that_raised_and_does_not_end_is_ended(start):
    """A thread of its own keeps the process; its askers are answered all the same."""
    ref = start(stop_timeout=0.1)
    ref.proxy().fail_and_linger.defer()
    with pytest.raises(actors.RunnerFailedError) as caught:
        ref.ask("x", timeout=LIMIT)
    assert caught.value.failure.reason.error.type == "ValueError"


def test_tasks_behind_the_one_that_ended_the_runner_fail_with_the_failure(start, fifo):
    """They are in the runner's inbox by then, and it is not the runner that answers them."""
    ref = start()
    futures = [ref.proxy().wait_for_file(fifo.path), *(ref.ask(n, block=False) for n in range(3))]
    fifo.write()
    failures = []
    for future in futures:
        with pytest.raises(actors.RunnerFailedError) as caught:
            future.get(timeout=LIMIT)
        failures.append(caught.value.failure)
    assert {failure.reason.error.type for failure in failures} == {"SystemExit"}
    assert len(failures[0].tasks) == 4


def test_large_exception_comes_without_its_payload(start):
    """As its description, which always fits; the runner lives on."""
    ref = start(max_frame=1000)
    with pytest.raises(actors.RemoteError, match="xxx"):
        ref.proxy().fail_at_length(100_000).get(timeout=LIMIT)
    assert ref.ask("alive", timeout=LIMIT) == "alive"


def test_late_diagnosis_of_an_earlier_runner_does_not_end_its_namesake(recorder):
    """
    An id may be used again as soon as its runner is gone.

    1. The first runner fails. 2. The limit of the diagnosis passes, and it is published without.
    3. A second runner of the same id is up. 4. The diagnosis of the first one comes.
    """
    with actors.supervise(diagnosis_timeout=0.05) as supervisor:
        supervisor.subscribe(recorder, actors.RunnerFailed).get()
        ref = supervisor.start_runner(temporary()).get(timeout=LIMIT)
        (diagnostic_actor,) = pykka.ActorRegistry.get_by_class(DiagnosticActor)
        gate = diagnostic_actor._actor_weakref().gate = threading.Event()
        diagnostic_actor.tell(pykka.messages.ProxyCall(("gate", "wait"), (LIMIT,), {}))
        die(ref)
        second = supervisor.start_runner(temporary()).get(timeout=LIMIT)
        gate.set()
        diagnostic_actor.ask(pykka.messages.ProxyCall(("source_count",), (), {}), timeout=LIMIT)
        assert second.ask("alive", timeout=LIMIT) == "alive"
        assert len(supervisor.runners().get()) == 1
        assert second.is_alive()
    assert len(recorder.events()) == 1


@pytest.mark.parametrize(
    ("restart", "after_exit_0", "after_failure"),
    [("permanent", True, True), ("transient", False, True), ("temporary", False, False)],
)
def test_restart_values_are_those_of_otp(
    supervisor, recorder, restart, after_exit_0, after_failure
):
    """Always, after a failure only, never."""
    supervisor.subscribe(recorder, actors.GroupRestarting).get()
    for runner_id, comes_back in (("exits", after_exit_0), ("fails", after_failure)):
        one = spec(runner_id, restart=actors.Restart(restart), stop_timeout=1.0)
        ref = supervisor.start_runner(one).get(timeout=LIMIT)
        if runner_id == "exits":
            ref.proxy().stop.defer()
        else:
            die(ref)
        if comes_back:
            assert recorder.wait_for(lambda event, who=runner_id: event.group_id == who)
            assert ref.ask("x", timeout=LIMIT) == "x"
        else:
            assert ref.actor_stopped.wait(LIMIT)
            with pytest.raises(pykka.ActorDeadError):
                ref.ask("x", timeout=LIMIT)


def test_single_runner_gives_up_at_its_intensity_after_growing_delays(supervisor, recorder):
    """The last failure is what later messages are answered with."""
    supervisor.subscribe(recorder, actors.GroupRestarting | actors.GroupGaveUp).get()
    one = spec(
        intensity=actors.Intensity(max_restarts=2, max_seconds=60),
        backoff=actors.Backoff(initial=0.01, factor=2.0),
    )
    ref = supervisor.start_runner(one).get(timeout=LIMIT)
    for _ in range(3):
        failure = die(ref)
    assert isinstance(recorder.wait_for_many(object, 3)[2], actors.GroupGaveUp)
    assert [event.delay for event in recorder.events(actors.GroupRestarting)] == [0.01, 0.02]
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("x", timeout=LIMIT)
    assert supervisor.failures().get()[-1] == failure


# What a user's environment may do.


class Environment:
    """Answers with what it is told, and raises when it is closed."""

    def __init__(self, answer):
        self.answer, self.opened = answer, 0

    def open(self, incarnation, members):
        self.opened += 1
        return self.answer

    def close(self):
        raise OSError("cannot be closed")


def test_environment_that_cannot_be_closed_takes_nobody_down(supervisor, caplog):
    """Other runners above all."""
    other = supervisor.start_runner(spec("other")).get(timeout=LIMIT)
    group = actors.GroupSpec("g", [spec("a")], environment=Environment({"a": {}}))
    supervisor.start_group(group).get(timeout=LIMIT)
    assert supervisor.stop_group("g").get(timeout=LIMIT) is True
    assert other.ask("x", timeout=LIMIT) == "x"
    assert "cannot be closed" in caplog.text


def test_environment_that_is_no_mapping_fails_the_start(supervisor):
    """Not the supervisor."""
    group = actors.GroupSpec("g", [spec("a")], environment=Environment(None))
    with pytest.raises(actors.StartFailed):
        supervisor.start_group(group).get(timeout=LIMIT)
    assert supervisor.runners().get() == ()


def test_restart_that_fails_at_once_a_thousand_times_ends_at_the_intensity(supervisor, recorder):
    """And not at the depth of the stack."""
    supervisor.subscribe(recorder, actors.GroupGaveUp).get()
    environment = Environment({"a": {}})
    intensity = actors.Intensity(max_restarts=1000, max_seconds=1000)
    group = actors.GroupSpec("g", [spec("a")], environment=environment, intensity=intensity)
    refs = supervisor.start_group(group).get(timeout=LIMIT)
    environment.answer = None
    die(refs["a"])
    recorder.wait_for(actors.GroupGaveUp)
    assert environment.opened == 1001


# Subscribers.


def test_late_subscriber_asks_for_the_failures_so_far(supervisor):
    """Oldest first."""
    failures = [
        die(supervisor.start_runner(temporary(each)).get(timeout=LIMIT)) for each in ("a", "b")
    ]
    assert supervisor.failures().get() == tuple(failures)


def test_subscribed_callable_may_call_the_supervisor(supervisor):
    """And wait for the answer: it has a thread of its own."""
    seen, done = [], threading.Event()

    def look(failure):
        seen.append((supervisor.failures().get(timeout=LIMIT), failure))
        supervisor.start_runner(temporary("next")).get(timeout=LIMIT)
        done.set()

    supervisor.subscribe(look, actors.RunnerFailed).get()
    failure = die(supervisor.start_runner(temporary()).get(timeout=LIMIT))
    assert done.wait(LIMIT)
    assert seen == [((failure,), failure)]


def test_subscribed_callable_may_stop_the_supervisor():
    """Without waiting for it, since the supervisor waits for its callables."""
    ref = actors.Supervisor.start()
    supervisor = ref.proxy()
    supervisor.subscribe(lambda _failure: ref.stop(block=False), actors.RunnerFailed).get()
    supervisor.start_runner(temporary()).get(timeout=LIMIT).proxy().kill.defer()
    assert ref.actor_stopped.wait(LIMIT)
    wait_for_the_end()


def test_subscribed_ref_is_told(supervisor, recorder):
    """As any actor is, by `tell`."""
    collector = Collector.start(recorder)
    supervisor.subscribe(collector, actors.RunnerFailed).get()
    failure = die(supervisor.start_runner(temporary()).get(timeout=LIMIT))
    assert recorder.wait_for(actors.RunnerFailed) == failure
    assert supervisor.unsubscribe(collector).get() is True
    collector.stop()


# Supervisors.


def test_two_supervisors_side_by_side_do_not_share_anything():
    """The same id in both; the end of one is no news to the other."""
    with actors.supervise() as first, actors.supervise() as second:
        refs = [each.start_runner(temporary()).get(timeout=LIMIT) for each in (first, second)]
        die(refs[0])
        assert refs[1].ask("x", timeout=LIMIT) == "x"
        assert len(first.failures().get()) == 1
        assert second.failures().get() == ()


def test_supervisor_started_in_another_thread_outlives_that_thread():
    """Its runners belong to the supervisor, not to whoever started it."""
    refs = []

    def start():
        supervisor = actors.Supervisor.start()
        refs.extend((supervisor, supervisor.proxy().start_runner(spec()).get(timeout=LIMIT)))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    supervisor, runner = refs
    assert runner.ask("x", timeout=LIMIT) == "x"
    assert supervisor.stop(timeout=LIMIT) is True


def test_supervise_stops_everything_whatever_the_block_does():
    """And lets its exception through."""
    refs = []

    def block():
        with actors.supervise() as supervisor:
            refs.append(supervisor.start_runner(spec()).get(timeout=LIMIT))
            raise LookupError

    with pytest.raises(LookupError):
        block()
    (ref,) = refs
    assert not ref.is_alive()
    assert ref.stop(timeout=LIMIT) is False


def test_bug_in_the_supervisor_ends_its_runners_and_answers_who_waits(monkeypatch):
    """At once, and with an error that says so; nothing is left behind."""
    ref = actors.Supervisor.start()
    supervisor = ref.proxy()
    runner = supervisor.start_runner(spec()).get(timeout=LIMIT)
    asking = runner.proxy().hang()
    starting = supervisor.start_runner(spec("slow", Lifecycle, args=("on_start", "hang")))
    stopping = supervisor.stop_runner("echo")

    def broken(self, fact):
        raise RuntimeError("a bug of ours")

    supervisor.runners().get(timeout=LIMIT)
    monkeypatch.setattr(Group, "take", broken)
    ref.tell(actors.supervisor.PortStarted("echo", 1, 1))
    for future in (asking, starting, stopping):
        with pytest.raises(pykka.ActorDeadError):
            future.get(timeout=5)
    with pytest.raises(pykka.ActorDeadError):
        runner.ask("x", timeout=LIMIT)
    assert runner.stop(timeout=LIMIT) is False
    wait_for_the_end()


def test_unknown_message_is_no_harm(supervisor, caplog):
    """As in Pykka: a warning."""
    assert supervisor.actor_ref.ask("what?", timeout=LIMIT) is None
    supervisor.actor_ref.tell("what?")
    assert supervisor.runners().get(timeout=LIMIT) == ()
    assert "Unexpected message" in caplog.text


def test_bad_request_that_nobody_waits_for_does_not_end_the_supervisor(supervisor, caplog):
    """By Pykka's rules an exception under `defer` ends an actor, and this one has runners."""
    supervisor.stop_runner.defer("nobody")
    supervisor.start_runner.defer("no spec")
    assert supervisor.runners().get() == ()


def test_package_can_be_imported_where_runners_cannot_run():
    """On a system without POSIX's signals the import works, and a start says what is missing."""
    program = """
import os, signal, sys
for name in ("SIGKILL", "SIGUSR1", "SIGHUP", "SIGCHLD"):
    delattr(signal, name)
import actors, actors.supervisor
actors.supervisor.os = type(sys)("os")
actors.supervisor.os.name = "nt"
class Mine(actors.Runner):
    pass
supervisor = actors.Supervisor.start()
try:
    supervisor.proxy().start_runner(actors.RunnerSpec("mine", Mine)).get()
except actors.PlatformError as error:
    print(error)
supervisor.stop()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=PROGRAM_ENVIRONMENT,
    )
    assert "need a POSIX system" in done.stdout


def test_stop_that_nobody_waits_for_any_more(supervisor, start):
    """A runner that has told another to stop may have ended before that is done."""
    start("a")
    given_up = RunnerFuture()
    assert given_up.cancel()
    supervisor.actor_ref.tell(actors.supervisor.StopRequested("a", given_up))
    assert supervisor.stop_runner("a").get(timeout=60)
    assert supervisor.actor_ref.is_alive()


class AsksAtTheEnd(actors.Runner):
    """Asks another in its last hook, and notes what comes of that."""

    def __init__(self, other, notes):
        super().__init__()
        self.other, self.notes = other, notes

    def on_stop(self):
        try:
            result = self.other.ask("a last question", timeout=LIMIT)
        except pykka.ActorDeadError:
            result = "dead"
        self.notes.write_text(result)


@pytest.mark.parametrize(
    ("all_at_once", "result"), [(True, "dead"), (False, "a last question")], ids=["own", "registry"]
)
def test_supervisor_that_ends_stops_its_runners_all_at_once(tmp_path, all_at_once, result):
    """`ActorRegistry.stop_all` stops one after the other."""
    notes = tmp_path / "notes"
    with actors.supervise() as supervisor:
        first = supervisor.start_runner(temporary()).get(timeout=LIMIT)
        asking = temporary("asking", AsksAtTheEnd, args=(first, notes))
        supervisor.start_runner(asking).get(timeout=LIMIT)
        if not all_at_once:
            pykka.ActorRegistry.stop_all(timeout=LIMIT)
    assert notes.read_text() == result
