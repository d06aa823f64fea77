"""The parent's side of an inbox: each task is in one place, and ends once."""

import contextlib
import threading

import pykka
import pytest
from pykka import messages
from pykka._envelope import Envelope

from actors._frames import (
    Acknowledged,
    CancelTask,
    Chunk,
    Credit,
    Reply,
    ReplyError,
    Request,
    Started,
    StreamClosed,
    StreamOpened,
)
from actors._future import RunnerFuture
from actors._inbox import RunnerInbox
from actors._payload import pack, unpack
from actors._task import Task
from actors.errors import (
    FrameTooLargeError,
    RunnerUnavailableError,
    TaskCancelledError,
    UnsendableError,
)
from actors.messages import ChunkGenerated, LostTask, TaskAcknowledged, TaskStatus
from actors.messages import TaskStatusUpdated as Updated
from actors.termination import RunnerTerminationError


class World:
    """A port that keeps what is posted, and everything else an inbox talks to."""

    def __init__(self, **options):
        self.posted, self.stops, self.soon, self.events = [], [], [], []
        self.attended, self.received, self.listeners = 0, [], {object}
        self.room, self.limits, self.released = True, [], 0
        self.interrupted = False
        options = {"limit": 1000, "max_waiting": 3, **options}
        self.inbox = RunnerInbox(
            "r",
            on_stop=self.stops.append,
            call_soon=self.soon.append,
            publish=self.events.append,
            wanted=lambda *kinds: any(issubclass(kind, tuple(self.listeners)) for kind in kinds),
            show=lambda _: None,
            **options,
        )

    def post(self, message, payload=(), *, borrowed=False):
        """Take a frame, as a port does."""
        self.posted.append((message, unpack(payload) if payload else None))

    def release(self):
        """Take note that the sender wants his memory back."""
        self.released += 1

    def occupied(self):
        """Say what the test wants, as a port does that a signal's handler has interrupted."""
        return self.interrupted

    def has_room(self, limit):
        """Say what the test wants, as a port does whose runner reads or does not."""
        self.limits.append(limit)
        return self.room

    def attend(self):
        """Take note that others wait, as a port does."""
        self.attended += 1

    def receive_until(self, done, deadline, others):
        """Receive what is to come, as a port does in the asker's thread."""
        while self.received and not done():
            self.receive(*self.received.pop(0))

    def ask(self, message="?"):
        """Ask as a ref does."""
        future = RunnerFuture()
        self.inbox.put(Envelope(message, reply_to=future))
        return future

    def tell(self, message="!"):
        """Tell as a ref does."""
        self.inbox.put(Envelope(message))

    def receive(self, message, *payload):
        """Receive a frame from the runner."""
        return self.inbox.received(message, pack(payload[0], "it") if payload else ())


@pytest.fixture
def world():
    """Give an inbox whose runner is up."""
    world = World()
    world.inbox.attach(world, lambda _: None)
    return world


class DownError(Exception):
    """What a refused message is answered with."""


def test_large_message_whose_sending_was_interrupted_is_taken_back(world):
    """The sender has no future of it."""

    def interrupt():
        raise KeyboardInterrupt

    world.inbox._limit = 1 << 20
    world.release = interrupt
    with pytest.raises(KeyboardInterrupt):
        world.ask(memoryview(bytes(100_000)))
    assert [message for message, _ in world.posted] == [Request(1, True), CancelTask(1)]
    assert world.inbox.owed_since() is None


@pytest.fixture
def interrupted(world):
    """Give an inbox in the hands of a signal's handler that has interrupted what sends to it."""
    world.inbox._limit = 1 << 20
    world.interrupted = True
    return world


def go_on(world):
    """Return from the handler, and let the reactor make its calls."""
    world.interrupted = False
    for call in world.soon:
        call()


def test_what_a_handler_says_that_has_interrupted_the_sender_goes_after_that(interrupted):
    """Another thread may have the lock that it needs, and wait for the sender."""
    data = bytearray(b"before" * 20_000)
    interrupted.tell("told")
    future = interrupted.ask(data)
    data[:] = b"after." * 20_000
    assert interrupted.posted == []
    go_on(interrupted)
    assert interrupted.posted == [
        (Request(0, True), "told"),
        (Request(1, True), bytearray(b"before" * 20_000)),
    ]
    interrupted.receive(Reply(1), "the answer")
    assert future.get(timeout=0) == "the answer"


