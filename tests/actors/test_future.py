"""RunnerFuture is a Pykka future: sealed answers, followed futures, timeouts, combinators."""

import asyncio
import threading

import pykka
import pytest

from actors._future import RunnerFuture
from actors._payload import pack
from actors._sealed import Sealed


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
    outer, inner = RunnerFuture(), RunnerFuture()
    outer.set(inner)
    with pytest.raises(pykka.Timeout):
        outer.get(timeout=0)
    inner.set("x")
    assert outer.get(timeout=0) == "x"


def test_failure_of_the_followed_future_is_raised():
    """As its own."""
    outer, inner = RunnerFuture(), RunnerFuture()
    outer.set(inner)
    inner.set_exception((LookupError, LookupError("no"), None))
    with pytest.raises(LookupError):
        outer.get()


def test_timeout_is_for_the_whole_way():
    """Not once for each future on it."""
    outer, middle, inner = RunnerFuture(), RunnerFuture(), RunnerFuture()
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
