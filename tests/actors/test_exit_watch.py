"""The end of a process is seen: by a descriptor where there is one, by looking elsewhere."""

import os
import select
import signal
import subprocess
import sys

import pytest
from faulty import Echo

import actors
from actors import _exit_watch, _wires

LIMIT = 30


@pytest.fixture
def child():
    """Give a process that ends when its stdin does."""
    command = [sys.executable, "-S", "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        yield process


def test_descriptor_becomes_readable_when_the_process_ends(child):
    """Not before, and not only when it is reaped."""
    watch = _exit_watch.open_exit_watch(child.pid)
    if watch is None:
        pytest.skip("this system has no such descriptor")
    poll = select.poll()
    poll.register(watch.fileno(), select.POLLIN)
    assert poll.poll(0) == []
    child.stdin.close()
    assert poll.poll(LIMIT * 1000)
    watch.close()


def test_process_that_does_not_exist_has_no_descriptor():
    """`None`, and no exception: the caller looks for itself then."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    assert _exit_watch.open_exit_watch(process.pid) is None


@pytest.mark.skipif(not _exit_watch.CAN_LOOK, reason="no waitid(2) here")
def test_looking_does_not_reap(child):
    """So that the id stays the child's own until its group is ended."""
    assert not _exit_watch.has_ended(child.pid)
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert _exit_watch.has_ended(child.pid)
    assert _exit_watch.has_ended(child.pid)
    assert child.wait() == 1
    assert _exit_watch.has_ended(child.pid)


@pytest.mark.parametrize("can_look", [True, False])
def test_whole_runner_lives_and_dies_where_there_is_no_descriptor(
    supervisor, failures, monkeypatch, can_look
):
    """The portable way: macOS in a sandbox, an old kernel."""
    monkeypatch.setattr(_wires, "open_exit_watch", lambda pid: None)
    monkeypatch.setattr(_wires, "CAN_LOOK", can_look and _exit_watch.CAN_LOOK)
    monkeypatch.setattr(_wires, "_SLOW_CHECK", 0.01)
    spec = actors.RunnerSpec("echo", Echo, restart=actors.Restart.TEMPORARY)
    ref = supervisor.start_runner(spec).get(timeout=LIMIT)
    with pytest.raises(actors.RunnerFailedError):
        ref.proxy().kill(signal.SIGKILL, "last words").get(timeout=LIMIT)
    failure = failures.wait_for(actors.RunnerFailed)
    assert failure.reason.name == "SIGKILL"
    assert failure.diagnosis.tail == ("last words",)


def test_status_that_an_embedding_program_takes_is_unknown_and_the_end_is_seen(start):
    """A program with SIGCHLD ignored reaps our children before we do."""
    proxy = start().proxy()
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with pytest.raises(actors.RunnerFailedError) as caught:
            proxy.kill().get(timeout=LIMIT)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert isinstance(caught.value.failure.reason, actors.StatusUnknown)
