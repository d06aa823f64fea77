"""What shells and tools that run commands say of a command that a signal ended."""

from typing import Final

from diagnostics._prefixes import PREFIX
from diagnostics.catalog._signals import (
    CRASHES,
    TRANSLATED,
    ended,
)
from diagnostics.catalog._translations import DUMPED, SIGNALS, one_of
from diagnostics.catalog.host import SignalKilled
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature

_CRASHED: Final = (
    r"[Ss]egmentation [Ff]ault|[Bb]us [Ee]rror|Illegal instruction|illegal hardware instruction"
    r"|[Ff]loating[- ]point exception|Memory fault|Abort trap|IOT (?:instruction|trap)"
    r"|[Tt]race/(?:BPT|breakpoint) trap|trace trap|Arithmetic exception|Bad system call|invalid"
    r" system call"
)
_LITERALS: Final = (
    *("egmentation fault", "egmentation Fault", "us error", "us Error", "Bus error"),
    *("Illegal instruction", "illegal hardware", "loating point exc", "loating-point exc"),
    *(
        "Memory fault",
        "Abort trap",
        "IOT instruction",
        "IOT trap",
        "race/BPT",
        "race/breakpoint",
        "trace trap",
        "Arithmetic exc",
    ),
    *("Bad system call", "invalid system call"),
)
_DUMPED: Final = rf"(?: ?(?:\(core dumped\)|\(coredump\)|- core dumped|{one_of(DUMPED)}))"
_OF_JOB: Final = (
    rf"{_CRASHED}|Aborted|Abort|abort|Killed|killed|Terminated|terminated|[Hh]angup|{TRANSLATED}"
)
_OF_JOB_LITERALS: Final = (
    *_LITERALS,
    *("Aborted", "Abort ", " abort", "illed", "erminated", "angup", *SIGNALS),
)
# A command line follows the words where the shell knows it, behind at least two blanks.
_END: Final = r"(?::? \d+\b)?" + _DUMPED + r"?(?:[^\w!]*$|  )"


def _ended(match: Match, context: Context) -> Finding | None:
    finding = ended(match, context)
    if isinstance(finding, SignalKilled) and finding.pid is not None:
        context.facts["shell-killed-pid"] = finding.pid
    return finding


SIGNATURES: Final = (
    Signature(
        name="shell-signal",
        pattern=rf"(?:{PREFIX}(?:Child |Process |Program )?|\bzsh: |^sh: |\btask \d+(?:[-,]\d+)*: )"
        rf"(?P<word>{_CRASHED}|Aborted|Abort|abort trap|Killed|Terminated|Hangup|{TRANSLATED}"
        rf"|CPU time limit exceeded|Cputime limit exceeded)" + _END,
        build=_ended,
        literals=(
            *_LITERALS,
            *("Aborted", "Abort", "abort trap", "Killed", "Terminated", "Hangup"),
            *("ime limit exceeded", *SIGNALS),
        ),
        generic=True,
    ),
    Signature(
        name="shell-job",
        pattern=r"(?:(?:line|\x{884c}|Zeile|ligne|línea) ?\d{1,6}\W{1,2} *|\[\d{1,4}\] *[+-]? *"
        r"|\bzsh: |\d: +\[\d{1,4}\]"
        r" *[+-]? *)"
        rf"(?P<pid>\d{{2,9}}) +(?P<word>{_OF_JOB})(?::? \d+\b)?(?:{_DUMPED}|\W*$|  |"
        rf" [\w./\"'$({{-])",
        build=_ended,
        literals=_OF_JOB_LITERALS,
    ),
    Signature(
        name="shell-job-bare",
        pattern=rf"^ *(?P<pid>\d{{2,9}}) +(?P<word>{_OF_JOB})(?::? \d+\b)?(?:{_DUMPED}|\W*$|  )",
        build=_ended,
        literals=_OF_JOB_LITERALS,
        generic=True,
    ),
    Signature(
        name="shell-job-without-pid",
        pattern=r"(?:\bzsh: |\[\d{1,4}\] *[+-]? +)"
        rf"(?P<word>{_CRASHED}|Aborted|abort|Killed|killed|Terminated|terminated|{TRANSLATED})"
        r"(?::? \d+\b)?" + _DUMPED + r"?(?:\W*$|  )",
        build=_ended,
        literals=(
            *_LITERALS,
            *("Aborted", " abort", "illed", "erminated", *SIGNALS),
        ),
        generic=True,
    ),
    Signature(
        name="core-dumped",
        pattern=rf"(?:^|[^'\"`\x{{2018}}])(?P<word>{_CRASHED}|Aborted|Abort|Quit|{TRANSLATED})"
        rf"(?:: \d+)?{_DUMPED}(?:\W*$|  )",
        build=_ended,
        literals=(*("(core dumped)", "(coredump)", "- core dumped", *DUMPED),),
        generic=True,
    ),
    Signature(
        name="make-signal",
        pattern=r"\*\*\* \[[^\]]{1,200}\] "
        rf"(?:(?P<word>{_CRASHED}|Aborted|Killed|Terminated)|Error (?P<exit_code>1[34]\d)\b)",
        build=ended,
        literals=("*** [",),
        generic=True,
    ),
    Signature(
        name="compiler-driver-signal",
        pattern=r"(?:fatal error: (?P<word>Killed|Segmentation fault|Aborted|Illegal instruction"
        r"|Bus error|Terminated) signal terminated program (?P<program>[\w.+-]+)"
        r"|unable to execute command: (?P<word_2>Killed|Segmentation fault|Aborted|Illegal"
        r" instruction|Bus error))",
        build=ended,
        literals=(" signal terminated program ", "unable to execute command: "),
    ),
    Signature(
        name="slurm-signal",
        pattern=r"(?:error: (?P<host>[\w.-]+): )?tasks? \d+(?:[-,]\d+)*: (?P<word>Segmentation"
        r" fault|Aborted|Bus error"
        r"|Illegal instruction|Floating point exception|Killed|Terminated|User defined signal \d)",
        build=ended,
        literals=(
            *(": Segmentation fault", ": Aborted", ": Bus error", ": Illegal", ": Floating"),
            *(": Killed", ": Terminated", ": User defined"),
        ),
    ),
    Signature(
        name="fish-signal",
        pattern=r"fish: .{0,200} terminated by signal (?P<signal>SIG[A-Z]+)",
        build=ended,
        literals=(" terminated by signal SIG",),
    ),
    Signature(
        name="debugger-signal",
        pattern=rf"(?:(?:^|\s)Thread [\d.]+ \"(?P<program>[^\"]{{1,80}})\" received signal"
        rf" (?P<signal_2>{CRASHES}|SIGKILL|SIGTERM)\b"
        r"|(?: received signal |[Pp]rogram terminated with signal |stop reason = signal )"
        rf"(?P<signal>{CRASHES}|SIGKILL|SIGTERM)\b)",
        build=ended,
        literals=(" received signal SIG", "terminated with signal SIG", "stop reason = signal SIG"),
    ),
)
