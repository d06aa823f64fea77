"""What is told and asked arrives, once, in order, and is answered."""

import inspect
import io
import threading

import pykka
import pytest
from citizens import Cooperative, EagerStarter, Echo, Parent, Tree
from gate import LIMIT
from household import Colour, Note, Pair, Record

import actors

VALUES = [
    None,
    True,
    -1,
    10**40,
    1.5,
    complex(1, 2),
    "text \N{SNOWMAN}",
    b"\x00bytes",
    (),
    (1, ("nested",)),
    ["list", {"of": {"sets"}}],
    frozenset({1, 2}),
    range(3),
    Ellipsis,
    int,
    Colour.RED,
    Pair(1, "x"),
    Record("x"),
    Note("x"),
]


@pytest.fixture
def ref(start):
    """Give an actor that notes what it gets."""
    return start(Echo)


def seen(ref):
    """Return the messages that an actor has handled."""
    return ref.proxy().seen().get(timeout=LIMIT)


def test_ask_returns_the_answer(ref):
    """Any value is a message, and any value an answer."""
    for value in VALUES:
        assert ref.ask(value, timeout=LIMIT) == value
    assert seen(ref) == VALUES


def test_exception_as_a_message_is_a_value(ref):
    """It is answered with, and not raised."""
    answer = ref.ask(ValueError("a value"), timeout=LIMIT)
    assert isinstance(answer, ValueError)
    assert answer.args == ("a value",)


def test_enum_members_stay_themselves(ref):
    """On either side of a border."""
    assert ref.ask(Colour.RED, timeout=LIMIT) is Colour.RED


def test_large_message_arrives_whole(ref):
    """Larger than any buffer on its way."""
    data = bytes(range(256)) * 40_000
    assert ref.ask(data, timeout=LIMIT) == data


def test_start_passes_its_arguments_to_the_constructor(start):
    """By position and by name."""
    ref = start(Echo, "hi", colour=Colour.RED, number=1)
    assert ref.proxy().arguments().get(timeout=LIMIT) == ("hi", {"colour": Colour.RED, "number": 1})


def test_ask_that_does_not_block_returns_a_future(runtime, ref):
    """At once, though the actor has something else to do."""
    gate = runtime.gate()
    ref.proxy().wait_at(gate.folder)
    gate.wait()
    future = ref.ask("x", block=False)
    assert isinstance(future, pykka.ThreadingFuture)
    gate.open()
    assert future.get(timeout=LIMIT) == "x"


def test_ask_that_is_not_answered_in_time_raises(runtime, ref):
    """The message is handled all the same."""
    gate = runtime.gate()
    ref.proxy().wait_at(gate.folder)
    gate.wait()
    with pytest.raises(pykka.Timeout):
        ref.ask("late", timeout=0.01)
    with pytest.raises(pykka.Timeout):
        ref.ask("later", timeout=0)
    gate.open()
    assert seen(ref) == ["through the gate", "late", "later"]


def test_tell_returns_nothing_and_waits_for_nobody(runtime, ref):
    """The actor handles it when it has time."""
    gate = runtime.gate()
    ref.proxy().wait_at.defer(gate.folder)
    gate.wait()
    assert ref.tell("told") is None
    gate.open()
    assert seen(ref) == ["through the gate", "told"]


def test_messages_of_one_sender_are_handled_in_order(ref):
    """Whatever they are sent by."""
    proxy = ref.proxy()
    futures = []
    for number in range(0, 200, 4):
        ref.tell(number)
        futures.append(ref.ask(number + 1, block=False))
        futures.append(proxy.note(number + 2))
        proxy.note.defer(number + 3)
    assert seen(ref) == list(range(200))
    assert pykka.get_all(futures, timeout=LIMIT) == [n for n in range(200) if n % 4 in (1, 2)]


def test_messages_of_each_of_many_senders_are_handled_in_order(ref):
    """None is lost, none is doubled."""
    senders, messages = 6, 50
    start = threading.Barrier(senders)

    def send(sender):
        start.wait(LIMIT)
        for number in range(messages):
            if number % 2:
                ref.tell((sender, number))
            else:
                ref.ask((sender, number), timeout=LIMIT)

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    handled = seen(ref)
    assert len(handled) == senders * messages
    for sender in range(senders):
        assert [n for who, n in handled if who == sender] == list(range(messages))