def test_what_cannot_be_sent_then_is_logged_or_its_asker_told(interrupted, caplog):
    """As for anybody else, but that nobody can be raised to."""
    interrupted.tell("told")
    future = interrupted.ask("asked")
    interrupted.inbox.refuse(DownError)
    go_on(interrupted)
    assert interrupted.posted == []
    with pytest.raises(DownError):
        future.get(timeout=0)
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.message.startswith("message to 'r' is lost, which a signal's handler has told")


def test_such_a_handler_stops_and_gives_up_after_that_too(world):
    """And grants what its readers have taken."""
    asked = world.ask("asked")
    task = asked.bond
    world.interrupted = True
    world.inbox.put(Envelope(messages._ActorStop(), reply_to="the stop's future"))
    world.inbox.grant(task, 5)
    world.inbox.cancel(task)
    assert (world.stops, len(world.posted)) == ([], 1)
    go_on(world)
    assert world.stops == ["the stop's future"]
    assert [message for message, _ in world.posted[1:]] == [Credit(1, 5), CancelTask(1)]


def test_message_waits_as_it_was_when_it_was_sent():
    """Its sender may use his memory again at once."""
    world = World(limit=1 << 20)
    data = bytearray(b"before" * 20_000)
    world.tell(data)
    data[:] = b"after." * 20_000
    world.inbox.attach(world, lambda _: None)
    assert world.posted == [(Request(0, True), bytearray(b"before" * 20_000))]


def test_messages_wait_until_the_runner_is_up_and_go_in_order():
    """Asks are numbered, tells are task 0."""
    world = World()
    world.ask("a")
    world.tell("b")
    world.ask("c")
    assert world.posted == []
    assert not world.inbox.empty()
    world.inbox.attach(world, lambda _: None)
    world.tell("d")
    expected = [
        (Request(1, observed=True), "a"),
        (Request(0, observed=True), "b"),
        (Request(2, observed=True), "c"),
        (Request(0, observed=True), "d"),
    ]
    assert world.posted == expected
    assert world.inbox.empty()


def test_more_than_the_limit_do_not_wait():
    """The sender is told, and nothing is lost."""
    world = World()
    for n in range(3):
        world.ask(n)
    with pytest.raises(RunnerUnavailableError, match="3 messages wait for it"):
        world.tell("one too many")
    world.inbox.attach(world, lambda _: None)
    world.tell("welcome again")
    assert len(world.posted) == 4


def test_held_messages_wait_and_the_tasks_in_flight_go_on(world):
    """As before a restart that somebody asked for."""
    first = world.ask("first")
    world.inbox.hold()
    second = world.ask("second")
    assert [message for _, message in world.posted] == ["first"]
    world.receive(Reply(1), "answer")
    assert first.get(timeout=0) == "answer"
    world.inbox.detach()
    world.inbox.attach(world, lambda _: None)
    assert [message for _, message in world.posted] == ["first"], "it came up while being stopped"
    world.inbox.expect()
    world.inbox.attach(world, lambda _: None)
    assert [message for _, message in world.posted] == ["first", "second"]
    with pytest.raises(pykka.Timeout):
        second.get(timeout=0)


def test_refused_messages_are_answered_with_an_error_of_their_own(world):
    """Waiting ones too; those in flight go on; a `tell` raises."""
    flying = world.ask("flying")
    world.inbox.hold()
    waiting = world.ask("waiting")
    world.inbox.fail(world.inbox.refuse(DownError).tasks, DownError)
    errors = []
    for future in (waiting, world.ask("late"), world.ask("later")):
        with pytest.raises(DownError) as caught:
            future.get(timeout=0)
        errors.append(caught.value)
    assert len(set(map(id, errors))) == 3
    with pytest.raises(DownError):
        world.tell()
    world.receive(Reply(1), "answer")
    assert flying.get(timeout=0) == "answer"


def test_reopened_inbox_takes_messages_again(world):
    """After a start on request."""
    world.inbox.refuse(DownError)
    world.inbox.reopen()
    world.tell("again")
    assert world.posted == [(Request(0, observed=True), "again")]


def test_detached_tasks_are_ended_by_whoever_took_them(world):
    """A late answer finds nothing to end, and messages wait from then on."""
    future = world.ask("x")
    world.receive(Acknowledged(1))
    detached = world.inbox.detach(begun=1)
    assert detached.lost == (LostTask(1, "str", acknowledged=True),)
    world.inbox.fail(detached.tasks, DownError)
    world.receive(Reply(1), "too late")
    with pytest.raises(DownError):
        future.get(timeout=0)
    assert world.inbox.detach().tasks == ()
    world.ask("waits")
    assert len(world.posted) == 1


