"""Who subscribes to a type is told of its events: once, in order, and whatever others do."""

import logging
import sys
import threading
from typing import Optional, Union

import attrs
import pykka
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors._events import EventStream
from actors.errors import SpecError, SupervisorStoppedError

LIMIT = 30.0
"""Seconds; met only in a deadlock."""


class Animal:
    """The base of the events here."""


@attrs.frozen
class Dog(Animal):
    name: str = "rex"


@attrs.frozen
class Cat(Animal):
    name: str = "tom"


@attrs.frozen
class Stone:
    number: int = 0


class Listener(pykka.ThreadingActor):
    """An actor that collects what it is told."""

    def __init__(self):
        super().__init__()
        self.told = []

    def on_receive(self, message):
        self.told.append(message)
        return list(self.told)


class Gate:
    """A callable that stands still until it is opened."""

    def __init__(self):
        self.entered, self.opened, self.told = threading.Event(), threading.Event(), []

    def __call__(self, event):
        self.entered.set()
        assert self.opened.wait(LIMIT)
        self.told.append(event)


@pytest.fixture
def stream():
    """Give a stream that is closed at the end."""
    stream = EventStream()
    yield stream
    assert stream.close(LIMIT)


@pytest.fixture
def listener():
    """Give the ref of a collecting actor."""
    ref = Listener.start()
    yield ref
    ref.stop()


def told(ref):
    """Return what the actor was told before this question."""
    return ref.ask("end")[:-1]


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ((), [Dog(), Cat(), Stone()]),
        ((Dog,), [Dog()]),
        ((Animal,), [Dog(), Cat()]),
        ((Dog, Stone), [Dog(), Stone()]),
        ((Dog | Stone,), [Dog(), Stone()]),
        ((Union[Dog, Stone], Cat), [Dog(), Cat(), Stone()]),  # noqa: UP007 - older code has these
        ((Optional[Cat],), [Cat()]),  # noqa: UP045
        ((Dog, Animal, Dog | Cat), [Dog(), Cat()]),
    ],
)
def test_types_select_what_a_target_is_told(stream, listener, types, expected):
    """Unions are spelled out, subclasses match, and overlaps do not tell anyone twice."""
    heard = []
    stream.subscribe(listener, *types)
    stream.subscribe(heard.append, *types)
    numbers = [stream.publish(event) for event in (Dog(), Cat(), Stone())]
    assert told(listener) == expected
    assert stream.close(LIMIT)
    assert heard == expected
    assert sum(numbers) == 2 * len(expected)


def test_a_second_subscription_adds_types_and_tells_nobody_twice(stream, listener):
    """Equal bound methods are one target, and so are two refs of one actor."""
    heard = []
    for each in (Dog, Animal, Stone):
        stream.subscribe(listener, each)
        stream.subscribe(heard.append, each)
    assert [stream.publish(event) for event in (Dog(), Stone())] == [2, 2]
    assert told(listener) == [Dog(), Stone()]
    stream.close(LIMIT)
    assert heard == [Dog(), Stone()]


def test_a_publisher_can_ask_whether_anybody_would_be_told(stream, listener):
    """It may then spare itself making the event."""
    assert not stream.wanted(Dog)
    stream.subscribe(listener, Animal)
    assert stream.wanted(Dog)
    assert not stream.wanted(Stone)
    stream.subscribe(listener)
    assert stream.wanted(Stone)


def test_unsubscribing_ends_exactly_what_is_named(stream, listener):
    """Without types it ends everything; the answer says whether there was anything to end."""
    stream.subscribe(listener, Dog, Cat)
    assert not stream.unsubscribe(listener, Stone)
    assert stream.unsubscribe(listener, Dog)
    assert [stream.publish(event) for event in (Dog(), Cat())] == [0, 1]
    assert stream.unsubscribe(listener)
    assert not stream.unsubscribe(listener)
    assert not stream.unsubscribe(print)
    assert stream.publish(Cat()) == 0


def test_a_subscription_to_everything_ends_as_a_whole(stream, listener):
    """No type can be taken out of it."""
    stream.subscribe(listener)
    assert not stream.unsubscribe(listener, Dog)
    assert stream.publish(Dog()) == 1
    assert stream.unsubscribe(listener)
    assert stream.publish(Dog()) == 0


def test_what_waits_for_an_unsubscribed_callable_is_not_delivered(stream):
    """After unsubscribe has returned, no further call begins."""
    gate = Gate()
    stream.subscribe(gate)
    for number in range(3):
        stream.publish(Stone(number))
    assert gate.entered.wait(LIMIT)
    stream.unsubscribe(gate)
    gate.opened.set()
    assert stream.close(LIMIT)
    assert gate.told == [Stone(0)]


