"""What libraries and runtimes print of a crash."""

from typing import Final

from diagnostics._prefixes import PREFIX
from diagnostics.catalog._building import finds
from diagnostics.catalog._signals import BY_SIGNAL, CRASHES, ended, made, name_of, name_of_status
from diagnostics.catalog._windows import by_windows_code
from diagnostics.catalog.native import (
    IllegalInstruction,
    Segfault,
    StackOverflow,
)
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature

_FAULT: Final = (
    r"[Ss]egmentation (?:[Ff]ault|[Vv]iolation)|SIGSEGV|SEGV\w*|[Bb]us [Ee]rror|SIGBUS"
    r"|[Ff]loating[- ][Pp]oint [Ee]xception|SIGFPE|Arithmetic exception|[Ii]llegal [Ii]nstruction"
    r"|SIGILL|Aborted|Abort|SIGABRT|Killed"
)


def _jvm(match: Match, context: Context) -> Finding | None:
    status = match.group("status")
    if status is None:
        context.facts["jvm-crash"] = match.group("signal")
        return ended(match, context)
    known = by_windows_code(int(status, 16))
    if known is None:
        return None
    kind, signal = known
    context.facts["jvm-crash"] = signal
    return made(kind, match, context, signal=signal)


def _jvm_frame(match: Match, context: Context) -> Finding | None:
    """The library in which a crash was, which the report names some lines after it."""
    crash = context.facts.get("jvm-crash")
    kind = BY_SIGNAL.get(str(crash))
    return made(kind, match, context, signal=crash) if kind else None


def _mpich_place(match: Match, context: Context) -> None:
    context.facts["debugged-pid"] = int(match.group("pid"))
    context.facts["its-host"] = match.group("host")


_RAW: Final = (4, 6, 7, 8, 9, 11, 15)  # others are what a program itself returned


def _mpich_status(match: Match, context: Context) -> Finding | None:
    """Read Hydra's exit code, which is the raw status: a signal's number has nothing added."""
    code = int(match.group("exit_code"))
    name = name_of(code) if code in _RAW else name_of_status(code)
    kind = BY_SIGNAL.get(name or "")
    return made(kind, match, context, signal=name, exit_code=code) if kind else None


