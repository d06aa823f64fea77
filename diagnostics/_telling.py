"""The most telling lines of an output in which nothing was recognised."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, final

from diagnostics._lines import decode, first_terminator, shorten

_VARIABLE: Final = re.compile(r"0x[0-9a-fA-F]+|\d+|'[^']{0,80}'|\"[^\"]{0,80}\"|/[\w./-]{2,}")
_WORDS: Final = re.compile(
    r"(?i)\b(?:error|fatal|fail(?:ed|ure)?|panic|abort(?:ed)?|exception|critical|killed|cannot"
    r"|could(?: not|n't)|unable|invalid|denied|refused|timed? ?out|corrupt\w*|unexpected|assert\w*"
    r"|overflow|violation|out of|no such|not found|lost|died|dead)\b"
)
_FRAME: Final = re.compile(r'^\s+(?:File "|at |from |#\d+ )|^\s*frame #\d+|^\s*\S+\(\+?0x')
_CALM: Final = re.compile(r"(?:^|[\s\[|(\]])(?:INFO|DEBUG|info|debug)(?:[\s\]|:)])")

_TEMPLATES: Final = 512
_TEMPLATE_LENGTH: Final = 120
_ALL_LEARNED: Final = 32 * 1024  # bytes at the beginning, of which every line is looked at
_SAMPLED_LINES: Final = 4  # at one place, after that
_SAMPLED_BYTES: Final = 512  # of one line
_RARER: Final = 8  # after so many bytes, the next place is an eighth of them further on
_RAREST: Final = 4 << 20
_LINES: Final = 6
_LINE: Final = 500
_ENOUGH: Final = 2.5
_AT_LEAST: Final = 3


def template_of(line: str) -> str:
    """
    Return a line without what varies: numbers, quoted texts, paths.

    Args:
        line: The line.
    """
    return _VARIABLE.sub("*", line[: 2 * _TEMPLATE_LENGTH])[:_TEMPLATE_LENGTH]


@final
class Templates:
    """
    The kinds of lines that an output has, each once, within fixed memory.

    They are learned from a sample: a few lines at places that lie the further apart the
    more there was, and that do not depend on how the output is cut into blocks.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._offset = 0
        self._place = 0
        self._left = _SAMPLED_LINES

    def learn(self, block: bytes) -> None:
        """
        Take note of the kinds of lines in a block of output.

        Args:
            block: Whole segments.
        """
        start = self._at_place(block)
        while start < len(block):
            end = first_terminator(block, start)
            self._count(block[start : min(end, start + _SAMPLED_BYTES)])
            start = end + 1
            self._left -= 1
            if not self._left:
                self._left = _SAMPLED_LINES
                seen = self._offset + start
                self._place = seen + min(max(seen - _ALL_LEARNED, 0) // _RARER, _RAREST)
                start = self._at_place(block)
        self._offset += len(block)

    def _at_place(self, block: bytes) -> int:
        """Return where in the block the first segment begins that is not before the place."""
        start = self._place - self._offset
        return first_terminator(block, start - 1) + 1 if start > 0 else 0

    def _count(self, line: bytes) -> None:
        kind = template_of(decode(line))
        if kind in self._counts or len(self._counts) < _TEMPLATES:
            self._counts[kind] = self._counts.get(kind, 0) + 1

    def is_new(self, line: str, *, within: int = 1) -> bool:
        """
        Return whether a line is of a kind that was hardly seen.

        Args:
            line: The line.
            within: How often at most, its own appearance included.
        """
        return self._counts.get(template_of(line), 0) <= within


def telling_lines(tail: Sequence[str], templates: Templates) -> tuple[str, ...]:
    """
    Choose the lines of a tail that say most about an end, in the order printed.

    Lines of an unusual kind, with words of failure, near the end and not part of a
    stack come first.

    Args:
        tail: The last lines of the output.
        templates: The kinds of lines of the whole output.
    """
    in_tail: dict[str, int] = {}
    for line in tail:
        kind = template_of(line)
        in_tail[kind] = in_tail.get(kind, 0) + 1
    scored = [
        (_score(line, index, len(tail), templates, in_tail[template_of(line)]), index)
        for index, line in enumerate(tail)
        if line.strip()
    ]
    ranked = sorted(scored, key=lambda item: (-item[0], -item[1]))[:_LINES]
    best = [item for item in ranked if item[0] >= _ENOUGH] or ranked[:_AT_LEAST]
    return tuple(_unique(shorten(tail[index], _LINE) for _, index in sorted(best, key=_index)))


def _index(item: tuple[float, int]) -> int:
    return item[1]


def _score(line: str, index: int, length: int, templates: Templates, repeated: int) -> float:
    score = 2.0 * (index + 1) / length  # the nearer to the end, the more it says
    if _WORDS.search(line):
        score += 2.0
    if templates.is_new(line, within=repeated):
        score += 1.0
    if repeated > 3:  # noqa: PLR2004  # what is repeated is the ordinary
        score -= 1.0
    if _FRAME.search(line):
        score -= 1.5
    if _CALM.search(line):
        score -= 1.5
    return score


def _unique(lines: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(lines)
