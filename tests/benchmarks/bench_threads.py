"""The parent's threads with 1 and with 50 runners."""

import threading

from figures import Figure
from subjects import Subject

import actors

MANY = 50


def measure(many=MANY):
    """Return by how many threads 50 runners exceed one."""
    with actors.supervise() as supervisor:
        supervisor.start_runner(actors.RunnerSpec("0", Subject)).get()
        with_one = threading.active_count()
        for begin in range(1, many, 10):
            specs = [
                actors.RunnerSpec(str(number), Subject)
                for number in range(begin, min(begin + 10, many))
            ]
            for future in [supervisor.start_runner(spec) for spec in specs]:
                future.get()
        with_many = threading.active_count()
        runners = len(supervisor.runners().get())
    return [
        Figure("threads of the parent with 1 runner", with_one),
        Figure(f"threads of the parent with {runners} runners", with_many, with_one),
    ]
