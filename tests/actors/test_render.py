"""A failure as text for people."""

import pytest

from actors.messages import LostTask, RunnerFailed
from actors.reasons import Exited, Phase, Raised, Signaled
from actors.render import clean, render_failure
from actors.termination import RunnerTerminationError
from diagnostics.catalog.ring import RingPeerClosed
from diagnostics.diagnosis import Diagnosis
from diagnostics.findings import Role


def failure(**changes):
    """Return a failure, complete but for what is given."""
    fields = {
        "runner_id": "ring-rank-1",
        "incarnation": 2,
        "pid": 4711,
        "group_id": "ring",
        "phase": Phase.SERVING,
        "reason": Signaled(9, "SIGKILL", "Killed"),
        "diagnosis": Diagnosis(),
        "started_at": 1_700_000_000.0,
        "failed_at": 1_700_000_012.5,
        "uptime": 12.5,
        "error_message": "",
    }
    return RunnerFailed(**{**fields, **changes})


def test_it_says_who_how_when_and_for_how_long():
    """The first line alone is enough to know who died of what."""
    lines = render_failure(failure()).splitlines()
    assert lines == [
        "runner ring-rank-1 was ended by SIGKILL (Killed), signal 9",
        "  who         ring-rank-1 of group ring, pid 4711, incarnation 2",
        "  when        2023-11-14 22:13:32 UTC, serving, after 12.5 s",
        "  role        root cause",
        "  findings    none: the output says nothing that is known",
        f"  what to do  {failure().reason.remedy}",
        "  tasks lost  none",
        "  stderr      nothing was printed",
    ]


@pytest.mark.parametrize(
    ("role", "root_cause", "expected"),
    [
        (Role.ROOT, "ring-rank-1", "root cause"),
        (Role.AFTER_EFFECT, "ring-rank-0", "after-effect of ring-rank-0"),
        (Role.AFTER_EFFECT, None, "after-effect, of whom is unknown"),
        (Role.EITHER, None, "root cause or after-effect; the evidence does not tell"),
    ],
)
def test_it_says_whether_it_came_first_or_followed(role, root_cause, expected):
    """And from whom it followed."""
    text = render_failure(failure(role=role, root_cause=root_cause))
    assert f"  role        {expected}" in text.splitlines()


def test_findings_come_with_evidence_and_remedy():
    """Numbered, and with how often they were seen."""
    finding = RingPeerClosed(socket=5, evidence=("[ring] Socket 5 was closed",), count=3)
    text = render_failure(failure(diagnosis=Diagnosis(findings=(finding,))))
    assert f"  findings    1. ring-peer-closed [after-effect]: {finding.message} (seen 3" in text
    assert "> [ring] Socket 5 was closed" in text
    assert f"what to do: {finding.remedy}" in text


def test_long_evidence_is_shortened_to_what_says_most():
    """The first line and the last ones; of a dump, the thread that brought the process down."""
    traceback = ("Traceback", *(f"line {number}" for number in range(20)), "Error: why")
    text = render_failure(
        failure(diagnosis=Diagnosis(findings=(RingPeerClosed(evidence=traceback),)))
    )
    assert "> Traceback" in text
    assert "> ... 16 more lines ..." in text
    assert "> Error: why" in text
    assert "line 3" not in text
    dump = ("Fatal", "Thread 0x1", "elsewhere", "Current thread 0x2", "here", *["deep"] * 20)
    text = render_failure(failure(diagnosis=Diagnosis(findings=(RingPeerClosed(evidence=dump),))))
    assert "> here" in text
    assert "elsewhere" not in text


def test_lost_tasks_are_counted_out():
    """Each with how far it had come."""
    tasks = (LostTask(7, "app.Generate", acknowledged=True, chunks=30), LostTask(8, "app.Ping"))
    lines = render_failure(failure(tasks=tasks)).splitlines()
    assert "  tasks lost  app.Generate (task 7), taken up, 30 chunks delivered" in lines
    assert "              app.Ping (task 8), not taken up" in lines


def test_the_last_lines_of_the_output_are_shown():
    """With how many there were, and what was dropped."""
    tail = tuple(f"line {number}" for number in range(10))
    diagnosis = Diagnosis(tail=tail, total_lines=5000, total_bytes=10**6, dropped_bytes=77)
    text = render_failure(failure(diagnosis=diagnosis), tail=2)
    assert "the last 2 of 5000 lines, 77 bytes were dropped" in text
    assert text.endswith("| line 8\n              | line 9")


def test_a_traceback_is_shown_once():
    """From the failure, unless the output ends with it."""
    error = RunnerTerminationError.from_exception(ValueError("no chart"))
    reason = Raised(error, exit_code=1)
    assert "| ValueError: no chart" in render_failure(failure(reason=reason))
    both = failure(reason=reason, diagnosis=Diagnosis(tail=("ValueError: no chart",)))
    assert render_failure(both).count("| ValueError: no chart") == 1


def test_a_missing_diagnosis_is_admitted():
    """An honest gap is better than a tidy lie."""
    diagnosis = Diagnosis(problem="the diagnostic actor was too slow")
    assert "incomplete: the diagnostic actor was too slow" in render_failure(
        failure(diagnosis=diagnosis)
    )


def test_a_runner_that_never_was_a_process_has_no_pid():
    """Nor does a lone runner have a group."""
    text = render_failure(failure(pid=None, group_id=None, reason=Exited(3)))
    assert "  who         ring-rank-1, no process, incarnation 2" in text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("bell\x07 null\x00 back\x08", "bell null back"),
        ("half\x1b", "half"),
        ("\x9b31m c1", "31m c1"),
        ("two\nlines\r", "two lines"),
        ("a\tb", "a    b"),
        ("turned\u202e round\u2066", "turned round"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("{0} %s {x!r}", "{0} %s {x!r}"),
        ("ü 東 🚢", "ü 東 🚢"),
    ],
)
def test_hostile_output_cannot_reach_the_terminal(hostile, shown):
    """It is data, neither a command nor a format."""
    assert clean(hostile) == shown
    text = render_failure(failure(diagnosis=Diagnosis(tail=(hostile,)), runner_id=hostile or "x"))
    assert "\x1b" not in text
    assert text.encode("utf-8")


def test_a_long_line_is_cut():
    """The whole of it is in the failure."""
    assert clean("x" * 10_000) == "x" * 400 + " ..."
