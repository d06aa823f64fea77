"""What collectors keep in memory: an idle one, and one that has read 10 GB that meant harm."""

import time

import psutil
from deep_size import deep_size
from figures import Figure
from hostile import KINDS, chunks

from diagnostics.collector import RunnerDiagnosticCollector

SIZE = 10_000_000_000
TURN = 64 << 20  # bytes of one kind before the next one has its turn
PATIENCE = 0.4  # seconds of one kind, some of which are read slowly
KIB = 1024


def own_size(collector):
    """Return the bytes of a collector, without the catalogue, which all have in common."""
    scanner = collector._scanner
    signatures = [signature for some in scanner._signatures for signature in some]
    return deep_size(collector, [scanner, *signatures])


def idle(many=1_000):
    """Return by how many KiB each of many collectors makes the process larger, and its own size."""
    first = RunnerDiagnosticCollector()
    first.diagnosis()
    process = psutil.Process()
    before = process.memory_info().rss
    collectors = [RunnerDiagnosticCollector() for _ in range(many)]
    for collector in collectors:
        collector.feed(b"[worker] started\n", at=0.0)
    return (process.memory_info().rss - before) / many / KIB, own_size(collectors[-1]) / KIB


def hostile(size):
    """Return the most KiB that a collector has, the growth of the process, and per kind MB/s."""
    collector = RunnerDiagnosticCollector()
    running = {kind: chunks(kind, size) for kind in KINDS}
    taken = dict.fromkeys(KINDS, 0)
    spent = dict.fromkeys(KINDS, 0.0)
    largest = (0.0, "")
    process = psutil.Process()
    before = None
    while sum(taken.values()) < size:
        for kind, source in running.items():
            turn = taken[kind] + TURN
            end = time.perf_counter() + PATIENCE
            while taken[kind] < turn and time.perf_counter() < end:
                chunk = next(source)
                start = time.perf_counter()
                collector.feed(chunk, at=start)
                spent[kind] += time.perf_counter() - start
                taken[kind] += len(chunk)
            largest = max(largest, (own_size(collector) / KIB, kind))
        # The automata of RE2 grow to what the first round needs; all collectors share them.
        before = before or process.memory_info().rss
    collector.diagnosis()
    grown = (process.memory_info().rss - before) / KIB
    speeds = {kind: taken[kind] / spent[kind] / 1e6 for kind in KINDS}
    return largest, grown, speeds


def measure(size=SIZE):
    """Return the figures, with the slowest kinds of hostile output."""
    grown, own = idle()
    (largest, kind), process, speeds = hostile(size)
    slowest = sorted(speeds.items(), key=lambda item: item[1])[:3]
    return [
        Figure("growth of the process for each idle collector, KiB", grown, 64),
        Figure("of which its own objects, KiB", own, 64),
        Figure(
            f"a collector's own objects during {size / 1e9:g} GB, at most ({kind}), KiB",
            largest,
            2048,
        ),
        Figure("growth of the process from the first round of it to the end, KiB", process, 2048),
        *(Figure(f"{name}, MB/s", speed) for name, speed in slowest),
    ]
