"""A ref in a message is the actor's ref where it arrives: in a runner, and back in the parent."""

import asyncio
import copyreg
import pickle
import subprocess
import sys
import threading

import numpy as np
import psutil
import pykka
import pytest
from faulty import PROGRAM_ENVIRONMENT, Echo
from hopping import Boxed, Caller, CallerLoop, Lingering, OnlyThere, Plain
from hopping_arrays import Arrays
from household import TwoPartError

import actors
from actors._payload import pack

LIMIT = 60
"""Seconds for what takes milliseconds; met only in a deadlock."""


@pytest.fixture
def pair(start):
    """Give two runners: who calls, as a proxy, and the ref of who is called."""
    return start("a", runner_class=Caller).proxy(), start("b", runner_class=Caller)


@pytest.fixture
def plain():
    """Give the ref of a plain Pykka actor of this process."""
    ref = Plain.start()
    yield ref
    ref.stop()


def got(future):
    """Return a future's answer."""
    return future.get(timeout=LIMIT)


# Messages.


def test_runners_ask_each_other(pair):
    """Blocking, and by a future."""
    caller, other = pair
    assert got(caller.ask(other, "hello")) == "hello"
    assert got(caller.ask_later(other, "hello")) == "hello"
    assert got(caller.ask(other, "hello", 30)) == "hello"


def test_runners_tell_each_other_in_order(pair):
    """Each message once; what is asked afterwards comes afterwards."""
    caller, other = pair
    got(caller.tell(other, *range(500)))
    assert got(caller.ask(other, "last")) == "last"
    assert got(other.proxy().got) == [*range(500), "last"]


def test_tells_and_asks_are_one_queue(pair):
    """First sent, first handled."""
    caller, other = pair
    assert got(caller.tell_and_ask(other, 100)) == list(range(1, 200, 2))
    assert got(other.proxy().got) == list(range(200))


def test_two_runners_play_to_each_other(pair, fifo):
    """With the ref to answer to in each message, so that nobody waits for anybody."""
    caller, other = pair
    caller.rally.defer(other, 101, fifo.path)
    assert fifo.read() == "over"
    assert got(caller.got) == list(range(101, 0, -2))
    assert got(other.proxy().got) == list(range(100, -1, -2))


def test_threads_of_a_runner_ask_at_once(pair):
    """Each thread gets its own answers, in its own order."""
    caller, other = pair
    answers = got(caller.ask_from_threads(other, 8, 50))
    assert answers == [[(thread, each) for each in range(50)] for thread in range(8)]


def test_proxies_work_in_a_runner(start):
    """Methods, attributes that the constructor makes, those behind traversable ones, and `defer`."""
    caller = start("a", runner_class=Caller).proxy()
    other = start("b", runner_class=Boxed)
    assert got(caller.call(other, "add", 1, 2)) == 3
    proxy = other.proxy()
    assert got(caller.by_proxy(proxy, "number")) == 5
    got(caller.set_by_proxy(proxy, "number", 6))
    assert got(caller.by_proxy(proxy, "number")) == 6
    assert got(caller.by_proxy(proxy.box, "content")) == "something"
    assert got(caller.call_proxy(proxy.box.double, 4)) == 8
    assert got(caller.call_proxy(proxy.add, 3, 4)) == 7
    got(caller.defer(other, "keep", "this"))
    assert got(caller.by_proxy(other.proxy(), "kept")) == "this"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        got(caller.call(other, "nothing"))


def test_three_hops(start):
    """Each asks the next."""
    first, *others = [start(each, runner_class=Caller) for each in "abcd"]
    assert got(first.proxy().pass_on(others, "hello")) == "hello"


def test_a_future_may_be_handed_on(pair, plain):
    """The runner goes on to its next message meanwhile, which may be the one it waits for."""
    caller, other = pair
    assert got(got(caller.ask_future(other, "hello"))) == "hello"
    me = got(caller.me())
    assert got(got(caller.ask_future(me, "to itself"))) == "to itself"
    assert got(got(caller.call(plain, "ask", other, "by an actor"))) == "by an actor"
    raised = got(caller.call_future(other, "fail"))
    with pytest.raises(ValueError, match="as told"):
        got(raised)


