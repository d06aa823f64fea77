"""Ways to die, each of them real."""

import ctypes
import enum
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final, NoReturn

_FLOOD: Final = 64 << 20
"""Bytes written before the end by `Fault.STDERR_FLOOD`."""

_ROOM: Final = 256 << 20
"""Bytes left to a process that shall run out of memory."""

_BLOCK: Final = 16 << 20


class Fault(enum.StrEnum):
    """What can be made to happen to a runner."""

    KILL = "kill"
    """SIGKILL, as the kernel does when memory is short: no last words."""

    EXCEPTION = "exception"
    """A Python exception with a cause."""

    SEGFAULT = "segfault"
    """A read of memory that is not there."""

    ABORT = "abort"
    """`abort()`, as C++ does after an exception that nobody caught."""

    EXIT = "exit"
    """An exit in the middle of the work, with status 3."""

    OUT_OF_MEMORY = "out-of-memory"
    """Allocations until there is no more."""

    HANG = "hang"
    """Nothing, for ever, while nobody is waited for."""

    STDERR_FLOOD = "stderr-flood"
    """64 MiB of output, then `abort()`."""

    NONE = "none"
    """All goes well."""


class LayerError(RuntimeError):
    """Raised by `Fault.EXCEPTION` in place of a mistake in a layer."""


def strike(fault: Fault) -> None:
    """
    Let a fault happen to this process. Returns for `Fault.NONE` only.

    Args:
        fault: What shall happen.

    Raises:
        LayerError: For `Fault.EXCEPTION`.
        MemoryError: For `Fault.OUT_OF_MEMORY`.
    """
    match fault:
        case Fault.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Fault.EXCEPTION:
            _raise()
        case Fault.SEGFAULT:
            ctypes.string_at(0)
        case Fault.ABORT:
            os.abort()
        case Fault.EXIT:
            os._exit(3)
        case Fault.OUT_OF_MEMORY:
            _exhaust_memory()
        case Fault.HANG:
            _hang()
        case Fault.STDERR_FLOOD:
            _flood()
        case Fault.NONE:
            pass


def _raise() -> None:
    weights = {"layer_2": "loaded"}
    try:
        weights["layer_9"]
    except KeyError as error:
        raise LayerError("the activations cannot be computed: a layer is missing") from error


def _hang() -> NoReturn:
    while True:
        time.sleep(3600)


def _flood() -> NoReturn:
    line = b"runner: a warning that is repeated over and over, number %08d\n"
    written = number = 0
    while written < _FLOOD:
        block = b"".join(line % (number + offset) for offset in range(1000))
        number += 1000
        written += len(block)
        while block:
            block = block[os.write(2, block) :]
    os.abort()


def _exhaust_memory() -> NoReturn:
    if not sys.platform.startswith("linux"):
        # macOS does not hold a process to RLIMIT_AS, and taking all memory for real would hurt
        # everybody else; no system has this much.
        raise _out_of_memory(1 << 62)
    import resource  # noqa: PLC0415 - exists on POSIX only

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    statistics = Path("/proc/self/statm").read_text(encoding="ascii")
    mapped = int(statistics.split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + _ROOM, hard))
    hoard: list[bytearray] = []
    try:
        while True:
            hoard.append(bytearray(_BLOCK))
    finally:
        # The report of the error needs some memory, too.
        hoard.clear()
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _out_of_memory(size: int) -> MemoryError:
    try:
        bytearray(size)
    except MemoryError as error:
        return error
    return MemoryError(f"{size} bytes")
