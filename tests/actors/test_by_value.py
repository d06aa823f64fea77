"""What a new process cannot find by name is sent by value: classes of functions and prompts."""

import functools
import gc
import importlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import attrs
import cloudpickle
import pytest
from faulty import Echo

import actors
from actors import _by_value, _main_module
from actors._payload import pack, pack_for_start, unpack

LIMIT = 60


def local_runner():  # noqa: C901 - so that all of it is local
    """Return a class with everything that makes one hard to send."""

    class Base(actors.Runner):
        greeting = "hello"

        def __init__(self, name):
            super().__init__()
            self.name = name

        def greet(self, text):
            return f"{self.greeting} {self.name} {text}"

    @attrs.frozen
    class Note:
        text: str
        seen = []  # noqa: RUF012 - state of the class is what this is about

    class NoteError(Exception):
        pass

    counter = 0

    class Local(Base):
        note = Note
        error = NoteError

        def greet(self, text):
            nonlocal counter
            counter += 1
            return Note(f"{super().greet(text)} {counter}")

        def on_receive(self, message):
            match message:
                case Note("fail"):
                    raise NoteError("as told", message)
                case Note("many"):
                    return (Note(str(number)) for number in range(3))
                case Note("born"):
                    return born()
                case Note("see"):
                    Note.seen.append(1)
                    return len(Note.seen)
                case Note(text):
                    return self.greet(text)
            return message

    @functools.cache
    def born_class():
        class Born(Note):
            pass

        return Born

    def born():
        return born_class()("here")

    return Local


@pytest.fixture
def local(start):
    """Give the ref of a runner whose class is local, and that class."""
    runner_class = local_runner()
    options = {"args": ("bob",), "restart": actors.Restart.PERMANENT}
    return start(runner_class=runner_class, **options), runner_class


def test_runner_and_messages_defined_in_a_function(local):
    """With `super()`, class attributes, and a variable of the function around them."""
    ref, note = local[0], local[1].note
    for number in (1, 2):
        answer = ref.ask(note("you"), timeout=LIMIT)
        assert answer == note(f"hello bob you {number}")
        assert type(answer) is note


def test_exception_defined_in_a_function_is_caught_as_itself(local):
    """With what it holds."""
    ref, note, error = local[0], local[1].note, local[1].error
    with pytest.raises(error, match="as told") as caught:
        ref.ask(note("fail"), timeout=LIMIT)
    assert type(caught.value) is error
    assert caught.value.args[1] == note("fail")
    assert isinstance(caught.value.__cause__, actors.RemoteError)


def test_chunks_of_a_class_defined_in_a_function(local):
    """Each is one of the reader's own class."""
    ref, note = local[0], local[1].note
    assert list(ref.ask(note("many"), timeout=LIMIT)) == [note("0"), note("1"), note("2")]


def test_proxy_of_a_runner_defined_in_a_function(local):
    """Methods and attributes."""
    ref, note = local[0], local[1].note
    proxy = ref.proxy()
    assert proxy.greet("you").get(timeout=LIMIT) == note("hello bob you 1")
    assert proxy.greeting.get(timeout=LIMIT) == "hello"


def test_neither_side_loses_what_its_class_holds(local):
    """A class that is known is left as it is when it comes again."""
    ref, note = local[0], local[1].note
    note.seen.extend([1, 2, 3])
    before = dict(vars(note))
    counted = [ref.ask(note("see"), timeout=LIMIT) for _ in range(3)]
    assert counted == [1, 2, 3]
    assert ref.ask(note("you"), timeout=LIMIT) == note("hello bob you 1")
    assert note.seen == [1, 2, 3]
    assert dict(vars(note)) == before


def test_class_that_the_runner_defines_is_one_class_to_the_asker(local):
    """Over answers, and it is a subclass of the asker's own."""
    ref, note = local[0], local[1].note
    first, second = (ref.ask(note("born"), timeout=LIMIT) for _ in range(2))
    assert type(first) is type(second) is not note
    assert isinstance(first, note)
    assert first.text == "here"
    # Back where it was born it is what it was.
    assert ref.ask([first, second], timeout=LIMIT) == [first, second]


