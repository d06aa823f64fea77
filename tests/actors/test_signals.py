"""What a signal's handler raises in a runner that waits for messages ends it with a last hook."""

import json
import os
import signal

import pytest
from faulty import Alarmed, AlarmedLoop
from gate import wait_until_gone

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
