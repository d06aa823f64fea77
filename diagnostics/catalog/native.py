"""Ends by a signal: faulthandler's dumps, the shell's and Ray's remarks."""

from typing import ClassVar, Final, final

import attrs

from diagnostics._consumed import Consumed
from diagnostics._faults import FaultDumpParser
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Block, Context, Match, Signature
from diagnostics.stacks import ThreadStack


@attrs.frozen(kw_only=True)
class SignalFinding(Finding):
    """
    A process that a signal ended.

    Attributes:
        signal: The signal's name.
        detail: The words of the output.
        thread: The id of the thread it hit.
        stacks: The stacks of all threads that were dumped.
    """

    # The signal says how it ended, another finding why.
    weight = -1

    what: ClassVar[str] = "a signal ended the process"
    """The first words of the message."""

    signal: str | None = None
    detail: str | None = None
    thread: str | None = None
    stacks: tuple[ThreadStack, ...] = ()

    @property
    def message(self) -> str:
        """What happened, and in which function."""
        frames = next((stack.frames for stack in self.stacks if stack.frames), ())
        where = f" in {frames[0].function} ({frames[0].file}:{frames[0].line})" if frames else ""
        return self.what + where


@attrs.frozen(kw_only=True)
class Segfault(SignalFinding):
    """Native code accessed memory that it must not."""

    cause = "segfault"
    endings = ("SIGSEGV",)
    what = "segmentation fault"
    remedy = "A bug in native code: update the native packages, and get a native stack (lldb, gdb)."


@attrs.frozen(kw_only=True)
class BusError(SignalFinding):
    """A mapped page could not be had, or an access was misaligned."""

    cause = "bus-error"
    endings = ("SIGBUS",)
    what = "bus error"
    remedy = "Often a mapped file that was cut short or a full /dev/shm: check both."


@attrs.frozen(kw_only=True)
class FloatingPointException(SignalFinding):
    """Native code divided an integer by zero."""

    cause = "floating-point-exception"
    endings = ("SIGFPE",)
    what = "arithmetic error in native code"
    remedy = "Usually an integer division by zero in native code: report it with its inputs."


@attrs.frozen(kw_only=True)
class IllegalInstruction(SignalFinding):
    """The processor does not know an instruction of the program."""

    cause = "illegal-instruction"
    endings = ("SIGILL",)
    what = "illegal instruction"
    remedy = "The build needs a newer processor (such as AVX2): install one made for this machine."


@attrs.frozen(kw_only=True)
class StackOverflow(SignalFinding):
    """The stack was used up."""

    cause = "stack-overflow"
    what = "the stack overflowed"
    remedy = "Look for a recursion without an end; the stack shows where."


@attrs.frozen(kw_only=True)
class Abort(SignalFinding):
    """The process ended itself with abort(); the reason stands in the lines before."""

    cause = "abort"
    default_role = Role.EITHER
    endings = ("SIGABRT",)
    what = "the process aborted itself"
    remedy = "The lines before the abort say why."


@attrs.frozen(kw_only=True)
class PythonFatalInit(SignalFinding):
    """The Python interpreter could not start."""

    cause = "python-fatal-init"
    what = "the Python interpreter could not start"
    remedy = "PYTHONHOME, PYTHONPATH or the virtual environment point to a missing installation."


@attrs.frozen(kw_only=True)
class ThreadStacks(SignalFinding):
    """Stacks that were dumped on request or after a time limit; the process went on."""

    cause = "thread-stacks"
    default_role = Role.NOTE
    what = "the stacks of the threads were dumped"


# The texts of faulthandler, the shells, gdb and Ray.
_BY_WORDS: Final[tuple[tuple[str, type[SignalFinding], str], ...]] = (
    ("segmentation fault", Segfault, "SIGSEGV"),
    ("sigsegv", Segfault, "SIGSEGV"),
    ("abort", Abort, "SIGABRT"),
    ("sigabrt", Abort, "SIGABRT"),
    ("bus error", BusError, "SIGBUS"),
    ("sigbus", BusError, "SIGBUS"),
    ("floating point exception", FloatingPointException, "SIGFPE"),
    ("sigfpe", FloatingPointException, "SIGFPE"),
    ("illegal", IllegalInstruction, "SIGILL"),
    ("sigill", IllegalInstruction, "SIGILL"),
    ("stack overflow", StackOverflow, "SIGABRT"),
    ("cannot recover from", StackOverflow, "SIGABRT"),
    ("init_", PythonFatalInit, ""),
    ("py_init", PythonFatalInit, ""),
    ("pyinit", PythonFatalInit, ""),
)


