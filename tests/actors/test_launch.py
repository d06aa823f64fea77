"""How a process is launched: what it inherits, what it does not, and what cannot go wrong."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from faulty import PROGRAM_ENVIRONMENT, Echo

import actors
from actors import _launch
from actors._launch import launch

LIMIT = 30


def run(script, *options, cwd=None, **streams):
    """Run a program of its own, and return what it wrote to stdout."""
    result = subprocess.run(
        [sys.executable, *options, script],
        cwd=cwd,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
        env=PROGRAM_ENVIRONMENT,
        **streams,
    )
    return result.stdout


@pytest.fixture
def alive():
    """Give the read end of a pipe that this process holds open."""
    read, write = os.pipe()
    yield read
    os.close(read)
    os.close(write)


def close(child):
    """Give back what `launch` has given."""
    child.channel.close()
    os.close(child.stdout)
    os.close(child.stderr)


def test_child_that_dies_at_once_does_not_keep_the_parent_waiting(alive, monkeypatch):
    """It reads nothing of what it is handed (cpython gh-118981)."""
    monkeypatch.setattr(_launch, "_PRELUDE", "import os; os.write(2, b'gone'); os._exit(7)")
    child = launch("x", 1000, alive, {"LARGE": "x" * 100_000})
    assert child.process.poll(0) == 7
    assert os.WEXITSTATUS(child.process.status) == 7
    os.set_blocking(child.stderr, True)
    assert os.read(child.stderr, 100) == b"gone"
    assert os.read(child.stderr, 100) == b""
    close(child)


def test_child_that_was_waited_for_by_somebody_else_says_so(alive, monkeypatch):
    """An embedding program may call `waitpid(-1)`."""
    monkeypatch.setattr(_launch, "_PRELUDE", "pass")
    child = launch("x", 1000, alive, {})
    os.waitpid(child.pid, 0)
    assert child.process.poll() == 255
    assert child.process.status is None
    close(child)


@pytest.mark.parametrize("culprit", ["spool", "process"])
def test_launch_that_fails_leaves_nothing_open(alive, monkeypatch, culprit):
    """The check for leaks counts."""
    if culprit == "spool":
        monkeypatch.setattr(_launch, "_spooled", lambda data: os.open("/nowhere/at/all", 0))
    else:
        monkeypatch.setattr(_launch.spawn, "get_command_line", lambda: ["/nowhere", "-c", ""])
    with pytest.raises(FileNotFoundError):
        launch("x", 1000, alive, {})


def test_launch_that_fails_is_a_failed_start(supervisor, monkeypatch):
    """With what the system said."""
    monkeypatch.setattr(_launch.spawn, "get_command_line", lambda: ["/nowhere", "-c", ""])
    with pytest.raises(actors.StartFailed, match="/nowhere") as caught:
        supervisor.start_runner(actors.RunnerSpec("x", Echo)).get(timeout=LIMIT)
    assert isinstance(caught.value.failure.reason, actors.LaunchFailed)
    assert caught.value.failure.pid is None


def test_runner_inherits_neither_blocked_signals_nor_hands_on_its_channel():
    """A blocked SIGTERM would make it deaf; a grandchild with the channel would outlive its end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
    try:
        with actors.supervise() as supervisor:
            ref = supervisor.start_runner(actors.RunnerSpec("x", Echo)).get(timeout=LIMIT)
            assert ref.proxy().state_from_the_parent().get() == ([], False)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


PROGRAM = """
import os, sys
print("import of", __name__, "to stdout")
print("import of", __name__, "to stderr", file=sys.stderr)
import actors

class Mine(actors.Runner):
    def on_receive(self, message):
        os._exit(3)

if __name__ == "__main__":
    with actors.supervise() as supervisor:
        ref = supervisor.start_runner(actors.RunnerSpec("x", Mine)).get(timeout=30)
        try:
            ref.ask("x", timeout=30)
        except actors.RunnerFailedError as error:
            print(error.failure.diagnosis.tail)
"""


@pytest.mark.parametrize("way", ["script", "module"])
def test_runner_of_the_main_module_is_found_and_its_import_is_captured(tmp_path, way):
    """What the main module prints while the runner imports it is the runner's output."""
    (tmp_path / "program.py").write_text(PROGRAM)
    arguments = ["program.py"] if way == "script" else ["program", "-m"]
    output = run(*arguments, cwd=tmp_path, stderr=subprocess.DEVNULL)
    assert output.splitlines() == [
        "import of __main__ to stdout",
        "('import of __mp_main__ to stderr',)",
    ]


@pytest.mark.parametrize("argument", ["-c", "-"])
def test_runner_of_a_main_module_without_a_file_is_sent_to_it(argument):
    """What is in no file is imported by nobody: nothing is printed a second time."""
    result = subprocess.run(
        [sys.executable, *(["-c", PROGRAM] if argument == "-c" else ["-"])],
        input=PROGRAM,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=PROGRAM_ENVIRONMENT,
    )
    assert result.stdout.splitlines() == ["import of __main__ to stdout", "()"]
    assert result.stderr.splitlines() == ["import of __main__ to stderr"]


CLOSED = textwrap.dedent(
    """
    import os, sys
    out = os.dup(1)
    for fd in (0, 1, 2):
        os.close(fd)
    sys.path.insert(0, sys.argv[0].rpartition("/")[0])
    import actors, worker
    if __name__ == "__main__":
        with actors.supervise() as supervisor:
            ref = supervisor.start_runner(actors.RunnerSpec("x", worker.Mine)).get(timeout=30)
            os.write(out, ref.ask("answer", timeout=30).encode())
    """
)


def test_parent_may_have_closed_its_standard_descriptors(tmp_path):
    """As a daemon does: our own then have numbers that the child puts its own in place of."""
    (tmp_path / "worker.py").write_text(
        "import actors\nclass Mine(actors.Runner):\n    def on_receive(self, m): return m\n"
    )
    (tmp_path / "program.py").write_text(
        CLOSED.replace(
            "out = os.dup(1)", "out = os.dup(1) if __name__ == '__main__' else 1"
        ).replace("for fd in (0, 1, 2):", "for fd in (0, 1, 2) if __name__ == '__main__' else ():")
    )
    assert run(str(tmp_path / "program.py")) == "answer"


def test_spooled_data_is_read_from_the_beginning():
    """By the descriptor's next owner, however large."""
    data = os.urandom(300_000)
    with os.fdopen(_launch._spooled(data), "rb") as file:
        assert file.read() == data


def test_ends_of_the_channel_are_not_inherited_by_strangers(alive, monkeypatch):
    """What another thread of the parent starts meanwhile does not hold them."""
    monkeypatch.setattr(_launch, "_PRELUDE", "pass")
    child = launch("x", 1000, alive, {})
    for fd in (child.channel.fileno(), child.stdout, child.stderr):
        assert not os.get_inheritable(fd)
    assert child.channel.family == socket.AF_UNIX
    child.process.poll(0)
    close(child)


def test_launch_without_descriptors_left_leaves_none_behind(monkeypatch):
    """The page for the ledger is the first thing it makes, and not what it fails with."""

    def refuse():
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(_launch.socket, "socketpair", refuse)
    opened = len(list(Path("/dev/fd").iterdir()))
    with pytest.raises(OSError, match="Too many open files"):
        _launch.launch("r.1", 1000, 0, {})
    assert len(list(Path("/dev/fd").iterdir())) == opened
