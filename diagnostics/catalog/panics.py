"""Panics of code in Rust and Go."""

from typing import Any, Final

import attrs

from diagnostics._prefixes import PREFIX
from diagnostics.catalog._building import Recognized, finds
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class RustPanic(Recognized):
    """
    Code in Rust panicked.

    Attributes:
        thread: The thread's name.
        file: The source file.
        source_line: The line in it.
    """

    cause = "rust-panic"
    weight = -1  # what the panic's words were recognised as says more
    endings = ("exit", "SIGABRT")
    remedy = "A bug of that library, or a file that it cannot read: search for the panic's text."

    thread: str | None = None
    file: str | None = None
    source_line: int | None = None


@attrs.frozen(kw_only=True)
class GoPanic(Recognized):
    """Code in Go panicked or hit a fatal error of its runtime."""

    cause = "go-panic"
    weight = -1
    default_role = Role.ROOT
    remedy = "Search for the panic's text; the stack of the first goroutine shows where."


def _panic(match: Match, context: Context) -> Finding | None:
    values: dict[str, Any] = {
        "thread": match.group("thread"),
        "file": match.group("file"),
        "detail": match.group("text") or None,
    }
    # Since Rust 1.73 the words stand on the next line.
    context.facts["rust-panic"] = True
    return RustPanic(source_line=int(match.group("source_line")), **values)


SIGNATURES: Final = (
    Signature(
        name="rust-panic",
        pattern=r"thread '(?P<thread>[^']*)'(?: \(\d+\))? panicked at (?:'(?P<text>.*)', )?"
        r"(?P<file>[^\s:]+):(?P<source_line>\d{1,9})",
        build=_panic,
        literals=(" panicked at ",),
        generic=True,
    ),
    Signature(
        name="rust-panic-exception",
        pattern=r"pyo3_runtime\.PanicException: (?P<detail>.*)",
        build=finds(RustPanic, exception="pyo3_runtime.PanicException"),
    ),
    Signature(
        name="go-panic",
        pattern=PREFIX
        + r"(?P<detail>fatal error: (?:all goroutines|unexpected signal|concurrent map"
        r"|runtime|out of memory|stack overflow|found bad|bad |sweep|invalid|fault|malloc).*|panic:"
        r" .*)$",
        build=finds(GoPanic),
        literals=("fatal error: ", "panic: "),
        generic=True,
    ),
)
