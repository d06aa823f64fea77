"""A streamed answer: chunks in order, a bounded number of them at a time."""

import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Generic, NoReturn, Self, TypeVar

from actors._bells import Bells
from actors._framing import Buffer
from actors._handlers import check_wait, holds_others_up, holds_others_up_with
from actors._sealed import Sealed
from actors.errors import TaskCancelledError, WireError

T_co = TypeVar("T_co", covariant=True)

WINDOW: Final = 256
"""Credit that a reader gives in advance. Each chunk takes its price of it, and when nothing is left
the runner waits until the reader has taken some."""
_UNIT: Final = 64 * 1024
"""Bytes of a chunk that cost one more: 16 MiB and one chunk may be under way, however large."""
NUMBERS: Final = 1 << 32
"""Sequence numbers there are before they begin again."""
_OFTEN_ENOUGH: Final = WINDOW // 2
"""Credit that is granted at once, and not for each chunk."""
_TURN: Final = 64
"""Chunks that a coroutine takes at most before the others of its loop get their turn."""


def price(payload: Sequence[Buffer]) -> int:
    """Return how much credit a chunk takes that is sent; both sides must agree on it."""
    if len(payload) == 1 and len(payload[0]) < _UNIT:
        return 1
    return 1 + sum(map(len, payload)) // _UNIT


_NOTHING: Final = object()
"""What another reader was quicker to take."""


