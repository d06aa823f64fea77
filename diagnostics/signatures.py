"""What is recognised: signatures, and the registry they come from."""

import functools
import importlib
import logging
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol, TypeAlias

import attrs
import re2

from diagnostics._consumed import Consumed
from diagnostics.findings import Finding

ENTRY_POINT_GROUP: Final = "runner_actors.signatures"
_BUILT_IN: Final = "diagnostics.catalog"

_MIN_LITERAL: Final = 4  # bytes; a shorter one would make a candidate of nearly every line

logger = logging.getLogger("diagnostics")

Match: TypeAlias = Any
"""A match of google-re2, which has no type stubs; used as one of the standard `re`."""


class SignatureError(ValueError):
    """A signature that cannot be used; the message names it and says why."""


@attrs.define
class Context:
    """
    What a builder may know besides the line.

    Attributes:
        platform: The `sys.platform` of the process that printed the line.
        facts: What earlier lines of the same output told, such as `rank`; builders
            read and write it, and it lives as long as the output is collected.
        previous: The line before, as text, for `open_block`.
        handled: Whether the line stands in a traceback that did not end the process,
            such as that of a thread.
        ignored: Whether it stands in one that the interpreter itself ignored.
        reading: Whether a text of several lines is being read.
    """

    platform: str
    facts: dict[str, Any] = attrs.field(factory=dict)
    previous: str = ""
    handled: bool = False
    ignored: bool = False
    reading: bool = False


class Block(Protocol):
    """A text of several lines, such as a traceback, while it is being read."""

    @abstractmethod
    def feed(self, line: str, *, claimed: bool) -> Consumed:
        """
        Look at the next line of the output.

        Args:
            line: The line, without the prefix that the block's first line had.
            claimed: Whether another signature has recognised something in it.
        """

    @abstractmethod
    def findings(self) -> tuple[Finding, ...]:
        """Return what the lines so far amount to; changes nothing."""


def _compiled(signature: "Signature") -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(signature.pattern, options)
    except re2.error as error:
        raise SignatureError(
            f"signature {signature.name!r}: RE2 refuses its pattern: {error}"
        ) from None


def _literals(signature: "Signature") -> tuple[str, ...]:
    literal = longest_literal(signature.pattern)
    return (literal,) if literal else ()


@attrs.frozen(kw_only=True)
class Signature:
    """
    One wording that a finding is recognised by.

    A signature is about one line (`build`) or about the first line of a text of
    several (`open_block`). Patterns are searched for anywhere in the line, because
    log prefixes precede them and the lines of two threads run into each other.

    Attributes:
        name: A unique name for messages, such as `ring-socket-errno`.
        pattern: A regular expression in RE2 syntax.
        build: Takes the match and the context; returns a finding, or `None` when
            the line turns out to say nothing. It must depend on nothing but the line,
            the platform and the facts: for a repeated line it is not asked again.
        open_block: Takes the same and returns the block that reads on, or `None`.
            A group named `own` tells where the text of several lines begins, if that is
            not where the match does: what stands before it is the prefix of each line.
        literals: Texts of which each matching line contains at least one. By default
            the longest literal part of the pattern, which exists only if the pattern
            has no alternatives at its top level and respects case.
        any_level: Whether the words are a cause in a line of any level. Others are notes
            in a line that a log has as a warning or less, or that only mentions them.
        generic: Whether to stay silent where a signature that is not generic has
            recognised the same line as a cause.

    Raises:
        SignatureError: If RE2 refuses the pattern, no literal can be derived from it,
            or not exactly one of `build` and `open_block` is given.
    """

    name: str
    pattern: str
    build: Callable[[Match, Context], Finding | None] | None = None
    open_block: Callable[[Match, Context], Block | None] | None = None
    literals: tuple[str, ...] = attrs.field(default=attrs.Factory(_literals, takes_self=True))
    any_level: bool = False
    generic: bool = False
    regex: Any = attrs.field(
        init=False, eq=False, repr=False, default=attrs.Factory(_compiled, takes_self=True)
    )

    def __attrs_post_init__(self) -> None:
        if (self.build is None) == (self.open_block is None):
            raise SignatureError(f"signature {self.name!r}: give either build or open_block")
        if not self.literals or any(
            len(literal.encode()) < _MIN_LITERAL for literal in self.literals
        ):
            raise SignatureError(
                f"signature {self.name!r}: give literals of at least {_MIN_LITERAL} characters,"
                " one of which is in every line that the pattern matches"
            )


