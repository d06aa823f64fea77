"""A gate at which an actor waits for a test, whichever process either is in."""

import contextlib
import os
import select
import time
from pathlib import Path

import pykka

LIMIT = 30.0
"""Seconds to wait for the other side; met only in a deadlock."""


def pass_gate(folder):
    """Say that this actor has come to the gate, and wait until it is opened."""
    with Path(folder, "arrived").open("wb", buffering=0) as arrived:
        arrived.write(b"x")
    with Path(folder, "opened").open("rb", buffering=0) as opened:
        opened.read(1)


def wait_until_gone(supervisor, *refs):
    """Wait until no process of these runners is left, and none will be started."""
    deadline = time.monotonic() + LIMIT
    ids = {ref.actor_inbox.runner_id for ref in refs}
    # A supervisor that has ended has seen to it.
    with contextlib.suppress(pykka.ActorDeadError):
        while ids & {info.runner_id for info in supervisor.runners().get(timeout=LIMIT)}:
            assert time.monotonic() < deadline, "a runner is still there"


class Gate:
    """
    The test's side of a gate.

    Args:
        folder: A new folder, which is made, and which actors are told.
    """

    def __init__(self, folder):
        folder.mkdir()
        self.folder = str(folder)
        # Both ends of each: neither opening nor writing waits for the other process.
        self._arrived, self._opened = map(self._open_fifo, ("arrived", "opened"))

    def _open_fifo(self, name):
        path = Path(self.folder, name)
        os.mkfifo(path)
        return os.open(path, os.O_RDWR)

    def wait(self):
        """Wait until an actor has come."""
        assert select.select([self._arrived], [], [], LIMIT)[0], "nobody has come to the gate"
        os.read(self._arrived, 1)

    def open(self, number=1):
        """Let as many actors pass."""
        os.write(self._opened, b"x" * number)

    def close(self):
        """Give the descriptors back."""
        os.close(self._arrived)
        os.close(self._opened)
