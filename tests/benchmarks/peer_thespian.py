"""Thespian's counterpart of the figures: an actor in a process of its own, over its TCP base."""

import socket
import time

import thespian.actors
from talkers import MESSAGE

LIMIT = 60.0
"""Seconds to wait for an answer: met only if none comes."""


class Echo(thespian.actors.Actor):
    """Gives back what it is sent."""

    def receiveMessage(self, message, sender):  # noqa: N802 - Thespian's name
        """Answer; Thespian's own messages, such as the request to exit, are not for us."""
        if not isinstance(message, thespian.actors.ActorSystemMessage):
            self.send(sender, message)


class Peer:
    """Asks the actor; a context manager that holds the actor system."""

    def __enter__(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self._system = thespian.actors.ActorSystem("multiprocTCPBase", {"Admin Port": port})
        self._echo = self._system.createActor(Echo)
        return self

    def __exit__(self, *_):
        self._system.shutdown()

    def round_trips(self, count):
        """Return the seconds of so many asks, one after the other."""
        ask, clock, seconds = self._system.ask, time.perf_counter, []
        for _ in range(count):
            begin = clock()
            answer = ask(self._echo, MESSAGE, LIMIT)
            seconds.append(clock() - begin)
        if answer != MESSAGE:
            raise RuntimeError(f"Thespian answered {answer!r}")
        return seconds

    def pipelined(self, messages):
        """Return the seconds until all are answered, all of them sent before the first wait."""
        begin = time.perf_counter()
        for message in messages:
            self._system.tell(self._echo, message)
        answers = [self._system.listen(LIMIT) for _ in messages]
        seconds = time.perf_counter() - begin
        if answers != messages:
            raise RuntimeError("Thespian's answers are not the messages")
        return seconds
