"""Lines and stacks of the Python interpreter without the head of a traceback."""

from typing import Final, final

import re2

from diagnostics._consumed import Consumed
from diagnostics._levels import level_of
from diagnostics._prefixes import PREFIX
from diagnostics._traceback import HEAD
from diagnostics.catalog._building import common, finds
from diagnostics.catalog._signals import made
from diagnostics.catalog.host import SignalInterrupted
from diagnostics.catalog.native import StackOverflow
from diagnostics.catalog.python import PythonException, TracebackBlock
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Block, Context, Match, Signature


@final
class _SyntaxErrorBlock:
    """A syntax error in the main script, which is printed without a traceback's head."""

    _LINES = 4

    def __init__(self, file: str, line: int) -> None:
        self._file = file
        self._line = line
        self._seen = 0
        self._finding: PythonException | None = None

    def feed(self, line: str, *, claimed: bool) -> Consumed:
        self._seen += 1
        if self._finding is not None or self._seen > self._LINES:
            return Consumed.CLOSED
        raised = _SYNTAX_ERROR.search(line)
        if raised:
            self._finding = PythonException(
                role=Role.NOTE if claimed else Role.ROOT,
                exception=raised.group(1),
                exception_message=raised.group(2),
                file=self._file,
                source_line=self._line,
            )
        return Consumed.TAKEN if raised or line.startswith(" ") else Consumed.PASSED

    def findings(self) -> tuple[Finding, ...]:
        return (self._finding,) if self._finding is not None else ()


@final
class _HeadlessBlock:
    """
    The calls of a traceback whose head is not there, or whose lines have lost their indentation.

    It is one only if an exception's line follows: stacks are printed for other reasons too.
    """

    def __init__(self, block: TracebackBlock, first_line: str) -> None:
        self._block = block
        self._source_is_next = False
        self._raises = False
        self._ended = False
        self._frame(first_line)

    def _frame(self, text: str) -> None:
        self._block.feed(f"  {text.strip()}", claimed=False)
        self._source_is_next = True

    def feed(self, line: str, *, claimed: bool) -> Consumed:
        text = line.strip()
        if not text and not self._ended:
            return Consumed.PASSED
        if self._ended:
            return self._block.feed(line, claimed=claimed)
        if text.startswith('File "'):
            self._frame(text)
            return Consumed.TAKEN
        if (_ERROR.search(line) or (self._raises and _RAISED.search(line))) and HEAD not in line:
            self._ended = True
            return self._block.feed(line, claimed=claimed)
        if self._source_is_next or _MARKS.search(text):
            self._raises = text.startswith("raise ") or (self._raises and not self._source_is_next)
            self._source_is_next = False
            return Consumed.TAKEN
        return Consumed.CLOSED

    def findings(self) -> tuple[Finding, ...]:
        return self._block.findings() if self._ended else ()


# A name says that it is an error's, or the last call raises it.
_ERROR: Final = re2.compile(
    r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Timeout)(?:: .*)?$"
)
_RAISED: Final = re2.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:: .*)?$")
_MARKS: Final = re2.compile(r"^(?:[~^ ]+|\[Previous line repeated \d+ more times?\])$")
_SYNTAX_ERROR: Final = re2.compile(PREFIX + r"(SyntaxError|IndentationError|TabError): (.*)$")


def _headless(match: Match, context: Context) -> Block | None:
    head = match.string.removesuffix(match.group("own"))
    if context.reading or level_of(head) is not None or "most recent call" in context.previous:
        return None
    block = TracebackBlock(
        context,
        group=False,
        handled=False,
        warned=False,
        ignored=False,
        tentative=True,
        rank=common(match, context).get("rank"),
    )
    return _HeadlessBlock(block, match.group("own"))


def _recursion(match: Match, context: Context) -> Finding | None:
    if match.group("exception") is None and context.handled:
        return None
    return made(StackOverflow, match, context)


def _syntax_error(match: Match, _: Context) -> Block:
    return _SyntaxErrorBlock(match.group("file"), int(match.group("line")))


def _module_not_found(match: Match, _: Context) -> Finding:
    return PythonException(
        exception=match.group("exception"),
        exception_message=match.group("text"),
        module=match.group("module"),
    )


def _asgi_import(match: Match, _: Context) -> Finding:
    return PythonException(
        exception="ModuleNotFoundError",
        exception_message=match.group("text"),
        module=match.group("module"),
    )


SIGNATURES: Final = (
    Signature(
        name="python-recursion-error",
        pattern=r"(?:\b(?P<exception>RecursionError|RuntimeError): )?"
        r"(?P<detail>maximum recursion depth exceeded\b)",
        build=_recursion,
        literals=("maximum recursion depth exceeded",),
    ),
    Signature(
        name="python-lost-interrupt",  # printed when the error stream itself is gone
        pattern=r"^object type name: (?P<exception>KeyboardInterrupt)\b|^KeyboardInterrupt\(\)$",
        build=finds(SignalInterrupted, signal="SIGINT"),
        literals=("object type name: KeyboardInterrupt", "KeyboardInterrupt()"),
    ),
    Signature(
        name="python-headless-traceback",
        pattern=PREFIX + r'?(?P<own>\s*File "[^"]+", line \d{1,9}, in .+)$',
        open_block=_headless,
        literals=('File "',),
    ),
    Signature(
        name="python-syntax-error",
        pattern=PREFIX + r'File "(?P<file>[^"]+)", line (?P<line>\d{1,9})$',
        open_block=_syntax_error,
        literals=('File "',),
    ),
    Signature(
        name="python-module-not-found",
        pattern=r"Error while finding module specification for .*"
        r"\((?P<exception>ModuleNotFoundError): (?P<text>No module named '(?P<module>[^']+)')\)",
        build=_module_not_found,
        literals=("Error while finding module specification for ",),
    ),
    Signature(
        name="python-no-module",
        pattern=r"(?:^|[\s/])python[\d.]*: (?P<text>No module named '?(?P<module>[\w.]+)'?)",
        build=_asgi_import,
        literals=(": No module named ",),
    ),
    Signature(
        name="uvicorn-import",
        pattern=r"(?P<text>Error loading ASGI app\. (?:Could not import module|Attribute)"
        r' "(?P<module>[^"]+)".*)',
        build=_asgi_import,
        literals=("Error loading ASGI app. ",),
    ),
)
