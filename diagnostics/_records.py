"""Log records in JSON, one a line, back to the lines that a program printed."""

import json
from typing import Any, Final

_START: Final = b'{"'
_MOST: Final = 200  # lines of one record, such as those of a traceback
_LEVELS: Final = ("level", "severity", "levelname", "lvl", "log.level", "loglevel", "PRIORITY")
_DEEP: Final = 3
_SHORTEST: Final = 6  # of a text; shorter ones are levels and codes


def lines_of_record(line: bytes) -> list[bytes] | None:
    """
    Return the texts of a log record, the record's level before each of their lines.

    Container runtimes and structured loggers write such records: a text of several
    lines, a traceback perhaps, is one string with escaped line ends there.

    Args:
        line: A line of output, which may have a prefix before the record.

    Returns:
        The lines; `None` if the line is no record.
    """
    start = line.find(_START)
    if start < 0 or not line.endswith(b"}"):
        return None
    try:
        record = json.loads(line[start:])
    except (ValueError, RecursionError):
        return None
    level = next((str(record[name]) for name in _LEVELS if name in record), "")
    prefix = line[:start] + (f"{level.upper()} ".encode() if level.isalpha() else b"")
    lines: list[bytes] = []
    _collect(record, prefix, lines, _DEEP)
    return lines


def _collect(value: Any, prefix: bytes, lines: list[bytes], depth: int) -> None:
    if isinstance(value, str):
        if len(value) >= _SHORTEST:
            texts = value.encode("utf-8", "backslashreplace").splitlines()
            lines.extend(prefix + text for text in texts[: _MOST - len(lines)])
    elif depth and isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            _collect(item, prefix, lines, depth - 1)
