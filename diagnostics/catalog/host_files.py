"""The lines in which it is said that a file or program is not there, or may not be used."""

from typing import Final

import attrs

from diagnostics.catalog._building import Builder, finds
from diagnostics.catalog._refused import PROBES, refused
from diagnostics.catalog._translations import DENIED, NO_FILE, one_of
from diagnostics.catalog.host import FileNotFound, HostErrno, PermissionDenied
from diagnostics.catalog.loader import LoaderError
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


def _refused_file(kind: type[HostErrno], exit_code: int) -> Builder:
    build = finds(kind, exit_code=exit_code)

    def unless_probe(match: Match, context: Context) -> Finding | None:
        finding = build(match, context)
        if finding is not None and (match.group("file") or "").strip() in PROBES:
            return attrs.evolve(finding, role=Role.NOTE)
        return finding

    return unless_probe


_SHELL: Final = (
    r"(?:^|[\s:|\]>=\"])(?:[\w/.+-]*(?:sh|bash|dash|zsh): (?:line \d+: |\d+: )?"
    r"|[\w/.+-]+: line \d+: )"
)
_DENIED: Final = r"(?:[Pp]ermission denied|[Oo]peration not permitted|[Rr]ead-only file system)"
_NO_FILE: Final = rf"(?:[Nn]o such file or directory|{one_of(NO_FILE)})"
_CALL: Final = (
    r"\b(?:open|mkdir|stat|lstat|unlink|rename|chmod|chown|remove|create|symlink|exec|fork/exec"
    r"|chdir"
    r"|readlink|write|read)"
)
_QUOTE: Final = r"[\x{2018}'\"`]?"
_UNQUOTE: Final = r"[\x{2019}'\"`]?"

