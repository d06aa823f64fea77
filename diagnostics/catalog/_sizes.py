"""Sizes as programs print them, in bytes."""

from typing import Final

import re2

_SIZE: Final = re2.compile(r"^\s*([\d.,]{1,30})\s*([kKmMgGtTpP]?)(i?)(?:[bB]|$)")
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def bytes_of(text: str | None) -> int | None:
    """
    Return a size such as `7.91 GiB` in bytes; `None` if it is none.

    Args:
        text: The size; `GB` is taken for what memory is counted in, 1024 to the third.
    """
    found = _SIZE.search(text) if text else None
    if found is None:
        return None
    try:
        number = float(found.group(1).replace(",", ""))
    except ValueError:
        return None
    return int(number * 1024 ** _POWERS[found.group(2).lower()])
