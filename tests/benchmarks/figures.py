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
        at_most: What it must not exceed, if it is held to that.
        at_least: What it must reach, if it is held to that.
    """

    name: str
    value: float
    at_most: float | None = None
    at_least: float | None = None

    @property
    def kept(self):
        """Whether the bounds are kept."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )

    def __str__(self):
        bounds = [
            f"{words} {bound:g}"
            for words, bound in (("at most", self.at_most), ("at least", self.at_least))
            if bound is not None
        ]
        bound = f"   ({', '.join(bounds)})" if bounds else ""
        return f"{'' if self.kept else 'NOT KEPT: '}{self.name}: {self.value:,.4g}{bound}"


@attrs.frozen
class Unmeasured:
    """
    A value that could not be measured here.

    Attributes:
        name: What was to be measured.
        why: What is missing.
    """

    name: str
    why: str

    def __str__(self):
        return f"NOT MEASURED: {self.name}: {self.why}"


def in_turn(rounds, *measures):
    """Call each in turn, so often, and return a list of results for each: noise hits all alike."""
    results = [[] for _ in measures]
    for _ in range(rounds):
        for measure, values in zip(measures, results, strict=True):
            values.append(measure())
    return results


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
