"""What can be done with the future of an answer."""

import asyncio
import operator
import queue
import threading

import pykka
import pytest
from citizens import Echo
from gate import LIMIT


@pytest.fixture
def ref(start):
    """Give an actor that answers with what it gets."""
    return start(Echo)


@pytest.fixture
def future_class(ref):
    """Give the class of its futures."""
    return type(ref.ask("x", block=False))


def ask(ref, value):
    """Return the future of an answer."""
    return ref.ask(value, block=False)


def failing(ref):
    """Return the future of an error."""
    return ref.proxy().fail()


class Held:
    """Answers that come when the test wants them."""

    def __init__(self, runtime, ref):
        self.gate = runtime.gate()
        ref.proxy().wait_at.defer(self.gate.folder)
        self.gate.wait()


def test_future_is_pykkas(ref):
    """Whoever checks for it finds it, and nothing of the value in its text."""
    future = ask(ref, 1)
    assert isinstance(future, pykka.ThreadingFuture)
    assert repr(future) == "<pykka.Future>"


def test_value_can_be_had_as_often_as_wanted(ref):
    """It is the same object each time."""
    future = ask(ref, ["value"])
    first = future.get(timeout=LIMIT)
    assert first == ["value"]
    assert future.get(timeout=0) is first


def test_error_is_raised_as_often_as_wanted(ref):
    """It is the same object each time, too."""
    future = failing(ref)
    with pytest.raises(ValueError, match="as told") as first:
        future.get(timeout=LIMIT)
    with pytest.raises(ValueError, match="as told") as second:
        future.get(timeout=0)
    assert first.value is second.value


def test_get_that_takes_too_long_raises_and_can_be_tried_again(runtime, ref):
    """The answer is not lost."""
    held = Held(runtime, ref)
    future = ask(ref, "late")
    for timeout in (0, 0.01):
        with pytest.raises(pykka.Timeout, match="seconds"):
            future.get(timeout=timeout)
    held.gate.open()
    assert future.get(timeout=LIMIT) == "late"


@pytest.mark.parametrize(
    "of", [lambda future: future, lambda future: future.map(str), lambda future: future.join()]
)
def test_deadline_that_is_over_is_a_timeout(runtime, ref, of):
    """`deadline - time.monotonic()` is negative then; -1 is no exception."""
    held = Held(runtime, ref)
    future = of(ask(ref, "late"))
    for timeout in (-1, -0.5):
        with pytest.raises(pykka.Timeout):
            future.get(timeout=timeout)
    with pytest.raises(pykka.Timeout):
        ref.stop(timeout=-0.5)
    held.gate.open()


def test_many_may_wait_for_one_answer(runtime, ref):
    """All get it."""
    held = Held(runtime, ref)
    future = ask(ref, "for all")
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(future.get(timeout=LIMIT))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    held.gate.open()
    for thread in threads:
        thread.join(LIMIT)
    assert answers == ["for all"] * 8


def test_map_passes_the_value_through_a_function(ref):
    """As a whole, when it is asked for, as often as one likes."""
    assert ask(ref, 30).map(lambda value: value + 10).get(timeout=LIMIT) == 40
    assert ask(ref, {"a": 1}).map(operator.itemgetter("a")).get(timeout=LIMIT) == 1
    assert ask(ref, [1, 2]).map(len).map(str).get(timeout=LIMIT) == "2"


def test_map_is_applied_once(ref):
    """However often the value is asked for."""
    calls = []
    mapped = ask(ref, 1).map(calls.append)
    assert calls == []
    for _ in range(3):
        assert mapped.get(timeout=LIMIT) is None
    assert calls == [1]


def test_map_leaves_the_first_future_as_it_is(ref):
    """It can be mapped twice."""
    future = ask(ref, 2)
    assert [future.map(f).get(timeout=LIMIT) for f in (lambda x: x + 1, lambda x: x * 5)] == [3, 10]
    assert future.get(timeout=0) == 2


def test_filter_keeps_what_passes(ref):
    """As a list."""
    assert ask(ref, range(10)).filter(lambda x: x > 6).get(timeout=LIMIT) == [7, 8, 9]
    assert ask(ref, []).filter(bool).get(timeout=LIMIT) == []
    with pytest.raises(TypeError):
        ask(ref, 1).filter(bool).get(timeout=LIMIT)


def test_reduce_folds_from_the_left(ref):
    """With an initial value or without."""
    assert ask(ref, ["a", "b", "c"]).reduce(operator.add).get(timeout=LIMIT) == "abc"
    assert ask(ref, [1, 2]).reduce(operator.sub, 10).get(timeout=LIMIT) == 7
    assert ask(ref, []).reduce(operator.add, 5).get(timeout=LIMIT) == 5
    with pytest.raises(TypeError):
        ask(ref, []).reduce(operator.add).get(timeout=LIMIT)
    with pytest.raises(TypeError):
        ask(ref, 1).reduce(operator.add).get(timeout=LIMIT)


