"""The lines in which programs, shells, the kernel and schedulers say what the host refused."""

from typing import Any, Final

import re2

from diagnostics._errno import describe
from diagnostics._prefixes import PREFIX
from diagnostics.catalog._building import Builder, common, fields_of, finds, role_here
from diagnostics.catalog.host import (
    BY_ERRNO,
    AddressInUse,
    BindFailed,
    ConnectionRefused,
    FileNotFound,
    HostErrno,
    NoSpaceLeft,
    PermissionDenied,
    SignalKilled,
    SignalTerminated,
    ThreadCreateFailed,
    TooManyOpenFiles,
)
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature

_ADDRESS: Final = re2.compile(
    r"\('?(?P<host>[^',()]*)'?, (?P<port>\d{1,5})|\bport[: =]+(?P<port2>\d{1,5})"
    r"|(?P<host2>[\w.-]+):(?P<port3>\d{2,5})\b"
)


def address_of(text: str) -> dict[str, str | None]:
    """Return the `host` and the `port` that a message names, as text."""
    found = _ADDRESS.search(text)
    if not found:
        return {}
    groups = found.groupdict()
    return {
        "host": groups["host"] or groups["host2"],
        "port": groups["port"] or groups["port2"] or groups["port3"],
    }


def _shell_killed(match: Match, context: Context) -> Finding | None:
    pid = match.group("pid")
    if pid:
        context.facts["shell-killed-pid"] = int(pid)
    return finds(SignalKilled, signal="SIGKILL")(match, context)


def _numbered(match: Match, context: Context) -> Finding | None:
    """An `[Errno N]` outside of a traceback, whose own line the exception's signature reads."""
    name, _, _ = describe(int(match.group("errno")), context.platform)
    kind = BY_ERRNO.get(name or "")
    if kind is None:
        return None
    values = common(match, context)
    if values.get("exception") is not None and not match.string[: match.start()].strip().endswith(
        "ERROR:"
    ):
        return None
    role = role_here(kind, match, context, soft=True)
    if role is None:
        return None
    found = match.groupdict() | address_of(match.string[match.end() :])
    return kind(role=role, tentative=True, **values | fields_of(kind, found, context))


def _is_numbered_exception(line: str) -> bool:
    # Python's own words, of which the exception's signature knows more.
    return "Error: [Errno " in line


def _unnumbered(kind: type[HostErrno], **constants: Any) -> Builder:
    build = finds(kind, soft=True, **constants)

    def unless_numbered(match: Match, context: Context) -> Finding | None:
        return None if _is_numbered_exception(match.string) else build(match, context)

    return unless_numbered


def _address_in_use(match: Match, context: Context) -> Finding | None:
    line = match.string
    role = role_here(AddressInUse, match, context, soft=True)
    if role is None or _is_numbered_exception(line):
        return None
    number = 48 if context.platform == "darwin" else 98
    coded = _CODE.search(line)
    found = address_of(line) | {"errno": coded.group(1) if coded else str(number)}
    return AddressInUse(
        role=role,
        tentative=True,
        **common(match, context) | fields_of(AddressInUse, found, context),
    )


def _refused_file(kind: type[HostErrno], exit_code: int) -> Builder:
    return finds(kind, exit_code=exit_code)


_SHELL: Final = (
    r"(?:^|[\s:|\]>=\"])(?:[\w/.+-]*(?:sh|bash|dash|zsh): (?:line \d+: |\d+: )?"
    r"|[\w/.+-]+: line \d+: )"
)
_SHELL_JOB: Final = (
    rf"(?:{PREFIX}|\btask \d+(?:[-,]\d+)*: |line \d+: +(?P<pid>\d+) |\bzsh: "
    r"|\[\d+\] ?[+-]? *(?:\d+ )? *)"
)
_CODE: Final = re2.compile(r"(?:code: -|[Ee]rrno |os error |error: )(\d{1,4})\b")

