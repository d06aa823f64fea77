"""Python exceptions as the interpreter prints them."""

from typing import Any, Final, final

import attrs
import re2

from diagnostics._consumed import Consumed
from diagnostics._levels import is_logged, level_of
from diagnostics._prefixes import PREFIX
from diagnostics._traceback import HEAD, TracebackParser
from diagnostics.catalog._building import Recognized, common
from diagnostics.catalog.python_causes import specific
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Block, Context, Match, Signature
from diagnostics.stacks import Frame, RaisedException, innermost_user_frame


@attrs.frozen(kw_only=True)
class PythonException(Recognized):
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

    exception_message: str | None = None
    frames: tuple[Frame, ...] = ()
    file: str | None = None
    source_line: int | None = None
    notes: tuple[str, ...] = ()
    chain: tuple[RaisedException, ...] = ()
    module: str | None = None

    @property
    def is_symptom(self) -> bool:
        """A traceback without its last line says too little."""
        return self.exception is None

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

    def __init__(
        self,
        context: Context,
        *,
        group: bool,
        handled: bool,
        ignored: bool,
        tentative: bool,
        rank: int | None,
    ) -> None:
        self._parser = TracebackParser(group=group)
        self._context = context
        self._group = group
        self._rank = rank
        self._over = False
        self.tentative = tentative
        self.handled = handled
        self.ignored = ignored
        context.facts.pop("source-path", None)

    def feed(self, line: str, *, claimed: bool) -> Consumed:
        consumed = self._parser.feed(line, claimed=claimed)
        path = self._parser.source_path
        if path is not None and self._context.facts.get("source-path") != path:
            self._context.facts["source-path"] = path
        self._over = self._over or consumed is Consumed.CLOSED
        return consumed

    def findings(self) -> tuple[Finding, ...]:
        error, *others = self._parser.exceptions(at_end=not self._over)
        place = innermost_user_frame(error.frames)
        found: list[Finding] = []
        note = self.handled or self.ignored
        if not self._parser.claimed and not self._group and not _wrapped(error):
            cause = specific(error, self._context, self._parser.source_path)
            if cause is not None:
                role = Role.NOTE if note else cause.role
                found.append(_placed(cause, role=role, tentative=self.tentative, rank=self._rank))
        note = note or self._parser.claimed or bool(found)
        task_error = _TASK_ERROR.search(error.exception or "")
        found.append(
            PythonException(
                role=Role.NOTE if note else Role.ROOT,
                exception=task_error.group(1) if task_error else error.exception,
                exception_message=error.exception_message,
                frames=error.frames,
                file=place.file if place else None,
                source_line=place.line if place else None,
                notes=error.notes,
                chain=tuple(others),
                module=_missing_module(error.exception, error.exception_message),
                rank=self._rank,
                tentative=self.tentative,
            )
        )
        return tuple(found)


def _placed(cause: Finding, *, role: Role, rank: int | None, tentative: bool) -> Finding:
    changes: dict[str, Any] = {"role": role, "tentative": tentative}
    if rank is not None and isinstance(cause, Recognized):
        changes["rank"] = rank
    return attrs.evolve(cause, **changes)


def _wrapped(error: RaisedException) -> bool:
    # Whose code raised it is another process's: a task's error, brought here by Ray or PyTorch.
    text = error.exception_message or ""
    return "(" in (error.exception or "") or text.startswith("Caught ") or "RayTaskError" in text


@final
class _BareBlock:
    """An exception's own line without a traceback, and the indented lines behind it."""

    _LINES = 20

    def __init__(self, error: RaisedException, context: Context, rank: int | None) -> None:
        self._error = error
        self._context = context
        self._rank = rank
        self._text: list[str] = []

    def feed(self, line: str, *, claimed: bool) -> Consumed:
        if line[:1] in (" ", "\t") and not claimed and len(self._text) < self._LINES:
            self._text.append(line)
            return Consumed.TAKEN
        return Consumed.CLOSED

    def findings(self) -> tuple[Finding, ...]:
        message = "\n".join([self._error.exception_message or "", *self._text])
        error = attrs.evolve(self._error, exception_message=message or None)
        found: list[Finding] = []
        cause = specific(error, self._context, None)
        if cause is not None:
            found.append(_placed(cause, role=cause.role, rank=self._rank, tentative=True))
        found.append(
            PythonException(
                role=Role.NOTE if found else Role.ROOT,
                exception=error.exception,
                exception_message=error.exception_message,
                module=_missing_module(error.exception, error.exception_message),
                rank=self._rank,
                tentative=True,
            )
        )
        return tuple(found)


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


_SYNTAX_ERROR: Final = re2.compile(PREFIX + r"(SyntaxError|IndentationError|TabError): (.*)$")
_TASK_ERROR: Final = re2.compile(r"RayTaskError\((\w+)\)")
_FAILURE: Final = re2.compile(
    r"(?i)fail|error|exception|could ?n.t|could not|cannot|unable|retry|problem|traceback"
)
_NO_MODULE: Final = re2.compile(r"No module named '([^']+)'")

# The process lives on after these; a thread's end may matter, but is no cause by itself.
_IGNORED: Final = ("Exception ignored in", "Exception ignored on", "Exception ignored while")
_HANDLED: Final = (
    "Exception in thread ",
    "Exception in callback ",
    "Exception happened during processing of request from",
    "Task exception was never retrieved",
    "--- Logging error ---",
    "Future exception was never retrieved",
    "future: <",
)


def _missing_module(exception: str | None, text: str | None) -> str | None:
    found = _NO_MODULE.search(text) if text and exception == "ModuleNotFoundError" else None
    return found.group(1) if found else None


def _traceback(match: Match, context: Context) -> Block:
    line, previous = match.string, context.previous
    head = line[: match.start()]
    # A log record that has the traceback in it, or stands above it and speaks of a failure.
    above = "" if head.strip() or not _FAILURE.search(previous) else previous
    level = level_of(head) or level_of(above)
    return _TracebackBlock(
        context,
        group="Exception Group " in line,
        handled=any(words in previous for words in _HANDLED) or level is not None,
        ignored=any(words in previous for words in _IGNORED),
        tentative=is_logged(head if head.strip() else previous),
        rank=common(match, context).get("rank"),
    )


def _bare(match: Match, context: Context) -> Block | None:
    above = context.previous
    if context.handled or context.ignored or context.reading:
        return None
    if level_of(match.string.removesuffix(match.group("own"))) is not None:
        return None
    if any(words in above for words in (*_IGNORED, *_HANDLED)):
        return None
    error = RaisedException(match.group("exception"), match.group("text"))
    return _BareBlock(error, context, common(match, context).get("rank"))


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
        name="python-bare-exception",
        pattern=PREFIX + r"(?P<own>(?P<exception>(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception))"
        r"(?:\([\w.]+\))?: (?P<text>.*))$",
        open_block=_bare,
        literals=("Error: ", "Error(", "Exception: ", "Exception("),
        generic=True,
    ),
    Signature(
        name="python-bare-interrupt",
        pattern=PREFIX + r"(?P<own>(?P<exception>KeyboardInterrupt)(?:: (?P<text>.*))?)$",
        open_block=_bare,
        literals=("KeyboardInterrupt",),
        generic=True,
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
