"""Crashes made here and now by real libraries, beside the recorded ones."""

import importlib.util
import subprocess
import sys

import pytest

from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.diagnosis import Ending

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the words are those of glibc")
LIBC = "import ctypes; libc = ctypes.CDLL(None, use_errno=True); "
CPP = "import ctypes; cpp = ctypes.CDLL('libstdc++.so.6'); "


def diagnosis_of(command, **options):
    """Run something that does not end well and return the diagnosis of its output."""
    child = subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
        **options,
    )
    assert child.returncode != 0
    collector = RunnerDiagnosticCollector()
    collector.feed(child.stderr, at=1.0)
    code = child.returncode
    return collector.diagnosis(
        Ending(signal=-code if code < 0 else None, exit_code=code if code > 0 else None)
    )


def cause_of(code):
    """Run Python code and return the likeliest cause of its end."""
    cause = diagnosis_of([sys.executable, "-X", "faulthandler", "-c", code]).cause
    assert cause is not None
    return cause


@LINUX
@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (
            "heap-corruption",
            LIBC + "libc.malloc.restype = ctypes.c_void_p; p = ctypes.c_void_p(libc.malloc(40));"
            " libc.free(p); libc.free(p)",
        ),
        ("heap-corruption", LIBC + "libc.free(ctypes.c_void_p(id(libc) + 8))"),
        ("stack-smashing", LIBC + "libc.__stack_chk_fail()"),
        ("buffer-overflow-detected", LIBC + "libc.__chk_fail()"),
        ("assertion-failure", LIBC + "libc.__assert_fail(b'x > 0', b'a.c', 12, b'f')"),
        ("abort", LIBC + "libc.abort()"),
    ],
)
def test_the_words_of_the_c_library(cause, code):
    """Called into by ctypes."""
    assert cause_of(code).cause == cause


@LINUX
@pytest.mark.parametrize(
    ("cause", "function"),
    [
        ("abort-no-active-exception", "_ZSt9terminatev"),
        ("abort-pure-virtual-call", "__cxa_pure_virtual"),
        ("abort-uncaught-cpp-exception", "_ZSt20__throw_length_errorPKc"),
        ("out-of-memory-host", "_ZSt17__throw_bad_allocv"),
    ],
)
def test_the_words_of_the_cpp_runtime(cause, function):
    """Terminated by the functions that the compiler calls."""
    try:
        import ctypes

        ctypes.CDLL("libstdc++.so.6")
    except OSError:
        pytest.skip("there is no libstdc++ here")
    code = f"{CPP}f = cpp[{function!r}]; f(b'vector::_M_realloc_insert')"
    assert cause_of(code).cause == cause


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        ("import-error-missing-library", "import ctypes; ctypes.CDLL('libnot_here.so.3')"),
        ("import-error-undefined-symbol", LIBC + "libc.no_such_function_anywhere"),
        ("loader-error", "import ctypes; ctypes.CDLL(__import__('os').__file__)"),
    ],
)
@LINUX
def test_the_words_of_the_loader(cause, code):
    """A library that is missing, a symbol that is, a file that is none."""
    assert cause_of(code).cause == cause


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (
            "address-in-use",
            (
                "import socket; a = socket.create_server(('127.0.0.1', 0));"
                " socket.create_server(a.getsockname())"
            ),
        ),
        (
            "connection-refused",
            (
                "import socket; a = socket.socket(); a.bind(('127.0.0.1', 0));"
                " socket.create_connection(a.getsockname())"
            ),
        ),
        (
            "too-many-open-files",
            (
                "import os, resource; resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))\n"
                "while True: os.dup(0)"
            ),
        ),
        ("file-not-found-weights", "open('/no/models/model-00001-of-00002.safetensors')"),
        ("signal-interrupted", "raise KeyboardInterrupt"),
        ("stack-overflow", "f = lambda: f(); f()"),
        ("bad-weights-file", "import pickle; pickle.loads(b'version https://git-lfs')"),
        (
            "worker-process-died",
            (
                "import os, concurrent.futures as c, multiprocessing as m\n"
                "if __name__ == '__main__':\n"
                "    with c.ProcessPoolExecutor(1, m.get_context('fork')) as pool:\n"
                "        pool.submit(os._exit, 3).result()"
            ),
        ),
        ("python-exception", "raise ExceptionGroup('both', [ValueError(1), TypeError(2)])"),
    ],
)
def test_what_the_interpreter_says(cause, code):
    """By real sockets, limits, files and processes."""
    assert cause_of(code).cause == cause


@LINUX
def test_memory_that_a_limit_refuses():
    """The allocator's own exception."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30));"
        " bytearray(1 << 31)"
    )
    assert cause_of(code).cause == "out-of-memory-host"


@LINUX
def test_a_disk_that_is_full():
    """With the file."""
    found = cause_of("f = open('/dev/full', 'w')\nf.write('x' * 100000)\nf.flush()")
    assert found.cause == "no-space-left"
    assert found.errno_name == "ENOSPC"


@LINUX
@pytest.mark.parametrize(
    ("cause", "script"),
    [
        ("segfault", "sh -c 'kill -SEGV $$'; exit 139"),
        ("signal-killed", "sh -c 'kill -KILL $$'; exit 137"),
        ("file-not-found", "./no-such-program-here"),
        ("permission-denied", "/dev/null"),
    ],
)
def test_the_words_of_a_shell(cause, script):
    """Which says how its children ended."""
    assert diagnosis_of(["bash", "-c", script]).cause.cause == cause


@pytest.mark.skipif(importlib.util.find_spec("numpy") is None, reason="needs numpy")
def test_numpy_without_memory():
    """With its own class of exception."""
    found = cause_of("import numpy; numpy.ones((1 << 20, 1 << 24))")
    assert found.cause == "out-of-memory-host"


@pytest.mark.mlx
@pytest.mark.skipif(importlib.util.find_spec("mlx") is None, reason="needs mlx")
@pytest.mark.parametrize(
    ("cause", "code"),
    [
        ("file-not-found-weights", "mx.load('/no/model.safetensors')"),
        ("bad-weights-file", "mx.load(__import__('sys').argv[1])"),
        ("python-exception", "mx.matmul(mx.ones((2, 3)), mx.ones((2, 3)))"),
        ("distributed-bad-backend", "mx.distributed.init(strict=True, backend='gloo')"),
        ("mpi-init-failed", "mx.distributed.init(strict=True, backend='mpi')"),
        ("ring-bad-config", "mx.distributed.init(strict=True, backend='ring')"),
    ],
)
def test_mlx_raises(cause, code, tmp_path):
    """On the CPU, of the version that is installed."""
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"\x00" * 12)
    command = [sys.executable, "-c", f"import mlx.core as mx\n{code}", str(damaged)]
    assert diagnosis_of(command).cause.cause == cause
