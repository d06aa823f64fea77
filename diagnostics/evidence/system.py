"""Whom to ask about an end: only who can know something about one of its kind."""

import functools
import threading
from collections.abc import Collection
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any, Final, final

import attrs

from diagnostics.evidence import boot, cgroup, core_dump, kernel_log, limits, macos_report
from diagnostics.evidence.said import Said, Source

_KILLED: Final = ("SIGKILL",)
_CRASHED: Final = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS")
_NO_ROOM: Final = frozenset({"no-space-left", "shared-memory-exhausted", "bus-error"})
_SWEEP: Final = 5.0
"""Seconds between ends that one shortage of memory may have brought about, one by one."""

_NO_FILES: Final = frozenset({"too-many-open-files"})


@final
@attrs.define
class System:
    """
    The sources of evidence of this host, and what they had said before.

    A control group counts whom its limit ended since it was made: only what is counted
    after `begin`, and after the last time that it was asked, is about an end of now.

    Attributes:
        groups: Where the control groups are mounted.
        own_group: Where the own group's name stands.
        kernel: The kernel's log.
        pattern: Where the kernel tells where core dumps go.
        reports: Where macOS puts its crash reports.
        folders: Whose disks may be full; `None` for those that programs write to.
    """

    groups: Path = cgroup.ROOT
    own_group: Path = cgroup.OWN
    kernel: Path = kernel_log.DEVICE
    pattern: Path = core_dump.PATTERN
    reports: Path = macos_report.FOLDER
    folders: tuple[str, ...] | None = None
    _lock: Any = attrs.field(factory=threading.Lock, init=False, eq=False, repr=False)
    _kills: int = attrs.field(default=0, init=False)
    _before: int = attrs.field(default=0, init=False)
    _asked: float = attrs.field(default=-inf, init=False)

    def begin(self) -> None:
        """Take note of what was counted before; called again, it forgets what was since."""
        with self._lock:
            self._kills = self._before = cgroup.count_kills(root=self.groups, own=self.own_group)

    def sources(self, ending: str | None, causes: Collection[str]) -> tuple[Source, ...]:
        """
        Return whom to ask.

        Args:
            ending: The name of the signal, `exit`, or `None` if it is not known.
            causes: What the output was recognised as.
        """
        chosen: list[Source] = []
        if ending in _KILLED:
            chosen += [self._group, self._log, boot.host_rebooted]
        elif ending in _CRASHED:
            chosen += [
                self._log,
                functools.partial(core_dump.core_pattern, file=self.pattern),
                functools.partial(macos_report.crash_report, folder=self.reports),
            ]
        elif not causes:
            chosen += [self._group]
        if not causes or not _NO_ROOM.isdisjoint(causes):
            chosen += [functools.partial(limits.full_disks, folders=self.folders)]
        if not _NO_FILES.isdisjoint(causes):
            chosen += [limits.open_file_limit]
        return tuple(chosen)

    def _group(self, pid: int | None) -> list[Said]:
        with self._lock:
            now = monotonic()
            if now - self._asked > _SWEEP:
                self._before = self._kills
            self._asked = now
            self._kills = cgroup.count_kills(root=self.groups, own=self.own_group)
            before = self._before
        return cgroup.memory_events(pid, root=self.groups, own=self.own_group, since=before)

    def _log(self, pid: int | None) -> list[Said]:
        return kernel_log.killed_for_memory(pid, device=self.kernel)
