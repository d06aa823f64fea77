"""Who receives in the parent's process: whoever waits for an answer, else the reactor."""

import contextlib
import socket
import threading
import time

import pytest

from actors import _reception
from actors._channel import Channel
from actors._frames import Reply, Request
from actors._reactor import Reactor
from actors._reception import Reception

TIMEOUT = 30.0
"""Seconds, met only in a deadlock."""


class World:
    """A reception in a real reactor, and the runner's end of its channel."""

    def __init__(self, limit=1 << 23):
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.channel, self.runner = Channel(ours, limit), Channel(theirs, limit)
        self.reactor = Reactor()
        self.arrived = threading.Condition()
        self.delivered = []
        """Task and thread of each frame."""
        self.hook = None
        self.ended = threading.Event()
        self.end_threads = []
        self.reception = self.in_reactor(
            lambda: Reception(self.channel, self.reactor, self.deliver, self.end)
        )

    def deliver(self, message, payload):
        """Take a frame as a port does."""
        if self.hook is not None:
            self.hook(message)
        with self.arrived:
            self.delivered.append((message.task_id, threading.current_thread()))
            self.arrived.notify_all()

    def end(self):
        """Take note of the end."""
        self.end_threads.append(self.reactor.in_thread)
        self.reception.close()
        self.ended.set()

    def in_reactor(self, call):
        """Make a call in the reactor's thread, and return what it returns."""
        done, got = threading.Event(), []

        def make():
            got.append(call())
            done.set()

        self.reactor.call_soon(make)
        assert done.wait(TIMEOUT)
        return got[0]

    def has(self, *tasks):
        """Return whether the answers of some tasks have come."""
        return set(tasks) <= {task for task, _ in self.delivered}

    def await_(self, *tasks):
        """Wait for answers without receiving."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.has(*tasks), TIMEOUT)

    def thread_of(self, task):
        """Return who has received an answer, the reactor as None."""
        ((_, thread),) = [each for each in self.delivered if each[0] == task]
        return thread if thread is not self.reactor._thread else None

    def lead(self, *tasks, limit=TIMEOUT, others=lambda: 0):
        """Receive as an asker of some tasks does."""
        deadline = time.monotonic() + limit
        self.reception.receive_until(lambda: self.has(*tasks), deadline, others)

    def rest(self):
        """Have the reactor leave the channel alone, as it does when it was woken for nothing."""
        with self.reception._leading:
            self.runner.send(Reply(0))
            until(lambda: self.in_reactor(lambda: self.reception._resting))
        self.reception._leads += 1
        self.in_reactor(self.reception.drain)
        self.await_(0)

    def close(self):
        """End everything."""
        self.in_reactor(self.reception.close)
        self.reactor.close()
        self.channel.close()
        self.runner.close()


def until(condition):
    """Wait until another thread has come to a point that nobody tells of."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


@contextlib.contextmanager
def thread(function, *args):
    """Run a function in another thread, and wait for its end."""
    worker = threading.Thread(target=function, args=args, daemon=True)
    worker.start()
    yield worker
    worker.join(TIMEOUT)
    assert not worker.is_alive()


@pytest.fixture
def patient(monkeypatch):
    """Make askers receive for themselves however long it takes, so that nothing depends on time."""
    monkeypatch.setattr(_reception, "_PATIENCE", TIMEOUT)


@pytest.fixture
def world():
    """Give a reception whose reactor receives."""
    with contextlib.closing(World()) as world:
        yield world


def test_reactor_receives_while_nobody_asks(world):
    """Each frame once, in order."""
    for n in range(1, 40):
        world.runner.send(Reply(n), (b"x",))
    world.await_(39)
    assert [task for task, _ in world.delivered] == list(range(1, 40))
    assert {world.thread_of(n) for n in range(1, 40)} == {None}


def test_asker_receives_its_own_answer(patient, world):
    """With the reactor at rest, which is not woken for it."""
    world.rest()
    for n in range(1, 20):
        world.runner.send(Reply(n), (b"x",))
        world.lead(n)
        assert world.thread_of(n) is threading.current_thread()
    assert world.in_reactor(lambda: world.reception._resting)


