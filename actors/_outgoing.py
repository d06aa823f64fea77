"""What a runner asks of actors that live elsewhere: messages out, answers in, by its parent."""

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

from pykka._envelope import Envelope

from actors._channel import Channel
from actors._frames import (
    Answer,
    CancelTask,
    Chunk,
    Credit,
    Errand,
    Forward,
    Reply,
    ReplyError,
    StreamClosed,
    StreamOpened,
)
from actors._framing import Buffer
from actors._future import RunnerFuture
from actors._home import Home
from actors._ledger import Ledger
from actors._mailbox import Mailbox
from actors._payload import pack
from actors._references import DistantRef, StandIn
from actors._stop_request import ActorStop
from actors._stream import price
from actors._task import Task, kind_of, name_of
from actors.errors import FrameTooLargeError


class RemoteRef(DistantRef):
    """
    The ref of an actor that a runner reaches by its parent.

    `is_alive` asks the parent, so it takes as long as a message there and back, and `tell` does
    not: what cannot be delivered is logged in the parent.

    Args:
        stand_in: What it looks at.
        outgoing: The way.
    """

    def __init__(self, stand_in: StandIn, outgoing: "Outgoing") -> None:
        super().__init__(stand_in)
        self._outgoing = outgoing

    def is_alive(self) -> bool:
        """Ask whether the actor is alive."""
        alive = self._outgoing.probe(self.actor_urn)
        # For whoever looks at the flag itself.
        if alive:
            self.actor_stopped.clear()
        else:
            self.actor_stopped.set()
        return alive

    def tell(self, message: Any) -> None:
        """
        Send a message and wait for nothing.

        Raises:
            UnsendableError: If it cannot be pickled.
            FrameTooLargeError: If it exceeds this runner's own limit.
        """
        self.actor_inbox.put(Envelope(message))

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """
        Send a message and wait for its answer, as `pykka.ActorRef.ask`.

        Raises:
            pykka.Timeout: If there is no answer within `timeout` seconds.
            pykka.ActorDeadError: If there is no such actor any more.
            UnsendableError: If the message cannot be pickled.
            FrameTooLargeError: If it exceeds this runner's own limit, or the other's.
            Exception: What the handler raised.
        """
        future = self.actor_class._create_future()  # noqa: SLF001 - as Pykka's own refs
        if not isinstance(future, RunnerFuture):
            # Any other would wait where nobody receives.
            future = RunnerFuture()
        self.actor_inbox.put(Envelope(message, reply_to=future))
        return future.get(timeout=timeout) if block else future


class RemoteInbox:
    """
    The inbox of an actor that lives elsewhere (the part of `ActorInbox` that refs use).

    Args:
        outgoing: The way.
        actor_class: The actor's class.
        actor_urn: The actor's URN.
    """

    def __init__(self, outgoing: "Outgoing", actor_class: type[Any], actor_urn: str) -> None:
        self._outgoing = outgoing
        self._urn = actor_urn
        self._what = f"message to {actor_class.__name__} ({actor_urn})"

    def put(self, envelope: Any) -> None:
        """Send a message."""
        message, reply_to = envelope.message, envelope.reply_to
        name = name_of(kind_of(message))
        if isinstance(message, ActorStop):
            self._outgoing.send(Errand.STOP, self._urn, name, (), reply_to)
            return
        errand = Errand.TELL if reply_to is None else Errand.ASK
        self._outgoing.send(errand, self._urn, name, pack(message, self._what), reply_to)

    def get(self) -> Any:
        """Refuse: messages are taken where the actor lives."""
        raise TypeError("an actor's messages are taken in its own process")

    def empty(self) -> bool:
        """Return `True`: nothing waits here."""
        return True


