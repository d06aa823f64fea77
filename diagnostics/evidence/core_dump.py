"""Where the core dump of a process went, if it has one."""

from pathlib import Path
from typing import Final

from diagnostics.evidence.said import Said

PATTERN: Final = Path("/proc/sys/kernel/core_pattern")


def parse_pattern(text: str, pid: int | None) -> str | None:
    """
    Say where dumps go by the kernel's `core_pattern`; `None` if nowhere in particular.

    Args:
        text: The pattern.
        pid: The process, whose number takes the place of `%p`.
    """
    pattern = text.strip()
    if not pattern:
        return None
    if pattern.startswith("|"):
        program = pattern[1:].split(" ", 1)[0]
        asked = f"; ask `coredumpctl info {pid or ''}`".rstrip(" `") + "`"
        return f"core dumps go to {program}{asked if 'systemd' in program else ''}"
    number = "*" if pid is None else str(pid)
    return f"core dumps go to {pattern.replace('%p', number).replace('%P', number)}"


def core_pattern(pid: int | None = None, *, file: Path = PATTERN) -> list[Said]:
    """
    Return where the core dump of a process would be.

    Args:
        pid: The process.
        file: Where the kernel tells its pattern.
    """
    if pid is None or not file.is_file():
        return []
    text = parse_pattern(file.read_text(errors="replace"), pid)
    return [Said("core dump", text)] if text else []
