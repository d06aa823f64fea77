"""An ask from one runner to another, beside an ask from the parent to a runner."""

import time

from figures import Figure, percentile
from subjects import Hopper

import actors

ROUNDS = 20
BATCH = 200


def measure(rounds=ROUNDS, batch=BATCH):
    """Return the round trips in us and their ratio, from batches that take turns."""
    hops, asks = [], []
    with actors.supervise() as supervisor:
        caller, other = (
            supervisor.start_runner(actors.RunnerSpec(each, Hopper)).get() for each in "ab"
        )
        caller.proxy().hop(other, batch).get()
        for _ in range(rounds):
            hops += caller.proxy().hop(other, batch).get()
            asks += _ask(other, batch)
    hop, ask = percentile(hops, 50), percentile(asks, 50)
    return [
        Figure("ask from the parent to a runner, p50 us", ask),
        Figure("ask from a runner to a runner, p50 us", hop),
        Figure("ask from a runner to a runner, p99 us", percentile(hops, 99)),
        Figure("runner to runner / parent to runner, p50", hop / ask, 5),
    ]


def _ask(ref, number):
    """Return the seconds that each of some asks takes, in us."""
    taken = []
    for each in range(number):
        begin = time.perf_counter()
        ref.ask(each)
        taken.append((time.perf_counter() - begin) * 1e6)
    return taken
