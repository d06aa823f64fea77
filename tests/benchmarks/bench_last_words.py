"""How many of 200 runners lose what they write to fd 2 as their last act."""

import itertools
import time

from figures import Figure
from subjects import Subject

import actors

DEATHS = 200
BATCH = 10
LIMIT = 30.0  # seconds
WAYS = ("kill", "abort", "raise", "exit")


def measure(deaths=DEATHS):
    """Return the number of failures without the marker."""
    lost = 0
    ways = itertools.cycle(WAYS)
    with actors.supervise() as supervisor:
        for batch in range(deaths // BATCH):
            specs = [
                actors.RunnerSpec(f"{batch}.{number}", Subject, restart=actors.Restart.TEMPORARY)
                for number in range(BATCH)
            ]
            refs = [future.get() for future in [supervisor.start_runner(each) for each in specs]]
            for number, ref in enumerate(refs):
                marker = f"marker {batch}.{number} of these last words"
                ref.proxy().end.defer(next(ways), marker)
            limit = time.monotonic() + LIMIT
            while supervisor.runners().get() and time.monotonic() < limit:
                pass
        failures = supervisor.failures().get()
    for failure in failures:
        marker = f"marker {failure.runner_id} of these last words"
        lost += not any(marker in line for line in failure.diagnosis.tail)
    return [
        Figure("failures that lost the last words", lost + deaths - len(failures), 0),
        Figure("kills, aborts, raises and exits", len(failures)),
    ]
