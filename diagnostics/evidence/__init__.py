"""What the system knows about an end, as far as it lets itself be asked."""

import threading
from collections.abc import Iterable
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Final

from diagnostics.evidence.boot import host_rebooted
from diagnostics.evidence.cgroup import memory_events
from diagnostics.evidence.core_dump import core_pattern
from diagnostics.evidence.kernel_log import killed_for_memory
from diagnostics.evidence.limits import full_disks, open_file_limit
from diagnostics.evidence.macos_report import crash_report
from diagnostics.evidence.said import Said, Source
from diagnostics.evidence.system import System

__all__ = [
    "Said",
    "Source",
    "System",
    "core_pattern",
    "crash_report",
    "full_disks",
    "gather",
    "host_rebooted",
    "killed_for_memory",
    "memory_events",
    "open_file_limit",
]

SOURCES: Final[tuple[Source, ...]] = (
    memory_events,
    killed_for_memory,
    core_pattern,
    crash_report,
    full_disks,
    open_file_limit,
    host_rebooted,
)


def gather(
    pid: int | None = None, *, limit: float = 0.5, sources: Iterable[Source] = SOURCES
) -> tuple[Said, ...]:
    """
    Ask all sources at the same time, and return what came within the limit.

    Nothing is raised: a source that fails or is late has nothing to say.

    Args:
        pid: The process that ended, if it is known.
        limit: How many seconds to wait for all of them together.
        sources: Whom to ask.
    """
    answers: SimpleQueue[tuple[Said, ...]] = SimpleQueue()

    def ask(source: Source) -> None:
        try:
            answers.put(tuple(source(pid)))
        except Exception:  # noqa: BLE001  # best effort: what cannot be read is not evidence
            answers.put(())

    asked = 0
    for source in sources:
        threading.Thread(target=ask, args=(source,), daemon=True).start()
        asked += 1
    deadline = monotonic() + limit
    said: list[Said] = []
    for _ in range(asked):
        try:
            said.extend(answers.get(timeout=max(0.0, deadline - monotonic())))
        except Empty:
            break
    return tuple(said)
