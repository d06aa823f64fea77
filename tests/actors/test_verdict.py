"""From drafts and diagnoses to the failures that are published: who is to blame, as data."""

import signal

import attrs
import pytest

from actors._port_events import PortEnded
from actors._verdict import Ended, judge
from actors.messages import LostTask, RunnerFailed
from actors.reasons import Exited, Hung, Phase, ProtocolViolation, Raised, Signaled
from actors.termination import RunnerTerminationError
from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.diagnosis import Diagnosis
from diagnostics.findings import Role

KILLED = Signaled(signal.SIGKILL, "SIGKILL", "Killed")
LOST_PEER = b"RuntimeError: [ring] connection to a peer was lost\n"
TIMEOUT = b"[METAL] Command buffer execution failed: Caused GPU Timeout Error (00000002:kIOGPUCommandBufferCallbackErrorTimeout)\n"


def ended(runner_id, at, reason, output=b"", tasks=()):
    """Return the end of a member with what its output tells."""
    draft = RunnerFailed(
        runner_id=runner_id,
        incarnation=1,
        pid=4711,
        group_id="ring",
        phase=Phase.SERVING,
        reason=reason,
        diagnosis=Diagnosis(),
        tasks=tasks,
        started_at=0.0,
        failed_at=at,
        uptime=at,
        error_message="",
    )
    collector = RunnerDiagnosticCollector()
    collector.feed(output, at=at)
    fields = {field.name for field in attrs.fields(PortEnded)}
    values = {
        "runner_id": runner_id,
        "incarnation": 1,
        "actor_urn": "urn:uuid:0",
        "failed": True,
        "draft": draft,
        "tasks": [],
        "ended_at": at,
    }
    event = PortEnded(**{name: value for name, value in values.items() if name in fields})
    return Ended(event, collector.diagnosis())


@pytest.mark.parametrize(
    ("episode", "root_cause"),
    [
        ([ended("a", 1, KILLED)], "a"),
        ([ended("a", 1, Exited(1), LOST_PEER), ended("b", 2, KILLED)], "b"),
        ([ended("a", 1, Exited(1), LOST_PEER), ended("b", 2, Exited(1), TIMEOUT)], "b"),
        ([ended("a", 1, Exited(1), LOST_PEER), ended("b", 2, Exited(1), LOST_PEER)], "a"),
        ([ended("a", 2, KILLED), ended("b", 1, Exited(1), TIMEOUT)], "b"),
        ([ended("a", 1, Hung(5.0, "rank 1")), ended("b", 2, Hung(5.0))], "b"),
        ([ended("a", 1, Exited(1), LOST_PEER), ended("b", 2, ProtocolViolation("x"))], "b"),
    ],
    ids=[
        "alone",
        "killed after who lost it",
        "timeout after who lost it",
        "only after-effects: the earliest",
        "two causes: the earliest",
        "who waits hangs because of another",
        "broken protocol",
    ],
)
def test_root_cause_is_named_in_every_failure_and_stands_first(episode, root_cause):
    """All others are its after-effects."""
    failures = judge(episode)
    assert failures[0].runner_id == root_cause
    assert {failure.root_cause for failure in failures} == {root_cause}
    assert failures[0].role is Role.ROOT
    assert {failure.role for failure in failures[1:]} <= {Role.AFTER_EFFECT}


def test_message_is_one_line_with_who_how_why_and_because_of_whom():
    """Foreign text in it is bounded, and is no second line."""
    error = RunnerTerminationError(
        type="RuntimeError", message="x" * 5000 + "\nsecond line", repr="", traceback=""
    )
    lost = (LostTask(1, "Generate"), LostTask(2, "Generate"))
    root, other = judge([ended("a", 1, Raised(error, 1), LOST_PEER, lost), ended("b", 2, KILLED)])
    assert root.error_message == (
        "runner 'b' (pid 4711, incarnation 1) was ended by SIGKILL (Killed), signal 9, "
        "after 2.0 s while serving"
    )
    assert "\n" not in other.error_message
    assert len(other.error_message) <= 500
    assert "raised RuntimeError: xxx" in other.error_message


def test_only_known_findings_are_diagnostics():
    """Notes, such as the generic traceback behind a specific cause, are in the diagnosis."""
    output = b'Traceback (most recent call last):\n  File "a.py", line 1, in f\n' + LOST_PEER
    (failure,) = judge([ended("a", 1, Exited(1), output)])
    assert [finding.cause for finding in failure.diagnostics] == ["ring-peer-closed"]
    assert len(failure.diagnosis.findings) > len(failure.diagnostics)
