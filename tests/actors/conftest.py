"""What the tests of supervised runners share."""

import contextlib
import os
import select

import pykka
import pytest
from faulty import Echo
from gate import LIMIT, Gate, wait_until_gone
from pykka._envelope import Envelope
from servers import Server

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


class Fifo:
    """A named pipe between a test and another process, on which the test never hangs."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path = str(path)
        # Both ends: neither opening nor writing waits for the other process.
        self._fd = os.open(path, os.O_RDWR)

    def write(self, data=b"x"):
        """Let the other process go on."""
        os.write(self._fd, data)

    def read(self, timeout=30):
        """Return what the other process has written."""
        assert select.select([self._fd], [], [], timeout)[0], "nothing was written"
        return os.read(self._fd, 1000).decode()

    def close(self):
        """Give the descriptor back."""
        os.close(self._fd)


@pytest.fixture
def fifo(tmp_path):
    """Give a named pipe."""
    fifo = Fifo(tmp_path / "fifo")
    yield fifo
    fifo.close()


@pytest.fixture
def latch(tmp_path):
    """Give another one, at which a runner waits until the test writes."""
    latch = Fifo(tmp_path / "latch")
    yield latch
    latch.close()


class Place:
    """Where the runners of `servers.py` live: in threads or in processes."""

    def __init__(self, name, folder, ends):
        self.in_process = name == "process"
        self.path = folder / "notes"
        self.supervisor = ends.enter_context(actors.supervise()) if self.in_process else None
        self._ends = ends
        self._number = 0

    def start(self, runner_class=Server, *args, **options):
        """Start a runner. Return its ref."""
        if not args and issubclass(runner_class, Server):
            args = (str(self.path),)
        if self.in_process:
            self._number += 1
            options.setdefault("restart", actors.Restart.TEMPORARY)
            spec = actors.RunnerSpec(f"server {self._number}", runner_class, args, **options)
            return self.supervisor.start_runner(spec).get(timeout=2 * LIMIT)
        ref = runner_class.start(*args)
        self._ends.callback(ref.stop, timeout=LIMIT)
        return ref

    def wait_for_the_end(self, ref):
        """Return the notes when a runner has ended altogether."""
        assert ref.actor_stopped.wait(LIMIT)
        if self.in_process:
            wait_until_gone(self.supervisor, ref)
        else:
            # The inbox is closed last.
            while ref.actor_inbox._refuse is None:
                pass
            late = pykka.ThreadingFuture()
            ref.actor_inbox.put(Envelope("late", reply_to=late))
            with pytest.raises(pykka.ActorDeadError):
                late.get(timeout=LIMIT)
        return self.notes()

    def notes(self):
        """Return what was noted."""
        return self.path.read_text().splitlines()


@pytest.fixture(params=["thread", "process"])
def place(request, tmp_path):
    """Give a place, one of each kind in turn; everything is stopped at the end."""
    with contextlib.ExitStack() as ends:
        yield Place(request.param, tmp_path, ends)


@pytest.fixture
def gate(tmp_path):
    """Give a gate."""
    gate = Gate(tmp_path / "gate")
    yield gate
    gate.close()
