"""What a benchmark says: figures with the bounds they are held to."""

import math
import platform
import sys
from importlib.metadata import version

import attrs


@attrs.frozen
class Figure:
    """
    One measured value.

    Attributes:
        name: What was measured, with its unit.
        value: The value.
        bound: What it must not exceed, if it is held to anything.
    """

    name: str
    value: float
    bound: float | None = None

    @property
    def kept(self):
        """Whether the bound is kept."""
        return self.bound is None or self.value <= self.bound

    def __str__(self):
        bound = "" if self.bound is None else f"   (at most {self.bound:g})"
        return f"{'' if self.kept else 'TOO MUCH: '}{self.name}: {self.value:,.4g}{bound}"


def percentile(values, percent):
    """Return the value below which `percent` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def machine():
    """Return one line that says what was measured on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("pykka", "attrs", "cattrs"))
    return (
        f"{platform.system()} {platform.release()} {platform.machine()}, "
        f"Python {sys.version.split()[0]}, {packages}"
    )
