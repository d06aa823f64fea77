"""The bare counterpart of the figures: a `multiprocessing.Pipe` to a spawned process."""

import multiprocessing
import pickle
import time

from talkers import MESSAGE, some_chunks

PROTOCOL = 5  # as our messages


class Bare:
    """
    Does over a Pipe what a `Talker` does; a context manager that holds the other process.

    The asker is the benchmark's own process, as it is for ours, so that the two differ in
    nothing but the way of the message.
    """

    def __enter__(self):
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,))
        self._process.start()
        theirs.close()
        self._do("pour", 1)  # it is up
        self._pipe.recv()
        return self

    def __exit__(self, *_):
        self._pipe.send(None)
        self._process.join()
        self._process.close()
        self._pipe.close()

    def _do(self, what, *args):
        self._pipe.send((what, *args))

    def round_trips(self, count):
        """Return the seconds of so many ping-pongs, pickled and unpickled at both ends."""
        pipe, clock, seconds = self._pipe, time.perf_counter, []
        dumps, loads = pickle.dumps, pickle.loads
        self._do("pong", count)
        for _ in range(count):
            begin = clock()
            pipe.send_bytes(dumps(MESSAGE, PROTOCOL))
            loads(pipe.recv_bytes())
            seconds.append(clock() - begin)
        return seconds

    def one_way(self, messages):
        """Return the seconds of sending the messages, until the other end has all of them."""
        self._do("swallow", len(messages))
        begin = time.perf_counter()
        for message in messages:
            self._pipe.send(message)
        self._pipe.recv()
        return time.perf_counter() - begin

    def poured(self, count):
        """Return the seconds until so many chunks have come."""
        begin = time.perf_counter()
        self._do("pour", count)
        for _ in range(count):
            self._pipe.recv()
        return time.perf_counter() - begin

    def bytes_there(self, data):
        """Return the seconds of sending the bytes, until the other end has all of them."""
        self._do("swallow_bytes")
        begin = time.perf_counter()
        self._pipe.send_bytes(data)
        self._pipe.recv()
        return time.perf_counter() - begin

    def keep(self, size):
        """Let the other end make so many bytes, to be fetched."""
        self._do("keep", size)
        self._pipe.recv()

    def bytes_back(self):
        """Return the seconds from asking for the bytes that are kept until all of them are here."""
        begin = time.perf_counter()
        self._do("pour_bytes")
        self._pipe.recv_bytes()
        return time.perf_counter() - begin


class _Other:
    """The other end: a method for each thing to do."""

    def __init__(self, pipe):
        self._pipe = pipe
        self._kept = b""

    def pong(self, count):
        pipe, dumps, loads = self._pipe, pickle.dumps, pickle.loads
        for _ in range(count):
            pipe.send_bytes(dumps(loads(pipe.recv_bytes()), PROTOCOL))

    def swallow(self, count):
        for _ in range(count):
            self._pipe.recv()
        self._pipe.send("all")

    def pour(self, count):
        for chunk in some_chunks(count):
            self._pipe.send(chunk)

    def swallow_bytes(self):
        self._pipe.recv_bytes()
        self._pipe.send("all")

    def keep(self, size):
        self._kept = b"x" * size
        self._pipe.send("kept")

    def pour_bytes(self):
        self._pipe.send_bytes(self._kept)


def _serve(pipe):
    other = _Other(pipe)
    while (call := pipe.recv()) is not None:
        what, *args = call
        getattr(other, what)(*args)
