"""A parent that really is killed: its runner ends too, whatever it is doing."""

import contextlib
import os
import signal
import subprocess
import sys

import psutil
from faulty import PROGRAM_ENVIRONMENT, Echo

import actors
from actors._warden import Warden

LIMIT = 30

PARENT = """
import signal
import actors, faulty
if __name__ == "__main__":
    supervisor = actors.Supervisor.start().proxy()
    ref = supervisor.start_runner(actors.RunnerSpec("x", faulty.Echo)).get(timeout=30)
    proxy = ref.proxy()
    pid = proxy.pid().get()
    {do}
    print(pid, flush=True)
    signal.pause()
"""

IMPORTING = """
import os, signal, sys
if __name__ != "__main__":
    print(os.getpid(), file=open({fifo!r}, "w"), flush=True)
    signal.pause()
import actors
class Mine(actors.Runner):
    pass
actors.Supervisor.start().proxy().start_runner(actors.RunnerSpec("x", Mine))
signal.pause()
"""


def ends_with(parent, pids):
    """Kill a parent, and wait for those that must end with it."""
    processes = [psutil.Process(pid) for pid in pids]
    parent.kill()
    parent.wait()
    try:
        assert psutil.wait_procs(processes, timeout=LIMIT)[1] == []
    finally:
        for process in processes:
            if process.is_running():
                process.kill()


def start(tmp_path, program):
    """Start a program as a parent."""
    path = tmp_path / "parent.py"
    path.write_text(program)
    return subprocess.Popen(
        [sys.executable, str(path)], stdout=subprocess.PIPE, text=True, env=PROGRAM_ENVIRONMENT
    )


def test_runner_ends_with_a_killed_parent(tmp_path):
    """Even one that hangs."""
    with start(tmp_path, PARENT.format(do="proxy.hang.defer()")) as parent:
        ends_with(parent, [int(parent.stdout.readline())])


def test_runner_that_hangs_in_native_code_ends_with_a_killed_parent(tmp_path):
    """No thread of it can run; the parent's warden kills it from outside."""
    with start(
        tmp_path,
        PARENT.format(do="proxy.hang_in_native_code.defer()"),
    ) as parent:
        ends_with(parent, [int(parent.stdout.readline())])


def test_children_of_a_runner_end_with_a_killed_parent(tmp_path):
    """They are in the runner's process group."""
    program = PARENT.format(do="print(proxy.spawn_child().get())")
    with start(tmp_path, program) as parent:
        ends_with(parent, [int(parent.stdout.readline()) for _ in range(2)])


def test_runner_ends_with_a_killed_parent_whose_warden_is_dead(tmp_path):
    """The runner has a watch of its own."""
    with start(tmp_path, PARENT.format(do="proxy.hang.defer()")) as parent:
        pid = int(parent.stdout.readline())
        (warden,) = (
            child for child in psutil.Process(parent.pid).children() if child.name() == "sh"
        )
        warden.kill()
        ends_with(parent, [pid])


def test_warden_ends_with_its_supervisor_and_touches_nobody():
    """A group that was released is left alone."""
    with subprocess.Popen(
        ["/bin/sh", "-c", "read _"], stdin=subprocess.PIPE, process_group=0
    ) as other:
        warden = Warden()
        process = psutil.Process(warden.pid)
        warden.watch(other.pid)
        warden.release(other.pid)
        warden.close()
        assert not process.is_running()
        assert other.poll() is None


def bystander(stack):
    """Return a process that leads a group of its own and ends with the test."""
    process = subprocess.Popen(["/bin/sh", "-c", "read _"], stdin=subprocess.PIPE, process_group=0)
    stack.callback(process.stdin.close)
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


def kill(child):
    """Kill a child and wait for its end, which is left for its owner to take."""
    os.kill(child, signal.SIGKILL)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)


def test_warden_that_was_killed_is_replaced_by_one_that_knows_the_same(caplog):
    """Noticed at the next word to it, which is not lost; what was released stays released."""
    with contextlib.ExitStack() as stack:
        before, released, after = (bystander(stack) for _ in range(3))
        warden = Warden()
        for each in before, released:
            warden.watch(each.pid)
        warden.release(released.pid)
        killed = warden.pid
        kill(killed)
        warden.watch(after.pid)
        assert warden.pid != killed
        assert [record.message for record in caplog.records] == [
            "the helper that ends runners was killed, and is replaced"
        ]
        warden.close()
        assert [each.wait(LIMIT) for each in (before, after)] == [-signal.SIGKILL] * 2
        assert released.poll() is None


def test_warden_that_cannot_be_replaced_is_done_without(monkeypatch, caplog):
    """It says so once, and no more after that."""
    with contextlib.ExitStack() as stack:
        other = bystander(stack)
        warden = Warden()
        kill(warden.pid)
        monkeypatch.setattr("actors._warden._SHELL", "/no/such/shell")
        for _ in range(2):
            warden.watch(other.pid)
        warden.release(other.pid)
        warden.close()
        assert warden.pid is None
        assert len(caplog.records) == 2
        assert "no helper to end runners" in caplog.records[1].message


def test_supervisor_does_without_a_warden_where_there_is_no_shell(monkeypatch, caplog):
    """It says so, and runners keep their own watch."""
    monkeypatch.setattr("actors._warden._SHELL", "/no/such/shell")
    with actors.supervise() as supervisor:
        ref = supervisor.start_runner(actors.RunnerSpec("x", Echo)).get(timeout=LIMIT)
        assert ref.ask("alive") == "alive"
    assert "no helper to end runners" in caplog.text


def test_runner_that_is_importing_its_main_module_ends_with_a_killed_parent(tmp_path, fifo):
    """The watch begins before anything of the user is imported."""
    with start(tmp_path, IMPORTING.format(fifo=fifo.path)) as parent:
        try:
            ends_with(parent, [int(fifo.read())])
        finally:
            parent.kill()
