"""Lines to findings: the signatures of single lines, and the texts of several lines."""

import copy
import logging
import re
import sys
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final, final

import attrs

from diagnostics._consumed import Consumed
from diagnostics._cut import CutMatch, cut_pattern
from diagnostics._levels import standing_of
from diagnostics._lines import decode, shorten
from diagnostics._records import lines_of_record, may_be_record
from diagnostics._scanner import Scanner
from diagnostics._sightings import Sighting, Sightings
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Block, Context, Signature

_EVIDENCE_LINE: Final = 1_000
_BLOCK_LINE: Final = 2_000  # a text of several lines keeps many of them
_FIRST_EVIDENCE: Final = 6
_LAST_EVIDENCE: Final = 14
_MAX_OPEN: Final = 8  # texts of several lines, of as many ranks or threads, at one time
_TRIES_IN_A_LINE: Final = 64
"""Matches that are looked at: a builder reads the line, so all of them would take its square."""
_MATCHES_IN_A_LINE: Final = 8
_REMEMBERED_LINES: Final = 64
_LONGEST_REMEMBERED: Final = 1_000
_LONGEST_PREFIX: Final = 500
_EVIDENCE_SIZE: Final = 2_500  # bytes of memory; one rare character widens all of a text's

_CLOCK: Final = re.compile(r"\d\d:\d\d")
_DIGIT: Final = re.compile(r"\d")

logger = logging.getLogger("diagnostics")


@attrs.define
class _Open:
    """A text of several lines while it is being read."""

    signature: Signature
    block: Block
    prefix: str
    line: int
    first_seen: float
    last_seen: float
    last_line: int
    first_lines: list[str]
    last_lines: list[str]

    def without_prefix(self, line: str) -> str:
        """Return the line without the log prefix of the first one; the time in it may differ."""
        size = len(self.prefix)
        if not size or line.startswith(self.prefix):
            return line[size:]
        if _CLOCK.search(self.prefix):
            mask = _DIGIT.sub("0", self.prefix)
            if _DIGIT.sub("0", line[:size]) == mask:
                return line[size:]
        return line

    def take(self, line: str, number: int, at: float) -> None:
        self.last_seen = at
        self.last_line = number
        if len(self.first_lines) < _FIRST_EVIDENCE:
            self.first_lines.append(_evidence(line))
            return
        self.last_lines.append(_evidence(line))
        if len(self.last_lines) > _LAST_EVIDENCE:
            del self.last_lines[0]


