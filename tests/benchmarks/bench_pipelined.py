"""Asks in flight together, and the chunks of a stream, beside what a bare Pipe carries one way."""

import statistics

from bare import Bare
from figures import Figure, in_turn
from talkers import CHUNK, Ours, Talker, some_messages

import actors

ROUNDS = 7
ASKS = 10_000  # a round
CHUNKS = 30_000  # a round


def measure(rounds=ROUNDS, asks=ASKS, chunks=CHUNKS):
    """
    Return asks and chunks a second of both.

    The runner is started first, then the bare process. A round of each is the warm-up; then
    they take turns, and the medians of the rounds count.
    """
    messages = some_messages(asks)
    with actors.supervise() as supervisor:
        ref = supervisor.start_runner(actors.RunnerSpec("talker", Talker)).get()
        ours = Ours(ref)
        with Bare() as bare:
            kinds = (
                lambda: ours.pipelined(messages),
                lambda: bare.one_way(messages),
                lambda: ours.streamed(chunks),
                lambda: bare.poured(chunks),
            )
            in_turn(1, *kinds)
            seconds = in_turn(rounds, *kinds)
    ours_asks, bare_asks, ours_chunks, bare_chunks = (
        count / statistics.median(each)
        for count, each in zip((asks, asks, chunks, chunks), seconds, strict=True)
    )
    return [
        Figure("pipelined asks a second", ours_asks, at_least=40_000),
        Figure("the messages one way over a bare Pipe, a second", bare_asks),
        Figure("times the bare Pipe's", ours_asks / bare_asks),
        Figure(f"{CHUNK}-byte chunks of a stream a second", ours_chunks, at_least=100_000),
        Figure("the chunks one way over a bare Pipe, a second", bare_chunks),
        Figure("times the bare Pipe's", ours_chunks / bare_chunks),
    ]