SIGNATURES: Final = (
    Signature(
        name="glog-signal",  # glog, absl, folly, Ray, Paddle
        pattern=rf"\*\*\* (?:Signal \d{{1,2}} \()?(?P<signal>{CRASHES}|SIGTERM)\b(?: received at"
        rf" time="
        r"|.{0,60}? received by PID (?P<pid>\d{1,9}))",
        build=ended,
        literals=("*** SIG", "*** Signal "),
    ),
    Signature(
        name="paddle-signal",
        pattern=r"FatalError: (?:`|A serious error \()(?P<word>[A-Z][\w ]+?)[`)] is detected by the"
        r" operating system",
        build=ended,
        literals=(" is detected by the operating system",),
    ),
    Signature(
        name="mpi-signal",
        pattern=r"(?:\[(?P<host>[\w.-]+):(?P<pid>\d{1,9})\]|\]) Signal: (?P<word>[A-Z][\w /-]+?)"
        r" ?\(\d+\)",
        build=ended,
        literals=("] Signal: ",),
    ),
    Signature(
        name="mpich-place",
        pattern=r"=   (?:RANK \d+ )?PID (?P<pid>\d{1,9}) RUNNING AT (?P<host>\S+)",
        build=_mpich_place,
        literals=(" RUNNING AT ",),
    ),
    Signature(
        name="mpich-status",
        pattern=r"=   EXIT CODE: (?P<exit_code>\d{1,3})\b",
        build=_mpich_status,
    ),
    Signature(
        name="mpi-exit-string",
        pattern=r"(?:EXIT STRING: (?P<word>[A-Z][\w ]+?) \(signal \d+\)"
        r"|KILLED BY SIGNAL: (?P<number>\d{1,2}) \()",
        build=ended,
        literals=("EXIT STRING: ", "KILLED BY SIGNAL: "),
    ),
    Signature(
        name="petsc-signal",
        pattern=r"PETSC ERROR: Caught signal number (?P<number>\d{1,2})",
        build=ended,
    ),
    Signature(
        name="ucx-signal",
        pattern=r"\[(?P<host>[\w.-]+):(?P<pid>\d{1,9}):\d+:\d+\] Caught signal (?P<number>\d{1,2})"
        r" \(",
        build=ended,
        literals=("] Caught signal ",),
    ),
    Signature(
        name="fortran-signal",
        pattern=r"forrtl: (?:severe|error) \(\d+\): (?P<word>SIGSEGV|SIGILL|SIGBUS|SIGABRT"
        r"|integer divide by zero|floating (?:divide by zero|overflow|invalid)|array bounds"
        r"|process killed|Program Exception - access violation)"
        r"|Program received signal (?P<signal>SIG[A-Z]+): ",
        build=ended,
        literals=("forrtl: severe (", "forrtl: error (", "Program received signal SIG"),
    ),
    Signature(
        name="go-signal",
        pattern=r"\[signal (?:(?P<signal>SIG[A-Z]+)\b|(?P<number>0x[0-9a-f]{1,2}) )"
        r"|(?:^|[\s\]])(?P<signal_2>SIG(?:ABRT|SEGV|BUS|FPE|ILL|QUIT|TERM)): [a-z]",
        build=ended,
        literals=(
            *("[signal ", "SIGABRT: ", "SIGSEGV: ", "SIGBUS: ", "SIGFPE: ", "SIGILL: "),
            *("SIGQUIT: ", "SIGTERM: "),
        ),
    ),
    Signature(
        name="julia-signal",
        pattern=r"(?:\[(?P<pid>\d{1,9})\] |"
        + PREFIX
        + r")signal \(?(?P<number>\d{1,2})(?:\.\d+)?\)?(?: \(\d+\))?: [A-Z]",
        build=ended,
        literals=("signal (", "signal "),
    ),
    Signature(
        name="jvm-signal",
        pattern=r"#  +(?:(?P<signal>SIG[A-Z]+) \(0x[0-9a-f]+\)|EXCEPTION_\w+"
        r" \((?P<status>0x[0-9a-f]+)\))"
        r" at pc=0x[0-9a-f]+, pid=(?P<pid>\d{1,9})",
        build=_jvm,
        literals=(" at pc=0x",),
    ),
    Signature(
        name="jvm-frame",
        pattern=r"# [CVJjvA] +\[(?P<library>[\w.-]+)\+0x",
        build=_jvm_frame,
        literals=("# C ", "# V ", "# J ", "# j ", "# v ", "# A "),
    ),
    Signature(
        name="backward-signal",
        pattern=r"(?P<word>Segmentation fault|Bus error|Illegal instruction|Floating point"
        r" exception"
        r"|Aborted|Arithmetic exception) \((?:Address not mapped|Invalid permissions|Signal sent by"
        r"|Integer (?:divide|overflow)|Nonexist\w+ physical|Invalid address|Object specific|Illegal"
        r" op"
        r"|Privileged|Sent by|Invalid float|Float)[^)]*\)",
        build=ended,
        literals=(
            *("Segmentation fault (", "Bus error (", "Illegal instruction ("),
            *("Floating point exception (", "Aborted (", "Arithmetic exception ("),
        ),
    ),
    Signature(
        name="caught-signal",  # R, catchsegv, node-segfault-handler, Chromium, QEMU, Boost
        pattern=rf"\*\*\* caught (?P<word>segfault|bus error|illegal operation) \*\*\*"
        rf"|{PREFIX}\*\*\* (?P<word_2>{_FAULT})\W*$"
        r"|PID (?P<pid>\d{1,9}) received (?P<signal>SIG[A-Z]+) for address"
        rf"|[Rr]eceived signal (?P<number>\d{{1,2}}) (?:SEGV|BUS|ILL|FPE)_"
        rf"|uncaught target signal (?P<number_2>\d{{1,2}}) \(",
        build=ended,
        literals=(
            *("*** caught ", "*** Segmentation", "*** SIG", "*** SEGV", "*** Bus", "*** bus"),
            *("*** segmentation", "*** Floating", "*** floating", "*** Arithmetic", "*** Illegal"),
            *("*** illegal", "*** Aborted", "*** Abort", "*** Killed", " received SIG"),
            *("eceived signal ", "target signal "),
        ),
    ),
    Signature(
        name="runtime-crash",  # Ruby, Zig, Bun, Crystal, Nim, Swift, .NET, Windows, test runners
        pattern=r"\[BUG\] (?P<word>Segmentation fault|Bus Error|Illegal instruction)"
        r"|(?:^|[\s:])(?P<word_2>Segmentation fault|Bus error|Illegal instruction|Arithmetic"
        r" exception)"
        r"(?: \(\w+\))? at (?:address |unknown )?(?P<address>0x[0-9a-fA-F]+)"
        r"|Invalid memory access \(signal (?P<number>\d{1,2})\)"
        r"|(?P<signal>SIGSEGV): Illegal storage access"
        r"|memory (?P<word_3>access violation) at address"
        r"|(?:exception|Exception thrown|Unhandled exception.{0,80}|read|write): .{0,40}?"
        r"(?P<word_4>[Aa]ccess violation)(?: reading| writing| executing|\.)"
        r"|(?P<word_5>Access violation) - code c0000005 \(!!! second chance",
        build=ended,
        literals=(
            *("[BUG] ", " at address 0x", " at 0x", " at unknown 0x", "Invalid memory access ("),
            *("Illegal storage access", "ccess violation"),
        ),
        generic=True,
    ),
    Signature(
        name="dotnet-access-violation",
        pattern=r"System\.(?P<word>AccessViolationException|NullReferenceError): "
        r"(?P<detail>Attempted to read or write protected memory)",
        build=finds(Segfault, signal="SIGSEGV"),
        literals=("System.AccessViolation", "System.NullReferenceError"),
    ),
    Signature(
        name="swift-crash",
        pattern=r"\*\*\* (?:Program|Swift runtime) crashed: (?P<word>Bad pointer|Illegal"
        r" instruction"
        r"|System trap|Aborted|Abort|Bus error|Bad access|Segmentation fault|Misaligned|Killed"
        r"|Floating point)[\w ]*(?: at (?P<address>0x[0-9a-f]+))?"
        r"|Program crashed: (?P<word_2>Bad pointer|Illegal instruction|System trap|Aborted)",
        build=ended,
        literals=("rogram crashed: ", "runtime crashed: "),
    ),
    Signature(
        name="server-signal",  # ClickHouse, MongoDB
        pattern=r"[Rr]eceived signal (?P<word>[A-Z][\w ]+?) \(\d{1,2}\)",
        build=ended,
        literals=("eceived signal ",),
        generic=True,
    ),
    Signature(
        name="apache-child",
        pattern=r"child pid (?P<pid>\d{1,9}) exit signal (?P<word>[A-Z][\w ]+?) \(\d",
        build=ended,
        literals=(" exit signal ",),
    ),
    Signature(
        name="test-runner-signal",
        pattern=r"\*\*\*Exception: (?P<word>SegFault|Illegal|Numerical|Bus ?Error|Child aborted)"
        r"|(?P<word_2>Subprocess aborted|Child aborted)\*\*\*Exception"
        r"|\d+ - [\w.:/-]+ \((?P<word_3>SEGFAULT|ILLEGAL|NUMERICAL|Subprocess aborted|Child"
        r" aborted)\)"
        r"|(?:fatal error condition|test case CRASHED|CRASHED): (?P<signal>SIG[A-Z]+)",
        build=ended,
        literals=(
            *("***Exception", "(SEGFAULT)", "(ILLEGAL)", "(NUMERICAL)", "aborted)"),
            *("fatal error condition: ", "CRASHED: "),
        ),
    ),
    Signature(
        name="rust-stack-overflow",
        pattern=r"thread '[^']*'(?: \(\d+\))? has overflowed its stack"
        r"|fatal runtime error: (?P<word>stack overflow)",
        build=finds(StackOverflow, signal="SIGABRT"),
        literals=("has overflowed its stack", "fatal runtime error: stack"),
    ),
    Signature(
        name="stack-overflow-text",  # Go, Java, .NET, Node, OCaml, Haskell, Ruby, Julia, Windows
        pattern=r"(?P<detail>goroutine stack exceeds \d+-byte limit|fatal error: stack overflow"
        r"|(?:java\.lang\.)?StackOverflowError|due to StackOverflowException"
        r"|RangeError: Maximum call stack size exceeded|exception Stack_overflow"
        r"|SystemStackError|stack level too deep|EXCEPTION_STACK_OVERFLOW|STATUS_STACK_OVERFLOW"
        r"|infinite recursion detected|stack overflow: use \+RTS|C stack usage +\d+ is too close"
        r"|evaluation nested too deeply|InternalError: too much recursion"
        r"|Maximum function nesting level of '\d+' reached)",
        build=finds(StackOverflow, soft=True),
        literals=(
            *("goroutine stack exceeds", "fatal error: stack overflow", "StackOverflowError"),
            *("StackOverflowException", "Maximum call stack size", "exception Stack_overflow"),
            *("SystemStackError", "stack level too deep", "STACK_OVERFLOW", "infinite recursion"),
            *("stack overflow: use +RTS", "C stack usage", "evaluation nested too deeply"),
            *("InternalError: too much", "Maximum function nesting level"),
        ),
    ),
    Signature(
        name="dotnet-stack-overflow",
        pattern=r"^(?P<detail>Stack overflow\.)(?:\s*$|   at | Repeat )",
        build=finds(StackOverflow, signal="SIGABRT"),
    ),
    Signature(
        name="cpu-too-old",
        pattern=r"(?P<detail>CPU ISA level is lower than required"
        r"|instructions, but these aren't available on your machine"
        r"|CPU (?:does not|doesn't) support (?:the )?(?:AVX|SSE|BMI|FMA)\w*"
        r"|operating system and the processor support Intel"
        r"|requires? a (?:CPU|processor) (?:with|that supports|supporting) (?:AVX|SSE)\w*)",
        build=finds(IllegalInstruction),
        literals=(
            *("CPU ISA level is lower", "instructions, but these aren't", "CPU does not support "),
            "operating system and the processor support",
            *("CPU doesn't support ", "require a CPU ", "requires a CPU ", "require a processor"),
            "requires a processor",
        ),
    ),
    Signature(
        name="glibc-exception-not-rethrown",
        pattern=r"FATAL: (?P<word>exception not rethrown)",
        build=lambda match, context: made(BY_SIGNAL["SIGABRT"], match, context, signal="SIGABRT"),
    ),
)