def test_each_task_ends_exactly_once_however_answers_and_detach_race():
    """Whoever takes a task out of the table ends it."""
    world = World(max_waiting=10_000)
    world.inbox.attach(world, lambda _: None)
    futures = [world.ask(n) for n in range(2000)]
    begin = threading.Barrier(2)
    detached = []

    def detach():
        begin.wait()
        detached.extend(world.inbox.detach().tasks)

    thread = threading.Thread(target=detach)
    thread.start()
    begin.wait()
    for n in range(len(futures)):
        world.receive(Reply(n + 1), n)
    thread.join()
    world.inbox.fail(detached, DownError)
    ends = [event for event in world.events if event.status is TaskStatus.COMPLETE]
    assert len(ends) + len(detached) == len(futures)
    for n, future in enumerate(futures):
        with contextlib.suppress(DownError):
            assert future.get(timeout=0) == n


def test_events_of_a_task_are_published_in_order(world):
    """Acknowledged, running, complete."""
    world.ask("x")
    world.receive(Acknowledged(1))
    world.receive(Reply(1), "y")
    world.receive(Reply(1), "y")
    assert world.events == [
        TaskAcknowledged("r", 1),
        Updated("r", 1, TaskStatus.RUNNING),
        Updated("r", 1, TaskStatus.COMPLETE),
    ]


def test_runner_that_does_not_read_is_not_sent_to_for_ever(world):
    """What waits for it is the sender's memory; what was sent before stays in flight."""
    first = world.ask("a")
    world.room = False
    with pytest.raises(RunnerUnavailableError, match="runner 'r' does not read"):
        world.ask("b")
    with pytest.raises(RunnerUnavailableError):
        world.tell("c")
    assert [message for _, message in world.posted] == ["a"]
    world.room = True
    world.tell("d")
    assert [message for _, message in world.posted] == ["a", "d"]
    assert world.limits == [64 << 20] * 4
    world.receive(Reply(1), "yes")
    assert first.get(timeout=0) == "yes"


def test_a_large_frame_may_wait_as_well_as_be_sent():
    """A limit for frames says how much its user wants to spend."""
    world = World(limit=1 << 30)
    world.inbox.attach(world, lambda _: None)
    world.tell("a")
    assert world.limits == [1 << 30]


def test_task_that_was_given_up_ends_with_its_incarnation(world):
    """Nobody is failed by it any more, and whoever counts tasks hears of its end."""
    given_up, other = world.ask("x"), world.ask("y")
    given_up.cancel()
    assert [task.id for task in world.inbox.detach(begun=2).tasks] == [2]
    assert world.events == [Updated("r", 1, TaskStatus.CANCELLED)]
    assert not other.done()


def test_exception_of_the_handler_is_raised_to_the_asker(world):
    """And the task has failed."""
    future = world.ask("x")
    error = LookupError("no")
    world.receive(ReplyError(1, RunnerTerminationError.from_exception(error)), error)
    with pytest.raises(LookupError, match="no"):
        future.get(timeout=0)
    assert world.events == [Updated("r", 1, TaskStatus.FAILED)]


def test_stream_gives_chunks_and_grants_credit_as_they_are_taken(world):
    """Half a window at a time."""
    future = world.ask("x")
    world.receive(StreamOpened(1))
    stream = future.get(timeout=0)
    for n in range(200):
        world.receive(Chunk(1, n), n)
    world.receive(StreamClosed(1))
    assert list(stream) == list(range(200))
    assert world.events.count(ChunkGenerated("r", 1, 199)) == 1
    assert world.events[-1] == Updated("r", 1, TaskStatus.COMPLETE)
    assert (Credit(1, 128), None) not in world.posted  # the task had ended by then


def test_reader_of_a_running_stream_grants_credit(world):
    """The runner may go on."""
    future = world.ask("x")
    world.receive(StreamOpened(1))
    stream = future.get(timeout=0)
    for n in range(128):
        world.receive(Chunk(1, n), n)
        next(stream)
    assert world.posted[-1] == (Credit(1, 128), None)


