"""A runner's inbox in its own process: whoever waits receives, for itself and for the others."""

import asyncio
import contextlib
import os
import select
import signal
import socket
import threading
import time

import pytest

from actors import _mailbox
from actors._channel import Channel
from actors._frames import Credit, Request
from actors._mailbox import Mailbox

TIMEOUT = 30.0
"""Seconds, met only in a deadlock."""


class World:
    """A mailbox, and the parent's end of its channel."""

    def __init__(self):
        ours, theirs = socket.socketpair()
        self.channel, self.parent = Channel(ours, 1 << 20), Channel(theirs, 1 << 20)
        self.credits, self.closings, self.receipts = [], [], 0
        self.mailbox = Mailbox(self.channel, self.take, lambda: self.closings.append(True))
        receive = self.channel.receive

        def counted():
            self.receipts += 1
            return receive()

        self.channel.receive = counted

    def take(self, frame):
        """Put requests into the inbox, as a host does."""
        if isinstance(frame.message, Credit):
            self.credits.append(frame.message.amount)
            return None
        return frame.message.task_id

    def close(self):
        """Give every descriptor back; a runner's live as long as its process."""
        self.channel.close()
        self.parent.close()
        self.mailbox._wake_in.close()
        self.mailbox._wake_out.close()


@pytest.fixture
def world():
    """Give a mailbox and its other end."""
    with contextlib.closing(World()) as world:
        yield world


@contextlib.contextmanager
def thread(function):
    """Run a function in another thread, and wait for its end."""
    worker = threading.Thread(target=function, daemon=True)
    worker.start()
    yield worker
    worker.join(TIMEOUT)
    assert not worker.is_alive()