def longest_literal(pattern: str) -> str:
    """
    Return the longest text that each match of a pattern must contain, if it is easily seen.

    Only what stands outside of groups and classes is considered; a pattern with
    alternatives at its top level or with flags has none.

    Args:
        pattern: A regular expression in RE2 syntax.
    """
    if re.search(r"\(\?[imsU-]+[:)]", pattern):
        return ""
    pattern = _without_plain_groups(pattern)
    runs, run, depth, position = [], "", 0, 0
    while position < len(pattern):
        char = pattern[position]
        step = 1
        literal = ""
        if char == "\\" and position + 1 < len(pattern):
            step, escaped = 2, pattern[position + 1]
            literal = "" if escaped.isalnum() else escaped
        elif char == "[":
            step = _class_length(pattern, position)
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            return ""
        elif char == "{":
            step = pattern.find("}", position) - position + 1 or 1
        elif char not in ".^$|*+?":
            literal = char
        quantified = pattern[position + step : position + step + 1] in ("*", "?", "{")
        if literal and depth == 0 and not quantified:
            run += literal
        else:
            runs.append(run)
            run = ""
        position += step
    return max([*runs, run], key=len)


# A group that must be there, once, and has neither alternatives nor groups in it.
_PLAIN_GROUP: Final = re.compile(
    r"(?<!\\)\((?:\?P<\w+>|\?:)((?:[^()|\\\[]|\\.|\[[^\]|()]*\])*)\)(?![*?{])"
)


def _without_plain_groups(pattern: str) -> str:
    """Return the pattern with such groups opened, so that their text is seen."""
    previous = ""
    while previous != pattern:
        previous, pattern = pattern, _PLAIN_GROUP.sub(r"\1", pattern)
    return pattern


def _class_length(pattern: str, start: int) -> int:
    position = start + 1
    if pattern[position : position + 1] == "^":
        position += 1
    if pattern[position : position + 1] == "]":
        position += 1
    while position < len(pattern) and pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position + 1 - start


_registry: Final[dict[str, Signature]] = {}


def declare(signature: Signature) -> Signature:
    """Register a signature of the built-in catalogue, which is being loaded."""
    known = _registry.setdefault(signature.name, signature)
    if known != signature:
        raise SignatureError(f"signature {signature.name!r} is already registered")
    return signature


def register(signature: Signature) -> Signature:
    """
    Make a signature known to every collector that is made from now on.

    Args:
        signature: The signature. Registering an equal one again is harmless.

    Returns:
        The same signature.

    Raises:
        SignatureError: If another signature has this name.
    """
    load_catalogues()
    return declare(signature)


def registered_signatures() -> tuple[Signature, ...]:
    """
    Return every registered signature, those of installed plugins included.

    A plugin declares an entry point in the group `runner_actors.signatures` that
    names a `Signature`, an iterable of them, or a function that returns either. One
    that fails is reported once on the logger `diagnostics` and left out.
    """
    load_catalogues()
    return tuple(_registry.values())


@functools.cache
def load_catalogues() -> None:
    """
    Load the built-in catalogue and the plugins' ones, once.

    Both by name and when they are first asked for: they take some tenths of a second, which
    a process that only makes messages about findings, such as a runner's, need not spend.
    """
    importlib.import_module(_BUILT_IN)
    # Late: it takes as long to import as ten of our modules, and no runner's process needs it.
    metadata = importlib.import_module("importlib.metadata")
    for entry in metadata.entry_points(group=ENTRY_POINT_GROUP):
        try:
            for signature in _from_plugin(entry.load()):
                declare(signature)
        except Exception:
            logger.exception("signatures of plugin %s (%s) are left out", entry.name, entry.value)


def _from_plugin(value: object) -> Iterable[Signature]:
    if callable(value):
        value = value()
    found = [value] if isinstance(value, Signature) else list(value)  # type: ignore[call-overload]
    for signature in found:
        if not isinstance(signature, Signature):
            raise SignatureError(f"{signature!r} is no Signature")
    return found
