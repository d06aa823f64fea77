"""The types are what we say they are, to both checkers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = "tests/typing"
CHECKED = (FOLDER, "docs/examples/every_reason.py", "docs/examples/typed_proxy.py")

pytestmark = pytest.mark.timeout(300)

EXCUSED = {"actors.runner.Runner.actor_urn"}
"""Declared by Pykka, and assigned once more."""

# No question to the registry whether there is a newer pyright.
QUIET = {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}


def checked(*command, **variables):
    """Run a checker of this environment in the root of the repository."""
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, **QUIET, **variables},
        capture_output=True,
        text=True,
        timeout=290,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [("mypy", *CHECKED), ("pyright", "--pythonpath", sys.executable, *CHECKED)],
    ids=["mypy", "pyright"],
)
def test_inferred_types_are_the_promised_ones(command):
    """Every `assert_type` holds, and every mistake that is marked as one is found."""
    result = checked(*command)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_mistake_is_asked_for():
    """Without this setting a mistake that pyright does not find would go unnoticed."""
    assert "reportUnnecessaryTypeIgnoreComment=true" in (ROOT / FOLDER / "mistakes.py").read_text()


def test_public_api_is_completely_typed():
    """No public name of `actors` whose type a checker has to guess, the demo excepted."""
    bin_folder = str(Path(sys.executable).parent)
    # `--verifytypes` asks the first `python` of PATH where packages are.
    result = checked(
        *("pyright", "--verifytypes", "actors", "--ignoreexternal", "--outputjson"),
        PATH=os.pathsep.join([bin_folder, os.environ["PATH"]]),
        PYTHONPATH=str(ROOT),
    )
    report = json.loads(result.stdout)["typeCompleteness"]
    assert Path(report["packageRootDirectory"]).resolve() == (ROOT / "actors").resolve()
    symbols = {
        symbol["name"]: [each["message"] for each in symbol["diagnostics"]]
        for symbol in report["symbols"]
        if symbol["isExported"] and not symbol["name"].startswith("actors.demo.")
    }
    assert {"actors.supervise", "actors.typing.stream_method"} <= symbols.keys()
    # A class of which a part is unknown is unknown too, but has no message of its own.
    assert {name: said for name, said in symbols.items() if said and name not in EXCUSED} == {}