def test_next_incarnation_knows_the_same_classes(local, supervisor, recorder):
    """It is made from what the first was made from."""
    ref, note, error = local[0], local[1].note, local[1].error
    supervisor.subscribe(recorder, actors.RunnerFailed).get()
    assert ref.ask(note("you"), timeout=LIMIT) == note("hello bob you 1")
    ref.tell(note("fail"))
    recorder.wait_for(actors.RunnerFailed)
    assert ref.ask(note("you"), timeout=LIMIT) == note("hello bob you 1")
    with pytest.raises(error):
        ref.ask(note("fail"), timeout=LIMIT)


def test_runner_that_fails_with_an_exception_defined_in_a_function(start, failures):
    """The failure has its name."""

    class HomeError(Exception):
        pass

    class Failing(actors.Runner):
        def on_receive(self, message):
            raise HomeError(message)

    start(runner_class=Failing).tell("x")
    error = failures.wait_for(actors.RunnerFailed).reason.error
    assert error.type.endswith("<locals>.HomeError")
    assert error.message == "x"


def test_two_runners_exchange_what_both_know_by_value_only(start):
    """Through the parent, which gives one's answer to the other."""
    runner_class = local_runner()
    note = runner_class.note
    first, second = (start(name, runner_class=runner_class, args=(name,)) for name in "ab")
    born = first.ask(note("born"), timeout=LIMIT)
    echoed = second.ask([born, note("x")], timeout=LIMIT)
    assert echoed == [born, note("x")]
    assert [type(part) for part in echoed] == [type(born), note]
    answer = first.ask(note("you"), timeout=LIMIT)
    assert second.ask(answer, timeout=LIMIT) == note("hello b hello a you 1 1")


def test_local_class_in_a_thread():
    """Nothing is sent there, and it behaves alike."""
    runner_class = local_runner()
    note = runner_class.note
    ref = runner_class.start("bob")
    assert ref.ask(note("you"), timeout=LIMIT) == note("hello bob you 1")
    assert list(ref.ask(note("many"), timeout=LIMIT))[-1] == note("2")
    with pytest.raises(runner_class.error):
        ref.ask(note("fail"), timeout=LIMIT)
    ref.stop()


def test_functions_without_a_name_are_sent(start):
    """Lambdas, local functions with what they close over, methods, cached ones."""
    step = 3

    @functools.lru_cache(maxsize=7)
    def cached(number):
        return number + step

    class Holder:
        def __init__(self):
            self.base = 10

        @functools.cached_property
        def total(self):
            return self.base + step

        def method(self, number):
            return self.base + number

    ref = start()
    functions = [lambda n: n + step, cached, Holder().method, functools.partial(cached, 5)]
    first, second, third, fourth = ref.ask(functions, timeout=LIMIT)
    assert (first(1), second(1), third(1), fourth()) == (4, 4, 11, 8)
    assert second.cache_parameters() == {"maxsize": 7, "typed": False}
    assert ref.ask(Holder(), timeout=LIMIT).total == 13


def test_class_is_pickled_once_and_again_for_a_new_process():
    """A message costs its instance; a start takes what the definitions have become."""

    class Local:
        greeting = "hello"

    first = pack(Local(), "it")
    Local.greeting = "goodbye"
    assert pack(Local(), "it") == first
    assert b"goodbye" not in first[0]
    assert b"goodbye" in pack_for_start(Local(), "it")[0]
    assert b"goodbye" in pack(Local(), "it")[0]


def test_class_that_nobody_needs_any_more_is_forgotten():
    """Every call of a function defines new ones."""
    gc.collect()
    before = len(_by_value._classes)

    def define():
        class Local:
            pass

        return unpack(pack(Local(), "it"))

    for _ in range(10):
        define()
    gc.collect()
    assert len(_by_value._classes) <= before