def test_large_payloads_are_passed_on(start):
    """As argument and as answer, there and back."""
    caller = start("a", runner_class=Arrays).proxy()
    other = start("b", runner_class=Arrays)
    size = 64 << 20
    assert got(caller.send_array(other, size))
    array = got(caller.call(other, "array", size))
    assert array.nbytes == size
    assert int(array.sum(dtype=np.uint64)) == got(other.proxy().total(array))


# Refs.


def test_a_ref_that_comes_back_is_the_same(pair, plain):
    """Refs are compared by identity."""
    caller, other = pair
    ref = caller.actor_ref
    assert got(caller.send_back(other)) is other
    assert got(caller.send_back(plain)) is plain
    assert got(caller.me()) is ref
    assert got(caller.ask(other, ref)) is ref
    assert got(caller.is_mine(ref))
    assert got(caller.same(other, other))
    got(caller.keep(other))
    assert got(caller.is_kept(other)), "one ref for each actor in a process"


def test_refs_travel_in_answers_chunks_and_exceptions(pair, plain):
    """Wherever a value can be."""
    caller, other = pair
    chunks = got(caller.refs_in_chunks(other, plain)).result()
    assert chunks[0] is other
    assert chunks[1] is plain
    with pytest.raises(LookupError) as caught:
        got(caller.raise_with(other))
    assert caught.value.args[0] is other


def test_refs_in_the_arguments_of_a_spec(start, plain):
    """What a runner works with can be given to its constructor."""
    other = start("b", runner_class=Caller)
    caller = start("a", runner_class=Caller, args=(other,), kwargs={"plain": plain}).proxy()
    assert got(caller.ask_other("hello")) == "hello"
    assert got(caller.ask_named("plain", "hello")) == "hello"


def test_proxies_come_back_as_what_they_are(pair, supervisor, plain):
    """Also the typed one, one of an attribute, and a method's."""
    caller, other = pair
    back = got(caller.send_back(supervisor))
    assert isinstance(back, actors.SupervisorProxy)
    assert back == supervisor
    assert got(caller.send_back(plain.proxy().box)) == plain.proxy().box
    assert got(got(caller.send_back(other.proxy().add))(1, 2)) == 3


def test_a_proxy_knows_what_the_actor_had_when_its_ref_was_sent(pair):
    """What has come since is there when the ref is sent again."""
    caller, other = pair
    thread = Caller.start()
    for proxy in (thread.proxy(), other.proxy()):
        with pytest.raises(AttributeError, match="has no attribute 'late'"):
            got(caller.by_proxy(proxy, "late"))
        proxy.late = "there"
        assert got(caller.by_proxy(proxy, "late")) == "there"
    thread.stop()


def test_the_class_of_an_actor_may_be_defined_anywhere(pair):
    """It is sent as the classes of messages are."""
    caller, _ = pair

    class Here(pykka.ThreadingActor):
        def double(self, value):
            return 2 * value

    ref = Here.start()
    assert got(caller.call(ref, "double", 4)) == 8
    assert got(caller.send_back(ref)) is ref
    ref.stop()


def test_a_runner_knows_its_own_actors_only(pair):
    """The registry and `broadcast` see what lives in their process."""
    caller, other = pair
    got(caller.keep(other))
    assert got(caller.registered()) == 1


def test_a_ref_that_leads_nowhere_is_dead(pair, plain):
    """An actor that lives in a thread of a runner cannot be reached from outside."""
    caller, other = pair
    ref = got(caller.local())
    assert isinstance(ref, pykka.ActorRef)
    assert not ref.is_alive()
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("?")
    with pytest.raises(pykka.ActorDeadError):
        ref.tell("!")
    with pytest.raises(pykka.ActorDeadError):
        ref.proxy()
    assert not got(other.proxy().is_alive(ref))
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        got(other.proxy().ask(ref, "?"))
    assert got(caller.is_alive(ref)), "it can be reached where it lives"


