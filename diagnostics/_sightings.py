"""Findings, each once, with how often and when it was seen; a bounded number of them."""

import sys
from typing import Any, Final, final

import attrs

from diagnostics.findings import Finding, Role

_PER_CAUSE: Final = 8
_IN_ALL: Final = 64
_ROOM: Final = 384 * 1024


@attrs.define(eq=False)
class Sighting:
    """
    One finding and how often it was seen.

    Attributes:
        finding: What is known, as of the last time that something was added to it.
        count: How many times it was seen.
        first_seen: When it was seen first, in seconds since the epoch.
        last_seen: When it was seen last, in seconds since the epoch.
        last_line: The number of the line where it was seen last.
        size: How many bytes of memory the finding takes, about.
        kept: Whether it has not been dropped for want of room.
    """

    finding: Finding
    count: int
    first_seen: float
    last_seen: float
    last_line: int = 0
    size: int = 0
    kept: bool = True

    def result(self) -> Finding:
        """Return the finding with the count and the times."""
        return attrs.evolve(
            self.finding,
            count=self.count,
            first_seen=self.first_seen,
            last_seen=self.last_seen,
            last_line=self.last_line,
        )


@final
class Sightings:
    """
    Collect findings within fixed memory.

    A finding that says the same as an earlier one, or more or less of the same, is
    merged into it. Of the findings of one cause the first and the latest are kept.
    """

    def __init__(self) -> None:
        self._all: dict[Sighting, None] = {}  # in the order of their last sighting
        self._size = 0
        self.dropped = 0
        """How many different findings were left out for want of room."""

    def copy(self) -> "Sightings":
        """Return an independent copy."""
        other = Sightings()
        other._all = {attrs.evolve(sighting): None for sighting in self._all}
        other._size = self._size
        other.dropped = self.dropped
        return other

    def add(self, finding: Finding) -> Sighting:
        """
        Take one sighting.

        Args:
            finding: The finding, with the time and line of this sighting.

        Returns:
            The sighting it was counted for.
        """
        same_cause = [known for known in self._all if type(known.finding) is type(finding)]
        identity = finding.identity()
        for known in reversed(same_cause):
            before = known.finding.identity()
            if known.finding.role is finding.role and _compatible(before, identity):
                changes: dict[str, Any] = {}
                if not identity.keys() <= before.keys():
                    changes |= {**identity, **before}
                if getattr(finding, "detail", None) and not getattr(known.finding, "detail", None):
                    changes["detail"] = finding.detail  # type: ignore[attr-defined]
                if known.finding.tentative and not finding.tentative:
                    changes["tentative"] = False
                if changes:
                    self._size -= known.size
                    known.finding = attrs.evolve(known.finding, **changes)
                    known.size = _size_of(known.finding)
                    self._size += known.size
                self.again(known, finding.last_seen, finding.last_line)
                return known
        if len(same_cause) >= _PER_CAUSE:
            first = min(same_cause, key=lambda known: known.finding.line)
            self._drop(next(known for known in same_cause if known is not first))
        size = _size_of(finding)
        while self._all and (len(self._all) >= _IN_ALL or self._size + size > _ROOM):
            notes = (known for known in self._all if known.finding.role is Role.NOTE)
            self._drop(next(notes, next(iter(self._all))))
        sighting = Sighting(
            finding, 1, finding.first_seen, finding.last_seen, finding.last_line, size
        )
        self._all[sighting] = None
        self._size += size
        return sighting

    def again(self, sighting: Sighting, at: float, number: int = 0) -> None:
        """
        Count what is known already once more.

        Args:
            sighting: What `add` returned.
            at: When it was seen.
            number: The number of the line.
        """
        sighting.count += 1
        sighting.last_seen = max(sighting.last_seen, at)
        sighting.last_line = max(sighting.last_line, number)
        del self._all[sighting]
        self._all[sighting] = None

    def by_last_sighting(self) -> tuple[Finding, ...]:
        """Return the findings, the one seen longest ago first."""
        return tuple(sighting.result() for sighting in self._all)

    def _drop(self, sighting: Sighting) -> None:
        sighting.kept = False
        self._size -= sighting.size
        del self._all[sighting]
        self.dropped += 1


def _size_of(value: Any) -> int:
    size = sys.getsizeof(value)
    if isinstance(value, tuple):
        return size + sum(map(_size_of, value))
    if attrs.has(type(value)):
        names = (field.name for field in attrs.fields(type(value)))
        return size + sum(_size_of(getattr(value, name)) for name in names)
    return size


def _compatible(known: dict[str, Any], new: dict[str, Any]) -> bool:
    return all(known[name] == value for name, value in new.items() if name in known)
