"""The diagnostic actor and its inbox."""

import threading

import pykka
import pytest
from pykka._envelope import Envelope

from diagnostics._inbox import BudgetedInbox
from diagnostics.actor import MAX_SOURCES, DiagnosticActor
from diagnostics.actor_messages import (
    DiagnosisMade,
    DiagnosisRequested,
    FatalFindingSeen,
    Forget,
    OutputLost,
    OutputReceived,
    Watch,
)
from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.diagnosis import Ending

FATAL = b"[ring] Too many send/recv errors. Aborting...\n"


class Listener(pykka.ThreadingActor):
    """An actor that hands on what it is told."""

    use_daemon_thread = True

    def __init__(self, take):
        super().__init__()
        self.take = take

    def on_receive(self, message):
        self.take(message)


class Recorder:
    """Keep what an actor is told and let a test wait for it."""

    def __init__(self):
        self.messages = []
        self.changed = threading.Condition()
        self.ref = Listener.start(self.take)

    def take(self, message):
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()

    def told(self, number):
        """Wait until so many messages have come and return them."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.messages) >= number, timeout=30)
            return list(self.messages)


class Gate:
    """A message payload that holds the actor until the test lets it go."""

    def __init__(self):
        self.entered = threading.Event()
        self.opened = threading.Event()

    def __str__(self):
        return "gate"


@pytest.fixture
def actor():
    ref = DiagnosticActor.start()
    yield ref
    ref.stop()


@pytest.fixture
def recorder():
    made = Recorder()
    yield made
    made.ref.stop()


def test_output_then_request_makes_a_diagnosis_with_the_subject(actor, recorder):
    """All output that was sent before the request is in it."""
    for number in range(100):
        actor.tell(OutputReceived("r1", b"line %d\n" % number, 1.0))
    actor.tell(OutputReceived("r1", FATAL, 2.0))
    actor.tell(DiagnosisRequested("r1", Ending(signal=9), {"any": 1}, recorder.ref))
    (answer,) = recorder.told(1)
    assert isinstance(answer, DiagnosisMade)
    assert (answer.source, answer.subject) == ("r1", {"any": 1})
    assert answer.diagnosis.cause.cause == "ring-transport-abort"
    assert answer.diagnosis.total_lines == 101


def test_a_source_is_forgotten_with_its_diagnosis(actor, recorder):
    """Nothing is kept of the dead."""
    actor.tell(OutputReceived("r1", b"x\n", 1.0))
    actor.tell(OutputReceived("r2", b"x\n", 1.0))
    assert actor.proxy().source_count().get() == 2
    actor.tell(DiagnosisRequested("r1", Ending(), None, recorder.ref))
    actor.tell(Forget("r2"))
    actor.tell(Forget("never heard of"))
    assert actor.proxy().source_count().get() == 0


def test_a_request_about_nobody_is_answered(actor, recorder):
    """A process that printed nothing still has an end."""
    actor.tell(DiagnosisRequested("silent", Ending(signal=9), 7, recorder.ref))
    (answer,) = recorder.told(1)
    assert answer.diagnosis.findings == ()
    assert "no output" in answer.diagnosis.problem
    assert actor.proxy().source_count().get() == 0


def test_a_diagnosis_that_fails_is_still_answered(actor, recorder, monkeypatch):
    """The failure must go on without it, and say so."""

    def broken(self, ending):
        raise RuntimeError("bug")

    monkeypatch.setattr(RunnerDiagnosticCollector, "diagnosis", broken)
    actor.tell(OutputReceived("r1", b"x\n", 1.0))
    actor.tell(DiagnosisRequested("r1", Ending(), 7, recorder.ref))
    (answer,) = recorder.told(1)
    assert "RuntimeError('bug')" in answer.diagnosis.problem
    assert answer.subject == 7


@pytest.mark.parametrize("watch_first", [True, False])
def test_the_watcher_is_told_once_of_a_fatal_line(actor, recorder, watch_first):
    """Before or after the line; never again."""
    watch = Watch("r1", recorder.ref, platform="darwin")
    output = OutputReceived("r1", FATAL, 2.0)
    for message in [watch, output] if watch_first else [output, watch]:
        actor.tell(message)
    actor.tell(output)
    actor.tell(DiagnosisRequested("r1", Ending(), None, recorder.ref))
    first, second = recorder.told(2)
    assert isinstance(first, FatalFindingSeen)
    assert first.finding.cause == "ring-transport-abort"
    assert isinstance(second, DiagnosisMade)


def test_the_watch_sets_the_platform(actor, recorder):
    """The numbers are those of the process's system."""
    actor.tell(Watch("r1", None, "darwin"))
    actor.tell(OutputReceived("r1", b"[ring] Receiving from socket 1 failed with errno 35\n", 1.0))
    actor.tell(DiagnosisRequested("r1", Ending(), None, recorder.ref))
    (answer,) = recorder.told(1)
    assert answer.diagnosis.cause.errno_name == "EAGAIN"


