"""What a launcher says about the end of one of its processes."""

import signal
from typing import Any, Final

import attrs

from diagnostics.catalog._building import finds
from diagnostics.catalog.corruption import HeapCorruption
from diagnostics.catalog.host import SignalKilled, SignalTerminated
from diagnostics.catalog.native import (
    Abort,
    BusError,
    FloatingPointException,
    IllegalInstruction,
    Segfault,
    StackOverflow,
)
from diagnostics.catalog.workers import WorkerProcessDied
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature

_BY_SIGNAL: Final[dict[str, type[Finding]]] = {
    "SIGKILL": SignalKilled,
    "SIGTERM": SignalTerminated,
    "SIGSEGV": Segfault,
    "SIGABRT": Abort,
    "SIGBUS": BusError,
    "SIGILL": IllegalInstruction,
    "SIGFPE": FloatingPointException,
}


# What Windows ends a process with, for a fault of its own.
_BY_STATUS: Final[dict[int, type[Finding]]] = {
    0xC0000005: Segfault,
    0xC000001D: IllegalInstruction,
    0xC0000094: FloatingPointException,
    0xC00000FD: StackOverflow,
    0xC0000374: HeapCorruption,
    0xC0000409: Abort,
}


def _ended(match: Match, _: Context) -> Finding | None:
    found = match.groupdict()
    code = int(found["exit_code"]) if found.get("exit_code") else None
    name = found.get("signal")
    status = _BY_STATUS.get(code & 0xFFFFFFFF) if code is not None else None
    if status is not None:
        return status(exit_code=code)  # type: ignore[call-arg]
    if name is None and code is not None and (code < 0 or 128 < code < 160):  # noqa: PLR2004
        name = _name(-code if code < 0 else code - 128)
    values: dict[str, Any] = {
        key: int(found[key]) for key in ("rank", "pid") if found.get(key) is not None
    }
    if name is None:
        return WorkerProcessDied(exit_code=code, **values) if code else None
    if name == "SIGTERM" and code is not None:
        return None  # the launcher's own: it ends the others when one is dead
    kind = _BY_SIGNAL.get(name)
    if kind is None:
        return WorkerProcessDied(exit_code=code, signal=name, **values)
    return kind(signal=name, exit_code=code, **values)  # type: ignore[call-arg]


def _name(number: int) -> str | None:
    try:
        return signal.Signals(number).name
    except ValueError:
        return None


def _elastic_rank(match: Match, context: Context) -> None:
    context.facts["elastic-rank"] = int(match.group("rank"))


def _elastic_host(match: Match, context: Context) -> None:
    context.facts["elastic-host"] = match.group("host")


def _elastic(match: Match, context: Context) -> Finding | None:
    # The host and the rank stand some lines above, in the same list.
    finding = _ended(match, context)
    if finding is None:
        return None
    declared = attrs.fields_dict(type(finding))
    told = {name: context.facts.pop(f"elastic-{name}", None) for name in ("rank", "host")}
    return attrs.evolve(
        finding,
        **{name: value for name, value in told.items() if value is not None and name in declared},
    )


def _elastic_exit(match: Match, context: Context) -> Finding | None:
    # How one ended by a signal did is told in words behind this.
    return _elastic(match, context) if match.group("exit_code")[0] != "-" else None