class StreamCore:
    """
    What the two sides of a stream share.

    It must not refer to the `Stream`, whose being garbage-collected means that nobody reads
    any more.

    Args:
        grant: Called in the reader's thread with the price of chunks that were taken.
        abandon: Called if the reader goes away before the end, and again if a signal's handler has
            interrupted it; takes no lock.
        receive: Receives in the caller's thread until something is so, or for a while; says
            whether the caller may sleep then, because somebody else receives.
        attend: Sees to it that somebody receives, for a reader who does not.
    """

    def __init__(
        self,
        grant: Callable[[int], object],
        abandon: Callable[[], object],
        receive: Callable[[Callable[[], object], float | None], bool] | None = None,
        attend: Callable[[], object] | None = None,
    ) -> None:
        self._grant = grant
        self._abandon = abandon
        self._receive = receive
        self._attend = attend
        self._bells: Bells | None = None
        self._changed: Callable[[], object] | None = None
        # Taken by itself: a handler could come between a condition's own method and its lock.
        self._lock = threading.RLock()
        self._condition = threading.Condition(self._lock)
        self._chunks: dict[int, tuple[Any, int]] = {}
        self._taken = 0
        self._owed = 0
        """The price of what was taken, to be granted."""
        self._ended = False
        self._cancelled = False
        self._told = False
        """Whether the writer was told of that."""
        self._error: BaseException | Sealed | None = None

    @property
    def cancelled(self) -> bool:
        """Whether the reader has gone away."""
        return self._cancelled

    @holds_others_up
    def push(self, chunk: Any, sequence: int | None = None, cost: int = 1) -> None:
        """
        Add a chunk. After the end it is dropped.

        Args:
            chunk: The chunk, or the `Sealed` one.
            sequence: Its number modulo 2**32, if it may be delivered twice; it is added once.
            cost: Its price.
        """
        with self._lock:
            if self._ended or self._cancelled:
                return
            if sequence is None:
                place = self._taken + len(self._chunks)
            else:
                ahead = (sequence - self._taken) % NUMBERS
                if ahead >= NUMBERS // 2:
                    return
                place = self._taken + ahead
            self._chunks[place] = chunk, cost
            self._condition.notify()
            if self._bells is not None:
                self._bells.ring()

    @holds_others_up
    def finish(self, error: BaseException | Sealed | None = None) -> None:
        """End the stream, after the chunks that are there. Only the first end counts."""
        with self._lock:
            if not self._ended:
                self._error = error
                self._ended = True
            # Even the second time: the first may have been interrupted before it told anybody.
            self._condition.notify_all()
            if self._bells is not None:
                self._bells.ring()

    def listen(self, changed: Callable[[], object]) -> None:
        """Have a call made, in the reader's thread, when there is room again or nobody reads."""
        self._changed = changed

    def has_room(self) -> bool:
        """Return whether the reader can take a chunk (same process)."""
        return len(self._chunks) < WINDOW

    @holds_others_up_with("_lock")
    def wait_for_room(self) -> bool:
        """Wait until the reader can take a chunk (same process). Return whether it still reads."""
        with self._lock:
            self._condition.wait_for(lambda: self._cancelled or len(self._chunks) < WINDOW)
            return not self._cancelled

    def pop(self) -> Any:
        """
        Wait for the next chunk.

        Raises:
            StopIteration: At the end.
            BaseException: What the stream ended with.
        """
        chunk = _NOTHING
        while chunk is _NOTHING:
            chunk = self._take(sleep=self._must_sleep())
        return self._paid_for(chunk)

    async def pop_in_loop(self) -> Any:
        """
        Wait for the next chunk in an event loop, where others may wait for it, too.

        Raises:
            StopAsyncIteration: At the end.
            BaseException: What the stream ended with.
        """
        try:
            while (chunk := self._take(sleep=False)) is _NOTHING:
                await self._wait_in_loop()
        except StopIteration:
            raise StopAsyncIteration from None
        return self._paid_for(chunk)

    def _paid_for(self, chunk: Any) -> Any:
        if self._owed >= _OFTEN_ENOUGH:
            self._pay()
        return chunk.open() if isinstance(chunk, Sealed) else chunk

    def _must_sleep(self) -> bool:
        """Receive, if nothing is there. Return whether somebody else brings what is to come."""
        if self.ready():
            return False
        check_wait()
        if self._receive is None:
            return True
        if self._owed >= _OFTEN_ENOUGH:
            # A handler has interrupted it: without credit nothing might come any more.
            self._pay()
        return self._receive(self.ready, None)

    @holds_others_up
    def _pay(self) -> None:
        owed = self._owed
        self._grant(owed)
        # Only now: what a handler interrupts is granted again, which is more than it should be.
        with self._lock:
            self._owed -= owed

    @holds_others_up_with("_lock")
    def _take(self, *, sleep: bool) -> Any:
        """Take the next chunk, if it is there or comes while this sleeps, or raise the end."""
        with self._lock:
            if sleep:
                self._condition.wait_for(self.ready)
            elif not self.ready():
                return _NOTHING
            if self._cancelled:
                raise TaskCancelledError("the stream was cancelled by its reader")
            if not self._chunks:
                self._raise_end()
            if self._taken not in self._chunks:
                raise WireError("channel", f"chunk {self._taken} of a stream is missing")
            # Once it is out of here, nothing is called until it is accounted for.
            chunk, cost = self._chunks[self._taken]
            del self._chunks[self._taken]
            self._taken += 1
            self._owed += cost
            self._condition.notify_all()
            # Once for half a window: a writer that waits has filled it.
            if self._changed is not None and len(self._chunks) == WINDOW // 2:
                self._changed()
        return chunk

    def ready(self) -> object:
        """Say whether `pop` would not have to wait."""
        return self._chunks or self._ended or self._cancelled

    @holds_others_up_with("_lock")
    async def _wait_in_loop(self) -> None:
        # Late: the module says why.
        from actors._awaiting import until  # noqa: PLC0415

        with self._lock:
            if self._bells is None:
                self._bells = Bells()
        await until(self.ready, self._bells, self._attend)

    def _raise_end(self) -> NoReturn:
        if isinstance(self._error, Sealed):
            self._error.open()
        if isinstance(self._error, BaseException):
            raise self._error
        raise StopIteration

    @holds_others_up
    def cancel(self) -> bool:
        """Stop reading. Idempotent; harmless after the end. Return whether it was open."""
        with self._lock:
            open_still = not (self._ended or self._cancelled)
            if open_still:
                self._cancelled = True
                self._chunks.clear()
                self._condition.notify_all()
                if self._bells is not None:
                    self._bells.ring()
        # Not what has just happened: a call before this one may have been interrupted here.
        if self._cancelled and not self._told:
            if self._changed is not None:
                self._changed()
            self._abandon()
            self._told = True
        return open_still


