"""What a runner sends to others: in order, once, and cancelled when it ends."""

import contextlib
import os
import threading

import pykka
import pytest
from hopping import Plain

from actors._exchange import Exchange
from actors._frames import (
    CancelTask,
    Chunk,
    Credit,
    Errand,
    Forward,
    Reply,
    ReplyError,
    Request,
    StreamClosed,
    StreamOpened,
)
from actors._inbox import RunnerInbox
from actors._ledger import open_ledger
from actors._outgoing import Outgoing
from actors._payload import pack, unpack
from actors._references import DistantRef, StandIn
from actors._task import Task
from actors.errors import FrameTooLargeError, RunnerStoppedError
from actors.termination import RunnerTerminationError

LIMIT = 30

meanwhile = []
"""Calls to make while a message is unpickled."""


class Interrupted:
    """A message that takes its time to be unpickled, so that something else happens."""

    def __reduce__(self):
        return make_calls, ()


def make_calls():
    """Be unpickled."""
    while meanwhile:
        meanwhile.pop()()
    return "unpickled"


class Line:
    """The way to a runner: keeps what is posted."""

    def __init__(self, limit=1000):
        self.posted, self.released = [], 0
        self.limit = limit
        self.arrived = threading.Condition()

    def release(self):
        """Take note that the sender wants his memory back."""
        self.released += 1

    def occupied(self):
        """Say that no signal's handler has interrupted what sends."""
        return False

    def has_room(self, _limit):
        """Say that the runner reads."""
        return True

    def post(self, message, payload=(), *, borrowed=False):
        """Take a frame, unless it is too large."""
        size = sum(map(len, payload))
        if size > self.limit:
            raise FrameTooLargeError(size, self.limit)
        with self.arrived:
            self.posted.append((message, unpack(payload) if payload else None))
            self.arrived.notify_all()

    def wait_for(self, number):
        """Return the first frames, when they have come."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.posted) >= number, LIMIT)
            return self.posted[:number]

    def attend(self):
        """Do nothing."""

    def expect_requests(self):
        """Do nothing."""


class World:
    """An exchange, the runner it is for, and another one that is asked."""

    def __init__(self):
        self.in_thread = True
        self.soon, self.refused = [], []
        self.asker, self.target = Line(), Line()
        self.exchange = Exchange("'a'", self.asker, self, self.refused.append)
        self.inbox = RunnerInbox(
            "b",
            limit=1000,
            max_waiting=3,
            on_stop=lambda _: None,
            call_soon=lambda _: None,
            publish=lambda _: None,
            wanted=lambda *_: False,
            show=lambda _: None,
        )
        self.inbox.attach(self.target, lambda _: None)
        self.ref = DistantRef(StandIn(Plain, "urn:test:b", self.inbox))
        self.call_soon = self.soon.append

    def send(self, task_id, message="?", errand=Errand.ASK, urn="urn:test:b"):
        """Send as a runner does."""
        payload = (f"{urn}\nstr".encode(), *pack(message, "it"))
        self.exchange.take(Forward(task_id, errand), payload)

    def answer(self, message, *payload):
        """Answer as a runner does."""
        assert self.inbox.received(message, pack(payload[0], "it") if payload else ())


@pytest.fixture
def world():
    """Give an exchange between two runners."""
    world = World()
    pykka.ActorRegistry.register(world.ref)
    yield world
    world.exchange.close()
    world.ref.actor_stopped.set()
    pykka.ActorRegistry.unregister(world.ref)


@pytest.fixture
def ledger():
    """Give what a runner notes of itself."""
    ledger, fd = open_ledger()
    os.close(fd)
    with contextlib.closing(ledger):
        yield ledger


def test_each_runner_has_its_own_numbers(world):
    """The asker's task 7 is the other's task 1; a tell is nobody's task there."""
    world.send(6, "tell", Errand.TELL)
    world.send(7, "ask")
    assert world.target.posted == [(Request(0), "tell"), (Request(1), "ask")]
    world.answer(Reply(1), "answer")
    assert world.asker.posted == [(Reply(7), "answer")]


