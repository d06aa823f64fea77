"""Runners in an event loop, in a thread and in a process: many messages at a time."""

import gc
import os
import signal

import pykka
import pytest
from servers import AsyncHook, Sensitive, Sequential, Server

import actors

LIMIT = 30
WINDOW = 256


@pytest.fixture
def ref(place):
    """Give a server's ref."""
    return place.start()


@pytest.fixture
def server(ref):
    """Give a server's proxy."""
    return ref.proxy()


def test_later_asks_overtake_one_that_waits(server):
    """And it is answered when it can be."""
    held = server.hold("a")
    assert server.noted("at a").get(timeout=LIMIT)
    assert server.add(1, 2).get(timeout=LIMIT) == 3
    assert not held.done()
    server.open("a")
    assert held.get(timeout=LIMIT) == "a"


def test_messages_are_taken_up_in_order(ref, server):
    """Asks and tells alike."""
    for number in range(0, 200, 2):
        server.append.defer(number)
        server.append(number + 1)
    assert ref.ask("and now", timeout=LIMIT) == "and now"
    assert server.order.get(timeout=LIMIT) == list(range(200))


def test_handlers_run_in_one_thread(place, server):
    """That of the runner: the main one in a process."""
    assert server.main_thread().get(timeout=LIMIT) is place.in_process


def test_attributes_are_read_and_set_by_proxy(server):
    """New ones too, once a coroutine has made them."""
    server.learn("lesson", 7).get(timeout=LIMIT)
    assert server.lesson.get(timeout=LIMIT) == 7
    server.lesson = 8
    assert server.lesson.get(timeout=LIMIT) == 8


def test_fifty_streams_are_served_at_once(server):
    """Each is longer than the window and in order, and none ends before all have begun."""
    streams = [server.count_together("a", 600, 50).get(timeout=LIMIT) for _ in range(50)]
    for number in range(600):
        assert [next(stream) for stream in streams] == [number] * 50
    assert [list(stream) for stream in streams] == [[]] * 50


@pytest.mark.parametrize("method", ["count", "count_plainly", "count_later"])
def test_every_kind_of_generator_answers_with_a_stream(server, method):
    """An asynchronous one, a plain one, and one that a coroutine returns."""
    stream = getattr(server, method)(1000).get(timeout=LIMIT)
    assert isinstance(stream, actors.Stream)
    assert stream.result() == list(range(1000))
    assert getattr(server, method)(0).get(timeout=LIMIT).result() == []


def test_coroutine_that_a_coroutine_returns_is_awaited(server):
    """Under ask and under tell; and it is cancelled where it waits."""
    held, given_up = server.hold_by_others("a"), server.hold_by_others("b")
    server.hold_by_others.defer("c")
    for name in "abc":
        assert server.noted(f"at {name}").get(timeout=LIMIT)
    server.open("a")
    assert held.get(timeout=LIMIT) == "a"
    given_up.cancel()
    assert server.noted("CancelledError in b").get(timeout=LIMIT)
    server.open("c")


def test_file_in_memory_is_no_stream(server):
    """Though it iterates over its lines."""
    assert server.file(b"two\nlines").get(timeout=LIMIT).getvalue() == b"two\nlines"


def test_reader_that_reads_nothing_holds_back_its_own_stream_only(server):
    """Its generator stops at the window, and the others go on."""
    idle = server.endless("idle").get(timeout=LIMIT)
    assert server.noted("256 of idle").get(timeout=LIMIT)
    for method in ("count", "count_plainly"):
        assert list(getattr(server, method)(2000).get(timeout=LIMIT)) == list(range(2000))
    assert server.produced.get(timeout=LIMIT)["idle"] == WINDOW
    assert [next(idle) for _ in range(1000)] == list(range(1, 1001))
    idle.cancel()


def test_reader_that_reads_nothing_of_large_chunks_is_not_sent_many(place, server):
    """Each of a MiB takes the credit of 17 small ones, where it is sent."""
    most = 16 if place.in_process else WINDOW
    idle = server.endless_and_large("idle", 1 << 20, most).get(timeout=LIMIT)
    assert server.noted(f"{most} of idle").get(timeout=LIMIT)
    assert list(server.count(2000).get(timeout=LIMIT)) == list(range(2000))
    assert server.produced.get(timeout=LIMIT)["idle"] == most
    for number in range(1, 101):
        assert next(idle) == bytes([number]) * (1 << 20)
    idle.cancel()


