"""Runners for the benchmarks. They live here because a new process finds them by name."""

import os
import signal
import threading
import time

import actors

FIRST_WRITE = "2026-01-01 00:00:00 INFO worker: the first write was at "
LINES = b"2026-01-01 00:00:00 INFO worker: step done in 0.0312 s, nothing else to report\n" * 800


class Subject(actors.Runner):
    """Ends as it is told, with a marker as its last words."""

    def pid(self):
        return os.getpid()

    def end(self, how, marker):
        data = marker.encode()
        if how == "raise":
            raise RuntimeError(marker)
        os.write(2, data)
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif how == "abort":
            os.abort()
        else:
            os._exit(3)

    def flood(self, size):
        left = size
        while left > 0:
            left -= os.write(2, LINES[:left])

    def flood_and_exit(self, size):
        begin = time.monotonic()
        self.flood(size)
        os.write(2, f"\n{FIRST_WRITE}{begin:.6f}\n".encode())
        os._exit(3)

    def wait(self):
        threading.Event().wait()


class Hopper(actors.Runner):
    """Answers, and asks others."""

    def on_receive(self, message):
        return message

    def hop(self, ref, number):
        """Return how long each of some asks takes, in us."""
        taken = []
        for each in range(number):
            begin = time.perf_counter()
            ref.ask(each)
            taken.append((time.perf_counter() - begin) * 1e6)
        return taken