def test_reactor_that_is_woken_for_nothing_leaves_the_channel_alone(patient, world):
    """Whoever leads receives, and the reactor does not spin meanwhile."""
    with world.reception._leading:
        world.runner.send(Reply(1), (b"x",))
        until(lambda: world.in_reactor(lambda: world.reception._resting))
        assert world.delivered == []
    world.lead(1)
    assert world.thread_of(1) is threading.current_thread()


def test_asker_receives_for_the_others_too(patient, world):
    """One who comes while it does so returns at once, and is answered by it."""
    world.rest()
    with thread(world.lead, 2) as leader:
        until(world.reception._leading.locked)
        world.lead(1)
        assert not world.has(1), "it returned at once"
        world.runner.send(Reply(1), (b"x",))
        world.await_(1)
        world.runner.send(Reply(2), (b"x",))
    assert world.thread_of(1) is leader
    assert world.thread_of(2) is leader


def test_reactor_takes_over_for_those_who_still_wait(patient, world):
    """The one who received has its answer and goes."""
    world.rest()
    world.runner.send(Reply(1), (b"x",))
    world.lead(1, others=lambda: 1)
    world.runner.send(Reply(2), (b"x",))
    world.await_(2)
    assert world.thread_of(1) is threading.current_thread()
    assert world.thread_of(2) is None


def test_asker_without_an_answer_hands_back_in_time(world):
    """After its patience, or at its deadline."""
    world.rest()
    world.lead(1)
    assert not world.reception._leading.locked()
    world.runner.send(Reply(1), (b"x",))
    world.await_(1)
    assert world.thread_of(1) is None
    world.lead(2, limit=0.0)
    world.runner.send(Reply(2), (b"x",))
    world.await_(2)


def test_asker_whose_answer_is_there_receives_nothing(world):
    """Nor one whose time is over."""
    world.rest()
    world.runner.send(Reply(1), (b"x",))
    world.reception.receive_until(lambda: True, None, lambda: 0)
    world.reception.receive_until(lambda: False, time.monotonic() - 1, lambda: 0)
    world.await_(1)
    assert world.thread_of(1) is None


def test_reactor_takes_over_when_no_asker_has_come_for_a_while(world):
    """Frames come unasked for too."""
    world.rest()
    world.runner.send(Reply(1), (b"x",))
    world.await_(1)
    assert world.thread_of(1) is None


def test_attend_wakes_the_reactor(monkeypatch, world):
    """Several are waited for, of whom nobody may be receiving."""
    monkeypatch.setattr(_reception, "_PATIENCE", TIMEOUT)
    world.rest()
    world.reception.attend()
    world.runner.send(Reply(1), (b"x",))
    world.await_(1)
    assert world.thread_of(1) is None


def test_attend_leaves_an_asker_at_work_alone(patient, world):
    """It receives for all, and sees to it that the reactor takes over."""
    world.rest()
    with thread(world.lead, 1) as leader:
        until(world.reception._leading.locked)
        world.reception.attend()
        world.runner.send(Reply(1), (b"x",))
    assert world.thread_of(1) is leader


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError])
def test_what_an_interrupted_asker_was_delivering_the_reactor_delivers(patient, world, error):
    """And all that had come with it; each once."""
    world.rest()
    for n in (1, 2, 3):
        world.runner.send(Reply(n), (b"x",))
    asker, raised = threading.current_thread(), []

    def interrupt(message):
        if message.task_id == 2 and not raised:
            raised.append(threading.current_thread())
            raise error

    world.hook = interrupt
    with pytest.raises(error):
        world.lead(3)
    world.await_(3)
    assert raised == [asker]
    assert [task for task, _ in world.delivered] == [0, 1, 2, 3]
    assert world.thread_of(1) is asker
    assert {world.thread_of(2), world.thread_of(3)} == {None}
    world.runner.send(Reply(4), (b"x",))
    world.await_(4)