def test_join_collects_values_in_order(ref, start):
    """Also those of other actors."""
    other = start(Echo)
    joined = ask(ref, 1).join(ask(other, 2), ask(ref, 3))
    assert joined.get(timeout=LIMIT) == [1, 2, 3]
    assert ask(ref, 1).join().get(timeout=LIMIT) == [1]


def test_joined_futures_are_mapped_filtered_and_reduced(ref):
    """What they make is a future like any other."""
    future = ask(ref, 1).join(ask(ref, 2), ask(ref, 3))
    result = future.filter(lambda x: x > 1).map(lambda xs: [x * 2 for x in xs]).reduce(operator.add)
    assert result.get(timeout=LIMIT) == 10


@pytest.mark.parametrize(
    "derive",
    [
        lambda future: future.map(str),
        lambda future: future.filter(bool),
        lambda future: future.reduce(max),
        lambda future: future.join(),
    ],
    ids=["map", "filter", "reduce", "join"],
)
def test_derived_futures_pass_errors_and_timeouts_on(runtime, ref, derive):
    """Whatever they are derived by."""
    with pytest.raises(ValueError, match="as told"):
        derive(failing(ref)).get(timeout=LIMIT)
    held = Held(runtime, ref)
    derived = derive(ask(ref, [1]))
    with pytest.raises(pykka.Timeout):
        derived.get(timeout=0.01)
    held.gate.open()
    assert derived.get(timeout=LIMIT)


def test_get_all_collects_values_in_order(ref):
    """Of any iterable of futures."""
    assert pykka.get_all((ask(ref, n) for n in range(5)), timeout=LIMIT) == list(range(5))
    assert pykka.get_all([]) == []


def test_get_all_passes_errors_and_timeouts_on(runtime, ref):
    """The first that it meets."""
    with pytest.raises(ValueError, match="as told"):
        pykka.get_all([ask(ref, 1), failing(ref)], timeout=LIMIT)
    held = Held(runtime, ref)
    futures = [ask(ref, 1), ask(ref, 2)]
    with pytest.raises(pykka.Timeout):
        pykka.get_all(futures, timeout=0.01)
    held.gate.open()
    assert pykka.get_all(futures, timeout=LIMIT) == [1, 2]


def test_get_hook_makes_the_value(future_class):
    """Once, and it is told the limit."""
    limits = []
    future = future_class()
    future.set_get_hook(lambda timeout: limits.append(timeout) or "made")
    assert future.get(timeout=7) == "made"
    assert future.get(timeout=8) == "made"
    assert limits == [7]


def test_get_hook_that_raises_is_asked_again(future_class):
    """It has made no value."""
    answers = [pykka.Timeout("not yet"), "made"]

    def hook(_timeout):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    future = future_class()
    future.set_get_hook(hook)
    with pytest.raises(pykka.Timeout):
        future.get(timeout=0)
    assert future.get(timeout=0) == "made"


def test_future_is_set_once(future_class):
    """By value, error or hook, in whichever order."""
    ways = (
        lambda future: future.set(1),
        lambda future: future.set_exception((ValueError, ValueError("x"), None)),
        lambda future: future.set_get_hook(lambda _timeout: 1),
    )
    for first in ways:
        for second in ways[:2]:
            future = future_class()
            first(future)
            with pytest.raises(queue.Full):
                second(future)


def test_future_of_ones_own_is_set(future_class):
    """With nothing, with a value, with the error that is being handled."""
    nothing, value, error = future_class(), future_class(), future_class()
    nothing.set()
    value.set(1)
    try:
        raise LookupError("handled")
    except LookupError:
        error.set_exception()
    assert nothing.get(timeout=0) is None
    assert value.get(timeout=0) == 1
    with pytest.raises(LookupError, match="handled") as caught:
        error.get(timeout=0)
    assert caught.traceback[-1].name == "test_future_of_ones_own_is_set"


def test_answer_is_awaited(ref):
    """Values, errors, attributes and methods; several at once."""

    async def main():
        proxy = ref.proxy()
        assert await ask(ref, 1) == 1
        assert await proxy.add(1, 2) == 3
        assert await ask(ref, 1).map(str) == "1"
        with pytest.raises(ValueError, match="as told"):
            await proxy.fail()

        async def one(number):
            return await ask(ref, number)

        return await asyncio.gather(*(one(number) for number in range(3)))

    assert asyncio.run(main()) == [0, 1, 2]


def test_answer_of_a_dead_actor_is_awaited(ref):
    """As an error."""
    ref.stop(timeout=LIMIT)

    async def main():
        with pytest.raises(pykka.ActorDeadError):
            await ask(ref, 1)

    asyncio.run(main())


def test_futures_are_generators_of_old(ref):
    """`yield from` does what `await` does."""
    answers = []

    def wait():
        answers.append((yield from ask(ref, 1)))

    assert list(wait()) == [None]
    assert answers == [1]


# By design.


def test_answer_may_be_a_future(ref):
    """Of work that the actor has passed on; whoever asks gets the future first."""
    inner = ref.proxy().answer_with_future().get(timeout=LIMIT)
    assert isinstance(inner, pykka.Future)
    assert inner.get(timeout=LIMIT) == "from inside"