def test_runner_is_known_to_wait_for_what_it_has_asked(world, ledger):
    """Where it notes it, and where it does nothing else."""
    awaited = world.exchange.awaited
    world.send(7)
    ledger.begin(1)
    assert awaited(ledger) is None
    ledger.await_answer(7)
    assert awaited(ledger) == "runner 'b'"
    ledger.await_answer(0)
    assert awaited(ledger) is None
    ledger.rest()
    assert awaited(ledger) == "runner 'b'"
    world.answer(Reply(1), "answer")
    assert awaited(ledger) is None


def test_a_frame_that_comes_twice_counts_once(world):
    """A signal's handler may have interrupted whoever received it."""
    world.send(1)
    world.send(1)
    world.send(2, errand=Errand.TELL)
    world.send(2, errand=Errand.TELL)
    assert [message for message, _ in world.target.posted] == [Request(1), Request(0)]


def test_what_another_thread_has_received_comes_first(world):
    """The reactor may have received the next frame before it makes the call."""
    world.in_thread = False
    world.send(1, "first")
    assert world.target.posted == []
    world.in_thread = True
    world.send(2, "second")
    for call in world.soon:
        call()
    assert [said for _, said in world.target.posted] == ["first", "second"]


def test_a_stream_is_passed_on_as_it_comes(world):
    """With its numbers; credit and the cancellation go the other way."""
    world.send(5)
    world.answer(StreamOpened(1))
    world.answer(Chunk(1, 0), "zero")
    world.exchange.take(Credit(5, 128), ())
    world.exchange.take(CancelTask(5), ())
    world.answer(Chunk(1, 1), "too late")
    world.answer(StreamClosed(1, cancelled=True))
    assert world.asker.posted == [(StreamOpened(5), None), (Chunk(5, 0), "zero")]
    assert world.target.posted == [(Request(1), "?"), (Credit(1, 128), None), (CancelTask(1), None)]


def test_the_end_of_a_stream_is_passed_on(world):
    """With or without an error."""
    world.send(1)
    world.send(2)
    world.answer(StreamOpened(1))
    world.answer(StreamClosed(1))
    error = RunnerTerminationError.from_exception(LookupError("no more"))
    world.answer(ReplyError(2, error), LookupError("no more"))
    opened, closed, raised = world.asker.posted
    assert [opened[0], closed[0], raised[0]] == [
        StreamOpened(1),
        StreamClosed(1),
        ReplyError(2, error),
    ]
    assert isinstance(raised[1], LookupError)


def test_an_answer_that_the_asker_cannot_receive_is_an_error(world):
    """Its limit may be lower than that of whoever was asked."""
    world.asker.limit = 900
    world.send(1)
    world.answer(Reply(1), "x" * 950)
    ((message, error),) = world.asker.posted
    assert message.task_id == 1
    assert isinstance(error, FrameTooLargeError)
    world.send(2)
    world.answer(StreamOpened(2))
    world.answer(Chunk(2, 0), "x" * 950)
    assert isinstance(world.asker.posted[-1][1], FrameTooLargeError)
    assert world.target.posted[-1] == (CancelTask(2), None)


def test_a_message_that_the_other_does_not_take_is_an_error(world):
    """Of the asker; who only tells is not told."""
    world.inbox.detach()
    for task_id in range(1, 5):
        world.send(task_id)
    ((message, error),) = world.asker.posted
    assert message.task_id == 4
    assert "3 messages wait for it" in str(error)
    world.send(5, "x" * 2000)
    assert isinstance(world.asker.posted[-1][1], FrameTooLargeError)
    world.inbox.refuse(lambda: RunnerStoppedError("down"))
    world.send(6)
    assert isinstance(world.asker.posted[-1][1], RunnerStoppedError)
    world.send(7, errand=Errand.TELL)
    assert len(world.asker.posted) == 3


