"""Other wordings, prefixes, hosts and versions than those of the corpus."""

import pytest

from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.diagnosis import Ending
from diagnostics.findings import Role
from diagnostics.render import render

CRASHES = [
    (
        "metal-gpu-timeout",
        (
            "[2026-01-02 03:04:05] stderr: RuntimeError: [METAL] Command buffer "
            "execution failed: Caused GPU Timeout Error (00000002:kIOGPUCommandBufferCallbackErrorTimeout)."
        ),
    ),
    (
        "metal-gpu-hang",
        (
            "mlx: [METAL] Command buffer execution failed: Caused GPU Hang Error "
            "(00000003:kIOGPUCommandBufferCallbackErrorHang). at /src/mlx-c/mlx/c/array.cpp:3"
        ),
    ),
    (
        "metal-library-missing",
        (
            "Fatal error: MLX error: Failed to load the default metallib. library "
            "not found library not found  at /tmp/x/mlx-c/mlx/c/stream.cpp:115"
        ),
    ),
    ("metal-resource-limit", "RuntimeError: [metal::malloc] Resource limit (1234) exceeded."),
    (
        "metal-api-assertion",
        (
            "-[MTLDebugComputeCommandEncoder setBuffer:offset:atIndex:]:380: failed "
            "assertion `Set Buffer Validation'"
        ),
    ),
    (
        "mlx-stream-not-in-thread",
        "[Server] generation: There is no Stream(gpu, 3) in current thread.",
    ),
    (
        "ring-bad-config",
        (
            "RuntimeError: [json.exception.parse_error.101] parse error at line 4, column "
            "2: syntax error while parsing value"
        ),
    ),
    (
        "jaccl-queue-pair-transition-failed",
        "mac2: ValueError: [jaccl] Changing queue pair to RTR failed with errno 96",
    ),
    (
        "jaccl-queue-pair-create-failed",
        "[jaccl] Creating the queue pair failed with 'Cannot allocate memory (12)'.",
    ),
    ("jaccl-connect-failed", "RuntimeError: [jaccl] Couldn't connect (error: 61)"),
    ("jaccl-bind-failed", "RuntimeError: [jaccl] Couldn't bind socket (error: 49)"),
    (
        "cuda-out-of-memory",
        (
            "[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate "
            "20.00 GiB. GPU 3 has a total capacity of 79.11 GiB of which 1.06 GiB is free. Process 1 has"
        ),
    ),
    (
        "cuda-out-of-memory",
        "RuntimeError: [malloc] cudaMallocAsync(&data, size, stream) failed: out of memory",
    ),
    ("cuda-out-of-memory", "RuntimeError: cudaMallocManaged failed: out of memory."),
    (
        "cuda-out-of-memory",
        (
            "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 8192.00 MiB on "
            "device 0: cudaMalloc failed: out of memory"
        ),
    ),
    (
        "cuda-illegal-address",
        "RuntimeError: CUDA error: CUBLAS failure then an illegal memory access was encountered",
    ),
    ("cuda-illegal-address", "what():  CUDA error: misaligned address"),
    ("cuda-device-assert", "RuntimeError: CUDA error: device-side assert triggered"),
    (
        "cuda-no-kernel-image",
        (
            "ggml_cuda_compute_forward: CUDA error: no kernel image is available for "
            "execution on the device"
        ),
    ),
    (
        "cuda-driver-too-old",
        (
            "RuntimeError: The NVIDIA driver on your system is too old (found version "
            "10020). Please update"
        ),
    ),
    (
        "cuda-driver-too-old",
        "CUDA error: CUDA driver version is insufficient for CUDA runtime version",
    ),
    ("cuda-no-device", "RuntimeError: No CUDA GPUs are available"),
    ("cuda-no-device", "AssertionError: Torch not compiled with CUDA enabled"),
    ("cuda-launch-timeout", "CUDA error: the launch timed out and was terminated"),
    (
        "cublas-not-initialized",
        (
            "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling "
            "`cublasCreate(handle)`"
        ),
    ),
    (
        "nccl-timeout",
        (
            "[rank7]:[E1103 10:00:00.1 ProcessGroupNCCL.cpp:633] [Rank 7] Watchdog caught "
            "collective operation timeout: WorkNCCL(SeqNum=9, OpType=_ALLGATHER_BASE, NumelIn=1, NumelOut=8, "
            "Timeout(ms)=600000) ran for 600001 milliseconds before timing out."
        ),
    ),
    (
        "nccl-remote-error",
        (
            "torch.distributed.DistBackendError: NCCL error in: /pytorch/torch/csrc/"
            "distributed/c10d/NCCLUtils.hpp:219, remote process exited or there was a network error, NCCL "
            "version 2.19.3"
        ),
    ),
    (
        "nccl-system-error",
        (
            "torch.distributed.DistBackendError: NCCL error in: ../NCCLUtils.cpp:77, "
            "unhandled system error (run with NCCL_DEBUG=INFO for details), NCCL version 2.27.5"
        ),
    ),
    (
        "nccl-ib-error",
        (
            "node3:1:2 [0] transport/net_ib.cc:1210 NCCL WARN NET/IB : Got completion from "
            "peer 10.0.0.4<5> with status=12 opcode=0 len=0 vendor err 129"
        ),
    ),
    (
        "nccl-connect-failed",
        (
            "h:1:2 [3] misc/socket.cc:1 NCCL WARN Call to connect to 10.1.1.1<3> "
            "failed : Connection refused"
        ),
    ),
    (
        "gloo-peer-closed",
        (
            "RuntimeError: [/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:534] "
            "Connection closed by peer [::1]:44321"
        ),
    ),
    (
        "torch-store-timeout",
        (
            "torch.distributed.DistStoreError: Timed out after 61 seconds waiting for "
            "clients. 3/4 clients joined."
        ),
    ),
    (
        "bad-weights-file",
        (
            "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding "
            "central directory"
        ),
    ),
    ("bad-weights-file", "_pickle.UnpicklingError: invalid load key, 'v'."),
    ("bad-weights-file", "gguf_init_from_file_impl: failed to read magic"),
    (
        "bad-weights-file",
        "thread 'main' panicked? Error: Error while deserializing header: InvalidHeaderLength",
    ),
    (
        "file-not-found-weights",
        "OSError: meta/x does not appear to have a file named pytorch_model.bin",
    ),
    (
        "file-not-found-weights",
        (
            "FileNotFoundError: [Errno 2] No such file or directory: "
            "'/data/llm/model-00001-of-00003.safetensors'"
        ),
    ),
    ("weights-mismatch", "ValueError: Received 12 parameters not in model: \nmodel.layers.0.x"),
    ("model-type-unsupported", "ValueError: Model type deepseek_v9 not supported."),
    (
        "model-type-unsupported",
        "llama_model_load: error loading model: unknown model architecture: 'qwen9'",
    ),
    (
        "trust-remote-code-needed",
        (
            "ValueError: Loading org/x requires you to execute the configuration "
            "file in that repo on your local machine."
        ),
    ),
    (
        "hub-unreachable",
        "OSError: We couldn't connect to 'https://hf-mirror.com' to load this file",
    ),
    ("gated-repo", "huggingface_hub.errors.GatedRepoError: 403 Client Error. (Request ID: Root=1)"),
    (
        "heap-corruption",
        (
            "python3(123,0x1f) malloc: *** error for object 0x6000: pointer being freed "
            "was not allocated"
        ),
    ),
    (
        "heap-corruption",
        "*** glibc detected *** ./run: double free or corruption (fasttop): 0x00007f ***",
    ),
    ("heap-corruption", "[worker-3] free(): corrupted unsorted chunks"),
    ("assertion-failure", "runner: src/a.cpp:12: void f(int): Assertion `x > 0' failed."),
    ("assertion-failure", "Assertion failed: (n < 4), function f, file a.c, line 3."),
    ("sanitizer-report", "==123==ERROR: AddressSanitizer: heap-use-after-free on address 0x60"),
    ("rust-panic", "thread '<unnamed>' panicked at tokenizers/src/x.rs:12:9:\nindex out of bounds"),
    ("rust-panic", "pyo3_runtime.PanicException: called `Option::unwrap()` on a `None` value"),
    (
        "import-error-missing-library",
        "OSError: libcudnn.so.9: cannot open shared object file: No such file or directory",
    ),
    ("import-error-undefined-symbol", "ImportError: /x/_C.so: undefined symbol: _ZN3c105ErrorC1E"),
    (
        "glibc-version",
        (
            "./llama-server: /lib/libstdc++.so.6: version `GLIBCXX_3.4.32' not found "
            "(required by ./llama-server)"
        ),
    ),
    ("loader-error", "OSError: /x/libmlx.so: invalid ELF header"),
    ("address-in-use", "Error: listen tcp 127.0.0.1:11434: bind: address already in use"),
    ("address-in-use", "OSError: [Errno 48] Address already in use"),
    ("too-many-open-files", "OSError: [Errno 24] Too many open files: '/data/x'"),
    ("permission-denied", "PermissionError: [Errno 13] Permission denied: '/data/x'"),
    ("no-space-left", "OSError: [Errno 28] No space left on device: '/tmp/x'"),
    (
        "thread-create-failed",
        (
            "terminate called after throwing an instance of 'std::system_error'\n"
            "  what():  Resource temporarily unavailable"
        ),
    ),
    ("connection-refused", "ConnectionRefusedError: [Errno 61] Connection refused"),
    (
        "out-of-memory-host",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8.00 TiB",
    ),
    ("out-of-memory-host", "Memory cgroup out of memory: Killed process 7 (python3) total-vm:1kB"),
    ("shared-memory-exhausted", "RuntimeError: unable to write to file </torch_1_2>"),
    ("signal-killed", "./run.sh: line 3: 12345 Killed: 9               python3 serve.py"),
    ("segfault", "[1]    4711 segmentation fault  python3 x.py"),
    (
        "segfault",
        (
            "mpirun noticed that process rank 1 with PID 7 on node a exited on signal 11 "
            "(Segmentation fault)."
        ),
    ),
    ("signal-killed", "traceback : Signal 9 (SIGKILL) received by PID 4242"),
    ("abort", "./run.sh: line 3:  77 Abort trap: 6           python3 serve.py"),
    ("worker-process-died", "ray.exceptions.RayActorError: The actor died unexpectedly"),
    (
        "engine-init-failed-after-effect",
        (
            "vllm.v1.engine.exceptions.EngineDeadError: EngineCore "
            "encountered an issue. See stack trace (above) for the root cause."
        ),
    ),
    (
        "unknown-host-wrapped-crash",
        "Error: The model has crashed without additional information. (Exit code: 6)",
    ),
    ("python-exception", "(EngineCore pid=77) AssertionError: wrong shape"),
    (
        "signal-interrupted",
        'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\nKeyboardInterrupt',
    ),
    (
        "tokenizer-bad-file",
        (
            'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\n'
            "    Tokenizer.from_file('/m/tokenizer.json')\n"
            "Exception: data did not match any variant of untagged enum ModelWrapper at line 3 column 4"
        ),
    ),
    ("python-exception", "/opt/venv/bin/python3.12: No module named mlx_lm"),
    ("segfault", "Windows fatal exception: access violation"),
    (
        "segfault",
        "fish: Job 1, 'python x.py' terminated by signal SIGSEGV (Address boundary error)",
    ),
    ("signal-killed", "runner.service: Main process exited, code=killed, status=9/KILL"),
    ("signal-killed", "container runner-1 exited with code 137"),
    (
        "worker-process-died",
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ",
    ),
    (
        "worker-process-died",
        "torch.multiprocessing.spawn.ProcessExitedException: process 1 terminated with signal SIGKILL",
    ),
    (
        "worker-process-died",
        "subprocess.CalledProcessError: Command '['a']' died with <Signals.SIGKILL: 9>.",
    ),
    (
        "cuda-out-of-memory",
        "(EngineCore pid=7) ValueError: No available memory for the cache blocks.",
    ),
]

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


@pytest.mark.parametrize(("cause", "text"), CRASHES)
def test_the_wording_is_recognised(cause, text):
    """As the first finding."""
    assert [finding.cause for finding in findings(text)][:1] == [cause]


@pytest.mark.parametrize("text", HEALTHY)
def test_a_healthy_output_has_no_cause(text):
    """Words of failure are not failures."""
    causes = [finding for finding in findings(text) if finding.role is not Role.NOTE]
    assert causes == []


@pytest.mark.parametrize(
    "prefix",
    [
        "[rank1]: ",
        "(EngineCore pid=7) ",
        "2026-01-01 00:00:00 | ",
        "[1,0]<stderr>:",
        "web-1  | ",
        "[error] ",
        "\x1b[31m",
        "50%|##|\r",
    ],
)
@pytest.mark.parametrize(("cause", "text"), CRASHES[:8])
def test_a_prefix_changes_nothing(prefix, cause, text):
    """Whoever put it before the line."""
    assert cause in [finding.cause for finding in findings(prefix + text)]


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
