"""Every program in docs/examples runs, and prints what it says it prints."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))


def promised(path):
    """Return the lines of the comment block "# Prints:" at the end of a program."""
    _, found, block = path.read_text().rpartition("\n# Prints:\n")
    return [line.removeprefix("#").strip() for line in block.splitlines()] if found else []


def is_like(line, promise):
    """Compare a line to what was promised; `...` stands for anything."""
    start, dots, end = promise.partition("...")
    return line == promise or bool(dots and line.startswith(start) and line.endswith(end))


def test_there_are_examples():
    """An empty folder would pass every other test here."""
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(path):
    """Within a limit, with status 0, warnings being errors."""
    result = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    expected = promised(path)
    if expected:
        assert len(lines) == len(expected), result.stdout
        for line, promise in zip(lines, expected, strict=True):
            assert is_like(line, promise)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_guards_its_main(path):
    """A runner's process imports the main module, so what starts runners must stand behind a guard."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "says in its docstring what it shows"
    assert any(
        isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"
        for node in tree.body
    )
