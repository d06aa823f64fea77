"""The kernel's log: whom it killed for memory, and which segmentation faults it saw."""

import os
import re
from pathlib import Path
from typing import Final

from diagnostics.evidence.said import Said

DEVICE: Final = Path("/dev/kmsg")
_MOST: Final = 4 << 20  # of the log, from its beginning, is read
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


def killed_for_memory(pid: int | None = None, *, device: Path = DEVICE) -> list[Said]:
    """
    Return what the kernel's log says about a process; nothing where it must not be read.

    Args:
        pid: The process; without one nothing is said, as the log is that of all.
        device: The log.
    """
    if pid is None:
        return []
    try:
        descriptor = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return []
    parts, size = [], 0
    try:
        while size < _MOST:
            try:
                part = os.read(descriptor, 8192)
            except BrokenPipeError:
                continue  # a message was overwritten before it was read
            if not part:
                break
            parts.append(part)
            size += len(part)
    except BlockingIOError:
        pass  # that was all
    finally:
        os.close(descriptor)
    return parse_kernel_log(b"".join(parts).decode(errors="replace"), pid)