def test_a_ref_outside_of_the_system_is_dead(plain):
    """A pickled ref that is read by any other program."""
    data = pickle.dumps((plain, plain.proxy()))
    program = f"""
import pickle, pykka, actors
ref, proxy = pickle.loads({data!r})
assert not ref.is_alive() and ref.actor_urn == {plain.actor_urn!r}
try:
    proxy.number.get()
except pykka.ActorDeadError:
    print("dead")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=PROGRAM_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.stdout == "dead\n", done.stderr


def test_the_ref_of_an_ended_actor(pair):
    """It says that it is dead, and comes back as what it was."""
    caller, _ = pair
    ended = Plain.start()
    assert got(caller.is_alive(ended))
    proxy = ended.proxy()
    got(caller.keep(ended))
    ended.stop()
    assert not got(caller.is_alive(ended))
    assert got(caller.is_kept(ended))
    assert got(caller.send_back(ended)) is ended
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        got(caller.ask(ended, "?"))
    with pytest.raises(pykka.ActorDeadError):
        got(caller.by_proxy(proxy, "number"))


def test_a_tell_that_cannot_be_delivered_is_logged(pair, caplog):
    """Nobody waits who could be told, and the sender lives on."""
    caller, _ = pair
    ended = Plain.start()
    ended.stop()
    got(caller.tell(ended, "too late"))
    assert not got(caller.is_alive(ended))
    assert f"a message of 'a' to {ended.actor_urn} is lost" in caplog.text


def test_pickling_refs_needs_nothing_but_the_import():
    """By the registry of `copyreg`, which every pickler respects."""
    assert pykka.ActorRef in copyreg.dispatch_table
    assert pykka.ActorProxy in copyreg.dispatch_table


def test_a_runner_stops_another(pair, supervisor):
    """It learns when the process is gone; a second time there is nobody to stop."""
    caller, other = pair
    pid = got(other.proxy().pid())
    assert got(caller.stop_other(other)) is True
    assert not psutil.pid_exists(pid)
    assert not other.is_alive()
    assert got(caller.stop_other(other)) is False
    assert [each.runner_id for each in got(supervisor.runners())] == ["a"]


# Actors of the parent.


def test_a_plain_actor_is_asked_and_told(pair, plain):
    """As any other, by whatever sends refs."""
    caller, _ = pair
    got(caller.tell(plain, 1, 2, 3))
    assert got(caller.ask(plain, 4)) == 4
    assert got(plain.proxy().got) == [1, 2, 3, 4]
    assert got(caller.by_proxy(plain.proxy(), "number")) == 5
    assert got(caller.by_proxy(plain.proxy().box, "content")) == "something"
    got(caller.set_by_proxy(plain.proxy().box, "content", "else"))
    assert got(plain.proxy().box.content) == "else"
    with pytest.raises(LookupError, match="as told"):
        got(caller.call(plain, "refuse"))
    assert got(caller.stop_other(plain)) is True
    assert not plain.is_alive()


def test_an_answer_that_cannot_be_pickled_hurts_nobody(pair, plain):
    """The asker is told; the actor, which does not know that it is asked from far, lives on."""
    caller, _ = pair
    with pytest.raises(actors.UnsendableError, match="lock"):
        got(caller.call(plain, "lock"))
    assert plain.is_alive()


def test_a_message_that_cannot_be_read_hurts_nobody(pair, plain, caplog):
    """A plain actor that is told what its process cannot unpickle would end."""
    caller, _ = pair
    answer = got(caller.ask_and_report(plain, Seed()))
    assert answer[0] is actors.WireError
    got(caller.tell(plain, Seed()))
    assert got(caller.ask(plain, "still there")) == "still there"
    assert "not for you" in caplog.text


class Seed:
    """Becomes an object that can be read in no other process than the one that this comes to."""

    def __reduce__(self):
        return OnlyThere, ()


def test_a_runner_starts_another_at_its_supervisor(pair, supervisor):
    """The supervisor is an actor like any other; its answers are futures, which are followed."""
    caller, _ = pair
    ref = got(caller.start_runner(supervisor.actor_ref, "c"))
    assert ref.ask("hello", timeout=LIMIT) == "hello"
    assert got(caller.ask(ref, "hello")) == "hello"
    with pytest.raises(actors.DuplicateIdError):
        got(caller.start_runner(supervisor.actor_ref, "c"))


@pytest.mark.parametrize("runner_class", [Caller, CallerLoop])
def test_a_runner_in_a_thread_streams_to_one_in_a_process(pair, runner_class):
    """It is held back by a reader in another process, too."""
    caller, _ = pair
    thread = runner_class.start()
    assert got(caller.take(thread, 1000, "endless")) == list(range(1000))
    assert got(caller.relay(thread, "count", 1000)).result() == list(range(1000))
    chunks, error, _ = got(caller.collect_error(thread, "count_and_fail", 3))
    assert (chunks, error) == ([0, 1, 2], LookupError)
    if runner_class is CallerLoop:
        assert got(caller.relay(thread, "count_later", 1000)).result() == list(range(1000))
        assert got(caller.take(thread, 500, "count_later", 10**9)) == list(range(500))
    assert thread.ask("after that", timeout=LIMIT) == "after that"
    thread.stop()


def test_a_plain_actor_hands_a_stream_on(pair, plain):
    """From one runner to another."""
    caller, other = pair
    chunks = got(caller.relay(plain, "stream_of", other, "large_chunks", 30, 1 << 20))
    assert sum(map(len, chunks)) == 30 << 20
    numbers = got(caller.relay(plain, "stream_of", other, "count", 1000)).result()
    assert numbers == list(range(1000))


def test_a_timeout_may_be_longer_than_the_system_can_wait(pair):
    """A month does not fit into the milliseconds of poll(2)."""
    caller, other = pair
    assert got(caller.ask(other, "soon", timeout=30 * 86400)) == "soon"


# Streams.


@pytest.mark.parametrize("how", ["relay", "hand_on", "call_future"])
def test_a_stream_over_two_hops(pair, how):
    """From one runner through the other to the parent, chunk by chunk or as it is."""
    caller, other = pair
    stream = got(getattr(caller, how)(other, "count", 2000))
    assert stream.result() == list(range(2000))


@pytest.mark.parametrize("how", ["relay", "hand_on", "call_future"])
def test_a_stream_of_large_chunks_over_two_hops(pair, how):
    """Each hop takes the same credit for a chunk, or it would wait for ever."""
    caller, other = pair
    chunks = got(getattr(caller, how)(other, "large_chunks", 60, 1 << 20))
    assert [(len(chunk), chunk[:1]) for chunk in chunks] == [
        (1 << 20, bytes([number])) for number in range(60)
    ]


def test_a_stream_ends_with_the_error_of_its_handler(pair):
    """After the chunks before it, over one hop and over two."""
    caller, other = pair
    chunks, error, _ = got(caller.collect_error(other, "count_and_fail", 3))
    assert (chunks, error) == ([0, 1, 2], LookupError)
    stream = got(caller.relay(other, "count_and_fail", 3))
    with pytest.raises(LookupError, match="no more numbers"):
        stream.result()


@pytest.mark.parametrize("how", ["take", "drop_stream"])
def test_a_reader_that_leaves_ends_the_stream(pair, fifo, how):
    """Whether it says so or lets the stream go."""
    caller, other = pair
    args = (3,) if how == "take" else ()
    got(getattr(caller, how)(other, *args, "endless_noting_the_end", fifo.path))
    assert fifo.read() == "closed"


@pytest.mark.parametrize("how", ["relay", "hand_on", "call_future"])
def test_cancelling_goes_all_the_way(pair, fifo, how):
    """The parent leaves the stream of one runner, which ends that of the other."""
    caller, other = pair
    stream = got(getattr(caller, how)(other, "endless_noting_the_end", fifo.path))
    assert next(stream) == 0
    assert stream.cancel()
    assert fifo.read() == "closed"
    assert got(caller.ask(other, "after that")) == "after that"


def test_a_stream_that_is_not_read_is_held_back(pair, fifo):
    """Credit is the last reader's: nobody in between makes room."""
    caller, other = pair
    stream = got(caller.relay(other, "produce", fifo.path, 500))
    assert [next(stream) for _ in range(10)] == list(range(10))
    assert fifo.read() == "reached"
    stream.cancel()
    # Handled after the stream, which two windows have room for.
    assert 500 <= got(other.proxy().produced) < 600


