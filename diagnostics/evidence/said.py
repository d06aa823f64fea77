"""One statement of the system."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import attrs


@attrs.frozen
class Said:
    """
    What a source says.

    Attributes:
        source: Who says it, such as `cgroup`.
        text: What it says, in one line.
        cause: The slug of the cause that it speaks for; `None` if it is only worth knowing.
        certain: Whether it speaks of this very end, and not of the state of the host.
    """

    source: str
    text: str
    cause: str | None = None
    certain: bool = False


Source: TypeAlias = Callable[[int | None], Iterable[Said]]
"""Takes the pid of the process that ended, and returns what it has to say."""
