"""What the families of the catalogue share: a base class, and builders made from declarations."""

from collections.abc import Callable
from typing import Any, Final, get_args

import attrs
import re2

from diagnostics._errno import describe
from diagnostics._levels import FIRST_PART, level_of, standing_of
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match


@attrs.frozen(kw_only=True)
class Recognized(Finding):
    """
    A finding of the built-in catalogue.

    Attributes:
        detail: The words that were recognised.
        exception: The class of the exception that they arrived in.
        signal: The signal that this ends with, where the output shows it.
        rank: The rank that printed it, where the line or an earlier one tells.
        pid: The process that printed it or that it is about, where the line tells.
        exit_code: The exit code that the output shows.
    """

    detail: str | None = None
    exception: str | None = None
    signal: str | None = None
    rank: int | None = None
    pid: int | None = None
    exit_code: int | None = None

    @property
    def message(self) -> str:
        """What the class stands for and the words of the output."""
        what = type(self).headline()
        return f"{what}: {self.detail}" if self.detail else what

    @classmethod
    def headline(cls) -> str:
        """Return the first line of the class's own docstring, without its full stop."""
        text = (cls.__doc__ or cls.cause).strip().partition("\n")[0]
        return text.rstrip(".")


_EXCEPTION: Final = re2.compile(
    r"(?:^|[^\w.])((?:[A-Za-z_]\w*(?:\.|::))*[A-Za-z_]\w*(?:Error|error|Exception|exception))"
    r"(?:\([^()]*\))?: "
)
_TYPED: Final = re2.compile(r"(?:exception of type |instance of '|\bexception=)([\w:.]+)")
_RANK: Final = re2.compile(
    r"\[rank(\d{1,6})\]|\b[Rr]ank[ =:](\d{1,6})\b|^\[\d+,(\d{1,6})\]<std(?:err|out)>"
)
_PID: Final = re2.compile(
    r"\b[Pp][Ii][Dd][=: ]{1,2}(\d{1,9})\b|^==(\d{1,9})==|\((\d{1,9})(?:,0x[0-9a-f]+)?\) malloc: "
)
# Of a manager, what it says is of another process.
_SYSLOG: Final = re2.compile(
    r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? [\w.-]+ (?:[a-rt-zA-Z][\w./@-]*"
    r"|s[a-xz][\w./@-]*)"
    r"\[(\d{1,9})\]: "
)
MLX_C: Final = "MLX error: "
"""What the default error handler of mlx-c prints first."""

_AT: Final = re2.compile(r" at ([^ ]*/[^ :]+\.\w{1,5}):(\d{1,9})\b")  # what mlx-c adds

# Families whose `file` is a place in their own sources, never one that a program opened.
_OWN_SOURCES: Final = ("diagnostics.catalog.metal", "diagnostics.catalog.mlx")

Builder = Callable[[Match, Context], Finding | None]


def role_here(kind: type[Finding], match: Match, context: Context, *, soft: bool) -> Role | None:
    """
    Return the role that a recognised line has where it stands; `None` to leave it out.

    Args:
        kind: The class of the finding.
        match: The match.
        context: What is known besides the line.
        soft: Whether programs often print such a line and go on.
    """
    if context.ignored or (soft and context.handled):
        return Role.NOTE
    standing = standing_of(match.string, match.start())
    if standing == "source" or (soft and standing in ("info", "mention")):
        return None
    if standing is not None or (soft and level_of(match.string[: match.start()]) is not None):
        return Role.NOTE
    return kind.default_role


def exception_of(line: str, end: int, context: Context) -> str | None:
    """
    Return the class of the exception that a line's words belong to.

    Args:
        line: The line.
        end: Where the words begin.
        context: What is known besides the line.
    """
    head = line[:end]
    names = _EXCEPTION.findall(head[-FIRST_PART:]) or _EXCEPTION.findall(head[:FIRST_PART])
    if names:
        return str(names[-1])
    typed = _TYPED.search(head)
    if typed:
        return str(typed.group(1))
    if "what():" in head:
        value = context.facts.get("cpp-exception")
        return str(value) if value else None
    return None


def rank_of(line: str) -> int | None:
    """Return the rank that a line's prefix names, if it does."""
    found = _RANK.search(line[:FIRST_PART])
    return int(next(group for group in found.groups() if group)) if found else None


def common(match: Match, context: Context) -> dict[str, Any]:
    """
    Return the fields of `Recognized` that a line tells.

    Args:
        match: The match.
        context: What is known besides the line.
    """
    line = match.string
    values: dict[str, Any] = {"exception": exception_of(line, match.start(), context)}
    if "libc++abi" in line or "terminate called" in line or "what():" in line[: match.start()]:
        values["signal"] = "SIGABRT"
    rank = rank_of(line)
    if rank is None:
        rank = context.facts.get("ring-rank")
    if rank is not None:
        values["rank"] = rank
    pid = _PID.search(line[:FIRST_PART]) or _SYSLOG.search(line[:FIRST_PART])
    if pid:
        values["pid"] = int(next(group for group in pid.groups() if group))
    return values


_PLACES: Final = "_23456789"


def groups_of(match: Match) -> dict[str, str | None]:
    """
    Return the groups of a match that took part in it; `pid_2` is another place of `pid`.

    Args:
        match: The match.
    """
    return {key.rstrip(_PLACES): text for key, text in match.groupdict().items() if text}


def _number(text: str) -> int | None:
    text = text.strip()
    base = 16 if text[:2] in ("0x", "0X") else 10
    try:
        return int(text[:40], base)
    except ValueError:
        return None


def _is_number(kind: object) -> bool:
    return kind is int or int in get_args(kind)


def fields_of(
    kind: type[Finding], found: dict[str, str | None], context: Context
) -> dict[str, Any]:
    """
    Return groups of a match as fields of a class: numbers as numbers, error numbers decoded.

    Args:
        kind: The class; groups that it has no field for are left out.
        found: The groups by name.
        context: What is known besides the line.
    """
    declared = attrs.fields_dict(kind)
    values: dict[str, Any] = {}
    for key, text in found.items():
        name = key if key in declared else key.rstrip(_PLACES)
        if text is None or name not in declared:
            continue
        value = _number(text) if _is_number(declared[name].type) else text.strip()
        if value is not None and value != "":
            values[name] = value
    number = values.get("errno")
    if number is not None and "errno_name" in declared:
        name_, text_, platform = describe(number, context.platform)
        values |= {"errno_name": name_, "errno_description": text_, "platform": platform}
    return values


def finds(kind: type[Finding], *, soft: bool = False, **constants: Any) -> Builder:
    """
    Return a builder that fills a class from the groups of the match by their names.

    Args:
        kind: The class to make.
        soft: Whether programs often print such a line and go on; then it is a note
            where its level or its traceback says that it was handled.
        **constants: Fields with fixed values.
    """
    declared = attrs.fields_dict(kind)

    def build(match: Match, context: Context) -> Finding | None:
        role = role_here(kind, match, context, soft=soft)
        if role is None:
            return None
        if MLX_C in match.string:
            context.facts["mlx-c-kind"] = kind
        values = {k: v for k, v in common(match, context).items() if k in declared}
        values |= constants
        values |= fields_of(kind, match.groupdict(), context)
        if "file" in declared and values.get("file") is None:
            at = _AT.search(match.string, match.start())
            path = (
                None
                if kind.__module__.startswith(_OWN_SOURCES)
                else context.facts.get("source-path")
            )
            values["file"] = at.group(1) if at else path
            if at and "source_line" in declared:
                values["source_line"] = int(at.group(2))
        return kind(role=role, tentative=soft, **values)

    return build
