"""The memory events of the control group: did its limit end anybody?"""

from pathlib import Path
from typing import Final

from diagnostics.evidence.said import Said

ROOT: Final = Path("/sys/fs/cgroup")
OWN: Final = Path("/proc/self/cgroup")


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


def _counters(root: Path, own: Path) -> dict[str, int]:
    group = own_group(own.read_text(errors="replace")).lstrip("/")
    for folder in (root / group, root):
        file = folder / "memory.events"
        if file.is_file():
            return parse_events(file.read_text(errors="replace"))
    return {}


def count_kills(*, root: Path = ROOT, own: Path = OWN) -> int:
    """
    Return whom the limit of the own control group has ended so far; 0 where nobody counts.

    Args:
        root: Where the groups are mounted.
        own: Where the own group's name stands.
    """
    try:
        return _counters(root, own).get("oom_kill", 0)
    except OSError:
        return 0


def memory_events(
    _: int | None = None, *, root: Path = ROOT, own: Path = OWN, since: int = 0
) -> list[Said]:
    """
    Return what the own control group counted; a child that has ended has no group any more.

    Args:
        root: Where the groups are mounted.
        own: Where the own group's name stands.
        since: How many kills it had counted before.
    """
    counters = _counters(root, own)
    kills, full = counters.get("oom_kill", 0) - since, counters.get("max", 0)
    if kills > 0:
        text = f"the memory limit of the control group ended {kills} processes just now"
        return [Said("cgroup", text, "out-of-memory-host", certain=True)]
    if full:
        return [Said("cgroup", f"the memory limit of the control group was hit {full} times")]
    return []