def test_a_dead_actor_is_dropped(stream, listener):
    """It is not counted, and not tried again."""
    other = Listener.start()
    stream.subscribe(other, Dog)
    stream.subscribe(listener, Dog)
    other.stop()
    assert stream.publish(Dog()) == 1
    assert not stream.unsubscribe(other)
    assert told(listener) == [Dog()]


def test_a_target_that_cannot_be_told_now_is_told_later(stream, listener, caplog, monkeypatch):
    """A runner's mailbox may be full; that is logged, concerns nobody else and passes."""
    busy = Listener.start()
    stream.subscribe(busy)
    stream.subscribe(listener)
    with monkeypatch.context() as patch:
        patch.setattr(busy, "tell", lambda event: 1 / 0)
        assert stream.publish(Dog()) == 1
    assert "could not be told" in caplog.text
    assert stream.publish(Cat()) == 2
    assert told(busy) == [Cat()]
    busy.stop()


def test_callables_run_in_one_thread_of_the_streams_own(stream):
    """That is what lets them ask the publisher; the thread starts with the first of them."""
    names, before = [], threading.active_count()
    stream.subscribe(lambda event: names.append(threading.current_thread().name), Dog)
    stream.subscribe(lambda event: names.append(threading.current_thread().name), Dog)
    assert threading.active_count() == before + 1
    stream.publish(Dog())
    stream.close(LIMIT)
    assert names == ["actors-events"] * 2
    assert threading.active_count() == before


def test_no_thread_is_started_for_actors(stream, listener):
    """A supervisor without callables has one thread less."""
    before = threading.active_count()
    stream.subscribe(listener)
    assert threading.active_count() == before


def test_a_callable_may_use_the_stream_and_ask_the_publisher():
    """Neither deadlocks: publish, subscribe, unsubscribe and close are all allowed."""
    results, finished = [], threading.Event()

    class Publisher(pykka.ThreadingActor):
        def __init__(self):
            super().__init__()
            self.stream = EventStream()
            self.stream.subscribe(self.called_back, Dog)

        def called_back(self, event):
            results.append(self.actor_ref.ask("question", timeout=LIMIT))
            self.stream.subscribe(results.append, Cat)
            results.append(self.stream.publish(Cat()))
            results.append(self.stream.unsubscribe(self.called_back))
            results.append(self.stream.close())
            finished.set()

        def on_receive(self, message):
            return "answer" if message == "question" else self.stream.publish(message)

        def on_stop(self):
            self.stream.close(LIMIT)

    ref = Publisher.start()
    assert ref.ask(Dog()) == 1
    assert finished.wait(LIMIT)
    ref.stop()
    assert results == ["answer", 1, True, False, Cat()]


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)])
def test_a_callable_that_raises_is_logged_and_stays(stream, caplog, error):
    """The others are called all the same, and it hears of the next event."""
    heard = []

    def faulty(event):
        heard.append(("faulty", event))
        raise error

    stream.subscribe(faulty)
    stream.subscribe(heard.append)
    stream.publish(Dog())
    stream.publish(Cat())
    stream.close(LIMIT)
    assert heard == [("faulty", Dog()), Dog(), ("faulty", Cat()), Cat()]
    assert [record.name for record in caplog.records] == ["actors", "actors"]
    assert "stays subscribed" in caplog.text


def test_close_delivers_what_is_queued_and_nothing_after():
    """It may be called again, and says whether all is delivered."""
    stream, gate = EventStream(), Gate()
    ref = Listener.start()
    stream.subscribe(gate)
    stream.subscribe(ref)
    for number in range(5):
        assert stream.publish(Stone(number)) == 2
    assert not stream.close(timeout=0.0)
    assert stream.publish(Stone(9)) == 0
    gate.opened.set()
    assert stream.close(LIMIT)
    assert stream.close(LIMIT)
    assert gate.told == [Stone(number) for number in range(5)]
    assert told(ref) == gate.told
    ref.stop()
    with pytest.raises(SupervisorStoppedError):
        stream.subscribe(print)


def test_a_stream_without_callables_closes_at_once():
    """There is nothing to wait for."""
    assert EventStream().close(timeout=0.0)