def test_dropped_stream_cancels_its_task_soon(world):
    """Not in the destructor, which may run anywhere."""
    future = world.ask("x")
    world.receive(StreamOpened(1))
    del future
    (call,) = world.soon
    assert len(world.posted) == 1
    call()
    assert world.posted[-1] == (CancelTask(1), None)
    world.receive(StreamClosed(1, cancelled=True))
    assert world.events == [Updated("r", 1, TaskStatus.CANCELLED)]


def test_stream_of_a_lost_task_raises_after_its_chunks(world):
    """And the failure lists how many had come."""
    future = world.ask("x")
    world.receive(StreamOpened(1))
    world.receive(Chunk(1, 0), "a")
    stream = future.get(timeout=0)
    detached = world.inbox.detach()
    assert detached.lost[0].chunks == 1
    world.inbox.fail(detached.tasks, DownError)
    assert next(stream) == "a"
    with pytest.raises(DownError):
        next(stream)


@pytest.mark.parametrize(
    "frames",
    [[StreamClosed(1)], [StreamOpened(1), StreamOpened(1)], [Started()]],
    ids=["end of no stream", "stream opened twice", "no task's"],
)
def test_frame_out_of_turn_is_not_taken(world, frames):
    """It is the port's to end such a runner; the asker is answered by that end."""
    future = world.ask("x")
    assert [world.receive(frame) for frame in frames] == [True] * (len(frames) - 1) + [False]
    world.inbox.fail(world.inbox.detach().tasks, DownError)
    if len(frames) == 1:
        with pytest.raises(DownError):
            future.get(timeout=0)


@pytest.mark.parametrize(
    "frame",
    [Acknowledged(7), Chunk(7, 0), Reply(7), StreamOpened(7), StreamClosed(7)],
    ids=lambda frame: type(frame).__name__,
)
def test_frame_of_a_task_that_has_ended_is_dropped(world, frame):
    """The end and the frame had crossed; that is nothing to end a runner for."""
    assert world.receive(frame)
    assert world.events == []


def test_future_that_its_owner_has_set_hurts_nobody(world):
    """`queue.Full` of one asker must not reach the one who answers all."""
    by_reply, by_stream, by_failure = world.ask(), world.ask(), world.ask()
    for future in (by_reply, by_stream, by_failure):
        future.set("of myself")
    world.receive(Reply(1), "y")
    world.receive(StreamOpened(2))
    world.inbox.fail(world.inbox.detach().tasks, DownError)
    assert pykka.get_all([by_reply, by_stream, by_failure]) == ["of myself"] * 3


def test_stop_goes_to_the_supervisor(world):
    """With the future of whoever waits."""
    future = RunnerFuture()
    world.inbox.put(Envelope(messages._ActorStop(), reply_to=future))
    world.inbox.put(Envelope(messages._ActorStop()))
    assert world.stops == [future, None]


def test_message_that_cannot_be_sent_is_an_error_of_the_sender(world):
    """Nothing is registered and nothing sent."""
    with pytest.raises(UnsendableError):
        world.ask(threading.Lock())
    with pytest.raises(FrameTooLargeError):
        world.ask("x" * 1001)
    assert world.posted == []
    assert world.inbox.owed_since() is None


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("text", "str"),
        (messages.ProxyCall(("model", "generate"), (), {}), "model.generate"),
        (messages.ProxyGetAttr(("model",)), "model"),
        (LostTask(1, "x"), "actors.messages.LostTask"),
    ],
)
def test_lost_task_says_what_it_was(world, message, kind):
    """The class of the message, or the attribute of a proxy's call."""
    world.ask(message)
    assert world.inbox.detach().lost[0].message_type == kind


def test_messages_are_taken_in_the_runners_process_only(world):
    """Pykka's other half of an inbox is there."""
    with pytest.raises(TypeError, match="own process"):
        world.inbox.get()


def test_tasks_that_the_runner_had_taken_up_are_told_from_the_others(world):
    """By what is left of the runner; they come in the order of their ids."""
    for _ in range(3):
        world.ask()
    lost = world.inbox.detach(begun=2).lost
    assert [(task.task_id, task.acknowledged) for task in lost] == [
        (1, True),
        (2, True),
        (3, False),
    ]


def test_runner_is_asked_to_report_only_what_somebody_listens_to(world):
    """A report costs as much as an answer."""
    world.listeners = set()
    world.ask()
    world.listeners = {TaskAcknowledged}
    world.ask()
    assert [message.observed for message, _ in world.posted] == [False, True]
    world.receive(Reply(1), "x")
    assert world.events == []
    world.receive(Acknowledged(2))
    world.receive(Reply(2), "x")
    assert world.events == [TaskAcknowledged("r", 2)]


