"""Builders for what the host refused, whoever says it and in whichever notation."""

from typing import Any, Final

import attrs
import re2

from diagnostics._errno import describe
from diagnostics._prefixes import PREFIX
from diagnostics.catalog._addresses import address_of
from diagnostics.catalog._building import Builder, common, fields_of, groups_of, role_here
from diagnostics.catalog.host import (
    BY_ERRNO,
    AddressInUse,
    ConnectionRefused,
    FileNotFound,
    OutOfMemoryHost,
    TooManyOpenFiles,
)
from diagnostics.catalog.loader import LoaderError
from diagnostics.catalog.weights import FileNotFoundWeights
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match

BY_NAME: Final[dict[str, type[Finding]]] = {
    **BY_ERRNO,
    "ENOENT": FileNotFound,
    "ENOMEM": OutOfMemoryHost,
    "ENOEXEC": LoaderError,
}
"""The class for an error number's name, outside of Python's exceptions."""

_NUMBER: Final = re2.compile(
    r"(?:code: -|[Ee]rr(?:no|or)?[ :=]{1,2}-?|os error |system:|generic:|WinError"
    r" )"
    r"(\d{1,5})\b|\((\d{1,5})[:)]"
)
_OF_PYTHON: Final = re2.compile(
    PREFIX + r"(?:[A-Za-z_]\w*\.)*\w+(?:Error|Exception)(?:\([\w.]+\))?: \[(?:Errno|WinError) "
)
OTHER_LIMIT: Final = re2.compile(r"(?i)watch(?:er)?s? (?:limit|reached)|file watchers")
"""What says that ENOSPC is about inotify, not about a disk."""

_WEIGHTS: Final = re2.compile(
    r"([^\s:'\"]+\.(?:safetensors|gguf|ggml|npz|pth?|ckpt|onnx))(?:[\s:'\",)]|$)"
)

PROBES: Final = ("nvidia-smi", "rocm-smi", "amd-smi", "xpu-smi", "npu-smi", "hl-smi", "tput")
"""Programs by which scripts ask for a device, and go on without it."""

# Who finds a port in use looks for another one and goes on.
_GOES_ON: Final = re2.compile(
    r"(?i)trying (?:an)?other|try(?:ing)? (?:the )?(?:next|port|with)|\binstead\b|switching to"
    r"|will (?:use|retry|try)|falling back|retrying"
)


def is_numbered_exception(line: str) -> bool:
    """Return whether a line is Python's, of which the exception's signature knows more."""
    return _OF_PYTHON.search(line) is not None


def _address_near(line: str, start: int) -> dict[str, str | None]:
    """Return the address that follows the words, or else that of the line."""
    behind = address_of(line[start:])
    return behind if "port" in behind else address_of(line) | behind


def _number_in(line: str) -> str | None:
    found = _NUMBER.search(line)
    number = found.group(1) or found.group(2) if found else None
    return number if number and int(number) else None


def refused(kind: type[Finding], *, soft: bool = True, **constants: Any) -> Builder:
    """
    Return a builder for words that say what was refused.

    The error number, the address and the file are looked for in the whole line.

    Args:
        kind: The class to make.
        soft: Whether programs often print such a line and go on.
        **constants: Fields with fixed values, unless the line has others.
    """
    declared = attrs.fields_dict(kind)

    def build(match: Match, context: Context) -> Finding | None:
        line = match.string
        if is_numbered_exception(line) or (kind is AddressInUse and _GOES_ON.search(line)):
            return None
        role = role_here(kind, match, context, soft=soft)
        if role is None:
            return None
        found: dict[str, str | None] = {}
        if "port" in declared:
            found |= _address_near(line, match.start())
            if kind is ConnectionRefused and "port" not in found:
                found |= context.facts.get("asked-address", {})
        if "errno" in declared:
            found["errno"] = _number_in(line)
        found |= groups_of(match)
        values = {key: value for key, value in common(match, context).items() if key in declared}
        values |= constants | fields_of(kind, found, context)
        if kind is FileNotFound and values.get("file") in PROBES:
            role = Role.NOTE
        return kind(role=role, tentative=soft, **values)

    return build


def numbered(match: Match, context: Context) -> Finding | None:
    """
    Build the finding for an error number; its words are taken where the number says nothing.

    Args:
        match: The match, with a group `errno` or `name`.
        context: What is known besides the line.
    """
    groups = groups_of(match)
    line = match.string
    name = groups.get("name")
    if name is None:
        name, _, _ = describe(int(groups.get("errno") or 0), context.platform)
    kind = BY_NAME.get(name or "")
    weights = _WEIGHTS.search(line) if kind is FileNotFound else None
    if weights is not None:
        kind, groups = FileNotFoundWeights, groups | {"file": weights.group(1)}
    if name in ("ENOSPC", "EMFILE") and OTHER_LIMIT.search(line):
        kind = TooManyOpenFiles  # the limit of inotify
    if kind is None or is_numbered_exception(line):
        return None
    values = common(match, context)
    role = role_here(kind, match, context, soft=True)
    if role is None:
        return None
    declared = attrs.fields_dict(kind)
    found: dict[str, str | None] = {}
    if "port" in declared:
        found |= _address_near(line, match.start())
    found |= {"errno_name": name} | groups
    values = {key: value for key, value in values.items() if key in declared}
    values |= fields_of(kind, found, context)
    return kind(role=role, tentative=role is not Role.NOTE, **values)
