"""Tracebacks and stack dumps as data."""

import pytest

from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.findings import Role
from diagnostics.stacks import Frame

TRACEBACK = """Traceback (most recent call last):
  File "/srv/app/run.py", line 9, in <module>
    main()
    ~~~~^^
  File "/opt/lib/python3.12/json/decoder.py", line 355, in raw_decode
    raise JSONDecodeError("Expecting value", s, err.value) from None
json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)
"""


def findings(text):
    """Return all findings of a text."""
    collector = RunnerDiagnosticCollector(platform="linux")
    collector.feed(text.encode(), at=1.0)
    return collector.diagnosis().findings


def only(text):
    """Return the one finding of a text."""
    (finding,) = findings(text)
    return finding


def test_a_traceback_is_read_as_data():
    """Name, message, frames, and the place in the user's own code."""
    finding = only(TRACEBACK)
    assert finding.cause == "python-exception"
    assert finding.exception == "json.decoder.JSONDecodeError"
    assert finding.exception_message == "Expecting value: line 1 column 1 (char 0)"
    assert finding.frames == (
        Frame("/srv/app/run.py", 9, "<module>"),
        Frame("/opt/lib/python3.12/json/decoder.py", 355, "raw_decode"),
    )
    assert finding.fields["file"] == "/srv/app/run.py"
    assert finding.fields["line"] == 9
    assert finding.evidence[0].startswith("Traceback")
    assert finding.evidence[-1].startswith("json.decoder")


@pytest.mark.parametrize(
    "prefix", ["[rank1]: ", "(EngineCore pid=7) ", "2026-01-02 03:04:05,678 E "]
)
def test_a_prefix_before_every_line_is_seen_through(prefix):
    """Launchers put a tag before each line."""
    finding = only("".join(prefix + line + "\n" for line in TRACEBACK.splitlines()))
    assert finding.exception == "json.decoder.JSONDecodeError"
    assert len(finding.frames) == 2


def test_the_time_in_the_prefix_may_differ():
    """A time of day is no part of the prefix's identity."""
    lines = TRACEBACK.splitlines()
    finding = only("".join(f"10:00:{n:02} {line}\n" for n, line in enumerate(lines)))
    assert len(finding.frames) == 2


def test_a_prefix_before_the_head_only_is_seen_through():
    """A logging formatter tags the first line of a text."""
    assert only("2026-01-02 ERROR failed: " + TRACEBACK).frames[1].line == 355


def test_interleaved_tracebacks_of_two_ranks_are_read_apart():
    """Each line goes to the traceback with its prefix."""
    lines = TRACEBACK.splitlines()
    other = [line.replace("json.decoder.JSONDecodeError", "KeyError") for line in lines]
    text = "".join(f"[rank0]: {a}\n[rank1]: {b}\n" for a, b in zip(lines, other, strict=True))
    assert {finding.exception for finding in findings(text)} == {
        "json.decoder.JSONDecodeError",
        "KeyError",
    }
    assert all(len(finding.frames) == 2 for finding in findings(text))


def test_a_chain_is_kept_with_its_relations():
    """The last exception ended it; the others are its cause and context."""
    finding = only(
        TRACEBACK
        + "\nThe above exception was the direct cause of the following exception:\n\n"
        + TRACEBACK.replace("json.decoder.JSONDecodeError: Exp", "__main__.ConfigError: Exp")
        + "\nDuring handling of the above exception, another exception occurred:\n\n"
        + TRACEBACK.replace("json.decoder.JSONDecodeError: Exp", "KeyError: 'x").rstrip()
    )
    assert finding.exception == "KeyError"
    assert [(item.exception, item.relation) for item in finding.chain] == [
        ("json.decoder.JSONDecodeError", "cause"),
        ("__main__.ConfigError", "context"),
    ]
    assert all(len(item.frames) == 2 for item in finding.chain)


def test_an_exception_group_is_kept_with_its_members():
    """The group ended it; its members tell why."""
    finding = only(
        """  + Exception Group Traceback (most recent call last):
  |   File "/srv/a.py", line 5, in <module>
  |     raise ExceptionGroup("two failed", errors)
  | ExceptionGroup: two failed (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/b.py", line 2, in f
    |     open("/x")
    | FileNotFoundError: [Errno 2] No such file or directory: '/x'
    +---------------- 2 ----------------
    | ValueError: second
    +------------------------------------
"""
    )
    assert finding.exception == "ExceptionGroup"
    assert finding.exception_message == "two failed (2 sub-exceptions)"
    assert [(item.exception, item.relation) for item in finding.chain] == [
        ("FileNotFoundError", "group-member"),
        ("ValueError", "group-member"),
    ]
    assert finding.chain[0].frames == (Frame("/srv/b.py", 2, "f"),)


def test_notes_at_the_end_of_the_output_belong_to_the_exception():
    """`add_note` prints its lines unindented behind the exception."""
    finding = only(TRACEBACK + "while reading config.json\nof model tiny\n")
    assert finding.notes == ("while reading config.json", "of model tiny")


