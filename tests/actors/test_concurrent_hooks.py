"""Hooks of runners in an event loop, in a thread and in a process: plain ones and coroutines."""

import os
import signal
import sys

import pykka
import pytest
from servers import AsyncHooks, Contextual, Eager, Hasty, Lingering, PlainHooks

import actors

LIMIT = 30


@pytest.mark.parametrize("runner_class", [AsyncHooks, PlainHooks])
def test_hooks_may_be_coroutines_or_plain(place, runner_class, recorder):
    """They are called in the same order, and a process publishes the same."""
    if place.in_process:
        place.supervisor.subscribe(recorder, actors.RunnerStatusUpdated).get()
    ref = place.start(runner_class)
    assert ref.ask("x", timeout=LIMIT) == "x"
    if place.in_process:
        recorder.wait_for_many(lambda event: event.status == actors.RunnerReady(), 2)
    assert ref.stop(timeout=LIMIT) is True
    assert place.notes() == ["on_start", "connect", "load", "warm_up", "on_stop"]
    if place.in_process:
        total = 2 if runner_class is AsyncHooks else 1
        assert [event.status for event in recorder.events()][: total + 8] == [
            actors.RunnerIdle(),
            actors.RunnerConnecting(),
            actors.RunnerConnected(),
            actors.RunnerLoading(0, 0),
            *(actors.RunnerLoading(layer + 1, total) for layer in range(total)),
            actors.RunnerLoaded(),
            actors.RunnerWarmingUp(),
            actors.RunnerReady(),
            actors.RunnerRunning(),
        ]


def test_failing_on_start_fails_the_start(place):
    """As a plain one does."""
    with pytest.raises((RuntimeError, actors.StartFailed), match="cannot on_start"):
        place.start(AsyncHooks, str(place.path), "on_start")
    assert place.notes() == ["on_start"]


@pytest.mark.parametrize("where", ["connect", "load", "warm_up"])
def test_failing_hook_ends_the_runner(place, where):
    """As a plain one does, and `on_failure` is called."""
    ref = place.start(AsyncHooks, str(place.path), where)
    assert ref.actor_stopped.wait(LIMIT)
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("anybody?", timeout=LIMIT)
    assert place.wait_for_the_end(ref)[-2:] == [where, "on_failure"]


@pytest.mark.parametrize("where", ["on_stop", "on_failure"])
def test_failing_last_hook_is_logged_and_keeps_nobody(place, where):
    """The end goes on."""
    ref = place.start(AsyncHooks, str(place.path), where)
    if where == "on_failure":
        ref.proxy().fail.defer()
        assert ref.actor_stopped.wait(LIMIT)
    else:
        assert ref.stop(timeout=LIMIT) is True
    assert place.wait_for_the_end(ref)[-1] == where


def test_handlers_see_what_hooks_have_set_in_their_context(place):
    """The first message and later ones, each in a copy; the last hook sees it, too."""
    ref = place.start(Contextual)
    server = ref.proxy()
    early = server.seen_of_the_context()
    assert early.get(timeout=LIMIT) == "on_start, warm_up"
    assert server.tell_itself_in_a_context("mine").get(timeout=LIMIT) == "on_start, warm_up"
    assert server.seen_of_the_context().get(timeout=LIMIT) == "on_start, warm_up"
    ref.stop(timeout=LIMIT)
    assert place.wait_for_the_end(ref) == ["on_stop sees on_start, warm_up"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in 3.12")
def test_tasks_may_be_eager(place):
    """One that has ended where it was begun does not keep the runner from its end."""
    ref = place.start(Eager)
    server = ref.proxy()
    assert ref.ask("x", timeout=LIMIT) == "x"
    held = server.hold("a")
    assert server.noted("at a").get(timeout=LIMIT)
    given_up = server.hold("b")
    assert server.noted("at b").get(timeout=LIMIT)
    given_up.cancel()
    assert list(server.count(3).get(timeout=LIMIT)) == [0, 1, 2]
    server.open("a").get(timeout=LIMIT)
    assert held.get(timeout=LIMIT) == "a"
    assert ref.stop(timeout=LIMIT) is True
    assert place.wait_for_the_end(ref)[-1] == "on_stop"


def test_cancelled_error_of_a_last_hook_is_logged_like_any_other(place, caplog):
    """It is the hook's own, and no cancellation of the runner."""
    ref = place.start(Hasty)
    assert ref.stop(timeout=LIMIT) is True
    assert place.wait_for_the_end(ref) == ["on_stop"]
    if place.in_process:
        assert place.supervisor.failures().get(timeout=LIMIT) == ()
    else:
        assert [record.getMessage() for record in caplog.records] == [
            f"Unhandled exception in Hasty ({ref.actor_urn}):"
        ]


def test_interrupt_ends_a_last_hook(supervisor, start, failures, fifo):
    """That is no `CancelledError` of its own, though it is raised as one."""
    ref = start(runner_class=Lingering, args=(fifo.path,), stop_timeout=2 * LIMIT)
    (info,) = supervisor.runners().get(timeout=LIMIT)
    stopped = ref.stop(block=False)
    assert fifo.read() == "on_stop\n"
    os.kill(info.pid, signal.SIGINT)
    assert stopped.get(timeout=LIMIT) is True
    assert failures.wait_for(actors.RunnerFailed).reason.error.type == "KeyboardInterrupt"


def test_cancelled_error_of_on_failure_does_not_hide_the_failure(place):
    """Which is what the handler has raised."""
    ref = place.start(Hasty)
    ref.proxy().fail.defer()
    assert place.wait_for_the_end(ref) == ["on_failure ValueError"]
    if place.in_process:
        (failure,) = place.supervisor.failures().get(timeout=LIMIT)
        assert failure.reason.error.type == "ValueError"
