"""No setting is dead: whatever can be declared is read somewhere."""

import ast
from pathlib import Path

import attrs
import pytest

from actors.specs import Backoff, GroupSpec, Intensity, RunnerSpec

ROOT = Path(__file__).parents[2]


def attributes_read():
    """Return every name that some module of `actors` reads as an attribute."""
    return {
        node.attr
        for path in (ROOT / "actors").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Load)
        and not (path.name == "specs.py" and ast.unparse(node).startswith("attrs."))
    }


@pytest.mark.parametrize("spec", [RunnerSpec, GroupSpec, Intensity, Backoff])
def test_every_field_is_read(spec):
    """A limit that is declared and never looked at is worse than none."""
    assert {field.name for field in attrs.fields(spec)} - attributes_read() == set()
