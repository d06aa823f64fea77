"""Where the words of a crash may stand: in whose log, behind which prefix, cut or wrapped."""

import json


def behind(prefix):
    """Return what puts a prefix before each line."""
    return lambda lines: [prefix + line for line in lines]


def first_behind(prefix):
    """Return what puts a prefix before the first line."""
    return lambda lines: [prefix + lines[0], *lines[1:]]


def wrapped_at(width):
    """Return what breaks the lines as a terminal does."""
    return lambda lines: [
        line[start : start + width]
        for line in lines
        for start in range(0, max(len(line), 1), width)
    ]


def docker_file(lines):
    """Return the lines as the container runtime stores them."""
    return [
        json.dumps({"log": line + "\n", "stream": "stderr", "time": "2025-11-23T10:00:00Z"})
        for line in lines
    ]


def one_record(lines):
    """Return all lines as the text of one record of a structured log."""
    return [json.dumps({"level": "error", "logger": "runner", "exc_info": "\n".join(lines)})]


CONTEXTS = {
    "plain": list,
    "torchrun": behind("[rank1]: "),
    "vllm process": behind("(EngineCore pid=7) "),
    "vllm record": behind("(EngineCore_DP0 pid=7) ERROR 11-23 10:00:00 [core.py:12] "),
    "vllm record alone": behind("ERROR 11-23 10:00:00 [core.py:12] "),
    "ray": behind("(RayWorker pid=7, ip=10.0.0.2) "),
    "ray in colour": behind("\x1b[36m(RayTrainWorker pid=812, ip=10.0.0.2)\x1b[0m "),
    "docker compose": behind("svc-1  | "),
    "container runtime": behind("2025-11-23T10:00:00.123456789Z stderr F "),
    "kubectl with timestamps": behind("2025-11-23T10:00:00.123456789Z "),
    "stern": behind("runner-7f9c4-x2xq9 runner "),
    "journal": behind("Nov 23 10:00:00 host proc[1]: "),
    "logging": behind("2025-11-23 10:00:00,123 - runner - ERROR - "),
    "logging's default": behind("ERROR:root:"),
    "log4j": behind("2025-11-23 10:00:00,123 ERROR [main] com.x.Runner: "),
    "loguru": behind("2025-11-23 10:00:00.123 | ERROR    | runner:run:12 - "),
    "structlog": behind("2025-11-23T10:00:00Z [error    ] "),
    "glog": behind("E1123 10:00:00.123456 1234 file.cc:12] "),
    "go": behind("time=2025-11-23T10:00:00.123Z level=ERROR source=server.go:12 msg="),
    "uvicorn": behind("ERROR:    "),
    "exo": behind("[ 05:21:08.2359AM | ERROR    ] "),
    "colour": lambda lines: [f"\x1b[1;31m{line}\x1b[0m" for line in lines],
    "error tag": behind("[error] "),
    "time and tag": behind("[2025-11-23 10:00:00.123] [error] "),
    "relayed": behind("stderr: "),
    "indented": behind("    "),
    "indented by a tab": behind("\t"),
    "mpirun": behind("[1,0]<stderr>:"),
    "srun": behind("3: "),
    "pdsh": behind("node-03: "),
    "pytest": behind("E       "),
    "progress bar": first_behind(" 50%|##   | 1/2 [00:00<?, ?it/s]\r"),
    "unfinished progress bar": first_behind(" 50%|##   | 1/2 [00:00<?, ?it/s]"),
    "cr lf": lambda lines: [line + "\r" for line in lines],
    "docker's files": docker_file,
    "wrapped at 80": wrapped_at(80),
    "wrapped at 100": wrapped_at(100),
    "wrapped at 120": wrapped_at(120),
}
"""By name: what makes lines in a context of plain lines."""

GOING_ON = [f"INFO 11-23 10:00:0{i} [core.py:9] step {i} done, loss 0.{i}" for i in range(8)]

HARMLESS = {
    "remark": lambda words: [f'INFO 11-23 10:00:00 [tips.py:3] see the docs in case of "{words}"'],
    "record": lambda words: [f"INFO 11-23 10:00:00 [tips.py:3] {words}"],
    "debugging": lambda words: [
        f"2025-11-23 10:00:00,123 - app - DEBUG - last error was: {words}",
        *GOING_ON,
    ],
    "retry": lambda words: [
        f"WARNING 11-23 10:00:00 [net.py:3] attempt 1 failed: {words}; retrying in 5 s",
        *GOING_ON,
    ],
    "warning": lambda words: [f"/app/x.py:12: UserWarning: {words}", "  warnings.warn(m)"],
    "source": lambda words: [
        "Traceback (most recent call last):",
        '  File "/app/x.py", line 3, in f',
        f'    raise Oops("{words}")',
        "Oops: 3",
    ],
    "caught and logged": lambda words: [
        "ERROR 11-23 10:00:00 [srv.py:3] request 7 failed",
        "ERROR 11-23 10:00:00 [srv.py:3] Traceback (most recent call last):",
        'ERROR 11-23 10:00:00 [srv.py:3]   File "/app/x.py", line 3, in f',
        "ERROR 11-23 10:00:00 [srv.py:3]     g()",
        f"ERROR 11-23 10:00:00 [srv.py:3] {words}",
        *GOING_ON,
    ],
    "went on": lambda words: [f"ERROR 11-23 10:00:00 [srv.py:3] request 7: {words}", *GOING_ON],
    "recovered": lambda words: [
        f"ERROR: {words}",
        "INFO: retry succeeded on attempt 2",
        *GOING_ON,
    ],
    "help": lambda words: ["usage: x [-h]", f'  --on-failure X  what to do on "{words}"'],
    "a test's name": lambda words: [f"tests/test_x.py::test_a[{words}] PASSED", *GOING_ON],
    "json record": lambda words: [json.dumps({"level": "info", "msg": f"known issue: {words}"})],
}
"""By name: what makes lines of a healthy process that has these words in them."""
