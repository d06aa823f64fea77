"""Crash reports of macOS: what the system saw when a process crashed."""

import json
from pathlib import Path
from typing import Any, Final

from diagnostics.evidence.said import Said

FOLDER: Final = Path("~/Library/Logs/DiagnosticReports")
_NEWEST: Final = 20
_MOST: Final = 4 << 20

_CAUSES: Final = {
    "SIGSEGV": "segfault",
    "SIGBUS": "bus-error",
    "SIGILL": "illegal-instruction",
    "SIGFPE": "floating-point-exception",
    "SIGABRT": "abort",
}


def parse_report(text: str) -> dict[str, Any] | None:
    """
    Return the body of an `.ips` file: a line with a header, then one JSON object.

    Args:
        text: The file's text.
    """
    _, _, body = text.partition("\n")
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def what_it_says(report: dict[str, Any], pid: int) -> Said | None:
    """
    Return a report's words about a process; `None` if it is about another one.

    Args:
        report: What `parse_report` returned.
        pid: The process.
    """
    if report.get("pid") != pid:
        return None
    exception = _dict(report.get("exception"))
    ended = _dict(report.get("termination"))
    signal = str(exception.get("signal") or "")
    parts = [
        str(report.get("procName") or "process"),
        str(exception.get("type") or ""),
        signal,
        str(exception.get("subtype") or ""),
        str(ended.get("indicator") or ""),
        *_images(report),
    ]
    return Said(
        "crash report", ", ".join(filter(None, parts))[:500], _CAUSES.get(signal), certain=True
    )


def _images(report: dict[str, Any]) -> list[str]:
    """Return where the thread that crashed was, by the names of libraries and symbols."""
    threads, images = report.get("threads"), report.get("usedImages")
    index = report.get("faultingThread")
    if not isinstance(threads, list) or not isinstance(images, list) or not isinstance(index, int):
        return []
    if not 0 <= index < len(threads):
        return []
    frames = _dict(threads[index]).get("frames")
    for frame in frames if isinstance(frames, list) else ():
        place = _dict(frame).get("imageIndex")
        symbol = _dict(frame).get("symbol")
        if isinstance(place, int) and 0 <= place < len(images):
            name = _dict(images[place]).get("name")
            return [f"in {name}" + (f" {symbol}" if symbol else "")]
    return []


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def crash_report(pid: int | None = None, *, folder: Path = FOLDER) -> list[Said]:
    """
    Return what the newest crash reports say about a process.

    Args:
        pid: The process; without one nothing is said.
        folder: Where the reports are.
    """
    place = folder.expanduser()
    if pid is None or not place.is_dir():
        return []
    files = sorted(place.glob("*.ips"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files[:_NEWEST]:
        with file.open(encoding="utf-8", errors="replace") as stream:
            report = parse_report(stream.read(_MOST))
        said = what_it_says(report, pid) if report is not None else None
        if said is not None:
            return [said]
    return []
