"""Ray's counterpart of the figures: an actor on a local node."""

import logging
import time

import ray
from talkers import MESSAGE


class Echo:
    """Gives back what it is sent."""

    def echo(self, message):
        """Return it."""
        return message


class Peer:
    """Asks the actor; a context manager that holds the node, which is started without dashboard."""

    def __enter__(self):
        ray.init(
            address="local",
            num_cpus=1,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        self._echo = ray.remote(Echo).remote()
        return self

    def __exit__(self, *_):
        ray.shutdown()

    def round_trips(self, count):
        """Return the seconds of so many asks, one after the other."""
        get, ask, clock, seconds = ray.get, self._echo.echo.remote, time.perf_counter, []
        for _ in range(count):
            begin = clock()
            answer = get(ask(MESSAGE))
            seconds.append(clock() - begin)
        if answer != MESSAGE:
            raise RuntimeError(f"Ray answered {answer!r}")
        return seconds

    def pipelined(self, messages):
        """Return the seconds until all are answered, all of them asked before the first wait."""
        begin = time.perf_counter()
        answers = ray.get([self._echo.echo.remote(message) for message in messages])
        seconds = time.perf_counter() - begin
        if answers != messages:
            raise RuntimeError("Ray's answers are not the messages")
        return seconds
