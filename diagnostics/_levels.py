"""Where in a log a line stands: whether somebody reports a failure, or only speaks of one."""

from typing import Final, Literal

import re2

FIRST_PART: Final = 200
"""In how many characters of a line its level stands."""

_LEVEL: Final = re2.compile(
    r"(?:^|[\s\[|(\]])(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|[A-Z]\w*Warning)(?:[\s\]|:)]|$)"
    # In small letters they are words like others, unless something sets them apart.
    r"|(?:^|[\s\[|(\]]|level=)(trace|debug|info|notice|warn|warning)(?:\s*[\]|:)]| source=|$)"
)
_OF_PYTHON: Final = re2.compile(r":\d+: [A-Z]\w*Warning: ")
_GLOG: Final = re2.compile(
    r"(?:^|[\[ ])([IW])\d{3,4} |(?:^| )([IW]) \w[\w/]*\.(?:cc|cpp|py):\d+\]|\[([IVW])[\]:]"
)
_RELAYED: Final = re2.compile(r"(?i)[:\s\[|(](?:std(?:err|out)|child|subprocess)\]?[:|>] ")
_LETHAL: Final = re2.compile(
    r"(?i)crash|\bfatal|critical|\bdied|\bdead\b|\bdeath\b|terminat|\bkilled|abort"
)
_RETRIED: Final = re2.compile(
    r"(?i)\bretry(?:ing)?\b|\bwill retry|\btrying again|\bfall(?:ing)? ?back\b|\bskipp(?:ed|ing)\b"
    r"|\bignor(?:ed|ing)\b"
)
_LOGGED: Final = re2.compile(
    r"(?:^|[\s\[(|])(?:ERROR|CRITICAL|FATAL|SEVERE|Error|error|EXCEPTION)(?:[\s:\])|]|$)"
    r"|\[E[\]:]|(?:^| )E \w[\w/]*\.(?:cc|cpp|py):\d+\]"
)
_SOURCE: Final = re2.compile(
    r"""\braise [\w.]+\(|\b(?:print|format|log\w*\.\w+)\(|["']{3}|^\s+.*\(f?["']$"""
)
_MENTION: Final = re2.compile(
    r"(?i)^\s*(?:usage:|--?[a-z][\w-]+[ =,].* )"  # help
    r"|::test_\w+|^\s*(?:#|//) "
    r"|(?:^|[\s|\]])(?:config\w*|settings|options|arguments|args|kwargs|environment|env|defaults?)"
    r" ?(?:[:=]|is) ?[\[{('\"\w]"
    r"|\bNamespace\("
    r"|\ban error occurred while (?:writing|reading|saving|storing)(?: \w+){1,3} (?:to|from|in)"
    r" (?:the )?cache\b"  # without which the program goes on
    r"|\b(?:in (?:the )?case of|if you (?:see|get|hit)|when you (?:see|get)|such as|e\.g\."
    r"|for example|known issue|see (?:also|the docs)|may fail with|to (?:avoid|prevent))\b.{0,60}$"
)

Standing = Literal["source", "mention", "info", "warning"]


def level_of(head: str) -> Literal["info", "warning"] | None:
    """
    Return the level of a log line, or `None` for errors and plain lines.

    Args:
        head: The line up to the words that matter.
    """
    part = head[:FIRST_PART]
    if "NCCL WARN" in part:
        return None  # what NCCL calls so is an error
    if len(head) > FIRST_PART and _LOGGED.search(head[-FIRST_PART:]):
        return None  # the line ends are lost: this is a record behind others
    if _RELAYED.search(part):
        return None  # the level is that of the process which passes a child's words on
    found = _LEVEL.search(part)
    if found:
        return "warning" if "warn" in found.group().lower() else "info"
    found = _GLOG.search(part)
    if found:
        return "warning" if "W" in found.groups() else "info"
    return None


def standing_of(line: str, start: int) -> Standing | None:
    """
    Return what the place of some words makes of them; `None` if they are what happened.

    A warning that speaks of an end, and of no retry, is more than a warning.

    Args:
        line: The line.
        start: Where the words begin.
    """
    head = line[:start]
    if not head:
        return None
    if _SOURCE.search(head):
        return "source"
    if _MENTION.search(head):
        return "mention"
    level = level_of(head)
    if (
        level == "warning"
        and not _OF_PYTHON.search(head)
        and _LETHAL.search(line)
        and not _RETRIED.search(line)
    ):
        return None
    return level


def is_logged(line: str) -> bool:
    """
    Return whether a line is a program's own record of an error, which it lived to write.

    Args:
        line: The line, or what stands before the words that matter.
    """
    part = line[:FIRST_PART]
    return _LOGGED.search(part) is not None and not _RELAYED.search(part)