def test_a_message_of_several_lines_is_kept():
    """Indented lines behind the exception are its message."""
    finding = only(TRACEBACK + "\tMissing key(s): bias\n")
    assert finding.exception_message.endswith("\n\tMissing key(s): bias")


def test_a_syntax_error_without_a_head_is_read():
    """The interpreter prints no head for the main script."""
    finding = only(
        '  File "/srv/run.py", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax\n'
    )
    assert (finding.exception, finding.file, finding.source_line) == (
        "SyntaxError",
        "/srv/run.py",
        1,
    )


def test_a_traceback_that_death_cut_off_is_still_told():
    """What is there is kept."""
    finding = only("\n".join(TRACEBACK.splitlines()[:5]))
    assert finding.exception is None
    assert len(finding.frames) == 2


def test_several_tracebacks_are_several_findings_the_last_first():
    """What was printed last is the likeliest cause of the end."""
    text = TRACEBACK + "all right again\n\n\n\n" + TRACEBACK.replace("column 1", "column 9")
    assert ["column 9" in item.exception_message for item in findings(text)] == [True, False]


def test_a_more_specific_cause_goes_before_the_exception_that_told_it():
    """The traceback is then a note."""
    text = TRACEBACK.replace(
        "json.decoder.JSONDecodeError: Expecting",
        "RuntimeError: [ring] connection to a peer was lost",
    )
    assert [(item.cause, item.role) for item in findings(text)] == [
        ("ring-peer-closed", Role.AFTER_EFFECT),
        ("python-exception", Role.NOTE),
    ]


@pytest.mark.parametrize(
    "before", ["Exception ignored in: <function A.__del__ at 0x7f>", "Exception in thread metrics:"]
)
def test_an_exception_that_does_not_end_the_process_is_a_note(before):
    """The line before the traceback says so."""
    assert only(before + "\n" + TRACEBACK).role is Role.NOTE


def test_a_traceback_amid_lines_of_other_threads_is_read():
    """Lines that do not fit are passed over."""
    lines = TRACEBACK.splitlines()
    lines[2:2] = ["[ring] something else", " 7 was closed", "unrelated: words"]
    assert len(only("\n".join(lines) + "\n").frames) == 2


DUMP = """Fatal Python error: Segmentation fault

Current thread 0x00007fa71ce0f6c0 [worker] (most recent call first):
  File "/opt/python3.13/ctypes/__init__.py", line 538 in string_at
  File "/srv/app/run.py", line 4 in work

Thread 0x00007fa71d6106c0 (most recent call first):
  <no Python frame>

Extension modules: numpy._core (total: 1)
"""


def test_a_fatal_dump_is_read_with_all_its_stacks():
    """The current thread is the one that crashed."""
    finding = only(DUMP)
    assert (finding.cause, finding.signal, finding.thread) == (
        "segfault",
        "SIGSEGV",
        "0x00007fa71ce0f6c0",
    )
    first, second = finding.stacks
    assert (first.current, first.name, len(first.frames)) == (True, "worker", 2)
    assert first.frames[0] == Frame("/opt/python3.13/ctypes/__init__.py", 538, "string_at")
    assert (second.current, second.frames) == (False, ())
    assert "string_at" in finding.message


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("Aborted", "abort"),
        ("Bus error", "bus-error"),
        ("Floating point exception", "floating-point-exception"),
        ("Illegal instruction", "illegal-instruction"),
        ("PyEval_SaveThread: the function must be called with the GIL held", "abort"),
    ],
)
def test_the_words_of_the_fatal_error_decide_the_cause(words, cause):
    """Anything else that the interpreter calls fatal ends with abort()."""
    assert only(DUMP.replace("Segmentation fault", words)).cause == cause


@pytest.mark.parametrize("head", ["", "Timeout (0:00:05)!\n"])
def test_a_dump_that_nothing_fatal_announces_is_a_note(head):
    """Stacks on request are data, not a cause."""
    finding = only(head + DUMP.split("\n\n", 1)[1])
    assert (finding.cause, finding.role) == ("thread-stacks", Role.NOTE)
    assert len(finding.stacks) == 2


def test_a_memory_error_is_the_hosts_memory():
    """It has no text, only a name."""
    first, second = findings(
        'Traceback (most recent call last):\n  File "/a.py", line 1, in f\nMemoryError\n'
    )
    assert (first.cause, first.exception) == ("out-of-memory-host", "MemoryError")
    assert second.role is Role.NOTE


def test_a_recursion_error_is_a_stack_overflow():
    """Python's own kind of it."""
    text = TRACEBACK.replace(
        "json.decoder.JSONDecodeError: Expecting value",
        "RecursionError: maximum recursion depth exceeded",
    )
    assert findings(text)[0].cause == "stack-overflow"