@final
class Recognizer:
    """
    Make findings of the lines of one output.

    Args:
        scanner: Says which signatures a line may be about.
        platform: The `sys.platform` of the process that prints the lines.
    """

    def __init__(self, scanner: Scanner, platform: str) -> None:
        self._scanner = scanner
        self._context = Context(platform)
        self._sightings = Sightings()
        self._open: list[_Open] = []
        self._broken: dict[str, str] = {}
        self._remembered: dict[bytes, tuple[Sighting, ...]] = {}
        self._remembered_facts: dict[str, Any] = {}
        self.fatal: Finding | None = None
        """The first fatal finding."""

    @property
    def is_open(self) -> bool:
        """Whether a text of several lines is being read, so that every line matters."""
        return bool(self._open)

    @property
    def dropped(self) -> int:
        """How many different findings were left out for want of room."""
        return self._sightings.dropped

    @property
    def broken(self) -> tuple[str, ...]:
        """The names of the signatures that raised and are not used any more."""
        return tuple(self._broken)

    def fresh(self) -> "Recognizer":
        """Return one that looks for the same and has read nothing."""
        other = Recognizer(self._scanner, self._context.platform)
        other._broken = dict(self._broken)
        return other

    def copy(self) -> "Recognizer":
        """Return an independent copy, for a look at what an unfinished output amounts to."""
        other = Recognizer(self._scanner, self._context.platform)
        other._context = attrs.evolve(self._context, facts=dict(self._context.facts))
        other._sightings = self._sightings.copy()
        for item in self._open.copy():
            try:
                block = copy.deepcopy(item.block)
            except Exception as error:  # noqa: BLE001  # a plugin may raise anything
                self._break(item.signature, error)
                self._open.remove(item)
                continue
            other._open.append(
                attrs.evolve(
                    item,
                    block=block,
                    first_lines=list(item.first_lines),
                    last_lines=list(item.last_lines),
                )
            )
        other._broken = dict(self._broken)
        other.fatal = self.fatal
        return other

    def take(
        self, data: bytes, number: int, at: float, previous: bytes = b"", *, cut: bool = False
    ) -> None:
        """
        Look at one line.

        Args:
            data: The line, cleaned of escapes, without its terminator.
            number: Its number in the output.
            at: When it arrived.
            previous: The line before it.
            cut: Whether to take it for the beginning of a longer one.
        """
        if not self._open and self._again(data, number, at):
            return
        signatures = self._scanner.candidates(data)
        if not signatures and not self._open and not cut:
            return
        record = lines_of_record(data) if may_be_record(data) else None
        if record is None:
            self._take(data, signatures, number, at, previous, cut=cut)
            return
        for text in record:
            self._take(text, self._scanner.candidates(text), number, at, previous, cut=False)
            previous = text

    def _take(
        self,
        data: bytes,
        signatures: tuple[Signature, ...],
        number: int,
        at: float,
        previous: bytes,
        *,
        cut: bool,
    ) -> None:
        line = decode(data)
        # A block may say, by these attributes, what its lines are worth.
        self._context.handled = any(getattr(it.block, "handled", False) for it in self._open)
        self._context.ignored = any(getattr(it.block, "ignored", False) for it in self._open)
        self._context.reading = bool(self._open)
        claimed, sightings = self._single_line(line, signatures, number, at)
        if cut and not claimed:
            claimed = self._cut_line(line, number, at)
        if self._open:
            taken = self._feed_open(line, number, at, claimed=claimed)
        else:
            taken = False
            if all(signature.open_block is None for signature in signatures):
                self._remember(data, sightings)
        if not taken and signatures:
            self._context.previous = decode(previous)
            self._context.reading = bool(self._open)
            self._open_blocks(line, signatures, number, at, claimed=claimed)

    def _again(self, data: bytes, number: int, at: float) -> bool:
        # Errors come in floods of the same few lines; what such a line amounts to
        # depends on nothing but the line and the facts.
        sightings = self._remembered.get(data)
        if sightings is None or self._context.facts != self._remembered_facts:
            return False
        if not all(sighting.kept for sighting in sightings):
            return False
        for sighting in sightings:
            self._sightings.again(sighting, at, number)
        return True

    def _remember(self, data: bytes, sightings: tuple[Sighting, ...]) -> None:
        if len(data) > _LONGEST_REMEMBERED:
            return
        if (
            len(self._remembered) >= _REMEMBERED_LINES
            or self._context.facts != self._remembered_facts
        ):
            self._remembered.clear()
            self._remembered_facts = dict(self._context.facts)
        self._remembered[data] = sightings

    def finish(self) -> None:
        """Take the output as ended: what is being read is all there is of it."""
        for item in self._open:
            self._close(item)
        self._open.clear()

    def findings(self) -> tuple[Finding, ...]:
        """Return the findings in the order of their last sighting."""
        return self._sightings.by_last_sighting()

    def _single_line(
        self, line: str, signatures: Iterable[Signature], number: int, at: float
    ) -> tuple[bool, tuple[Sighting, ...]]:
        claimed = False
        sightings = []
        ordered = sorted(signatures, key=lambda signature: signature.generic)
        for signature in ordered:
            if signature.build is None or (signature.generic and claimed):
                continue
            for finding in self._built(signature, line):
                claimed = claimed or finding.role is not Role.NOTE
                evidence = (_evidence(line),)
                sightings.append(self._add(finding, evidence, (number, number), at, at))
        return claimed, tuple(sightings)

    def _cut_line(self, line: str, number: int, at: float) -> bool:
        """Add what a line that its process did not finish begins to say, if that is clear."""
        found: dict[str, Finding] = {}
        longest = 0
        for signature in self._scanner.signatures:
            if signature.build is None or signature.generic or signature.name in self._broken:
                continue
            pattern = cut_pattern(signature.pattern)
            match = pattern.search(line) if pattern is not None else None
            if match is None or len(match.group()) < longest:
                continue
            try:
                cut = CutMatch(match, tuple(signature.regex.groupindex))
                finding = signature.build(cut, self._context)
                if finding is not None:
                    finding = self._placed(_checked(finding), signature, line, match.start())
            except Exception:  # noqa: BLE001, S112  # a builder may need what was cut off
                continue
            if finding is not None and finding.role is not Role.NOTE:
                found = {} if len(match.group()) > longest else found
                found[finding.cause] = finding
                longest = len(match.group())
        if len(found) != 1:
            return False
        evidence = (shorten(line, _EVIDENCE_LINE),)
        for finding in found.values():
            self._add(finding, evidence, (number, number), at, at)
        return True

    def _built(self, signature: Signature, line: str) -> list[Finding]:
        if signature.name in self._broken or signature.build is None:
            return []
        found: list[Finding] = []
        try:
            for match in islice(signature.regex.finditer(line), _TRIES_IN_A_LINE):
                finding = signature.build(match, self._context)
                if finding is not None:
                    finding = self._placed(_checked(finding), signature, line, match.start())
                # Two matches that say the same are one sighting.
                if finding is not None and finding not in found:
                    found.append(finding)
                if len(found) >= _MATCHES_IN_A_LINE:
                    break
        except Exception as error:  # noqa: BLE001  # a plugin may raise anything
            self._break(signature, error)
        return found

    def _placed(
        self, finding: Finding, signature: Signature, line: str, start: int
    ) -> Finding | None:
        """Return a finding with the role that its place in the log and in the output leaves it."""
        if finding.role is Role.NOTE:
            return finding
        standing = None if signature.any_level else standing_of(line, start)
        if standing is not None:
            return None if standing == "source" else attrs.evolve(finding, role=Role.NOTE)
        if any(getattr(it.block, "tentative", False) for it in self._open):
            return attrs.evolve(finding, tentative=True)
        return finding

    def _open_blocks(
        self, line: str, signatures: Iterable[Signature], number: int, at: float, *, claimed: bool
    ) -> None:
        for signature in signatures:
            if signature.open_block is None or signature.name in self._broken:
                continue
            if signature.generic and claimed:
                continue
            try:
                match = signature.regex.search(line)
                block = signature.open_block(match, self._context) if match else None
            except Exception as error:  # noqa: BLE001  # a plugin may raise anything
                self._break(signature, error)
                continue
            if block is None:
                continue
            if len(self._open) >= _MAX_OPEN:
                self._close(self._open.pop(0))
            start = match.start(signature.regex.groupindex.get("own", 0))
            prefix = line[:start] if start <= _LONGEST_PREFIX else ""
            item = _Open(signature, block, prefix, number, at, at, number, [], [])
            item.take(line, number, at)
            self._open.append(item)

    def _feed_open(self, line: str, number: int, at: float, *, claimed: bool) -> bool:
        for item in reversed(self._open.copy()):
            own = shorten(item.without_prefix(line), _BLOCK_LINE)
            try:
                consumed = item.block.feed(own, claimed=claimed)
            except Exception as error:  # noqa: BLE001  # a plugin may raise anything
                self._break(item.signature, error)
                self._open.remove(item)
                continue
            if consumed is Consumed.CLOSED:
                self._open.remove(item)
                self._close(item)
            elif consumed is Consumed.TAKEN:
                item.take(line, number, at)
                return True
        return False

    def _close(self, item: _Open) -> None:
        try:
            findings = [_checked(finding) for finding in item.block.findings()]
        except Exception as error:  # noqa: BLE001  # a plugin may raise anything
            self._break(item.signature, error)
            return
        evidence = (*item.first_lines, *item.last_lines)
        for finding in findings:
            lines = (item.line, item.last_line)
            placed = self._placed(finding, item.signature, evidence[0], len(item.prefix))
            if placed is not None:
                placed = attrs.evolve(placed, tentative=finding.tentative)
                self._add(placed, evidence, lines, item.first_seen, item.last_seen)

    def _add(
        self,
        finding: Finding,
        evidence: tuple[str, ...],
        numbers: tuple[int, int],
        first: float,
        last: float,
    ) -> Sighting:
        changes: dict[str, Any] = {"first_seen": first, "last_seen": last}
        changes["line"], changes["last_line"] = numbers
        if not finding.evidence:
            changes["evidence"] = evidence
        finding = attrs.evolve(finding, **changes)
        if self.fatal is None and finding.is_fatal and finding.role is not Role.NOTE:
            self.fatal = finding
        return self._sightings.add(finding)

    def _break(self, signature: Signature, error: Exception) -> None:
        if signature.name not in self._broken:
            self._broken[signature.name] = repr(error)
            logger.error(
                "signature %s raised and is not used any more for this output",
                signature.name,
                exc_info=error,
            )


def _evidence(line: str) -> str:
    text = shorten(line, _EVIDENCE_LINE)
    return text if sys.getsizeof(text) <= _EVIDENCE_SIZE else shorten(text, _EVIDENCE_LINE // 2)


def _checked(finding: object) -> Finding:
    if not isinstance(finding, Finding):
        raise TypeError(f"a builder returned {type(finding).__name__}, not a Finding")
    return finding
