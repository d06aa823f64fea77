"""Patterns for lines that the death of their process cut off."""

import functools
import re
from typing import Any, Final, final

import attrs
import re2

MIN_LITERAL: Final = 12
"""How many fixed characters of a wording must be there before it may break off."""


@final
@attrs.frozen
class CutMatch:
    """
    A match of a pattern that `cut_pattern` made, as one of the pattern it was made from.

    Attributes:
        match: The match.
        names: The groups of the pattern; those that were cut off have no text.
    """

    match: Any
    names: tuple[str, ...]

    @property
    def string(self) -> str:
        """The line."""
        return str(self.match.string)

    def start(self) -> int:
        """Return where the text begins."""
        return int(self.match.start())

    def end(self) -> int:
        """Return where it breaks off."""
        return int(self.match.end())

    def group(self, name: int | str = 0) -> str | None:
        """Return the text of a group."""
        return self.match.group() if name == 0 else self.groupdict()[str(name)]

    def groupdict(self) -> dict[str, str | None]:
        """Return the texts of all groups by name."""
        texts: dict[str, str | None] = dict.fromkeys(self.names)
        texts.update(self.match.groupdict())
        return texts


_QUANTIFIER: Final = re.compile(r"[*+?]\??|\{\d+(?:,\d*)?\}\??")
_GROUP: Final = re.compile(r"\((?:\?P<\w+>|\?[a-zA-Z]*:)?")
_ESCAPE: Final = re.compile(r"\\(?:x\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{2}|[pP]\{\w+\}|.)", re.DOTALL)
_CLASS: Final = re.compile(r"\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]")


@attrs.frozen
class _Atom:
    """The smallest part of a pattern, with its quantifier."""

    text: str
    literal: bool
    optional: bool
    inner: tuple[tuple["_Atom", ...], ...] = ()  # of a group: its alternatives


@functools.lru_cache(maxsize=1024)
def cut_pattern(pattern: str) -> Any | None:
    """
    Return what matches a line that ends amid a text which the pattern would match.

    Args:
        pattern: A regular expression in RE2 syntax.

    Returns:
        A compiled pattern with the same groups, as far as they are whole; `None` if the
        pattern has too little fixed text, or is of a kind that is not understood.
    """
    alternatives, end = _alternatives(pattern, 0)
    if end != len(pattern):
        return None
    parts = [part for atoms in alternatives if (part := _cut(atoms))]
    if not parts:
        return None
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(f"(?:{'|'.join(parts)})$", options)
    except re2.error:
        return None  # such as one in which a name would stand twice


def _cut(atoms: tuple[_Atom, ...], needed_fixed: int = MIN_LITERAL) -> str | None:
    # What may be missing at the beginning says nothing about where the line was cut.
    while atoms and atoms[0].optional:
        atoms = atoms[1:]
    fixed = 0
    parts: list[str] = []
    for index, atom in enumerate(atoms):
        missing = needed_fixed - fixed
        fixed += _fixed(atom)
        if atom.inner:
            # The text may break off inside of the group, behind what came before it.
            before = "".join(atom.text for atom in atoms[:index])
            inner = (_cut(alternative, missing) for alternative in atom.inner)
            parts += [_nameless(before + part) for part in inner if part]
        if fixed >= needed_fixed:
            needed = "".join(atom.text for atom in atoms[: index + 1])
            parts.append(needed + _rest(atoms[index + 1 :]))
            break
    return f"(?:{'|'.join(reversed(parts))})" if parts else None


def _rest(atoms: tuple[_Atom, ...]) -> str:
    """Return what matches any beginning of the atoms, up to the end of the line."""
    text = ""
    for atom in reversed(atoms):
        begun = ""
        if atom.inner:
            inner = [_rest(alternative) for alternative in atom.inner if alternative]
            begun = "|" + _nameless("|".join(inner)) if inner else ""
        text = f"(?:{atom.text}{text}{begun}|)"
    return text


def _fixed(atom: _Atom) -> int:
    if atom.optional:
        return 0
    if atom.inner:
        return min(sum(map(_fixed, alternative)) for alternative in atom.inner)
    return int(atom.literal)


def _nameless(pattern: str) -> str:
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)


def _alternatives(pattern: str, start: int) -> tuple[tuple[tuple[_Atom, ...], ...], int]:
    """Return the alternatives from a place on, and the place of what ends them."""
    found: list[tuple[_Atom, ...]] = []
    atoms: list[_Atom] = []
    position = start
    while position < len(pattern) and pattern[position] != ")":
        if pattern[position] == "|":
            found.append(tuple(atoms))
            atoms = []
            position += 1
            continue
        atom, position = _atom(pattern, position)
        atoms.append(atom)
    return (*found, tuple(atoms)), position


def _atom(pattern: str, start: int) -> tuple[_Atom, int]:
    char = pattern[start]
    inner: tuple[tuple[_Atom, ...], ...] = ()
    literal = False
    if char == "(":
        head = _GROUP.match(pattern, start)
        inner, end = _alternatives(pattern, head.end() if head else start + 1)
        end += 1
    elif char == "[":
        found = _CLASS.match(pattern, start)
        end = found.end() if found else start + 1
    elif char == "\\":
        found = _ESCAPE.match(pattern, start)
        end = found.end() if found else start + 1
        literal = not pattern[start + 1 : start + 2].isalnum()
    else:
        end = start + 1
        literal = char not in ".^$"
    quantifier = _QUANTIFIER.match(pattern, end)
    optional = False
    if quantifier:
        end = quantifier.end()
        optional = quantifier.group()[0] in "*?" or quantifier.group().startswith("{0")
        literal = False
    return _Atom(pattern[start:end], literal, optional, inner if not quantifier else ()), end
