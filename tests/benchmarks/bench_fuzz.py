"""Fuzzing with atheris: `make fuzz` installs it. Inputs grow towards code that was not reached."""

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import Figure, Unmeasured

from diagnostics.signatures import registered_signatures

HERE = Path(__file__).resolve().parent
SECONDS = 120
LONGEST_INPUT = 16 * 1024
SLOWEST = 5
"""Seconds for one input, instrumented; libFuzzer counts in whole ones."""
STATISTIC = re.compile(r"^stat::(\w+):\s+(\d+)", re.MULTILINE)


def seeds(folder):
    """Write the recorded outputs as inputs to begin with."""
    for line in (HERE.parent / "corpus" / "local.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        text = "\n".join(entry["stderr"]).encode()
        Path(folder, entry["id"]).write_bytes(text + b"\n" + bytes(8))


def words(path):
    """Write what signatures look for as the fuzzer's dictionary."""
    literals = {text for item in registered_signatures() for text in item.literals}
    quoted = ("".join(f"\\x{byte:02x}" for byte in text.encode()) for text in sorted(literals))
    path.write_text("".join(f'"{word}"\n' for word in quoted))


def measure(seconds=SECONDS):
    """Return how many inputs were read, how many failed, and the slowest one's seconds."""
    if importlib.util.find_spec("atheris") is None:
        return [Unmeasured("fuzzing", "atheris is not installed; run `make fuzz`")]
    with tempfile.TemporaryDirectory() as folder:
        inputs, found = Path(folder, "inputs"), Path(folder, "found")
        inputs.mkdir()
        found.mkdir()
        seeds(inputs)
        dictionary = Path(folder, "words")
        words(dictionary)
        fuzzer = subprocess.run(
            [
                sys.executable,
                HERE / "fuzz_reader.py",
                f"-max_total_time={seconds}",
                f"-max_len={LONGEST_INPUT}",
                f"-timeout={SLOWEST}",
                f"-dict={dictionary}",
                f"-artifact_prefix={found}/",
                "-print_final_stats=1",
                inputs,
            ],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds + 120,
            check=False,
        )
        failed = sorted(found.iterdir())
        for path in failed:
            print(f"  {path.name}: {path.read_bytes()!r}")
        statistics = dict(STATISTIC.findall(fuzzer.stderr))
    if not statistics:
        raise RuntimeError(f"the fuzzer ended with {fuzzer.returncode}: {fuzzer.stderr[-2000:]}")
    return [
        Figure("inputs read", int(statistics["number_of_executed_units"])),
        Figure("inputs that reached new code", int(statistics["new_units_added"])),
        Figure("inputs that raised, took too long or too much", len(failed), at_most=0),
        Figure("seconds of the slowest", int(statistics["slowest_unit_time_sec"]), SLOWEST),
        Figure("the most memory, MiB", int(statistics["peak_rss_mb"]), 1024),
    ]
