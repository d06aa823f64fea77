"""Error numbers and their names, in the notations of languages and servers."""

from typing import Final

from diagnostics.catalog._refused import (
    BY_WINDOWS_ERROR,
    is_numbered_exception,
    numbered,
    refused,
)
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature

_NAMES: Final = "EACCES|EPERM|EROFS|ENOSPC|EDQUOT|EMFILE|ENFILE|EPIPE|ENOENT|ENOMEM|ENOEXEC"


def _windows(match: Match, context: Context) -> Finding | None:
    kind = BY_WINDOWS_ERROR.get(int(match.group("errno")))
    if kind is None or is_numbered_exception(match.string):
        return None
    return refused(kind)(match, context)


SIGNATURES: Final = (
    Signature(
        name="windows-error-line",
        pattern=r"\[WinError (?P<errno>\d{1,5})\](?: (?P<detail>[^\[\]'(:]+))?(?::"
        r" ['\"](?P<file>[^'\"]+)['\"])?",
        build=_windows,
        generic=True,
    ),
    Signature(
        name="errno-line",
        pattern=r"\[Errno -?(?P<errno>\d{1,5})\](?: (?P<detail>[^\[\]'(:]+))?(?::"
        r" ['\"](?P<file>[^'\"]+)['\"])?",
        build=numbered,
        generic=True,
    ),
    Signature(
        name="os-error",
        pattern=r"(?:[\"'`](?P<file>/[^\"'`]+)[\"'`]: )?(?P<detail>[A-Z][\w' ]+?)\.? \(os error"
        r" (?P<errno>\d{1,5})\)",
        build=numbered,
        literals=(" (os error ",),
        generic=True,
    ),
    Signature(
        name="rust-os-error",
        pattern=r"Os \{ code: (?P<errno>\d{1,5}), kind: \w+, message: \"(?P<detail>[^\"]*)\""
        r"|\brepr: Os\((?P<errno_2>\d{1,5})\)",
        build=numbered,
        literals=("Os { code: ", "repr: Os("),
        generic=True,
    ),
    Signature(
        name="nginx-errno",
        pattern=r"\w+\(\) (?:\"(?P<file>[^\"]+)\"|to \S+) failed \((?P<errno>\d{1,5}):"
        r" (?P<detail>[A-Z][\w' ]+)\)",
        build=numbered,
        literals=(" failed (",),
        generic=True,
    ),
    Signature(
        name="node-errno",
        pattern=rf"\b(?P<name>{_NAMES}): (?P<detail>[a-z][\w ,/-]*?)(?:, (?P<syscall>\w+)(?:"
        rf" '(?P<file>[^']+)')?)?"
        r"(?:\W*$| ->)"
        rf"|\bspawn (?P<file_2>\S+) (?P<name_2>{_NAMES})\b",
        build=numbered,
        literals=(
            *("EACCES: ", "EPERM: ", "EROFS: ", "ENOSPC: ", "EDQUOT: ", "EMFILE: ", "ENFILE: "),
            *("EPIPE: ", "ENOENT: ", "ENOMEM: ", "ENOEXEC: ", "spawn "),
        ),
        generic=True,
    ),
)
