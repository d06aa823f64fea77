"""A runner in a process of its own: where it lives, what it answers, how its hooks are called."""

import gc
import json
import os
import signal
import threading
import time
import weakref
from collections import deque

import numpy as np
import pykka
import pytest
from faulty import Crashing, Echo, Hooks, Note
from gate import LIMIT
from household import TwoPartError
from patient import Patient

import actors
from actors._payload import pack

from .conftest import Fifo


def test_runner_lives_in_a_process_session_and_group_of_its_own(start):
    """The ref is a plain Pykka ref, and behind it is another process."""
    ref = start()
    assert isinstance(ref, pykka.ActorRef)
    proxy = ref.proxy()
    pid = proxy.pid().get()
    assert pid != os.getpid()
    assert proxy.ppid().get() == os.getpid()
    assert proxy.group().get() == pid == os.getsid(pid)


def test_messages_are_handled_in_the_main_thread_of_the_runner(start):
    """Signals, and MLX's streams, belong to the thread that made them."""
    assert start().proxy().thread().get()


def test_ask_answers_with_what_the_handler_returned(start):
    """A message of a user's own class comes back equal."""
    assert start().ask(Note("hi")) == Note("hi")


def test_messages_of_one_sender_are_handled_in_order(start):
    """Pipelined asks are answered in order too."""
    ref = start()
    futures = [ref.ask(number, block=False) for number in range(200)]
    assert pykka.get_all(futures, timeout=30) == list(range(200))


