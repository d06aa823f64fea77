"""The memory events of the control group: did its limit end anybody?"""

from pathlib import Path
from typing import Final

from diagnostics.evidence.said import Said

_ROOT: Final = Path("/sys/fs/cgroup")
_OWN: Final = Path("/proc/self/cgroup")


def parse_events(text: str) -> dict[str, int]:
    """
    Return the counters of a `memory.events` file.

    Args:
        text: The file's text: a name and a number a line.
    """
    counters = {}
    for line in text.splitlines():
        name, _, number = line.partition(" ")
        if name and number.strip().isdecimal():
            counters[name] = int(number)
    return counters


def own_group(text: str) -> str:
    """
    Return the path of the unified group that `/proc/self/cgroup` names; `/` if it names none.

    Args:
        text: The file's text.
    """
    for line in text.splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers and path:
            return path
    return "/"


def memory_events(_: int | None = None, *, root: Path = _ROOT, own: Path = _OWN) -> list[Said]:
    """
    Return what the own control group counted; a child that has ended has no group any more.

    Args:
        root: Where the groups are mounted.
        own: Where the own group's name stands.
    """
    group = own_group(own.read_text(errors="replace")).lstrip("/")
    for folder in (root / group, root):
        file = folder / "memory.events"
        if file.is_file():
            counters = parse_events(file.read_text(errors="replace"))
            break
    else:
        return []
    kills, full = counters.get("oom_kill", 0), counters.get("max", 0)
    if kills:
        text = f"the memory limit of the control group ended {kills} processes since it was made"
        return [Said("cgroup", text, "out-of-memory-host")]
    if full:
        return [Said("cgroup", f"the memory limit of the control group was hit {full} times")]
    return []
