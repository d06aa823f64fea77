"""The same asks through other actor libraries for Python: `make peers` installs them."""

import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import uuid
from importlib.metadata import version
from pathlib import Path

import attrs
import psutil
from figures import Figure, Unmeasured, in_turn, percentile
from talkers import Ours, Talker, some_messages

import actors

HERE = Path(__file__).resolve().parent
WARM_UP = 300
ROUNDS = 15
TRIPS = 100  # a round
PIPELINED_ROUNDS = 15
ASKS = 500  # a round
LIMIT = 180.0
"""Seconds that the comparison with one peer may take: met only if it hangs."""
LEAVE = 10.0
"""Seconds for a peer's processes to end after it was shut down."""
MARK = "RUNNER_ACTORS_BENCHMARK"
"""Variable by which the processes of a comparison are known, also those that left its group."""
ENVIRONMENT = {
    # The loopback device is the only network that is used.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "THESPIAN_BASE_IPADDR": "127.0.0.1",
    "THESPLOG_FILE_MAXSIZE": "0",
}


@attrs.frozen
class Bounds:
    """How many times faster than a peer ours must be, where that is promised."""

    round_trip: float | None = None
    pipelined: float | None = None


PEERS = {
    "xoscar": Bounds(round_trip=2),
    "ray": Bounds(round_trip=5, pipelined=10),
    "thespian": Bounds(),
}


def measure():
    """
    Return the figures of each peer beside ours.

    Each comparison has a process of its own, so that no peer is measured with the threads and
    processes of another.
    """
    figures = []
    for name, bounds in PEERS.items():
        if importlib.util.find_spec(name) is None:
            figures.append(Unmeasured(f"beside {name}", "not installed; `make peers` does that"))
        else:
            figures += _beside(name, bounds)
    return figures


def _beside(name, bounds):
    """Compare in a new process, and see to it that nothing of it is left."""
    mark = uuid.uuid4().hex
    path = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    # Not the default, where it may be long: a path of a Unix socket has room for 100 characters.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        environment = os.environ | ENVIRONMENT
        environment |= {MARK: mark, "PYTHONPATH": path, "RAY_TMPDIR": folder}
        report, said = Path(folder, "report"), Path(folder, "said")
        # A file, not a pipe, which whatever is left behind would hold open.
        with said.open("wb") as output:
            try:
                done = subprocess.run(
                    [sys.executable, __file__, name, report],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    timeout=LIMIT,
                    check=False,
                )
                problem = f"status {done.returncode}"
            except subprocess.TimeoutExpired:
                problem = f"no end within {LIMIT:g} s"
        left = _end_what_is_left(mark)
        left_behind = Figure(f"processes that {name} left behind", left, at_most=0)
        if not report.exists():
            last_words = said.read_text(errors="replace").strip()[-2000:]
            return [Unmeasured(f"beside {name}", f"{problem}: {last_words}"), left_behind]
        values = json.loads(report.read_text())
    peer = f"{name} {version(name)}"
    trip, trip_of_peer = values["round_trip"]
    asks, asks_of_peer = values["pipelined"]
    return [
        Figure("ask of a small attrs message, p50 us", trip),
        Figure(f"the same through {peer}, p50 us", trip_of_peer),
        Figure("times faster", trip_of_peer / trip, at_least=bounds.round_trip),
        Figure("pipelined asks a second", asks),
        Figure(f"the same through {peer}, a second", asks_of_peer),
        Figure("times faster", asks / asks_of_peer, at_least=bounds.pipelined),
        left_behind,
    ]


def _end_what_is_left(mark):
    """Return how many processes of a comparison outlive it; end them."""
    marked = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                marked.append(process)
        except psutil.Error:
            continue  # not ours, or gone
    _gone, left = psutil.wait_procs(marked, timeout=LEAVE)
    for process in left:
        process.kill()
    return len(left)


def compare(name):
    """
    Return `(ours, the peer's)` of the round trip in us and of the pipelined asks a second.

    The peer is started first, because some fork, then the runner; both are up during all of
    it. Both warm up, then they take turns, and the medians of the rounds count.
    """
    messages = some_messages(ASKS)
    with importlib.import_module(f"peer_{name}").Peer() as peer, actors.supervise() as supervisor:
        ref = supervisor.start_runner(actors.RunnerSpec("talker", Talker)).get()
        both = (Ours(ref), peer)
        for each in both:
            each.round_trips(WARM_UP)
        trips = in_turn(ROUNDS, *(lambda each=each: each.round_trips(TRIPS) for each in both))
        for each in both:
            each.pipelined(messages)
        asks = in_turn(
            PIPELINED_ROUNDS, *(lambda each=each: each.pipelined(messages) for each in both)
        )
    return {
        "round_trip": [
            statistics.median(percentile(seconds, 50) for seconds in rounds) * 1e6
            for rounds in trips
        ],
        "pipelined": [ASKS / statistics.median(rounds) for rounds in asks],
    }


if __name__ == "__main__":
    values = compare(sys.argv[1])
    Path(sys.argv[2]).write_text(json.dumps(values))
