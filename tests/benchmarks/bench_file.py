"""The command on a file of 5 GB: how long it takes, and what it keeps in memory."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from bench_scan import output
from figures import Figure, Unmeasured

SIZE = 5_000_000_000
SMALL = 50_000_000
LOOK_EVERY = 0.05
LAST = b"double free or corruption (!prev)\nAborted (core dumped)\n"


def written(folder, size):
    """Return a file of so many bytes of log lines, with a crash at its end."""
    path = Path(folder, f"{size}.log")
    block = output(10_000_000)
    with path.open("wb") as file:
        for _ in range(size // len(block)):
            file.write(block)
        file.write(LAST)
    return path


def explained(path):
    """Return the seconds, the most MiB of memory, and the cause that the command names first."""
    begin = time.perf_counter()
    command = subprocess.Popen(
        [sys.executable, "-m", "diagnostics", "--json", path], stdout=subprocess.PIPE, text=True
    )
    process, most = psutil.Process(command.pid), 0
    while command.poll() is None:
        # Ended between the two: what it had is known already.
        try:
            most = max(most, process.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(LOOK_EVERY)
    out, _ = command.communicate()
    seconds = time.perf_counter() - begin
    return seconds, most / (1 << 20), json.loads(out)["findings"][0]["cause"]


def measure(size=SIZE):
    """Return the figures of the large file, and how much more memory it takes than a small one."""
    with tempfile.TemporaryDirectory() as folder:
        free = shutil.disk_usage(folder).free
        if free < size + 2 * SMALL:
            return [Unmeasured("a file of 5 GB", f"{free / 1e9:.1f} GB are free in {folder}")]
        _, small, _ = explained(written(folder, SMALL))
        path = written(folder, size)
        seconds, large, cause = explained(path)
        speed = path.stat().st_size / seconds / 1e6
    return [
        Figure(f"python -m diagnostics on a file of {size / 1e9:g} GB, MB/s", speed),
        Figure("the most memory that it has, MiB", large),
        Figure("more than on one of 50 MB, MiB", large - small, at_most=4),
        Figure("right about what is at the end (1: yes)", cause == "heap-corruption", 1, 1),
    ]
