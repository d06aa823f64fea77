"""Log records that have lost their line ends, one a line, back to what a program printed."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

_START: Final = b'{"'
_MOST: Final = 200  # lines of one record, such as those of a traceback
_LEVELS: Final = ("level", "severity", "levelname", "lvl", "log.level", "loglevel", "PRIORITY")
_DEEP: Final = 3
_SHORTEST: Final = 6  # of a text; shorter ones are levels and codes
_MOST_ERRORS: Final = 8  # of one chain

_HEAD: Final = "Traceback (most recent call last):"
_TRACEBACK: Final = _HEAD.encode()
_ESCAPED: Final = re.compile(re.escape(_TRACEBACK) + rb"(\\+n)")
_IN_LIST: Final = re.compile(rb"(?<=\\n)['\"], ['\"]")  # lines as the items of a list
_ESCAPED_QUOTE: Final = re.compile(rb"\\+(['\"])")
_LEVEL: Final = re.compile(
    rb"\b(?:level|levelname|severity|lvl)['\"]?[=:] ?['\"]?([A-Za-z]{4,8})\b"
)
# structlog, the Elastic Common Schema, OpenTelemetry, Datadog
_NAMED: Final = (
    ("exc_type", "exc_value"),
    ("exception.type", "exception.message"),
    ("error.type", "error.message"),
    ("error.kind", "error.message"),
    ("type", "message"),  # the last: it counts only in what is logged as an error
)
_FAILED: Final = ("ERROR", "CRITICAL", "FATAL", "SEVERE", "EMERGENCY", "ALERT")
_ASSIGNED: Final = re.compile(rb"\s=\s[bfrBFR]{0,2}\\*['\"]$")  # source text
_ERROR: Final = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Exit)$")


def may_be_record(line: bytes) -> bool:
    """Return whether it is worth while to read a line as a record."""
    return _START in line or (_TRACEBACK in line and _ESCAPED.search(line) is not None)


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
    record = _of_json(line)
    return record if record is not None else _of_escaped(line)


def _of_json(line: bytes) -> list[bytes] | None:
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
    named = _NAMED if level.upper() in _FAILED else _NAMED[:-1]
    _collect(record, prefix, lines, _DEEP, named)
    return lines


def _of_escaped(line: bytes) -> list[bytes] | None:
    """Read a traceback in a field, a string's representation or a record that was cut off."""
    found = _ESCAPED.search(line)
    if found is None:
        return None
    if _ASSIGNED.search(line[: found.start()]):
        return []
    head, text = line[: found.start()], _IN_LIST.sub(b"", line[found.start() :])
    quote = head[-1:]
    if quote in (b"'", b'"') and quote:
        depth = len(head) - len(head[:-1].rstrip(b"\\")) - 1
        text = re.split(rb"(?<!\\)" + re.escape(b"\\" * depth + quote), text, maxsplit=1)[0]
    level = _LEVEL.search(head)
    prefix = level.group(1).upper() + b" " if level else head.rstrip(b"\\'\"")
    ends = re.split(rb"(?<!\\)" + re.escape(found.group(1)), text, maxsplit=_MOST)
    return [prefix + _ESCAPED_QUOTE.sub(rb"\1", end) for end in ends[:_MOST] if end]


_Pairs: TypeAlias = tuple[tuple[str, str], ...]


def _collect(value: Any, prefix: bytes, lines: list[bytes], depth: int, named: _Pairs) -> None:
    if isinstance(value, str):
        if len(value) >= _SHORTEST:
            texts = value.encode("utf-8", "backslashreplace").splitlines()
            lines.extend(prefix + text for text in texts[: _MOST - len(lines)])
    elif depth and isinstance(value, (dict, list)):
        text = _error_in(value, named)
        if text is None or isinstance(value, dict):
            for item in value.values() if isinstance(value, dict) else value:
                _collect(item, prefix, lines, depth - 1, named)
        if text is not None:
            _collect(text, prefix, lines, depth, named)


def _error_in(value: dict[str, Any] | list[Any], named: _Pairs) -> str | None:
    """Return an exception that a record has in parts as the interpreter prints it."""
    if isinstance(value, dict):
        return None if _HEAD in str(list(value.values())) else _named(value, named)
    errors = [_named(item, named) for item in value[:_MOST_ERRORS] if isinstance(item, dict)]
    if not errors or None in errors:
        return None
    # The one that came last stands first there.
    link = "\n\nDuring handling of the above exception, another exception occurred:\n\n"
    return link.join(error for error in reversed(errors) if error)


def _named(item: dict[str, Any], named: _Pairs) -> str | None:
    for kind, text in named:
        name = item.get(kind)
        if isinstance(name, str) and text in item and _ERROR.match(name):
            return _printed(item.get("frames"), f"{name}: {item[text]}")
    return None


def _printed(frames: Any, error: str) -> str:
    lines: list[str] = []
    if isinstance(frames, Sequence):
        for frame in frames[: _MOST // 2]:
            if isinstance(frame, dict) and "filename" in frame:
                place = f'File "{frame["filename"]}", line {frame.get("lineno", 0)}'
                lines.append(f"  {place}, in {frame.get('name', '?')}")
    return "\n".join([_HEAD, *lines, error] if lines else [error])
