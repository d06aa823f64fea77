"""What a collector keeps, whatever it is fed."""

import tracemalloc

import pytest

from diagnostics._faults import FaultDumpParser
from diagnostics._room import Room
from diagnostics._sightings import Sightings
from diagnostics._traceback import TracebackParser
from diagnostics.catalog.python import PythonException
from diagnostics.collector import RunnerDiagnosticCollector

WIDE = "\U0001f4a3"  # four bytes in a text, and so has every other character of it then
HEAD = "Traceback (most recent call last):\n"
CHAIN = "\nDuring handling of the above exception, another exception occurred:\n\n"


def calls(number):
    """Return the calls of one exception, each unlike all others."""
    return "".join(
        f'  File "/{WIDE * 900}/{number}-{at}.py", line {at}, in {"f" * 900}\n' for at in range(70)
    )


def threads(number):
    """Return the dump of many threads with long names."""
    return f"Fatal Python error: Aborted {number}\n\n" + "".join(
        f"Thread 0x{thread:016x} (most recent call first):\n"
        + f'  File "/{WIDE * 400}{number}-{thread}.py", line {thread} in {"f" * 400}\n' * 20
        for thread in range(40)
    )


HOSTILE = {
    "deep tracebacks": lambda n: f"{HEAD}{calls(n)}Error{n}: {WIDE * 1_500}\n",
    "a chain": lambda n: f"{HEAD}{calls(n)}KeyError: {WIDE * 1_500}\n{CHAIN}",
    "a traceback without end": lambda n: (HEAD if n == 0 else "") + calls(n) * 2,
    "dumps": threads,
    "long candidates": lambda n: f"{n} killed {'x' * 30_000}\n" * 5,
    "prefixes": lambda n: f"{n} {WIDE * 7_000} {HEAD}" * 5,
    "long findings": lambda n: f"'/{n}{WIDE * 7_000}': [Errno 28] No space left on device\n" * 5,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_collector_stays_below_two_mebibytes(kind):
    """Of its own; what RE2 needs is the same for all."""
    outputs = [HOSTILE[kind](number).encode() for number in range(10)]
    RunnerDiagnosticCollector().feed(outputs[0], at=0.0)
    tracemalloc.start()
    try:
        collector = RunnerDiagnosticCollector()
        for output in outputs:
            collector.feed(output, at=0.0)
        current, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert collector.diagnosis().total_bytes == sum(map(len, outputs))
    assert current < 2 << 20


def test_an_idle_collector_takes_less_than_64_kibibytes():
    """The catalogue is there once."""
    RunnerDiagnosticCollector()
    tracemalloc.start()
    try:
        collectors = [RunnerDiagnosticCollector() for _ in range(20)]
        current, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert current / len(collectors) < 64 << 10


def test_room_keeps_each_name_once_until_it_is_full():
    """Then names are kept by who asks, and texts are short."""
    room = Room(1_000)
    assert room.name("a" * 100) is room.name("a" * 100)
    assert len(room.text("b" * 900)) == 900
    assert room.full
    assert len(room.text("b" * 900)) < 400
    assert room.name("c") == "c"
    room.clear()
    assert not room.full


def test_the_last_exception_is_whole_though_the_first_ones_took_the_room():
    """It says most."""
    parser = TracebackParser()
    for number in range(3):
        for line in [*calls(number).splitlines(), f"KeyError: {number}", *CHAIN.splitlines(), HEAD]:
            parser.feed(line, claimed=False)
    for line in ['  File "/a.py", line 1, in f', "ValueError: the last"]:
        parser.feed(line, claimed=False)
    last, first, *_ = parser.exceptions()
    assert (last.exception, last.exception_message) == ("ValueError", "the last")
    assert [frame.file for frame in last.frames] == ["/a.py"]
    assert (first.exception, first.frames) == ("KeyError", ())


def test_a_dump_of_many_threads_keeps_the_first_calls_of_real_ones():
    """Real names are short and repeat: there is room for hundreds of calls."""
    parser = FaultDumpParser("Current thread 0x01 (most recent call first):")
    for thread in range(40):
        for at in range(12):
            name = f"/usr/lib/python3.13/site-packages/package/module_{at}.py"
            parser.feed(f'  File "{name}", line {thread} in function_{at}', claimed=False)
        parser.feed(f"Thread 0x{thread:02x} (most recent call first):", claimed=False)
    assert sum(len(stack.frames) for stack in parser.stacks()) == 40 * 12


def test_large_findings_make_room_for_the_latest():
    """What is left out is counted."""
    sightings = Sightings()
    for number in range(7):
        sightings.add(PythonException(exception=f"E{number}", exception_message="x" * 100_000))
    kept = [finding.exception for finding in sightings.by_last_sighting()]
    assert kept == ["E4", "E5", "E6"]
    assert sightings.dropped == 4
