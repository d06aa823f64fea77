"""Who of a group failed first and of itself, and who followed."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import attrs

from diagnostics.findings import Finding, Role

_OWN: Final = 0
_EITHER: Final = 1
_FOLLOWED: Final = 2


@attrs.frozen
class Member:
    """
    One process of a group that went down.

    Attributes:
        id: Its name, unique in the group.
        ended_at: When it ended, on any clock that all members share.
        findings: What its output told.
        own_cause: Whether it is known to have ended of itself (`True`) or because of
            another (`False`); `None` leaves it to the findings.
        waiting_for: Whom it was waiting for when it ended, if it was.
    """

    id: str
    ended_at: float
    findings: tuple[Finding, ...] = ()
    own_cause: bool | None = None
    waiting_for: str | None = None


@attrs.frozen
class Ranking:
    """
    The verdict on a group.

    Attributes:
        root_cause: The id of the member that the others followed; `None` for no members.
        roles: For each member's id, `Role.ROOT` or `Role.AFTER_EFFECT`.
    """

    root_cause: str | None
    roles: Mapping[str, Role]


def rank(members: Sequence[Member]) -> Ranking:
    """
    Decide which member is the root cause.

    A member that shows a cause of its own goes before one whose findings may be either,
    and that before one that only felt another's end; among equals the first to end. A
    member without findings counts as having a cause of its own, because what is killed
    from outside says nothing.

    Args:
        members: The members that ended, in any order.
    """
    if not members:
        return Ranking(None, MappingProxyType({}))
    root = min(members, key=lambda member: (_class(member), member.ended_at, member.id))
    return Ranking(
        root.id,
        MappingProxyType(
            {
                member.id: Role.ROOT if member.id == root.id else Role.AFTER_EFFECT
                for member in members
            }
        ),
    )


def _class(member: Member) -> int:
    if member.own_cause is not None:
        return _OWN if member.own_cause else _FOLLOWED
    if member.waiting_for is not None:
        return _FOLLOWED
    roles = {finding.role for finding in member.findings} - {Role.NOTE}
    if not roles or Role.ROOT in roles:
        return _OWN
    return _EITHER if Role.EITHER in roles else _FOLLOWED
