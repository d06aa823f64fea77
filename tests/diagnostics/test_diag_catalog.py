"""The built-in catalogue, wording by wording."""

import typing

import pytest

from diagnostics._errno import describe
from diagnostics.catalog import KnownDiagnostic
from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.findings import Role, finding_types


def only(text, platform="darwin"):
    """Return the one finding of a text that is no note."""
    collector = RunnerDiagnosticCollector(platform=platform)
    collector.feed(text.encode(), at=1.0)
    (finding,) = collector.diagnostics()
    return finding


def found(text, platform="darwin"):
    """Return all findings of a text, notes included."""
    collector = RunnerDiagnosticCollector(platform=platform)
    collector.feed(text.encode(), at=1.0)
    return collector.diagnosis().findings


def test_the_union_names_every_class_of_the_catalogue():
    """A new finding class must be added to `KnownDiagnostic`."""
    declared = {
        kind for kind in finding_types().values() if kind.__module__.startswith("diagnostics.")
    }
    assert set(typing.get_args(KnownDiagnostic)) == declared


@pytest.mark.parametrize("kind", typing.get_args(KnownDiagnostic), ids=lambda kind: kind.cause)
def test_every_cause_has_a_message_and_a_remedy(kind):
    """A finding without fields still makes a sentence; only notes need no remedy."""
    assert kind().message
    assert kind.remedy or kind.default_role is Role.NOTE
    assert kind.__doc__


TIMEOUT = "Caused GPU Timeout Error (00000002:kIOGPUCommandBufferCallbackErrorTimeout)"
ABORTS = "libc++abi: terminating due to uncaught exception of type std::runtime_error: "
METAL = "[METAL] Command buffer execution failed: "


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (ABORTS + METAL + TIMEOUT, {"signal": "SIGABRT", "exception": "std::runtime_error"}),
        (
            "100%|####| 67/67\r" + ABORTS + METAL + TIMEOUT + ".",
            {"signal": "SIGABRT", "exception": "std::runtime_error"},
        ),
        ("RuntimeError: " + METAL + TIMEOUT + ".", {"exception": "RuntimeError"}),
        ("[rank1]: RuntimeError: " + METAL + TIMEOUT, {"exception": "RuntimeError"}),
        (
            "panic: mlx: " + METAL + TIMEOUT + ". at /src/mlx/c/transforms.cpp:73 (exit: 2)",
            {"file": "/src/mlx/c/transforms.cpp", "line": 73},
        ),
    ],
)
def test_the_gpu_timeout_is_known_in_all_its_wordings(line, fields):
    """Abort, exception, through C and Go, behind a progress bar."""
    finding = only(line + "\n")
    assert finding.cause == "metal-gpu-timeout"
    assert finding.role is Role.ROOT
    assert finding.fields == {
        "iogpu_code": "00000002",
        "iogpu_name": "kIOGPUCommandBufferCallbackErrorTimeout",
        **fields,
    }


@pytest.mark.parametrize(
    ("words", "cause", "role"),
    [
        ("Caused GPU Timeout Error (IOAF code 2)", "metal-gpu-timeout", Role.ROOT),
        ("Insufficient Memory (00000008:kIO", "metal-out-of-memory", Role.ROOT),
        ("Insufficient Memory", "metal-out-of-memory", Role.ROOT),
        ("Impacting Interactivity (0000000e:x)", "metal-impacting-interactivity", Role.ROOT),
        ("Internal Error (0000000e:Internal Error)", "metal-impacting-interactivity", Role.ROOT),
        ("Caused GPU Hang Error (00000003:x)", "metal-gpu-hang", Role.ROOT),
        ("Caused GPU Address Fault Error (0000000b:kIOG", "metal-page-fault", Role.ROOT),
        (
            "Discarded (victim of GPU error/recovery) (00000005:x)",
            "metal-innocent-victim",
            Role.AFTER_EFFECT,
        ),
        (
            "Ignored (for causing prior/excessive GPU errors) (00000004:x)",
            "metal-submissions-ignored",
            Role.AFTER_EFFECT,
        ),
        ("Invalid Resource (00000009:x)", "metal-command-buffer-error-other", Role.ROOT),
    ],
)
def test_command_buffer_errors_are_told_apart_by_their_code(words, cause, role):
    """The code decides, the words where there is none."""
    finding = only("RuntimeError: " + METAL + words + "\n")
    assert (finding.cause, finding.role) == (cause, role)


def test_an_error_wrapped_over_three_lines_is_one_finding():
    """The parts refine each other."""
    finding = only(
        ABORTS.strip() + "\n" + METAL + "Impacting Interactivity\n"
        "(0000000e:kIOGPUCommandBufferCallbackErrorImpactingInteractivity)\n"
    )
    assert finding.cause == "metal-impacting-interactivity"
    assert finding.iogpu_code == "0000000e"


@pytest.mark.parametrize(
    ("platform", "cause"), [("darwin", "metal-out-of-memory"), ("linux", "out-of-memory-host")]
)
def test_the_same_words_mean_other_memory_on_other_systems(platform, cause):
    """MLX's allocator is Metal's on macOS only."""
    finding = only("RuntimeError: [malloc] Unable to allocate 4096 bytes.\n", platform)
    assert (finding.cause, finding.bytes_requested) == (cause, 4096)


@pytest.mark.parametrize(
    ("number", "platform", "name", "decoded_by"),
    [
        (54, "darwin", "ECONNRESET", "darwin"),
        (54, "linux", "ECONNRESET", "darwin"),
        (104, "linux", "ECONNRESET", "linux"),
        (104, "darwin", "ECONNRESET", "linux"),
        (35, "darwin", "EAGAIN", "darwin"),
        (14, "linux", "EFAULT", "linux"),
        (60, "linux", "ETIMEDOUT", "darwin"),
        (32, "linux", "EPIPE", "linux"),
        (9999, "linux", None, "linux"),
    ],
)
def test_error_numbers_are_those_of_the_system_that_printed_them(
    number, platform, name, decoded_by
):
    """A number that only the other system gives to a socket was printed there."""
    found_name, text, by = describe(number, platform)
    assert (found_name, by) == (name, decoded_by)
    assert (text is None) == (name is None)


