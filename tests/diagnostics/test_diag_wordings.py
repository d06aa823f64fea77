"""Healthy outputs full of the words of failure, and several failures in one output."""

import pytest

from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.diagnosis import Ending
from diagnostics.findings import Role
from diagnostics.render import render

HEALTHY = [
    "INFO 2026-01-01 request_timeout=60 error_count=0",
    "WARNING:root:retrying after ConnectionRefusedError: [Errno 111] Connection refused",
    "INFO: if CUDA out of memory occurs, lower the batch size",
    "DEBUG killed 0 stale workers, terminated 0",
    "2026-01-01 WARNING pool.py: Retrying: CUDA out of memory. Tried to allocate 2.00 MiB",
    (
        "Exception ignored in: <function X.__del__ at 0x7f>\nTraceback (most recent call last):\n"
        '  File "x.py", line 3, in __del__\nOSError: [Errno 9] Bad file descriptor'
    ),
    (
        "Exception in thread Thread-1 (poll):\nTraceback (most recent call last):\n"
        '  File "x.py", line 3, in poll\nConnectionRefusedError: [Errno 111] Connection refused\n'
        "INFO step 12"
    ),
    (
        "WARNING:app:could not read the cache\nTraceback (most recent call last):\n"
        "  File \"x.py\", line 3, in f\nFileNotFoundError: [Errno 2] No such file or directory: '/c'\n"
        "INFO:app:starting without a cache"
    ),
    (
        "ERROR:app:request failed\nTraceback (most recent call last):\n"
        '  File "x.py", line 3, in f\nValueError: bad request\n'
        'INFO:     127.0.0.1:5 - "POST /v1/chat HTTP/1.1" 500 Internal Server Error\n'
        'INFO:     127.0.0.1:5 - "POST /v1/chat HTTP/1.1" 200 OK'
    ),
    "ERROR: connect to 10.0.0.1:5000 failed: [Errno 111] Connection refused\nINFO reconnected",
    "TimeoutError: no answer\nINFO retry succeeded on attempt 2\nINFO step 5 done",
    "Killed 3 zombie sessions\nterminated normally",
    "tests: 12 passed, error handling ok, fatal errors: 0",
    "/x/cuda/__init__.py:1: UserWarning: CUDA initialization: CUDA unknown error - set up wrongly",
    (
        "WARNING: could not load dynamic library 'libnvinfer.so.7'; dlerror: libnvinfer.so.7: cannot open"
        " shared object file: No such file or directory"
    ),
    (
        "[W1122 TCPStore.cpp:340] [c10d] TCP client failed to connect - retrying: The client socket has"
        " timed out after 3000ms while trying to connect to (10.0.0.1, 29500)."
    ),
    "WARNING 11-22 10:00:00 [cuda.py:12] RuntimeError: Failed to infer device type",
    "./run.sh: line 3: nvidia-smi: command not found\nINFO using the CPU\n12%|# | 1/8 3.1it/s]",
    "INFO received SIGTERM, shutting down gracefully\nINFO bye",
    "h:1:2 [0] NCCL INFO misc/socket.cc:47 -> 3",
    (
        "--- Logging error ---\nTraceback (most recent call last):\n"
        '  File "/x/logging/__init__.py", line 1, in emit\nOSError: [Errno 5] Input/output error'
    ),
    (
        "ERROR:asyncio:Task exception was never retrieved\nfuture: <Task finished name='Task-2'>\n"
        'Traceback (most recent call last):\n  File "a.py", line 1, in f\nValueError: x'
    ),
]


def findings(text):
    """Return what is found in a text."""
    collector = RunnerDiagnosticCollector(platform="linux")
    collector.feed(text.encode() + b"\n", at=1.0)
    return collector.diagnosis().findings


@pytest.mark.parametrize("text", HEALTHY)
def test_a_healthy_output_has_no_cause(text):
    """Words of failure are not failures."""
    causes = [finding for finding in findings(text) if finding.role is not Role.NOTE]
    assert causes == []


def test_the_core_of_an_engine_goes_before_its_front_end():
    """Two processes in one output."""
    core, front = "(EngineCore pid=7) ", "(APIServer pid=3) "
    text = "\n".join(
        [
            f"{core}ERROR [core.py:1] Traceback (most recent call last):",
            f'{core}ERROR [core.py:1]   File "/x/core.py", line 1, in f',
            (
                f"{core}ERROR [core.py:1] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate"
                " 2.00 GiB. GPU 0 has a total capacity of 8.00 GiB of which 1.00 GiB is free."
            ),
            f"{front}Traceback (most recent call last):",
            f'{front}  File "/x/api.py", line 1, in f',
            f"{front}RuntimeError: Engine core initialization failed. See root cause above.",
        ]
    )
    causes = [finding.cause for finding in findings(text) if finding.role is not Role.NOTE]
    assert causes == ["cuda-out-of-memory", "engine-init-failed-after-effect"]


def test_the_reason_for_the_rank_is_part_of_the_finding():
    """Each says why it stands where it stands."""
    collector = RunnerDiagnosticCollector(platform="linux")
    collector.feed(b"free(): invalid pointer\nAborted (core dumped)\n", at=1.0)
    first, second = collector.diagnosis(Ending(signal=6)).findings
    assert first.rank_reason == "a cause of its own, fits the end by SIGABRT"
    assert second.rank_reason.startswith("only how it ended")


def test_what_was_seen_long_before_the_end_weighs_less():
    """By lines, or by time."""
    early = b"RuntimeError: [metal::Device] Unable to create new command buffer\n"
    late = b"RuntimeError: There is no Stream(gpu, 1) in current thread.\n"
    collector = RunnerDiagnosticCollector(platform="darwin")
    collector.feed(early + b"loss 0.1\n" * 2_000 + late, at=1.0)
    assert next(f.cause for f in collector.diagnostics()) == "mlx-stream-not-in-thread"
    (far,) = [f for f in collector.diagnostics() if f.cause == "metal-resource-limit"]
    assert "long before the end" in far.rank_reason


def test_an_unknown_end_has_its_most_telling_lines():
    """The odd one out, and said to be no verdict."""
    collector = RunnerDiagnosticCollector(platform="linux")
    collector.feed(b"INFO step 1 done\n" * 300, at=1.0)
    collector.feed(b"widget table 7: consistency check failed\nINFO step 2 done\n", at=2.0)
    diagnosis = collector.diagnosis(Ending(exit_code=3))
    assert diagnosis.cause is None
    assert "widget table 7: consistency check failed" in diagnosis.telling
    assert "cause unknown" in render(diagnosis)


def test_the_message_of_a_crash_names_the_thread_that_crashed():
    """And not the first one printed, nor one that only waits."""
    dump = (
        "Fatal Python error: Aborted\n\n"
        "Thread 0x1 (most recent call first):\n"
        '  File "/x/actors/_channel.py", line 8 in receive\n'
        '  File "/usr/lib/python3.12/threading.py", line 9 in run\n\n'
        "Current thread 0x2 (most recent call first):\n"
        '  File "/usr/lib/python3.12/site-packages/mlx/nn.py", line 5 in call\n'
        '  File "/app/train.py", line 4 in step\n'
    )
    (first, *_) = findings(dump)
    assert first.message.endswith("in step (/app/train.py:4)")
    (first, *_) = findings(dump.replace("Current thread", "Thread"))
    assert first.message.endswith("in step (/app/train.py:4)")
