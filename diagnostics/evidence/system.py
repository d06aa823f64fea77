"""Whom to ask about an end: only who can know something about one of its kind."""

import functools
import sys
from collections.abc import Collection
from math import inf
from pathlib import Path
from time import monotonic
from typing import Final, final

import attrs

from diagnostics.evidence import boot, cgroup, core_dump, kernel_log, limits, macos_report
from diagnostics.evidence.said import Said, Source

_KILLED: Final = ("SIGKILL",)
_CRASHED: Final = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS")
_NO_ROOM: Final = frozenset({"no-space-left", "shared-memory-exhausted", "bus-error"})
_SWEEP: Final = 5.0
"""Seconds between ends that one shortage of memory may have brought about, one by one."""

_NO_FILES: Final = frozenset({"too-many-open-files"})


@attrs.frozen
class Sources:
    """
    Whom to ask about one end.

    Attributes:
        quick: Who answers from the kernel's memory, in a fraction of a millisecond.
        slow: Who asks disks, which can hang.
    """

    quick: tuple[Source, ...] = ()
    slow: tuple[Source, ...] = ()


@final
@attrs.define
class System:
    """
    The sources of evidence of this host, and what they had said before.

    A control group counts whom its limit ended since it was made, and the kernel logs since
    it was started: only what came after `begin`, and after the last time that it was asked, is
    about an end of now. All but the slow sources belong to the thread that begins.

    Attributes:
        groups: Where the control groups are mounted.
        own_group: Where the own group's name stands.
        kernel: The kernel's log.
        pattern: Where the kernel tells where core dumps go.
        reports: Where macOS puts its crash reports; `None` where there are none.
        folders: Whose disks may be full; `None` for those that programs write to.
    """

    groups: Path = cgroup.ROOT
    own_group: Path = cgroup.OWN
    kernel: Path = kernel_log.DEVICE
    pattern: Path = core_dump.PATTERN
    reports: Path | None = macos_report.FOLDER if sys.platform == "darwin" else None
    folders: tuple[str, ...] | None = None
    _log: kernel_log.KernelLog | None = attrs.field(default=None, init=False)
    _events: Path | None = attrs.field(default=None, init=False)
    _kills: int = attrs.field(default=0, init=False)
    _before: int = attrs.field(default=0, init=False)
    _asked: float = attrs.field(default=-inf, init=False)

    def begin(self) -> None:
        """Take note of what was said before; called again, it forgets what was since."""
        self.end()
        self._events = cgroup.events_file(root=self.groups, own=self.own_group)
        self._kills, _ = cgroup.memory_events(self._events)
        self._before = self._kills
        self._log = kernel_log.KernelLog(self.kernel)

    def end(self) -> None:
        """Let go of what `begin` opened; again is harmless."""
        if self._log is not None:
            self._log.close()
            self._log = None

    def sources(self, ending: str | None, causes: Collection[str]) -> Sources:
        """
        Return whom to ask.

        Args:
            ending: The name of the signal, `exit`, or `None` if it is not known.
            causes: What the output was recognised as.
        """
        quick: list[Source] = []
        slow: list[Source] = []
        if ending in _KILLED:
            quick += [self._group, self._kernel_log, boot.host_rebooted]
        elif ending in _CRASHED:
            quick += [
                self._kernel_log,
                functools.partial(core_dump.core_pattern, file=self.pattern),
            ]
            if self.reports is not None:
                slow += [functools.partial(macos_report.crash_report, folder=self.reports)]
        elif not causes:
            quick += [self._group]
        # A full disk makes a process give up, and nobody kill it.
        unexplained = not causes and ending not in _KILLED
        if unexplained or not _NO_ROOM.isdisjoint(causes):
            slow += [functools.partial(limits.full_disks, folders=self.folders)]
        if not _NO_FILES.isdisjoint(causes):
            quick += [limits.open_file_limit]
        return Sources(tuple(quick), tuple(slow))

    def _group(self, _: int | None) -> list[Said]:
        now = monotonic()
        if now - self._asked > _SWEEP:
            self._before = self._kills
        self._asked = now
        self._kills, said = cgroup.memory_events(self._events, since=self._before)
        return said

    def _kernel_log(self, pid: int | None) -> list[Said]:
        return [] if self._log is None else self._log.about(pid)
