"""The check for leaks in tests/conftest.py finds what it is for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import subprocess, sys, threading, time
import pykka, pytest

kept = []

class Idle(pykka.ThreadingActor):
    pass

def test_actor():
    Idle.start()

def test_thread():
    threading.Thread(target=threading.Event().wait, name="left-over", daemon=True).start()

def test_process():
    kept.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))

def test_descriptor():
    kept.append(open("/dev/null"))

def test_clean():
    thread = threading.Thread(target=str)
    thread.start()
    with subprocess.Popen([sys.executable, "-c", ""]), open("/dev/null"):
        Idle.start().stop()
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Run five tests, four of which leak, under a copy of the check."""
    folder = tmp_path_factory.mktemp("leaks")
    check = (ROOT / "tests" / "conftest.py").read_text()
    (folder / "conftest.py").write_text(check.replace("SETTLE = 2.0", "SETTLE = 0.2"))
    (folder / "test_leaking.py").write_text(PROGRAM)
    shutil.copy(ROOT / "setup.cfg", folder)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "--rootdir", ".", "test_leaking.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return result.stdout


@pytest.mark.parametrize(
    ("test", "what"),
    [
        ("actor", "actor Idle (urn:uuid:"),
        ("thread", "thread 'left-over' (daemon)"),
        ("process", "-c input()"),
        ("descriptor", "-> /dev/null" if sys.platform == "linux" else "1 open descriptors"),
    ],
)
def test_leak_is_named(report, test, what):
    """The test that leaks is the one that fails, and its message says what it left."""
    assert f"ERROR test_leaking.py::test_{test}" in report
    assert what in report


def test_clean_test_passes(report):
    """Actors, threads, processes and files that are closed are no leak."""
    assert "5 passed, 4 errors" in report
