"""One pass over raw bytes that says where, if anywhere, a line worth parsing stands."""

import functools
from collections.abc import Iterable
from typing import Any, Final, final

import re2

from diagnostics._lines import CONTROL_CLASS
from diagnostics.signatures import Signature

# The automaton of a catalogue of 110 causes takes a few MiB. With less memory RE2
# would fall back to a slower matcher, not to wrong answers.
_MAX_MEMORY: Final = 64 << 20


@functools.lru_cache(maxsize=8)
def _automaton(literals: tuple[str, ...], *, controls: bool) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # bytes, whatever they are
    options.max_mem = _MAX_MEMORY
    options.log_errors = False
    options.never_capture = True
    parts = [re2.escape(literal.encode()) for literal in literals]
    if controls:
        parts.append(CONTROL_CLASS.encode())
    return re2.compile(b"|".join(parts), options)


@final
class Scanner:
    """
    Find the lines that a signature might be about.

    All signatures' literals are looked for at once, so that the price of a chunk
    without a candidate does not depend on how many signatures there are.

    Args:
        signatures: The signatures to look for.
    """

    def __init__(self, signatures: Iterable[Signature]) -> None:
        self._by_literal: dict[bytes, list[Signature]] = {}
        for signature in signatures:
            for literal in signature.literals:
                self._by_literal.setdefault(literal.encode(), []).append(signature)
        # Longest first: where one literal begins another the longer one is found,
        # and `candidates` looks up its beginnings as well.
        ordered = sorted(self._by_literal, key=lambda literal: (-len(literal), literal))
        names = tuple(literal.decode() for literal in ordered)
        self._anything = _automaton(names, controls=True)
        self._literals = _automaton(names, controls=False) if names else None

    def first(self, data: bytes, start: int = 0) -> tuple[int, bool]:
        """
        Find the first place of interest.

        Args:
            data: The bytes.
            start: Where to begin.

        Returns:
            Its offset, or -1, and whether it is a control character, because of which
            the bytes must be cleaned before they are looked at.
        """
        found = self._anything.search(data, start)
        if found is None:
            return -1, False
        return found.start(), data[found.start()] < 0x20 or data[found.start()] == 0x7F  # noqa: PLR2004

    def find(self, data: bytes, start: int) -> int:
        """Return the offset of the first literal in cleaned `data` from `start` on, or -1."""
        found = self._literals.search(data, start) if self._literals is not None else None
        return -1 if found is None else int(found.start())

    def candidates(self, line: bytes) -> tuple[Signature, ...]:
        """Return the signatures one of whose literals is in a cleaned line."""
        if self._literals is None or self._literals.search(line) is None:
            return ()
        return tuple(
            dict.fromkeys(
                signature
                for literal, signatures in self._by_literal.items()
                if literal in line
                for signature in signatures
            )
        )
