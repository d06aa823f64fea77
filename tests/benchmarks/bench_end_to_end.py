"""From a child's write to the tail, with a log file: how fast, and how much of it is looked at."""

import queue
import tempfile
import time
from pathlib import Path

from figures import Figure
from subjects import FIRST_WRITE, Subject

import actors

SIZE = 2 << 30


def flood(size, folder):
    """Return MB/s from the first write to the failure with the last line, and the failure."""
    heard = queue.SimpleQueue()
    with actors.supervise(log_folder=folder) as supervisor:
        spec = actors.RunnerSpec("flood", Subject, restart=actors.Restart.TEMPORARY)
        ref = supervisor.start_runner(spec).get()
        supervisor.subscribe(
            lambda event: heard.put((time.monotonic(), event)), actors.RunnerFailed
        ).get()
        ref.proxy().flood_and_exit.defer(size)
        end, failure = heard.get(timeout=300)
    last = failure.diagnosis.tail[-1]
    begin = float(last.removeprefix(FIRST_WRITE))
    return size / 1e6 / (end - begin), failure


def measure(size=SIZE, rounds=3):
    """Return the median speed, and that of what the scanner has seen."""
    results = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            speed, failure = flood(size, folder)
            (log,) = Path(folder).glob("*.stderr.log")
            kept = FIRST_WRITE.encode() in log.read_bytes()[-100:]
        results.append((speed, failure.diagnosis.dropped_bytes, kept))
    speed, dropped, _ = sorted(results)[len(results) // 2]
    return [
        Figure("MB/s from the first write to the last line in the tail", speed, at_least=200),
        Figure("the slowest of its rounds, MB/s", min(results)[0]),
        Figure("of it looked at by the scanner, MB/s", speed * (1 - dropped / size)),
        Figure("log files without the last line", sum(not kept for _, _, kept in results), 0),
    ]
