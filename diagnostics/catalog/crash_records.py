"""What kernels, debuggers and the systems' own recorders print of a crash."""

from typing import Final

import attrs

from diagnostics.catalog._building import groups_of
from diagnostics.catalog._signals import BY_SIGNAL, ended, made
from diagnostics.catalog.native import SignalFinding
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature

_HEX: Final = r"(?:0x)?[0-9a-fA-F]+"


def _android(match: Match, context: Context) -> Finding | None:
    finding = ended(match, context)
    pid = context.facts.get("tombstone-pid")
    if pid is None or not isinstance(finding, SignalFinding) or finding.pid is not None:
        return finding
    return attrs.evolve(finding, pid=pid)


def _tombstone(match: Match, context: Context) -> None:
    context.facts["tombstone-pid"] = int(match.group("pid"))


_MACH: Final = {
    "EXC_BAD_ACCESS": "SIGSEGV",
    "EXC_BAD_INSTRUCTION": "SIGILL",
    "EXC_ARITHMETIC": "SIGFPE",
    "EXC_BREAKPOINT": "SIGTRAP",
    "EXC_CRASH": "SIGABRT",
}


def _mach(match: Match, context: Context) -> Finding | None:
    signal = match.group("signal") or _MACH.get(match.group("exc"))
    kind = BY_SIGNAL.get(signal or "")
    return made(kind, match, context, signal=signal) if kind else None


_WINDOWS: Final = {
    "ACCESS_VIOLATION": "SIGSEGV",
    "IN_PAGE_ERROR": "SIGBUS",
    "ILLEGAL_INSTRUCTION": "SIGILL",
    "PRIV_INSTRUCTION": "SIGILL",
}


def _windows_exception(match: Match, context: Context) -> Finding | None:
    signal = _WINDOWS.get(match.group("word"), "SIGFPE")
    return made(BY_SIGNAL[signal], match, context, signal=signal)


def _debugged(match: Match, context: Context) -> None:
    context.facts["debugged-pid"] = int(groups_of(match)["pid"] or 0)


SIGNATURES: Final = (
    Signature(
        name="debugged-process",
        pattern=r"\[Inferior \d+ \(process (?P<pid>\d{1,9})\)|^Process (?P<pid_2>\d{1,9})"
        r" (?:stopped$|launched: ')",
        build=_debugged,
        literals=("[Inferior ", "Process "),
    ),
    Signature(
        name="kernel-fault",
        pattern=rf"(?P<program>[\w./#@+-]+)\[(?P<pid>\d{{1,9}})\]: (?P<word>segfault) at {_HEX} ip"
        r"(?:.* in (?P<library>[^\s\[,]+))?",
        build=ended,
        literals=("]: segfault at ",),
    ),
    Signature(
        name="kernel-trap",
        pattern=r"(?P<program>[\w./:#@+-]+)\[(?P<pid>\d{1,9})\]:? (?:trap )?(?P<word>general"
        r" protection"
        r"(?: fault)?|invalid opcode|divide error|unhandled (?:level \d )?[\w ]*?fault)"
        r"[ :(](?:.* in (?P<library>[^\s\[,]+))?",
        build=ended,
        literals=("general protection", "invalid opcode", "divide error", "unhandled "),
    ),
    Signature(
        name="core-dump-record",  # coredumpctl, the kernel's audit
        pattern=r"Signal: (?P<number>\d{1,2}) \((?:SEGV|ABRT|BUS|FPE|ILL|TRAP|SYS)\)"
        r"|Caught <(?P<signal>SEGV|ABRT|BUS|FPE|ILL)>, (?:dumped core|core dump failed)"
        r"|type=1701 audit\(.*\bpid=(?P<pid>\d{1,9})\b.*\bsig=(?P<number_2>\d{1,2})\b",
        build=ended,
        literals=("Signal: ", "Caught <", "type=1701 audit("),
    ),
    Signature(
        name="macos-exception",
        pattern=r"(?:stop reason = |Exception Type: +|Exception: )(?P<exc>EXC_\w+)"
        r"(?: \((?P<signal>SIG[A-Z]+)\))?",
        build=_mach,
        literals=("EXC_",),
    ),
    Signature(
        name="macos-termination",
        pattern=r"(?:Termination Signal: +|Namespace SIGNAL, Code (?:0x)?\w+"
        r" )(?P<word>[A-Z][\w /]+?): \d",
        build=ended,
        literals=("Termination Signal:", "Namespace SIGNAL, Code "),
    ),
    Signature(
        name="windows-exception",
        pattern=r"\b(?:EXCEPTION|STATUS)_(?P<word>ACCESS_VIOLATION|IN_PAGE_ERROR"
        r"|ILLEGAL_INSTRUCTION"
        r"|INT_DIVIDE_BY_ZERO|INTEGER_DIVIDE_BY_ZERO|PRIV_INSTRUCTION)\b",
        build=_windows_exception,
        literals=("EXCEPTION_", "STATUS_"),
    ),
    Signature(
        name="android-signal",
        pattern=r"(?:Fatal )?signal (?P<number>\d{1,2}) \((?P<signal>SIG[A-Z]+)\), code -?\d+"
        r"(?:.*?\bpid (?P<pid>\d{1,9}) \((?P<program>[^)]*)\))?",
        build=_android,
        literals=("signal ",),
    ),
    Signature(
        name="android-tombstone",
        pattern=r"\bpid: (?P<pid>\d{1,9}), tid: \d+, name: ",
        build=_tombstone,
    ),
)