def test_endless_generator_that_waits_for_nothing_lets_others_have_their_turn(server):
    """While its reader keeps up with it."""
    with server.endless_plainly("busy").get(timeout=LIMIT) as stream:
        answer = server.add(1, 2)
        while not answer.done():
            next(stream)
    assert answer.get(timeout=LIMIT) == 3


def test_iterator_is_closed_when_its_reader_leaves_and_not_at_its_end(server):
    """It may be something that is used again."""
    assert server.reusable(3).get(timeout=LIMIT).result() == [0, 1, 2]
    assert server.closed().get(timeout=LIMIT) is False
    with server.reusable(10**9).get(timeout=LIMIT) as stream:
        assert next(stream) == 0
    while not server.closed().get(timeout=LIMIT):
        pass


def test_generator_under_tell_is_run_to_its_end(server):
    """Nobody reads its chunks."""
    server.count.defer(1000)
    server.count_plainly.defer(1000)
    server.count_together.defer("a", 10, 2)
    assert server.count_together("a", 3, 2).get(timeout=LIMIT).result() == [0, 1, 2]


# Cancellation.


def test_cancelled_ask_is_cancelled_at_its_await(server):
    """The asker knows at once, and the runner goes on."""
    held = server.hold("a")
    assert server.noted("at a").get(timeout=LIMIT)
    assert held.cancel() is True
    assert held.cancel() is False
    with pytest.raises(actors.TaskCancelledError):
        held.get(timeout=LIMIT)
    assert server.noted("CancelledError in a").get(timeout=LIMIT)
    assert server.add(1, 2).get(timeout=LIMIT) == 3


def test_ask_that_ignores_its_cancellation_hurts_nobody(server):
    """Its answer is dropped."""
    held = server.ignore_the_cancellation("a")
    assert server.noted("at a").get(timeout=LIMIT)
    held.cancel()
    assert server.noted("CancelledError in a").get(timeout=LIMIT)
    with pytest.raises(actors.TaskCancelledError):
        held.get(timeout=LIMIT)


@pytest.mark.parametrize("leave", ["cancel", "with", "drop"])
@pytest.mark.parametrize("method", ["endless", "endless_plainly"])
def test_stream_that_is_left_closes_its_generator_at_the_yield(server, method, leave):
    """However it is left: the window is full, so there it waits."""
    stream = getattr(server, method)("a").get(timeout=LIMIT)
    assert next(stream) == 1
    if leave == "cancel":
        assert stream.cancel() is True
    elif leave == "with":
        with stream:
            pass
    del stream
    gc.collect()
    assert server.noted("GeneratorExit in a").get(timeout=LIMIT)
    assert server.add(1, 2).get(timeout=LIMIT) == 3


def test_stream_that_is_left_is_cancelled_where_it_waits(server):
    """A generator that waits for something is not at a yield, where it would be until then."""
    with server.one_then_hold("a").get(timeout=LIMIT) as stream:
        assert next(stream) == 1
        assert server.noted("at a").get(timeout=LIMIT)
    assert server.noted("CancelledError in a").get(timeout=LIMIT)


def test_generator_that_refuses_to_close_hurts_nobody(server):
    """What it raises for that is logged."""
    with server.refuse_to_close().get(timeout=LIMIT) as stream:
        assert next(stream) == 1
    assert server.add(1, 2).get(timeout=LIMIT) == 3


def test_code_that_computes_sees_its_cancellation(place, server, gate):
    """Though it lets nobody else run meanwhile."""
    spinning = server.spin(gate.folder)
    gate.wait()
    spinning.cancel()
    gate.open()
    assert server.add(1, 2).get(timeout=LIMIT) == 3
    assert place.notes() == ["spun"]


# Errors.


