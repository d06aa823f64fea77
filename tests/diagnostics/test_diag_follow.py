"""`python -m diagnostics --follow`, and the file that grows."""

import os
import subprocess
import sys

import pytest

from diagnostics import __main__ as command
from diagnostics._watching import growing


def test_what_is_appended_is_read(tmp_path):
    """First what is there, then what comes."""
    path = tmp_path / "log"
    path.write_bytes(b"one\n")
    chunks = growing(path, idle=None, sleep=lambda _: None)
    assert next(chunks) == b"one\n"
    assert next(chunks) == b""
    with path.open("ab") as stream:
        stream.write(b"two\n")
    assert next(chunks) == b"two\n"


@pytest.mark.parametrize("replace", [True, False])
def test_a_rotated_file_is_read_anew(tmp_path, replace):
    """A new file of the same name, or the same one cut short."""
    path = tmp_path / "log"
    path.write_bytes(b"a long first line\n")
    chunks = growing(path, sleep=lambda _: None)
    next(chunks)
    if replace:
        path.rename(tmp_path / "log.1")
    path.write_bytes(b"new\n")
    assert next(chunks) == b"new\n"


def test_a_file_that_is_gone_may_come_back(tmp_path):
    """Between two files of a rotation there is none."""
    path = tmp_path / "log"
    path.write_bytes(b"one\n")
    chunks = growing(path, sleep=lambda _: None)
    next(chunks)
    path.unlink()
    assert next(chunks) == b""
    path.write_bytes(b"two\n")
    assert next(chunks) == b"two\n"


def test_idle_time_ends_it(tmp_path):
    """By the clock that is given."""
    path = tmp_path / "log"
    path.write_bytes(b"one\n")
    times = iter(range(100))
    chunks = list(growing(path, idle=3, clock=lambda: next(times), sleep=lambda _: None))
    assert chunks[0] == b"one\n"
    assert set(chunks[1:]) == {b""}


def test_following_tells_a_cause_when_it_comes(tmp_path):
    """At once, a likelier one too, and the whole diagnosis at the end."""
    path = tmp_path / "log"
    path.write_bytes(b"step 1\n[ring] Too many send/recv errors. Aborting...\n")
    follower = subprocess.Popen(
        [sys.executable, "-u", "-m", "diagnostics", "--follow", "--idle", "0.5", str(path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with follower:
        assert follower.stdout.readline().startswith(f"{path}:2: ring-transport-abort")
        with path.open("ab") as stream:
            stream.write(
                b"[METAL] Command buffer execution failed: Caused GPU Hang Error (00000003:kIOGPUCommandBufferCallbackErrorHang)\n"
            )
        assert follower.stdout.readline().startswith(f"{path}:3: metal-gpu-hang")
        assert "What to do" in follower.stdout.read()
    assert follower.returncode == command.FOUND


def test_following_ends_when_nobody_reads(tmp_path):
    """As with `head`: it would go on for ever, for nobody."""
    path = tmp_path / "log"
    path.write_bytes(b"[ring] Too many send/recv errors. Aborting...\n")
    read, write = os.pipe()
    os.close(read)
    try:
        child = subprocess.run(
            [sys.executable, "-m", "diagnostics", "--follow", str(path)],
            stdout=write,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)
    assert (child.returncode, child.stderr) == (command.FOUND, b"")


def test_following_something_unreadable_is_bad_input(tmp_path, capsys):
    """As without it."""
    assert command.main(["--follow", str(tmp_path / "none")]) == command.BAD_INPUT
    assert "cannot read" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--follow"], ["--follow", "-"], ["--follow", "a", "b"]])
def test_following_takes_one_file(arguments):
    """Standard input is read to its end anyway."""
    with pytest.raises(SystemExit):
        command.main(arguments)


def test_a_terminal_gets_the_same_words(tmp_path, capsys, monkeypatch):
    """Only in colour."""
    pytest.importorskip("rich")
    path = tmp_path / "log"
    path.write_bytes(b"Fatal Python error: Segmentation fault\n")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert command.main([str(path)]) == command.FOUND
    assert "segfault" in capsys.readouterr().out
