"""The command line, as a person or a program calls it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from actors.demo.faults import Fault
from actors.messages import GroupRestarting, RunnerFailed
from actors.wire import from_json
from diagnostics.findings import Role

ROOT = Path(__file__).parents[2]

LIMIT = 60
"""Seconds for one run; met only in a deadlock."""


def python(*arguments, **environment):
    """Run this Python in the repository."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


@pytest.fixture
def demo(cache):
    """Give a function that runs the demonstration on weights that are there already."""
    pytest.importorskip("typer")

    def demo(*arguments):
        variables = {"RUNNER_ACTORS_CACHE": str(cache)}
        return python("-m", "actors", "demo", "--tokens", 12, *arguments, **variables)

    return demo


@pytest.mark.mlx
@pytest.mark.parametrize(
    ("fault", "runners", "rank"),
    [
        (Fault.KILL, 3, 1),
        (Fault.EXCEPTION, 2, 0),
        (Fault.SEGFAULT, 2, 1),
        (Fault.ABORT, 3, 2),
        (Fault.EXIT, 4, 2),
        (Fault.OUT_OF_MEMORY, 3, 0),
        (Fault.HANG, 3, 1),
        (Fault.STDERR_FLOOD, 2, 1),
    ],
)
def test_the_demonstration_explains_the_fault_and_recovers(demo, fault, runners, rank):
    """One failure a rank, the struck one is the root cause, and the text is completed."""
    result = demo("--json", "--fault", fault, "--runners", runners, "--rank", rank)
    assert result.returncode == 0, result.stderr
    events = [from_json(line) for line in result.stdout.splitlines()]
    failures = [event for event in events if isinstance(event, RunnerFailed)]
    struck = f"ring-rank-{rank}"
    assert sorted(failure.runner_id for failure in failures) == [
        f"ring-rank-{each}" for each in range(runners)
    ]
    assert {failure.root_cause for failure in failures} == {struck}
    assert {failure.runner_id for failure in failures if failure.role is not Role.AFTER_EFFECT} == {
        struck
    }
    assert all(len(failure.tasks) == 1 for failure in failures)
    assert [event.incarnation for event in events if isinstance(event, GroupRestarting)] == [2]
    assert "recovered: 12 tokens, the same text" in result.stderr


@pytest.mark.mlx
def test_without_a_fault_nothing_fails(demo):
    """Plain lines tell how each rank gets ready, and what it generates."""
    result = demo("--fault", "none", "--runners", 2)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert "ring-rank-1: 5 of 5 parts loaded" in lines
    assert any(line.startswith("  > One night") for line in lines)
    assert lines[-1] == "done: 12 tokens, nothing failed"


@pytest.mark.mlx
def test_an_interrupt_ends_everything(cache):
    """Ctrl-C in mid-stream: no traceback, no failure, and the leak check finds no process."""
    pytest.importorskip("typer")
    with subprocess.Popen(
        [sys.executable, "-m", "actors", "demo", "--json", "--fault", "none", "--tokens", "300"],
        cwd=ROOT,
        env={**os.environ, "RUNNER_ACTORS_CACHE": str(cache)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        seen = []
        while not seen or "ChunkGenerated" not in seen[-1]:
            seen.append(process.stdout.readline())
            assert seen[-1], "".join(seen)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "RunnerFailed" not in output
    assert output.count("RunnerShutdown") == 3


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--fault", "earthquake"], "earthquake"),
        (["--rank", "3"], "there is no rank 3 among 3 runners"),
        (["--rank", "2", "--runners", "2"], "there is no rank 2 among 2 runners"),
        (["--rank", "-1"], "--rank"),
        (["--runners", "1"], "--runners"),
        (["--runners", "5"], "--runners"),
        (["--tokens", "0"], "--tokens"),
        (["--prompt", ""], "empty"),
        (["--prompt", "東"], "東"),
        (["--colour"], "colour"),
    ],
)
def test_a_bad_argument_is_named_and_the_status_is_2(arguments, complaint):
    """Nothing is started."""
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from actors.cli import app

    result = CliRunner().invoke(app, ["demo", *arguments])
    assert result.exit_code == 2
    # The message stands in a box, which may break its lines.
    assert complaint in " ".join(result.output.replace("│", " ").split())


def test_version_is_printed():
    """The same as the package's."""
    pytest.importorskip("typer")
    import actors

    result = python("-m", "actors", "version")
    assert (result.returncode, result.stdout.strip()) == (0, actors.__version__)


@pytest.mark.parametrize(("missing", "status"), [("typer", 2), ("mlx", 2)])
def test_what_is_not_installed_is_named(missing, status):
    """With the command that installs it."""
    code = (
        f"import sys; sys.modules[{missing!r}] = None; sys.argv = ['runner-actors', 'demo']\n"
        "from actors.__main__ import main\n"
        "sys.exit(main())"
    )
    result = python("-c", code)
    assert result.returncode == status
    assert missing in result.stderr
    assert 'pip install "runner-actors[mlx,cli]"' in result.stderr


def test_the_supervisor_of_the_demonstration_stays_free_of_mlx():
    """What is imported there would be imported again by every runner, the trainer included."""
    code = (
        "import sys, actors.demo.driver\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('mlx', 'numpy')])"
    )
    assert python("-c", code).stdout.strip() == "[]"