# Errors.


def test_an_error_comes_in_its_own_type(pair):
    """With the traceback of where it was raised."""
    caller, other = pair
    with pytest.raises(ValueError, match="as told") as caught:
        got(caller.call(other, "fail"))
    assert "Traceback" in str(caught.value.__cause__.error.traceback)


def test_a_timeout_ends_the_wait_only(pair, fifo, latch):
    """As in Pykka; the answer is dropped when it comes."""
    caller, other = pair
    other.proxy().wait_at(fifo.path, latch.path)
    assert fifo.read() == "reached"
    with pytest.raises(pykka.Timeout):
        got(caller.ask(other, "?", 0.05))
    latch.write()
    assert got(caller.ask(other, "again")) == "again"


def test_asking_each_other_in_a_circle_ends_with_the_timeout(pair):
    """It is a deadlock, as in Pykka, so whoever does it sets a limit."""
    caller, other = pair
    with pytest.raises(pykka.Timeout):
        got(caller.call(other, "ask", caller.actor_ref, "?", 0.2))
    me = got(caller.me())
    with pytest.raises(pykka.Timeout):
        got(caller.ask(me, "?", 0.2))


def test_what_cannot_be_pickled_is_the_senders_to_know(pair):
    """At once, and nothing is sent."""
    caller, other = pair
    assert got(caller.send_a_lock(other)) is actors.UnsendableError