def test_errors_go_to_the_asker_and_the_runner_lives_on(server):
    """Those of a coroutine, of a generator after its chunks, and of an answer."""
    with pytest.raises(ValueError, match="as told"):
        server.fail().get(timeout=LIMIT)
    stream = server.count_and_fail(2).get(timeout=LIMIT)
    assert [next(stream), next(stream)] == [0, 1]
    with pytest.raises(LookupError):
        next(stream)
    assert server.add(1, 2).get(timeout=LIMIT) == 3


def test_answers_and_chunks_that_cannot_be_sent_are_errors_of_the_ask(place, server):
    """In a thread everything can be."""
    if not place.in_process:
        assert server.answer_unpicklably().get(timeout=LIMIT).locked() is False
        return
    with pytest.raises(actors.UnsendableError):
        server.answer_unpicklably().get(timeout=LIMIT)
    stream = server.stream_unpicklably().get(timeout=LIMIT)
    assert next(stream) == 1
    with pytest.raises(actors.UnsendableError):
        next(stream)


def test_handler_that_is_cancelled_of_its_own_accord_is_an_error_of_the_ask(server):
    """And no cancellation of whoever awaits it."""
    with pytest.raises(actors.TaskCancelledError, match="handler"):
        server.cancel_itself().get(timeout=LIMIT)
    assert server.add(1, 2).get(timeout=LIMIT) == 3


def in_flight(server):
    """Return an ask and a stream that wait at a gate."""
    held = server.hold("a")
    stream = server.one_then_hold("b").get(timeout=LIMIT)
    assert next(stream) == 1
    for name in "ab":
        assert server.noted(f"at {name}").get(timeout=LIMIT)
    return held, stream


def failures_of(held, stream):
    """Return what an ask and a stream end with."""
    with pytest.raises(pykka.ActorDeadError) as first:
        held.get(timeout=LIMIT)
    with pytest.raises(pykka.ActorDeadError) as second:
        next(stream)
    return first.value, second.value


def test_failing_tell_ends_the_runner_and_whoever_waits_gets_the_failure(place, ref, server):
    """The others are cancelled first, then `on_failure` is called, and not `on_stop`."""
    held, stream = in_flight(server)
    server.fail.defer()
    errors = failures_of(held, stream)
    assert ref.actor_stopped.wait(LIMIT)
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("anybody?", timeout=LIMIT)
    if place.in_process:
        failure = errors[0].failure
        assert isinstance(failure.reason, actors.Raised)
        assert failure.reason.error.type == "ValueError"
        assert len(failure.tasks) == 2
        assert all(task.acknowledged for task in failure.tasks)
    ends = {"CancelledError in a", "CancelledError in b"}
    notes = place.wait_for_the_end(ref)
    assert ends <= set(notes[: notes.index("on_failure ValueError")])
    assert "on_stop" not in notes


def test_any_error_ends_a_runner_that_is_of_no_use_afterwards(place):
    """`let_it_crash`: the asker gets the failure too."""
    ref = place.start(Sensitive)
    held, stream = in_flight(ref.proxy())
    with pytest.raises(pykka.ActorDeadError):
        ref.proxy().fail().get(timeout=LIMIT)
    failures_of(held, stream)
    assert "on_failure ValueError" in place.wait_for_the_end(ref)


@pytest.mark.parametrize("method", ["leave", "leave_from_behind"])
def test_system_exit_ends_the_runner_and_whoever_waits_gets_the_failure(place, ref, method):
    """Even that of a task which the runner knows nothing of. `on_stop` is called, as in Pykka."""
    held, stream = in_flight(ref.proxy())
    with pytest.raises(pykka.ActorDeadError):
        getattr(ref.proxy(), method)().get(timeout=LIMIT)
    failures_of(held, stream)
    assert ref.actor_stopped.wait(LIMIT)
    assert place.wait_for_the_end(ref)[-1] == "on_stop"


# The end.


def test_stop_waits_for_what_is_in_flight(place, ref, server):
    """Streams are read to their end meanwhile, and `on_stop` comes after them."""
    stream = server.count(5000).get(timeout=LIMIT)
    plain = server.count_plainly(5000).get(timeout=LIMIT)
    assert next(stream) == next(plain) == 0
    stopped = ref.stop(block=False)
    assert list(stream) == list(plain) == list(range(1, 5000))
    assert stopped.get(timeout=LIMIT) is True
    assert place.notes() == ["on_stop"]
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("anybody?", timeout=LIMIT)


