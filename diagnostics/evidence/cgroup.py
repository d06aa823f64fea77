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


def own_group(text: str, controller: str = "") -> str:
    """
    Return the path of the group that `/proc/self/cgroup` names; `/` if it names none.

    Args:
        text: The file's text.
        controller: Whose hierarchy; by default the unified one.
    """
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(",") and path:
            return path
    return "/"


def events_file(*, root: Path = ROOT, own: Path = OWN) -> Path | None:
    """
    Return where the own control group counts whom its limit ended; `None` if nowhere.

    Args:
        root: Where the groups are mounted.
        own: Where the own group's name stands.
    """
    try:
        text = own.read_text(errors="replace")
    except OSError:
        return None
    # The second is the first version of control groups. In a container the own group may be
    # named as the host sees it, and is mounted as the root.
    unified, first = root, root / "memory"
    places = (
        unified / own_group(text).lstrip("/") / "memory.events",
        unified / "memory.events",
        first / own_group(text, "memory").lstrip("/") / "memory.oom_control",
        first / "memory.oom_control",
    )
    return next((place for place in places if place.is_file()), None)


def memory_events(file: Path | None, *, since: int = 0) -> tuple[int, list[Said]]:
    """
    Return how many kills the own control group has counted, and what that says.

    A child that has ended has no group any more, so it is the own one that is asked.

    Args:
        file: What `events_file` returned.
        since: How many kills it had counted before.
    """
    if file is None:
        return 0, []
    try:
        counters = parse_events(file.read_text(errors="replace"))
    except OSError:
        return since, []
    counted, full = counters.get("oom_kill", 0), counters.get("max", 0)
    if counted > since:
        text = f"the memory limit of the control group ended {counted - since} processes just now"
        return counted, [Said("cgroup", text, "out-of-memory-host", certain=True)]
    if full:
        return counted, [
            Said("cgroup", f"the memory limit of the control group was hit {full} times")
        ]
    return counted, []
