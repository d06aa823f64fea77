"""Windows' own exit codes, which launchers on every system pass on."""

from typing import Final

from diagnostics.catalog.corruption import HeapCorruption
from diagnostics.catalog.cpp import AbortUncaughtCppException
from diagnostics.catalog.host import OutOfMemoryHost, PermissionDenied, SignalInterrupted
from diagnostics.catalog.loader import (
    ImportErrorMissingLibrary,
    ImportErrorUndefinedSymbol,
    LoaderError,
)
from diagnostics.catalog.native import (
    Abort,
    BusError,
    FloatingPointException,
    IllegalInstruction,
    Segfault,
    StackOverflow,
)
from diagnostics.findings import Finding

# ntstatus.h. abort() of the C runtime ends with the code for a stack buffer overrun.
_BY_CODE: Final[dict[int, tuple[type[Finding], str | None]]] = {
    0xC0000005: (Segfault, "SIGSEGV"),
    0xC0000006: (BusError, "SIGBUS"),
    0xC0000017: (OutOfMemoryHost, None),
    0xC000001D: (IllegalInstruction, "SIGILL"),
    0xC0000022: (PermissionDenied, None),
    0xC000007B: (LoaderError, None),
    0xC000008E: (FloatingPointException, "SIGFPE"),
    0xC0000094: (FloatingPointException, "SIGFPE"),
    0xC0000095: (FloatingPointException, "SIGFPE"),
    0xC0000096: (IllegalInstruction, "SIGILL"),
    0xC000009A: (OutOfMemoryHost, None),
    0xC00000FD: (StackOverflow, None),
    0xC000012D: (OutOfMemoryHost, None),
    0xC0000135: (ImportErrorMissingLibrary, None),
    0xC0000139: (ImportErrorUndefinedSymbol, None),
    0xC000013A: (SignalInterrupted, "SIGINT"),
    0xC0000142: (LoaderError, None),
    0xC0000374: (HeapCorruption, None),
    0xC0000409: (Abort, "SIGABRT"),
    0xE06D7363: (AbortUncaughtCppException, None),
    0x40000015: (Abort, "SIGABRT"),
}
_SIZE: Final = 1 << 32


def by_windows_code(code: int) -> tuple[type[Finding], str | None] | None:
    """
    Return the class for an exit code of Windows and the signal that is like it elsewhere.

    Args:
        code: The code, as a number with or without a sign.
    """
    return _BY_CODE.get(code % _SIZE) if -_SIZE < code < _SIZE else None