def test_beyond_the_limit_the_oldest_is_dropped_and_what_must_be_kept_is_kept(caplog):
    """Failures outlive any number of chunks, and the order stays."""
    stream, gate = EventStream(keep=(Dog,), limit=3), Gate()
    stream.subscribe(gate)
    stream.publish("first")
    assert gate.entered.wait(LIMIT)
    for event in (Dog("a"), 1, 2, Dog("b"), 3, Dog("c"), Dog("d"), 4):
        stream.publish(event)
    assert stream.dropped == 4
    gate.opened.set()
    assert stream.close(LIMIT)
    assert gate.told == ["first", Dog("a"), Dog("b"), Dog("c"), Dog("d")]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_each_time_it_overflows_is_logged_once(caplog):
    """Once the callables have caught up, the next overflow is news again."""
    stream, entered, proceed = EventStream(limit=1), threading.Semaphore(0), threading.Semaphore(0)
    idle = threading.Semaphore(0)

    def slow(event):
        if event == "mark":
            idle.release()
            return
        entered.release()
        assert proceed.acquire(timeout=LIMIT)

    stream.subscribe(slow)
    for episode in (1, 2):
        stream.publish("slow")
        assert entered.acquire(timeout=LIMIT)
        for number in range(5):
            stream.publish(number)
        assert stream.dropped == 4 * episode
        for _ in range(2):
            proceed.release()
        assert entered.acquire(timeout=LIMIT)
        # The queue is empty only after the last call; two marks in a row prove that it was.
        for _ in range(2):
            stream.publish("mark")
            assert idle.acquire(timeout=LIMIT)
    assert stream.close(LIMIT)
    assert len(caplog.records) == 2


def test_many_publishers_lose_nothing_and_keep_their_own_order(stream):
    """Each publisher's events come in the order in which it published them."""
    heard = []
    stream.subscribe(heard.append)

    def publish(name):
        for number in range(200):
            assert stream.publish((name, number)) == 1

    threads = [threading.Thread(target=publish, args=(name,)) for name in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(LIMIT)
    assert stream.close(LIMIT)
    for name in range(4):
        assert [number for owner, number in heard if owner == name] == list(range(200))


@attrs.define(eq=True, unsafe_hash=False)
class Unhashable:
    """A callable object that is no key."""

    told: list = attrs.field(factory=list)

    def __call__(self, event):
        self.told.append(event)


def test_a_callable_that_cannot_be_hashed_is_a_target_too(stream):
    """It is known by its identity."""
    first, second = Unhashable(), Unhashable()
    stream.subscribe(first, Dog)
    stream.subscribe(first, Dog)
    stream.subscribe(second, Dog)
    assert stream.publish(Dog()) == 2
    assert stream.unsubscribe(first)
    assert stream.publish(Dog()) == 1


@pytest.mark.parametrize("nonsense", ["Dog", 3, list[int], Dog(), (Dog, Cat), [Dog]])
def test_what_is_no_type_is_refused(stream, listener, nonsense):
    """At once, and nothing is subscribed."""
    with pytest.raises(SpecError, match="types"):
        stream.subscribe(listener, Dog, nonsense)
    assert stream.publish(Dog()) == 0


def test_what_can_be_told_nothing_is_refused(stream, listener):
    """A proxy in particular, which would take the event for an attribute."""
    for nonsense in (None, "name", 3, Dog, listener.proxy()):
        with pytest.raises(SpecError, match="target"):
            stream.subscribe(nonsense, Dog)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the statement is new in 3.12")
def test_a_type_statement_is_a_union_too(stream, listener):
    """`type Pet = Dog | Cat` is accepted as it stands."""
    space = {"Dog": Dog, "Cat": Cat}
    exec("type Pet = Dog | Cat", space)  # noqa: S102
    stream.subscribe(listener, space["Pet"])
    assert [stream.publish(event) for event in (Dog(), Cat(), Stone())] == [1, 1, 0]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["subscribe", "unsubscribe", "publish"]),
            st.integers(0, 2),
            st.lists(st.sampled_from([Animal, Dog, Cat, Stone]), max_size=2),
        ),
        max_size=20,
    )
)
def test_a_stream_behaves_like_a_table_of_types(steps):
    """However subscriptions follow on each other, the simplest model tells the same."""
    stream = EventStream()
    refs = [Mailbox() for _ in range(3)]
    model = {number: set() for number in range(3)}
    for step, number, types in steps:
        if step == "subscribe":
            stream.subscribe(refs[number], *types)
            model[number] |= set(types or [object])
        elif step == "unsubscribe":
            gone = model[number] & set(types) if types else set(model[number])
            assert stream.unsubscribe(refs[number], *types) == bool(gone)
            model[number] -= gone
        else:
            for event in (Dog(), Cat(), Stone()):
                expected = [isinstance(event, tuple(model[each])) for each in range(3)]
                before = [len(ref.told) for ref in refs]
                assert stream.publish(event) == sum(expected)
                assert [len(ref.told) for ref in refs] == [
                    b + e for b, e in zip(before, expected, strict=True)
                ]


class Mailbox(pykka.ActorRef):
    """A ref without an actor behind it."""

    def __init__(self):
        self.actor_urn = f"urn:{id(self)}"
        self.told = []

    def tell(self, message):
        self.told.append(message)
