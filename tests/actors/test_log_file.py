"""A runner's output on disk."""

import pytest
from faulty import Echo

import actors
from actors._log_file import LogFile


def test_output_is_appended_as_it_is(tmp_path):
    """Also to what an earlier incarnation has left."""
    for text in (b"one\n", b"\xff two"):
        file = LogFile(tmp_path, "runner", "stderr")
        file.write(text)
        file.close()
    assert (tmp_path / "runner.stderr.log").read_bytes() == b"one\n\xff two"


def test_file_is_rotated_at_its_limit_and_one_is_kept(tmp_path):
    """The disk is not filled by a runner that floods."""
    file = LogFile(tmp_path, "runner", "stderr", max_bytes=10)
    for number in range(5):
        file.write(b"%d23456\n" % number)
    file.close()
    assert (tmp_path / "runner.stderr.log").read_bytes() == b"423456\n"
    assert (tmp_path / "runner.stderr.log.1").read_bytes() == b"323456\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_id_cannot_lead_out_of_the_folder(tmp_path):
    """An id is a name, whatever characters it has."""
    file = LogFile(tmp_path / "logs", "../../etc/passwd", "stderr")
    file.write(b"x")
    file.close()
    assert file.path.parent == tmp_path / "logs"
    assert file.path.exists()


def test_error_is_logged_once_and_hurts_nobody(tmp_path, caplog):
    """A folder that is a file, here; a full disk is the same."""
    (tmp_path / "logs").write_text("a file")
    file = LogFile(tmp_path / "logs", "runner", "stderr")
    file.write(b"one")
    file.write(b"two")
    assert len(caplog.records) == 1
    assert "is not written any more" in caplog.text


@pytest.mark.parametrize("fd", [1, 2])
def test_supervisor_with_a_log_folder_keeps_what_its_runners_print(tmp_path, fd):
    """One file a runner and stream, over all incarnations."""
    with actors.supervise(log_folder=tmp_path) as supervisor:
        ref = supervisor.start_runner(actors.RunnerSpec("echo", Echo)).get()
        ref.proxy().say("before\n", fd).get()
        with pytest.raises(actors.RunnerFailedError):
            ref.proxy().kill().get()
        ref.proxy().say("after\n", fd).get()
    name = {1: "stdout", 2: "stderr"}[fd]
    assert (tmp_path / f"echo.{name}.log").read_text() == "before\nafter\n"
