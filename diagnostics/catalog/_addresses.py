"""The address that a message names, in the notations of many programs."""

from typing import Final

import re2

# In this order: what is unmistakable before what a place in a source file looks like as well.
_GO: Final = r"->\[?(?P<host>[\w.:-]+?)\]?:(?P<port>\d{1,5})\b"  # from -> to
_PAIR: Final = r"\(['\"](?P<host>[^'\",()]*)['\"], (?P<port>\d{1,5})"
_FIELDS: Final = (
    r"\bhost(?:name)?['\"]?\s?[=:]\s?['\"]?(?P<host>[\w.:-]+?)['\"]?,? +['\"]?port['\"]?"
    r"\s?[=:]\s?['\"]?(?P<port>\d{1,5})"
)
_IN_WORDS: Final = (
    r"\b(?:server at|host|to|on) \"(?P<host>[^\"\s]+)\"(?: \([^)]*\))?,?"
    r" (?:and accepting.*)?port (?P<port>\d{1,5})"
)
_NOTATIONS: Final = tuple(
    map(
        re2.compile,
        (
            _GO,
            _PAIR,
            _FIELDS,
            _IN_WORDS,
            r"\[(?P<host>[0-9a-fA-F:.]*:[\w:.%]*)\]:(?P<port>\d{1,5})\b",
            r"(?:^|[\s(/])(?P<host>::1?|\*):(?P<port>\d{2,5})\b",
            r"(?P<host>\b(?:\d{1,3}\.){3}\d{1,3}):(?P<port>\d{1,5})\b",
            r"://(?:[^/@\s]*@)?(?P<host>[\w.-]+):(?P<port>\d{1,5})\b",
            r"\(\"?(?P<host>[A-Za-z][\w.-]*|\d[\d.]*)\"?, (?P<port>\d{2,5})\)",
            r"\bto (?:host )?(?P<host>[\w.-]+),? port:? (?P<port>\d{1,5})\b",
            r"\bfor \"(?P<host>[^\"\s]+)\" port (?P<port>\d{1,5})\b",
            r"\|(?P<host>[\d.]+)\|:(?P<port>\d{1,5})\b",
        ),
    )
)
_NAMED: Final = re2.compile(r"\b(?P<host>[A-Za-z_][\w-]*(?:\.[\w-]+)*):(?P<port>\d{2,5})\b")
_FILE: Final = re2.compile(
    r"\.(?:py|c|cc|cpp|cxx|h|hpp|cu|cuh|go|rs|js|ts|mjs|cjs|java|kt|rb|php|exs?|swift|mm?|scala|sh"
    r"|log|conf|ya?ml|json)$|^(?i:errno|code|error|line|pid|port|time|rank|info|warning)$"
)
_PORT: Final = re2.compile(
    r"(?i)(?:\bport(?: in range| range)?['\"]?(?: is)?[: =(]+|\btcp6? :|\s:)(\d{1,5})\b"
)
_HOST: Final = re2.compile(
    r"(?:\bhost(?:name)?[=:] ?['\"]?|\bserver (?:at|on) ['\"])(?P<host>[\w.-]{1,80})['\"]?"
)


def address_of(text: str) -> dict[str, str | None]:
    """
    Return the `host` and the `port` that a message names, as text; without what it does not name.

    Args:
        text: The message, or a line of a log.
    """
    for notation in _NOTATIONS:
        found = notation.search(text)
        if found:
            return _known(found.group("host"), found.group("port"))
    for found in _NAMED.finditer(text[:_LONGEST]):
        if not _FILE.search(found.group("host")):
            return _known(found.group("host"), found.group("port"))
    port = _PORT.search(text)
    host = _HOST.search(text)
    return _known(host.group("host") if host else None, port.group(1) if port else None)


_LONGEST: Final = 2_000


def _known(host: str | None, port: str | None) -> dict[str, str | None]:
    return {key: value for key, value in (("host", host), ("port", port)) if value}
