"""`python -m diagnostics --follow`, and the file that grows."""

import threading
import time

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


def test_following_tells_the_cause_when_it_comes(tmp_path, capsys):
    """At once, and the whole diagnosis at the end."""
    path = tmp_path / "log"
    path.write_bytes(b"step 1\n")

    def write_later():
        time.sleep(0.3)
        with path.open("ab") as stream:
            stream.write(b"[ring] Too many send/recv errors. Aborting...\n")

    writer = threading.Thread(target=write_later)
    writer.start()
    assert command.main(["--follow", "--idle", "0.9", str(path)]) == command.FOUND
    writer.join()
    printed = capsys.readouterr().out
    assert printed.startswith(f"{path}:2: ring-transport-abort")
    assert "What to do" in printed


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