SIGNATURES: Final = (
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
        name="go-permission-denied",
        pattern=_CALL + r" (?P<file>[^\s:]+): (?P<detail>" + _DENIED + ")"
        r"|exec: \\?\"(?P<file_2>[^\"\\]+)\\?\": (?P<detail_2>permission denied)"
        r"|(?:exec|spawning) (?P<file_3>/\S+): (?P<detail_3>[Pp]ermission denied)"
        r"|trying to connect to the (?:Docker|docker) (?:daemon socket|API) at"
        r" (?:unix://)?(?P<file_4>[^\s:]+)",
        build=refused(PermissionDenied, soft=False),
        literals=(
            *(": permission denied", ": Permission denied", ": operation not permitted"),
            *(": Operation not permitted", ": read-only file system", ": Read-only file system"),
            *("trying to connect to the Docker", "trying to connect to the docker"),
        ),
        generic=True,
    ),
    Signature(
        name="tool-permission-denied",  # coreutils, Java, .NET, ssh
        pattern=r"\w: cannot [\w ]+? (?:[\x{2018}'\"`](?P<file>[^\x{2019}'\"`]+)[\x{2019}'\"`]"
        r"|(?P<file_7>[^\s:'\"]+)):"
        r" (?P<detail>" + _DENIED + ")"
        r"|FileNotFoundException: (?P<file_2>.+?) \((?P<detail_2>Permission denied)\)"
        r"|AccessDeniedException: (?P<file_3>/\S+)"
        r"|Access to the path '(?P<file_4>[^']+)' is (?P<detail_4>denied)"
        r"|(?P<detail_5>Permission denied) \((?:publickey|password|gssapi|keyboard|hostbased)"
        r"|^[\w.-]+: (?P<file_6>/[^:]+): (?P<detail_6>Permission denied)",
        build=refused(PermissionDenied, soft=False),
        literals=(
            *(": Permission denied", ": permission denied", ": Operation not permitted"),
            *(": operation not permitted", ": Read-only file system", ": read-only file system"),
            *("(Permission denied)", "AccessDeniedException: /", "Access to the path '"),
            "Permission denied (",
        ),
        generic=True,
    ),
    Signature(
        name="permission-denied-text",
        pattern=r"(?P<detail>\b[Pp]ermission [Dd]enied\b|[Rr]ead-only file ?system"
        rf"|\bPermissionDenied\b|{one_of(DENIED)})",
        build=refused(PermissionDenied),
        literals=(
            *("ermission denied", "ermission Denied", "ead-only file system"),
            *("ead-only filesystem", "PermissionDenied", *DENIED),
        ),
        generic=True,
    ),
    Signature(
        name="exec-not-found",  # Go, container runtimes, Node, MPI, systemd, slurm
        pattern=r"exec: \\?\"(?P<file>[^\"\\]+)\\?\": (?:executable file not found|stat .*"
        + _NO_FILE
        + "|"
        + _NO_FILE
        + ")"
        r"|(?:fork/exec|exec|stat) (?P<file_2>/[^\s:]+): "
        + _NO_FILE
        + r"|\bspawn (?P<file_3>\S+) ENOENT"
        r"|execvp error on file (?P<file_4>\S+) \(No such file"
        r"|[Ff]ailed at step (?:EXEC|CHDIR) spawning (?P<file_5>[^\s:]+): "
        + _NO_FILE
        + r"|Failed to (?:execute|locate executable|find executable) (?P<file_6>[^\s:]+): "
        + _NO_FILE
        + r"|execve\(\): (?P<file_7>[^\s:]+): "
        + _NO_FILE
        + r"|failed to run command "
        + _QUOTE
        + r"(?P<file_8>[^\x{2019}'\"]+)"
        + _UNQUOTE
        + ": "
        + _NO_FILE
        + r"|[\w.-]: (?P<file_9>[\w./-]+): command not found|status=203/EXEC"
        r"|unable to (?:find|launch) the specified (?:executable|application)",
        build=refused(FileNotFound, soft=False),
        literals=(
            *(
                ": command not found",
                "status=203/EXEC",
                "executable file not found",
                *NO_FILE,
                "o such file or directory",
                " ENOENT",
                "(No such file",
            ),
            *("unable to find the specified", "unable to launch the specified"),
        ),
        generic=True,
    ),
    Signature(
        name="command-not-recognized",  # PowerShell, cmd, fish, Java, Ruby, Perl, Node, PHP
        pattern=r"'(?P<file>[^']+)' is not recognized as (?:the name of a cmdlet|an internal or"
        r" external command)"
        r"|fish: Unknown command:? '?(?P<file_2>[^\s']+)"
        r"|Unable to access jarfile (?P<file_3>\S+)|Could not find or load main class"
        r" (?P<file_4>\S+)"
        r"|"
        r"[Nn]o such file or directory -- (?P<file_5>\S+) \(LoadError\)"
        r"|Can't open perl script \"(?P<file_6>[^\"]+)\""
        r"|Error: Cannot find module '(?P<file_7>[^']+)'|Could not open input file: (?P<file_8>\S+)"
        r"|[Ii]nterpreter (?P<file_9>\S+) not found",
        build=refused(FileNotFound, soft=False),
        literals=(
            *(
                " is not recognized as ",
                "fish: Unknown command",
                "access jarfile ",
            ),
            *(
                "find or load main class ",
                "o such file or directory -- ",
            ),
            *(
                "open perl script ",
                "Error: Cannot find module ",
                "open input file: ",
                "nterpreter ",
            ),
        ),
        generic=True,
    ),
    Signature(
        name="go-not-found",
        pattern=r"\b(?:open|stat|lstat|chdir) (?P<file>[^\s:]+): (?P<detail>no such file or"
        r" directory"
        r"|The system cannot find the (?:file|path) specified)",
        build=refused(FileNotFound),
        literals=(": no such file or directory", ": The system cannot find the "),
        generic=True,
    ),
    Signature(
        name="exec-format",
        pattern=r"(?:exec:? )?(?:[\\\"']*(?P<library>[^\s:\"'\\]+)[\\\"']*: |[\s\"])"
        r"(?:cannot execute(?: binary file)?: )?"
        r"(?P<detail>[Ee]xec format error|[Bb]ad CPU type in executable|cannot execute binary"
        r" file)",
        build=finds(LoaderError),
        literals=("xec format error", "ad CPU type in executable", "cannot execute binary file"),
    ),
)
