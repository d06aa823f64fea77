"""
One suite over three runtimes.

`pykka` is a plain `pykka.ThreadingActor`, which proves that a test says what Pykka does;
`thread` and `process` are the same actor as an `actors.Runner`. What differs is marked:

- `runtimes("thread", "process", reason=...)`: the test holds for these only, by design. What
  holds for the others is told by a test beside it, or cannot be had there.
- `not_yet("process", reason=...)`: the test is right, and what it tests is still to be made.
"""

import contextlib
import itertools
import threading

import pykka
import pytest
from gate import LIMIT, Gate, wait_until_gone

import actors

RUNTIMES = ("pykka", "thread", "process")


def pytest_generate_tests(metafunc):
    """Run a test over the runtimes that it is for."""
    if "runtime" not in metafunc.fixturenames:
        return
    definition = metafunc.definition
    only = definition.get_closest_marker("runtimes")
    names = only.args if only else RUNTIMES
    assert not only or (only.kwargs["reason"] and set(names) < set(RUNTIMES))
    later = {
        name: mark.kwargs["reason"]
        for mark in definition.iter_markers("not_yet")
        for name in mark.args
    }
    metafunc.parametrize(
        "runtime",
        [
            pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=later[name]))
            if name in later
            else name
            for name in names
        ],
        indirect=True,
    )


class Runtime:
    """
    Where actors live.

    Args:
        name: One of `RUNTIMES`.
        folder: A folder for what a test needs.
    """

    def __init__(self, name, folder):
        self.name = name
        self.folder = folder
        self.in_process = name == "process"
        self._ends = contextlib.ExitStack()
        self._gates = []
        self._refs = []
        self._threads = {}
        self._numbers = itertools.count(1)
        self._supervisor = None
        self.log_folder = folder / "logs"

    @property
    def supervisor(self):
        """The proxy of the runners' supervisor, for what only a process has."""
        if self._supervisor is None:
            self._supervisor = self._ends.enter_context(
                actors.supervise(log_folder=self.log_folder)
            )
        return self._supervisor

    def class_of(self, citizen):
        """Return the class that is run here."""
        return citizen._as_actor if self.name == "pykka" else citizen._as_runner

    def start(self, citizen, *args, **kwargs):
        """Start an actor. Return its ref. What a process's spec has of its own is given by name."""
        if self.in_process:
            fields = {
                name: kwargs.pop(name)
                for name in ("restart", "stop_timeout", "backoff")
                if name in kwargs
            }
            spec = actors.RunnerSpec(
                f"runner {next(self._numbers)}",
                self.class_of(citizen),
                args,
                kwargs,
                # A ref that is dead stays dead, as in Pykka, and nobody is ended for being slow: an
                # actor at a gate waits for the test.
                **{"restart": actors.Restart.TEMPORARY, "stop_timeout": LIMIT, **fields},
            )
            return self.supervisor.start_runner(spec).get(timeout=LIMIT)
        before = set(threading.enumerate())
        ref = self.class_of(citizen).start(*args, **kwargs)
        self._refs.append(ref)
        for thread in set(threading.enumerate()) - before:
            if thread.name.startswith(f"{ref.actor_class.__name__}-"):
                self._threads[ref.actor_urn] = thread
        return ref

    def wait_for_end(self, ref):
        """Wait until an actor has ended altogether, its last hook included."""
        if self.in_process:
            wait_until_gone(self.supervisor, ref)
        elif ref.actor_urn in self._threads:
            thread = self._threads[ref.actor_urn]
            thread.join(LIMIT)
            assert not thread.is_alive()

    @contextlib.contextmanager
    def busy_supervisor(self):
        """Keep the supervisor from its mailbox meanwhile, if there is one."""
        if not self.in_process:
            yield
            return
        ref = self.supervisor.actor_ref
        released = ref._actor_weakref().released = threading.Event()
        ref.tell(pykka.messages.ProxyCall(("released", "wait"), (LIMIT,), {}))
        try:
            yield
        finally:
            released.set()

    def gate(self):
        """Give a gate for actors to wait at."""
        gate = Gate(self.folder / f"gate {len(self._gates)}")
        self._gates.append(gate)
        return gate

    def close(self):
        """End everything."""
        for gate in self._gates:
            gate.open(100)
        self._ends.close()
        for ref in self._refs:
            ref.stop(block=False)
        for ref in self._refs:
            self.wait_for_end(ref)
        for gate in self._gates:
            gate.close()


@pytest.fixture
def runtime(request, tmp_path):
    """Give a runtime; everything is stopped at the end."""
    runtime = Runtime(request.param, tmp_path)
    yield runtime
    runtime.close()


@pytest.fixture
def start(runtime):
    """Give the runtime's `start`."""
    return runtime.start
