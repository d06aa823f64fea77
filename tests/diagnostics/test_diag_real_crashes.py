"""Real interpreters that end in every way there is."""

import re
import subprocess
import sys

import pytest

from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.diagnosis import Ending


def end_of(code, *options):
    """Run the code in a child and return its diagnosis."""
    child = subprocess.run(
        [sys.executable, "-X", "faulthandler", *options, "-c", code],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert child.returncode != 0
    collector = RunnerDiagnosticCollector()
    collector.feed(child.stderr, at=1.0)
    killed = child.returncode < 0
    return collector.diagnosis(
        Ending(
            signal=-child.returncode if killed else None,
            exit_code=None if killed else child.returncode,
        )
    )


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import ctypes\ndef crash(): ctypes.string_at(0)\ncrash()", "segfault"),
        ("import os\nos.abort()", "abort"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGBUS)", "bus-error"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGILL)", "illegal-instruction"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGFPE)", "floating-point-exception"),
        ("raise MemoryError", "out-of-memory-host"),
        ("def f(): f()\nf()", "stack-overflow"),
        ("raise ValueError('bad')", "python-exception"),
        ("def f(:", "python-exception"),
        (
            "import sys\nsys.stderr.write('50%|###|\\r'); raise SystemError('late')",
            "python-exception",
        ),
    ],
)
def test_the_end_is_recognised(code, cause):
    """Signals with stacks, exceptions with and without a head."""
    assert end_of(code).cause.cause == cause


def test_the_stack_of_a_segfault_is_there():
    """The dump names the thread and its calls."""
    finding = end_of("import ctypes\ndef crash(): ctypes.string_at(0)\ncrash()").cause
    current = next(stack for stack in finding.stacks if stack.current)
    assert re.fullmatch("0x[0-9a-f]+", current.thread)
    assert [frame.function for frame in current.frames[-2:]] == ["crash", "<module>"]


def test_a_chained_traceback_is_read_whole():
    """Cause and context, with the frames of each."""
    finding = end_of(
        "def low(): raise OSError('disk')\n"
        "def high():\n"
        "    try: low()\n"
        "    except OSError as error: raise RuntimeError('load') from error\n"
        "try: high()\n"
        "except RuntimeError: {}['x']\n"
    ).cause
    assert (finding.exception, finding.exception_message) == ("KeyError", "'x'")
    assert [(item.exception, item.relation) for item in finding.chain] == [
        ("OSError", "cause"),
        ("RuntimeError", "context"),
    ]
    assert finding.chain[0].frames[-1].function == "low"


def test_a_nested_exception_group_with_notes_is_read_whole():
    """All members at all depths, in order."""
    finding = end_of(
        "inner = ExceptionGroup('inner', [KeyError('k')])\n"
        "value = ValueError('v'); value.add_note('a note')\n"
        "raise ExceptionGroup('outer', [value, inner, OSError('o')])\n"
    ).cause
    assert finding.exception == "ExceptionGroup"
    assert [item.exception for item in finding.chain] == [
        "ValueError",
        "ExceptionGroup",
        "KeyError",
        "OSError",
    ]
    assert finding.chain[0].notes == ("a note",)


def test_notes_of_an_exception_are_read():
    """They are printed behind the exception's line."""
    finding = end_of(
        "e = ValueError('v'); e.add_note('first'); e.add_note('second')\nraise e"
    ).cause
    assert finding.notes == ("first", "second")


def test_a_dump_on_a_time_limit_is_only_a_note():
    """The stacks are data; the exception after them is the cause."""
    diagnosis = end_of(
        "import faulthandler, sys\n"
        "faulthandler.dump_traceback(file=sys.stderr, all_threads=True)\n"
        "raise ValueError('after')"
    )
    assert [finding.cause for finding in diagnosis.findings] == [
        "python-exception",
        "thread-stacks",
    ]
