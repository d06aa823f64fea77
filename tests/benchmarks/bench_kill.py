"""From `kill -9` to the subscriber's call with the enriched failure, beside the bare system."""

import os
import select
import signal
import subprocess
import sys
import threading
import time

from figures import Figure, percentile
from subjects import Subject

import actors

KILLS = 200
BATCH = 10


def measure(kills=KILLS):
    """Return the latencies of our path and of `pidfd_open` + `waitpid`, in ms."""
    ours, bare = [], []
    told = threading.Event()
    called_at = [0.0]

    def subscriber(_failure):
        called_at[0] = time.perf_counter()
        told.set()

    with actors.supervise() as supervisor:
        supervisor.subscribe(subscriber, actors.RunnerFailed).get()
        for batch in range(kills // BATCH):
            ids = [f"{batch}.{number}" for number in range(BATCH)]
            specs = [
                actors.RunnerSpec(each, Subject, restart=actors.Restart.TEMPORARY) for each in ids
            ]
            refs = [future.get() for future in [supervisor.start_runner(each) for each in specs]]
            for ref in refs:
                pid = ref.proxy().pid().get()
                told.clear()
                begin = time.perf_counter()
                os.kill(pid, signal.SIGKILL)
                if not told.wait(30):
                    raise RuntimeError("no failure was published within 30 s")
                ours.append((called_at[0] - begin) * 1e3)
                bare.append(_bare_kill() * 1e3)
    return [
        Figure("kill -9 to the subscriber's call, p50 ms", percentile(ours, 50), 15),
        Figure("kill -9 to the subscriber's call, p99 ms", percentile(ours, 99), 60),
        Figure("bare pidfd_open + waitpid, p50 ms", percentile(bare, 50)),
        Figure("bare pidfd_open + waitpid, p99 ms", percentile(bare, 99)),
        Figure("kills", len(ours)),
    ]


def _bare_kill():
    """Kill a process of the same size, and return the seconds until it is waited for."""
    code = "import actors, signal; print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        watch = os.pidfd_open(process.pid)
        poll = select.poll()
        poll.register(watch, select.POLLIN)
        begin = time.perf_counter()
        os.kill(process.pid, signal.SIGKILL)
        poll.poll(30_000)
        process.wait()
        end = time.perf_counter()
        os.close(watch)
    return end - begin
