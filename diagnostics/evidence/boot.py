"""Whether the host was started anew, which ends every process without a word."""

import time
from pathlib import Path
from typing import Final

from diagnostics.evidence.said import Said

_STAT: Final = Path("/proc/stat")
_RECENT: Final = 600.0


def parse_boot_time(text: str) -> int | None:
    """
    Return when the host was started, in seconds since the epoch, by `/proc/stat`.

    Args:
        text: The file's text.
    """
    for line in text.splitlines():
        name, _, number = line.partition(" ")
        if name == "btime" and number.strip().isdecimal():
            return int(number)
    return None


def host_rebooted(
    _: int | None = None, *, file: Path = _STAT, now: float | None = None
) -> list[Said]:
    """
    Say so if the host has been up for a few minutes only.

    Args:
        file: Where the kernel tells when it was started.
        now: The time, in seconds since the epoch.
    """
    if not file.is_file():
        return []
    started = parse_boot_time(file.read_text(errors="replace"))
    up = (time.time() if now is None else now) - started if started is not None else _RECENT
    if not 0 <= up < _RECENT:
        return []
    return [Said("boot", f"the host was started {up:.0f} s ago")]