def test_the_class_of_an_actor_may_be_what_cannot_be_pickled():
    """The error says so, and not that a ref has a weak reference in it."""
    lock = threading.Lock()

    class Held(pykka.ThreadingActor):
        def on_receive(self, message):
            with lock:
                return message

    ref = Held.start()
    with pytest.raises(actors.UnsendableError, match="on_receive > variable 'lock'"):
        pack([ref], "the list")
    ref.stop()


def test_the_targets_limit_holds(start):
    """The sender is told, whichever of the three limits it is; nobody is hurt."""
    small = start("small", runner_class=Arrays, max_frame=100_000)
    large = start("large", runner_class=Arrays)
    for sender, receiver in ((large, small), (small, large)):
        with pytest.raises(actors.FrameTooLargeError):
            got(sender.proxy().send_array(receiver, 200_000))
    with pytest.raises(actors.FrameTooLargeError):
        got(small.proxy().call(large, "array", 200_000))
    assert got(small.proxy().ask(large, "still there")) == "still there"


# Ends.


def test_a_target_that_dies_fails_the_asker(pair, failures):
    """With the failure, as if the parent had asked."""
    caller, other = pair
    kind, error, failure = got(caller.call_and_report(other, "kill"))
    assert kind is actors.RunnerFailedError
    published = failures.wait_for(actors.RunnerFailed)
    assert failure == published
    assert isinstance(error, pykka.ActorDeadError)
    assert [task.message_type for task in published.tasks] == ["kill"]
    assert got(caller.ask_and_report(other, "?"))[0] is pykka.ActorDeadError


def test_a_target_that_dies_ends_its_streams(pair):
    """After the chunks that it has sent."""
    caller, other = pair
    chunks, kind, failure = got(caller.collect_error(other, "die_after", 300))
    assert chunks == list(range(300))
    assert kind is actors.RunnerFailedError
    assert failure.runner_id == "b"


def test_an_asker_that_dies_cancels_what_it_waits_for(pair, fifo, failures):
    """The stream ends; what was not taken up yet is not handled."""
    caller, other = pair
    caller.open_and_abort(other, "endless_noting_the_end", fifo.path)
    failures.wait_for(actors.RunnerFailed)
    assert fifo.read() == "closed"
    assert other.ask("still there", timeout=LIMIT) == "still there"
    assert got(other.proxy().got) == ["still there"]


def test_a_ref_outlives_a_restart_of_the_target(start, supervisor):
    """What is sent meanwhile waits, up to the limit."""
    options = {"runner_class": Caller, "restart": actors.Restart.PERMANENT}
    caller = start("a", **options).proxy()
    other = start("b", **options)
    got(caller.keep(other))
    pid = got(caller.call(other, "pid"))
    assert got(caller.call_and_report(other, "kill"))[0] is actors.RunnerFailedError
    again = got(caller.call_kept("pid"))
    assert again != pid
    got(supervisor.restart_runner("b"))
    assert got(caller.call_kept("pid")) not in {pid, again}