SIGNATURES: Final = (
    Signature(
        name="torch-elastic-rank",
        pattern=r"^\W*rank +: (?P<rank>\d{1,6}) \(local_rank: \d+\)",
        build=_elastic_rank,
        literals=(" (local_rank: ",),
    ),
    Signature(
        name="torch-elastic",
        pattern=r"failed \(exitcode: (?P<exit_code>-?\d{1,6})\) local_rank: (?P<rank>\d{1,6}) "
        r"\(pid: (?P<pid>\d{1,9})\)",
        build=_ended,
        literals=("failed (exitcode: ",),
    ),
    Signature(
        name="torch-elastic-host",
        pattern=r"^\W*host {5,9}: (?P<host>[\w.:-]+)\s*$",
        build=_elastic_host,
        literals=("host     ",),
    ),
    Signature(
        name="torch-elastic-exit",
        pattern=r"^\W*exitcode {2,9}: (?P<exit_code>-?[1-9]\d{0,5}) \(pid: (?P<pid>\d{1,9})\)",
        build=_elastic_exit,
        literals=("exitcode  ",),
    ),
    Signature(
        name="torch-elastic-signal",
        pattern=r"Signal \d{1,2} \((?P<signal>SIG[A-Z]+)\) received by PID (?P<pid>\d{1,9})",
        build=_elastic,
        literals=(") received by PID ",),
    ),
    Signature(
        name="mlx-launch",
        pattern=r"Node with rank (?P<rank>\d{1,6}) exited with code (?P<exit_code>-?\d{1,6})\b",
        build=_ended,
        any_level=True,  # it is logged as a warning
    ),
    Signature(
        name="mpirun-signal",
        pattern=r"rank (?P<rank>\d{1,6}) with PID (?P<pid>\d{1,9}) on node \S+ exited on signal "
        r"(?P<number>\d{1,2})\b",
        build=lambda match, _: _ended_by_number(match),
        literals=(" exited on signal ",),
    ),
    Signature(
        name="launcher-signalled",
        pattern=r"process was signaled to shutdown with signal (?P<number>\d{1,2})\b"
        r"(?:.* rank=(?P<rank>\d{1,6}))?",
        build=lambda match, _: _ended_by_number(match),
        literals=("was signaled to shutdown with signal",),
    ),
    Signature(
        name="gunicorn-worker",
        pattern=r"Worker \(pid: ?(?P<pid>\d{1,9})\) was sent"
        r" (?P<signal>SIG(?:KILL|SEGV|ABRT|BUS|ILL|FPE|TRAP|SYS))\b",
        build=_ended,
        literals=(") was sent SIG",),
    ),
    Signature(
        name="signal-by-name",
        pattern=r"(?:terminated by|died (?:from|with|by)|killed by|exited (?:on|due to))"
        r" (?:signal )?"
        r"(?P<signal>SIG(?:KILL|SEGV|ABRT|BUS|ILL|FPE|TERM))\b",
        build=_ended,
        literals=(" SIGKILL", " SIGSEGV", " SIGABRT", " SIGBUS", " SIGILL", " SIGFPE", " SIGTERM"),
        generic=True,
    ),
    Signature(
        name="systemd-exit",
        pattern=r"code=(?:killed|dumped), status=(?P<number>\d{1,2})/",
        build=lambda match, _: _ended_by_number(match),
        literals=("code=killed, status=", "code=dumped, status="),
    ),
    Signature(
        name="systemd-exit-code",
        pattern=r"process exited, code=exited, status=(?P<exit_code>[1-9]\d{0,2})\b",
        build=_ended,
    ),
    Signature(
        name="mpirun-exit",
        pattern=r"(?P<detail>(?:mpirun|mpiexec|prterun|orterun) detected that one or more"
        r" processes exited"
        r"|Primary job +terminated normally, but \d+ process returned"
        r"|application called MPI_Abort\(|\*\*\* MPI_ERRORS_ARE_FATAL"
        r"|Fatal error in (?:P?MPI|internal)_\w+: .*"
        r"|MPI_ABORT was invoked on rank (?P<rank>\d{1,6}) )",
        build=finds(WorkerProcessDied),
        literals=(
            "detected that one or more processes exited",
            "Primary job ",
            "MPI_ABORT was invoked on rank",
            *("application called MPI_Abort(", "*** MPI_ERRORS_ARE_FATAL", "Fatal error in "),
        ),
    ),
    Signature(
        name="deepspeed-exit",
        pattern=r"exits with return code = (?P<exit_code>-?[1-9]\d{0,9})\b",
        build=_ended,
    ),
    Signature(
        name="supervisord-not-expected",
        pattern=r"exited: \S+ \((?:exit status (?P<exit_code>\d{1,3})"
        r"|terminated by (?P<signal>SIG[A-Z]+)"
        r"[^;]*); not expected\)",
        build=_ended,
        any_level=True,
        literals=("; not expected)",),
    ),
    Signature(
        name="kubernetes-back-off",
        pattern=r"(?P<detail>Back-off restarting failed container)",
        build=lambda match, _: WorkerProcessDied(detail=match.group("detail")),
        any_level=True,  # an event of a container's manager, as a warning
    ),
    Signature(
        name="compose-exit",
        pattern=r"^[\w.-]+-\d+ exited with code (?P<exit_code>\d{1,3})\b",
        build=_ended,
        literals=(" exited with code ",),
        generic=True,
    ),
    Signature(
        name="multiprocessing-exit",
        pattern=r"\b(?i:process|worker|child|container|service|task|node|shard|engine|server"
        r"|program)"
        r"\b.{0,60}?(?i:exited|died|terminated|ended|crashed|completed|finished|failed)"
        r"(?: unexpectedly)?,? (?:(?:with )?exit ?(?:code|status)|with (?:code|status))[ =:]+"
        r"(?P<exit_code>-?\d{1,10})\b",
        build=_ended,
        literals=(
            *("exit code", "exitcode", " with code"),
            *("exit status", "exitstatus", " with status"),
        ),
        generic=True,
    ),
)


def _ended_by_number(match: Match) -> Finding | None:
    found = match.groupdict()
    name = _name(int(found["number"]))
    values: dict[str, Any] = {
        key: int(found[key]) for key in ("rank", "pid") if found.get(key) is not None
    }
    kind = _BY_SIGNAL.get(name or "")
    return (kind or WorkerProcessDied)(signal=name, **values)  # type: ignore[call-arg]
