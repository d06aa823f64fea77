"""Crashes made here and now by real libraries, beside the recorded ones."""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys

import pytest

from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.diagnosis import Ending
from diagnostics.findings import Role

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
        ("abort", LIBC + "libc.__assert_fail(b'x > 0', b'a.c', 12, b'f')"),
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


@pytest.mark.skipif(importlib.util.find_spec("tokenizers") is None, reason="needs tokenizers")
def test_a_panic_of_tokenizers_and_why():
    """Rust's threads get no stack of the size that they want, and what wants threads panics."""
    code = (
        "from tokenizers import Tokenizer, models;"
        " Tokenizer(models.WordLevel({'a': 0}, unk_token='a')).encode_batch(['a'] * 100)"
    )
    environment = os.environ | {
        "RAYON_NUM_THREADS": "4",
        "RUST_MIN_STACK": str(1 << 46),
        "TOKENIZERS_PARALLELISM": "true",
    }
    diagnosis = diagnosis_of([sys.executable, "-c", code], env=environment)
    assert diagnosis.cause.cause == "thread-create-failed"
    panics = [found for found in diagnosis.findings if found.cause == "rust-panic"]
    assert any(panic.file and panic.file.endswith("registry.rs") for panic in panics)
    assert any(panic.exception == "pyo3_runtime.PanicException" for panic in panics)


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


NATIVE = """
#include <stdexcept>
#include <thread>
#include <vector>
struct Base { virtual void f() = 0; Base() { call(); } void call() { f(); } };
struct Derived : Base { void f() override {} };
extern "C" void thrown() { throw std::runtime_error("[widget] no more slots"); }
extern "C" void pure() { Derived derived; }
extern "C" void unjoined() { std::thread thread([] { for (;;) {} }); }
extern "C" int deep(int n) { volatile char room[4096]; room[0] = n; return deep(n + 1) + room[0]; }
"""


@pytest.fixture(scope="module")
def native(tmp_path_factory):
    """A tiny library, compiled here."""
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("there is no C++ compiler here")
    folder = tmp_path_factory.mktemp("native")
    (folder / "crash.cpp").write_text(NATIVE)
    command = [compiler, "-shared", "-fPIC", "-O0", "-w", "-pthread", "crash.cpp", "-o", "crash.so"]
    built = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    if built.returncode != 0:
        pytest.skip(f"the compiler does not work: {built.stderr[-200:]!r}")
    return folder / "crash.so"


@pytest.mark.parametrize(
    ("function", "cause"),
    [
        ("thrown", "abort-uncaught-cpp-exception"),
        ("pure", "abort-pure-virtual-call"),
        ("unjoined", "abort-no-active-exception"),
    ],
)
def test_a_compiled_library_terminates(native, function, cause):
    """By an exception, a pure virtual call, a thread that nobody joined."""
    found = cause_of(f"import ctypes; ctypes.CDLL({str(native)!r}).{function}()")
    assert found.cause == cause
    if function == "thrown":
        assert found.what == "[widget] no more slots"


def test_a_native_stack_that_overflows(native):
    """The system shows it as a segmentation fault; the stack says where."""
    found = cause_of(f"import ctypes\ndef fall(): ctypes.CDLL({str(native)!r}).deep(0)\nfall()")
    assert found.cause in ("segfault", "stack-overflow")
    assert "fall" in found.message


@LINUX
def test_a_small_disk_that_is_full():
    """A file system in memory, where one may be mounted."""
    script = (
        "mount -t tmpfs -o size=64k tmpfs /mnt || exit 99\n"
        f"exec {sys.executable} -c \"open('/mnt/x', 'wb').write(bytes(1 << 20))\""
    )
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare here")
    tried = subprocess.run(
        [*command[:4], "sh", "-c", "mount -t tmpfs tmpfs /mnt"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    if tried.returncode != 0:
        pytest.skip("nothing may be mounted here")
    assert diagnosis_of(command).cause.cause == "no-space-left"


RING = """
import os, signal, sys
import mlx.core as mx
group = mx.distributed.init(strict=True, backend="ring")
total = lambda: mx.eval(mx.distributed.all_sum(mx.ones((1 << 16,)), group=group, stream=mx.cpu))
total()
if group.rank() == 1:
    os.kill(os.getpid(), signal.SIGKILL)
while True:
    total()
"""


@pytest.mark.mlx
@pytest.mark.skipif(importlib.util.find_spec("mlx") is None, reason="needs mlx")
def test_a_ring_of_mlx_that_loses_a_member(tmp_path):
    """The survivor's words are an after-effect."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    hosts = [[f"127.0.0.1:{each.getsockname()[1]}"] for each in sockets]
    for each in sockets:
        each.close()
    file = tmp_path / "hosts.json"
    file.write_text(json.dumps(hosts))
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RING],
            env=os.environ | {"MLX_RANK": str(rank), "MLX_HOSTFILE": str(file)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    collector = RunnerDiagnosticCollector()
    try:
        # Up to 0.32.0 it hangs when it has given up: the fatal line is the end.
        for line in ranks[0].stderr:
            collector.feed(line, at=1.0)
            if collector.fatal is not None:
                break
    finally:
        for child in ranks:
            child.kill()
            child.communicate(timeout=60)
    cause = collector.diagnosis().cause
    assert cause.cause in ("ring-peer-closed", "ring-socket-send-errno", "ring-transport-abort")
    assert cause.role is Role.AFTER_EFFECT
