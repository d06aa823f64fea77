"""Outputs of healthy processes that have the words of a crash, an allocator or a refusal in them."""

import pytest

from diagnostics.collector import RunnerDiagnosticCollector

HARMLESS = {
    "an executor that was shut down": (
        "Exception in thread Thread-3:\nTraceback (most recent call last):\n"
        '  File "/app/x.py", line 3, in run\n    self.pool.submit(f)\n'
        "RuntimeError: cannot schedule new futures after shutdown"
    ),
    "a thread that could not listen": (
        "Exception in thread Thread-3:\nTraceback (most recent call last):\n"
        '  File "/app/x.py", line 3, in run\n    serve()\n'
        "OSError: [Errno 98] Address already in use\nINFO metrics are off\nINFO step 12 done"
    ),
    "an import while the interpreter ends": (
        "Exception ignored in: <function Pool.__del__ at 0x7f>\nTraceback (most recent call last):\n"
        '  File "/app/x.py", line 3, in __del__\n'
        "ImportError: sys.meta_path is None, Python is likely shutting down"
    ),
    "a stack that was asked for": (
        '  File "/app/x.py", line 3, in <module>\n    main()\n  File "/app/x.py", line 9, in main\n'
        "    traceback.print_stack()\nstep 3: loss 0.2\nNote: the cache is warm"
    ),
    "where a task was made": (
        "Task was destroyed but it is pending!\nsource_traceback: Object created at (most recent call last):"
        "\n  File \"/app/x.py\", line 3, in <module>\n    main()\ntask: <Task pending name='Task-4'>"
    ),
    "a record of what was retried": (
        '{"level": "warning", "event": "retrying", "exception": [{"exc_type": "LookupError", "exc_value":'
        ' "lane 9", "frames": []}]}\n{"level": "info", "error": {"type": "KeyError", "message": "x"}}'
    ),
    "a traceback in a field of a warning": (
        'level=warning msg="going on" exc_info="Traceback (most recent call last):\\n  File \\"x.py\\", line'
        ' 3, in f\\nKeyError: 1"'
    ),
    "a type that is none of an error": '{"type": "TimeoutPolicy", "message": "applied", "level": "error"}',
    "a depth that is a limit": "INFO maximum recursion depth exceeded for 0 of 12 documents",
    "a kernel that was asked to restart": (
        "[I 10:00:00.123 ServerApp] Kernel shutdown: 13decc48-8f23\n[I 10:00:01.123 ServerApp] Kernel"
        " restarted: 13decc48-8f23\n[error] Raw kernel process exited code: 0\nRaw kernel process exited"
        " code: 0"
    ),
    "an extension host that ends": (
        "[info] Extension host with pid 812 exited with code: 0, signal: unknown.\n"
        "CodeWindow: renderer process gone (reason: clean-exit, code: 0)"
    ),
    "an address that is tried": (
        "could not bind to 10.8.0.3:8080, trying the next address\nunable to listen on [::]:80, falling"
        " back to 0.0.0.0:80"
    ),
    "symbols of guards in a listing": (
        "0000000000001139 T __chk_fail\n                 U __chk_fail@GLIBC_2.4\nlinking"
        " __fortify_fail_abort into libz9\nset a breakpoint in malloc_error_break to debug"
    ),
    "a stack of a working thread": (
        "#0  0x00007f in __futex_abstimed_wait_common64 () from /usr/lib/libc.so.6\n"
        "#1  0x00007f in std::thread::_M_run () from /usr/lib/libstdc++.so.6\n"
        "#2  0x00007f in take (lane=3) at src/lane.c:77"
    ),
    "a stack and what comes after it": (
        '  File "/app/x.py", line 3, in step\n    print_stack()\napp.core.Pool: ready with 3 lanes'
    ),
    "a response with an error": '{"error": {"type": "NotFoundError", "message": "no such model"}}',
    "a text in a test": (
        'expected = "Traceback (most recent call last):\\n  File \\"x.py\\", line 3, in f\\nKeyError: 1"'
        "\nPASSED"
    ),
    "an allocator's remarks": (
        "tcmalloc: large alloc 4294967296 bytes == 0x55aa0000 @  0x7fb8\n"
        "<jemalloc>: MADV_DONTNEED does not work (memset will be used instead)\n"
        "<jemalloc>: option background_thread currently supports pthread only\n"
        "mimalloc: warning: thread 0x7f: unable to use huge pages\n"
        "python3(811,0x1f2e5c000) malloc: nano zone abandoned due to inability to reserve vm"
        " space.\n"
        "python3(811,0x1f2e5c000) malloc: stack logs being written into /tmp/x"
    ),
    "a memory lock that was not needed": (
        "warning: failed to mlock 2147483648-byte buffer: Cannot allocate memory\nINFO ready"
    ),
    "a port that is not free": (
        "Port 8888 is already in use, trying another port.\nPort 5173 is in use, trying another"
        " one...\n"
        "Port 3000 is in use, using 3001 instead."
    ),
    "a level in front": "INFO  worker exited with signal 9, restarting\nDEBUG exit code 139 means segfault",
    "exit codes of order": (
        "worker exited with code 0\nProcess finished with exit code 0\nservice exited with code"
        " 143\n"
        "HTTP status code 139.7 ms\nreturn code: 1"
    ),
    "an inspected container": '    "Status": "running",\n    "OOMKilled": false,\n    "ExitCode": 0,',
    "a reader that was started again": (
        "INFO spawn worker\nWARNING connect to 10.0.0.9:5000 failed: Connection refused, retrying"
        " in 1 s\n"
        "INFO connected to 10.0.0.9:5000"
    ),
    "words of shells in prose": (
        "step 3: aborted transactions: 0\nkilled 3 idle sessions\nTerminated sessions: 0\nillegal"
        " moves: 2\n"
        "12 Killed in action\nbus errors: 0, floating point exceptions: 0"
    ),
    "a handler that was installed": (
        "Installed handlers for SIGSEGV, SIGABRT and SIGBUS\nfaulthandler: registered for SIGSEGV\n"
        "INFO signal handler for SIGTERM set"
    ),
    "a valgrind run": "==4410== Memcheck, a memory error detector\n==4410== ERROR SUMMARY: 0 errors",
    "the headings of tests": (
        "[ RUN      ] Heap.DoubleFree\n[       OK ] Heap.DoubleFree (3 ms)\n"
        "100% tests passed, 0 tests failed out of 23"
    ),
    "COM in a working program": (
        "Windows fatal exception: code 0x8001010d\n\n"
        'Thread 0x00001a2c (most recent call first):\n  File "x.py", line 3 in f\nINFO ready'
    ),
    "a library that is optional": (
        "INFO could not load dynamic library 'libnvinfer.so.8'; dlerror: libnvinfer.so.8: cannot"
        " open"
        " shared object file: No such file or directory\nINFO started"
    ),
    "a warning with a traceback": (
        "WARNING:app:could not read the cache\nTraceback (most recent call last):\n"
        '  File "/app/x.py", line 3, in load\n    f()\nPermissionError: [Errno 13] Permission'
        " denied: '/c'\n"
        "INFO:app:starting without a cache"
    ),
    "a guarded import": (
        "WARNING:app:failed to import the plug-in\nTraceback (most recent call last):\n"
        '  File "/app/x.py", line 3, in <module>\n    import plug\n'
        "ModuleNotFoundError: No module named 'plug'\nINFO:app:ready\nINFO:app:step 1"
    ),
    "an exception that was asked for": (
        "INFO exceptions of type std::runtime_error are retried\n"
        "DEBUG Exception: std::runtime_error: not yet, will retry"
    ),
    "checks that hold": "Check passed: a == b\nAssertions enabled: 12\nhealth check failed over to replica 2",
    "numbers and times": "10:00:00 main.cpp:12: 34 items\nready at 0xc0000005\ncode=0 status=0 rc=0",
    "a driver that is tried": (
        "libGL error: MESA-LOADER: failed to open swrast: /usr/lib/dri/swrast_dri.so: cannot open shared"
        " object file: No such file or directory (search paths /usr/lib/dri)"
    ),
    "ssh's farewell": "Killed by signal 1.\nKilled by signal 15.",
    "a command that was called off": "Aborted!",
    "sound that nobody hears": (
        "ALSA lib confmisc.c:855:(parse_card) cannot find card '0'\n"
        "ALSA lib pcm.c:2722:(snd_pcm_open_noupdate) Unknown PCM sysdefault\n"
        "jack server is not running or cannot be started"
    ),
    "what GLib finds critical": (
        "(app:812): GLib-GObject-CRITICAL **: 10:00:00.000: g_object_unref: assertion 'G_IS_OBJECT"
        " (object)' failed"
    ),
    "factories that are there already": (
        "E0000 00:00:1700000000.000000 812 cuda_dnn.cc:8579] Unable to register cuDNN factory: Attempting"
        " to register factory for plugin cuDNN when one has already been registered\n"
        "computation_placer.cc:177] computation placer already registered. Please check linkage"
    ),
    "a table of statistics": (
        "requests: 12, aborted: 3, killed: 0, terminated: 1\nsegfaults: 0\n| Aborted | 3 |\n| Killed | 0 |"
    ),
    "a tokenizer's remark": (
        "huggingface/tokenizers: The current process just got forked, after parallelism has already been"
        " used. Disabling parallelism to avoid deadlocks..."
    ),
    "graceful shutdown": (
        "received signal 2, shutting down\nGot signal 1: reloading the configuration\nbye"
    ),
    "NCCL's details": (
        "n1:812:900 [0] NCCL INFO socketPollConnect: connect to 10.0.0.3<41231> returned Connection"
        " refused, retrying (1/34)\nn1:812:900 [0] NCCL INFO Connected all rings"
    ),
    "divisions in arrays": (
        "/app/x.py:3: RuntimeWarning: divide by zero encountered in divide\n  a / b"
    ),
    "a server's broken connection": (
        "----------------------------------------\n"
        "Exception happened during processing of request from ('10.0.0.9', 40100)\n"
        "Traceback (most recent call last):\n"
        '  File "/usr/lib/python3.12/socketserver.py", line 318, in process_request\n'
        "    self.finish_request(request, client_address)\n"
        "BrokenPipeError: [Errno 32] Broken pipe\n"
        "----------------------------------------"
    ),
    "a panic that a test asks for": (
        "thread 'rejects_no_name' panicked at 'called `Result::unwrap()` on an `Err` value: NoName',"
        " src/lib.rs:12:5\ntest rejects_no_name ... ok\n"
        "test result: ok. 7 passed; 0 failed; 0 ignored; 0 measured"
    ),
    "a probe for a device": "/bin/sh: nvidia-smi: command not found",
    "a job that went on": (
        "/var/spool/job12/script: line 13: activate: No such file or directory\n"
        "2025-11-23 10:00:00.000001: I tensorflow/core/platform/cpu.cc:49] Successfully opened library\n"
        "2025-11-23 10:00:00.000002: I tensorflow/core/platform/cpu.cc:50] Found device 0"
    ),
    "the second line of malloc alone": (
        "python(812,0x1f2e5c000) malloc: *** set a breakpoint in malloc_error_break to debug"
    ),
    "pages that are huge": "unable to allocate 2 GB of huge pages, using normal pages",
    "a request that failed": (
        "ERROR 11-23 10:00:01 [api.py:3] upstream http://10.0.0.9:80 connection refused\n"
        "INFO 11-23 10:00:02 [api.py:3] GET /health 200\nINFO 11-23 10:00:03 [api.py:3] GET /health 200"
    ),
    "a search in what is not one's own": "find: '/proc/1/fd': Permission denied\nINFO scan done",
    "a tracker out of reach": (
        "wandb: ERROR Error while calling W&B API: permission denied (<Response [403]>)\n"
        "Epoch 4: 100%|###| 10/10 [00:01<00:00, 9.9it/s]"
    ),
    "a reload": "nginx: signal process started\nINFO received SIGHUP, reloading",
    "permissions in a listing": "INFO permission denied for 0 users\nDEBUG read-only file system: no",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_these_words_are_no_cause(name):
    """Nobody died of them."""
    collector = RunnerDiagnosticCollector(platform="linux")
    collector.feed(HARMLESS[name].encode() + b"\n", at=1.0)
    assert [finding.cause for finding in collector.diagnostics()] == []
