"""What Pykka says of its futures, ours do too: the same tests over both classes."""

import asyncio
import queue
import sys
import threading
import time

import pykka
import pytest

from actors._future import RunnerFuture

TIMEOUT = 30.0
"""Seconds, met only in a deadlock."""

BOTH = pytest.mark.parametrize("new", [pykka.ThreadingFuture, RunnerFuture])


@BOTH
def test_answer_can_be_had_again_and_again(new):
    """The same one."""
    future, value = new(), []
    future.set(value)
    assert future.get() is value
    assert future.get(timeout=0) is value


@BOTH
def test_nothing_is_an_answer_too(new):
    """A method that returns nothing has returned."""
    future = new()
    future.set()
    assert future.get(timeout=0) is None


@BOTH
@pytest.mark.parametrize("timeout", [0, 0.01, -1])
def test_missing_answer_is_a_timeout(new, timeout):
    """And no harm: it may come yet."""
    future = new()
    for _ in range(2):
        with pytest.raises(pykka.Timeout, match=f"{timeout} seconds"):
            future.get(timeout=timeout)
    future.set("x")
    assert future.get(timeout=timeout) == "x"


@BOTH
@pytest.mark.parametrize("second", ["set", "set_exception", "set_get_hook"])
@pytest.mark.parametrize("first", ["set", "set_exception", "set_get_hook"])
def test_future_is_set_once(new, first, second):
    """The second to try is told so; a hook may be put in the place of another."""
    future, error = new(), LookupError("the first")
    values = {
        "set": "the first",
        "set_exception": (LookupError, error, None),
        "set_get_hook": lambda timeout: "the first",
    }
    getattr(future, first)(values[first])
    others = {
        "set": "the second",
        "set_exception": (KeyError, KeyError(), None),
        "set_get_hook": lambda timeout: "the second",
    }
    if first == second == "set_get_hook":
        future.set_get_hook(others[second])
        assert future.get(timeout=0) == "the second"
        return
    with pytest.raises(queue.Full):
        getattr(future, second)(others[second])
    if first == "set_exception":
        with pytest.raises(LookupError) as caught:
            future.get(timeout=0)
        assert caught.value is error
    else:
        assert future.get(timeout=0) == "the first"


@BOTH
@pytest.mark.parametrize("given", ["current", "whole", "class only"])
def test_exception_is_raised_as_it_was(new, given):
    """By each `get`, with the traceback of its handler at the end."""
    future = new()
    try:
        raise LookupError("no")
    except LookupError:
        info = sys.exc_info()
        if given == "current":
            future.set_exception()
        elif given == "whole":
            future.set_exception(info)
        else:
            future.set_exception((LookupError, None, info[2]))
    for _ in range(2):
        with pytest.raises(LookupError) as caught:
            future.get(timeout=0)
        assert caught.traceback[-1].name == "test_exception_is_raised_as_it_was"


@BOTH
def test_hook_is_called_once_with_the_time_there_is(new):
    """Whoever gets, and however often; its answer is kept."""
    future, calls = new(), []
    future.set_get_hook(lambda timeout: calls.append(timeout) or "x")
    assert future.get(timeout=5) == "x"
    assert future.get() == "x"
    assert len(calls) == 1
    assert 0 < calls[0] <= 5


@BOTH
def test_hook_that_raises_is_called_again(new):
    """It has no answer to be kept."""
    future, calls = new(), []

    def hook(timeout):
        calls.append(timeout)
        if len(calls) == 1:
            raise pykka.Timeout("not yet")
        return "x"

    future.set_get_hook(hook)
    with pytest.raises(pykka.Timeout):
        future.get()
    assert future.get() == "x"
    assert calls == [None, None]


@BOTH
@pytest.mark.parametrize("answer", ["x", LookupError("no")], ids=["value", "exception"])
def test_answer_wakes_all_who_wait(new, answer):
    """However many; each gets it."""
    future, got = new(), []

    def get():
        try:
            got.append(future.get(timeout=TIMEOUT))
        except LookupError as error:
            got.append(error)

    threads = [threading.Thread(target=get, daemon=True) for _ in range(5)]
    for thread in threads:
        thread.start()
    condition = "_condition" if new is pykka.ThreadingFuture else "_waiters"
    deadline = time.monotonic() + TIMEOUT
    while len(getattr(getattr(future, condition), "_waiters", ())) < len(threads):
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)
    if isinstance(answer, str):
        future.set(answer)
    else:
        future.set_exception((type(answer), answer, None))
    for thread in threads:
        thread.join(TIMEOUT)
    assert got == [answer] * len(threads)


@BOTH
def test_combinators_make_futures_of_the_same_kind(new):
    """`map`, `filter`, `reduce` and `join`, before the answer is there."""
    first, second = new(), new()
    mapped = first.map(lambda values: [value * 2 for value in values])
    filtered = mapped.filter(lambda value: value > 2)
    reduced = filtered.reduce(lambda left, right: left + right)
    joined = first.join(second)
    assert {type(each) for each in (mapped, filtered, reduced, joined)} == {new}
    first.set([1, 2, 3])
    second.set("x")
    assert reduced.get(timeout=0) == 10
    assert joined.get(timeout=0) == [[1, 2, 3], "x"]
    assert pykka.get_all([mapped, filtered], timeout=0) == [[2, 4, 6], [4, 6]]


@BOTH
def test_future_can_be_awaited_and_fails_as_it_would(new):
    """As an expression of a coroutine."""
    answered, failed = new(), new()
    answered.set("x")
    failed.set_exception((LookupError, LookupError("no"), None))

    async def answer(future):
        return await future

    assert asyncio.run(answer(answered)) == "x"
    with pytest.raises(LookupError):
        asyncio.run(answer(failed))


def test_hook_wakes_who_waits():
    """Pykka's own leaves them waiting for an answer that nobody may set any more."""
    future, got = RunnerFuture(), []
    thread = threading.Thread(target=lambda: got.append(future.get(timeout=TIMEOUT)), daemon=True)
    thread.start()
    deadline = time.monotonic() + TIMEOUT
    while not getattr(future._waiters, "_waiters", ()):
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)
    future.set_get_hook(lambda timeout: "x")
    thread.join(TIMEOUT)
    assert got == ["x"]
