"""The answer of a reader of several lines to one line."""

import enum


class Consumed(enum.Enum):
    """What a block made of a line it was offered."""

    TAKEN = enum.auto()
    """The line belongs to the block."""

    PASSED = enum.auto()
    """The line does not, but the block is not over: another thread may have printed it."""

    CLOSED = enum.auto()
    """The block was over before this line."""
