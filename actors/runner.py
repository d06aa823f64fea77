"""Runner: a Pykka actor that lives in a thread or in a process of its own."""

import contextlib
import logging
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import ContextVar
from types import TracebackType
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

import pykka

from actors._answer import answer, answer_with_error
from actors._closing_inbox import ClosingInbox
from actors._future import RunnerFuture
from actors._pump import pump
from actors._runner_link import NoLink, RunnerLink, ThreadLink
from actors._stop_request import is_stop
from actors._stream import Stream
from actors._synchrony import check_answer, check_flags, check_hooks, is_running
from actors.messages import (
    Progress,
    RunnerConnected,
    RunnerConnecting,
    RunnerIdle,
    RunnerLoaded,
    RunnerLoading,
    RunnerReady,
    RunnerWarmingUp,
)

logger: Final = logging.getLogger("pykka")
"""Pykka's own: what its actors log, runners log in the same words and the same place."""

Loading: TypeAlias = Iterator[Progress] | AsyncIterator[Progress] | Awaitable[None] | None
"""What `Runner.load` may return; what needs an event loop, only if it is `concurrent`."""
_Tell: TypeAlias = Callable[[Progress], None]


class Birth(NamedTuple):
    """What a runner that is being made in a process of its own must become."""

    runner_class: type
    actor_urn: str
    inbox: Any
    link: RunnerLink


birth: Final[ContextVar[Birth | None]] = ContextVar("birth", default=None)
"""Set by the host while it calls the runner's constructor."""


