"""Pure: from drafts and diagnoses to the failures that are published."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import attrs

from actors._port_events import PortEnded
from actors.messages import RunnerFailed
from actors.reasons import ExitReason, Hung, Overdue, ProtocolViolation
from diagnostics.diagnosis import Diagnosis
from diagnostics.findings import Role
from diagnostics.root_cause import Member, rank

_MESSAGE_LIMIT: Final = 500


class Ended(NamedTuple):
    """One runner's end with what its output tells."""

    event: PortEnded
    diagnosis: Diagnosis


def judge(episode: Sequence[Ended]) -> tuple[RunnerFailed, ...]:
    """
    Complete the failures of runners that went down together, the root cause first.

    Args:
        episode: Failures of one group, in any order. A runner that is in no group, or whose
            group restarts it alone, is an episode of its own.

    Returns:
        The failures, with findings, roles and one line for people.
    """
    ranking = rank([_member(ended) for ended in episode])
    in_order = sorted(
        episode,
        key=lambda ended: (
            ended.event.runner_id != ranking.root_cause,
            ended.event.ended_at,
            ended.event.runner_id,
        ),
    )
    return tuple(
        _complete(ended, ranking.roles[ended.event.runner_id], ranking.root_cause)
        for ended in in_order
    )


def _member(ended: Ended) -> Member:
    reason = ended.event.draft.reason
    return Member(
        ended.event.runner_id,
        ended.event.ended_at,
        ended.diagnosis.findings,
        own_cause=_own_cause(reason),
        waiting_for=reason.waiting_for if isinstance(reason, Hung | Overdue) else None,
    )


def _own_cause(reason: ExitReason) -> bool | None:
    """Return whether the reason alone says that the runner failed of itself."""
    if isinstance(reason, Hung | Overdue):
        return reason.waiting_for is None
    if isinstance(reason, ProtocolViolation):
        return True
    return None


def _complete(ended: Ended, role: Role, root_cause: str | None) -> RunnerFailed:
    draft, diagnosis = ended.event.draft, ended.diagnosis
    failure = attrs.evolve(
        draft,
        diagnosis=diagnosis,
        diagnostics=tuple(
            finding for finding in diagnosis.findings if finding.role is not Role.NOTE
        ),
        role=role,
        root_cause=root_cause,
    )
    return attrs.evolve(failure, error_message=message_of(failure))


def message_of(failure: RunnerFailed) -> str:
    """Return one line that says who ended, how, why, and because of whom."""
    process = f"pid {failure.pid}, " if failure.pid is not None else ""
    what = (
        f"runner {failure.runner_id!r} ({process}incarnation {failure.incarnation}) "
        f"{failure.reason}, after {failure.uptime:.1f} s while {failure.phase}"
    )
    parts = [what]
    if failure.diagnostics:
        parts.append(f"likely cause: {failure.diagnostics[0].message}")
    elif failure.diagnosis.problem is not None:
        parts.append(f"no diagnosis: {failure.diagnosis.problem}")
    if failure.role is Role.AFTER_EFFECT:
        parts.append(f"after-effect of the failure of {failure.root_cause!r}")
    if failure.tasks:
        count = len(failure.tasks)
        parts.append(f"{count} task{'s' * (count != 1)} lost")
    return " ".join("; ".join(parts).split())[:_MESSAGE_LIMIT]
