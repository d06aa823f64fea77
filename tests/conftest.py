"""What every test gets: a check that nothing leaks, and a recorder of events."""

import contextlib
import gc
import os
import sys
import threading
import time
from multiprocessing import forkserver, resource_tracker
from pathlib import Path

import psutil
import pykka
import pytest

LIMIT = 30.0
"""Seconds to wait for an event; met only in a deadlock."""

SETTLE = 2.0
"""Seconds given to what a test has begun to close. A clean test never waits."""

_FD_FOLDER = Path("/proc/self/fd" if sys.platform == "linux" else "/dev/fd")


class Recorder:
    """
    A subscriber that keeps every event and lets a test wait for one.

    It is called by the thread that publishes. Waiting is woken by the event itself.
    """

    def __init__(self):
        self._arrived = threading.Condition()
        self._events = []

    def __call__(self, event):
        with self._arrived:
            self._events.append(event)
            self._arrived.notify_all()

    def events(self, kind=object):
        """Return the events of one class, or of a tuple or union of classes, in order."""
        with self._arrived:
            return [event for event in self._events if isinstance(event, kind)]

    def wait_for(self, wanted, timeout=LIMIT):
        """
        Return the first event that is wanted, one that has come already included.

        Args:
            wanted: A class, a tuple or union of classes, or a predicate of one event.
            timeout: Seconds until the test fails, saying what came instead.
        """
        return self.wait_for_many(wanted, 1, timeout)[0]

    def wait_for_many(self, wanted, number, timeout=LIMIT):
        """Return the first `number` events that are wanted, as soon as they have come."""
        if isinstance(wanted, type | tuple) or not callable(wanted):
            kinds = wanted

            def wanted(event):
                return isinstance(event, kinds)

        deadline = time.monotonic() + timeout
        with self._arrived:
            seen, found = 0, []
            while True:
                found += [event for event in self._events[seen:] if wanted(event)]
                seen = len(self._events)
                if len(found) >= number:
                    return found[:number]
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._arrived.wait(left)
            came = "\n".join(f"  {event!r:.300}" for event in self._events[-20:]) or "  nothing"
        pytest.fail(f"{len(found)} of {number} events within {timeout:g} s; last came:\n{came}")


@pytest.fixture
def recorder():
    """Give a fresh recorder."""
    return Recorder()


@pytest.fixture
def new_recorder():
    """Give the class, for tests that need several recorders."""
    return Recorder


def _helpers():
    """Return the pids of multiprocessing's own helpers, which live as long as we do."""
    return {resource_tracker._resource_tracker._pid, forkserver._forkserver._forkserver_pid}


def _children_of(pid):
    """Return the direct children of a process; 50 us on Linux, where psutil takes 5 ms."""
    if sys.platform != "linux":
        try:
            return {child.pid for child in psutil.Process(pid).children()}
        except psutil.NoSuchProcess:
            return set()
    children = set()
    # A thread, or the whole process, may end while it is looked at.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children.update(map(int, (task / "children").read_text().split()))
    return children


def _descendants():
    """Return the pids of all processes below this one."""
    found, generation = set(), _children_of(os.getpid()) - _helpers()
    while generation:
        found |= generation
        generation = set().union(*map(_children_of, generation)) - found
    return found


def _descriptors():
    """Return what is open, by descriptor."""
    ours = {resource_tracker._resource_tracker._fd, forkserver._forkserver._forkserver_alive_fd}
    opened = {}
    for entry in _FD_FOLDER.iterdir():
        fd = int(entry.name)
        # The descriptor that listed the folder is closed by now.
        with contextlib.suppress(OSError):
            os.fstat(fd)
            opened[fd] = str(entry.readlink()) if sys.platform == "linux" else "?"
    return {fd: target for fd, target in opened.items() if fd not in ours}


def _stop_actors(before):
    """Stop the actors that a test has left, and name them."""
    left = [ref for ref in pykka.ActorRegistry.get_all() if ref.actor_urn not in before]
    names = [str(ref) for ref in left]
    for ref in left:
        ref.stop(block=False)
    deadline = time.monotonic() + SETTLE
    for ref in left:
        ref.actor_stopped.wait(max(0.0, deadline - time.monotonic()))
    return [f"actor {name}" for name in names]


def _await_threads(before):
    """Name the threads that a test has started and that do not end."""
    deadline = time.monotonic() + SETTLE
    leaked = []
    for thread in threading.enumerate():
        # A dummy stands for a thread that C code has started, which nobody can join.
        if thread in before or isinstance(thread, threading._DummyThread):
            continue
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            leaked.append(f"thread {thread.name!r} ({'daemon' if thread.daemon else 'no daemon'})")
    return leaked


def _until(settled, measure):
    """Measure until the figure is settled, or the limit is reached. A clean test never waits."""
    deadline = time.monotonic() + SETTLE
    figure = measure()
    while not settled(figure) and time.monotonic() < deadline:
        # Nothing tells of a descriptor's end, nor of a grandchild's.
        threading.Event().wait(0.01)
        gc.collect()
        figure = measure()
    return figure


def _kill_processes(before):
    """Kill the processes that a test has left behind, by pid, and name them."""
    leaked, left = [], []
    for pid in _until(lambda pids: not pids, lambda: _descendants() - before):
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            state = process.status()
            zombie = state == psutil.STATUS_ZOMBIE
            command = "never waited for" if zombie else " ".join(process.cmdline())
            leaked.append(f"process {pid} ({state}): {command:.200}")
            process.kill()
            left.append(process)
    psutil.wait_procs(left, timeout=SETTLE)
    return leaked


def _check_descriptors(before):
    """Name the descriptors that a test has left open."""
    # Numbers and targets may change, as dup2 does: only more than before is a leak.
    after = _until(lambda opened: len(opened) <= len(before), _descriptors)
    surplus = len(after) - len(before)
    if surplus <= 0:
        return []
    news = sorted(f"{fd} -> {target}" for fd, target in after.items() if before.get(fd) != target)
    return [f"{surplus} open descriptors, among {', '.join(news)}"]


@pytest.fixture(autouse=True)
def leaks():
    """Fail a test that leaves actors, threads, processes or descriptors behind."""
    actors = {ref.actor_urn for ref in pykka.ActorRegistry.get_all()}
    threads = set(threading.enumerate())
    processes = _descendants()
    descriptors = _descriptors()
    yield
    # In this order: an actor owns threads, a thread reaps processes, both own descriptors.
    left = [
        *_stop_actors(actors),
        *_await_threads(threads),
        *_kill_processes(processes),
        *_check_descriptors(descriptors),
    ]
    if left:
        pytest.fail("The test has left behind:\n" + "\n".join(f"  {what}" for what in left))
