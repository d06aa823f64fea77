"""An asker gives up: the runner hears of it, and one that does not listen can be ended."""

import os

import pytest
from patient import Patient, PatientLoop

import actors

LIMIT = 60.0
"""Seconds, met only in a deadlock."""


@pytest.fixture(params=["thread", "process"])
def patient(request, start):
    """Give the ref of a runner in either place."""
    if request.param == "process":
        yield start(runner_class=Patient)
    else:
        ref = Patient.start()
        yield ref
        ref.stop(timeout=LIMIT)


def test_code_that_computes_sees_that_nobody_waits(patient, fifo):
    """The asker has its error at once, and the runner serves the next."""
    future = patient.proxy().compute(fifo.path)
    assert fifo.read() == "begun"
    assert future.cancel()
    with pytest.raises(actors.TaskCancelledError):
        future.get(timeout=LIMIT)
    assert fifo.read() == "noticed"
    assert patient.proxy().is_cancelled().get(timeout=LIMIT) is False


def test_thread_of_a_handler_sees_it_too(patient, fifo):
    """Work is often done in one."""
    future = patient.proxy().compute_in_a_thread(fifo.path)
    assert fifo.read() == "begun"
    future.cancel()
    assert fifo.read() == "noticed"
    assert patient.is_alive()


@pytest.mark.parametrize("method", ["look_late", "stream_and_look_late"])
def test_thread_sees_it_though_the_handler_is_gone(place, fifo, latch, method):
    """In an event loop a handler that is cancelled does not wait for its thread."""
    proxy = place.start(PatientLoop).proxy()
    future = getattr(proxy, method)(fifo.path, latch.path)
    assert fifo.read() == "begun"
    future.cancel()
    assert fifo.read() == "cancelled"
    # The loop is free again, so that handler has ended altogether.
    assert proxy.is_cancelled().get(timeout=LIMIT) is False
    latch.write()
    assert fifo.read() == "given up"


def test_cancelled_message_that_was_not_taken_up_is_not_handled(patient, fifo, latch):
    """It is passed over, and those behind it are not."""
    proxy = patient.proxy()
    first = proxy.hold(fifo.path, latch.path)
    assert fifo.read() == "begun"
    second, third = proxy.log("second"), proxy.log("third")
    assert second.cancel()
    latch.write()
    assert first.get(timeout=LIMIT) == "held"
    third.get(timeout=LIMIT)
    assert proxy.handled.get(timeout=LIMIT) == ["third"]


def test_cancelling_twice_or_after_the_answer_does_nothing(patient):
    """And says so."""
    future = patient.proxy().is_cancelled()
    assert future.get(timeout=LIMIT) is False
    assert not future.cancel()
    assert future.get(timeout=LIMIT) is False
    stream = patient.proxy().tokens(os.devnull).get(timeout=LIMIT)
    assert stream.cancel()
    assert not stream.cancel()
    assert patient.proxy().is_cancelled().get(timeout=LIMIT) is False


def test_future_of_a_stream_cancels_the_stream(patient, fifo):
    """Whoever holds the future need not have taken the stream."""
    future = patient.proxy().tokens(fifo.path)
    stream = future.get(timeout=LIMIT)
    assert next(stream) == "token"
    assert future.cancel()
    assert fifo.read() == "closed"
    with pytest.raises(actors.TaskCancelledError):
        next(stream)


def test_cancelled_task_is_published_as_such(supervisor, start, recorder, fifo):
    """To whoever listens to the task's states."""
    supervisor.subscribe(recorder, actors.TaskStatusUpdated).get()
    future = start(runner_class=Patient).proxy().compute(fifo.path)
    assert fifo.read() == "begun"
    future.cancel()
    last = recorder.wait_for(lambda event: event.status is not actors.TaskStatus.RUNNING)
    assert last.status is actors.TaskStatus.CANCELLED


def test_runner_that_ignores_a_cancellation_is_ended(start, failures, fifo):
    """After the grace of its spec, with its stacks as evidence."""
    future = start(runner_class=Patient, cancel_grace=0.5).proxy().stuck(fifo.path)
    assert fifo.read() == "begun"
    future.cancel()
    failure = failures.wait_for(actors.RunnerFailed)
    assert failure.reason == actors.Overdue("stuck", 0.5, cancelled=True)
    assert "in stuck" in "\n".join(failure.diagnosis.tail)
    assert "did not end task stuck within 0.5 s of its cancellation" in failure.error_message
    assert not failure.tasks
    with pytest.raises(actors.TaskCancelledError):
        future.get(timeout=LIMIT)


@pytest.mark.parametrize("runner_class", [Patient, PatientLoop])
def test_runner_that_ignores_a_cancellation_is_started_again(start, failures, fifo, runner_class):
    """As its restart value says, and its ref stays."""
    restart = actors.Restart.TRANSIENT
    proxy = start(runner_class=runner_class, cancel_grace=0.5, restart=restart).proxy()
    pid = proxy.pid().get(timeout=LIMIT)
    future = proxy.stuck(fifo.path)
    assert fifo.read() == "begun"
    future.cancel()
    assert failures.wait_for(actors.RunnerFailed).pid == pid
    assert proxy.pid().get(timeout=LIMIT) != pid


def test_runner_that_listens_is_not_ended(start, failures, fifo, latch):
    """Nor for a message that only waited in its inbox, however long."""
    grace = 0.2
    proxy = start(runner_class=Patient, cancel_grace=grace).proxy()
    running = proxy.compute(fifo.path)
    assert fifo.read() == "begun"
    running.cancel()
    assert fifo.read() == "noticed"
    held, waiting = proxy.hold(fifo.path, latch.path), proxy.log("given up")
    assert fifo.read() == "begun"
    waiting.cancel()
    # Another one is ended meanwhile that was given up later, and does not listen.
    other = start("other", runner_class=Patient, cancel_grace=3 * grace).proxy()
    stuck = other.stuck(fifo.path)
    assert fifo.read() == "begun"
    stuck.cancel()
    assert failures.wait_for(actors.RunnerFailed).runner_id == "other"
    latch.write()
    assert held.get(timeout=LIMIT) == "held"
    assert proxy.handled.get(timeout=LIMIT) == []
    assert [failure.runner_id for failure in failures.events()] == ["other"]


def test_runner_is_ready_after_a_message_that_it_passed_over(
    supervisor, start, recorder, fifo, latch
):
    """Though that was the last one."""
    supervisor.subscribe(recorder, actors.RunnerStatusUpdated).get(timeout=LIMIT)
    proxy = start(runner_class=Patient).proxy()
    first = proxy.hold(fifo.path, latch.path)
    assert fifo.read() == "begun"
    recorder.wait_for(lambda event: isinstance(event.status, actors.RunnerRunning))
    assert proxy.log("passed over").cancel()
    latch.write()
    assert first.get(timeout=LIMIT) == "held"
    recorder.wait_for_many(lambda event: isinstance(event.status, actors.RunnerReady), 2)


def test_runner_that_stops_itself_and_does_not_end_is_ended(start, failures):
    """Else whoever asks it would wait for ever for its next incarnation."""
    ref = start(runner_class=Patient, restart=actors.Restart.PERMANENT, stop_timeout=0.5)
    proxy = ref.proxy()
    pid = proxy.pid().get(timeout=LIMIT)
    proxy.leave_a_thread_behind().get(timeout=LIMIT)
    failure = failures.wait_for(actors.RunnerFailed)
    assert isinstance(failure.reason, actors.Hung)
    assert failure.pid == pid
    assert proxy.pid().get(timeout=LIMIT) != pid
