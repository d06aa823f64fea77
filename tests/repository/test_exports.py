"""The public surface: what the two faces export, and that it is documented and typed."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ["actors", "diagnostics"]

OPTIONAL = ["mlx", "numpy", "platformdirs", "psutil", "rich", "typer"]


def public_modules():
    """Return the path of every module that has no underscore in its name, by dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
            if not any(part.startswith("_") for part in parts):
                found[".".join(parts)] = path
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_sorted(package):
    """`__all__` is read by people."""
    names = importlib.import_module(package).__all__
    assert list(names) == sorted(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_exported_name_exists(package):
    """`from package import *` works."""
    face = importlib.import_module(package)
    assert [name for name in face.__all__ if not hasattr(face, name)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_names_that_are_loaded_late_are_as_good_as_the_others(package):
    """They are listed, found a second time without a search, and what is none is refused."""
    face = importlib.import_module(package)
    assert set(face.__all__) <= set(dir(face))
    for name in face.__all__:
        assert getattr(face, name) is vars(face)[name]
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nonsense'"):
        face.nonsense  # noqa: B018


def test_submodule_can_be_named_without_an_import_of_its_own():
    """And one that cannot be imported says why, instead of not being there."""
    program = """
import actors, sys
assert actors.mlx_ring.__name__ == "actors.mlx_ring"
assert not hasattr(actors, "_unheard_of")
sys.modules["actors._group"] = None
try:
    actors.supervisor
except ModuleNotFoundError as error:
    print(error.name)
"""
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.stdout == "actors._group\n", result.stderr


def test_runners_process_loads_nothing_of_what_supervises_and_reads():
    """It would take as long as all the rest, for every start and restart."""
    program = """
import sys
import actors, actors._bootstrap
actors.Runner, actors.Progress, actors.RunnerFailedError
print([name for name in sys.modules if name in {
    "actors.supervisor", "actors.specs", "actors._reactor", "asyncio", "importlib.metadata",
    "diagnostics.collector", "diagnostics.actor", "diagnostics.catalog",
}])
"""
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout == "[]\n"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_of_the_face_is_exported(package):
    """What can be reached without an underscore is either a submodule or in `__all__`."""
    face = importlib.import_module(package)
    helpers = {"TYPE_CHECKING", "later"}
    stray = [
        name
        for name, value in vars(face).items()
        if not name.startswith("_")
        and name not in helpers.union(face.__all__)
        and not inspect.ismodule(value)
    ]
    assert stray == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_exported_class_and_function_has_a_docstring(package):
    """One's own, not an inherited one."""
    face = importlib.import_module(package)
    bare = []
    for name in face.__all__:
        value = getattr(face, name)
        if inspect.isclass(value) or inspect.isroutine(value):
            text = value.__dict__.get("__doc__") if inspect.isclass(value) else value.__doc__
            if not text:
                bare.append(name)
    assert bare == []


@pytest.mark.parametrize("module", public_modules())
def test_every_public_module_has_a_docstring(module):
    """Its first line says what the file is about."""
    assert ast.get_docstring(ast.parse(public_modules()[module].read_text()))


@pytest.mark.parametrize("package", PACKAGES)
def test_types_are_shipped(package):
    """PEP 561: without the marker no type checker looks inside."""
    assert (ROOT / package / "py.typed").is_file()


def test_packages_import_without_optional_dependencies():
    """`pip install runner-actors` without extras is enough for both packages."""
    program = f"""
import sys
for name in {OPTIONAL!r}:
    sys.modules[name] = None
import actors, diagnostics
for package in actors, diagnostics:
    for name in package.__all__:
        getattr(package, name)
"""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_diagnostics_imports_without_actors():
    """It serves any process manager, so it must not even load ours."""
    program = """
import sys
for name in "actors", "cattrs", "msgpack":
    sys.modules[name] = None
import diagnostics
"""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