class Outgoing:
    """
    The tasks that a runner waits for itself.

    Everything may be called from any thread of the runner, the destructor of a stream included
    as far as `abandon`.

    Args:
        channel: The runner's end.
        mailbox: Where its threads wait.
        ledger: Where it notes what it does.
    """

    def __init__(self, channel: Channel, mailbox: Mailbox, ledger: Ledger) -> None:
        self._channel = channel
        self._mailbox = mailbox
        self._ledger = ledger
        self._home = Home("nobody can be reached from a process that was forked from a runner")
        self._main = threading.main_thread().ident
        self._ids = itertools.count(1)
        self._tasks: dict[int, Task] = {}
        self._attended: set[int] = set()

    def ref(self, actor_urn: str, actor_class: type[Any]) -> RemoteRef:
        """Return a ref of an actor that does not live in this process."""
        inbox = RemoteInbox(self, actor_class, actor_urn)
        return RemoteRef(StandIn(actor_class, actor_urn, inbox), self)

    def send(
        self,
        errand: Errand,
        actor_urn: str,
        name: str,
        payload: tuple[Buffer, ...],
        reply_to: Any,
    ) -> None:
        """
        Send a message on its way.

        Args:
            errand: What it is for.
            actor_urn: For whom it is.
            name: What the message is, for people.
            payload: The message, pickled.
            reply_to: The future of whoever waits for an answer, if anybody does.
        """
        self._home.check()
        address = f"{actor_urn}\n{name}".encode("utf-8", "backslashreplace")
        task_id = next(self._ids)
        if reply_to is not None:
            self._tasks[task_id] = Task(self, task_id, (name,), (), reply_to)
        try:
            self._channel.send(Forward(task_id, errand), (address, *payload))
        except FrameTooLargeError:
            self._tasks.pop(task_id, None)
            raise
        except BaseException:
            # The sender has no future of it, whether it was sent or not when a handler raised.
            if self._tasks.pop(task_id, None) is not None:
                self._channel.send(CancelTask(task_id))
            raise

    def probe(self, actor_urn: str) -> bool:
        """Return whether an actor is alive, and can be reached from here."""
        if self._home.is_elsewhere:
            return False
        future: RunnerFuture[bool] = RunnerFuture()
        self.send(Errand.PROBE, actor_urn, "is_alive", (), future)
        alive: bool = future.get()
        return alive

    # What the parent says, in whichever thread has received it.

    def received(self, message: Answer, payload: tuple[Buffer, ...]) -> None:
        """
        Take a frame that concerns a task; nobody waits for one that is not known any more.

        It may be called twice with the same frame, if a signal's handler has interrupted it: so a
        task is answered first and taken out of the table then.
        """
        task = self._tasks.get(message.task_id)
        if task is None:
            return
        match message:
            case Chunk(_, sequence):
                task.push(sequence, payload, price(payload))
                return
            case StreamOpened():
                task.open_stream(message)
                return
            case Reply():
                task.answer(payload, None)
            case ReplyError(_, error):
                task.answer(payload, error)
            case StreamClosed():
                task.close()
        self._tasks.pop(task.id, None)

    # What askers and readers do, in their threads.

    def receive_until(self, task: Task, done: Callable[[], object], deadline: float | None) -> bool:
        """
        Receive in the caller's thread until something is so, or the time is over.

        Returns:
            `False`: in a runner nobody receives but those who wait.
        """
        self._home.check()
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        if threading.get_ident() != self._main:
            self._mailbox.wait_for(done, timeout)
            return False
        # A hang in here is somebody else's: the parent sees it in the ledger.
        before = self._ledger.awaited
        self._ledger.await_answer(task.id)
        try:
            self._mailbox.wait_for(done, timeout)
        finally:
            # Not 0 in a signal's handler.
            self._ledger.await_answer(before)
        return False

    def attend(self, task: Task) -> None:
        """
        See to it that somebody receives, for a waiter who does not: a coroutine.

        In a concurrent runner the loop does. In another, which runs a loop of its own within a
        handler, a thread has to.
        """
        # One for all chunks of a stream.
        if not self._mailbox.diverted and task.id not in self._attended:
            self._attended.add(task.id)
            threading.Thread(
                target=self._receive_all, args=(task.id,), name="actors-attendant", daemon=True
            ).start()

    def _receive_all(self, task_id: int) -> None:
        try:
            self._mailbox.wait_for(lambda: task_id not in self._tasks)
        finally:
            self._attended.discard(task_id)

    def cancel(self, task: Task) -> None:
        """Tell that nobody waits for a task any more."""
        task.cancelled = True
        if self._home.is_elsewhere:
            return
        if task.id in self._tasks:
            self._channel.send(CancelTask(task.id))
            # Only now: what a handler interrupts is done again.
            self._tasks.pop(task.id, None)
        self._mailbox.wake()

    def abandon(self, task: Task) -> None:
        """Do so soon, without taking a lock."""
        self._mailbox.call_soon(lambda: self.cancel(task))

    def grant(self, task: Task, amount: int) -> None:
        """Tell that a stream's reader can take more."""
        if task.id in self._tasks and not self._home.is_elsewhere:
            self._channel.send(Credit(task.id, amount))
