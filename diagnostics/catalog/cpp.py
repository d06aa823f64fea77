"""The last words of the C++ runtime."""

from typing import Final, final

import attrs
import re2

from diagnostics._consumed import Consumed
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Block, Context, Match, Signature


@attrs.frozen(kw_only=True)
class AbortUncaughtCppException(Finding):
    """
    A C++ exception that nobody caught.

    Attributes:
        exception: The class, such as `std::runtime_error`.
        what: The exception's own words.
        signal: `SIGABRT`.
    """

    cause = "abort-uncaught-cpp-exception"
    endings = ("SIGABRT",)
    remedy = "The words of the exception are the cause; search for them in the library's issues."

    exception: str | None = None
    what: str | None = None
    signal: str | None = "SIGABRT"

    @property
    def message(self) -> str:
        """The exception and its words."""
        return f"uncaught C++ exception {self.exception}" + (f": {self.what}" if self.what else "")


@attrs.frozen(kw_only=True)
class AbortNoActiveException(Finding):
    """
    The C++ runtime ended the process without an exception.

    Attributes:
        signal: `SIGABRT`.
    """

    cause = "abort-no-active-exception"
    default_role = Role.EITHER
    weight = 1
    endings = ("SIGABRT",)
    remedy = "Usually a std::thread that was destroyed while it ran, often at shutdown."

    signal: str | None = "SIGABRT"

    @property
    def message(self) -> str:
        """What happened."""
        return "the C++ runtime terminated the process without an active exception"


@final
class _CppBlock:
    """The lines after `terminate called ...`, of which one has the words of the exception."""

    _LINES = 3

    def __init__(self, exception: str, what: str | None) -> None:
        self._exception = exception
        self._what = what
        self._claimed = False
        self._seen = 0

    def feed(self, line: str, *, claimed: bool) -> Consumed:
        self._seen += 1
        if self._what is not None or self._seen > self._LINES:
            return Consumed.CLOSED
        self._claimed = self._claimed or claimed
        found = _WHAT.search(line)
        if found:
            self._what = found.group(1)
            return Consumed.TAKEN
        return Consumed.PASSED

    def findings(self) -> tuple[Finding, ...]:
        # What the words were recognised as is the cause; this only says how it ended.
        role = Role.NOTE if self._claimed else AbortUncaughtCppException.default_role
        return (AbortUncaughtCppException(role=role, exception=self._exception, what=self._what),)


_WHAT: Final = re2.compile(r"^\s*what\(\): +(.*)$")


def _uncaught(match: Match, _: Context) -> Block:
    found = match.groupdict()
    return _CppBlock(found["quoted"] or found["type"], found["what"] or None)


def _no_exception(_: Match, __: Context) -> Finding:
    return AbortNoActiveException()


SIGNATURES: Final = (
    Signature(
        name="cpp-uncaught-exception",
        pattern=r"(?:terminate called after throwing an instance of '(?P<quoted>[^']*)'"
        r"|libc\+\+abi[^:]*: terminating (?:due to|with) uncaught exception of type "
        r"(?P<type>.+?)(?:: (?P<what>.*)|:)?)$",
        open_block=_uncaught,
        literals=("terminate called after throwing", " uncaught exception of type "),
        generic=True,
    ),
    Signature(
        name="cpp-no-active-exception",
        pattern=r"terminate called without an active exception|terminate called recursively"
        r"|libc\+\+abi[^:]*: terminating\s*$",
        build=_no_exception,
        literals=("terminate called ", "libc++abi"),
        generic=True,
    ),
)
