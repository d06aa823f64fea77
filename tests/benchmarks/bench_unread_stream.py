"""The memory of both sides when nobody reads an endless stream."""

import tempfile
import time
from pathlib import Path

import attrs
import psutil
from figures import Figure
from talkers import CHUNK, Talker

import actors
from diagnostics.collector import RunnerDiagnosticCollector

SETTLED = 0.5
"""Seconds without a new chunk after which the runner counts as held back."""
LIMIT = 30.0
"""Seconds that it may take until it is."""
TOO_MUCH = 2 << 30
"""Bytes of growth at which the measurement ends, far above the bounds."""


@attrs.frozen
class Case:
    """
    Chunks of one size.

    Attributes:
        words: Their size for the reader of the figures.
        size: Their size in bytes.
        number: How many a runner may be ahead of its reader.
        reader: MiB that the reader's side may grow by.
        runner: MiB that the runner's side may grow by.
    """

    words: str
    size: int
    number: int
    reader: float
    runner: float


# The reader's side holds what was sent, the runner's side the chunk that it makes, and its pickle.
# The rest is what allocators take at once and keep.
CASES = (
    Case(f"{CHUNK}-byte", CHUNK, number=256, reader=4, runner=4),
    Case("1 MiB", 1 << 20, number=16, reader=16 + 16, runner=16),
    Case("64 MiB", 64 << 20, number=1, reader=64 + 16, runner=2 * 64 + 16),
)


def measure(cases=CASES):
    """
    Return the growth of the resident memory of both sides.

    Each case has a runner of its own, which is up and has answered with a short stream when
    the measurement begins. It ends half a second after the last chunk was made. The catalogue
    of the diagnoses, which the first supervisor loads in the background, is loaded before.
    """
    RunnerDiagnosticCollector().diagnosis()
    figures = []
    for case in cases:
        with actors.supervise() as supervisor, tempfile.NamedTemporaryFile() as log:
            proxy = supervisor.start_runner(actors.RunnerSpec("talker", Talker)).get().proxy()
            proxy.chunks(1).get().result()
            figures += _held_back(case, proxy, Path(log.name))
    return figures


def _held_back(case, proxy, log):
    """Look on while nothing is taken from an endless stream."""
    sides = [psutil.Process(), psutil.Process(proxy.pid().get())]
    before = [side.memory_info().rss for side in sides]
    growth = [0, 0]
    made = 0
    begin = changed = time.monotonic()
    with proxy.endless(case.size, str(log)).get():
        while (now := time.monotonic()) - changed < SETTLED:
            if now - begin > LIMIT or sum(growth) > TOO_MUCH:
                made = float("inf")
                break
            rss = [side.memory_info().rss for side in sides]
            growth = [
                max(old, new - was) for old, new, was in zip(growth, rss, before, strict=True)
            ]
            if log.stat().st_size != made:
                made, changed = log.stat().st_size, now
            time.sleep(0.01)
    reader, runner = (each / 2**20 for each in growth)
    of = f"{case.words} chunks"
    return [
        Figure(f"{of} made before the runner was held back", made, at_most=case.number + 1),
        Figure(f"growth of the reader's side, {of}, MiB", reader, at_most=case.reader),
        Figure(f"growth of the runner's side, {of}, MiB", runner, at_most=case.runner),
    ]
