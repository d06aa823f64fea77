"""The runner that the figures of messages are measured with, and its asker."""

import itertools
import os
import time

import attrs
import pykka

import actors

CHUNK = 20
"""Characters of a small chunk, about those of a token."""


@attrs.frozen
class Message:
    """A small message."""

    number: int
    name: str
    ratio: float


MESSAGE = Message(7, "a small message", 0.5)


def some_messages(count):
    """Return so many messages of a thousand different ones: none is pickled by reference."""
    known = [Message(number, "a small message", 0.5) for number in range(1000)]
    return list(itertools.islice(itertools.cycle(known), count))


def some_chunks(count):
    """Return an iterator of so many 20-byte strings, of a thousand different ones."""
    known = [f"{number:0{CHUNK}d}" for number in range(1000)]
    return itertools.islice(itertools.cycle(known), count)


class Talker(actors.Runner):
    """Gives back what it is sent, streams, and holds what is large."""

    def on_receive(self, message):
        return message

    def pid(self):
        return os.getpid()

    def chunks(self, count):
        return some_chunks(count)

    def endless(self, size, log):
        """Stream different chunks without end, with a byte in the file for each one made."""
        fd = os.open(log, os.O_WRONLY | os.O_APPEND)
        try:
            for number in itertools.count():
                os.write(fd, b".")
                yield f"{number:0{size}d}"
        finally:
            os.close(fd)

    def size(self, value):
        return len(value)

    def keep(self, value):
        self.kept = value

    def give(self):
        return self.kept


class Ours:
    """
    Asks a runner.

    Args:
        ref: Of a supervised `Talker`.
    """

    def __init__(self, ref):
        self._ref = ref

    def round_trips(self, count):
        """Return the seconds of so many asks, one after the other."""
        ask, clock, seconds = self._ref.ask, time.perf_counter, []
        for _ in range(count):
            begin = clock()
            ask(MESSAGE)
            seconds.append(clock() - begin)
        return seconds

    def pipelined(self, messages):
        """Return the seconds until all are answered, all of them asked before the first wait."""
        begin = time.perf_counter()
        futures = [self._ref.ask(message, block=False) for message in messages]
        answers = pykka.get_all(futures)
        seconds = time.perf_counter() - begin
        if answers != messages:
            raise RuntimeError("the answers are not the messages")
        return seconds

    def streamed(self, count):
        """Return the seconds of a stream of so many chunks, from the ask to its end."""
        begin = time.perf_counter()
        taken = sum(1 for _ in self._ref.proxy().chunks(count).get())
        seconds = time.perf_counter() - begin
        if taken != count:
            raise RuntimeError(f"{taken} chunks came instead of {count}")
        return seconds
