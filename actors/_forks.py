"""How often this process is a fork of the one that it began as."""

import os
from typing import ClassVar


class Forks:
    """Counts, in each process; what belongs to one process remembers the number it was made at."""

    count: ClassVar[int] = 0

    @classmethod
    def forked(cls) -> None:
        """Take note that this process is a child now, with all the memory of its parent."""
        cls.count += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Forks.forked)
