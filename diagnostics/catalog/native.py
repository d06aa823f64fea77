"""Ends by a signal, whoever says so."""

from typing import Any, ClassVar

import attrs

from diagnostics.catalog._building import Recognized
from diagnostics.findings import Role
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
        program: The program, where it is named.
        library: The library that the fault was in.
        host: The host that it ran on.
        address: The address of the fault.
    """

    # The signal says how it ended, another finding why.
    weight = -1

    what: ClassVar[str] = "a signal ended the process"
    """The first words of the message."""

    thread: str | None = None
    stacks: tuple[ThreadStack, ...] = ()
    program: str | None = None
    library: str | None = None
    host: str | None = None
    address: str | None = None

    def identity(self) -> dict[str, Any]:
        """Return what tells this from others: where in memory it happened does not."""
        return {name: value for name, value in super().identity().items() if name != "address"}

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
    """
    The process ended itself with abort(): by an assertion, or for what the lines before say.

    Attributes:
        assertion: What did not hold, where the output tells.
        file: The source file of the assertion.
        source_line: The line in it.
        function: The function.
    """

    cause = "abort"
    default_role = Role.EITHER
    endings = ("SIGABRT", "SIGTRAP", "SIGILL")
    what = "the process aborted itself"
    remedy = (
        "The lines before the abort say why. An assertion is a bug, or inputs that the code does"
        " not expect: search for its text."
    )

    assertion: str | None = None
    file: str | None = None
    source_line: int | None = None
    function: str | None = None

    @property
    def is_symptom(self) -> bool:
        """Whether it names the signal and nothing else."""
        return self.role is not Role.ROOT

    @property
    def message(self) -> str:
        """What did not hold, and where."""
        if self.role is not Role.ROOT:
            return super().message
        place = f" ({self.file}:{self.source_line})" if self.file and self.source_line else ""
        if self.assertion:
            return f"an assertion failed: {self.assertion}{place}"
        return f"{self.what}: {self.detail or 'no reason given'}{place}"


@attrs.frozen(kw_only=True)
class PythonFatalInit(SignalFinding):
    """
    The Python interpreter could not start.

    Attributes:
        module: The module that could not be found.
    """

    cause = "python-fatal-init"
    what = "the Python interpreter could not start"
    remedy = "PYTHONHOME, PYTHONPATH or the virtual environment point to a missing installation."

    module: str | None = None


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
