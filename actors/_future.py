"""The future that a runner's asker gets."""

import copyreg
import queue
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable
from typing import Any, Final, Protocol, TypeVar

import pykka

from actors._answer import answer
from actors._bells import Bells
from actors._handlers import check_wait, holds_others_up, holds_others_up_with
from actors._payload import pack_exception
from actors._sealed import Sealed, new_lock
from actors._stream import LocalOutlet, Stream, StreamCore
from actors.errors import TaskCancelledError
from actors.termination import RunnerTerminationError

T = TypeVar("T")
J = TypeVar("J")
M = TypeVar("M")
R = TypeVar("R")
F = TypeVar("F")

_UNSET: Final = object()


class Bond(Protocol):
    """What a future can do about its answer: its task."""

    def receive(self, done: Callable[[], object], deadline: float | None) -> object:
        """Receive in the caller's thread until something is so, or for a while."""

    def attend(self) -> None:
        """See to it that somebody receives, for a waiter who does not."""

    def cancel(self) -> None:
        """Tell that nobody waits for the answer any more."""


class RunnerFuture(pykka.ThreadingFuture[T]):
    """
    A `pykka.ThreadingFuture` that can also hold what came from another process.

    An answer is unpickled by whoever gets it, not by the thread that received it.
    [`cancel`][actors.RunnerFuture.cancel] gives it up. A future that is sent to another process
    is waited for, and arrives with its answer.
    """

    # Class attributes, and no condition until somebody has to wait: an ask makes one future,
    # and what a future is made with adds up to as much as all the rest of its bookkeeping.
    _get_hook: Callable[[float | None], T] | None = None
    _get_hook_result: Any = _UNSET
    _hook_lock: Any = None
    _waiters: threading.Condition | None = None
    _bells: Bells | None = None
    _result: Any = None
    """The answer and the `sys.exc_info()` of an exception, one of them `None`."""
    _cancelled = False
    _told = False
    """Whether everybody was told of that."""
    _sources: tuple[pykka.Future[Any], ...] = ()
    """The futures that a hook waits for."""

    bond: Bond | None = None
    """Set by whoever is to answer; forgotten with the answer, since it knows the future."""

    def __init__(self) -> None:
        # Re-entrant: a signal's handler may receive the answer whose wait it has interrupted.
        self._lock = new_lock()

    @property
    def cancelled(self) -> bool:
        """Whether the answer was given up by `cancel`."""
        return self._cancelled

    def done(self) -> bool:
        """Return whether the answer is there."""
        return self._result is not None

    def get(self, *, timeout: float | None = None) -> T:
        """
        Return the answer.

        Args:
            timeout: Seconds to wait; `None`: as long as it takes.

        Raises:
            pykka.Timeout: If there is no answer in time.
            TaskTimedOutError: If the task took longer than `RunnerSpec.task_timeout`.
            TaskCancelledError: If the answer was given up.
            RunnerFailedError: If the runner ended before it answered.
            RunnerStoppedError: If it was stopped before.
            pykka.ActorDeadError: The base of both; itself, if it came too late for a runner that
                stopped.
            UnsendableError: If the answer cannot be pickled.
            FrameTooLargeError: If it exceeds the limit of its size.
            WireError: If the message, or the answer, cannot be rebuilt where it arrives.
            RemoteError: If the handler raised what cannot be sent.
            WaitInSignalHandlerError: If a signal's handler calls this where nothing can come.
            Exception: What the handler raised.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        if self._result is None and self._get_hook is None:
            self._wait(deadline, timeout)
            if deadline is not None:
                timeout = _left(deadline)
        if self._get_hook is not None and not self._cancelled:
            # Another thread may be calling it, and have more time than this one.
            if not self._hook_lock.acquire(timeout=-1 if timeout is None else max(0.0, timeout)):
                raise pykka.Timeout(f"{timeout} seconds")
            try:
                if self._get_hook_result is _UNSET:
                    self._get_hook_result = self._get_hook(timeout)
                made: T = self._get_hook_result
                return made
            finally:
                self._hook_lock.release()
        assert self._result is not None  # noqa: S101 - that is what was waited for
        value: Any
        value, exc_info = self._result
        if exc_info is not None:
            _raise(exc_info)
        opened: T = value.open() if isinstance(value, Sealed) else value
        return opened

    def __await__(self) -> Generator[Any, None, T]:
        """
        Return the answer as `get` does, while the event loop goes on.

        As asyncio's own future, it is cancelled when the coroutine is that waits for it, by a
        timeout say; `asyncio.shield` keeps it. If it has a get hook, which may block (`map`,
        `join` and the like set one), it is waited for in a thread of the loop's instead.
        """
        # Late: the module says why.
        from actors._awaiting import is_loop_running  # noqa: PLC0415

        if is_loop_running():
            return self._awaited().__await__()
        return super().__await__()

    @holds_others_up_with("_lock")
    async def _awaited(self) -> Any:
        from actors._awaiting import in_a_thread, until  # noqa: PLC0415

        if self._bells is None:
            with self._lock:
                self._bells = self._bells or Bells()
        bond = self.bond
        try:
            await until(self._settled, self._bells, None if bond is None else bond.attend)
        except BaseException:
            if not self._settled():
                self.cancel()
            raise
        if self._result is not None:
            return RunnerFuture.get(self)
        return await in_a_thread(self.get, self.cancel)

    def set(self, value: T | None = None) -> None:
        """
        Set the answer. It is dropped if the future was cancelled.

        Args:
            value: The answer.

        Raises:
            queue.Full: If there is one, or a hook that will make one.
        """
        self._set((value, None))

    def set_exception(self, exc_info: Any = None) -> None:
        """
        Set an exception as the answer.

        Args:
            exc_info: As of `sys.exc_info()`, which is called if it is not given.

        Raises:
            TypeError: If it is none, or no exception is being handled.
            queue.Full: If there is an answer, or a hook that will make one.
        """
        self._set((None, _checked(exc_info or sys.exc_info())))

    @holds_others_up
    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        """
        Have `get` call a function, once, and return what it returns; not if it was cancelled.

        Args:
            func: Called with the seconds that it may take, or `None`.

        Raises:
            queue.Full: If there is an answer.
        """
        with self._lock:
            if self._cancelled:
                return
            if self._result is not None:
                raise queue.Full
            self._get_hook = func
            # Re-entrant, as Pykka's: a hook may look at its own future.
            self._hook_lock = threading.RLock()
            self._wake()

    # What makes futures of futures, as Pykka does, and remembers of which.

    def filter(
        self: pykka.Future[Iterable[J]], func: Callable[[J], bool]
    ) -> pykka.Future[Iterable[J]]:
        """
        Return a future of the items for which a function returns `True`.

        Args:
            func: Called with each item of the answer, which has to be iterable.
        """
        return _made_of(pykka.ThreadingFuture.filter(self, func), self)

    def join(self: pykka.Future[Any], *futures: pykka.Future[Any]) -> pykka.Future[Iterable[Any]]:
        """
        Return a future of a list of this one's answer and the others'.

        Args:
            futures: The others, in the order of the list.
        """
        return _made_of(pykka.ThreadingFuture.join(self, *futures), self, *futures)

    def map(self, func: Callable[[T], M]) -> pykka.Future[M]:
        """
        Return a future of what a function makes of the answer.

        Args:
            func: Called once with the answer, by whoever gets it first.
        """
        return _made_of(super().map(func), self)

    def reduce(
        self: pykka.Future[Iterable[J]], func: Callable[[R, J], R], *args: R
    ) -> pykka.Future[R]:
        """
        Return a future of the items, made one by a function of two, from the left.

        Args:
            func: Called with what there is so far and the next item.
            args: What to begin with, if not with the first item.
        """
        return _made_of(pykka.ThreadingFuture.reduce(self, func, *args), self)

    @holds_others_up
    def cancel(self) -> bool:
        """
        Give the answer up; whoever gets it, gets a `TaskCancelledError`.

        The runner is told. A message that it has not taken up yet is not handled; a stream
        ends at its next chunk; other code sees [`Runner.cancelled`][actors.Runner.cancelled].

        A future that was made of others, by `map`, `join` and the like, gives them up.

        Returns:
            Whether there was something to give up: `False` after the answer. A stream is
            cancelled even then.
        """
        error = TaskCancelledError("the task was cancelled by its asker")
        with self._lock:
            answered = self._settled()
            if self._sources and self._result is None and self._get_hook_result is _UNSET:
                answered = False
            if not answered:
                self._cancelled = True
                self._result = (None, (type(error), error, None))
                self._wake()
        # Not what has just happened: a call before this one may have been interrupted here.
        if self._cancelled and not self._told:
            if self.bond is not None:
                self.bond.cancel()
            for each in self._sources:
                # Pykka's own futures cannot be given up.
                if isinstance(each, RunnerFuture):
                    each.cancel()
            self._told, self.bond = True, None
            return True
        stream = self._result[0] if self._result is not None else None
        if isinstance(stream, Stream):
            return stream.cancel()
        return False

    def open_stream(self) -> LocalOutlet:
        """Answer with a stream. Return the way to it, which does not hold it."""
        core = StreamCore(grant=lambda _chunks: None, abandon=lambda: None)
        # If it comes too late it is dropped here, and the runner sees that nobody reads.
        answer(self, Stream(core))
        return LocalOutlet(core)

    @holds_others_up
    def _set(self, result: tuple[Any, Any]) -> None:
        with self._lock:
            if self._result is None and self._get_hook is None:
                self._result = result
                self.bond = None
            elif self._cancelled:
                return
            else:
                # Whoever has set it may have been interrupted before it told anybody.
                self._wake()
                raise queue.Full
            self._wake()

    def _wake(self) -> None:
        if self._waiters is not None:
            self._waiters.notify_all()
        if self._bells is not None:
            self._bells.ring()

    def _settled(self) -> bool:
        return self._result is not None or self._get_hook is not None

    @holds_others_up_with("_lock")
    def _wait(self, deadline: float | None, timeout: float | None) -> None:
        check_wait()
        bond = self.bond
        if bond is not None:
            bond.receive(self.done, deadline)
            if self._result is not None:
                return
        with self._lock:
            if self._waiters is None:
                self._waiters = threading.Condition(self._lock)
            if not self._waiters.wait_for(self._settled, _left(deadline)):
                raise pykka.Timeout(f"{timeout} seconds")


def _made_of(future: F, *sources: pykka.Future[Any]) -> F:
    """Return a future that has a hook, after noting which others that waits for."""
    if isinstance(future, RunnerFuture):
        future._sources = sources  # noqa: SLF001 - of this module's own class
    return future


def reduce_future(future: pykka.Future[Any]) -> tuple[Any, ...]:
    """Pickle a future as one that has its answer, after waiting for that."""
    try:
        return answered, (future.get(),)
    except Exception as error:  # noqa: BLE001 - whatever it is, is the answer
        segments = tuple(map(bytes, pack_exception(error)))
        return failed, (segments, RunnerTerminationError.from_exception(error))


def answered(value: Any) -> RunnerFuture[Any]:
    """Return a future with its answer."""
    future: RunnerFuture[Any] = RunnerFuture()
    future.set(value)
    return future


def failed(segments: tuple[bytes, ...], error: RunnerTerminationError) -> RunnerFuture[Any]:
    """Return a future with an exception as its answer, which is made again when it is raised."""
    return answered(Sealed(segments, error))


copyreg.pickle(pykka.ThreadingFuture, reduce_future)
copyreg.pickle(RunnerFuture, reduce_future)


def _checked(exc_info: Any) -> Any:
    if not isinstance(exc_info, tuple) or len(exc_info) != 3 or exc_info[0] is None:  # noqa: PLR2004
        raise TypeError(f"exc_info must be that of an exception, not {exc_info!r}")
    return exc_info


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _raise(exc_info: Any) -> None:
    kind, error, trace = exc_info
    if error is None:
        error = kind()
    raise error if error.__traceback__ is trace else error.with_traceback(trace)
