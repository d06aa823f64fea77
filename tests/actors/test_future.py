"""RunnerFuture is a Pykka future, can be cancelled, and opens what came from elsewhere."""

import asyncio
import threading
import time

import pykka
import pytest

from actors._following import FollowingFuture
from actors._future import RunnerFuture
from actors._payload import pack
from actors._sealed import Sealed
from actors._stream import Stream, StreamCore
from actors.errors import TaskCancelledError

TIMEOUT = 30.0
"""Seconds, met only in a deadlock."""


def sealed(value):
    """Return a future with an answer from another process."""
    future = RunnerFuture()
    future.set(Sealed(pack(value, "it")))
    return future


def test_answer_from_another_process_is_opened():
    """Each time the same object."""
    future = sealed([1])
    assert future.get() == [1]
    assert future.get() is future.get()


def test_answer_that_is_a_future_is_followed():
    """So that a method may answer later."""
    outer, inner = FollowingFuture(), RunnerFuture()
    outer.set(inner)
    with pytest.raises(pykka.Timeout):
        outer.get(timeout=0)
    inner.set("x")
    assert outer.get(timeout=0) == "x"


def test_failure_of_the_followed_future_is_raised():
    """As its own."""
    outer, inner = FollowingFuture(), RunnerFuture()
    outer.set(inner)
    inner.set_exception((LookupError, LookupError("no"), None))
    with pytest.raises(LookupError):
        outer.get()


def test_timeout_is_for_the_whole_way():
    """Not once for each future on it."""
    outer, middle, inner = FollowingFuture(), FollowingFuture(), RunnerFuture()
    outer.set(middle)
    middle.set(inner)
    with pytest.raises(pykka.Timeout):
        outer.get(timeout=0.01)


def test_getter_is_woken_by_the_answer():
    """From another thread."""
    future, got = RunnerFuture(), []
    thread = threading.Thread(target=lambda: got.append(future.get(timeout=30)))
    thread.start()
    future.set(Sealed(pack("x", "it")))
    thread.join(30)
    assert got == ["x"]


def test_combinators_of_pykka_see_the_answer_not_the_seal():
    """map, filter, reduce, join and get_all."""
    assert sealed(3).map(lambda x: x + 1).get() == 4
    assert sealed([1, 2, 3]).filter(lambda x: x > 1).get() == [2, 3]
    assert sealed([1, 2, 3]).reduce(lambda x, y: x + y).get() == 6
    assert sealed(1).join(sealed(2), sealed(3)).get() == [1, 2, 3]
    assert pykka.get_all([sealed(1), sealed(2)]) == [1, 2]


def test_future_can_be_awaited():
    """As any of Pykka's."""

    async def answer():
        return await sealed("x")

    assert asyncio.run(answer()) == "x"


class Bond:
    """A task that notes what its future asks of it."""

    def __init__(self, future, answer=None):
        self.future, self.answer = future, answer
        self.cancels, self.receives = 0, []
        future.bond = self

    def receive(self, done, deadline):
        """Receive the answer, if there is one."""
        self.receives.append((done(), deadline))
        if self.answer is not None:
            self.future.set(self.answer)

    def cancel(self):
        """Take note."""
        self.cancels += 1


def test_getter_receives_for_itself():
    """Once, and not if the answer is there."""
    future = RunnerFuture()
    bond = Bond(future, "x")
    assert future.get() == "x"
    assert future.get() == "x"
    assert bond.receives == [(False, None)]
    assert future.bond is None


def test_getter_whose_answer_does_not_come_has_received_in_its_time():
    """And then waits for whoever receives."""
    future = RunnerFuture()
    bond = Bond(future)
    begun = time.monotonic()
    with pytest.raises(pykka.Timeout):
        future.get(timeout=0.01)
    ((done, deadline),) = bond.receives
    assert done is False
    assert begun <= deadline <= time.monotonic()


def test_cancelled_future_raises_and_tells_once():
    """Idempotent."""
    future = RunnerFuture()
    bond = Bond(future)
    assert not future.cancelled
    assert [future.cancel() for _ in range(3)] == [True, False, False]
    assert future.cancelled
    assert future.done()
    assert bond.cancels == 1
    for _ in range(2):
        with pytest.raises(TaskCancelledError):
            future.get(timeout=0)
    assert bond.receives == []


def test_answer_after_the_cancel_is_dropped():
    """Of any kind, and without a word: the answer and the cancel have crossed."""
    future = RunnerFuture()
    assert future.cancel()
    future.set("x")
    future.set_exception((LookupError, LookupError("no"), None))
    future.set_get_hook(lambda timeout: "x")
    with pytest.raises(TaskCancelledError):
        future.get(timeout=0)


