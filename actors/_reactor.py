"""One thread that waits for everything: channels, outputs, process exits and deadlines."""

import heapq
import itertools
import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from actors._spinner import Spinner

logger: Final = logging.getLogger("actors")
_LONGEST_WAIT: Final = 3600.0
"""Seconds; epoll(7) takes milliseconds in 31 bits, and a timeout may be meant as "never"."""


class Timer:
    """A call that is due at a time; `cancel` keeps it from happening."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], object]) -> None:
        self._call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Forget the call. Idempotent; harmless after the call."""
        self._call = None

    @property
    def pending(self) -> bool:
        """Whether the call is still to come."""
        return self._call is not None

    def fire(self) -> None:
        """Make the call unless it was cancelled."""
        call, self._call = self._call, None
        if call is not None:
            call()


class Reactor:
    """
    The event loop of one supervisor.

    Only `call_soon`, `call_later` and `close` may be called from other threads; they take no
    lock, so they are safe in a destructor too. A callback that raises is logged as a bug of
    ours and does not stop the loop.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._selector.register(self._wake_in, selectors.EVENT_READ, self._drain_wakeups)
        self._calls: deque[Callable[[], object]] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._spinner = Spinner()
        self._awake = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="actors-reactor", daemon=True)
        self._thread.start()

    @property
    def in_thread(self) -> bool:
        """Whether the caller runs in the reactor's thread."""
        return threading.current_thread() is self._thread

    def call_soon(self, call: Callable[[], object]) -> None:
        """Make a call in the reactor's thread. After `close` it is dropped."""
        self._calls.append(call)
        self._wake()

    def call_later(self, delay: float, call: Callable[[], object]) -> Timer:
        """
        Make a call in the reactor's thread after `delay` seconds.

        Returns:
            The timer, which can be cancelled.
        """
        timer = Timer(call)
        due = time.monotonic() + delay
        if self.in_thread:
            self._schedule(due, timer)
        else:
            self.call_soon(lambda: self._schedule(due, timer))
        return timer

    def register(self, fd: int, events: int, callback: Callable[[int], object]) -> None:
        """Call back with the ready events whenever a descriptor is ready."""
        self._selector.register(fd, events, callback)

    def modify(self, fd: int, events: int, callback: Callable[[int], object]) -> None:
        """Change what is waited for."""
        self._selector.modify(fd, events, callback)

    def unregister(self, fd: int) -> None:
        """Stop waiting for a descriptor. Call it before closing the descriptor."""
        self._selector.unregister(fd)

    def close(self, timeout: float = 10.0) -> None:
        """
        End the loop after the calls made so far, and wait for its thread.

        Args:
            timeout: Seconds to wait. A callback that does not return is a bug, and logged.
        """
        self._closing = True
        self._wake()
        if self.in_thread:
            return
        self._thread.join(timeout)
        if self._thread.is_alive():
            logger.error("the reactor's thread did not end within %g s; please report", timeout)

    def _schedule(self, due: float, timer: Timer) -> None:
        heapq.heappush(self._timers, (due, next(self._order), timer))

    def _wake(self) -> None:
        # The loop clears the flag before it makes the calls: a caller that finds it set has
        # appended its call in time. The loop's own thread has to wake itself too: a destructor
        # may run there between the last look at the calls and the wait.
        if self._awake:
            return
        self._awake = True
        # Full: the loop is being woken anyway. Closed: there is no loop to wake. No other module's
        # help: destructors come here, too, when the interpreter has taken the modules apart.
        try:  # noqa: SIM105
            self._wake_out.send(b"\0")
        except OSError:
            pass

    def _drain_wakeups(self, _events: int) -> None:
        self._wake_in.recv(4096)
        self._awake = False

    def _run(self) -> None:
        try:
            while True:
                patience, select = self._patience(), self._selector.select
                for key, events in self._spinner.look(select, patience) or select(patience):
                    self._guard(key.data, events)
                self._fire_timers()
                self._make_calls()
                if self._closing and not self._calls:
                    return
        finally:
            self._selector.close()
            self._wake_in.close()
            self._wake_out.close()

    def _patience(self) -> float | None:
        if self._calls or self._closing:
            return 0.0
        if not self._timers:
            return None
        return min(max(0.0, self._timers[0][0] - time.monotonic()), _LONGEST_WAIT)

    def _fire_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            self._guard(heapq.heappop(self._timers)[2].fire)

    def _make_calls(self) -> None:
        # Not "while": calls that make calls must not keep the descriptors waiting.
        for _ in range(len(self._calls)):
            self._guard(self._calls.popleft())

    @staticmethod
    def _guard(call: Callable[..., object], *args: Any) -> None:
        try:
            call(*args)
        except Exception:
            logger.exception("a callback of the reactor raised; please report")
