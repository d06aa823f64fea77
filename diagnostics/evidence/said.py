"""One statement of the system."""

import attrs


@attrs.frozen
class Said:
    """
    What a source says.

    Attributes:
        source: Who says it, such as `cgroup`.
        text: What it says, in one line.
        cause: The slug of the cause that it speaks for; `None` if it is only worth knowing.
    """

    source: str
    text: str
    cause: str | None = None
