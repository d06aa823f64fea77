"""Ends by a signal: faulthandler's dumps, the shell's and Ray's remarks."""

from typing import ClassVar, Final, final

import attrs
import re2

from diagnostics._consumed import Consumed
from diagnostics._faults import FaultDumpParser
from diagnostics._prefixes import PREFIX
from diagnostics.catalog._building import Recognized, rank_of, role_here
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Block, Context, Match, Signature
from diagnostics.stacks import ThreadStack, innermost_user_frame, telling_stack


@attrs.frozen(kw_only=True)
class SignalFinding(Recognized):
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

    thread: str | None = None
    stacks: tuple[ThreadStack, ...] = ()

    @property
    def message(self) -> str:
        """What happened, and in which function."""
        stack = telling_stack(self.stacks)
        frame = innermost_user_frame(stack.frames[::-1]) if stack else None
        where = f" in {frame.function} ({frame.file}:{frame.line})" if frame else ""
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

    @property
    def is_symptom(self) -> bool:
        """It names the signal and nothing else."""
        return True


@attrs.frozen(kw_only=True)
class PythonFatalInit(SignalFinding):
    """The Python interpreter could not start."""

    cause = "python-fatal-init"
    what = "the Python interpreter could not start"
    remedy = "PYTHONHOME, PYTHONPATH or the virtual environment point to a missing installation."


@attrs.frozen(kw_only=True)
class PythonShutdownRace(SignalFinding):
    """
    A thread still wrote while the interpreter ended.

    Attributes:
        stream: The stream that it wrote to, such as `<stderr>`.
    """

    cause = "python-shutdown-race"
    default_role = Role.AFTER_EFFECT
    endings = ("SIGABRT",)
    versions = "Python 3.8 without, 3.9 on with `_enter_buffered_busy` in front"
    what = "a daemon thread was writing while the interpreter ended"
    remedy = "Join daemon threads before the end; why the program ended stands elsewhere."
    references = ("python/cpython#129536", "riotkit-org/riotkit-do#52")

    stream: str | None = None


@attrs.frozen(kw_only=True)
class ThreadStacks(SignalFinding):
    """Stacks that were dumped on request or after a time limit; the process went on."""

    cause = "thread-stacks"
    default_role = Role.NOTE
    what = "the stacks of the threads were dumped"


# The texts of faulthandler, the shells, gdb and Ray.
_BY_WORDS: Final[tuple[tuple[str, type[SignalFinding], str], ...]] = (
    ("segmentation fault", Segfault, "SIGSEGV"),
    ("segfault", Segfault, "SIGSEGV"),
    ("sigsegv", Segfault, "SIGSEGV"),
    ("access violation", Segfault, "SIGSEGV"),
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


_STREAM: Final = re2.compile(r"could not acquire lock for .*name='(<\w+>)'")


def _by_words(text: str) -> tuple[type[SignalFinding], str]:
    # CPython 3.13 has "Floating-point exception", earlier ones have a blank there.
    lowered = text.lower().replace("-", " ")
    for words, kind, signal in _BY_WORDS:
        if words in lowered:
            return kind, signal
    return Abort, "SIGABRT"  # Py_FatalError ends with abort()


@final
class _FaultBlock:
    """A stack dump, fatal or not."""

    def __init__(self, line: str, reason: str | None) -> None:
        self._reason = reason
        self._of_threads = line.startswith("Thread ")
        self._parser = FaultDumpParser(line)

    def feed(self, line: str, *, claimed: bool) -> Consumed:
        return self._parser.feed(line, claimed=claimed)

    def findings(self) -> tuple[Finding, ...]:
        stacks = self._parser.stacks()
        thread = next((stack.thread for stack in stacks if stack.current), None)
        if self._reason is None:
            if thread is None and self._of_threads and any(stack.frames for stack in stacks):
                # Asked for, a dump names the current thread or its time limit: this one
                # is the rest of a fatal one, or a thread that Python does not know crashed.
                thread = stacks[0].thread
                return (Segfault(signal="SIGSEGV", thread=thread, stacks=stacks),)
            return (ThreadStacks(thread=thread, stacks=stacks),)
        stream = _STREAM.search(self._reason)
        if stream:
            return (
                PythonShutdownRace(
                    signal="SIGABRT",
                    detail=self._reason,
                    thread=thread,
                    stacks=stacks,
                    stream=stream.group(1),
                ),
            )
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


def _word(match: Match, context: Context) -> Finding | None:
    found = match.groupdict()
    role = role_here(SignalFinding, match, context, soft=False)
    if role is None:
        return None
    kind, signal = _by_words(found["word"])
    pid = found.get("pid") or found.get("job_pid")
    return kind(
        role=kind.default_role if role is not Role.NOTE else role,
        signal=signal,
        pid=int(pid) if pid else None,
        rank=rank_of(match.string),
    )


def _recursion(_: Match, __: Context) -> Finding:
    return StackOverflow(detail="RecursionError")


SIGNATURES: Final = (
    Signature(
        name="python-fatal-error",
        pattern=r"(?:Fatal Python error|Windows fatal exception): (?P<reason>.*)$",
        open_block=_fatal_error,
        literals=("Fatal Python error: ", "Windows fatal exception: "),
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
        name="mpi-signal",
        pattern=r"\] Signal: (?P<word>[A-Z][\w ]+?) \(\d+\)",
        build=_word,
        literals=("] Signal: ",),
        generic=True,
    ),
    Signature(
        name="slurm-signal",
        pattern=r"task \d+(?:[-,]\d+)*: (?P<word>Segmentation fault|Aborted|Bus error"
        r"|Illegal instruction|Floating point exception)",
        build=_word,
        literals=(": Segmentation fault", ": Aborted", ": Bus error", ": Illegal", ": Floating"),
    ),
    Signature(
        name="kernel-fault",
        pattern=r"\[(?P<pid>\d{1,9})\]: (?P<word>segfault) at [0-9a-f]+ ip ",
        build=_word,
        literals=("]: segfault at ",),
    ),
    Signature(
        name="rust-stack-overflow",
        pattern=r"thread '[^']*'(?: \(\d+\))? has overflowed its stack"
        r"|fatal runtime error: (?P<word>stack overflow)",
        build=lambda match, _: StackOverflow(signal="SIGABRT", detail=match.group()),
        literals=("has overflowed its stack", "fatal runtime error: stack"),
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
        pattern=rf"(?:{PREFIX}|line \d+: +(?P<pid>\d{{1,9}}) |\bzsh: "
        r"|\[\d+\] +[+-]? *(?P<job_pid>\d{1,9}) )"
        r"(?P<word>[Ss]egmentation fault|Aborted|Abort trap|[Bb]us error|Illegal instruction"
        r"|illegal hardware instruction|Floating point exception|floating point exception)"
        r"(?:: \d+)?(?: \(core dumped\))?(?:\W*$|  )",
        build=_word,
        literals=(
            "egmentation fault",
            "Aborted",
            "Abort trap",
            "us error",
            "Illegal instruction",
            "illegal hardware",
            "loating point exception",
        ),
        generic=True,
    ),
    Signature(
        name="zsh-abort",
        pattern=r"(?:\bzsh:|\[\d+\] +[+-]? *(?P<job_pid>\d{1,9})) +(?P<word>abort)"
        r"(?:: \d+)?(?: \(core dumped\))?(?:\W*$|  )",
        build=_word,
        literals=(" abort",),
        generic=True,
    ),
    Signature(
        name="glibc-exception-not-rethrown",
        pattern=r"FATAL: (?P<word>exception not rethrown)",
        build=_word,
    ),
)
