"""A runner that writes 1 GiB to stderr: what it costs the parent, and what the failure shows."""

import time

import psutil
import pykka
from figures import Figure
from subjects import Subject

import actors

SIZE = 1 << 30


def measure(size=SIZE):
    """Return the growth of the parent's resident memory in MiB, and the speed."""
    parent = psutil.Process()
    with actors.supervise() as supervisor:
        spec = actors.RunnerSpec("flood", Subject, restart=actors.Restart.TEMPORARY)
        ref = supervisor.start_runner(spec).get()
        proxy = ref.proxy()
        proxy.flood(1 << 20).get()
        before = parent.memory_info().rss
        peak = before
        begin = time.perf_counter()
        done = proxy.flood(size)
        answered = False
        while not answered:
            try:
                done.get(timeout=0.02)
                answered = True
            except pykka.Timeout:
                peak = max(peak, parent.memory_info().rss)
        seconds = time.perf_counter() - begin
        proxy.end.defer("exit", "the last words after the flood")
        ref.actor_stopped.wait(30)
        peak = max(peak, parent.memory_info().rss)
        (failure,) = supervisor.failures().get()
    kept = "the last words after the flood" in failure.diagnosis.tail[-1]
    diagnosis = failure.diagnosis
    return [
        Figure("growth of the parent during 1 GiB of stderr, MiB", (peak - before) / 2**20, 16),
        Figure("last words lost", 0 if kept else 1, 0),
        Figure("MB/s from the runner's write on", size / 1e6 / seconds),
        Figure("bytes dropped before the scanner", diagnosis.dropped_bytes),
        Figure("lines in the tail", len(diagnosis.tail)),
    ]
