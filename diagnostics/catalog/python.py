"""Python exceptions as the interpreter prints them."""

from collections.abc import Sequence
from typing import Any, Final, final

import attrs
import re2

from diagnostics._consumed import Consumed
from diagnostics._levels import is_logged, level_of
from diagnostics._prefixes import PREFIX
from diagnostics._traceback import HEAD, TracebackParser
from diagnostics.catalog._building import Recognized, common
from diagnostics.catalog.host import (
    AddressInUse,
    BindFailed,
    HostErrno,
    NoSpaceLeft,
    OutOfMemoryHost,
    SignalInterrupted,
    ThreadCreateFailed,
    TooManyOpenFiles,
)
from diagnostics.catalog.native import PythonShutdownRace
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
        errno: The error number of an `OSError`.
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
    errno: int | None = None

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
class TracebackBlock:
    """A traceback with everything that belongs to it."""

    def __init__(
        self,
        context: Context,
        *,
        group: bool,
        handled: bool,
        warned: bool,
        ignored: bool,
        tentative: bool,
        rank: int | None,
        in_thread: bool = False,
    ) -> None:
        self._parser = TracebackParser(group=group)
        self._context = context
        self._group = group
        self._rank = rank
        self._in_thread = in_thread
        self._over = False
        self._handled = handled
        self._warned = warned
        self.tentative = tentative or warned or in_thread
        self.ignored = ignored
        context.facts.pop("source-path", None)

    @property
    def handled(self) -> bool:
        """Whether it did not end the process: the stack of what was caught begins where it was."""
        return self._handled or (self._warned and self._parser.outermost not in _OUTERMOST)

    def feed(self, line: str, *, claimed: bool) -> Consumed:
        """Look at the next line."""
        consumed = self._parser.feed(line, claimed=claimed)
        path = self._parser.source_path
        if path is not None and self._context.facts.get("source-path") != path:
            self._context.facts["source-path"] = path
        self._over = self._over or consumed is Consumed.CLOSED
        return consumed

    def findings(self) -> tuple[Finding, ...]:
        """Return the cause that the exception stands for, and the exception."""
        error, *others = self._parser.exceptions(at_end=not self._over)
        place = innermost_user_frame(error.frames)
        found: list[Finding] = []
        note = self.handled or self.ignored
        if not self._parser.claimed and not self._group and not _wrapped(error):
            cause = specific(error, self._context, self._parser.source_path)
            if cause is None:
                cause = _of_chain(others, self._context)
            if cause is not None:
                lasting = self._in_thread and isinstance(cause, _EVEN_IN_THREAD)
                role = Role.NOTE if note and not lasting else cause.role
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
                errno=_number(error.exception_message),
                rank=self._rank,
                tentative=self.tentative,
            )
        )
        return tuple(found)


def _of_chain(others: Sequence[RaisedException], context: Context) -> Finding | None:
    """Return what came first: what the host refused, or an interrupt that others answered."""
    for error in reversed(others):
        cause = specific(error, context, None) if error.relation in ("cause", "context") else None
        if isinstance(cause, (HostErrno, OutOfMemoryHost, SignalInterrupted)):
            return cause
    return None


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
        of_group = (self._error.exception or "").endswith("Group")
        if (
            line[:1] in (" ", "\t")
            and not claimed
            and not of_group
            and len(self._text) < self._LINES
        ):
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
                errno=_number(error.exception_message),
                rank=self._rank,
                tentative=True,
            )
        )
        return tuple(found)


_ERRNO: Final = re2.compile(r"\[(?:Errno|WinError) (-?\d{1,5})\]")
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
    "Exception happened during processing of request",
    "Exception in Tkinter callback",
    "exception calling callback <",
    "Error in atexit._run_exitfuncs",
    "Unhandled exception in thread started by",
    "Task exception was never retrieved",
    "--- Logging error ---",
    "Future exception was never retrieved",
    "future: <",
)
# What a program that has threads does not do without.
_EVEN_IN_THREAD: Final = (
    AddressInUse,
    BindFailed,
    NoSpaceLeft,
    OutOfMemoryHost,
    PythonShutdownRace,
    ThreadCreateFailed,
    TooManyOpenFiles,
)

# Where the stack of an exception begins that nobody caught.
_OUTERMOST: Final = ("<module>", "_run_module_as_main")


def _number(text: str | None) -> int | None:
    found = _ERRNO.search(text) if text else None
    return int(found.group(1)) if found else None


def _missing_module(exception: str | None, text: str | None) -> str | None:
    found = _NO_MODULE.search(text) if text and exception == "ModuleNotFoundError" else None
    return found.group(1) if found else None


def _traceback(match: Match, context: Context) -> Block:
    line, previous = match.string, context.previous
    head = line[: match.start()]
    # A log record that has the traceback in it, or stands above it and speaks of a failure.
    above = "" if head.strip() or not _FAILURE.search(previous) else previous
    return TracebackBlock(
        context,
        group="Exception Group " in line,
        handled=any(words in previous for words in _HANDLED) or level_of(head) is not None,
        warned=level_of(above) is not None,
        ignored=any(words in previous for words in _IGNORED),
        tentative=is_logged(head if head.strip() else previous),
        in_thread="Exception in thread " in previous,
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


def _rich_frame(_: Match, __: Context) -> Finding:
    """The line that rich points at in a traceback, of which this may be all that is left."""
    return PythonException(tentative=True)


_OF_MODULES: Final = (
    *("socket.gaierror", "socket.herror", "socket.timeout", "socket.error"),
    *("struct.error", "zlib.error", "select.error"),
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
        pattern=PREFIX + r"(?P<own>(?P<exception>(?:[A-Za-z_]\w*\.)*(?:[A-Z]\w*(?:Error|Exception)"
        r"|Exception|(?:Base)?ExceptionGroup)"
        r"|socket\.(?:gaierror|herror|timeout|error)|struct\.error|zlib\.error|select\.error)"
        r"(?:\([\w.]+\))?: (?P<text>.*))$",
        open_block=_bare,
        literals=("Error: ", "Error(", "Exception: ", "Exception(", "ExceptionGroup", *_OF_MODULES),
        generic=True,
    ),
    Signature(
        name="python-rich-frame",
        pattern=PREFIX + r"\x{2502} \x{2771} +\d{1,6} ",
        build=_rich_frame,
        literals=("\u2502 \u2771 ",),
        generic=True,
    ),
    Signature(
        name="python-bare-interrupt",
        pattern=PREFIX + r"(?P<own>(?P<exception>KeyboardInterrupt)(?:: (?P<text>.*))?)$",
        open_block=_bare,
        literals=("KeyboardInterrupt",),
        generic=True,
    ),
)