def test_class_whose_sender_has_forgotten_it_is_made_again(start):
    """From what was sent."""

    def message():
        class Local:
            text = "x"

        return Local()

    ref = start()
    future = ref.ask(message(), block=False)
    gc.collect()
    assert future.get(timeout=LIMIT).text == "x"


def test_class_is_complete_for_everybody_who_opens_it_at_once(start, request):
    """Answers are opened by the threads that asked."""

    class Defining(actors.Runner):
        def on_receive(self, message):
            class Born:
                def shout(self):
                    return message + "!"

            return [Born()] * 2, Born

    ref = start(runner_class=Defining)
    # Only what comes now is collected: all that pytest holds takes half a second a time.
    gc.freeze()
    request.addfinalizer(gc.unfreeze)
    for _ in range(20):
        segments = pack(ref.ask("x", timeout=LIMIT), "it")
        pickled = [bytes(segment) for segment in segments]
        gc.collect()
        barrier = threading.Barrier(4)
        with ThreadPoolExecutor(4) as pool:

            def open_it(pickled=pickled, barrier=barrier):
                barrier.wait(LIMIT)
                (born, _), kind = unpack(pickled)
                return kind, type(born), born.shout()

            found = {future.result(LIMIT) for future in [pool.submit(open_it) for _ in range(4)]}
        kinds = {kind for answer in found for kind in answer[:2]}
        assert len(kinds) == 1
        assert {answer[2] for answer in found} == {"x!"}


def test_module_that_is_registered_with_cloudpickle_is_sent_by_value(start, tmp_path, monkeypatch):
    """For one that the runner's process cannot import."""
    (tmp_path / "not_installed.py").write_text(
        "import actors\n"
        "class Note: pass\n"
        "class Telling(actors.Runner):\n"
        "    def on_receive(self, message):\n"
        "        return isinstance(message, Note), message\n"
    )
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        module = importlib.import_module("not_installed")
    cloudpickle.register_pickle_by_value(module)
    try:
        known, note = start(runner_class=module.Telling).ask(module.Note(), timeout=LIMIT)
    finally:
        del sys.modules["not_installed"]
        cloudpickle.unregister_pickle_by_value(module)
        _main_module.look_again()
    assert known
    assert type(note) is module.Note


def test_what_cannot_be_sent_is_named_before_anything_is_started(supervisor):
    """The field of the spec, and the path to it."""
    lock = threading.Lock()

    class Locking(actors.Runner):
        def on_receive(self, message):
            with lock:
                return message

    problem = r" is a _thread.lock \(TypeError: cannot pickle '_thread.lock' object\)$"
    for spec, path in [
        (actors.RunnerSpec("x", Locking), r"runner_class: .*: \.on_receive > variable 'lock'"),
        (actors.RunnerSpec("x", Echo, args=("a", [lock])), r"args: .*: \[1\]\[0\]"),
        (actors.RunnerSpec("x", Echo, kwargs={"b": lock}), r"kwargs: .*: \['b'\]"),
    ]:
        with pytest.raises(actors.SpecError, match=path + problem) as caught:
            supervisor.start_runner(spec).get(timeout=LIMIT)
        assert caught.value.field == path.partition(":")[0]
    assert supervisor.runners().get(timeout=LIMIT) == ()


def test_message_and_answer_that_cannot_be_sent_are_named(start):
    """To whoever sent the message, and to whoever asked for the answer."""

    class Answering(actors.Runner):
        def on_receive(self, message):
            return {"lock": threading.Lock()}

    ref = start(runner_class=Answering)
    with pytest.raises(actors.UnsendableError, match=r"^message to 'echo' .*: \['a'\] is a _thr"):
        ref.ask({"a": threading.Lock()}, timeout=LIMIT)
    with pytest.raises(actors.UnsendableError, match=r"^the answer of .*: \['lock'\] is a _thr"):
        ref.ask("answer", timeout=LIMIT)
    assert ref.is_alive()