def test_the_end_of_the_asker_cancels_the_latest_first(world):
    """So that what waits behind another is not taken up because of it."""
    world.send(1)
    world.send(2)
    world.exchange.close()
    world.send(3)
    assert world.target.posted[2:] == [(CancelTask(2), None), (CancelTask(1), None)]
    world.answer(Reply(1), "too late")
    assert world.asker.posted == []


def test_whether_an_actor_is_alive(world):
    """Answered at once, by what the registry knows."""
    world.send(1, errand=Errand.PROBE)
    world.send(2, errand=Errand.PROBE, urn="urn:test:nobody")
    assert world.asker.posted == [(Reply(1), True), (Reply(2), False)]


@pytest.mark.parametrize(
    ("errand", "payload"), [(0, ()), (0, (b"\xff",)), (9, (b"urn:test:b\nstr",))]
)
def test_nonsense_is_refused(world, errand, payload):
    """No address, no text, no such errand."""
    world.exchange.take(Forward(1, errand), payload)
    assert len(world.refused) == 1
    assert world.asker.posted == []


def test_what_an_actor_of_this_process_is_sent_keeps_its_order(world):
    """It is unpickled in a thread of the exchange, and answered by the actor's."""
    plain = Plain.start()
    for task_id in range(1, 101):
        world.send(task_id, task_id, Errand.ASK, plain.actor_urn)
    assert world.asker.wait_for(100) == [(Reply(each), each) for each in range(1, 101)]
    world.send(101, "", Errand.STOP, plain.actor_urn)
    assert world.asker.wait_for(101)[-1] == (Reply(101), None)
    assert not plain.is_alive()


@pytest.mark.parametrize("streaming", [False, True])
def test_what_is_too_late_ends_with_its_error_and_not_with_nothing(world, ledger, streaming):
    """Whoever was asked closes what it was told to give up, before the asker is told why."""
    world.send(7)
    (task,) = world.inbox.awaited()
    if streaming:
        world.answer(StreamOpened(1))
    world.inbox.cancel(task)
    world.answer(StreamClosed(1, cancelled=True))
    task.fail(LookupError("too late"))
    *opened, last = [message for message, _ in world.asker.posted]
    assert opened == [StreamOpened(7)] * streaming
    assert isinstance(last, ReplyError)
    assert last.task_id == 7
    assert world.exchange.awaited(ledger) is None


def test_asker_who_gives_up_while_his_message_is_unpickled(world):
    """The actor is told then, as if it had been later: else its stream would never end."""
    plain = Plain.start()
    taken = threading.Event()
    envelopes = []
    put = plain.actor_inbox.put
    plain.actor_inbox.put = lambda each: (envelopes.append(each), taken.set())
    meanwhile.append(lambda: world.exchange.take(CancelTask(7), ()))
    world.send(7, Interrupted(), Errand.ASK, plain.actor_urn)
    assert taken.wait(LIMIT)
    del plain.actor_inbox.put
    (envelope,) = envelopes
    assert envelope.message == "unpickled"
    assert envelope.reply_to.cancelled
    assert put == plain.actor_inbox.put
    plain.stop()


class Attended:
    """A mailbox that counts who waits."""

    diverted = False

    def __init__(self):
        self.waiting = 0
        self.end = threading.Event()

    def wait_for(self, _ready):
        """Wait as long as the test wants."""
        self.waiting += 1
        assert self.end.wait(LIMIT)


def test_stream_has_one_attendant_however_often_a_coroutine_waits_for_a_chunk():
    """A thread for each chunk would be one too many."""
    mailbox = Attended()
    outgoing = Outgoing(None, mailbox, None)
    task = Task(outgoing, 1, str, ())
    before = threading.active_count()
    for _ in range(5):
        outgoing.attend(task)
    assert threading.active_count() == before + 1
    assert mailbox.waiting <= 1
    mailbox.end.set()
