"""Runners for the benchmarks. They live here because a new process finds them by name."""

import os
import signal
import threading

import actors


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
        block = (b"2026-01-01 00:00:00 INFO worker: step done, nothing to report\n" * 1100)[:65536]
        left = size
        while left > 0:
            left -= os.write(2, block[:left])

    def wait(self):
        threading.Event().wait()
