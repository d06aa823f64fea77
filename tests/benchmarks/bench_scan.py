"""How fast the collector reads ordinary log lines with the whole catalogue."""

import re
import time

import re2
from figures import Figure

from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.signatures import registered_signatures

CHUNK = 64 * 1024
CANDIDATES_IN = 1_000  # of so many lines one is a candidate
ORDINARY = b"2026-11-22 19:46:37,281\tINFO worker.py:2038 -- step %d done in 0.0312 s, 188.2 tokens a second\n"
CANDIDATES = (
    b"2026-11-22 19:46:37,281\tINFO tuner.py:12 -- retry %d: CUDA out of memory. is handled\n",
    b"2026-11-22 19:46:37,281\tINFO pool.py:80 -- worker %d killed after 60 s without work\n",
    b"2026-11-22 19:46:37,281\tWARNING net.py:31 -- request %d failed: Connection closed by peer [x]\n",
    b"2026-11-22 19:46:37,281\tINFO load.py:7 -- no error: file %d found in /srv/models/a\n",
)


def output(size):
    """Return so many bytes of log lines, of which 0.1 % are candidates."""
    lines = []
    length = number = 0
    while length < size:
        number += 1
        kind = CANDIDATES[number // CANDIDATES_IN % len(CANDIDATES)]
        line = (ORDINARY if number % CANDIDATES_IN else kind) % number
        lines.append(line)
        length += len(line)
    return b"".join(lines)


def collector_speed(data):
    """Return MB/s of a collector that gets the data in chunks."""
    collector = RunnerDiagnosticCollector()
    collector.feed(data[:CHUNK], at=0.0)  # the automata are made at first use
    start = time.perf_counter()
    for offset in range(0, len(data), CHUNK):
        collector.feed(data[offset : offset + CHUNK], at=0.0)
    return len(data) / (time.perf_counter() - start) / 1e6


def bare_speed(data):
    """Return MB/s of nothing but RE2, looking for three texts: it takes one step a byte."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    search = re2.compile(b"segfault|panicked|no such", options).search
    start = time.perf_counter()
    for offset in range(0, len(data), CHUNK):
        search(data[offset : offset + CHUNK])
    return len(data) / (time.perf_counter() - start) / 1e6


def loop_speed(data):
    """Return MB/s of a loop over the lines that tries each pattern with `re`."""
    patterns = []
    for signature in registered_signatures():
        pattern = re.sub(r"\\x\{(\w+)\}", lambda found: chr(int(found[1], 16)), signature.pattern)
        patterns.append(re.compile(pattern).search)
    start = time.perf_counter()
    for line in data.decode().splitlines():
        for search in patterns:
            search(line)
    return len(data) / (time.perf_counter() - start) / 1e6


def measure(rounds=5):
    """Return the median speed of the collector, and its ratio to the loop's."""
    data = output(32 << 20)
    speeds = sorted(collector_speed(data) for _ in range(rounds))
    bare = max(bare_speed(data) for _ in range(rounds))
    loop = loop_speed(data[: 1 << 18])
    median = speeds[len(speeds) // 2]
    return [
        Figure("signatures", len(registered_signatures())),
        Figure("collector on ordinary log lines, MB/s", median, at_least=300),
        Figure("the best of its rounds, MB/s", speeds[-1]),
        Figure("nothing but a pass of RE2, the best of as many, MB/s", bare),
        Figure("a loop over lines and patterns with re, MB/s", loop),
        Figure("times faster than the loop", median / loop, at_least=20),
    ]