SIGNATURES: Final = (
    Signature(
        name="shell-killed",
        pattern=_SHELL_JOB + r"[Kk]illed(?:: 9)?(?: \(core dumped\))?(?:\W*$|  )",
        build=_shell_killed,
        literals=("Killed", "killed"),
        generic=True,
    ),
    Signature(
        name="shell-terminated",
        pattern=_SHELL_JOB + r"[Tt]erminated(?:: 15)?(?:\W*$|  )",
        build=finds(SignalTerminated, signal="SIGTERM"),
        literals=("Terminated", "terminated"),
        generic=True,
    ),
    Signature(
        name="worker-terminated",
        pattern=r"WorkerProc was terminated|(?:Received|Caught|got) (?:signal )?(?:SIGTERM"
        r"|signal 15)\b",
        build=lambda match, context: SignalTerminated(
            **common(match, context) | dict[str, Any](signal="SIGTERM")
        ),
        literals=("WorkerProc was terminated", "SIGTERM", "signal 15"),
    ),
    Signature(
        name="errno-line",
        pattern=r"\[Errno -?(?P<errno>\d{1,4})\](?: (?P<detail>[\w' -]+))?(?:: '(?P<file>[^']+)')?",
        build=_numbered,
        generic=True,
    ),
    Signature(
        name="os-error",
        pattern=r"(?P<detail>[A-Z][\w' ]+) \(os error (?P<errno>\d{1,4})\)",
        build=_numbered,
        literals=(" (os error ",),
        generic=True,
    ),
    Signature(
        name="too-many-files-text",
        pattern=r"(?P<detail>[Tt]oo many open files(?: in system)?)",
        build=_unnumbered(TooManyOpenFiles, errno=24, errno_name="EMFILE"),
        literals=("oo many open files",),
        generic=True,
    ),
    Signature(
        name="connection-refused-text",
        pattern=r"(?P<detail>(?i:failed|unable|could ?n.t|cannot|error|refused to)[^:]{0,60}"
        r"connect.*[Cc]onnection refused)",
        build=_unnumbered(ConnectionRefused),
        literals=("onnection refused",),
        generic=True,
    ),
    Signature(
        name="slurm-cancelled",
        pattern=r"\*\*\* (?:JOB|STEP) \S+ ON \S+ CANCELLED AT \S+ (?P<detail>.*?) ?\*\*\*",
        build=finds(SignalTerminated, signal="SIGTERM"),
        literals=(" CANCELLED AT ",),
    ),
    Signature(
        name="address-in-use-text",
        pattern=r"(?:[Aa]ddress already in use|Address Already In Use|ADDRESS ALREADY IN USE"
        r"|EADDRINUSE|eaddrinuse|[Pp]ort is already (?:in use|allocated))",
        build=_address_in_use,
        literals=(
            "ddress already in use",
            "Address Already In Use",
            "ADDRESS ALREADY IN USE",
            "EADDRINUSE",
            "eaddrinuse",
            "ort is already in use",
            "ort is already allocated",
        ),
        generic=True,
    ),
    Signature(
        name="bind-text",
        pattern=r"[Cc]an(?:not|'t) assign requested address",
        build=_unnumbered(BindFailed),
        literals=("assign requested address",),
        generic=True,
    ),
    Signature(
        name="no-space-text",
        pattern=r"(?P<detail>No space left on device|Disk quota exceeded|disk is full)",
        build=_unnumbered(NoSpaceLeft, errno=28, errno_name="ENOSPC"),
        literals=("o space left on device", "isk quota exceeded", "disk is full"),
        generic=True,
    ),
    Signature(
        name="hub-no-space",
        pattern=r"(?P<detail>Not enough free disk space to download)",
        build=lambda match, _: NoSpaceLeft(detail=match.group("detail")),
        any_level=True,  # a UserWarning, before the download that then fails
        literals=("free disk space to download",),
    ),
    Signature(
        name="shell-permission-denied",
        pattern=_SHELL + r"(?:exec: )?"
        r"(?P<file>[^:]+): (?:cannot execute: )?(?:Permission denied|Is a directory)",
        build=_refused_file(PermissionDenied, 126),
        literals=(": Permission denied", ": Is a directory"),
    ),
    Signature(
        name="zsh-permission-denied",
        pattern=r"zsh: permission denied: (?P<file>\S+)",
        build=_refused_file(PermissionDenied, 126),
    ),
    Signature(
        name="mlx-save-refused",
        pattern=r"\[save\w*\] (?P<detail>Failed to open file) (?P<file>\S+)",
        build=finds(PermissionDenied),
        literals=("[save",),
    ),
    Signature(
        name="shell-not-found",
        pattern=_SHELL + r"(?:exec: )?"
        r"(?P<file>[^:]+): (?:(?:cannot execute: )?(?:No such file or directory|required file"
        r" not found"
        r"|command not found|not found))",
        build=_refused_file(FileNotFound, 127),
        literals=(
            ": No such file",
            ": command not found",
            ": not found",
            ": required file not found",
        ),
    ),
    Signature(
        name="zsh-not-found",
        pattern=r"zsh: (?:command not found|no such file or directory): (?P<file>\S+)",
        build=_refused_file(FileNotFound, 127),
        literals=("zsh: command not found", "zsh: no such file"),
    ),
    Signature(
        name="env-not-found",
        pattern=r"(?:env|execvp?|nohup|timeout|mpirun|srun)(?: failed)?:"
        r" [\x{2018}'\"]?(?P<file>[^:'\x{2019}\"]+)['\x{2019}\"]?: "
        r"No such file or directory",
        build=_refused_file(FileNotFound, 127),
        literals=(": No such file or directory",),
    ),
    Signature(
        name="python-cannot-open",
        pattern=r"can't open file '(?P<file>[^']+)': \[Errno (?P<errno>2)\]",
        build=_refused_file(FileNotFound, 2),
    ),
    Signature(
        name="thread-create",
        pattern=r"(?P<detail>can't start new thread|pthread_create (?:failed|has failed)"
        r"|Resource temporarily unavailable: (?:fork|clone)|fork: (?:retry: )?Resource"
        r" temporarily unavailable"
        r"|failed to (?:create|spawn) (?:new )?(?:OS )?thread)",
        build=finds(ThreadCreateFailed),
        literals=(
            "start new thread",
            "pthread_create ",
            "Resource temporarily unavailable",
            "to create thread",
            "to spawn thread",
            "to create new",
            "to create OS",
            "to spawn OS",
        ),
    ),
    Signature(
        name="cpp-thread-create",
        pattern=r"what\(\): +(?P<detail>Resource temporarily unavailable)",
        build=finds(ThreadCreateFailed),
        literals=("Resource temporarily unavailable",),
    ),
)
