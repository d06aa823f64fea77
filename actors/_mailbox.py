"""The inbox of a runner in its own process, which receives for itself."""

import contextlib
import select
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from actors._channel import Channel, Receipt
from actors._framing import Frame
from actors._home import Home
from actors._spinner import Spinner
from actors.errors import WaitInSignalHandlerError

if TYPE_CHECKING:
    import asyncio

_LOOK_EVERY: Final = 0.001
"""Seconds between two looks at the channel of code that does not wait for anything."""

_LONGEST_WAIT: Final = 3600.0
"""Seconds; poll(2) takes milliseconds in 31 bits, and a timeout may be meant as "never"."""
_ident: Final = threading.get_ident
_PATIENCE: Final = 1.0
"""Seconds after which who waits for another to receive looks for itself: a handler may have
interrupted the other before it said that it is done."""


class Mailbox:
    """
    Where a runner's threads wait: for a message, for room in a stream, for another's answer.

    No thread of its own receives and hands over: that would cost two switches of threads for
    each message. Whoever waits receives for all; if several wait, one of them does, and tells
    the others when something has come. While nobody waits, what comes stays in the socket.

    Args:
        channel: The runner's end.
        take: Called with each frame, by whoever has received it; returns the envelope to put
            into the inbox, if it is one.
        on_closed: Called when the other end has closed or what comes cannot be read.
    """

    def __init__(
        self,
        channel: Channel,
        take: Callable[[Frame], Any],
        on_closed: Callable[[], object],
    ) -> None:
        self._channel = channel
        self._take = take
        self._on_closed = on_closed
        self._messages: deque[Any] = deque()
        self._calls: deque[Callable[[], object]] = deque()
        # Taken by itself: a handler could come between a condition's own method and its lock.
        # Re-entrant, for a signal's handler that puts something in, or waits.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._receiving = threading.Lock()
        self._leader = 0
        """The thread that receives, if one does."""
        self._nested = False
        """Whether a handler has received, so that the one it has interrupted is to look again."""
        self._unfinished = False
        """Whether a handler has interrupted what had been received and was not dealt with."""
        self._last: Frame | None = None
        self._waiting = 0
        self._looked_at = 0.0
        self._refuse: Callable[[Any], object] | None = None
        self._keep: Callable[[Any], object] = self._messages.append
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._diverted: tuple[Callable[[Frame], Any], asyncio.AbstractEventLoop]
        self.diverted = False
        """Whether an event loop receives."""
        self.in_loop = False
        """Whether the loop has called us, and so goes on with what is ready before it sleeps."""
        self._wake_fd = self._wake_in.fileno()
        self._poll = self._new_poll()
        self._spinner = Spinner()
        self._home = Home("a runner cannot be reached from a process that was forked from it")

    # What Pykka knows of an inbox.

    def put(self, envelope: Any) -> None:
        """
        Add an envelope of this process's own, or refuse it if the inbox is closed.

        What has come from elsewhere before is received before: an actor that tells itself to go
        on, after each part of its work, lets others in between.

        Raises:
            pykka.ActorDeadError: If this process was forked from the runner's.
        """
        self._home.check()
        self.look()
        with self._lock:
            refuse = self._refuse
            if refuse is None:
                self._keep(envelope)
        if refuse is not None:
            refuse(envelope)
        else:
            self.wake()

    def get(self) -> Any:
        """Return the next envelope."""
        if self._calls:
            self._make_calls()
        while not self._messages:
            self._turn(self._messages.__len__, None)
        return self._messages.popleft()

    def empty(self) -> bool:
        """Return whether no message has been received that is not handled yet."""
        return not self._messages

    def close(self, refuse: Callable[[Any], object]) -> None:
        """Refuse what is waiting, and everything from now on."""
        with self._lock:
            self._refuse = refuse
            left = tuple(self._messages)
            self._messages.clear()
        for envelope in left:
            refuse(envelope)

    # An event loop may take the place of whoever gets.

    def divert(self, loop: "asyncio.AbstractEventLoop", sink: Callable[[Any], object]) -> None:
        """
        Have a loop receive, and hand envelopes over instead of keeping them for `get`.

        Args:
            loop: The loop of the caller's thread.
            sink: Called with each envelope, those that wait first, in whichever thread has
                received or put it, maybe with a lock held.
        """
        take = self._take

        def take_and_hand_over(frame: Frame) -> None:
            envelope = take(frame)
            if envelope is not None:
                (self._refuse or sink)(envelope)

        with self._changed:
            for envelope in self._messages:
                sink(envelope)
            self._messages.clear()
            self._take, self._keep = take_and_hand_over, sink
        self._diverted = take, loop
        self.diverted = True
        loop.add_reader(self._channel.fileno(), self._called, self.look)
        loop.add_reader(self._wake_fd, self._called, self._answer_bell)

    def restore(self, envelopes: Iterable[Any]) -> None:
        """
        Keep envelopes again, and leave receiving to whoever waits.

        Args:
            envelopes: Those that were handed over, and are given back.
        """
        take, loop = self._diverted
        self.diverted = False
        loop.remove_reader(self._channel.fileno())
        loop.remove_reader(self._wake_fd)
        with self._changed:
            self._take, self._keep = take, self._messages.append
            self._messages.extend(envelopes)

    # What else can be waited for.

    def wait_for(self, ready: Callable[[], Any], timeout: float | None = None) -> bool:
        """
        Receive, or wait while another thread does, until something is so.

        Args:
            ready: Says whether it is so; called often, with a lock held.
            timeout: Seconds to wait.

        Returns:
            Whether it is so.

        Raises:
            WaitInSignalHandlerError: If a signal's handler waits that has interrupted the receipt
                of something.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            return self._wait_until(ready, deadline)
        finally:
            if self._nested:
                self._nested = False
                # What has come may be what the other waits for.
                self.wake()

    def _wait_until(self, ready: Callable[[], Any], deadline: float | None) -> bool:
        while True:
            left = None if deadline is None else min(deadline - time.monotonic(), _LONGEST_WAIT)
            if self._turn(ready, left):
                return True
            if left is not None and left <= 0:
                return False

    def wake(self) -> None:
        """Have everybody who waits look again, after a change that did not come by the channel."""
        with self._lock:
            self._changed.notify_all()
            receiving = self._receiving.locked()
        if receiving:
            # Full: it is being woken anyway.
            with contextlib.suppress(BlockingIOError):
                self._wake_out.send(b"\0")

    def wake_for_signals(self) -> None:
        """
        Have each signal that has a handler wake whoever waits; for the main thread to call.

        One that comes in the moment before he sleeps would be handled when he wakes up next.
        """
        signal.set_wakeup_fd(self._wake_out.fileno(), warn_on_full_buffer=False)

    def call_soon(self, call: Callable[[], object]) -> None:
        """
        Make a call soon, in a thread that waits; takes no lock, so it suits a destructor.

        It may be made twice, by two threads or if a signal's handler interrupts it.
        """
        self._calls.append(call)
        # Closed: the process is ending.
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_out.send(b"\0")

    def look(self) -> None:
        """Receive what is there, without waiting, unless another thread does."""
        self._turn(bool, 0.0)

    def glance(self) -> None:
        """Look, if the last look is a while ago. Cheap enough for every turn of a loop."""
        if time.monotonic() - self._looked_at >= _LOOK_EVERY:
            self.look()

    def _turn(self, ready: Callable[[], Any], timeout: float | None) -> bool:
        """Unless something is so, receive once for all, or wait while another thread does."""
        leads: list[bool] = []
        nested = False
        try:
            with self._lock:
                self._try_to_lead(leads)
                nested = not leads[0] and self._leader == _ident()
                # Only now: what a handler puts in from here on, it rings for.
                if ready():
                    return True
                if not leads[0] and not nested:
                    self._wait(timeout)
            if leads[0]:
                self._receive(timeout)
            elif nested and (timeout is None or timeout > 0):
                self._receive_in_between(timeout)
        finally:
            if leads and leads[0]:
                self._receiving.release()
                if self._waiting:
                    self.wake()
        return False

    def _try_to_lead(self, leads: list[bool]) -> None:
        """Take the lead, if nobody has it, and note whether that was so; with the lock held."""
        if not self._receiving.locked():
            self._leader = _ident()
        # One call of C: no handler can come between taking the lead and noting it.
        leads.extend(map(self._receiving.acquire, (False,)))
        if leads[0]:
            self._leader = _ident()

    def _receive_in_between(self, timeout: float | None) -> None:
        """Receive in a signal's handler that has interrupted who receives."""
        if self._unfinished:
            raise WaitInSignalHandlerError
        # The other may be polling, and an object for that serves one at a time.
        poll, self._poll = self._poll, self._new_poll()
        self._nested = True
        try:
            self._receive(timeout)
        finally:
            self._poll = poll

    def _new_poll(self) -> "select.poll":
        poll = select.poll()
        poll.register(self._channel.fileno(), select.POLLIN)
        poll.register(self._wake_fd, select.POLLIN)
        return poll

    def _wait(self, timeout: float | None) -> None:
        """Wait until the one who receives has something to tell, or was interrupted."""
        if timeout is not None and timeout <= 0:
            return
        self._waiting += 1
        try:
            self._changed.wait(_PATIENCE if timeout is None else min(timeout, _PATIENCE))
        finally:
            self._waiting -= 1

    def _receive(self, timeout: float | None) -> None:
        # A call may still be there whose bell a handler has drowned.
        done = not self._unfinished and not self._calls
        if done and (timeout is None or timeout > 0):
            ready = self._poll.poll
            # Rounded up: a wait that ends too early would be repeated until the time has come.
            for fd, _ in self._spinner.look(ready, timeout) or ready(
                None if timeout is None else timeout * 1000 + 1
            ):
                if fd == self._wake_fd:
                    self._drain_bell()
        self._unfinished = True
        if self._calls:
            self._make_calls()
        receipt = self._channel.receive()
        self._looked_at = time.monotonic()
        pending = self._channel.reader.pending
        while pending:
            frame = pending[0]
            if frame is not self._last:
                envelope = self._take(frame)
                # Nothing is called between the two: an envelope is put in once.
                self._last = frame
                if envelope is not None:
                    self._messages.append(envelope)
            pending.popleft()
        self._last = None
        self._unfinished = False
        if receipt is Receipt.CLOSED or self._channel.reader.problem is not None:
            self._on_closed()

    def _called(self, call: Callable[[], object]) -> None:
        self.in_loop = True
        try:
            call()
        finally:
            self.in_loop = False

    def _answer_bell(self) -> None:
        """Make the calls that are wanted, in the loop, for which the bell may be meant."""
        self._make_calls()
        leads: list[bool] = []
        try:
            with self._lock:
                self._try_to_lead(leads)
            # It may be meant for another thread that receives, and hears it itself.
            if leads[0]:
                self._drain_bell()
        finally:
            if leads and leads[0]:
                self._receiving.release()
                if self._waiting:
                    self.wake()

    def _drain_bell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_in.recv(4096)

    def _make_calls(self) -> None:
        while self._calls:
            try:
                call = self._calls[0]
            except IndexError:  # another thread was quicker
                return
            call()
            # Only now: what a handler interrupts is called again.
            with contextlib.suppress(ValueError):
                self._calls.remove(call)
