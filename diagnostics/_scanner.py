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
def _automata(literals: tuple[str, ...]) -> tuple[Any, Any, Any]:
    """Return what finds a literal or control, a literal, and all literals in a line."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # bytes, whatever they are
    options.max_mem = _MAX_MEMORY
    options.log_errors = False
    options.never_capture = True
    parts = [re2.escape(literal.encode()) for literal in literals]
    every = re2.Set.SearchSet(options)
    for part in parts:
        every.Add(part)
    every.Compile()
    anything = re2.compile(b"|".join([*parts, CONTROL_CLASS.encode()]), options)
    return anything, re2.compile(b"|".join(parts), options), every


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
        by_literal: dict[str, list[Signature]] = {}
        for signature in signatures:
            for literal in signature.literals:
                by_literal.setdefault(literal, []).append(signature)
        self._signatures = tuple(by_literal.values())
        self._anything, self._literals, self._every = _automata(tuple(by_literal))

    def first(self, data: bytes) -> int:
        """Return the offset of the first literal or control character, or -1 without one."""
        found = self._anything.search(data)
        return -1 if found is None else int(found.start())

    def find(self, data: bytes, start: int) -> int:
        """Return the offset of the first literal in cleaned `data` from `start` on, or -1."""
        found = self._literals.search(data, start) if self._signatures else None
        return -1 if found is None else int(found.start())

    def candidates(self, line: bytes) -> tuple[Signature, ...]:
        """Return the signatures one of whose literals is in a cleaned line."""
        if not self._signatures:
            return ()
        found = self._every.Match(line) or ()
        return tuple(
            dict.fromkeys(item for index in sorted(found) for item in self._signatures[index])
        )