@pytest.mark.parametrize("answer", ["value", "exception", "hook"])
def test_cancel_after_the_answer_is_harmless(answer):
    """There is nothing to give up."""
    future = RunnerFuture()
    bond = Bond(future)
    if answer == "value":
        future.set("x")
    elif answer == "exception":
        future.set_exception((LookupError, LookupError("no"), None))
    else:
        future.set_get_hook(lambda timeout: "x")
    assert future.cancel() is False
    assert not future.cancelled
    assert bond.cancels == 0
    if answer == "exception":
        with pytest.raises(LookupError):
            future.get(timeout=0)
    else:
        assert future.get(timeout=0) == "x"


def test_cancel_wakes_who_waits():
    """In another thread."""
    future, caught = RunnerFuture(), []

    def get():
        try:
            future.get(timeout=TIMEOUT)
        except TaskCancelledError as error:
            caught.append(error)

    thread = threading.Thread(target=get, daemon=True)
    thread.start()
    future.cancel()
    thread.join(TIMEOUT)
    assert len(caught) == 1


def test_cancel_after_a_stream_has_come_cancels_the_stream():
    """Once; a stream at its end has nothing to give up."""
    abandoned = []
    core = StreamCore(grant=lambda chunks: None, abandon=lambda: abandoned.append(True))
    future = RunnerFuture()
    future.set(Stream(core))
    assert [future.cancel() for _ in range(2)] == [True, False]
    assert abandoned == [True]
    assert not future.cancelled
    with pytest.raises(TaskCancelledError):
        next(future.get(timeout=0))
    ended, other = StreamCore(grant=lambda chunks: None, abandon=lambda: None), RunnerFuture()
    other.set(Stream(ended))
    ended.finish()
    assert other.cancel() is False


@pytest.mark.parametrize(
    "make",
    [
        lambda a, b: a.map(str).join(b),
        lambda a, b: a.join(b).map(len),
        lambda a, b: a.filter(bool).join(b.reduce(max)),
    ],
)
def test_future_that_is_made_of_others_gives_them_up(make):
    """Once; whoever gets it is not left waiting, and their answers are of no use any more."""
    first, second = RunnerFuture(), RunnerFuture()
    made = make(first, second)
    assert made.cancel() is True
    assert first.cancelled
    assert second.cancelled
    assert made.cancel() is False
    with pytest.raises(TaskCancelledError):
        made.get(timeout=0)


def test_future_whose_hook_was_called_has_nothing_to_give_up():
    """Nor does one of Pykka's own among them stand in the way."""
    first, second = RunnerFuture(), pykka.ThreadingFuture()
    made = first.join(second)
    first.set(1)
    second.set(2)
    assert made.get(timeout=0) == [1, 2]
    assert made.cancel() is False
    assert made.get(timeout=0) == [1, 2]
    other = RunnerFuture().join(pykka.ThreadingFuture())
    assert other.cancel() is True


def test_cancel_and_answer_that_race_agree():
    """Either there was something to give up, or there is an answer."""
    for _ in range(200):
        future, begin = RunnerFuture(), threading.Barrier(2)
        bond = Bond(future)

        def answer(future=future, begin=begin):
            begin.wait()
            future.set("x")

        thread = threading.Thread(target=answer)
        thread.start()
        begin.wait()
        given_up = future.cancel()
        thread.join(TIMEOUT)
        assert bond.cancels == given_up
        if given_up:
            with pytest.raises(TaskCancelledError):
                future.get(timeout=0)
        else:
            assert future.get(timeout=0) == "x"


def test_timeout_holds_while_another_thread_calls_the_hook():
    """That one may have all the time in the world."""
    future, calling, go_on = RunnerFuture(), threading.Event(), threading.Event()

    def hook(_timeout):
        calling.set()
        assert go_on.wait(TIMEOUT)
        return "x"

    future.set_get_hook(hook)
    patient = threading.Thread(target=future.get)
    patient.start()
    assert calling.wait(TIMEOUT)
    with pytest.raises(pykka.Timeout):
        future.get(timeout=0.01)
    go_on.set()
    patient.join(TIMEOUT)
    assert future.get(timeout=0) == "x"


def test_exception_that_is_none_is_refused_by_whoever_sets_it():
    """Not by whoever gets it, who could not know why."""
    future = RunnerFuture()
    for nothing in (None, (1, 2), (None, None, None)):
        with pytest.raises(TypeError, match="must be that of an exception"):
            future.set_exception(nothing)
    assert not future.done()
