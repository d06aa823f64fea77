"""The collector: feed it one process's output, ask it what the output means."""

import sys
from collections.abc import Iterable
from typing import final

from diagnostics._lines import LineSplitter, without_escapes
from diagnostics._recognizer import Recognizer
from diagnostics._scanner import scanner_of
from diagnostics._second_look import reread
from diagnostics._tail import Tail
from diagnostics._telling import Templates, telling_lines
from diagnostics.diagnosis import Diagnosis, Ending
from diagnostics.findings import Finding, Role
from diagnostics.ranking import ordered
from diagnostics.signatures import Signature, registered_signatures


@final
class RunnerDiagnosticCollector:
    """
    Turn the output of one process into findings and a tail, within fixed memory.

    Whatever the bytes are, nothing here raises because of them.

    Args:
        platform: The `sys.platform` of the process, by which its error numbers are read.
        tail_bytes: How many bytes of the end of the output are kept.
        tail_lines: How many lines of it are shown.
        signatures: What to recognise; by default everything that is registered.
    """

    def __init__(
        self,
        *,
        platform: str = sys.platform,
        tail_bytes: int = 64 * 1024,
        tail_lines: int = 200,
        signatures: Iterable[Signature] | None = None,
    ) -> None:
        self._scanner = scanner_of(registered_signatures() if signatures is None else signatures)
        self._splitter = LineSplitter()
        self._tail = Tail(tail_bytes, tail_lines)
        self._recognizer = Recognizer(self._scanner, platform)
        self._templates = Templates()
        self._last_line = b""
        self._lines = 0
        self._bytes = 0
        self._dropped_bytes = 0
        self._last_fed = 0.0

    @property
    def fatal(self) -> Finding | None:
        """The first finding after which the process is lost even if it goes on living."""
        return self._recognizer.fatal

    def feed(self, data: bytes, *, at: float) -> None:
        """
        Take the next bytes of the output.

        Args:
            data: The bytes, cut anywhere.
            at: When they arrived, in seconds since the epoch.
        """
        self._bytes += len(data)
        self._last_fed = at
        for block in self._splitter.feed(data):
            self._take(block, at)

    def record_line(self, line: str, *, at: float) -> None:
        """
        Take one whole line.

        Args:
            line: The line without its terminator.
            at: When it arrived, in seconds since the epoch.
        """
        self.feed(line.encode("utf-8", "backslashreplace") + b"\n", at=at)

    def note_dropped(self, n_bytes: int) -> None:
        """
        Take note that output was lost before it got here.

        Args:
            n_bytes: How many bytes.
        """
        self._dropped_bytes += n_bytes
        # What came before and what comes next are no one line.
        block = self._splitter.flush()
        if block:
            self._take(block, self._last_fed)

    def diagnostics(self) -> tuple[Finding, ...]:
        """Return the causes found so far, the most likely first, without notes."""
        return tuple(
            finding for finding in self.diagnosis().findings if finding.role is not Role.NOTE
        )

    def diagnosis(self, ending: Ending | None = None) -> Diagnosis:
        """
        Return what the output so far amounts to, its unfinished last line included.

        Args:
            ending: How the process ended, if it has; it decides between equal causes.
        """
        pending = without_escapes(self._splitter.pending)
        recognizer = self._recognizer.copy()
        if pending:
            for segment in pending.split(b"\r"):
                recognizer.take(segment, self._lines + 1, self._last_fed, self._last_line)
        recognizer.finish()
        tail = self._tail.lines(pending)
        total_lines = self._lines + bool(pending)
        findings = reread(
            recognizer,
            tail,
            lambda found, lines: ordered(
                found, ending, tail=lines, total_lines=total_lines, last_seen=self._last_fed
            ),
            total_lines=total_lines,
            at=self._last_fed,
        )
        known = any(finding.role is not Role.NOTE for finding in findings)
        return Diagnosis(
            findings=findings,
            telling=() if known else telling_lines(tail, self._templates),
            tail=tail,
            total_bytes=self._bytes,
            total_lines=total_lines,
            dropped_bytes=self._dropped_bytes,
            problem=self._problem(recognizer),
        )

    def _take(self, block: bytes, at: float) -> None:
        place = self._scanner.find(block)
        plain = place < 0
        if not plain:
            rest = block[place:]
            cleaned = without_escapes(rest)
            if cleaned is not rest:
                block = block[:place] + cleaned
                # What was cut out may have stood in the middle of a literal.
                place = max(place - self._scanner.reach, 0)
        self._tail.append(block)
        self._templates.learn(block)
        position = 0
        if not plain or self._recognizer.is_open:
            position = self._recognize(block, at, place)
        self._lines += block.count(b"\n", position)
        body_end = _body_end(block, len(block) - 1)
        start = max(block.rfind(b"\n", 0, body_end), block.rfind(b"\r", 0, body_end)) + 1
        self._last_line = block[start:body_end]

    def _recognize(self, block: bytes, at: float, searched: int) -> int:
        """Look at the lines of a block that matter; return up to where they are counted."""
        recognizer = self._recognizer
        position, number, previous = 0, self._lines + 1, self._last_line
        place = -1
        while position < len(block):
            if not recognizer.is_open:
                if place < position:
                    place = self._scanner.find(block, max(position, searched))
                if place < 0:
                    break
                start = _segment_start(block, position, place)
                number += block.count(b"\n", position, start)
                if start > position:
                    before = _body_end(block, start - 1)
                    previous = block[_segment_start(block, position, before) : before]
                position = start
            end = _segment_end(block, position)
            line = block[position:end]
            recognizer.take(line, number, at, previous)
            previous = line
            # The CR of a CR LF ends no segment of its own.
            position = end + 1 + (block[end : end + 2] == b"\r\n")
            number += block[position - 1 : position] == b"\n"
        self._lines = number - 1
        return position

    def _problem(self, recognizer: Recognizer) -> str | None:
        parts = []
        if self._dropped_bytes:
            parts.append(f"{self._dropped_bytes} bytes of output were lost before they were read")
        if recognizer.dropped:
            parts.append(f"{recognizer.dropped} further findings were left out")
        if recognizer.broken:
            parts.append(f"signatures that raised: {', '.join(recognizer.broken)}")
        return "; ".join(parts) or None


def _body_end(block: bytes, terminator: int) -> int:
    return terminator - (block[terminator - 1 : terminator + 1] == b"\r\n")


def _segment_start(block: bytes, low: int, place: int) -> int:
    newline = block.rfind(b"\n", low, place)
    lone = block.rfind(b"\r", max(low, newline), place)
    return max(newline, lone, low - 1) + 1


def _segment_end(block: bytes, start: int) -> int:
    newline = block.find(b"\n", start)
    newline = len(block) if newline < 0 else newline
    lone = block.find(b"\r", start, newline)
    return newline if lone < 0 else lone
