"""Signals by name, number, exit status and in the words of shells and runtimes."""

from typing import Any, Final

import attrs
import re2

from diagnostics.catalog import _translations
from diagnostics.catalog._building import common, fields_of, groups_of, role_here
from diagnostics.catalog.host import (
    BrokenPipe,
    SignalInterrupted,
    SignalKilled,
    SignalTerminated,
)
from diagnostics.catalog.native import (
    Abort,
    BusError,
    FloatingPointException,
    IllegalInstruction,
    Segfault,
)
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match

BY_SIGNAL: Final[dict[str, type[Finding]]] = {
    "SIGSEGV": Segfault,
    "SIGABRT": Abort,
    "SIGIOT": Abort,
    "SIGBUS": BusError,
    "SIGFPE": FloatingPointException,
    "SIGILL": IllegalInstruction,
    "SIGTRAP": Abort,
    "SIGSYS": Abort,
    "SIGKILL": SignalKilled,
    "SIGTERM": SignalTerminated,
    "SIGHUP": SignalTerminated,
    "SIGXCPU": SignalTerminated,
    "SIGINT": SignalInterrupted,
    "SIGPIPE": BrokenPipe,
}
"""The class for a signal's name."""

CRASHES: Final = "SIG(?:SEGV|ABRT|IOT|BUS|FPE|ILL|TRAP|SYS)"
"""The names of the signals that a process brings upon itself, in RE2 syntax."""

# strsignal() of glibc, macOS and musl; zsh; fish; Go; Rust; Open Group; in small letters.
_WORDS: Final[tuple[tuple[str, str], ...]] = (
    ("segmentation", "SIGSEGV"),
    ("segfault", "SIGSEGV"),
    ("invalid memory reference", "SIGSEGV"),
    ("memory fault", "SIGSEGV"),
    ("address boundary", "SIGSEGV"),
    ("access violation", "SIGSEGV"),
    ("general protection", "SIGSEGV"),
    ("bad pointer", "SIGSEGV"),
    ("abort", "SIGABRT"),
    ("iot", "SIGABRT"),
    ("bus", "SIGBUS"),
    ("access to undefined memory", "SIGBUS"),
    ("access to an undefined portion", "SIGBUS"),
    ("illegal", "SIGILL"),
    ("invalid opcode", "SIGILL"),
    ("undefined instruction", "SIGILL"),
    ("floating", "SIGFPE"),
    ("numerical", "SIGFPE"),
    ("divide error", "SIGFPE"),
    ("divide by zero", "SIGFPE"),
    ("alignment fault", "SIGBUS"),
    ("misaligned", "SIGBUS"),
    ("translation fault", "SIGSEGV"),
    ("permission fault", "SIGSEGV"),
    ("bad access", "SIGSEGV"),
    ("arithmetic", "SIGFPE"),
    ("erroneous arithmetic", "SIGFPE"),
    ("trace", "SIGTRAP"),
    ("system trap", "SIGTRAP"),
    ("bad system call", "SIGSYS"),
    ("kill", "SIGKILL"),
    ("forced quit", "SIGKILL"),
    ("terminat", "SIGTERM"),
    ("polite quit", "SIGTERM"),
    ("hangup", "SIGHUP"),
    ("interrupt", "SIGINT"),
    ("broken pipe", "SIGPIPE"),
    ("cputime", "SIGXCPU"),
    ("cpu time", "SIGXCPU"),
)

TRANSLATED: Final = _translations.one_of(_translations.SIGNALS)
"""What the shells of other languages print, in RE2 syntax."""


def name_of(number: int) -> str | None:
    """Return the name of a signal; `None` for those that end no process by themselves."""
    return _NUMBERS.get(number)


# Those of Linux; 10 is what macOS has for a bus error.
_NUMBERS: Final = {
    1: "SIGHUP",
    2: "SIGINT",
    4: "SIGILL",
    5: "SIGTRAP",
    6: "SIGABRT",
    7: "SIGBUS",
    8: "SIGFPE",
    9: "SIGKILL",
    10: "SIGBUS",
    11: "SIGSEGV",
    13: "SIGPIPE",
    15: "SIGTERM",
    24: "SIGXCPU",
    31: "SIGSYS",
}
_FIRST_BY_SIGNAL: Final = 128
_LAST_BY_SIGNAL: Final = 160


def name_of_status(code: int) -> str | None:
    """Return the signal that an exit code stands for, in Python's or the shell's way."""
    if code < 0:
        return name_of(-code)
    if _FIRST_BY_SIGNAL < code < _LAST_BY_SIGNAL:
        return name_of(code - _FIRST_BY_SIGNAL)
    return None


def name_in_words(text: str) -> str | None:
    """Return the signal that words stand for."""
    if text.startswith("SIG"):
        return text if text in BY_SIGNAL else None
    lowered = text.lower().replace("-", " ")
    for words, name in _WORDS:
        if words in lowered:
            return name
    return _translations.SIGNALS.get(text)


def signal_in(found: dict[str, str | None]) -> str | None:
    """
    Return the signal that the groups of a match tell.

    Args:
        found: The groups; of `signal`, `number`, `word` and `exit_code` the first that tells it.
    """
    name = found.get("signal")
    if name:
        name = name if name.startswith("SIG") else f"SIG{name}"
        return name if name in BY_SIGNAL else None
    number = found.get("number")
    if number:
        return name_of(int(number, 16 if number.startswith("0x") else 10))
    word = found.get("word")
    if word:
        return name_in_words(word)
    code = found.get("exit_code")
    return name_of_status(int(code)) if code else None


_EXIT_CODE: Final = re2.compile(
    r"(?i)\bexit(?:ed)?[ _-]?(?:with )?(?:code|status)[ :=]{1,3}(-?\d{1,10})\b"
)


def ended(match: Match, context: Context) -> Finding | None:
    """
    Build the finding for the signal that the groups of a match tell.

    Args:
        match: The match.
        context: What is known besides the line.
    """
    name = signal_in(groups_of(match))
    kind = BY_SIGNAL.get(name or "")
    if kind is None:
        return None
    return made(kind, match, context, signal=name)


def made(
    kind: type[Finding], match: Match, context: Context, /, **constants: Any
) -> Finding | None:
    """
    Build a finding of a class from the groups of a match.

    Args:
        kind: The class.
        match: The match.
        context: What is known besides the line.
        **constants: Fields with fixed values.
    """
    role = role_here(kind, match, context, soft=False)
    if role is None:
        return None
    found = groups_of(match)
    declared = attrs.fields_dict(kind)
    values = {key: value for key, value in common(match, context).items() if key in declared}
    if role is not Role.NOTE and kind is IllegalInstruction and context.facts.get("trapped"):
        role = Role.AFTER_EFFECT  # how a runtime ends that has said why
    if "debugged-pid" in context.facts:
        values.setdefault("pid", context.facts["debugged-pid"])
    if "its-host" in context.facts:
        values.setdefault("host", context.facts["its-host"])
    code = _EXIT_CODE.search(match.string) if "exit_code" in declared else None
    if code is not None:
        values["exit_code"] = int(code.group(1))
    values |= {"role": role} | fields_of(kind, found, context) | constants
    return kind(**{key: value for key, value in values.items() if key in declared})
