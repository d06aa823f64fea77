"""One pass over raw bytes that says where, if anywhere, a line worth parsing stands."""

import contextlib
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final, final

import re2

from diagnostics._lines import CONTROL_CLASS
from diagnostics.signatures import Signature

# The automaton of a catalogue of 110 causes takes a few MiB. With less memory RE2
# would fall back to a slower matcher, not to wrong answers.
_MAX_MEMORY: Final = 64 << 20


def _automata(literals: tuple[bytes, ...]) -> tuple[Any, Any]:
    """Return what finds the first literal or control, and what finds all literals of a line."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # bytes, whatever they are
    options.max_mem = _MAX_MEMORY
    options.log_errors = False
    options.never_capture = True
    parts = [re2.escape(literal) for literal in literals]
    every = re2.Set.SearchSet(options)
    for part in parts:
        every.Add(part)
    every.Compile()
    return re2.compile(b"|".join([*parts, CONTROL_CLASS.encode()]), options), every


@final
class Scanner:
    """
    Find the lines that a signature might be about.

    All signatures' literals are looked for at once, so that the price of a chunk
    without a candidate does not depend on how many signatures there are.

    Args:
        signatures: The signatures to look for. `scanner_of` shares one among all who look
            for the same.
    """

    def __init__(self, signatures: Iterable[Signature]) -> None:
        by_literal: dict[bytes, list[Signature]] = {}
        for signature in signatures:
            for literal in signature.literals:
                by_literal.setdefault(literal.encode(), []).append(signature)
        self._signatures = tuple(map(tuple, by_literal.values()))
        self._anything, self._every = _automata(tuple(by_literal))
        self.reach = max(map(len, by_literal), default=0)
        """How many bytes the longest literal has."""
        self.signatures: Final = tuple(
            dict.fromkeys(it for some in self._signatures for it in some)
        )
        """All of them, each once."""

    def find(self, data: bytes, start: int = 0) -> int:
        """
        Return the offset of the first literal or control character, or -1 without one.

        Without one, no signature is about any line of the data.

        Args:
            data: Whole lines. In cleaned ones, literals are all that can be found.
            start: Where to begin.
        """
        found = self._anything.search(data, start)
        return -1 if found is None else int(found.start())

    def candidates(self, line: bytes) -> tuple[Signature, ...]:
        """Return the signatures one of whose literals is in a cleaned line."""
        if not self._signatures:
            return ()
        found = self._every.Match(line) or ()
        return tuple(
            dict.fromkeys(item for index in sorted(found) for item in self._signatures[index])
        )


_shared: Final[OrderedDict[tuple[int, ...], tuple[Scanner, tuple[Signature, ...]]]] = OrderedDict()
_SHARED: Final = 8


def scanner_of(signatures: Iterable[Signature]) -> Scanner:
    """
    Return the scanner of these signatures; there is one for all who look for the same.

    Args:
        signatures: The signatures to look for.
    """
    wanted = tuple(signatures)
    key = tuple(map(id, wanted))  # that of the very same ones, since these are kept with it
    known = _shared.get(key)
    if known is None:
        known = _shared[key] = Scanner(wanted), wanted
        # Another thread may do the same: harmless, as long as nothing here fails for it.
        while len(_shared) > _SHARED:
            with contextlib.suppress(KeyError):
                _shared.popitem(last=False)
    return known[0]