def test_each_asker_gets_its_own_answer(ref):
    """Though many ask at once."""
    answers = {}

    def ask(name):
        answers[name] = [ref.ask((name, number), timeout=LIMIT) for number in range(30)]

    threads = [threading.Thread(target=ask, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert answers == {name: [(name, number) for number in range(30)] for name in "abcd"}


def test_proxy_messages_can_be_sent_without_a_proxy(ref):
    """They are part of Pykka's surface."""
    call = pykka.messages.ProxyCall(attr_path=("add",), args=(1,), kwargs={"right": 2})
    assert ref.ask(call, timeout=LIMIT) == 3
    note = pykka.messages.ProxyCall(attr_path=("note",), args=("noted",), kwargs={})
    ref.tell(note)
    assert seen(ref) == ["noted"]


def test_message_to_oneself_is_handled_before_those_of_others(start):
    """If it was sent in `on_start`."""
    ref = start(EagerStarter)
    ref.tell("from outside")
    assert seen(ref) == ["from on_start", "from outside"]


def test_work_in_parts_lets_other_messages_in_between(runtime, start):
    """By a proxy of the actor to itself, as Pykka's guide has it."""
    ref = start(Cooperative)
    gate = runtime.gate()
    ref.proxy().work.defer(3, gate.folder)
    gate.wait()
    ref.tell("in between")
    gate.open()
    messages = seen(ref)
    while messages[-1] != "done":
        messages = seen(ref)
    assert messages == ["part 3", "in between", "part 2", "part 1", "done"]


def test_actor_may_have_actors_of_its_own(start):
    """They live where it lives."""
    ref = start(Parent)
    assert ref.proxy().ask_child("x").get(timeout=LIMIT) == "x"
    assert ref.proxy().child_is_here().get(timeout=LIMIT)


def test_actor_may_start_another_of_its_class(start):
    """Even in its constructor; each has a URN of its own."""
    ref = start(Tree)
    own, other = ref.proxy().urns().get(timeout=LIMIT)
    assert own == ref.actor_urn
    assert other != own
    assert ref.proxy().ask_branch("x").get(timeout=LIMIT) == "x"


def test_nobody_is_reached_after_the_end(ref):
    """`ask` has the error in its future, and `tell` raises it."""
    assert ref.is_alive()
    ref.stop(timeout=LIMIT)
    assert not ref.is_alive()
    with pytest.raises(pykka.ActorDeadError, match="Echo"):
        ref.ask("x", timeout=LIMIT)
    future = ref.ask("x", block=False)
    with pytest.raises(pykka.ActorDeadError):
        future.get(timeout=LIMIT)
    with pytest.raises(pykka.ActorDeadError, match="Echo"):
        ref.tell("x")


def test_refs_tell_whom_they_are_of(runtime, ref):
    """Class and URN, and both in their text."""
    assert ref.actor_class is runtime.class_of(Echo)
    assert ref.actor_urn.startswith("urn:uuid:")
    assert str(ref) == f"Echo ({ref.actor_urn})"
    assert repr(ref) == f"<ActorRef for Echo ({ref.actor_urn})>"


# By design.


@pytest.mark.runtimes("pykka", "thread", reason="in one process there is nothing to copy for")
def test_messages_are_shared(ref):
    """What the actor does to one, its sender sees."""
    items = []
    answer = ref.proxy().change(items).get(timeout=LIMIT)
    assert items == ["changed"]
    assert answer is items


@pytest.mark.runtimes("process", reason="another process has a memory of its own")
def test_messages_are_copied(ref):
    """What the runner does to one, its sender does not see."""
    items = []
    answer = ref.proxy().change(items).get(timeout=LIMIT)
    assert items == []
    assert answer == ["changed"]


@pytest.mark.runtimes("process", reason="a message is pickled when it is sent")
def test_message_is_sent_as_it_is_now(runtime, ref):
    """What its sender does to it later, the runner does not see."""
    gate = runtime.gate()
    ref.proxy().wait_at(gate.folder)
    items = ["now"]
    future = ref.ask(items, block=False)
    items.append("later")
    gate.open()
    assert future.get(timeout=LIMIT) == ["now"]


@pytest.mark.runtimes("process", reason="a message is copied when it is sent")
def test_large_message_is_sent_as_it_is_now(runtime, ref):
    """Nor does it see what becomes of memory that is sent from where it lies."""
    gate = runtime.gate()
    ref.proxy().wait_at(gate.folder)
    memory = bytearray(b"a" * 5_000_000)
    future = ref.ask(memory, block=False)
    memory[:] = bytes(len(memory))
    memory.clear()
    gate.open()
    assert future.get(timeout=LIMIT) == b"a" * 5_000_000


@pytest.mark.runtimes("pykka", "thread", reason="in one process anything can be handed over")
def test_anything_is_a_message(ref):
    """A lock, a function without a name."""
    lock, function = threading.Lock(), lambda: None
    assert ref.ask(lock, timeout=LIMIT) is lock
    assert ref.ask(function, timeout=LIMIT) is function


@pytest.mark.runtimes("process", reason="a lock means nothing in another process")
def test_what_cannot_be_sent_is_an_error_of_its_sender(ref):
    """At once, also for an ask that does not block; the runner does not hear of it."""
    with pytest.raises(actors.UnsendableError, match="message to 'runner 1'"):
        ref.tell(threading.Lock())
    with pytest.raises(actors.UnsendableError):
        ref.ask([threading.Lock()], block=False)
    with pytest.raises(actors.UnsendableError):
        ref.proxy().note(threading.Lock())
    assert ref.ask("x", timeout=LIMIT) == "x"
    assert seen(ref) == ["x"]


@pytest.mark.runtimes("pykka", reason="ours stream")
def test_generator_is_handed_over_in_pykka(ref):
    """It runs in the asker's thread then."""
    generator = ref.proxy().answer_with_generator(3).get(timeout=LIMIT)
    assert inspect.isgenerator(generator)
    assert list(generator) == [0, 1, 2]


@pytest.mark.runtimes("thread", "process", reason="Pykka does not stream")
def test_generator_is_answered_with_a_stream(ref):
    """It runs in the actor, and its chunks are what the asker iterates over."""
    stream = ref.proxy().answer_with_generator(3).get(timeout=LIMIT)
    assert isinstance(stream, actors.Stream)
    assert list(stream) == [0, 1, 2]


@pytest.mark.runtimes("thread", "process", reason="Pykka does not stream")
def test_next_message_waits_until_a_long_stream_is_read(ref):
    """Whoever asks for both has to read the first before."""
    proxy = ref.proxy()
    stream = proxy.answer_with_generator(1000).get(timeout=LIMIT)
    behind = ref.ask("behind", block=False)
    with pytest.raises(pykka.Timeout):
        behind.get(timeout=0.05)
    assert list(stream) == list(range(1000))
    assert behind.get(timeout=LIMIT) == "behind"


def test_file_in_memory_is_an_answer(ref):
    """Though it is an iterator, too: over its lines."""
    file = ref.proxy().answer_with_file("two\nlines\n").get(timeout=LIMIT)
    assert isinstance(file, io.StringIO)
    assert file.readlines() == ["two\n", "lines\n"]


@pytest.mark.runtimes("process", reason="a lock means nothing in another process")
def test_answer_that_cannot_be_sent_is_an_error_of_the_ask(ref):
    """The runner lives on."""
    with pytest.raises(actors.UnsendableError, match="the answer"):
        ref.proxy().answer_with_lock().get(timeout=LIMIT)
    assert ref.ask("x", timeout=LIMIT) == "x"


def test_globals_of_a_module_belong_to_a_process(runtime, ref):
    """A runner in a process has its own; actors in threads share ours."""
    proxy = ref.proxy()
    before = proxy.get_global().get(timeout=LIMIT)
    proxy.set_global("changed").get(timeout=LIMIT)
    try:
        assert proxy.get_global().get(timeout=LIMIT) == "changed"
        other = runtime.start(Echo).proxy().get_global().get(timeout=LIMIT)
        assert other == ("as imported" if runtime.in_process else "changed")
    finally:
        proxy.set_global(before).get(timeout=LIMIT)
