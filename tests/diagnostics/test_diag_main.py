"""`python -m diagnostics`."""

import io
import json
import os
import shlex
import signal
import subprocess
import sys
import types

import pytest

from diagnostics.__main__ import BAD_INPUT, FOUND, UNKNOWN, main

TIMEOUT = (
    "RuntimeError: [METAL] Command buffer execution failed: Caused GPU Timeout Error"
    " (00000002:kIOGPUCommandBufferCallbackErrorTimeout).\n"
)


@pytest.fixture
def saved(tmp_path):
    """A function that saves an output under a name."""

    def save(name, text):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return save


def test_a_known_cause_is_told_with_status_0(saved, capsys):
    """As text for people."""
    assert main([saved("err", TIMEOUT)]) == FOUND
    assert "metal-gpu-timeout (root cause)" in capsys.readouterr().out


def test_an_unknown_cause_is_told_with_status_1(saved, capsys):
    """With the last lines."""
    assert main([saved("err", "hello\n")]) == UNKNOWN
    assert "cause unknown" in capsys.readouterr().out


def test_json_is_one_document(saved, capsys):
    """Most likely cause first."""
    assert main(["--json", saved("err", TIMEOUT)]) == FOUND
    document = json.loads(capsys.readouterr().out)
    (finding,) = document.pop("findings")
    assert document == {}
    assert set(finding) == {"cause", "type", "role", "message", "remedy", "evidence", "fields"}
    assert (finding["cause"], finding["type"]) == ("metal-gpu-timeout", "MetalGpuTimeout")
    assert finding["role"] == "root"
    assert finding["evidence"] == [TIMEOUT.strip()]


def test_full_json_has_the_rest(saved, capsys):
    """Counts, places, reasons, the tail."""
    assert main(["--json", "--full", saved("err", TIMEOUT)]) == FOUND
    document = json.loads(capsys.readouterr().out)
    assert document["tail"] == [TIMEOUT.strip()]
    assert document["findings"][0]["count"] == 1
    assert document["findings"][0]["rank_reason"]


def test_nothing_known_is_an_empty_list(saved, capsys):
    """And still valid JSON."""
    assert main(["--json", saved("err", "")]) == UNKNOWN
    assert json.loads(capsys.readouterr().out) == {"findings": []}


@pytest.mark.parametrize("arguments", [["-"], []])
def test_standard_input_is_read(arguments, monkeypatch, capsys):
    """Named or by default."""
    stdin = types.SimpleNamespace(buffer=io.BytesIO(TIMEOUT.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(arguments) == FOUND
    assert "metal-gpu-timeout" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("signal:6", "abort-uncaught-cpp-exception"),
        ("signal:sigabrt", "abort-uncaught-cpp-exception"),
        ("exit:1", "python-exception"),
    ],
)
def test_the_reason_decides_between_causes(reason, cause, saved, capsys):
    """The same output, another end."""
    text = (
        "terminate called after throwing an instance of 'std::logic_error'\n  what():  no\n\n"
        'Traceback (most recent call last):\n  File "/a.py", line 1, in f\nKeyError: 1\n'
    )
    main(["--json", "--reason", reason, saved("err", text)])
    assert json.loads(capsys.readouterr().out)["findings"][0]["cause"] == cause


def test_the_platform_decodes_the_numbers(saved, capsys):
    """35 is another error on Linux."""
    file = saved("err", "[ring] Receiving from socket 1 failed with errno 35\n")
    main(["--json", "--platform", "darwin", file])
    assert json.loads(capsys.readouterr().out)["findings"][0]["fields"]["errno_name"] == "EAGAIN"


@pytest.mark.parametrize(
    "reason", ["signal:x", "exit:", "killed", "signal:SIGNOPE", "signal:0", "signal:65"]
)
def test_a_bad_reason_is_status_2(reason, capsys):
    """The message shows what was given."""
    with pytest.raises(SystemExit) as stopped:
        main(["--reason", reason])
    assert stopped.value.code == BAD_INPUT
    assert reason in capsys.readouterr().err


def test_an_unreadable_file_is_named_with_status_2(tmp_path, capsys):
    """On standard error, nothing on standard output."""
    assert main([str(tmp_path / "absent")]) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "absent: No such file" in captured.err


def test_several_files_are_ranked_as_one_group(saved, capsys):
    """The one that shows a root cause is the root, wherever it stands."""
    files = [
        saved("healthy", "all well\n"),
        saved("follower", "[ring] Socket 9 was closed by the peer\n"),
        saved("culprit", TIMEOUT),
    ]
    assert main(files) == FOUND
    assert (
        f"Root cause: {files[2]}; after-effects: {files[0]}, {files[1]}" in capsys.readouterr().out
    )
    main(["--json", *files])
    document = json.loads(capsys.readouterr().out)
    assert document["root_cause"] == files[2]
    assert document["findings"] == document["members"][files[2]]["findings"]
    assert document["members"][files[2]]["role"] == "root"
    assert document["members"][files[1]]["role"] == "after-effect"


def test_the_module_runs_without_a_warning(saved):
    """As a user starts it."""
    child = subprocess.run(
        [sys.executable, "-W", "error", "-m", "diagnostics", saved("err", TIMEOUT)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (child.returncode, child.stderr) == (FOUND, "")


def test_a_closed_standard_input_is_status_2():
    """And no traceback."""
    closing = "exec 0<&-; exec " + shlex.join([sys.executable, "-m", "diagnostics", "-"])
    child = subprocess.run(["/bin/sh", "-c", closing], capture_output=True, timeout=60, check=False)
    assert (child.returncode, child.stdout) == (BAD_INPUT, b"")
    assert b"cannot read -: Bad file descriptor" in child.stderr


@pytest.mark.parametrize(("text", "status"), [(TIMEOUT, FOUND), ("hello\n", UNKNOWN)])
def test_a_reader_that_has_seen_enough_is_no_error(text, status, saved):
    """As with `head`: nothing on standard error, and the same status."""
    file = saved("err", text)
    read, write = os.pipe()
    os.close(read)
    try:
        child = subprocess.run(
            [sys.executable, "-m", "diagnostics", file],
            stdout=write,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)
    assert (child.returncode, child.stderr) == (status, b"")


def test_an_interrupt_while_reading_ends_it_quietly():
    """As a shell tells it: 128 and the signal."""
    code = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "runpy.run_module('diagnostics', run_name='__main__')"
    )  # whoever runs the tests in the background ignores the signal, and so would the child
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        # More than a pipe holds: when all is written, it is reading.
        child.stdin.write(b"hello\n" * (1 << 18))
        child.stdin.flush()
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 128 + signal.SIGINT
        assert child.stderr.read() == b""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("block", [b"INFO step 7 done\n" * 60_000, b"x" * (1 << 20)])
def test_memory_does_not_grow_with_the_input(block):
    """Lines, or one line without an end: 64 MiB take what 2 MiB take."""
    code = (
        "import sys; from diagnostics.__main__ import main; main(['-']);"
        "print(*(x for x in open('/proc/self/status') if x.startswith('VmHWM')), file=sys.stderr)"
    )
    peaks = []
    for blocks in (2, 64):
        with subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as child:
            for _ in range(blocks):
                child.stdin.write(block)
            child.stdin.close()
            peaks.append(int(child.stderr.read().split()[1]))  # KiB
    assert peaks[1] - peaks[0] < 16 * 1024
