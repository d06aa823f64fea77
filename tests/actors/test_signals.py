"""What a signal's handler raises in a runner that waits ends it with a last hook; it may talk, too."""

import json
import os
import queue
import signal

import pykka
import pytest
from faulty import Alarmed, AlarmedLoop
from gate import pass_gate, wait_until_gone
from signalled import Reloading, ReloadingLoop

import actors

LIMIT = 30


@pytest.fixture
def end_by(supervisor, start, recorder, tmp_path):
    """Give a function that ends an idle runner by a signal; it returns what became of it."""
    supervisor.subscribe(recorder, actors.RunnerStatusUpdated, actors.RunnerFailed).get()
    notes = tmp_path / "notes"

    def end_by(number, runner_class):
        ref = start(runner_class=runner_class, args=(str(notes),))
        recorder.wait_for(lambda event: getattr(event, "status", None) == actors.RunnerReady())
        (info,) = supervisor.runners().get(timeout=LIMIT)
        os.kill(info.pid, number)
        failure = recorder.wait_for(actors.RunnerFailed)
        wait_until_gone(supervisor, ref)
        hooks = [json.loads(line)[0] for line in notes.read_text().splitlines()]
        return failure.reason.error.type, hooks[hooks.index("warm_up") + 1 :]

    return end_by


@pytest.mark.parametrize("runner_class", [Alarmed, AlarmedLoop])
@pytest.mark.parametrize(
    ("number", "raised", "last"),
    [
        (signal.SIGINT, "KeyboardInterrupt", "on_stop"),
        (signal.SIGTERM, "SystemExit", "on_stop"),
        (signal.SIGUSR2, "TimeoutError", "on_failure TimeoutError"),
    ],
    ids=["SIGINT", "SIGTERM", "SIGUSR2"],
)
def test_idle_runner_that_a_signal_ends_calls_its_last_hook(
    end_by, runner_class, number, raised, last
):
    """Once, as one does that was in a handler."""
    assert end_by(number, runner_class) == (raised, [last])


@pytest.mark.parametrize("concurrent", [False, True])
def test_runner_that_ctrl_c_ends_and_that_comes_back_is_alive_meanwhile(
    supervisor, start, gate, concurrent
):
    """What it is told while its last hook runs waits for the next incarnation."""

    class Lingering(actors.Runner):
        def __init__(self, folder):
            super().__init__()
            self.folder, self.got = folder, []

        def on_receive(self, message):
            self.got.append(message)
            return self.got

        def on_stop(self):
            pass_gate(self.folder)

    Lingering.concurrent = concurrent
    restart = actors.Restart.TRANSIENT
    ref = start(runner_class=Lingering, args=(gate.folder,), restart=restart, stop_timeout=LIMIT)
    assert ref.ask("before", timeout=LIMIT) == ["before"]
    (info,) = supervisor.runners().get(timeout=LIMIT)
    os.kill(info.pid, signal.SIGINT)
    gate.wait()
    number = 0
    while ref.actor_inbox.empty():
        number += 1
        ref.tell(number)
    supervisor.runners().get(timeout=LIMIT)
    assert ref.is_alive()
    gate.open()
    assert ref.ask("after", timeout=LIMIT) == [number, "after"]
    gate.open()
    assert ref.stop(timeout=LIMIT) is True


class Boss(pykka.ThreadingActor):
    """Keeps what it is told."""

    def __init__(self):
        super().__init__()
        self.got = queue.SimpleQueue()

    def on_receive(self, message):
        self.got.put(message)
        return "the answer"


@pytest.mark.parametrize("runner_class", [Reloading, ReloadingLoop])
def test_handler_in_an_idle_runner_asks_and_tells(supervisor, start, runner_class):
    """Nothing else comes that would wake the runner."""
    boss = Boss.start()
    try:
        got = boss.proxy().got.get(timeout=LIMIT)
        ref = start(runner_class=runner_class, args=(boss, LIMIT))
        (info,) = supervisor.runners().get(timeout=LIMIT)
        ref.tell("first")
        assert got.get(timeout=LIMIT) == "handled: first"
        for _ in range(3):
            os.kill(info.pid, signal.SIGUSR2)
            assert got.get(timeout=LIMIT) == "in the handler"
            assert got.get(timeout=LIMIT) == "handled: the answer"
    finally:
        boss.stop()
