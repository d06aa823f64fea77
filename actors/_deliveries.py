"""What a runner sends to an actor of this process: unpickled and handed over, in a thread of it."""

import logging
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

import pykka
from pykka._envelope import Envelope

from actors._frames import Errand
from actors._framing import Buffer
from actors._future import RunnerFuture
from actors._handing_on import answer_later, give_up, hand_on, takes_time
from actors._payload import pack, unpack
from actors._return_path import ReturnPath
from actors._stop_request import ActorStop
from actors._stream import WINDOW, price

logger: Final = logging.getLogger("actors")


class Deliveries:
    """
    Puts the messages of one runner into the inboxes of actors that live in this process.

    Unpickling runs code of the user, and so may an inbox, so neither is done in the thread that
    receives from every runner. It is done before a message is in the inbox, and not by the
    actor: an actor whose Pykka would end it for a message that cannot be read shall not be
    ended by a runner. The order of one runner's messages is kept. The thread is started with the
    first message.

    Args:
        sender: Name of the runner, for people.
    """

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self._queue: queue.SimpleQueue[tuple[Any, ...] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def put(
        self,
        ref: pykka.ActorRef[Any],
        errand: Errand,
        payload: tuple[Buffer, ...],
        path: ReturnPath | None,
    ) -> None:
        """
        Have a message delivered.

        Args:
            ref: For whom it is.
            errand: What it is for.
            payload: The pickled message.
            path: The way of the answer, if anybody waits for it.
        """
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name=f"actors-deliveries-{self._sender}", daemon=True
            )
            self._thread.start()
        self._queue.put((ref, errand, payload, path))

    def close(self) -> None:
        """End the thread, after what was put before. Idempotent."""
        if self._thread is not None:
            self._queue.put(None)

    def _run(self) -> None:
        while (delivery := self._queue.get()) is not None:
            self._deliver(*delivery)
            # What was delivered is not to be kept until the next comes.
            del delivery

    def _deliver(
        self,
        ref: pykka.ActorRef[Any],
        errand: Errand,
        payload: tuple[Buffer, ...],
        path: ReturnPath | None,
    ) -> None:
        if path is not None and path.closed:
            return
        try:
            message = ActorStop() if errand is Errand.STOP else unpack(payload)
            if ref.is_alive():
                reply_to = None if path is None else DistantAnswer(path)
                ref.actor_inbox.put(Envelope(message, reply_to=reply_to))
                return
            problem: Exception = pykka.ActorDeadError(f"{ref} not found")
        except Exception as error:  # noqa: BLE001 - the sender gets it
            problem = error
        if path is not None:
            path.fail(problem)
        else:
            logger.warning("a message of %s to %s is lost: %s", self._sender, ref, problem)


class DistantAnswer(RunnerFuture[Any]):
    """
    The future that an actor of this process answers, for a runner that waits elsewhere.

    What is set is pickled and sent by the thread that sets it. That cannot fail for the actor:
    an answer that cannot be pickled is the asker's to know.

    Args:
        path: The way of the answer.
    """

    def __init__(self, path: ReturnPath) -> None:
        super().__init__()
        self._path = path
        self._outlet: DistantOutlet | None = None
        self._followed: Any = None
        path.undertaking = self
        # The asker may have given up while the message was unpickled.
        if path.closed:
            self.cancel()

    def set(self, value: Any = None) -> None:
        """Answer with a value, or later if it is a future."""
        super().set(value)
        if takes_time(value):
            self._followed = value
            hand_on(value, _Late(self))
            if self.cancelled:
                # It was given up before there was anything to hand that on to.
                self.cancel()
        else:
            self.send(value)

    def set_exception(self, exc_info: Any = None) -> None:
        """Answer with an exception."""
        super().set_exception(exc_info)
        self._path.fail(_error_of(exc_info))

    def set_get_hook(self, func: Callable[[float | None], Any]) -> None:
        """Answer with what a function returns, in a thread: nobody gets it in this process."""
        super().set_get_hook(func)
        if self.cancelled:
            return
        answer_later(self.get, _Late(self))

    def send(self, value: Any) -> None:
        """Send an answer."""
        try:
            self._path.reply(value)
        except Exception as error:  # noqa: BLE001 - the asker gets it
            self._path.fail(error)

    def fail(self, error: BaseException) -> None:
        """Send an exception."""
        self._path.fail(error)

    def open_stream(self) -> "DistantOutlet":  # type: ignore[override]  # the same, but elsewhere
        """Answer with a stream. Return the way to it."""
        self._outlet = outlet = DistantOutlet(self._path)
        self._path.open_stream()
        if self.cancelled:
            outlet.cancel()
        return outlet

    # What the asker says.

    def cancel(self) -> bool:
        """Nobody waits any more: whatever is under way is given up."""
        given_up = super().cancel()
        if self._outlet is not None:
            self._outlet.cancel()
        give_up(self._followed)
        return given_up

    def grant(self, amount: int) -> None:
        """The reader can take more chunks."""
        if self._outlet is not None:
            self._outlet.grant(amount)


class _Late:
    """A `DistantAnswer` that is set already, with something that had to be waited for."""

    def __init__(self, answer: DistantAnswer) -> None:
        self._answer = answer

    def send(self, value: Any) -> None:
        self._answer.send(value)

    def set_exception(self, exc_info: Any = None) -> None:
        self._answer.fail(_error_of(exc_info))

    def open_stream(self) -> "DistantOutlet":
        return self._answer.open_stream()


class DistantOutlet:
    """
    Where an actor of this process puts its chunks, for a reader in another.

    Args:
        path: The way to it.
    """

    def __init__(self, path: ReturnPath) -> None:
        self._path = path
        self._changed = threading.Condition()
        self._room = WINDOW
        self._sequence = 0
        self._listener: Callable[[], object] | None = None
        self.cancelled = False

    def listen(self, changed: Callable[[], object]) -> None:
        """Have a call made, in any thread, when there is room again or nobody reads."""
        self._listener = changed

    def has_room(self) -> bool:
        """Return whether the reader can take a chunk."""
        return self._room > 0

    def wait_for_room(self) -> bool:
        """Wait until the reader can take a chunk; return whether it still reads."""
        with self._changed:
            self._changed.wait_for(lambda: self._room > 0 or self.cancelled)
        return not self.cancelled

    def put(self, chunk: Any) -> None:
        """Send a chunk."""
        payload = pack(chunk, "the chunk")
        self._path.chunk(self._sequence, payload)
        self._sequence += 1
        with self._changed:
            self._room -= price(payload)

    def close(self, *, cancelled: bool) -> None:
        """End the stream."""
        self._path.close(cancelled=cancelled)

    def set_exception(self, exc_info: Any = None) -> None:
        """End the stream with an exception."""
        self._path.fail(_error_of(exc_info))

    def grant(self, amount: int) -> None:
        """Take note that the reader can take more chunks."""
        with self._changed:
            self._room += amount
            self._changed.notify()
        self._tell()

    def cancel(self) -> None:
        """Take note that nobody reads any more."""
        with self._changed:
            self.cancelled = True
            self._changed.notify()
        self._tell()

    def _tell(self) -> None:
        if self._listener is not None:
            self._listener()


def _error_of(exc_info: Any) -> Any:
    """Return the exception; Pykka's futures may be given its class only."""
    kind: Any
    kind, error, _ = exc_info or sys.exc_info()
    return error if error is not None else kind()
