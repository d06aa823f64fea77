"""Wheel and sdist hold what they should, and nothing else."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from importlib import metadata
from pathlib import Path

import pytest

import actors

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Build both from a copy, so that the checkout stays as it is. Takes about 3 s."""
    source = tmp_path_factory.mktemp("source")
    for name in ["setup.cfg", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"]:
        shutil.copy(ROOT / name, source)
    for name in ["actors", "diagnostics", "tests", "docs"]:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    # Without isolation nothing is downloaded; the dev extra brings setuptools along.
    result = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist"],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return source / "dist"


@pytest.fixture(scope="module")
def wheel(archives):
    """Give the names in the wheel and its metadata."""
    (path,) = archives.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        (metadata_name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        return names, message_from_string(archive.read(metadata_name).decode())


@pytest.fixture(scope="module")
def sdist(archives):
    """Give the names in the sdist, without its leading folder."""
    (path,) = archives.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()} - {""}


def shipped():
    """Return every file of both packages that belongs into an archive."""
    return {
        str(path.relative_to(ROOT))
        for package in ("actors", "diagnostics")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix in {".py", ".txt", ".typed"}
    }


def test_wheel_holds_both_packages_and_nothing_else(wheel):
    """Modules, type markers and data files; no tests, no docs, no caches."""
    names, _ = wheel
    assert {name for name in names if ".dist-info/" not in name} == shipped() | {
        "actors/py.typed",
        "diagnostics/py.typed",
    }


def test_demo_text_is_shipped(wheel, sdist):
    """The demo trains on it at first use, without a network."""
    names, _ = wheel
    assert {name for name in names if name.startswith("actors/demo/") and name.endswith(".txt")}
    assert {name for name in sdist if name.startswith("actors/demo/") and name.endswith(".txt")}


def test_licence_is_shipped(wheel, sdist):
    """The Apache licence asks for a copy."""
    names, _ = wheel
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert "LICENSE" in sdist


def test_sdist_is_enough_to_build_from(sdist):
    """It holds the packages and what declares them, and no tests."""
    assert shipped() | {"setup.cfg", "pyproject.toml", "README.md"} <= sdist
    assert not {name for name in sdist if name.startswith(("tests", "docs"))}


def test_version_is_said_once(wheel):
    """Package, wheel and installation agree."""
    _, said = wheel
    assert actors.__version__ == said["Version"] == metadata.version("runner-actors")


def test_metadata_says_what_people_look_for(wheel):
    """Name, licence, Python, description and extras."""
    _, said = wheel
    assert said["Name"] == "runner-actors"
    assert said["License-Expression"] == "Apache-2.0"
    assert said["Requires-Python"] == ">=3.11"
    assert said["Description-Content-Type"] == "text/markdown"
    assert {"cli", "dev", "docs", "mlx"} <= set(said.get_all("Provides-Extra"))


def test_command_is_installed(wheel, archives):
    """`runner-actors` is an entry point of the wheel."""
    (path,) = archives.glob("*.whl")
    names, _ = wheel
    (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
    with zipfile.ZipFile(path) as archive:
        assert "runner-actors = " in archive.read(entry_points).decode()