def _by_words(text: str) -> tuple[type[SignalFinding], str]:
    lowered = text.lower()
    for words, kind, signal in _BY_WORDS:
        if words in lowered:
            return kind, signal
    return Abort, "SIGABRT"  # Py_FatalError ends with abort()


@final
class _FaultBlock:
    """A stack dump, fatal or not."""

    def __init__(self, line: str, reason: str | None) -> None:
        self._reason = reason
        self._parser = FaultDumpParser(line)

    def feed(self, line: str, *, claimed: bool) -> Consumed:
        return self._parser.feed(line, claimed=claimed)

    def findings(self) -> tuple[Finding, ...]:
        stacks = self._parser.stacks()
        thread = next((stack.thread for stack in stacks if stack.current), None)
        if self._reason is None:
            return (ThreadStacks(thread=thread, stacks=stacks),)
        kind, signal = _by_words(self._reason)
        detail = self._parser.error if kind is PythonFatalInit else None
        return (
            kind(
                signal=signal or None, detail=detail or self._reason, thread=thread, stacks=stacks
            ),
        )


def _fatal_error(match: Match, _: Context) -> Block:
    return _FaultBlock("", match.group("reason"))


def _dump(match: Match, _: Context) -> Block:
    return _FaultBlock(match.group("head"), None)


def _word(match: Match, _: Context) -> Finding:
    text = match.group("word")
    kind, signal = _by_words(text)
    return kind(signal=signal)


def _recursion(_: Match, __: Context) -> Finding:
    return StackOverflow(detail="RecursionError")


SIGNATURES: Final = (
    Signature(
        name="python-fatal-error",
        pattern=r"Fatal Python error: (?P<reason>.*)$",
        open_block=_fatal_error,
    ),
    Signature(
        name="thread-stacks",
        pattern=r"(?P<head>(?:Timeout \(\d+:\d+:[\d.]+\)!"
        r"|(?:Current thread 0x[0-9a-f]+|Thread 0x[0-9a-f]+)(?: \[[^\]]*\])?"
        r" \(most recent call first\):).*)$",
        open_block=_dump,
        literals=("Timeout (", " (most recent call first):"),
    ),
    Signature(
        name="python-recursion-error",
        pattern=r"(?:^|[ |])RecursionError: maximum recursion depth",
        build=_recursion,
    ),
    Signature(
        name="ray-signal",
        pattern=r"\*\*\* (?P<word>SIG(?:SEGV|BUS|FPE|ILL|ABRT)) received at time=",
        build=_word,
    ),
    Signature(
        name="debugger-signal",
        pattern=r" received signal (?P<word>SIG(?:SEGV|BUS|FPE|ILL|ABRT)), ",
        build=_word,
    ),
    Signature(
        name="go-abort",
        pattern=r"(?P<word>SIG(?:ABRT: abort|SEGV: segmentation violation|BUS: bus error))",
        build=_word,
        literals=("SIGABRT: ", "SIGSEGV: ", "SIGBUS: "),
    ),
    Signature(
        name="shell-signal",
        pattern=r"(?:^|line \d+: +\d+ |^zsh: |^\[\d+\] +\d+ )"
        r"(?P<word>[Ss]egmentation fault|Aborted|abort|[Bb]us error|Illegal instruction"
        r"|illegal hardware instruction|Floating point exception|floating point exception)"
        r"(?:: \d+)?(?: \(core dumped\))?(?:$|  )",
        build=_word,
        literals=(
            "egmentation fault",
            "Aborted",
            "zsh: abort",
            "us error",
            "Illegal instruction",
            "illegal hardware",
            "loating point exception",
        ),
        generic=True,
    ),
    Signature(
        name="glibc-exception-not-rethrown",
        pattern=r"FATAL: (?P<word>exception not rethrown)",
        build=_word,
    ),
)
