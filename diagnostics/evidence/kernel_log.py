"""The kernel's log: whom it killed for memory, and which segmentation faults it saw."""

import os
import re
from collections import deque
from pathlib import Path
from time import monotonic
from typing import Final, final

from diagnostics.evidence.said import Said

DEVICE: Final = Path("/dev/kmsg")
_RECORD: Final = 8192  # bytes; the kernel gives one whole message at each read
_READING: Final = 0.01  # seconds at one time; what is left is read the next time
_KEPT: Final = 64  # messages about ends
_KILLED: Final = re.compile(r"[Oo]ut of memory: Kill(?:ed)? process (\d+) \(([^)]*)\)")
_FAULT: Final = re.compile(
    r"([^\s\[]+)\[(\d+)\]: (segfault at [0-9a-f]+|trap \w[\w ]*|general protection fault)"
    r".*?(?: in (\S+?)\[|$)"
)
_XID: Final = re.compile(r"NVRM: Xid \(([^)]*)\): (\d+)(?:, pid='?(\d+))?")


def parse_kernel_log(text: str, pid: int | None) -> list[Said]:
    """
    Return what a kernel log says about a process, or about any if no pid is given.

    Args:
        text: The log, one message a line, in any of its forms.
        pid: The process.
    """
    said = []
    for line in text.splitlines():
        killed, fault, xid = _KILLED.search(line), _FAULT.search(line), _XID.search(line)
        if killed and pid in (None, int(killed[1])):
            text_ = f"the kernel killed process {killed[1]} ({killed[2]}) because memory ran out"
            said.append(Said("kernel log", text_, "out-of-memory-host", pid is not None))
        elif fault and pid in (None, int(fault[2])):
            where = f" in {fault[4]}" if fault[4] else ""
            text_ = f"process {fault[2]} ({fault[1]}): {fault[3]}{where}"
            said.append(Said("kernel log", text_, "segfault", pid is not None))
        elif xid and (xid[3] is None or pid in (None, int(xid[3]))):
            said.append(Said("kernel log", f"GPU {xid[1]} reported Xid {xid[2]}"))
    return said[-8:]


@final
class KernelLog:
    """
    What the kernel logs from now on; without a word where its log must not be read.

    The log is not read from its beginning: what stood in it before is about others, and takes
    milliseconds. It holds a descriptor until `close`.

    Args:
        device: The log.
    """

    def __init__(self, device: Path = DEVICE) -> None:
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self._rest = b""
        self._descriptor: int | None = None
        try:
            self._descriptor = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
            os.lseek(self._descriptor, 0, os.SEEK_END)
        except OSError:
            self.close()

    def close(self) -> None:
        """Let go of the log; again is harmless."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def about(self, pid: int | None) -> list[Said]:
        """
        Return what was logged about a process.

        Args:
            pid: The process; without one nothing is said, as the log is that of all.
        """
        if pid is None or self._descriptor is None:
            return []
        for line in self._new(self._descriptor).splitlines():
            # What is about another process is kept until somebody asks about that one.
            if parse_kernel_log(line, None):
                self._lines.append(line)
        return parse_kernel_log("\n".join(self._lines), pid)

    def _new(self, descriptor: int) -> str:
        parts = [self._rest]
        deadline = monotonic() + _READING
        while monotonic() < deadline:
            try:
                part = os.read(descriptor, _RECORD)
            except BrokenPipeError:
                continue  # a message was overwritten before it was read
            except OSError:
                break  # BlockingIOError: that was all
            if not part:
                break
            parts.append(part)
        whole, newline, self._rest = b"".join(parts).rpartition(b"\n")
        self._rest = self._rest[:_RECORD]
        return (whole + newline).decode(errors="replace")
