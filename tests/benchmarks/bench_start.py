"""How long a runner takes to start, beside a bare spawned process that says that it is up."""

import multiprocessing
import time

from figures import Figure, in_turn, percentile
from talkers import Talker

import actors

ROUNDS = 30


def bare():
    """Return the seconds of one spawned process from its start to its first word."""
    context = multiprocessing.get_context("spawn")
    begin = time.perf_counter()
    ours, theirs = context.Pipe()
    # A target of the standard library: one of this file would import everything that it does.
    process = context.Process(target=theirs.send, args=("up",))
    process.start()
    ours.recv()
    seconds = time.perf_counter() - begin
    process.join()
    process.close()
    for end in (ours, theirs):
        end.close()
    return seconds


def measure(rounds=ROUNDS):
    """Return both in ms; they take turns."""
    with actors.supervise() as supervisor:

        def start():
            begin = time.perf_counter()
            supervisor.start_runner(actors.RunnerSpec("talker", Talker)).get()
            seconds = time.perf_counter() - begin
            supervisor.stop_runner("talker").get()
            return seconds

        start()  # the first one makes the warden
        ours, others = in_turn(rounds, start, bare)
    return [
        Figure("start of a runner, p50 ms", percentile(ours, 50) * 1e3),
        Figure("start of a runner, p99 ms", percentile(ours, 99) * 1e3),
        Figure("start of a bare spawned process, p50 ms", percentile(others, 50) * 1e3),
        Figure("times the bare process's p50", percentile(ours, 50) / percentile(others, 50)),
    ]
