"""The tail read once more, where the first reading says too little: cut lines, wrapped lines."""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from diagnostics._recognizer import Recognizer
from diagnostics.findings import Finding, Role

_NARROWEST: Final = 60
_WIDEST: Final = 260
_USUAL: Final = (80, 100, 120, 132, 160)
_CONTINUED: Final = re.compile(r"\s*(\S+)")
_OWN_LINE: Final = re.compile(  # what is a line of its own, however narrow the terminal
    r'File "|Traceback \(|^\s*(?:\[|\(|\d{2,4}[-:/]\d|[\w.]+(?:Error|Exception)\b)'
    r"|terminate called|libc\+\+abi"
)
_OWN_START: Final = re.compile(r'\s*File "|Traceback \(')
_LETTERS: Final = 8  # a line of fewer different ones is a ruler or a bar
_PREFIX: Final = 5  # characters at the beginning of two lines that are no chance

Order = Callable[[Sequence[Finding], Sequence[str]], tuple[Finding, ...]]
"""Takes findings and the lines that they stand in; returns them, the likeliest cause first."""


def reread(
    recognizer: Recognizer, tail: Sequence[str], order: Order, *, total_lines: int, at: float
) -> tuple[Finding, ...]:
    """
    Return the findings of a recognizer in order, or what another reading of the tail gives.

    The tail is read again only where no cause of its own was found: with its last line as
    one that was cut off, then with the lines joined that a terminal has wrapped at its
    right edge, then with those that a program has wrapped between words. What was found
    in front of the tail stays.

    Args:
        recognizer: It has read the whole output.
        tail: The last lines of the output.
        order: How to order findings.
        total_lines: How many lines the output has.
        at: When its end arrived.
    """
    best = order(recognizer.findings(), tail)
    worth = _worth(best)
    start = total_lines - len(tail) + 1
    earlier = [finding for finding in recognizer.findings() if finding.last_line < start]
    handled = bool(best) and not worth
    for lines, sure in _readings(tail):
        if (worth >= _ENOUGH or (handled and lines is not tail)) and not sure:
            continue
        other = recognizer.fresh()
        previous = b""
        for index, line in enumerate(lines):
            data = line.encode("utf-8", "backslashreplace")
            # The findings keep the numbers of a tail in which no line is joined.
            number = min(start + index, total_lines)
            other.take(data, number, at, previous, cut=index == len(lines) - 1)
            previous = data
        other.finish()
        found = order([*earlier, *other.findings()], lines)
        if _worth(found) > worth or (sure and _says_more(found, best)):
            best, worth = found, _worth(found)
    return best


def _says_more(found: Sequence[Finding], best: Sequence[Finding]) -> bool:
    return _worth(found) == _worth(best) > 0 and len(found[0].fields) > len(best[0].fields)


_ENOUGH: Final = 4


def _worth(findings: Sequence[Finding]) -> int:
    """Return how much the first finding explains."""
    first = findings[0] if findings else None
    if first is None or first.role is Role.NOTE:
        return 0
    if first.is_symptom:
        return 1
    if first.weight < 0:
        return 2
    return _ENOUGH if first.role is Role.ROOT else 3


def _readings(tail: Sequence[str]) -> Iterator[tuple[Sequence[str], bool]]:
    """Return the readings, and of each whether the lines were surely wrapped that way."""
    if not tail:
        return
    yield tail, False
    width = max(map(len, tail))
    if _NARROWEST <= width <= _WIDEST:
        full = {a for a, b in itertools.pairwise(tail) if _is_cut(a, b, width)}
        sure = bool(full) and (width in _USUAL or len(full) > 1)
        yield _joined(tail, lambda line, after: _is_cut(line, after, width), ""), sure
        yield _joined(tail, lambda line, after: _is_full(line, after, width), " "), False


def _is_cut(line: str, after: str, width: int) -> bool:
    is_ruler = len(set(line)) < _LETTERS
    return len(line) == width and not is_ruler and not _OWN_START.match(after)


def _is_full(line: str, after: str, width: int) -> bool:
    word = _CONTINUED.match(after)
    if word is None or _OWN_LINE.search(after):
        return False
    if line[:_PREFIX] == after[:_PREFIX] and line[:_PREFIX].strip():
        return False
    return len(line) + 1 + len(word.group(1)) > width


def _joined(lines: Sequence[str], goes_on: Callable[[str, str], bool], glue: str) -> list[str]:
    """Join each line that goes on to the one after it."""
    joined: list[str] = []
    open_end = False
    for index, line in enumerate(lines):
        if open_end:
            joined[-1] += glue + (line.lstrip() if glue else line)
        else:
            joined.append(line)
        after = lines[index + 1] if index + 1 < len(lines) else ""
        open_end = goes_on(line, after)
    return joined
