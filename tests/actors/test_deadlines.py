"""A task may take so long and no longer, as its runner's spec says."""

from collections import deque

import pykka
import pytest
from patient import Patient, PatientLoop

import actors

LIMIT = 60.0
"""Seconds, met only in a deadlock."""


def test_overdue_task_fails_with_the_stacks_and_the_runner_lives(start, fifo):
    """It is told as by a cancellation, so it can serve the next one."""
    ref = start(runner_class=Patient, task_timeout=0.5)
    future = ref.proxy().compute(fifo.path)
    assert fifo.read() == "begun"
    with pytest.raises(actors.TaskTimedOutError) as caught:
        future.get(timeout=LIMIT)
    error = caught.value
    assert isinstance(error, pykka.Timeout)
    assert (error.runner_id, error.task, error.limit) == ("echo", "compute", 0.5)
    assert "in compute" in error.stacks
    assert error.stacks in "\n".join(error.__notes__)
    assert fifo.read() == "noticed"
    assert ref.ask("next", timeout=LIMIT) is None


def test_overdue_stream_ends_with_the_error(start, fifo):
    """The deadline is for the whole of it."""
    stream = start(runner_class=Patient, task_timeout=0.5).proxy().tokens(fifo.path).get()
    with pytest.raises(actors.TaskTimedOutError):
        deque(stream, maxlen=0)
    assert fifo.read() == "closed"


@pytest.mark.parametrize("runner_class", [Patient, PatientLoop])
def test_wait_in_the_inbox_counts(start, fifo, latch, runner_class):
    """Of two the second one has not begun when its time is over, and does not begin then."""
    proxy = start(runner_class=runner_class, task_timeout=0.5).proxy()
    first, second = proxy.hold(fifo.path, latch.path), proxy.log("never")
    assert fifo.read() == "begun"
    for future in (first, second):
        with pytest.raises(actors.TaskTimedOutError):
            future.get(timeout=LIMIT)
    latch.write()
    assert proxy.handled.get(timeout=LIMIT) == []


def test_task_in_time_is_left_alone(start, fifo, latch):
    """Though the watch looks at it, and at others that are late."""
    slow = start("slow", runner_class=Patient, task_timeout=LIMIT).proxy()
    in_time = start("in time", runner_class=Patient, task_timeout=10.0).proxy()
    held = in_time.hold(fifo.path, latch.path)
    assert fifo.read() == "begun"
    # A quarter of the limit is how often an idle inbox is looked at.
    late = start("late", runner_class=Patient, task_timeout=3.0, stop_timeout=0.1).proxy().stuck()
    with pytest.raises(actors.TaskTimedOutError):
        late.get(timeout=LIMIT)
    latch.write()
    assert held.get(timeout=LIMIT) == "held"
    assert slow.is_cancelled().get(timeout=LIMIT) is False


def test_overdue_runner_is_restarted_if_the_spec_says_so(start, failures):
    """The asker gets the failure, with the stacks in its tail, and the ref stays valid."""
    ref = start(
        runner_class=Patient,
        task_timeout=0.5,
        restart_on_task_timeout=True,
        restart=actors.Restart.TRANSIENT,
    )
    with pytest.raises(actors.RunnerFailedError) as caught:
        ref.proxy().stuck().get(timeout=LIMIT)
    assert caught.value.failure.reason == actors.Overdue("stuck", 0.5)
    assert "in stuck" in "\n".join(caught.value.failure.diagnosis.tail)
    assert failures.wait_for(actors.RunnerFailed).reason == actors.Overdue("stuck", 0.5)
    assert ref.proxy().is_cancelled().get(timeout=LIMIT) is False


def test_overdue_runner_that_ignores_it_is_ended_after_the_grace(start, failures):
    """A deadline cancels, and a cancellation may have a grace."""
    ref = start(runner_class=Patient, task_timeout=0.3, cancel_grace=0.5)
    with pytest.raises(actors.TaskTimedOutError) as caught:
        ref.proxy().stuck().get(timeout=LIMIT)
    assert "in stuck" in caught.value.stacks
    failure = failures.wait_for(actors.RunnerFailed)
    assert failure.reason == actors.Overdue("stuck", 0.5, cancelled=True)


def test_death_before_the_stacks_are_there_still_fails_the_task(start, supervisor):
    """Stopping the supervisor meanwhile does not leave the asker waiting."""
    future = start(runner_class=Patient, task_timeout=0.2, stop_timeout=0.1).proxy().stuck()
    supervisor.stop_runner("echo").get(timeout=LIMIT)
    with pytest.raises((actors.TaskTimedOutError, actors.RunnerStoppedError)):
        future.get(timeout=LIMIT)


@pytest.mark.parametrize("field", ["task_timeout", "cancel_grace"])
@pytest.mark.parametrize("value", [0, -1.0, "1", float("nan"), True])
def test_limit_must_be_seconds(field, value):
    """Named by field, before anything is started."""
    with pytest.raises(actors.SpecError, match=field):
        actors.RunnerSpec("x", Patient, **{field: value})
