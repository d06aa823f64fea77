"""`Runner.start()`: Pykka's semantics, for fast tests of a user's runner."""

import gc
import threading

import pykka
import pytest
from faulty import Echo, Lifecycle

import actors
from actors._closing_inbox import ClosingInbox

LIMIT = 30


class Noting(Echo):
    """Notes its hooks, and can be held up."""

    def __init__(self):
        super().__init__()
        self.notes, self.entered, self.gate = [], threading.Event(), threading.Event()

    def on_start(self):
        self.notes.append("on_start")

    def connect(self):
        self.notes.append("connect")

    def load(self):
        self.notes.append("load")
        yield actors.Progress(1, 1)
        self.notes.append("loaded")

    def warm_up(self):
        self.notes.append("warm_up")

    def on_stop(self):
        self.notes.append("on_stop")

    def on_failure(self, exception_type, exception_value, traceback):
        self.notes.append(exception_type.__name__)

    def hold_up(self):
        self.entered.set()
        assert self.gate.wait(LIMIT)

    def hold_up_and_leave(self):
        self.hold_up()
        raise SystemExit(3)

    def count_and_leave(self, number):
        yield from range(number)
        raise SystemExit(3)

    def notes_so_far(self):
        return list(self.notes)


class LeavesLate(Noting):
    """Leaves in its last hook."""

    def on_stop(self):
        super().on_stop()
        raise SystemExit


@pytest.fixture
def ref():
    """Give a runner in a thread."""
    ref = Noting.start()
    yield ref
    ref.stop()


def actor_of(ref):
    """Return the actor itself, whose attributes outlive its thread."""
    return ref._actor_weakref()


def hold_up(ref, method="hold_up"):
    """Make a runner busy. Return its actor and the future."""
    actor = actor_of(ref)
    future = getattr(ref.proxy(), method)()
    assert actor.entered.wait(LIMIT)
    return actor, future


def test_hooks_are_called_in_order_before_the_first_message(ref):
    """In the actor's thread, as `on_start` is."""
    assert ref.proxy().notes_so_far().get() == ["on_start", "connect", "load", "loaded", "warm_up"]


def test_ask_tell_and_proxy_work_as_in_pykka(ref):
    """Exceptions go to the asker, and the runner lives on."""
    assert ref.ask("x") == "x"
    ref.tell("y")
    assert ref.proxy().add(1, 2).get() == 3
    with pytest.raises(ValueError, match="as told"):
        ref.proxy().fail().get()
    assert ref.ask("alive") == "alive"


def test_handler_that_yields_answers_with_a_stream(ref):
    """More chunks than the window; then the runner is free."""
    assert list(ref.proxy().count(1000).get()) == list(range(1000))
    stream = ref.proxy().count_and_fail(1).get()
    assert next(stream) == 0
    with pytest.raises(LookupError):
        next(stream)
    with ref.proxy().endless().get() as stream:
        assert next(stream) == 0
    assert ref.ask("free", timeout=LIMIT) == "free"


def test_stream_that_is_dropped_sets_the_runner_free(ref):
    """By the destructor."""
    stream = ref.proxy().endless().get()
    assert next(stream) == 0
    del stream
    gc.collect()
    assert ref.ask("free", timeout=LIMIT) == "free"


def test_generator_under_tell_is_run_to_its_end(ref, tmp_path):
    """Nobody reads its chunks."""
    ref.proxy().count.defer(10)
    assert ref.ask("free", timeout=LIMIT) == "free"


def test_failure_under_tell_ends_the_runner_and_calls_on_failure():
    """As in Pykka."""
    ref = Noting.start()
    actor = actor_of(ref)
    ref.proxy().fail.defer()
    assert ref.actor_stopped.wait(LIMIT)
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("anybody?", timeout=LIMIT)
    assert actor.notes[-1] == "ValueError"


@pytest.mark.parametrize("method", ["leave", "interrupt"])
def test_system_exit_and_keyboard_interrupt_end_this_actor_only(ref, method):
    """The asker is answered, and no other actor is stopped (Pykka stops them all)."""
    other = Noting.start()
    actor = actor_of(other)
    with pytest.raises(pykka.ActorDeadError, match="ended by"):
        getattr(other.proxy(), method)().get(timeout=LIMIT)
    assert other.actor_stopped.wait(LIMIT)
    assert actor.notes[-1] == "on_stop"
    assert ref.ask("alive") == "alive"