def test_a_dead_receiver_is_logged_and_dropped(actor, caplog):
    """The actor goes on."""
    dead = Listener.start(print)
    dead.stop()
    actor.tell(DiagnosisRequested("r1", Ending(), None, dead, expected=True))
    assert actor.proxy().source_count().get() == 0
    assert "its receiver" in caplog.text


@pytest.mark.parametrize("message", ["text", None, DiagnosisRequested("r", None, None, None)])
def test_a_bad_message_does_not_stop_the_actor(actor, message, caplog):
    """It is logged and dropped."""
    actor.tell(message)
    assert actor.proxy().source_count().get() >= 0
    assert actor.is_alive()
    assert caplog.records


def test_an_unhashable_source_is_refused_where_the_message_is_made():
    """The sender learns of it, not another one."""
    with pytest.raises(TypeError, match="unhashable"):
        OutputReceived([], b"", 1.0)


def test_output_that_is_not_bytes_is_refused_where_the_message_is_made():
    """The inbox counts bytes and must not fail in the hands of another sender."""
    with pytest.raises(TypeError, match="data"):
        OutputReceived("r1", "text", 1.0)


def test_the_number_of_sources_is_bounded(monkeypatch, caplog):
    """The one unheard of longest goes."""
    monkeypatch.setattr("diagnostics.actor.MAX_SOURCES", 3)
    assert MAX_SOURCES > 200
    actor = DiagnosticActor.start()
    for source in [1, 2, 3, 1, 4]:
        actor.tell(OutputReceived(source, b"x", 1.0))
    assert actor.proxy().source_count().get() == 3
    actor.stop()
    assert "2, the one unheard of longest" in caplog.text


def test_too_much_output_is_dropped_oldest_first_and_counted(recorder):
    """The diagnosis says how much; other messages are never dropped."""
    gate = Gate()

    class Held(DiagnosticActor):
        def on_receive(self, message):
            if message is gate:
                gate.entered.set()
                assert gate.opened.wait(30)
                return
            super().on_receive(message)

    actor = Held.start(output_budget=1000)
    actor.tell(gate)
    assert gate.entered.wait(30)
    for number in range(100):
        actor.tell(OutputReceived("loud", b"%099d\n" % number, 1.0))
    actor.tell(DiagnosisRequested("loud", Ending(), None, recorder.ref))
    gate.opened.set()
    (answer,) = recorder.told(1)
    actor.stop()
    assert answer.diagnosis.dropped_bytes == 9000
    assert [int(line) for line in answer.diagnosis.tail] == list(range(90, 100))


def test_the_inbox_keeps_one_record_of_loss_for_each_source():
    """Records of loss do not pile up, and the order stays."""
    inbox = BudgetedInbox(budget=10)
    messages = [OutputReceived("a", b"12345", 1.0), "x", OutputReceived("b", b"12345", 1.0), "y"]
    messages += [OutputReceived("a", b"12345", 1.0)] * 2
    messages += [OutputReceived("b", b"67890", 1.0)] * 2
    for message in messages:
        inbox.put(Envelope(message))
    received = []
    while not inbox.empty():
        received.append(inbox.get().message)
    assert received == [OutputLost("a", 15), "x", OutputLost("b", 5), "y", *messages[-2:]]


def test_the_newest_output_stays_even_beyond_the_budget():
    """One chunk is always let through."""
    inbox = BudgetedInbox(budget=10)
    inbox.put(Envelope(OutputReceived("a", b"x" * 100, 1.0)))
    assert len(inbox.get().message.data) == 100
    inbox.put(Envelope(OutputReceived("a", b"y" * 10, 1.0)))
    assert inbox.get().message.data == b"y" * 10


def test_output_that_somebody_asks_about_is_not_dropped(actor):
    """An ask must be answered."""
    assert actor.ask(OutputReceived("a", b"x", 1.0), timeout=30) is None


def test_many_senders_lose_nothing_but_what_is_counted():
    """Bytes received and bytes lost add up to bytes sent."""
    inbox = BudgetedInbox(budget=2000)

    def send(source):
        for _ in range(500):
            inbox.put(Envelope(OutputReceived(source, b"z" * 10, 1.0)))

    threads = [threading.Thread(target=send, args=(source,)) for source in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = 0
    while not inbox.empty():
        message = inbox.get().message
        total += message.n_bytes if isinstance(message, OutputLost) else len(message.data)
    assert total == 4 * 500 * 10
