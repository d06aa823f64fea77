"""The way to a runner and back: who receives, the reactor or whoever waits for an answer."""

import select
import selectors
import threading
import time
from collections.abc import Callable
from typing import Final

from actors._channel import Channel, Receipt
from actors._frames import FromRunner, ToRunner
from actors._framing import Buffer
from actors._handlers import holds_others_up, in_main_thread
from actors._reactor import Reactor
from actors._spinner import Spinner

_PATIENCE: Final = 0.05
"""Seconds that an asker without an answer receives for itself. A longer wait can be left to the
reactor, which takes some 50 microseconds more."""
_IMPATIENCE: Final = 0.002
"""Seconds without an asker after which the reactor receives from a runner that asks for something
itself, for which nobody here waits."""
_REQUESTS: Final = 2
"""Requests of the runner's that an asker takes; then it leaves the channel to the reactor, which
passes them on and would have to be woken for each."""
_BUDGET: Final = 16
"""Receipts from one channel before the others get their turn."""


class Reception:
    """
    Receives from a channel in the reactor's thread, or in the thread of an asker.

    An answer that the reactor receives has to be handed to the asker's thread, which costs as
    much as the whole way there and back. So an asker receives for itself, and meanwhile for
    everybody. The reactor finds out when it is woken for nothing, and leaves the channel
    alone then, until no asker has been there for a while or one says that others still wait.

    Args:
        channel: The port's end.
        reactor: The supervisor's event loop.
        deliver: Called with each frame, by whoever has received it, one at a time. A signal's
            handler that raises may interrupt it; it is called again then, with the same frame.
        ended: Called in the reactor's thread when nothing will come any more.
    """

    def __init__(
        self,
        channel: Channel,
        reactor: Reactor,
        deliver: Callable[[FromRunner, tuple[Buffer, ...]], object],
        ended: Callable[[], object],
    ) -> None:
        self._channel = channel
        self._fd = channel.fileno()
        self.has_room: Final = channel.has_room
        self.occupied: Final = channel.occupied
        self._reactor = reactor
        self._deliver = deliver
        self._ended = ended
        self._turn = threading.Lock()
        self._leading = threading.Lock()
        self._poll = self._new_poll()
        self._in_main = False
        """Whether the main thread receives, which a signal's handler may interrupt."""
        self._spinner = Spinner()
        self._leads = 0
        self._rest_for = _PATIENCE
        self._requests = 0
        self._resting = False
        self._looking = False
        """Whether the reactor is going to look whether there still are askers."""
        self._writing = False
        self._selected = 0
        self._closed = False
        self._received = Receipt.NOTHING
        self._select()

    @property
    def open(self) -> bool:
        """Whether something can still come."""
        return not self._closed

    # What askers do, in their own threads.

    def post(
        self, message: ToRunner, payload: tuple[Buffer, ...] = (), *, borrowed: bool = False
    ) -> None:
        """
        Send a frame without blocking.

        Args:
            message: What to say.
            payload: The user's segments.
            borrowed: Whether they are somebody's who calls `release` next.
        """
        # One who is going to send what waits himself, until then.
        if self._channel.post(message, payload) and not borrowed:
            self._reactor.call_soon(self._want_to_write)

    def release(self) -> None:
        """Let the sender of what was posted change what was in it, from now on."""
        if self._channel.release():
            self._reactor.call_soon(self._want_to_write)

    def receive_until(
        self,
        done: Callable[[], object],
        deadline: float | None,
        others: Callable[[], object],
    ) -> bool:
        """
        Receive until something is so, or it takes long, or somebody else does it already.

        Args:
            done: Says whether it is so.
            deadline: Monotonic time at which to give up.
            others: Says whether anybody else waits for what is received here.

        Returns:
            Whether the caller may sleep until he is told: somebody else receives.
        """
        if self._closed:
            return True
        if not in_main_thread():
            return self._receive_for_all(done, deadline, others)
        if self._in_main:
            return self._receive_in_between(done, deadline)
        self._in_main = True
        try:
            return self._receive_for_all(done, deadline, others)
        finally:
            self._in_main = False

    def _receive_for_all(
        self,
        done: Callable[[], object],
        deadline: float | None,
        others: Callable[[], object],
    ) -> bool:
        finished: object = False
        leads: list[bool] = []
        requests = self._requests + _REQUESTS
        try:
            # One call of C: no handler can come between taking the lead and noting it.
            leads.extend(map(self._leading.acquire, (False,)))
            if not leads[0]:
                return True
            finished = self._lead(done, deadline, requests)
        except BaseException:
            # What a signal's handler has interrupted is completed there.
            self._reactor.call_soon(self._receive)
            raise
        finally:
            if leads and leads[0]:
                self._leads += 1
                self._leading.release()
                if self._resting and (not finished or others()):
                    self._reactor.call_soon(self._take_over)
        return not finished

    # A loop has a function of its own where something must be given back: CPython may call a
    # signal's handler where it jumps back, and does not count that as part of a `try` or `with`
    # around the loop.

    def _lead(self, done: Callable[[], object], deadline: float | None, requests: int) -> object:
        """Receive, as `receive_until`. Return whether it is so."""
        while not (finished := done()) and self._requests < requests:
            left = _PATIENCE if deadline is None else deadline - time.monotonic()
            wait = min(_PATIENCE, left)
            if wait <= 0:
                break
            ready = self._poll.poll
            come = self._spinner.look(ready, wait) or ready(wait * 1000 + 1)
            if not come or not self._receive():
                break
        return finished

    def _receive_in_between(self, done: Callable[[], object], deadline: float | None) -> bool:
        """Receive in a signal's handler that has interrupted who receives, as `receive_until`."""
        try:
            return self._lead_in_between(done, deadline)
        except BaseException:
            # What another handler has interrupted is completed there.
            self._reactor.call_soon(self._receive)
            raise

    def _lead_in_between(self, done: Callable[[], object], deadline: float | None) -> bool:
        # The other may be polling, and an object for that serves one at a time.
        poll = self._new_poll()
        while not done():
            left = _PATIENCE if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return False
            if poll.poll(min(_PATIENCE, left) * 1000 + 1) and not self._receive():
                return True
        return False

    def _new_poll(self) -> "select.poll":
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return poll

    def attend(self) -> None:
        """See to it that somebody receives, when more wait than one, who would receive himself."""
        if self._resting and not self._leading.locked():
            self._reactor.call_soon(self._take_over)

    def expect_requests(self) -> None:
        """Take note, while receiving, that the runner asks for something itself."""
        self._rest_for = _IMPATIENCE
        self._requests += 1

    # What the reactor does.

    def drain(self) -> None:
        """Receive all that is there, whoever else receives."""
        while self._receive() and self._received is Receipt.SOME:
            pass

    def close(self) -> None:
        """Receive nothing any more. Idempotent."""
        self._closed = True
        self._select()

    def _on_ready(self, events: int) -> None:
        # The same turn of the reactor may have closed it already.
        if self._closed:
            return
        if events & selectors.EVENT_WRITE and not self._channel.flush():
            self._writing = False
            self._select()
        if not events & selectors.EVENT_READ:
            return
        if self._leading.locked():
            self._rest()
            return
        for _ in range(_BUDGET):
            # After complete frames there is mostly nothing more, and if there is, one hears of it.
            if (
                not self._receive()
                or self._received is not Receipt.SOME
                or not self._channel.reader.partial
            ):
                return

    @holds_others_up
    def _receive(self) -> bool:
        """Receive once, in any thread. Return whether something can still come."""
        with self._turn:
            return not self._closed and self._receive_in_turn()

    def _receive_in_turn(self) -> bool:
        channel = self._channel
        self._received = receipt = channel.receive()
        pending = channel.reader.pending
        while pending:
            message, payload = pending[0]
            self._deliver(message, payload)  # type: ignore[arg-type]
            pending.popleft()
        if receipt is Receipt.CLOSED or channel.reader.problem is not None:
            self._reactor.call_soon(self._ended)
            return False
        return True

    def _want_to_write(self) -> None:
        self._writing = True
        self._select()

    def _rest(self) -> None:
        if not self._resting:
            self._resting = True
            self._select()
            # One at a time: among many askers it rests again long before it looks.
            if not self._looking:
                self._look_after(self._leads)

    def _look_after(self, leads: int) -> None:
        """Take over when nobody has led since."""
        self._looking = False
        if self._leads == leads and not self._leading.locked():
            self._take_over()
        elif self._resting:
            self._looking = True
            leads = self._leads
            self._reactor.call_later(self._rest_for, lambda: self._look_after(leads))

    def _take_over(self) -> None:
        self._resting = False
        self._select()

    def _select(self) -> None:
        reading = 0 if self._resting else selectors.EVENT_READ
        writing = selectors.EVENT_WRITE if self._writing else 0
        wanted = 0 if self._closed else reading | writing
        before, self._selected = self._selected, wanted
        if before == wanted:
            return
        if not wanted:
            self._reactor.unregister(self._fd)
        elif not before:
            self._reactor.register(self._fd, wanted, self._on_ready)
        else:
            self._reactor.modify(self._fd, wanted, self._on_ready)
