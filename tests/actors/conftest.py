"""What the tests of supervised runners share."""

import pytest
from faulty import Echo

import actors


@pytest.fixture
def supervisor():
    """Give a supervisor's proxy; everything is stopped at the end."""
    with actors.supervise() as proxy:
        yield proxy


@pytest.fixture
def start(supervisor):
    """Give a function that starts an `Echo` and returns its ref."""

    def start(runner_id="echo", **options):
        runner_class = options.pop("runner_class", Echo)
        args = options.pop("args", ())
        options.setdefault("restart", actors.Restart.TEMPORARY)
        spec = actors.RunnerSpec(runner_id, runner_class, args=args, **options)
        return supervisor.start_runner(spec).get(timeout=60)

    return start


@pytest.fixture
def failures(supervisor, recorder):
    """Give a recorder that is subscribed to failures."""
    supervisor.subscribe(recorder, actors.RunnerFailed).get()
    return recorder
