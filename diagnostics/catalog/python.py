"""Python exceptions as the interpreter prints them."""

from typing import Final, final

import attrs
import re2

from diagnostics._consumed import Consumed
from diagnostics._traceback import HEAD, TracebackParser
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Block, Context, Match, Signature
from diagnostics.stacks import Frame, RaisedException, innermost_user_frame


@attrs.frozen(kw_only=True)
class PythonException(Finding):
    """
    A Python exception that nobody caught, or that was logged.

    Attributes:
        exception: The class name as printed; `None` if the output ends before it.
        exception_message: The text after the name.
        frames: The calls, outermost first.
        file: The source file of the innermost call in the user's code.
        source_line: The line there, shown as `line`.
        notes: What `add_note` added.
        chain: Its causes, its context and the members of a group, in the order printed.
        module: The module that could not be found.
    """

    cause = "python-exception"
    endings = ("exit",)
    weight = -2  # anything that knows more than the interpreter's words goes before it
    remedy = "Read the exception and the call in your code that it came from."

    exception: str | None = None
    exception_message: str | None = None
    frames: tuple[Frame, ...] = ()
    file: str | None = None
    source_line: int | None = None
    notes: tuple[str, ...] = ()
    chain: tuple[RaisedException, ...] = ()
    module: str | None = None

    @property
    def message(self) -> str:
        """The exception, its first line of text, and where it came from."""
        if self.exception is None:
            what = "a Python traceback that was cut off"
        else:
            what = f"Python exception {self.exception}"
        if self.exception_message:
            what += f": {self.exception_message.partition(chr(10))[0]}"
        return f"{what} ({self.file}:{self.source_line})" if self.file else what


@final
class _TracebackBlock:
    """A traceback with everything that belongs to it."""

    def __init__(self, *, group: bool, handled: bool) -> None:
        self._parser = TracebackParser(group=group)
        self._handled = handled
        self._over = False

    def feed(self, line: str, *, claimed: bool) -> Consumed:
        consumed = self._parser.feed(line, claimed=claimed)
        self._over = self._over or consumed is Consumed.CLOSED
        return consumed

    def findings(self) -> tuple[Finding, ...]:
        error, *others = self._parser.exceptions(at_end=not self._over)
        place = innermost_user_frame(error.frames)
        note = self._handled or self._parser.claimed
        return (
            PythonException(
                role=Role.NOTE if note else Role.ROOT,
                exception=error.exception,
                exception_message=error.exception_message,
                frames=error.frames,
                file=place.file if place else None,
                source_line=place.line if place else None,
                notes=error.notes,
                chain=tuple(others),
                module=_missing_module(error.exception, error.exception_message),
            ),
        )


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


_SYNTAX_ERROR: Final = re2.compile(r"^(SyntaxError|IndentationError|TabError): (.*)$")
_NO_MODULE: Final = re2.compile(r"No module named '([^']+)'")

# The process lives on after these; a thread's end may matter, but is no cause by itself.
_HANDLED: Final = ("Exception ignored in", "Exception ignored on", "Exception in thread ")


def _missing_module(exception: str | None, text: str | None) -> str | None:
    found = _NO_MODULE.search(text) if text and exception == "ModuleNotFoundError" else None
    return found.group(1) if found else None


def _traceback(match: Match, context: Context) -> Block:
    group = "Exception Group " in match.string
    handled = any(words in context.previous for words in _HANDLED)
    return _TracebackBlock(group=group, handled=handled)


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
        name="python-traceback",
        pattern=r"(?:\+ Exception Group )?Traceback \(most recent call last\):",
        open_block=_traceback,
        literals=(HEAD,),
    ),
    Signature(
        name="python-syntax-error",
        pattern=r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d{1,9})$',
        open_block=_syntax_error,
        literals=('  File "',),
    ),
    Signature(
        name="python-module-not-found",
        pattern=r"Error while finding module specification for .*"
        r"\((?P<exception>ModuleNotFoundError): (?P<text>No module named '(?P<module>[^']+)')\)",
        build=_module_not_found,
        literals=("Error while finding module specification for ",),
    ),
    Signature(
        name="uvicorn-import",
        pattern=r'(?P<text>Error loading ASGI app\. Could not import module "(?P<module>[^"]+)")',
        build=_asgi_import,
        literals=("Error loading ASGI app. ",),
    ),
)
