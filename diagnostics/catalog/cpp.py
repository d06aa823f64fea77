"""The last words of the C++ runtime."""

from typing import Any, Final, final

import attrs
import re2

from diagnostics._consumed import Consumed
from diagnostics.catalog._building import Recognized, rank_of, role_here
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Block, Context, Match, Signature


@attrs.frozen(kw_only=True)
class AbortUncaughtCppException(Recognized):
    """
    A C++ exception that nobody caught.

    Attributes:
        exception: The class, such as `std::runtime_error`.
        what: The exception's own words.
        signal: `SIGABRT`.
    """

    cause = "abort-uncaught-cpp-exception"
    weight = -1
    endings = ("SIGABRT",)
    remedy = "The words of the exception are the cause; search for them in the library's issues."

    what: str | None = None
    signal: str | None = "SIGABRT"

    @property
    def message(self) -> str:
        """The exception and its words."""
        return f"uncaught C++ exception {self.exception}" + (f": {self.what}" if self.what else "")


@attrs.frozen(kw_only=True)
class AbortNoActiveException(Recognized):
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

    def __init__(
        self, exception: str, what: str | None, rank: int | None, facts: dict[str, Any]
    ) -> None:
        self._facts = facts
        self._rank = rank
        self._exception = exception
        self._what = what
        self._claimed = False
        self._seen = 0

    def feed(self, line: str, *, claimed: bool) -> Consumed:
        self._seen += 1
        if self._what is not None or self._seen > self._LINES:
            return Consumed.CLOSED
        self._claimed = self._claimed or (claimed and not _SYMPTOM.search(line))
        found = _WHAT.search(line)
        if found:
            self._what = found.group(1)
            if claimed:
                self._facts["cpp-known"] = self._exception
            return Consumed.TAKEN
        return Consumed.PASSED

    def findings(self) -> tuple[Finding, ...]:
        # What the words were recognised as is the cause; this only says how it ended.
        role = Role.NOTE if self._claimed else AbortUncaughtCppException.default_role
        if self._what is None and self._exception and self._known():
            role = Role.NOTE  # another process of the same job ended so, and its words are known
        if role is Role.ROOT and (not self._exception or self._exception.startswith("c10::Dist")):
            role = Role.EITHER  # PyTorch's classes for what another rank may have caused
        return (
            AbortUncaughtCppException(
                role=role, exception=self._exception or None, what=self._what, rank=self._rank
            ),
        )

    def _known(self) -> bool:
        return self._facts.get("cpp-known") == self._exception


# The shell's and the interpreter's word on the abort that follows.
_SYMPTOM: Final = re2.compile(r"(?i)\babort|core dumped|SIGABRT|\bsignal[: ]|IOT in")
_WHAT: Final = re2.compile(r"^\s*what\(\): +(.*)$")


def _uncaught(match: Match, context: Context) -> Block:
    found = match.groupdict()
    # Two that died at once: the names run into each other, `'c10::Errorterminate called ...`.
    name = (found["quoted"] or found["type"] or "").partition("terminate called")[0]
    half = name[: len(name) // 2]
    name = half if half and half * 2 == name else name
    if name:
        context.facts["cpp-exception"] = name
    return _CppBlock(name, found["what"] or None, rank_of(match.string), context.facts)


def _handler(match: Match, context: Context) -> Finding | None:
    if "libc++abi" in match.string or "terminat" in match.string:
        return None  # the runtime's own words, which the signature of it reads
    role = role_here(AbortUncaughtCppException, match, context, soft=True)
    if role is None:
        return None
    return AbortUncaughtCppException(
        role=role,
        exception=match.group("type"),
        what=match.group("what") or None,
        tentative=True,
        rank=rank_of(match.string),
    )


def _no_exception(_: Match, __: Context) -> Finding:
    return AbortNoActiveException()


def _objc(match: Match, _: Context) -> Finding:
    return AbortUncaughtCppException(
        exception=match.group("exception"), what=match.group("what") or None
    )


SIGNATURES: Final = (
    Signature(
        name="cpp-uncaught-exception",
        pattern=r"(?:terminate called after throwing an instance of '(?P<quoted>[^']*)'.*"
        r"|(?:libc\+\+abi[^:]*: )?terminating (?:due to|with) (?:uncaught|unexpected) exception of"
        r" type "
        r"(?P<type>.+?)(?:: (?P<what>.*)|:)?)$",
        open_block=_uncaught,
        literals=(
            "terminate called after throwing",
            "caught exception of type ",
            "ected exception of",
        ),
        generic=True,
    ),
    Signature(
        name="cpp-terminate-handler",  # a program's own, and MSVC's
        pattern=r"[Ee]xception(?: of type| type| thrown| caught)?:? {1,2}['\"]?"
        r"(?P<type>(?:std|boost|c10|nlohmann|mlx|absl|__gnu_cxx)::[\w:]*(?:error|exception|alloc"
        r"|failure|cast|range|argument|access)\w*)"
        r"['\"]?(?:(?:: | at memory location )(?P<what>.*)|$)",
        build=_handler,
        literals=(*("std::", "boost::", "c10::", "nlohmann::", "mlx::", "absl::", "__gnu_cxx::"),),
        generic=True,
    ),
    Signature(
        name="cpp-foreign-exception",
        pattern=r"libc\+\+abi[^:]*: terminating (?:due to|with) uncaught foreign exception"
        r"|terminate_handler unexpectedly (?:returned|threw)|unexpected_handler unexpectedly"
        r"|terminating due to uncaught foreign exception",
        build=lambda _, __: AbortUncaughtCppException(),
        literals=(
            *("uncaught foreign exception", "terminate_handler unexpectedly"),
            "unexpected_handler unexpectedly",
        ),
    ),
    Signature(
        name="objc-uncaught-exception",
        pattern=r"Terminating app due to uncaught exception '(?P<exception>[^']*)'"
        r"(?:, reason: '(?P<what>.*?)'?)?$",
        build=_objc,
        literals=("due to uncaught exception '",),
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
