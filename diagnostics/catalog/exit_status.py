"""How programs that started another one say by what it ended."""

from typing import Final

import attrs

from diagnostics.catalog._building import groups_of
from diagnostics.catalog._signals import CRASHES, ended, made, name_of_status
from diagnostics.catalog._translations import one_of
from diagnostics.catalog._windows import by_windows_code
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature

_VERB: Final = (
    r"(?i:terminat\w+|kill\w*|died|dead|crash\w*|exit\w*|stopped|failed (?:with|due to|on|by)"
    r"|Command failed: .{0,80}"
    r"|abort\w*|ended|interrupted|closed|quit|dumped|caught|got|received|fatal|raised|sent|due to"
    r"|status|reason)"
)
_RUST: Final = (
    r"SIGABRT: process abort signal|SIGSEGV: invalid memory reference|SIGKILL: kill|SIGILL: illegal"
    r" instruction|SIGBUS: access to undefined memory|SIGFPE: erroneous arithmetic operation"
    r"|SIGTERM: termination signal|SIGINT: terminal interrupt signal"
)


_STATUS: Final = (
    *("exit code", "exit status", "exit value", "exitcode", "exitstatus", "exit_code", "exit-code"),
    *("exit_status", "exitCode", "exitStatus", "Exit code", "Exit Code", "Exit status", "ExitCode"),
    *("Exit Status", "Exit value", "EXIT CODE", "exited with", "Exited with", "exit Code"),
    *("return code", "returncode", "return_code", "Return code", "returned code"),
    *("non-zero status", "nonzero status", "error code", "Error code", "rror: code"),
)


def _status(match: Match, context: Context) -> Finding | None:
    code = int(match.group("exit_code"))
    windows = by_windows_code(code) if abs(code) > _LARGE else None
    if windows is not None:
        kind, signal = windows
        constants = {"signal": signal} if signal else {}
        return made(kind, match, context, exit_code=code, **constants)
    name = name_of_status(code)
    if name == "SIGTERM" and code < 0:
        # Whoever starts several processes ends the others when one is dead.
        finding = ended(match, context)
        if finding is None or finding.role is Role.NOTE:
            return finding
        return attrs.evolve(finding, role=Role.AFTER_EFFECT)
    if name in ("SIGTERM", "SIGINT", "SIGPIPE", "SIGHUP", None):
        return None  # asked to end: the one who says so has mostly asked itself
    return ended(match, context)


_LARGE: Final = 1 << 20


def _numbered(match: Match, context: Context) -> Finding | None:
    # Signals that programs are told things by; ssh says of its own end that one killed it.
    if groups_of(match)["number"] in ("1", "2", "13") or "Killed by signal 15." in match.string:
        return None
    return ended(match, context)


def _whatever_the_level(match: Match, context: Context) -> Finding | None:
    finding = ended(match, context)
    return None if finding is None else attrs.evolve(finding, role=finding.default_role)


def _windows(match: Match, context: Context) -> Finding | None:
    known = by_windows_code(int(match.group("status"), 16))
    if known is None:
        return None
    kind, signal = known
    constants = {"signal": signal} if signal else {}
    return made(kind, match, context, **constants)


