"""What is used up: room on disks, and files that may be open."""

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from diagnostics.evidence.said import Said

_LITTLE: Final = 64 << 20
_OWN_DESCRIPTORS: Final = (Path("/proc/self/fd"), Path("/dev/fd"))
_NEARLY: Final = 0.95


def full_disks(_: int | None = None, *, folders: Iterable[str] | None = None) -> list[Said]:
    """
    Return which of the folders that programs write to have no room.

    Args:
        folders: The folders; by default the current, the temporary, home, /dev/shm.
    """
    if folders is None:
        folders = (".", tempfile.gettempdir(), str(Path.home()), "/dev/shm")  # noqa: S108
    said = []
    for folder in dict.fromkeys(folders):
        try:
            usage = shutil.disk_usage(folder)
        except OSError:
            continue
        if usage.total and usage.free < min(_LITTLE, usage.total // 20):
            text = f"{folder} has {usage.free >> 20} MiB of {usage.total >> 20} MiB free"
            said.append(Said("disk", text, "no-space-left"))
    return said


def open_file_limit(_: int | None = None) -> list[Said]:
    """Return whether this process, whose limit its children have too, is near it."""
    import resource  # noqa: PLC0415  # POSIX only

    limit, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    folder = next((folder for folder in _OWN_DESCRIPTORS if folder.is_dir()), None)
    if folder is None or limit <= 0:
        return []
    used = len(os.listdir(folder))  # noqa: PTH208  # names only
    if used < _NEARLY * limit:
        return []
    return [Said("limits", f"{used} of {limit} files are open here", "too-many-open-files")]
