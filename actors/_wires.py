"""What connects a port with its process: channel, two outputs, the exit."""

import contextlib
import functools
import os
import selectors
import signal
import time
from typing import Final, Protocol

from actors._channel import Channel
from actors._exit_watch import CAN_LOOK, has_ended, open_exit_watch
from actors._frames import FromRunner
from actors._framing import Buffer
from actors._launch import Child
from actors._reactor import Reactor
from actors._reception import Reception
from actors._warden import Warden
from actors.errors import WireError

_READ_SIZE: Final = 64 * 1024
"""Capacity of a pipe on Linux, and the size that one pass of the scanner is tuned for."""
_READS_PER_TURN: Final = 4
_DRAIN_IDLE: Final = 0.1
"""Seconds without output after which a pipe held open by somebody else counts as drained."""
_DRAIN_LIMIT: Final = 2.0
"""Seconds after the exit at which the drain ends, whoever still writes."""
_LATE_CHECK: Final = 0.5
"""Seconds between two looks at a process that was given up."""
_SLOW_CHECK: Final = 0.1
"""Seconds between two looks at a process for whose exit the system has no descriptor."""


class WiresListener(Protocol):
    """Who is told, in the reactor's thread but for `frame`, what comes from the process."""

    def frame(self, message: FromRunner, payload: tuple[Buffer, ...]) -> None:
        """Take a frame, in the thread that has received it, perhaps twice (`Reception`)."""

    def channel_ended(self, problem: WireError | None) -> None:
        """Take note that no frame will come any more, and why if the process lives."""

    def output(self, fd: int, data: bytes) -> None:
        """Take what the process has written to its fd 1 or 2."""

    def ended(self, status: int | None) -> None:
        """Take note that the process is reaped and everything it wrote was handed over."""


class Wires:
    """
    The descriptors of one process in the reactor, from its launch until everything is read.

    All of it belongs to the reactor's thread, but for what `reception` says of itself.

    Args:
        child: The process.
        limit: Bytes of the largest frame.
        reactor: The supervisor's event loop.
        warden: Who ends the process if this one ends.
        listener: Who is told.
    """

    def __init__(
        self,
        child: Child,
        limit: int,
        reactor: Reactor,
        warden: Warden,
        listener: WiresListener,
    ) -> None:
        self.pid: Final = child.pid
        self._warden = warden
        warden.watch(child.pid)
        self._process = child.process
        self._reactor = reactor
        self._listener = listener
        self._channel = Channel(child.channel, limit)
        self._channel_open = True
        self._outputs = {child.stdout: 1, child.stderr: 2}
        self._exited_at: float | None = None
        self._last_output = 0.0
        self._closed = False
        self.reception: Final = Reception(
            self._channel, reactor, listener.frame, self._on_channel_end
        )
        for fd in self._outputs:
            reactor.register(fd, selectors.EVENT_READ, functools.partial(self._on_output, fd))
        self._watch = open_exit_watch(child.pid)
        if self._watch is not None:
            reactor.register(self._watch.fileno(), selectors.EVENT_READ, self._reap)
        else:
            reactor.call_later(_SLOW_CHECK, self._check_slowly)

    @property
    def exited(self) -> bool:
        """Whether the process is reaped."""
        return self._exited_at is not None

    @property
    def channel_open(self) -> bool:
        """Whether frames can still come."""
        return self._channel_open

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, unless it is reaped."""
        if not self.exited:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill_group(self) -> None:
        """End the process and the children it has started, unless it is reaped."""
        if not self.exited:
            # EPERM: macOS says so for a group of zombies only.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Give back every descriptor. Nothing is told any more. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._end_channel(None)
        for fd in tuple(self._outputs):
            self._end_output(fd)
        self._end_watch()
        self._channel.close()

    def leave(self) -> None:
        """Give back every descriptor of a process that cannot be ended; reap it if it ends yet."""
        self.close()
        if self._process.poll() is None:
            self._reactor.call_later(_LATE_CHECK, self.leave)
        else:
            self._warden.release(self.pid)

    # The channel.

    def _on_channel_end(self) -> None:
        self._end_channel(self._channel.reader.problem)

    def _end_channel(self, problem: WireError | None) -> None:
        if not self._channel_open:
            return
        self._channel_open = False
        self.reception.close()
        if not self._closed and not self.exited:
            self._listener.channel_ended(problem)
        self._conclude()

    # The outputs.

    def _on_output(self, fd: int, _events: int = 0) -> None:
        """Hand on what a pipe holds, up to a budget."""
        for _ in range(_READS_PER_TURN):
            # The same turn of the reactor may have closed it already.
            if fd not in self._outputs:
                return
            try:
                data = os.read(fd, _READ_SIZE)
            except BlockingIOError:
                return
            if not data:
                self._end_output(fd)
                return
            self._last_output = time.monotonic()
            self._listener.output(self._outputs[fd], data)
            if len(data) < _READ_SIZE:
                return

    def _end_output(self, fd: int) -> None:
        del self._outputs[fd]
        self._reactor.unregister(fd)
        os.close(fd)
        self._conclude()

    # The exit.

    def _check_slowly(self) -> None:
        if self.exited or self._closed:
            return
        if has_ended(self.pid) if CAN_LOOK else self._process.poll() is not None:
            self._reap()
        else:
            self._reactor.call_later(_SLOW_CHECK, self._check_slowly)

    def _reap(self, _events: int = 0) -> None:
        """
        Reap the process, which has ended, and read what it has left.

        1.  The process has ended but was not waited for: its id is still its own.
        2.  Its children are ended now, since after 3 the id of the group could be another's.
        3.  It is reaped.
        4.  The pipes are read to their end, or until a process that left the group and holds
            them open has been silent for a while.
        """
        if self.exited:
            return
        self.kill_group()
        self._warden.release(self.pid)
        if self._process.poll() is None:
            return
        self._exited_at = self._last_output = time.monotonic()
        self._end_watch()
        self.reception.drain()
        for fd in tuple(self._outputs):
            self._on_output(fd)
        # Soon: after what the frames have put on the reactor's list.
        self._reactor.call_soon(self._conclude)

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._reactor.unregister(self._watch.fileno())
            self._watch.close()
            self._watch = None

    def _conclude(self) -> None:
        """Tell the end, once everything is read; called again at each pipe's end."""
        if self._exited_at is None or self._closed:
            return
        now = time.monotonic()
        due = min(self._last_output + _DRAIN_IDLE, self._exited_at + _DRAIN_LIMIT)
        if (self._channel_open or self._outputs) and now < due:
            # The reactor goes on reading; this looks again when nothing has come for a while.
            self._reactor.call_later(due - now, self._conclude)
            return
        self.close()
        self._listener.ended(self._process.status)