def test_message_after_the_stop_is_refused_while_others_are_in_flight(ref, server):
    """So a handler that asks its own runner cannot keep it from its end."""
    with pytest.raises(pykka.ActorDeadError):
        server.stop_and_ask_itself().get(timeout=LIMIT)
    assert ref.actor_stopped.wait(LIMIT)


def test_failure_during_a_stop_is_a_failure_and_the_stop_is_answered(place, ref, server):
    """Both are told; `on_failure` is called, and not `on_stop`."""
    server.fail_after.defer("a")
    stream = server.count_and_open(1000, "a").get(timeout=LIMIT)
    assert next(stream) == 0
    stopped = ref.stop(block=False)
    assert list(stream) == list(range(1, 1000))
    assert stopped.get(timeout=LIMIT) is True
    assert place.notes() == ["on_failure ValueError"]


def test_runner_may_send_itself_messages_from_any_thread(ref, server):
    """They are taken up like any other."""
    server.tell_itself("one").get(timeout=LIMIT)
    server.tell_from_a_thread("two").get(timeout=LIMIT)
    server.hold("a")
    answer = server.ask_itself("a")
    server.open("a")
    assert server.noted("one").get(timeout=LIMIT)
    assert server.noted("two").get(timeout=LIMIT)
    assert answer.get(timeout=LIMIT) == "myself"


def test_messages_do_not_share_a_context(server):
    """Not even with the one that has sent them."""
    assert server.tell_itself_in_a_context("mine").get(timeout=LIMIT) is None


@pytest.mark.parametrize("place", ["thread"], indirect=True)
def test_runner_awaits_another_while_it_serves(place):
    """In one loop, without a thread for each."""
    first, second = place.start().proxy(), place.start()
    held = first.forward_call(second, "hold", "a")
    assert second.proxy().noted("at a").get(timeout=LIMIT)
    assert first.add(1, 2).get(timeout=LIMIT) == 3
    second.proxy().open("a")
    assert held.get(timeout=LIMIT) == "a"


# In a process only.


@pytest.fixture
def failures(supervisor, recorder):
    """Give a recorder of failures."""
    supervisor.subscribe(recorder, actors.RunnerFailed).get()
    return recorder


def test_interrupt_ends_this_runner(start, failures):
    """As a KeyboardInterrupt, whatever is in flight."""
    server = start(runner_class=Server).proxy()
    held, stream = in_flight(server)
    os.kill(server.pid().get(timeout=LIMIT), signal.SIGINT)
    failures_of(held, stream)
    assert failures.wait_for(actors.RunnerFailed).reason.error.type == "KeyboardInterrupt"


def test_handler_that_never_ends_cannot_keep_a_failed_runner_alive(start, failures):
    """The parent knows of the failure already, and ends the process."""
    server = start(runner_class=Server, stop_timeout=0.2).proxy()
    lost = server.never_end()
    assert server.noted("never ending").get(timeout=LIMIT)
    server.fail.defer()
    with pytest.raises(actors.RunnerFailedError):
        lost.get(timeout=LIMIT)
    assert failures.wait_for(actors.RunnerFailed).reason.error.type == "ValueError"


# Without the declaration.


def test_coroutine_of_a_sequential_runner_is_an_error_that_says_what_to_do(place):
    """The coroutine is closed, and the runner lives on."""
    ref = place.start(Sequential)
    for ask in (lambda: ref.ask("x", block=False), lambda: ref.proxy().count(3)):
        with pytest.raises(actors.NotConcurrentError, match="declare concurrent = True"):
            ask().get(timeout=LIMIT)
    assert ref.proxy().add(1, 2).get(timeout=LIMIT) == 3


def test_hook_of_a_sequential_runner_that_is_a_coroutine_fails_the_start(place):
    """Before any other hook is called."""
    with pytest.raises(
        (actors.NotConcurrentError, actors.StartFailed), match=r"AsyncHook\.load is"
    ):
        place.start(AsyncHook)
