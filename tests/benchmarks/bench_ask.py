"""The round trip of an ask, beside the same message over a bare Pipe."""

import statistics

from bare import Bare
from figures import Figure, in_turn, percentile
from talkers import Ours, Talker

import actors

ROUNDS = 25
TRIPS = 400  # a round
WARM_UP = 2000


def measure(rounds=ROUNDS, trips=TRIPS):
    """
    Return p50 and p99 of both in us, and their ratios.

    The runner is started first, then the bare process. Each warms up with 2,000 round trips;
    then they take turns, a round of 400 each. A ratio is that of the medians of all rounds.
    """
    with actors.supervise() as supervisor:
        ref = supervisor.start_runner(actors.RunnerSpec("talker", Talker)).get()
        ours = Ours(ref)
        with Bare() as bare:
            ours.round_trips(WARM_UP)
            bare.round_trips(WARM_UP)
            of_ours, of_bare = in_turn(
                rounds, lambda: ours.round_trips(trips), lambda: bare.round_trips(trips)
            )

    def of_rounds(seconds, percent):
        return statistics.median(percentile(each, percent) for each in seconds) * 1e6

    (ours50, ours99), (bare50, bare99) = (
        (of_rounds(each, 50), of_rounds(each, 99)) for each in (of_ours, of_bare)
    )
    return [
        Figure("ask of a small attrs message, p50 us", ours50),
        Figure("ask of a small attrs message, p99 us", ours99),
        Figure("bare Pipe ping-pong, p50 us", bare50),
        Figure("bare Pipe ping-pong, p99 us", bare99),
        Figure("times the bare Pipe's p50", ours50 / bare50, at_most=1.5),
        Figure("times the bare Pipe's p99", ours99 / bare99),
    ]
