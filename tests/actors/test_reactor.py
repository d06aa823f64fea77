"""The event loop: what is called, when, in which order, and what stops it (nothing)."""

import os
import selectors
import threading

import pytest

from actors._reactor import Reactor

LIMIT = 30


@pytest.fixture
def reactor():
    """Give a reactor and close it at the end."""
    reactor = Reactor()
    yield reactor
    reactor.close()


def until_done(reactor):
    """Wait until the calls made so far are made."""
    done = threading.Event()
    reactor.call_soon(done.set)
    assert done.wait(LIMIT)


def test_calls_are_made_in_order_in_one_thread_of_its_own(reactor):
    """From whichever thread they come."""
    calls = []
    for n in range(100):
        reactor.call_soon(lambda n=n: calls.append((n, reactor.in_thread)))
    until_done(reactor)
    assert calls == [(n, True) for n in range(100)]
    assert not reactor.in_thread


def test_timers_fire_in_the_order_they_are_due(reactor):
    """Not in the order they were made; those due at once in that order."""
    fired, done = [], threading.Event()
    reactor.call_later(0.02, lambda: (fired.append("late"), done.set()))
    reactor.call_later(0.0, lambda: fired.append("first"))
    reactor.call_later(0.0, lambda: fired.append("second"))
    assert done.wait(LIMIT)
    assert fired == ["first", "second", "late"]


def test_cancelled_timer_does_not_fire(reactor):
    """From any thread; cancelling twice, or after it fired, is harmless."""
    fired, done = [], threading.Event()
    timer = reactor.call_later(0.0, lambda: fired.append("wrong"))
    timer.cancel()
    timer.cancel()
    last = reactor.call_later(0.001, done.set)
    assert done.wait(LIMIT)
    last.cancel()
    assert fired in ([], ["wrong"])


def test_timer_cancelled_by_an_earlier_one_does_not_fire(reactor):
    """Both were due in the same turn."""
    fired, done = [], threading.Event()

    def arrange():
        second = None
        reactor.call_later(0.0, lambda: second and second.cancel())
        second = reactor.call_later(0.0, lambda: fired.append("wrong"))
        reactor.call_later(0.0, done.set)

    reactor.call_soon(arrange)
    assert done.wait(LIMIT)
    assert fired == []


def test_callback_that_raises_is_logged_and_stops_nobody(reactor, caplog):
    """Calls, timers and descriptors alike."""
    reactor.call_soon(lambda: 1 / 0)
    reactor.call_later(0.0, lambda: 1 / 0)
    until_done(reactor)
    until_done(reactor)
    assert "please report" in caplog.text


def test_descriptor_calls_back_until_it_is_unregistered(reactor):
    """With the events that are ready."""
    read, write = os.pipe()
    seen, done = [], threading.Event()

    def ready(events):
        seen.append((os.read(read, 1), events))
        reactor.unregister(read)
        done.set()

    reactor.call_soon(lambda: reactor.register(read, selectors.EVENT_READ, ready))
    os.write(write, b"xy")
    assert done.wait(LIMIT)
    until_done(reactor)
    assert seen == [(b"x", selectors.EVENT_READ)]
    os.close(read)
    os.close(write)


def test_calls_that_make_calls_do_not_starve_timers(reactor):
    """A turn makes the calls that were there when it began."""
    done = threading.Event()

    def again():
        if not done.is_set():
            reactor.call_soon(again)

    reactor.call_soon(again)
    reactor.call_later(0.0, done.set)
    assert done.wait(LIMIT)


def test_timeout_that_means_never_does_not_stop_the_loop(reactor):
    """epoll(7) refuses what is longer than 24 days."""
    reactor.call_later(1e15, lambda: None)
    until_done(reactor)
    until_done(reactor)


def test_call_from_a_destructor_in_the_loops_own_thread_is_not_overlooked():
    """
    The garbage collector may run there after the last look at the calls.

    1. The loop sees that there is nothing to do. 2. A destructor runs in its thread, and calls
    soon. 3. The loop waits, for ever if nobody wakes it.
    """
    done = threading.Event()

    class Interrupted(Reactor):
        calls = 0

        def _patience(self):
            patience = super()._patience()
            self.calls += 1
            if self.calls == 2:
                self.call_soon(done.set)
            return patience

    reactor = Interrupted()
    reactor.call_soon(lambda: None)
    assert done.wait(LIMIT)
    reactor.close()


def test_call_from_a_destructor_is_made(reactor):
    """It takes no lock."""
    done = threading.Event()

    class Dropped:
        def __del__(self):
            reactor.call_soon(done.set)

    Dropped()
    assert done.wait(LIMIT)


def test_close_makes_the_calls_made_so_far_and_drops_later_ones():
    """Twice is as good as once, and so is a call after it."""
    reactor, calls = Reactor(), []
    for n in range(10):
        reactor.call_soon(lambda n=n: calls.append(n))
    reactor.close()
    assert calls == list(range(10))
    reactor.call_soon(lambda: calls.append("late"))
    reactor.call_later(0.0, lambda: calls.append("late"))
    reactor.close()
    assert calls == list(range(10))


def test_close_from_within_does_not_wait_for_itself():
    """The loop ends after that turn."""
    reactor = Reactor()
    reactor.call_soon(reactor.close)
    reactor._thread.join(LIMIT)
    assert not reactor._thread.is_alive()


def test_close_says_when_a_callback_does_not_return(caplog):
    """It is a bug, and must not hang the one who closes."""
    reactor, gate = Reactor(), threading.Event()
    reactor.call_soon(gate.wait)
    reactor.close(timeout=0.01)
    gate.set()
    assert "did not end within 0.01 s" in caplog.text