def test_asker_receives_its_answer_and_everybody_elses(world):
    """In its own thread."""
    futures = [world.ask() for _ in range(3)]
    world.received = [(Reply(2), "b"), (Reply(3), "c"), (Reply(1), "a")]
    assert futures[2].get(timeout=0) == "c"
    assert world.received == [(Reply(1), "a")]
    assert futures[1].get(timeout=0) == "b"
    assert futures[0].get(timeout=0) == "a"
    assert world.inbox.owed_since() is None


def test_reader_receives_its_chunks(world):
    """As an asker its answer."""
    future = world.ask()
    world.received = [
        (StreamOpened(1),),
        (Chunk(1, 0), "a"),
        (Chunk(1, 1), "b"),
        (StreamClosed(1),),
    ]
    stream = future.get(timeout=0)
    assert len(world.received) == 3
    assert next(stream) == "a"
    assert len(world.received) == 2
    assert list(stream) == ["b"]


def test_port_attends_when_more_than_one_is_waited_for(world):
    """One asker would receive for itself."""
    world.tell()
    world.ask()
    assert world.attended == 0
    world.ask()
    assert world.attended == 1


def test_cancelled_task_is_taken_back_or_the_runner_told(world):
    """It is not lost when the runner is, and no answer of it is waited for."""
    flying = world.ask("flying")
    assert flying.cancel()
    assert world.posted[-1] == (CancelTask(1), None)
    world.inbox.hold()
    waiting = world.ask("waiting")
    assert waiting.cancel()
    assert world.inbox.empty()
    world.receive(StreamClosed(1, cancelled=True))
    assert world.events == [
        Updated("r", 2, TaskStatus.CANCELLED),
        Updated("r", 1, TaskStatus.CANCELLED),
    ]
    assert world.inbox.detach().tasks == ()
    assert len(world.posted) == 2


def test_cancelled_task_in_flight_is_nobodys_loss(world):
    """And an answer that had crossed with it is dropped."""
    future = world.ask()
    future.cancel()
    world.receive(Reply(1), "too late")
    with pytest.raises(TaskCancelledError):
        future.get(timeout=0)
    assert world.events == [Updated("r", 1, TaskStatus.CANCELLED)]
    other = world.ask()
    other.cancel()
    assert world.inbox.detach().tasks == ()


def test_frame_may_be_delivered_twice(world):
    """A signal's handler may have interrupted the first time, at its very end."""
    answered, streamed, failed = (world.ask() for _ in range(3))
    error = LookupError("no")
    frames = [
        (Reply(1), "answer"),
        (StreamOpened(2),),
        (Chunk(2, 0), "a"),
        (Chunk(2, 1), "b"),
        (StreamClosed(2),),
        (ReplyError(3, RunnerTerminationError.from_exception(error)), error),
    ]
    for frame in frames:
        assert world.receive(*frame)
        assert world.receive(*frame)
    assert answered.get(timeout=0) == "answer"
    assert list(streamed.get(timeout=0)) == ["a", "b"]
    with pytest.raises(LookupError):
        failed.get(timeout=0)
    ends = [event.task_id for event in world.events if isinstance(event, Updated)]
    assert ends == [1, 2, 3]


class AnsweredWhileLookedAt(Task):
    """A task that another thread answers whenever somebody looks at it."""

    __slots__ = ()

    @property
    def cancelled(self):
        """Be answered first."""
        self.table.received(Reply(self.id), pack("answer", "it"))
        return False

    @cancelled.setter
    def cancelled(self, value):
        """Ignore it."""

    @property
    def owed_since(self):
        """Be answered first."""
        return float(self.cancelled)

    @owed_since.setter
    def owed_since(self, value):
        """Ignore it."""

    def answer(self, payload, error):
        """Drop it."""


@pytest.mark.parametrize("look", ["awaited", "owed_since", "detach"])
def test_answers_may_come_while_somebody_looks_at_what_is_in_flight(world, look):
    """Those who receive do not wait for those who look."""
    world.inbox.attach(world, lambda _: None)
    for _ in range(3):
        world.inbox.forward(
            pack("?", "it"),
            lambda table, task_id: AnsweredWhileLookedAt(table, task_id, str, pack("?", "it")),
            answered=True,
        )
    getattr(world.inbox, look)()
    assert world.inbox.awaited() == ()