def test_system_exit_in_a_stream_ends_the_stream():
    """After its chunks; its reader is not left waiting."""
    stream = Noting.start().proxy().count_and_leave(2).get(timeout=LIMIT)
    assert [next(stream), next(stream)] == [0, 1]
    with pytest.raises(pykka.ActorDeadError, match="SystemExit"):
        next(stream)


def test_stop_is_answered_when_on_stop_leaves_by_itself():
    """And `on_stop` is called once."""
    ref = LeavesLate.start()
    actor = actor_of(ref)
    assert ref.stop(timeout=LIMIT) is True
    assert actor.notes.count("on_stop") == 1


def test_messages_left_in_the_inbox_are_answered():
    """Asks as lost, stops as done."""
    ref = Noting.start()
    actor, _ = hold_up(ref)
    ref.stop(block=False)
    late = ref.ask("late", block=False)
    second_stop = ref.stop(block=False)
    actor.gate.set()
    with pytest.raises(pykka.ActorDeadError):
        late.get(timeout=LIMIT)
    assert second_stop.get(timeout=LIMIT) is True
    assert ref.stop() is False


def test_messages_left_behind_by_a_system_exit_are_answered():
    """As lost."""
    ref = Noting.start()
    actor, first = hold_up(ref, "hold_up_and_leave")
    late = ref.ask("late", block=False)
    actor.gate.set()
    for future in (first, late):
        with pytest.raises(pykka.ActorDeadError):
            future.get(timeout=LIMIT)


def test_ask_that_was_overtaken_by_the_end_is_answered():
    """
    It had found the actor alive before that ended (an ask in Pykka hangs for ever).

    Told by hand: the envelope is put when everything is over.
    """
    ref = Noting.start()
    ref.stop()
    late, stop = pykka.ThreadingFuture(), pykka.ThreadingFuture()
    # The thread closes the inbox after it has answered the stop.
    for thread in threading.enumerate():
        if thread.name.startswith("Noting-"):
            thread.join(LIMIT)
    ref.actor_inbox.put(pykka._envelope.Envelope("late", reply_to=late))
    ref.actor_inbox.put(pykka._envelope.Envelope(pykka.messages._ActorStop(), reply_to=stop))
    ref.actor_inbox.put(pykka._envelope.Envelope("nobody waits"))
    with pytest.raises(pykka.ActorDeadError):
        late.get(timeout=LIMIT)
    assert stop.get(timeout=LIMIT) is None


def test_start_raises_what_on_start_raised():
    """As it raises what the constructor raised; nothing of the runner is left."""
    with pytest.raises(RuntimeError, match="cannot on_start"):
        Lifecycle.start("on_start")
    assert pykka.ActorRegistry.get_by_class(Lifecycle) == []


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_runner_that_leaves_in_on_start_does_not_end_who_starts_it(error):
    """The start fails like any other."""

    class LeavesEarly(Echo):
        def on_start(self):
            raise error

    with pytest.raises(pykka.ActorDeadError, match=type(error).__name__) as caught:
        LeavesEarly.start()
    assert caught.value.__cause__ is error


def test_message_that_came_before_a_failed_start_is_answered():
    """By the time that the start fails."""
    asked = []

    class TellsOthers(Echo):
        def on_start(self):
            asked.append(self.actor_ref.ask("anybody?", block=False))
            raise LookupError("cannot start")

    with pytest.raises(LookupError):
        TellsOthers.start()
    with pytest.raises(pykka.ActorDeadError):
        asked[0].get(timeout=0)


@pytest.mark.parametrize("where", ["connect", "load", "warm_up"])
def test_hook_that_raises_ends_the_runner_and_answers_who_waits(where):
    """Nobody is left waiting."""
    ref = Lifecycle.start(where)
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("anybody?", timeout=LIMIT)


def test_runner_that_waits_for_somebody_runs_as_usual(ref):
    """There is nobody to report it to."""
    actor = actor_of(ref)
    with pytest.raises(LookupError), actor.waiting_for("rank 7"):
        raise LookupError("from inside")
    with actor.waiting_for("rank 7"):
        assert ref.ask("goes on", timeout=LIMIT) == "goes on"


def test_closing_inbox_keeps_the_order_and_refuses_everything_after():
    """What was waiting first."""
    inbox, refused = ClosingInbox(), []
    for n in range(3):
        inbox.put(n)
    assert inbox.get() == 0
    inbox.close(refused.append)
    inbox.put(3)
    assert refused == [1, 2, 3]
    assert inbox.empty()