class Runner(pykka.ThreadingActor):
    """
    An actor that may die.

    `MyRunner.start(...)` runs it in a thread of this process, as any Pykka actor, and returns
    when `on_start` has returned, or raises what `on_start` has raised. A
    [`Supervisor`][actors.Supervisor] runs it in a process of its own, where the constructor
    and every hook are called in the main thread. Subclasses may override, beside Pykka's
    `on_start`, `on_stop`, `on_failure` and `on_receive`, the lifecycle hooks `connect`, `load`
    and `warm_up`, which are called in this order after `on_start`.

    A handler that returns an iterator (a generator, say) answers with a stream of chunks:
    the asker gets a [`Stream`][actors.Stream]. A file in memory, such as `io.BytesIO`, is a value
    like any other.

    An exception in a handler goes to the asker, and the runner lives on. An exception in a
    hook, or in a handler whose message nobody waits for (`tell`), ends the runner, as it does
    in Pykka; under a supervisor that is a failure. `SystemExit` and `KeyboardInterrupt` end
    this runner only.
    """

    let_it_crash: ClassVar[bool] = False
    """
    Whether an exception in a handler ends the runner even if somebody waits for the answer.

    Set it where a runner that gave up one message would be of no use for the next: a member
    of a ring is out of step with the others for ever. The asker gets the failure instead of
    the exception, which is in its reason.
    """

    concurrent: ClassVar[bool] = False
    """
    Whether the runner lives in an asyncio event loop and handles many messages at a time.

    Its hooks and handlers may be coroutine functions then, and an asynchronous generator answers
    with a stream. Each message becomes an asyncio task, and they start in the order in which the
    messages came. See the guide [Many messages at a time](../guides/concurrency.md).
    """

    _runner_link: RunnerLink = NoLink()
    _runner_reply_to: Any = None
    """Where the answer of the message that is being handled goes, if anybody waits for it."""
    _runner_begun = False
    """Whether `on_start` is done: from then on a last hook is called, whatever ends the runner."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        super().__init__()
        self.actor_inbox: ClosingInbox
        born = birth.get()
        if born is not None and born.runner_class is type(self):
            # Another one of this class, made by its constructor, is not the one that was launched.
            birth.set(None)
            self._runner_link = born.link
            self.actor_urn = born.actor_urn
            self.actor_inbox = born.inbox
            self._actor_ref = pykka.ActorRef(self)

    # Pykka's hooks, for type checkers: here they may be coroutine functions, if `concurrent`.

    def on_start(self) -> Awaitable[None] | None:  # type: ignore[override]
        """Begin. The runner is up when this is done."""

    def on_stop(self) -> Awaitable[None] | None:  # type: ignore[override]
        """Clean up after a stop, `SystemExit` or `KeyboardInterrupt`."""

    def on_failure(  # type: ignore[override]
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> Awaitable[None] | None:
        """
        Clean up after an exception that ends the runner, unless `on_start` has raised it.

        Args:
            exception_type: Its class.
            exception_value: The exception.
            traceback: Where it was raised.
        """

    def connect(self) -> Awaitable[None] | None:
        """Reach whom the runner works with. Called once, after `on_start`."""

    def load(self) -> Loading:
        """Load what the runner works on; may yield [`Progress`][actors.Progress]."""

    def warm_up(self) -> Awaitable[None] | None:
        """Do what makes the first message as quick as the others."""

    @property
    def cancelled(self) -> bool:
        """
        Whether nobody waits any more for the answer of the message that is being handled.

        For code that computes without yielding: it may ask as often as it likes, in the handler
        or in a thread that the handler waits for. If the runner is `concurrent`, that thread must
        run in a copy of the handler's context, as `asyncio.to_thread` has it do, and may even
        outlive the handler; in any other this is `False`.
        """
        task = self._runner_reply_to
        return task is not None and self._runner_link.cancelled(task)

    @contextlib.contextmanager
    def waiting_for(self, whom: str) -> Iterator[None]:
        """
        Declare that what happens inside may block because of somebody else.

        A runner that hangs inside counts as an after-effect of another's failure, and one
        that hangs outside as a root cause. What waits for the answer of another actor needs no
        declaration, since that is known, but for what a concurrent runner awaits.

        Args:
            whom: Who is waited for, such as `rank 2`.
        """
        self._runner_link.waiting(whom)
        try:
            yield
        finally:
            self._runner_link.waiting(None)

    @staticmethod
    def _create_future() -> pykka.Future[Any]:
        return RunnerFuture()

    @staticmethod
    def _create_actor_inbox() -> ClosingInbox:
        return ClosingInbox()

    def _start_actor_loop(self) -> None:
        """
        Start the thread, and wait until the runner is up.

        Raises:
            pykka.ActorDeadError: If `on_start` has raised `SystemExit` or `KeyboardInterrupt`.
            Exception: What else `on_start` has raised.
        """
        link = self._runner_link = ThreadLink(self._runner_log)
        super()._start_actor_loop()
        link.up.get()

    def _actor_loop(self) -> None:
        """Live in a thread."""
        error: BaseException | None = None
        try:
            self._runner_live()
        except BaseException as problem:  # noqa: BLE001 - a thread has nobody to raise to
            error = problem
        self._runner_refuse_the_rest()
        if error is not None and isinstance(self._runner_link, ThreadLink):
            self._runner_link.ended(error)

    def _runner_log(self, error: BaseException) -> None:
        """Log what ends a runner in a thread, as Pykka does, but that it ends nobody else."""
        if isinstance(error, Exception):
            logger.error("Unhandled exception in %s:", self, exc_info=error)
        else:
            logger.debug("%r in %s. Stopping it.", error, self)

    def _runner_live(self) -> None:
        """Run the hooks and handle messages until the end; raise what ended it, if anything."""
        try:
            check_flags(self)
            if self.concurrent:
                # Late: most runners have no use for asyncio, which takes long to import.
                from actors._concurrent import ConcurrentLife  # noqa: PLC0415

                ConcurrentLife(self, self._runner_refuse).run()
                return
            self._runner_start_up()
            self._runner_serve()
        except BaseException as error:
            self._runner_fall(error)
            raise

    def _runner_serve(self) -> None:
        # Apart: CPython may call a signal's handler where a loop jumps back, and does not count
        # that as part of the `try` around the loop.
        while not self.actor_stopped.is_set():
            self._runner_handle(self.actor_inbox.get())

    def _runner_start_up(self) -> None:
        check_hooks(self)
        for outcome, tell in self._runner_hooks():
            if tell is not None:
                for progress in outcome or ():
                    tell(progress)

    def _runner_hooks(self) -> Iterator[tuple[Any, _Tell | None]]:
        """
        Call the hooks that come before the first message, each when the one before is done.

        Yields:
            What a hook has returned, and whom to tell of what that yields, if anybody.
        """
        link = self._runner_link
        kind = type(self)
        yield self.on_start(), None
        self._runner_begun = True
        link.status(RunnerIdle())
        if kind.connect is not Runner.connect:
            link.status(RunnerConnecting())
            yield self.connect(), None
            link.status(RunnerConnected())
        if kind.load is not Runner.load:
            link.status(RunnerLoading())
            yield self.load(), self._runner_tell_progress
            link.status(RunnerLoaded())
        if kind.warm_up is not Runner.warm_up:
            link.status(RunnerWarmingUp())
            yield self.warm_up(), None
        link.status(RunnerReady())

    def _runner_tell_progress(self, progress: Progress) -> None:
        self._runner_link.status(RunnerLoading(progress.layers_loaded, progress.total_layers))

    def _runner_handle(self, envelope: Any) -> None:
        reply_to = envelope.reply_to
        try:
            if is_stop(envelope):
                try:
                    self._stop()
                finally:
                    self._runner_refuse(envelope)
                return
            if not self._runner_link.begun(envelope):
                self._runner_rest()
                return
            self._runner_reply_to = reply_to
            response = self._handle_receive(envelope.message)
            self._runner_link.handled()
            running = is_running(response)
            # A stream is somebody else's, who is told as soon as nobody reads it any more.
            if reply_to is not None and (not running or isinstance(response, Stream)):
                answer(reply_to, response)
            elif running:
                check_answer(response)
                if reply_to is None:
                    deque(response, maxlen=0)
                else:
                    # From here on only the asker holds the stream: if it is dropped, nobody reads.
                    self._runner_reply_to = reply_to = reply_to.open_stream()
                    del envelope
                    pump(response, reply_to)
        except Exception as error:
            if reply_to is None or self.let_it_crash:
                self._runner_link.abandoned(reply_to, error)
                raise
            logger.info("Exception returned from %s to caller:", self, exc_info=True)
            answer_with_error(reply_to, error)
        except BaseException as error:
            # Set: it is `on_stop` that has raised, and its stop is answered.
            if not self.actor_stopped.is_set():
                self._runner_link.abandoned(reply_to, error)
            raise
        self._runner_reply_to = None
        self._runner_rest()

    def _runner_rest(self) -> None:
        if self.actor_inbox.empty():
            self._runner_link.idle()

    def _stop(self) -> None:
        """Stop, as Pykka does, and say so before the last hook is called."""
        self._runner_link.leaving()
        super()._stop()

    def _runner_leave(self) -> None:
        """Be dead for everybody who looks."""
        if not self.actor_stopped.is_set():
            self._runner_link.leaving()
            pykka.ActorRegistry.unregister(self.actor_ref)
            self.actor_stopped.set()

    def _runner_fall(self, error: BaseException) -> None:
        """Clean up after what ends the runner, wherever it was raised: by a signal, say."""
        self._runner_link.failing(error)
        if not self._runner_begun:
            self._runner_leave()
        elif self.actor_stopped.is_set():
            # It is the last hook that has raised.
            return
        elif not isinstance(error, Exception):
            self._stop()
        else:
            self._runner_leave()
            try:
                self.on_failure(type(error), error, error.__traceback__)
            except Exception:  # noqa: BLE001 - the user's code; logged as Pykka does
                self._handle_failure(*sys.exc_info())

    def _runner_refuse_the_rest(self) -> None:
        """Answer what has come too late, and what still comes."""
        self.actor_inbox.close(self._runner_refuse)

    def _runner_refuse(self, envelope: Any) -> None:
        """Answer a message that was not handled before the end: a stop as done, others as lost."""
        reply_to = envelope.reply_to
        if reply_to is None:
            return
        if is_stop(envelope):
            answer(reply_to, None)
        else:
            error = pykka.ActorDeadError(f"{self.actor_ref} stopped before handling the message")
            answer_with_error(reply_to, error)
