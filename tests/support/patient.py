"""Runners whose tasks take as long as somebody lets them."""

import asyncio
import os
import threading

import actors


def note(path, text):
    """Write a line into a named pipe that the test reads."""
    fd = os.open(path, os.O_RDWR)
    os.write(fd, text.encode())
    os.close(fd)


def wait(path):
    """Wait until the test writes into a named pipe."""
    fd = os.open(path, os.O_RDONLY)
    os.read(fd, 1)
    os.close(fd)


class Patient(actors.Runner):
    """Says when it begins and how it ends."""

    def __init__(self):
        super().__init__()
        self.handled = []

    def compute(self, path):
        """Compute without yielding until nobody waits for it."""
        note(path, "begun")
        while not self.cancelled:
            pass
        note(path, "noticed")
        return "too late"

    def compute_in_a_thread(self, path):
        """Let a thread do so."""
        thread = threading.Thread(target=self.compute, args=(path,))
        thread.start()
        thread.join()

    def hold(self, begun, gate):
        """Take the time that the test takes."""
        note(begun, "begun")
        wait(gate)
        return "held"

    def hold_and_fail(self, begun, gate):
        self.hold(begun, gate)
        raise ValueError("as told")

    def hold_and_leave(self, begun, gate):
        self.hold(begun, gate)
        raise SystemExit(3)

    def hold_and_stream(self, begun, gate):
        self.hold(begun, gate)
        return iter(["token"])

    def tokens(self, path):
        """Stream without end, and say when it is closed."""
        try:
            while True:
                yield "token"
        finally:
            note(path, "closed")

    def stuck(self, path=os.devnull):
        """Look at nothing, for ever."""
        note(path, "begun")
        threading.Event().wait()

    def log(self, text):
        """Note that a message was handled."""
        self.handled.append(text)

    def pid(self):
        """Say in which process this is."""
        return os.getpid()

    def is_cancelled(self):
        """Say whether this very message is given up."""
        return self.cancelled

    def leave(self, begun, gate):
        """Stop of its own accord, after a while in which others ask."""
        note(begun, "begun")
        wait(gate)
        self.stop()

    def leave_a_thread_behind(self):
        """Stop, and keep the process from its end."""
        threading.Thread(target=threading.Event().wait).start()
        self.stop()

    def leave_an_actor_behind(self):
        """Start an actor in this process, and stop without it."""
        Patient.start()
        self.stop()


class PatientLoop(Patient):
    """Serves in an event loop, and computes in threads."""

    concurrent = True

    async def look_late(self, path, gate):
        """Have a thread look whether this is given up when the test lets it."""
        try:
            await asyncio.to_thread(self._look_late, path, gate)
        except asyncio.CancelledError:
            note(path, "cancelled")
            raise

    async def stream_and_look_late(self, path, gate):
        """Do so between two chunks."""
        yield 1
        await self.look_late(path, gate)
        yield 2

    def _look_late(self, path, gate):
        note(path, "begun")
        wait(gate)
        note(path, "given up" if self.cancelled else "wanted")