def test_a_ref_in_the_arguments_outlives_a_restart_of_the_asker(start, failures):
    """The new process gets it anew."""
    other = start("b", runner_class=Caller)
    caller = start(
        "a", runner_class=Caller, args=(other,), restart=actors.Restart.PERMANENT
    ).proxy()
    caller.kill.defer()
    failures.wait_for(actors.RunnerFailed)
    assert got(caller.ask_other("hello")) == "hello"


def test_no_more_wait_for_a_runner_that_is_down_than_its_spec_allows(start, supervisor, failures):
    """Whoever sends them."""
    caller = start("a", runner_class=Caller).proxy()
    other = start(
        "b",
        runner_class=Caller,
        max_waiting=3,
        restart=actors.Restart.PERMANENT,
        backoff=actors.Backoff(initial=LIMIT, maximum=LIMIT),
    )
    other.proxy().kill.defer()
    failures.wait_for(actors.RunnerFailed)
    kinds = got(caller.ask_without_waiting(other, 5))
    assert kinds == ["waits"] * 3 + ["refused: RunnerUnavailableError"] * 2
    assert got(supervisor.stop_runner("b"))


@pytest.mark.parametrize("how", ["call", "call_future"], ids=["waiting", "handing on"])
def test_a_hang_in_an_ask_is_anothers(start, failures, fifo, latch, how):
    """Nobody has to declare it: the runner notes for whose answer it waits."""
    other = start("b", runner_class=Caller)
    caller = start("a", runner_class=Caller, progress_timeout=0.5).proxy()
    hanging = getattr(caller, how)(other, "wait_at", fifo.path, latch.path)
    assert fifo.read() == "reached"
    failure = failures.wait_for(actors.RunnerFailed)
    assert isinstance(failure.reason, actors.Hung)
    assert failure.reason.waiting_for == "runner 'b'"
    with pytest.raises(actors.RunnerFailedError):
        got(hanging)
    latch.write()


def test_a_hang_beside_an_ask_is_ones_own(start, failures):
    """What a runner has asked without waiting explains nothing."""
    other = start("b", runner_class=Caller)
    caller = start("a", runner_class=Caller, progress_timeout=0.5).proxy()
    hanging = caller.ask_and_hang(other)
    failure = failures.wait_for(actors.RunnerFailed)
    assert isinstance(failure.reason, actors.Hung)
    assert failure.reason.waiting_for is None
    with pytest.raises(actors.RunnerFailedError):
        got(hanging)


def test_a_stream_that_is_handed_on_and_left_frees_the_one_in_between(pair, fifo, latch):
    """At once, and not when the next chunk comes."""
    caller, other = pair
    stream = got(caller.hand_on(other, "one_then_wait", fifo.path, latch.path))
    assert next(stream) == 1
    assert fifo.read() == "reached"
    assert got(caller.send_back("free while it is read")) == "free while it is read"
    stream.cancel()
    assert got(caller.send_back("and when it is left")) == "and when it is left"
    latch.write()
    assert got(caller.ask(other, "after that")) == "after that"


def test_a_runner_that_stops_itself_waits_for_what_it_has_handed_on(start, failures, fifo, latch):
    """However long others take; its own end has so much time and no more."""
    other = start("b", runner_class=Caller)
    caller = start("a", runner_class=Caller, stop_timeout=0.3).proxy()
    handed_on = caller.call_future(other, "wait_at", fifo.path, latch.path)
    assert fifo.read() == "reached"
    caller.stop().get(timeout=LIMIT)
    # Another one is ended meanwhile, for its last hook takes three times as long.
    slow = start("slow", runner_class=Lingering, stop_timeout=0.9).proxy()
    slow.stop().get(timeout=LIMIT)
    assert failures.wait_for(actors.RunnerFailed).runner_id == "slow"
    latch.write()
    assert got(got(handed_on)) == "through"
    assert [failure.runner_id for failure in failures.events()] == ["slow"]


