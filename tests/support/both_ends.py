"""Both ends of a runner's channel in one process, for what a signal's handler may interrupt."""

import contextlib
import select
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

from pykka._envelope import Envelope

from actors._channel import Channel, Receipt
from actors._frames import Chunk, Reply, StatusChanged
from actors._framing import Frame, frame_buffers
from actors._future import RunnerFuture
from actors._inbox import RunnerInbox
from actors._reception import Reception
from actors.messages import RunnerReady

LIMIT = 4 << 20
TIMEOUT = 10.0
"""Seconds, met only if something was lost."""


def encoded(*frames):
    """Return the bytes of frames."""
    return b"".join(bytes(part) for frame in frames for part in frame_buffers(*frame, limit=LIMIT))


def plain(frames):
    """Return frames with payloads that can be compared."""
    return [Frame(message, tuple(bytes(part) for part in payload)) for message, payload in frames]


SENT = [
    Frame(Reply(1), (b"short",)),
    Frame(StatusChanged(RunnerReady(), 1.0)),
    Frame(Chunk(2, 0), (b"pickle", b"", b"buffer")),
    Frame(Reply(3), (b"in place" * 4200, b"", b"and more" * 4200)),
    Frame(Reply(4), (b"the last",)),
]


def check(outcome, at_least):
    """Fail with every place at which the work could not be gone on with."""
    places, failed = outcome
    assert not failed, f"{len(failed)} of {places} places:\n" + "\n".join(
        f"  {place}: {problem!r:.300}" for place, problem in failed.items()
    )
    assert places >= at_least, "the work was not interrupted everywhere"


@contextlib.contextmanager
def connected():
    """Give a runner's end and a port's end."""
    ends = [Channel(sock, LIMIT) for sock in socket.socketpair()]
    try:
        yield ends
    finally:
        for end in ends:
            end.close()


class Loop:
    """A reactor that makes its calls when it is told to."""

    def __init__(self):
        self.calls = []

    def call_soon(self, call):
        self.calls.append(call)

    def call_later(self, delay, call):
        return None

    def register(self, fd, events, callback):
        """Nothing selects here."""

    modify = unregister = register

    def turn(self):
        """Make the calls that are due."""
        while self.calls:
            self.calls.pop(0)()


class World:
    """The parent's side of a runner that answers as it is told."""

    def __init__(self, runner, port):
        self.runner, self.port = runner, port
        self.loop = Loop()
        self.events = []
        self.refused = []
        self.inbox = RunnerInbox(
            "r",
            limit=LIMIT,
            max_waiting=9,
            on_stop=None,
            call_soon=self.loop.call_soon,
            publish=self.events.append,
            wanted=lambda *kinds: True,
            show=lambda _: None,
        )
        self.reception = Reception(port, self.loop, self.deliver, lambda: None)
        self.inbox.attach(self.reception, lambda _: None)
        self.waiters = []

    def deliver(self, message, payload):
        """Take a frame as a port does."""
        if not self.inbox.received(message, payload):
            self.refused.append(message)

    def ask(self):
        """Ask as a ref does."""
        future = RunnerFuture()
        self.inbox.put(Envelope("?", reply_to=future))
        return future

    def turn(self):
        """Do what the reactor is told to, and send what waits if it is told of that."""
        self.loop.turn()
        if self.reception._writing:
            self.port.flush()

    def waited_for(self, function, condition):
        """Wait in another thread, which leaves receiving to this one."""
        got = []
        thread = threading.Thread(target=lambda: got.append(function()), daemon=True)
        thread.start()
        while not (condition() and condition()._waiters):
            pass
        self.waiters.append((thread, got))
        return got

    def close(self):
        """Say whether everybody was woken."""
        for thread, _ in self.waiters:
            thread.join(TIMEOUT)
            assert not thread.is_alive(), "somebody waits for ever for what has come"


def close_mailbox(mailbox):
    """Give a mailbox's descriptors back, which otherwise live as long as the process."""
    mailbox._wake_in.close()
    mailbox._wake_out.close()


@contextlib.contextmanager
def another_thread():
    """Give a function that tries in another thread whether locks are free."""
    with ThreadPoolExecutor(1) as pool:

        def try_it(lock):
            free = lock.acquire(blocking=False)
            if free:
                lock.release()
            return free

        yield lambda locks: all(pool.submit(try_it, lock).result(TIMEOUT) for lock in locks)


class Collector:
    """Receives what a channel gets, in another thread; a context manager that waits for its end."""

    def __init__(self, channel):
        self.frames = []
        self._channel = channel
        self._thread = threading.Thread(target=self._collect, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive()
        assert self._channel.reader.problem is None

    def _collect(self):
        poll = select.poll()
        poll.register(self._channel.fileno(), select.POLLIN)
        receipt = Receipt.NOTHING
        while receipt is not Receipt.CLOSED and self._channel.reader.problem is None:
            poll.poll()
            receipt = self._channel.receive()
            self.frames += plain(self._channel.reader.pending)
            self._channel.reader.pending.clear()