def test_messages_do_not_pile_up_for_a_runner_that_does_not_read(start, fifo, tmp_path):
    """The sender's memory is bounded; what was sent is handled, and then there is room again."""
    gate = Fifo(tmp_path / "gate")
    ref = start(runner_class=Patient, max_frame=1 << 20)
    held = ref.proxy().hold(fifo.path, gate.path)
    assert fifo.read() == "begun"
    proxy, futures = ref.proxy(), []
    with pytest.raises(actors.RunnerUnavailableError, match="does not read"):
        futures.extend(proxy.log(bytes(1_000_000)) for _ in range(100))
    # 64 MiB, and what the kernel has.
    assert 67 <= len(futures) < 70
    gate.write()
    assert held.get(timeout=60) == "held"
    pykka.get_all(futures, timeout=60)
    proxy.log("there is room").get(timeout=60)
    gate.close()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_process_has_no_part_in_the_conversation(start):
    """It has the parent's end of the channel, and would take the answers of the other."""
    ref = start()
    assert ref.ask("before") == "before"
    stream, answer = ref.proxy().count(1000).get(timeout=LIMIT), ref.ask("answer", block=False)
    attempts = [
        lambda: ref.ask("from the child"),
        lambda: answer.get(timeout=LIMIT),
        stream.result,
        lambda: os.write(write, f"cancelled: {stream.cancel()}\n".encode()),
    ]
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            for attempt in attempts:
                try:
                    attempt()
                except pykka.ActorDeadError as error:
                    os.write(write, f"{error}\n".encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        *refused, cancelled = said.read().splitlines()
    os.waitpid(pid, 0)
    assert len(refused) == 3
    for line in refused:
        assert "runner 'echo' cannot be reached from a process that was forked" in line
    assert cancelled == "cancelled: True"
    # The parent's are as they were.
    assert stream.result() == list(range(1000))
    assert answer.get(timeout=LIMIT) == "answer"
    assert ref.ask("after") == "after"


def test_stdin_is_at_its_end(start):
    """A runner that reads from stdin must not wait for a person."""
    assert start().proxy().read_stdin().get() == ""


def test_arguments_of_a_restart_are_those_of_the_start(start, supervisor):
    """Large ones too, whatever their owner has made of the memory since."""
    memory = bytearray(b"a" * 100_000)

    class Keeper(actors.Runner):
        def __init__(self, view):
            super().__init__()
            self.view = bytes(view)

    ref = start("keeper", runner_class=Keeper, args=(memoryview(memory),))
    memory[:] = bytes(len(memory))
    supervisor.restart_runner("keeper").get()
    assert ref.proxy().view.get() == b"a" * 100_000


def test_environment_of_the_spec_is_seen_by_the_process(start):
    """It is in place before any import."""
    ref = start(environment={"RUNNER_TEST_VALUE": "x y"})
    assert ref.proxy().environment("RUNNER_TEST_VALUE").get() == "x y"


def test_hooks_are_called_in_order_in_the_main_thread(supervisor, recorder, tmp_path):
    """Every status is published, in the same order."""
    supervisor.subscribe(recorder, actors.RunnerStatusUpdated).get()
    path = tmp_path / "hooks"
    spec = actors.RunnerSpec("hooks", Hooks, args=(str(path),))
    ref = supervisor.start_runner(spec).get()
    assert ref.ask("one") == "one"
    recorder.wait_for_many(lambda event: event.status == actors.RunnerReady(), 2)
    assert ref.stop() is True
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    names = [name for name, _, _ in lines]
    assert names == ["init", "on_start", "connect", "load", "warm_up", "receive one", "on_stop"]
    assert {pid for _, pid, _ in lines} != {os.getpid()}
    assert all(main for _, _, main in lines)
    recorder.wait_for(lambda event: isinstance(event.status, actors.RunnerShutdown))
    statuses = [event.status for event in recorder.events()]
    expected = [
        actors.RunnerIdle(),
        actors.RunnerConnecting(),
        actors.RunnerConnected(),
        actors.RunnerLoading(0, 0),
        actors.RunnerLoading(1, 3),
        actors.RunnerLoading(2, 3),
        actors.RunnerLoading(3, 3),
        actors.RunnerLoaded(),
        actors.RunnerWarmingUp(),
        actors.RunnerReady(),
        actors.RunnerRunning(),
        actors.RunnerReady(),
        actors.RunnerShuttingDown(),
        actors.RunnerShutdown(),
    ]
    assert statuses == expected


def test_exception_under_ask_goes_to_the_asker_and_the_runner_lives_on(start):
    """It has its own type, and the runner's traceback is readable in it."""
    proxy = start().proxy()
    with pytest.raises(ValueError, match="as told") as caught:
        proxy.fail().get()
    remote = caught.value.__cause__
    assert isinstance(remote, actors.RemoteError)
    assert remote.error.type == "ValueError"
    assert "in fail" in remote.__notes__[0]
    assert proxy.add(1, 2).get() == 3


def test_exception_that_cannot_be_pickled_comes_as_remote_error(start):
    """Nothing is lost: type and traceback are there, whatever its text does."""
    proxy = start().proxy()
    with pytest.raises(actors.RemoteError) as caught:
        proxy.fail_unpicklably().get()
    assert caught.value.error.type == "faulty.UnpicklableError"
    assert "raised RuntimeError" in caught.value.error.message
    assert proxy.add(1, 2).get() == 3


def test_answer_that_cannot_be_pickled_is_an_error_of_the_ask(start):
    """The runner lives on."""
    proxy = start().proxy()
    with pytest.raises(actors.UnsendableError, match="cannot be pickled"):
        proxy.answer_unpicklably().get()
    assert proxy.add(1, 2).get() == 3


def test_message_that_cannot_be_pickled_is_an_error_of_the_sender(start):
    """Nothing is sent, and the error names the runner and the type."""
    ref = start()
    with pytest.raises(actors.UnsendableError, match=r"message to 'echo' of type _thread\.lock"):
        ref.tell(threading.Lock())
    assert ref.ask("still here") == "still here"


@pytest.mark.parametrize("concurrent", [False, True])
def test_told_message_that_cannot_be_read_harms_nobody(start, caplog, concurrent):
    """It is logged where it came from: the runner has nothing to do with it."""

    class Counter(actors.Runner):
        def __init__(self):
            super().__init__()
            self.handled = 0

        def on_receive(self, message):
            self.handled += 1
            return self.handled

    Counter.concurrent = concurrent
    ref = start("counter", runner_class=Counter)
    unreadable = TwoPartError("left", "right")
    assert ref.ask("one", timeout=LIMIT) == 1
    ref.tell(unreadable)
    with pytest.raises(actors.WireError, match="cannot be rebuilt here: TypeError"):
        ref.ask(unreadable, timeout=LIMIT)
    assert ref.ask("two", timeout=LIMIT) == 2
    (record,) = [each for each in caplog.records if each.name == "actors"]
    assert record.levelname == "ERROR"
    assert "a message to runner 'counter' is lost" in record.message
    assert "cannot be rebuilt here: TypeError" in record.message


def test_failure_under_tell_ends_the_runner_and_calls_on_failure(supervisor, failures, tmp_path):
    """As in Pykka; under a supervisor it is a failure with the exception in it."""
    path = tmp_path / "hooks"
    spec = actors.RunnerSpec("hooks", Hooks, args=(str(path),), restart=actors.Restart.TEMPORARY)
    supervisor.start_runner(spec).get().tell("fail")
    failure = failures.wait_for(actors.RunnerFailed)
    assert isinstance(failure.reason, actors.Raised)
    assert failure.reason.error.type == "ValueError"
    assert failure.reason.exit_code == 1
    assert "on_failure ValueError" in path.read_text()
    assert failure.diagnostics[0].cause == "python-exception"


def test_let_it_crash_ends_the_runner_with_what_its_handler_raised(start, failures):
    """The asker gets the failure, in which the exception is; so does a stream's reader."""
    with pytest.raises(actors.RunnerFailedError) as caught:
        start("value", runner_class=Crashing).proxy().fail().get()
    failure = failures.wait_for(actors.RunnerFailed)
    assert caught.value.failure == failure
    assert failure.reason.error.type == "ValueError"
    assert [task.message_type for task in failure.tasks] == ["fail"]
    stream = start("stream", runner_class=Crashing).proxy().count_and_fail(3).get()
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(actors.RunnerFailedError, match="no more numbers"):
        next(stream)


def test_stream_gives_its_chunks_in_order(start):
    """More chunks than the window holds."""
    assert list(start().proxy().count(2000).get()) == list(range(2000))


def test_stream_passes_the_handlers_exception_on_after_its_chunks(start):
    """The chunks before it are not lost."""
    stream = start().proxy().count_and_fail(3).get()
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(LookupError, match="no more numbers"):
        next(stream)


def test_stream_that_is_left_closes_the_generator_of_the_runner(start, tmp_path):
    """`with` cancels; the runner is free for the next message."""
    ref = start()
    path = tmp_path / "end"
    with ref.proxy().stream_and_note_the_end(str(path)).get() as stream:
        assert next(stream) == 0
    with pytest.raises(actors.TaskCancelledError):
        next(stream)
    assert ref.ask("free") == "free"
    assert path.read_text() == "closed"


def test_stream_that_is_dropped_is_cancelled(start, tmp_path):
    """A reader that was garbage-collected reads no more."""
    ref = start()
    path = tmp_path / "end"
    stream = ref.proxy().stream_and_note_the_end(str(path)).get()
    assert next(stream) == 0
    del stream
    assert ref.ask("free") == "free"
    assert path.read_text() == "closed"


def test_frame_limit_is_an_error_of_the_sender_and_harmless(start):
    """Both ways; the runner is unharmed."""
    ref = start(max_frame=100_000)
    with pytest.raises(actors.FrameTooLargeError, match="exceeds the limit"):
        ref.ask(b"x" * 100_001)
    with pytest.raises(actors.FrameTooLargeError, match="exceeds the limit"):
        ref.proxy().send_large(100_001).get()
    assert ref.ask("small") == "small"


def test_frame_limit_holds_for_every_kind_of_answer(start):
    """A chunk, an attribute, an exception: whoever asked has the error, and the runner goes on."""

    class Large(actors.Runner):
        def __init__(self):
            super().__init__()
            self.attribute = bytes(20_000)

        def chunks(self):
            yield b"small"
            yield bytes(20_000)

        def fail(self):
            raise ValueError("small", bytes(20_000))

    proxy = start(runner_class=Large, max_frame=10_000).proxy()
    stream = proxy.chunks().get(timeout=LIMIT)
    assert next(stream) == b"small"
    with pytest.raises(actors.FrameTooLargeError):
        next(stream)
    with pytest.raises(actors.FrameTooLargeError):
        proxy.attribute.get(timeout=LIMIT)
    with pytest.raises(actors.FrameTooLargeError):
        proxy.attribute = bytes(20_000)
    with pytest.raises(actors.RemoteError, match="ValueError"):
        proxy.fail().get(timeout=LIMIT)
    proxy.attribute = b"small"
    assert proxy.attribute.get(timeout=LIMIT) == b"small"


def test_array_of_a_gibibyte_fits_into_the_default_limit():
    """With what is around it. Nothing is sent here: that takes memory, and the benchmarks do it."""
    array = np.zeros(1 << 30, np.uint8)
    segments = pack(pykka.messages.ProxyCall(("keep",), (array,), {}), "it")
    assert len(segments) == 2
    assert 1 << 30 < sum(map(len, segments)) <= actors.RunnerSpec("x", Echo).max_frame


def test_large_payloads_go_both_ways(start):
    """Larger than any socket buffer, so that sends are partial."""
    data = os.urandom(8 << 20)
    assert start().ask(data) == data


def test_stop_handles_the_messages_before_it(start):
    """As Pykka does."""
    ref = start()
    futures = [ref.ask(number, block=False) for number in range(50)]
    assert ref.stop() is True
    assert pykka.get_all(futures, timeout=30) == list(range(50))
    assert not ref.is_alive()
    assert ref.stop() is False
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("too late")


def test_runner_is_found_in_the_registry_while_it_lives(start):
    """By class, class name and URN."""
    ref = start()
    assert ref in pykka.ActorRegistry.get_by_class(Echo)
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is ref
    ref.stop()
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None


def test_death_by_signal_is_published_with_name_and_number(start, failures):
    """And the ask in flight raises the same failure."""
    ref = start()
    with pytest.raises(actors.RunnerFailedError) as caught:
        ref.proxy().kill(signal.SIGKILL).get()
    failure = failures.wait_for(actors.RunnerFailed)
    assert caught.value.failure == failure
    assert isinstance(caught.value, pykka.ActorDeadError)
    assert failure.reason == actors.Signaled(signal.SIGKILL, "SIGKILL", "Killed")
    assert [task.message_type for task in failure.tasks] == ["kill"]
    assert failure.tasks[0].acknowledged
    assert failure.phase is actors.Phase.SERVING
    assert failure.uptime >= 0
    assert failure.failed_at >= failure.started_at
    assert "SIGKILL" in failure.error_message


class Held:
    """Something large that a function of the asker's has."""


@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_what_an_asker_held_is_let_go_of_when_its_runner_is_gone(supervisor, start, fifo, end):
    """The actors that were told of it keep their last message, and not the error's traceback."""
    proxy = start(runner_class=Patient, stop_timeout=0.1).proxy()
    pid = proxy.pid().get(timeout=LIMIT)
    gone = threading.Event()

    def ask():
        held = Held()
        weakref.finalize(held, gone.set)
        future = proxy.stuck(fifo.path)
        assert fifo.read() == "begun"
        if end == "killed":
            os.kill(pid, signal.SIGKILL)
        else:
            supervisor.stop_runner.defer("echo")
        with pytest.raises(pykka.ActorDeadError):
            future.get(timeout=LIMIT)

    ask()
    deadline = time.monotonic() + LIMIT
    while not gone.wait(0.01):
        assert time.monotonic() < deadline, "it is still held"
        gc.collect()


def test_busy_runner_is_known_to_be_though_nobody_listens(supervisor, start, fifo, tmp_path):
    """It says so on its page of shared memory."""
    gate = Fifo(tmp_path / "gate")
    try:
        held = start(runner_class=Patient).proxy().hold(fifo.path, gate.path)
        assert fifo.read() == "begun"
        (info,) = supervisor.runners().get()
        assert info.status == actors.RunnerRunning()
        gate.write()
        assert held.get(timeout=60) == "held"
    finally:
        gate.close()


def test_runner_that_stops_of_itself_fails_nobody(start, failures, fifo, tmp_path):
    """What was asked before is answered, what was asked later is lost, and nothing is a failure."""
    gate = Fifo(tmp_path / "gate")
    try:
        proxy = start(runner_class=Patient).proxy()
        leaving = proxy.leave(fifo.path, gate.path)
        assert fifo.read() == "begun"
        before = [proxy.is_cancelled() for _ in range(5)]
        gate.write()
        leaving.get(timeout=60)
    finally:
        gate.close()
    assert [each.get(timeout=60) for each in before] == [False] * 5
    with pytest.raises(pykka.ActorDeadError) as caught:
        deque(iter(lambda: proxy.is_cancelled().get(timeout=60), None), maxlen=0)
    assert not isinstance(caught.value, actors.RunnerFailedError)
    assert failures.events() == []


def test_actors_of_a_runner_do_not_keep_its_process(supervisor, start):
    """They are stopped when it has ended: their threads would outlive it."""
    ref = start(runner_class=Patient, stop_timeout=300.0)
    ref.proxy().leave_an_actor_behind().get(timeout=60)
    assert supervisor.stop_runner("echo").get(timeout=60)