def test_an_exception_that_is_handed_on_is_what_was_raised(pair):
    """In a future, which raises it; what is no `Exception` is the asker's at once."""
    caller, other = pair
    with pytest.raises(TwoPartError, match="left and right") as caught:
        got(got(caller.call_future(other, "fail_in_two_parts")))
    assert caught.value.parts == ["left", "right"]
    with pytest.raises(asyncio.CancelledError):
        got(caller.answer_with_a_cancelled_future())


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_forked_from_a_runner_reaches_nobody(pair):
    """It has the channel of the runner, whose own messages would be taken for old ones."""
    caller, other = pair
    assert got(caller.fork_and_tell(other, "from the child")) == "refused"
    assert got(caller.fork_and_tell(caller.actor_ref, "from the child to itself")) == "refused"
    assert got(caller.ask(other, "from the runner")) == "from the runner"
    assert got(other.proxy().got) == ["from the runner"]


def test_hook_of_a_future_that_is_handed_on_is_called_once(pair):
    """Though it raises."""
    caller, other = pair
    future = got(caller.hand_on_with_a_hook(other))
    with pytest.raises(LookupError, match="of the hook"):
        got(future)
    assert got(caller.produced) == 1


def test_a_cancelled_ask_is_not_handled(pair, fifo, latch):
    """If the other has not taken it up; the asker does not wait for it."""
    caller, other = pair
    other.proxy().wait_at(fifo.path, latch.path)
    assert fifo.read() == "reached"
    assert got(caller.ask_and_cancel(other, "never")) == (True, "cancelled")
    latch.write()
    assert got(caller.ask(other, "after that")) == "after that"
    assert got(other.proxy().got) == ["after that"]


def test_giving_up_an_answer_that_is_handed_on_goes_all_the_way(pair, fifo, latch):
    """The runner in between does not wait for it either, though it has gone on itself."""
    caller, other = pair
    other.proxy().wait_at(fifo.path, latch.path)
    assert fifo.read() == "reached"
    future = caller.ask_future(other, "never")
    assert got(caller.is_alive(other))
    assert future.cancel()
    # By the same way as the cancellation, and behind it.
    assert got(caller.is_alive(other))
    latch.write()
    assert got(caller.ask(other, "after that")) == "after that"
    assert got(other.proxy().got) == ["after that"]


@pytest.mark.parametrize("method", ["ask_future", "hand_on"])
def test_answer_that_is_handed_on_survives_the_stop_of_who_hands_it_on(pair, fifo, latch, method):
    """Its message came before the stop."""
    caller, other = pair
    other.proxy().wait_at(fifo.path, latch.path)
    assert fifo.read() == "reached"
    if method == "ask_future":
        answer = caller.ask_future(other, "later")
    else:
        answer = caller.hand_on(other, "count", 3)
    stopped = caller.actor_ref.stop(block=False)
    latch.write()
    if method == "ask_future":
        assert got(got(answer)) == "later"
    else:
        assert list(got(answer)) == [0, 1, 2]
    assert got(stopped) is True


def test_nonsense_in_place_of_an_address_ends_the_sender_only(pair, failures):
    """What comes from a process that is out of order is not believed."""
    caller, other = pair
    caller.forward_nonsense.defer()
    failure = failures.wait_for(actors.RunnerFailed)
    assert isinstance(failure.reason, actors.ProtocolViolation)
    assert other.ask("still there", timeout=LIMIT) == "still there"


def test_an_unknown_address_is_nobodys(pair):
    """A runner can name actors of its parent only."""
    caller, _ = pair
    with pytest.raises(pykka.ActorDeadError, match="not found"):
        got(caller.ask_by_urn("urn:uuid:00000000-0000-0000-0000-000000000000"))


def test_a_runner_that_is_stopped_while_it_asks(pair, fifo, latch, supervisor):
    """Its stop takes the usual course; the other lives on."""
    caller, other = pair
    hanging = caller.call(other, "wait_at", fifo.path, latch.path)
    assert fifo.read() == "reached"
    assert isinstance(other, pykka.ActorRef)
    stopped = supervisor.stop_runner("a")
    latch.write()
    assert got(stopped)
    assert got(hanging) == "through"
    assert other.ask("still there", timeout=LIMIT) == "still there"


def test_the_echo_of_a_runner_is_its_own(start):
    """A runner of a class that knows nothing of refs is asked like any other."""
    caller = start("a", runner_class=Caller).proxy()
    assert got(caller.ask(start("echo", runner_class=Echo), ["any", "thing"])) == ["any", "thing"]
