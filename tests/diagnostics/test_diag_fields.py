"""What is parsed from the wordings besides their cause."""

import json
import pathlib

import pytest

from diagnostics.collector import RunnerDiagnosticCollector

WORDINGS = pathlib.Path(__file__).parents[1] / "corpus" / "wordings.jsonl"
CASES = [
    (item["text"], item["fields"])
    for item in map(json.loads, WORDINGS.read_text(encoding="utf-8").splitlines())
    if item.get("fields")
]


@pytest.mark.parametrize(("text", "fields"), CASES)
def test_the_fields_are_parsed(text, fields):
    """Each by one of the findings: the shell's line may know the process, another one the cause."""
    platform = "darwin" if "libc++abi" in text else "linux"
    collector = RunnerDiagnosticCollector(platform=platform)
    collector.feed(text.encode() + b"\n", at=1.0)
    found = [finding.fields for finding in collector.diagnosis().findings]
    missing = {
        name: value
        for name, value in fields.items()
        if value not in [values.get(name) for values in found]
    }
    assert missing == {}


def test_a_process_that_is_told_something_by_a_signal_has_not_ended():
    """A reload or a request to stop is no crash."""
    collector = RunnerDiagnosticCollector()
    collector.feed(b"received signal 1, reloading\nreceived signal 2, stopping\n", at=1.0)
    assert collector.diagnostics() == ()


def test_records_that_ran_together_keep_their_own_level():
    """The line ends were lost; the record that counts is the last one."""
    line = (
        "WARNING:launcher:asking the workers to end"
        + " " * 200
        + "ERROR:launcher:failed (exitcode: -9) local_rank: 4 (pid: 812) of binary: /usr/bin/python"
    )
    collector = RunnerDiagnosticCollector()
    collector.feed(line.encode() + b"\n", at=1.0)
    assert [finding.cause for finding in collector.diagnostics()] == ["signal-killed"]


def test_a_stack_that_begins_in_the_module_was_not_caught():
    """Whatever the line above it warned of; what was caught begins where it was."""
    warned = (
        "WARNING:app:the cache failed, going on without it\nTraceback (most recent call last):\n"
    )
    uncaught = warned + '  File "a.py", line 9, in <module>\n    f()\nValueError: no'
    caught = warned + '  File "a.py", line 3, in load\n    f()\nValueError: no'
    causes = []
    for text in (uncaught, caught):
        collector = RunnerDiagnosticCollector()
        collector.feed(text.encode() + b"\n", at=1.0)
        causes.append([finding.cause for finding in collector.diagnostics()])
    assert causes == [["python-exception"], []]