def until(condition):
    """Wait until another thread has come to a point that nobody tells of."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)


def test_messages_are_taken_in_order(world):
    """All that came at once, with one call of the system."""
    assert world.mailbox.empty()
    for n in range(1, 6):
        world.parent.post(Request(n), (b"x",))
    assert [world.mailbox.get() for _ in range(5)] == [1, 2, 3, 4, 5]
    assert world.receipts == 1
    assert world.mailbox.empty()


def test_message_of_the_process_itself_wakes_its_receiver(world):
    """Who waits for the channel."""
    got = []
    with thread(lambda: got.append(world.mailbox.get())):
        until(world.mailbox._receiving.locked)
        world.mailbox.put("of our own")
    assert got == ["of our own"]


def test_messages_of_both_ways_are_taken(world):
    """In the order in which they came in."""
    world.mailbox.put("first")
    world.parent.post(Request(7), (b"x",))
    assert world.mailbox.get() == "first"
    assert world.mailbox.get() == 7


def test_one_of_two_who_wait_receives_for_the_other(world):
    """Whichever it is; each gets what it waits for."""
    got = {}

    def reader():
        got["credit"] = world.mailbox.wait_for(lambda: world.credits)

    def taker():
        got["message"] = world.mailbox.get()

    with thread(taker):
        until(world.mailbox._receiving.locked)
        with thread(reader):
            until(lambda: world.mailbox._waiting == 1)
            world.parent.post(Credit(1, 128))
        assert got == {"credit": True}
        with thread(reader):
            pass
        world.parent.post(Request(5), (b"x",))
    assert got == {"credit": True, "message": 5}


def test_who_waits_goes_on_receiving_when_the_receiver_has_what_it_waited_for(world):
    """The part changes hands."""
    got = []
    with thread(lambda: got.append(world.mailbox.wait_for(lambda: len(world.credits) > 1))):
        until(world.mailbox._receiving.locked)
        with thread(lambda: got.append(world.mailbox.get())):
            until(lambda: world.mailbox._waiting == 1)
            world.parent.post(Credit(1, 1))
            world.parent.post(Credit(1, 2))
            until(lambda: got == [True])
            world.parent.post(Request(9), (b"x",))
    assert got == [True, 9]


def test_who_looks_for_the_bell_in_a_loop_is_not_taken_for_an_interrupted_one(world):
    """Another thread that begins to wait at the same time does not receive beside it."""
    at_work, answering, overlaps = threading.Event(), threading.Event(), []
    receiving, drain, receive = (
        world.mailbox._receiving,
        world.mailbox._drain_bell,
        world.mailbox._receive,
    )

    class Slow:
        """The lock; the other thread goes on when the loop does, or has to wait for it."""

        acquire, release = receiving.acquire, receiving.release

        def locked(self):
            was = receiving.locked()
            if threading.current_thread() is waiter and not at_work.is_set():
                at_work.set()
                answering.wait(0.2)
            return was

    def drain_slowly():
        if threading.current_thread() is not waiter:
            answering.set()
            overlaps.append(waits.wait(0.2))
        drain()

    def watched(timeout):
        waits.set()
        receive(timeout)
        waits.clear()

    async def live():
        world.mailbox.divert(asyncio.get_running_loop(), lambda _: None)
        waiter.start()
        await asyncio.to_thread(at_work.wait, TIMEOUT)
        world.mailbox._wake_out.send(b"\0")
        await asyncio.to_thread(answering.wait, 0.4)
        done.append(True)
        world.mailbox.wake()
        await asyncio.to_thread(waiter.join, TIMEOUT)
        world.mailbox.restore([])

    waits, done = threading.Event(), []
    waiter = threading.Thread(target=lambda: world.mailbox.wait_for(lambda: done), daemon=True)
    world.mailbox._receiving = Slow()
    world.mailbox._drain_bell = drain_slowly
    world.mailbox._receive = watched
    asyncio.run(live())
    assert not waiter.is_alive()
    assert not any(overlaps)


def test_many_takers_share_the_messages(world):
    """Each message goes to one of them."""
    got, number = [], 400

    def take():
        while True:
            assert world.mailbox.wait_for(lambda: world.mailbox._messages)
            with contextlib.suppress(IndexError):
                message = world.mailbox._messages.popleft()
                if message == "end":
                    world.mailbox.put("end")
                    return
                got.append(message)

    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(thread(take))
        for n in range(1, number + 1):
            world.parent.post(Request(n), (b"x",))
            world.mailbox.put(-n)
        while world.parent.flush():
            pass
        until(lambda: len(got) == 2 * number)
        world.mailbox.put("end")
    assert sorted(got) == sorted([*range(1, number + 1), *range(-number, 0)])


@pytest.mark.parametrize("timeout", [0.0, 0.01, -1.0])
def test_waiting_ends_in_time(world, timeout):
    """Whether nothing comes or something else."""
    assert world.mailbox.wait_for(lambda: False, timeout) is False
    world.parent.post(Credit(1, 5))
    assert world.mailbox.wait_for(lambda: False, timeout) is False
    assert world.mailbox.wait_for(lambda: True, timeout) is True


def test_waiting_ends_in_time_while_another_receives(world):
    """It does not depend on what comes for the other."""
    with thread(world.mailbox.get):
        until(world.mailbox._receiving.locked)
        assert world.mailbox.wait_for(lambda: False, 0.01) is False
        world.mailbox.put("end")


def test_look_takes_what_is_there_and_does_not_wait(world):
    """Nor if there is nothing, nor while another receives."""
    world.mailbox.look()
    assert world.mailbox.empty()
    world.parent.post(Request(1), (b"x",))
    world.parent.post(Credit(1, 5))
    world.mailbox.look()
    assert not world.mailbox.empty()
    assert world.credits == [5]
    assert world.mailbox.get() == 1
    with thread(world.mailbox.get):
        until(world.mailbox._receiving.locked)
        world.mailbox.look()
        world.mailbox.put("end")


def test_glance_looks_now_and_then(world, monkeypatch):
    """Counted, since a loop glances at each turn."""
    monkeypatch.setattr(_mailbox, "_LOOK_EVERY", 3600.0)
    world.mailbox.look()
    for _ in range(1000):
        world.mailbox.glance()
    assert world.receipts == 1
    monkeypatch.setattr(_mailbox, "_LOOK_EVERY", 0.0)
    world.parent.post(Credit(1, 5))
    world.mailbox.glance()
    assert world.receipts == 2
    assert world.credits == [5]


def test_closed_mailbox_refuses_what_waits_and_what_comes(world):
    """Each envelope once, and never with the lock held."""
    refused = []
    world.mailbox.put("waiting")

    def refuse(envelope):
        refused.append(envelope)
        if envelope == "waiting":
            world.mailbox.put("from within")

    world.mailbox.close(refuse)
    world.mailbox.put("late")
    assert refused == ["waiting", "from within", "late"]
    assert world.mailbox.empty()


def test_end_of_the_channel_is_told_after_what_came_before(world):
    """A runner whose parent is gone ends itself."""
    world.parent.post(Request(1), (b"x",))
    world.parent.close()
    assert world.mailbox.wait_for(lambda: world.closings, TIMEOUT)
    assert world.mailbox.get() == 1


def test_unreadable_bytes_are_an_end_too(world):
    """After the frames before them."""
    world.parent.post(Request(1), (b"x",))
    world.parent._socket.sendall(b"garbage")
    assert world.mailbox.wait_for(lambda: world.closings, TIMEOUT)
    assert world.mailbox.get() == 1


def test_end_is_seen_by_a_glance(world):
    """A runner that never waits for a message notices it too."""
    world.parent.close()
    world.mailbox.look()
    assert world.closings == [True]


def test_handler_that_raises_in_take_loses_nothing(world):
    """It is taken again by whoever receives next."""
    world.parent.post(Request(1), (b"x",))
    world.parent.post(Request(2), (b"x",))
    take, calls = world.mailbox._take, []

    def interrupted(frame):
        calls.append(frame.message.task_id)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return take(frame)

    world.mailbox._take = interrupted
    with pytest.raises(KeyboardInterrupt):
        world.mailbox.get()
    assert [world.mailbox.get(), world.mailbox.get()] == [1, 2]
    assert calls == [1, 2, 2]


def test_loop_makes_the_calls_that_are_wanted_though_nothing_comes(world):
    """A stream that a coroutine drops is cancelled by such a call."""

    async def live():
        loop, called = asyncio.get_running_loop(), asyncio.Event()
        world.mailbox.divert(loop, lambda _: None)
        try:
            world.mailbox.call_soon(called.set)
            await asyncio.wait_for(called.wait(), TIMEOUT)
        finally:
            world.mailbox.restore(())

    asyncio.run(live())
    assert world.receipts == 0


def test_a_signal_wakes_who_is_just_going_to_sleep(world):
    """Python calls its handler, but sleeps on if the signal came before it slept."""
    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    try:
        world.mailbox.wake_for_signals()
        os.kill(os.getpid(), signal.SIGUSR2)
        assert select.select([world.mailbox._wake_fd], [], [], TIMEOUT)[0]
    finally:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGUSR2, before)
