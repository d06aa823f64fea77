"""What is published of a task: that it is taken up, its chunks, and its one end."""

import signal

import pykka
import pytest
from patient import Patient

import actors

LIMIT = 60.0
"""Seconds, met only in a deadlock."""

EVENTS = (actors.TaskAcknowledged, actors.TaskStatusUpdated, actors.ChunkGenerated)


class Worker(Patient):
    """Also computes, fails and streams."""

    def add(self, left, right):
        return left + right

    def fail(self):
        raise LookupError("as told")

    def letters(self):
        yield from "abc"

    def die(self, begun, latch):
        self.hold(begun, latch)
        signal.raise_signal(signal.SIGKILL)


@pytest.fixture
def told(supervisor, start, recorder):
    """Give a function that returns what was published of the runner, once all of it is."""
    supervisor.subscribe(recorder, *EVENTS).get(timeout=LIMIT)
    other = start("other")

    def told():
        # What the supervisor has to say, it says before it answers; then comes the other's answer.
        supervisor.runners().get(timeout=LIMIT)
        other.ask("the end", timeout=LIMIT)
        recorder.wait_for(lambda event: event.runner_id == "other" and _is_end(event))
        return [event for event in recorder.events() if event.runner_id == "worker"]

    return told


@pytest.fixture
def worker(start):
    """Give a function that starts a runner and returns its proxy."""
    return lambda **options: start("worker", runner_class=Worker, **options).proxy()


def _is_end(event):
    return (
        isinstance(event, actors.TaskStatusUpdated)
        and event.status is not actors.TaskStatus.RUNNING
    )


def _updated(status, task_id=1):
    return actors.TaskStatusUpdated("worker", task_id, actors.TaskStatus(status))


TAKEN_UP = [actors.TaskAcknowledged("worker", 1), _updated("running")]


@pytest.mark.parametrize(("method", "end"), [("add", "complete"), ("fail", "failed")])
def test_answered_task(worker, told, method, end):
    """With a value or with an exception."""
    future = getattr(worker(), method)(*((1, 2) if method == "add" else ()))
    if end == "complete":
        assert future.get(timeout=LIMIT) == 3
    else:
        with pytest.raises(LookupError):
            future.get(timeout=LIMIT)
    assert told() == [*TAKEN_UP, _updated(end)]


def test_streamed_task(worker, told):
    """Each chunk has its number, and the order is that of the runner."""
    assert list(worker().letters().get(timeout=LIMIT)) == ["a", "b", "c"]
    chunks = [actors.ChunkGenerated("worker", 1, sequence) for sequence in range(3)]
    assert told() == [*TAKEN_UP, *chunks, _updated("complete")]


def test_told_message_is_no_task(worker, told):
    """Nobody waits for its end."""
    proxy = worker()
    proxy.add.defer(1, 2)
    assert proxy.add(3, 4).get(timeout=LIMIT) == 7
    assert told() == [*TAKEN_UP, _updated("complete")]


def test_cancelled_task(worker, told, fifo):
    """Once the runner has noticed it."""
    proxy = worker()
    future = proxy.compute(fifo.path)
    assert fifo.read() == "begun"
    assert future.cancel()
    assert proxy.add(1, 2).get(timeout=LIMIT) == 3
    assert told()[:3] == [*TAKEN_UP, _updated("cancelled")]


def test_cancelled_task_that_was_not_taken_up(worker, told, fifo, latch):
    """It has an end and nothing else."""
    proxy = worker()
    held, waiting = proxy.hold(fifo.path, latch.path), proxy.add(1, 2)
    assert fifo.read() == "begun"
    assert waiting.cancel()
    latch.write()
    assert held.get(timeout=LIMIT) == "held"
    assert proxy.add(1, 2).get(timeout=LIMIT) == 3
    assert [event for event in told() if event.task_id == 2] == [_updated("cancelled", 2)]


def test_task_beyond_its_deadline(worker, told, fifo):
    """It has failed, though the runner is told as by a cancellation."""
    proxy = worker(task_timeout=0.5)
    future = proxy.compute(fifo.path)
    assert fifo.read() == "begun"
    with pytest.raises(actors.TaskTimedOutError):
        future.get(timeout=LIMIT)
    assert fifo.read() == "noticed"
    assert proxy.add(1, 2).get(timeout=LIMIT) == 3
    assert told()[:3] == [*TAKEN_UP, _updated("failed")]


@pytest.mark.parametrize("given_up", [False, True])
def test_task_of_a_runner_that_dies(worker, told, fifo, latch, given_up):
    """And one that waits behind it. What nobody waits for any more was cancelled."""
    proxy = worker()
    future, waiting = proxy.die(fifo.path, latch.path), proxy.add(1, 2)
    assert fifo.read() == "begun"
    if given_up:
        future.cancel()
    latch.write()
    with pytest.raises(actors.RunnerFailedError):
        waiting.get(timeout=LIMIT)
    assert [each for each in told() if each.task_id == 1] == [
        *TAKEN_UP,
        _updated("cancelled" if given_up else "failed"),
    ]
    assert [each for each in told() if each.task_id == 2] == [_updated("failed", 2)]


def test_task_of_a_runner_that_is_stopped(worker, told, fifo, latch):
    """One that does not come to its end in time, and one that waits behind it."""
    proxy = worker(stop_timeout=0.1)
    held, waiting = proxy.hold(fifo.path, latch.path), proxy.add(1, 2)
    assert fifo.read() == "begun"
    assert proxy.actor_ref.stop(timeout=LIMIT)
    for future in (held, waiting):
        with pytest.raises(actors.RunnerStoppedError):
            future.get(timeout=LIMIT)
    assert [each for each in told() if each.task_id == 1] == [*TAKEN_UP, _updated("failed")]
    assert [each for each in told() if each.task_id == 2] == [_updated("failed", 2)]


@pytest.mark.parametrize("dies", [False, True])
def test_tasks_that_end_with_their_supervisor(fifo, latch, dies):
    """Those in flight and those behind them, before nobody is told any more."""
    events = []
    with actors.supervise() as supervisor:
        supervisor.subscribe(events.append, actors.TaskStatusUpdated).get(timeout=LIMIT)
        spec = actors.RunnerSpec(
            "worker", Worker, stop_timeout=0.2, restart=actors.Restart.TEMPORARY
        )
        ref = supervisor.start_runner(spec).get(timeout=LIMIT)
        waiting = ref.proxy().die(fifo.path, latch.path), ref.proxy().add(1, 2)
        assert fifo.read() == "begun"
        if dies:
            latch.write()
    for future in waiting:
        with pytest.raises(pykka.ActorDeadError):
            future.get(timeout=LIMIT)
    assert [event for event in events if event.task_id == 1] == [
        _updated("running"),
        _updated("failed"),
    ]
    assert [event for event in events if event.task_id == 2] == [_updated("failed", 2)]


def test_task_that_waits_for_a_runner_that_is_stopped(supervisor, worker, told, fifo, latch):
    """It was never sent."""
    backoff = actors.Backoff(initial=LIMIT, maximum=LIMIT)
    proxy = worker(restart=actors.Restart.TRANSIENT, backoff=backoff)
    dying = proxy.die(fifo.path, latch.path)
    latch.write()
    with pytest.raises(actors.RunnerFailedError):
        dying.get(timeout=LIMIT)
    waiting = proxy.add(1, 2)
    supervisor.stop_runner("worker").get(timeout=LIMIT)
    with pytest.raises(actors.RunnerStoppedError):
        waiting.get(timeout=LIMIT)
    assert [each for each in told() if each.task_id == 2] == [_updated("failed", 2)]