class Stream(Generic[T_co]):
    """
    The answer of a handler that returned an iterator, to be iterated once.

    In a coroutine, `async for` and `async with` do the same without blocking the event loop.
    There a chunk that was waited for in vain, until a timeout say, is not lost: the next one to
    ask gets it.

    The runner is held back when chunks are not taken: it is at most 256 of them ahead of its
    reader, and from another process 16 MiB and one chunk. Leaving a stream before its end, by
    `cancel`, by leaving its `with` block, or by dropping it, cancels the task: the runner's
    generator gets a `GeneratorExit` at its next yield.
    """

    def __init__(self, core: StreamCore) -> None:
        self._core = core
        self._turn = 0

    def __iter__(self) -> Iterator[T_co]:
        return self

    def __aiter__(self) -> AsyncIterator[T_co]:
        return self

    def __next__(self) -> T_co:
        """
        Return the next chunk.

        Raises:
            StopIteration: At the end.
            TaskCancelledError: If the stream was cancelled.
            TaskTimedOutError: If it took longer than `RunnerSpec.task_timeout`.
            RunnerFailedError: If the runner ended before the stream did.
            RunnerStoppedError: If it was stopped before.
            UnsendableError: If a chunk cannot be pickled.
            FrameTooLargeError: If one exceeds the limit of its size.
            WireError: If one cannot be rebuilt here.
            RemoteError: If the handler raised what cannot be sent.
            Exception: What the handler raised.
        """
        chunk: T_co = self._core.pop()
        return chunk

    async def __anext__(self) -> T_co:
        """
        Return the next chunk, as `next` does, while the event loop goes on.

        Raises:
            StopAsyncIteration: At the end.
            Exception: What `next` raises, for the same reasons.
        """
        from actors._awaiting import pause  # noqa: PLC0415

        self._turn += 1
        if self._turn % _TURN == 0:
            await pause()
        chunk: T_co = await self._core.pop_in_loop()
        return chunk

    def cancel(self) -> bool:
        """
        Tell the runner that nobody reads any more. Idempotent; harmless after the end.

        Returns:
            Whether the stream was still open.
        """
        return self._core.cancel()

    def close(self) -> None:
        """Do the same; a generator's name for it, for `contextlib.closing` too."""
        self._core.cancel()

    async def aclose(self) -> None:
        """Do the same; an asynchronous generator's name for it, for `contextlib.aclosing` too."""
        self._core.cancel()

    def result(self) -> list[T_co]:
        """Return the chunks that are still to come, when all have come; raises as iteration."""
        return list(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._core.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._core.cancel()

    def __reduce__(self) -> NoReturn:
        """
        Refuse: a stream is read by whoever has asked for it.

        Raises:
            TypeError: Always; it says what can be sent instead.
        """
        raise TypeError(
            "a stream is read where it was asked for: send its result(), or the ref of the runner "
            "that is to be asked; a handler may return a stream as its answer"
        )

    def __del__(self) -> None:
        # The lock is re-entrant, and nothing is called with it held: safe in a destructor.
        # There is no core if a handler has interrupted `__init__`.
        core: StreamCore | None = getattr(self, "_core", None)
        if core is not None:
            core.cancel()


class LocalOutlet:
    """Where a runner in a thread puts its chunks."""

    def __init__(self, core: StreamCore) -> None:
        self._core = core

    @property
    def cancelled(self) -> bool:
        """Whether the reader has gone away."""
        return self._core.cancelled

    def listen(self, changed: Callable[[], object]) -> None:
        """Have a call made, in any thread, when there is room again or nobody reads."""
        self._core.listen(changed)

    def has_room(self) -> bool:
        return self._core.has_room()

    def wait_for_room(self) -> bool:
        return self._core.wait_for_room()

    def put(self, chunk: Any) -> None:
        self._core.push(chunk)

    def close(self, *, cancelled: bool) -> None:
        del cancelled
        self._core.finish()

    def set_exception(self, exc_info: Any = None) -> None:
        self._core.finish((exc_info or sys.exc_info())[1])
