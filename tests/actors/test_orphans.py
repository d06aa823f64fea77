"""A parent that really is killed: its runner ends too, whatever it is doing."""

import subprocess
import sys

import psutil
import pytest
from faulty import PROGRAM_ENVIRONMENT

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


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_runner_that_hangs_in_native_code_ends_with_a_killed_parent(tmp_path):
    """No thread of it can run; the kernel kills it."""
    with start(
        tmp_path,
        PARENT.format(do="proxy.hang_in_native_code.defer()"),
    ) as parent:
        ends_with(parent, [int(parent.stdout.readline())])


def test_runner_that_is_importing_its_main_module_ends_with_a_killed_parent(tmp_path, fifo):
    """The watch begins before anything of the user is imported."""
    with start(tmp_path, IMPORTING.format(fifo=fifo.path)) as parent:
        try:
            ends_with(parent, [int(fifo.read())])
        finally:
            parent.kill()