def test_drain_receives_what_is_there_while_an_asker_waits(patient, world):
    """The process has ended, and left its last words in the channel."""
    world.rest()
    with thread(world.lead, 9):
        until(world.reception._leading.locked)
        for n in (1, 2, 3):
            world.runner.send(Reply(n), (bytes(3000),))
        world.in_reactor(world.reception.drain)
        assert world.has(1, 2, 3)
        assert [task for task, _ in world.delivered] == [0, 1, 2, 3]
        world.runner.close()
    assert world.ended.wait(TIMEOUT)


@pytest.mark.parametrize("at_rest", [False, True])
def test_close_while_an_asker_waits_lets_it_go(patient, world, at_rest):
    """As soon as something comes, which is not received any more."""
    if at_rest:
        world.rest()
    before = list(world.delivered)
    with thread(world.lead, 1):
        until(world.reception._leading.locked)
        world.in_reactor(world.reception.close)
        world.runner.send(Reply(1), (b"x",))
    world.in_reactor(world.reception.close)
    world.lead(1)
    world.in_reactor(world.reception.drain)
    assert world.delivered == before
    assert not world.reception.open


def test_end_is_told_in_the_reactors_thread(patient, world):
    """Whoever has seen it; after the frames before it."""
    world.rest()
    world.runner.send(Reply(1), (b"x",))
    world.runner.close()
    world.lead(2)
    assert world.ended.wait(TIMEOUT)
    assert set(world.end_threads) == {True}
    assert world.has(1)
    assert not world.reception.open


def test_unreadable_bytes_are_an_end(world):
    """After the frames before them."""
    world.runner.send(Reply(1), (b"x",))
    world.runner._socket.sendall(b"garbage")
    assert world.ended.wait(TIMEOUT)
    assert world.has(1)
    assert world.channel.reader.problem is not None


@pytest.mark.parametrize("at_rest", [False, True])
def test_frames_wait_for_a_runner_that_reads_late(patient, world, at_rest):
    """The reactor sends what the kernel did not take, also while it does not receive."""
    if at_rest:
        world.rest()
    for n in range(1, 9):
        world.reception.post(Request(n), (bytes([n]) * 300_000,))
    found = []
    while len(found) < 8:
        world.runner.receive()
        found += [
            (message.task_id, set(payload[0])) for message, payload in world.runner.reader.pending
        ]
        world.runner.reader.pending.clear()
    assert found == [(n, {n}) for n in range(1, 9)]
    until(lambda: world.in_reactor(lambda: not world.reception._writing))
    world.runner.send(Reply(1), (b"x",))
    world.lead(1)
    world.await_(1)


def test_post_to_a_runner_that_is_gone_is_dropped(world):
    """What waited too."""
    world.reception.post(Request(1), (bytes(1 << 20),))
    world.runner.close()
    assert world.ended.wait(TIMEOUT)
    world.reception.post(Request(2), (b"x",))


def test_many_askers_get_their_answers(world):
    """Whoever of them receives, and whether the reactor helps."""
    askers, rounds = 4, 50
    stop = threading.Event()

    def answer():
        poll = _reception.select.poll()
        poll.register(world.runner.fileno(), _reception.select.POLLIN)
        answered = 0
        while answered < askers * rounds:
            assert poll.poll(TIMEOUT * 1000)
            world.runner.receive()
            while world.runner.reader.pending:
                frame = world.runner.reader.pending.popleft()
                world.runner.send(Reply(frame.message.task_id), (b"x",))
                answered += 1

    def ask(first):
        for task in range(first, first + rounds):
            world.reception.post(Request(task), (b"x",))
            world.reception.attend()
            world.lead(task, others=lambda: not stop.is_set())
            world.await_(task)

    with contextlib.ExitStack() as stack:
        stack.enter_context(thread(answer))
        for n in range(askers):
            stack.enter_context(thread(ask, 1 + n * rounds))
    stop.set()
    assert sorted(task for task, _ in world.delivered) == list(range(1, askers * rounds + 1))


def test_reactor_that_rests_again_and_again_sets_one_timer(patient, world):
    """Many askers wake it and send it to rest thousands of times a second."""
    for _ in range(10):
        world.rest()
        world.in_reactor(world.reception._take_over)
    assert world.in_reactor(lambda: len(world.reactor._timers)) == 1