SIGNATURES: Final = (
    Signature(
        name="crash-by-name",
        pattern=rf"{_VERB}\b[^:={{}}]{{0,60}}?[\s(:=\"'<\[-]{{1,3}}(?i:signals?\W{{1,3}})?"
        r"(?:\d{1,2} ?\(?|signal\.|Signals\.)?"
        rf"(?P<signal>{CRASHES}|SIGKILL)\b",
        build=ended,
        literals=(
            *("SIGSEGV", "SIGABRT", "SIGIOT", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS"),
            "SIGKILL",
        ),
        generic=True,
    ),
    Signature(
        name="subprocess-signal",
        pattern=r"(?:died with <Signals\.|exitcode=-|stopped\[)(?P<signal>SIG[A-Z]+)",
        build=ended,
        literals=("died with <Signals.", "exitcode=-SIG", "stopped[SIG"),
    ),
    Signature(
        name="signal-by-number",
        pattern=rf"{_VERB}(?: was| is)?(?: \w+ly)?(?: terminated)?(?: by| on| with| due to| from|"
        rf" via| of)?"
        r"(?: a| the| uncaught| unhandled| fatal| unix| target)* [Ss]ignal(?: number| no\.?)?"
        r"[ :=#]{1,3}(?P<number>\d{1,2})\b|\(signal (?P<number_2>\d{1,2})\)",
        build=_numbered,
        literals=(" signal", " Signal", "(signal "),
        generic=True,
    ),
    Signature(
        name="crash-in-words",
        pattern=r"(?i:crash(?:ed)?|terminated|died|exited|killed|stopped|aborted"
        r"|failed)[^.:]{0,40}[(:] ?"
        r"(?:core dumped: )?(?P<word>[Ss]egmentation (?:fault|violation)|[Bb]us error|[Ii]llegal"
        r" instruction"
        r"|[Ff]loating point exception|SIGSEGV|SIGBUS|SIGILL|SIGFPE|SIGABRT)\b",
        build=ended,
        literals=(
            *("egmentation fault", "egmentation violation", "us error", "llegal instruction"),
            *("loating point exception", "SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT"),
        ),
        generic=True,
    ),
    Signature(
        name="cosmopolitan-signal",
        pattern=r"error: Uncaught (?P<signal>SIG[A-Z]+) \(\w+\)(?:.* pid (?P<pid>\d{1,9}))?",
        build=ended,
        literals=("error: Uncaught SIG",),
    ),
    Signature(
        name="supervisord-exit",
        pattern=r"exited: (?P<program>[\w.:-]+) \(terminated by (?P<signal>SIG[A-Z]+)"
        r"(?: \(core dumped\))?; not expected\)",
        build=_whatever_the_level,
        any_level=True,  # INFO in some of its versions
        literals=(" (terminated by SIG",),
    ),
    Signature(
        name="signal-in-words",
        pattern=r"\b[Ss]ignal: (?:(?P<number>\d{1,2}), )?(?P<word>(?i:killed|abort(?:ed| trap)"
        r"|segmentation (?:fault|violation)|bus error|illegal instruction|floating point exception"
        r"|terminated|interrupt\b|broken pipe|hangup|trace/(?:bpt|breakpoint) trap|bad system"
        r" call))",
        build=ended,
        literals=("ignal: ",),
    ),
    Signature(
        name="rust-exit-status",
        pattern=rf"signal: (?P<number>\d{{1,2}})(?:, (?:{_RUST})| \((?P<signal>SIG[A-Z]+)\))",
        build=ended,
        literals=("signal: ",),
    ),
    Signature(
        name="exit-status-of-signal",
        pattern=rf"{one_of(_STATUS)}[\"']?(?: is| was| of)?(?: non-?zero)?(?: exit)?"
        r"(?: code| status)?[\"']?[ \t:=(\[]{1,8}"
        r"(?P<exit_code>-\d{1,10}|1[34]\d|32212\d{5}|3765269347)\b",
        build=_status,
        literals=_STATUS,
        generic=True,
    ),
    Signature(
        name="windows-status",
        pattern=r"(?i:exit(?:ed)?|status|code|start correctly|initialize properly|crash\w*"
        r"|exception|terminated|error|returned|fault\w*"
        r"|HRESULT)\b.{0,40}?[ (:=\"'-](?P<status>0x(?:c0|C0|e0|E0)[0-9a-fA-F]{6})\b",
        build=_windows,
        literals=("0xc0", "0xC0", "0xe0", "0xE0"),
    ),
    Signature(
        name="windows-decimal-status",  # no other number looks so
        pattern=r"(?:^|[\s:=(,'\"\[])(?P<exit_code>-10737\d{5}|32212\d{5}|3765269347|-529697949)\b",
        build=_status,
        literals=("-10737", "32212", "3765269347", "-529697949"),
        generic=True,
    ),
    Signature(
        name="zsh-exit",
        pattern=r"^\[\d{1,4}\] *[+-]? *(?:(?P<pid>\d{2,9}) )?exit (?P<exit_code>1[34]\d)\b",
        build=_status,
        literals=("exit 13", "exit 14"),
    ),
    Signature(
        name="celery-worker-signal",
        pattern=r"Worker exited prematurely: signal (?P<number>\d{1,2})\b",
        build=ended,
    ),
    Signature(
        name="torch-worker-signal",
        pattern=r"Unexpected (?P<word>segmentation fault|floating-point exception) encountered in"
        r" worker",
        build=ended,
        literals=(" encountered in worker",),
    ),
)
