"""What a Python exception amounts to, told by its class and its words."""

from typing import Any, Final

import attrs
import re2

from diagnostics._errno import describe
from diagnostics.catalog._addresses import address_of
from diagnostics.catalog._building import fields_of
from diagnostics.catalog._refused import OTHER_LIMIT
from diagnostics.catalog.host import (
    BY_ERRNO,
    AddressInUse,
    BindFailed,
    ConnectionRefused,
    FileNotFound,
    NoSpaceLeft,
    OutOfMemoryHost,
    PermissionDenied,
    SignalInterrupted,
    ThreadCreateFailed,
    TooManyOpenFiles,
)
from diagnostics.catalog.hub import TokenizerBadFile
from diagnostics.catalog.loader import LoaderError
from diagnostics.catalog.native import PythonFatalInit
from diagnostics.catalog.weights import FileNotFoundWeights
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match
from diagnostics.stacks import RaisedException

_ERRNO: Final = re2.compile(r"\[Errno (-?\d{1,5})\] ?([^:\[(]*)(?:: '([^']+)')?")
_WINDOWS: Final = re2.compile(r"\[WinError (\d{1,5})\] ?([^:\[(]*)(?:: '([^']+)')?")
_CODE: Final = re2.compile(r"\bcode: -(\d{1,4}), name: (\w+)")
_MODEL_FILE: Final = re2.compile(
    r"(?i)\.(?:safetensors|gguf|npz|bin|pt|pth|ckpt|onnx|mlpackage|ggml|model)\b"
    r"|(?:^|/)(?:(?:tokenizer\w*|config|params|model_index|adapter_config|generation_config"
    r"|preprocessor_config|vocab"
    r"|special_tokens_map)"
    r"\.json|[^/]*\.index\.json|merges\.txt|tokenizer\.model)$"
    r"|/models?(?:--|/)[^']*$|/huggingface/hub/"
)
_SERDE: Final = re2.compile(r" at line \d+ column \d+\b")
# Where a file that is not there is a program.
_STARTING: Final = ("_execute_child", "execv", "execve", "execvp", "execvpe", "_execvpe", "spawnv")
_MADE_UP: Final = "/nonexistent"  # what tests of the interpreter itself use

_BY_CLASS: Final[dict[str, type[Finding]]] = {
    "ConnectionRefusedError": ConnectionRefused,
    "PermissionError": PermissionDenied,
}

_WITH_ADDRESS: Final = (AddressInUse, ConnectionRefused)


def specific(error: RaisedException, context: Context, source_path: str | None) -> Finding | None:
    """
    Return the cause that an exception stands for; `None` if it is only an exception.

    Args:
        error: The exception.
        context: What is known besides.
        source_path: The path in the source text of the calls, if there was one.
    """
    text = error.exception_message or ""
    numbered = _ERRNO.search(text)
    if numbered is not None:
        return _by_errno(error, context, numbered, source_path)
    windows = _WINDOWS.search(text)
    if windows is not None:
        return _by_windows_error(error, context, windows)
    coded = _CODE.search(text)
    if coded is not None:
        found = {"errno": coded.group(1)} | address_of(text)
        return _made(BY_ERRNO.get(coded.group(2)), error, context, found)
    return _by_class(error, context, source_path)


def _by_class(error: RaisedException, context: Context, source_path: str | None) -> Finding | None:
    name = (error.exception or "").rpartition(".")[2]
    text = error.exception_message or ""
    if name == "KeyboardInterrupt":
        return SignalInterrupted(exception=error.exception, signal="SIGINT")
    if name == "Exception" and _SERDE.search(text):
        return TokenizerBadFile(exception=error.exception, detail=text, file=source_path)
    if "can't start new thread" in text:
        return ThreadCreateFailed(exception=error.exception, detail=text)
    if "No module named 'encodings'" in text:
        return PythonFatalInit(exception=error.exception, detail=text)
    return _made(_BY_CLASS.get(name), error, context, {})


# winerror.h, as far as it has counterparts; the other ones a loader's signature knows.
_BY_WINDOWS_ERROR: Final[dict[int, type[Finding]]] = {
    5: PermissionDenied,
    8: OutOfMemoryHost,
    14: OutOfMemoryHost,
    39: NoSpaceLeft,
    112: NoSpaceLeft,
    1450: OutOfMemoryHost,
    1455: OutOfMemoryHost,
    10013: PermissionDenied,
    10048: AddressInUse,
    10049: BindFailed,
    10061: ConnectionRefused,
}


def _by_windows_error(error: RaisedException, context: Context, numbered: Match) -> Finding | None:
    number, path = int(numbered.group(1)), numbered.group(3)
    starts_program = any(frame.function in _STARTING for frame in error.frames[-3:])
    if number == _NO_SUCH_FILE and starts_program:
        return FileNotFound(exception=error.exception, file=path, errno=number)
    found = {"errno": str(number), "file": path} | address_of(error.exception_message or "")
    return _made(_BY_WINDOWS_ERROR.get(number), error, context, found)


_NO_SUCH_FILE: Final = 2


def _by_errno(
    error: RaisedException, context: Context, numbered: Match, source_path: str | None
) -> Finding | None:
    text = error.exception_message or ""
    number, path = numbered.group(1), numbered.group(3)
    symbol, _, _ = describe(abs(int(number)), context.platform)
    if symbol == "ENOSPC" and OTHER_LIMIT.search(text):
        symbol = "EMFILE"
    if symbol == "ENOENT":
        return _missing(error, path)
    if symbol == "ENOEXEC":
        return LoaderError(exception=error.exception, library=path, detail=text)
    found: dict[str, str | None] = {"errno": number, "file": path or None}
    if symbol == "ENOMEM":
        return _made(OutOfMemoryHost, error, context, found)
    kind = BY_ERRNO.get(symbol or "")
    if kind in _WITH_ADDRESS:
        found |= address_of(text[numbered.end() :] + " " + text[: numbered.end()])
    elif kind is not TooManyOpenFiles and not path:
        found["file"] = source_path
    return _made(kind, error, context, found)


def _made(
    kind: type[Finding] | None,
    error: RaisedException,
    context: Context,
    found: dict[str, str | None],
) -> Finding | None:
    if kind is None:
        return None
    values: dict[str, Any] = fields_of(kind, found, context)
    if "detail" in attrs.fields_dict(kind):
        values["detail"] = (error.exception_message or "").partition("\n")[0] or None
    return kind(exception=error.exception, **values)  # type: ignore[call-arg]


def _missing(error: RaisedException, path: str | None) -> Finding | None:
    if path is not None and any(frame.function in _STARTING for frame in error.frames[-3:]):
        return FileNotFound(exception=error.exception, file=path, errno=2, errno_name="ENOENT")
    if path is None or path.startswith(_MADE_UP) or not _MODEL_FILE.search(path):
        return None
    return FileNotFoundWeights(exception=error.exception, file=path, errno=2)