def test_a_receive_error_is_decoded():
    """Socket, number, name, words and platform."""
    finding = only("[ring] Receiving from socket 51 failed with errno 54\n")
    assert finding.fields == {
        "socket": 51,
        "errno": 54,
        "errno_name": "ECONNRESET",
        "errno_description": "Connection reset by peer",
        "platform": "darwin",
    }
    assert finding.role is Role.EITHER


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("[ring] Sending to socket 4 failed with errno 32", "ring-socket-send-errno"),
        ("[ring] Sending to socket 7 made no progress", "ring-socket-send-errno"),
        ("[ring] Receiving from socket 7 made no progress", "ring-socket-receive-errno"),
        (
            "[ring][ring] 9[ring] Receiving from socket 7 failed with errno 54x",
            "ring-socket-receive-errno",
        ),
        (ABORTS + "Recv of 16 bytes failed (errno: 54)", "ring-socket-receive-errno"),
        (ABORTS + "Send of 16 bytes failed (errno: 32)", "ring-socket-send-errno"),
        ("[ring] Socket 9 was closed by the peer", "ring-peer-closed"),
        ("RuntimeError: [ring] connection to a peer was lost", "ring-peer-closed"),
        ("[ring] Too many send/recv errors. Aborting...", "ring-transport-abort"),
        ("[ring] Too many send/recv errors. Failing pending tasks...", "ring-transport-abort"),
        ("RuntimeError: [ring] Couldn't bind socket (error: 98)", "ring-bind-failed"),
        ("RuntimeError: [ring] Accept failed (error: 24)", "ring-bind-failed"),
        ("RuntimeError: [ring] Couldn't connect (error: 61)", "ring-connect-failed"),
        (
            "RuntimeError: [ring] Rank cannot be larger than the size of the group",
            "ring-bad-config",
        ),
        ("RuntimeError: Can't parse address nohost:1", "ring-bad-address"),
    ],
)
def test_ring_lines_are_known(line, cause):
    """Every wording, and no second cause beside it."""
    assert only(line + "\n").cause == cause


@pytest.mark.parametrize(
    "line", ["[ring] Attempt 0 waiting 1000 ms (error: 111 )", "[ring] Rank 0 accepting"]
)
def test_retries_and_progress_of_the_ring_are_no_causes(line):
    """They are said in healthy runs."""
    assert found(line + "\n") == ()


@pytest.mark.parametrize(
    ("ending", "fatal"), [("Aborting...", True), ("Failing pending tasks...", False)]
)
def test_only_the_wording_after_which_the_process_hangs_is_fatal(ending, fatal):
    """A process that raises an exception ends by itself."""
    collector = RunnerDiagnosticCollector()
    collector.feed(f"[ring] Too many send/recv errors. {ending}\n".encode(), at=1.0)
    assert (collector.fatal is not None) == fatal


def test_the_rank_is_remembered_from_an_earlier_line():
    """A socket error says nothing about the rank itself."""
    finding = only("[ring] Rank 3 accepting\n[ring] Sending to socket 4 failed with errno 32\n")
    assert finding.rank == 3


def test_two_ring_errors_in_one_line_are_two_findings():
    """Two threads wrote into one line."""
    line = "[ring] Sending to socket 4 failed with errno 32[ring] Sending to socket 5 failed with errno 32\n"
    assert sorted(finding.socket for finding in found(line)) == [4, 5]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("*** SIGSEGV received at time=17 on cpu 1 ***", "segfault"),
        ('Thread 1 "python" received signal SIGILL, Illegal instruction.', "illegal-instruction"),
        ("zsh: abort      python x.py", "abort"),
        ("/bin/bash: line 1: 16918 Segmentation fault      ./cpp segv", "segfault"),
        ("Bus error (core dumped)", "bus-error"),
        ("terminate called without an active exception", "abort-no-active-exception"),
        ("libc++abi: terminating ", "abort-no-active-exception"),
        ("terminate called after throwing an instance of 'std::bad_alloc'", "out-of-memory-host"),
        ("Fatal Python error: init_fs_encoding: failed to get the codec", "python-fatal-init"),
        (
            "Fatal Python error: _Py_CheckRecursiveCall: Cannot recover from stack overflow.",
            "stack-overflow",
        ),
    ],
)
def test_ends_by_signal_are_known(text, cause):
    """Whoever says it: Ray, gdb, the shell, the C++ runtime, the interpreter."""
    assert only(text + "\n").cause == cause


def test_the_words_of_an_uncaught_cpp_exception_come_from_the_next_line():
    """libstdc++ prints two lines."""
    finding = only(
        "terminate called after throwing an instance of 'std::logic_error'\n"
        "  what():  no such layer: 7\n"
    )
    assert finding.exception == "std::logic_error"
    assert finding.what == "no such layer: 7"
    assert len(finding.evidence) == 2


def test_what_the_cpp_words_are_recognised_as_is_the_cause():
    """The abort is how it ended, not why."""
    findings = found(
        "terminate called after throwing an instance of 'std::runtime_error'\n"
        "  what():  [ring] connection to a peer was lost\n"
    )
    assert [(finding.cause, finding.role) for finding in findings] == [
        ("ring-peer-closed", Role.AFTER_EFFECT),
        ("abort-uncaught-cpp-exception", Role.NOTE),
    ]
