"""The life of a runner in an asyncio event loop."""

import asyncio
import contextlib
import contextvars
import inspect
import logging
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from actors._serving import CurrentTask, Serving, settled
from actors._stop_request import is_stop

_pykka_logger: Final = logging.getLogger("pykka")


class ConcurrentLife:
    """
    Runs a runner's hooks, and as many of its handlers at a time as there are messages.

    Args:
        runner: The runner.
        refuse: Answers a message that comes too late.
    """

    def __init__(self, runner: Any, refuse: Callable[[Any], object]) -> None:
        self.runner = runner
        self.failure: BaseException | None = None
        self._refuse = refuse
        self._link = runner._runner_link
        self._inbox = runner.actor_inbox
        self._arrivals: deque[Any] = deque()
        self._looking = False
        self._servings: set[Serving] = set()
        self._stop: Any = None
        self._thread = threading.get_ident()
        self._in_main_thread = threading.current_thread() is threading.main_thread()
        self._loop: asyncio.AbstractEventLoop
        # The hooks run in it, and each message in a copy.
        self._context: Final = contextvars.copy_context()
        self._main: asyncio.Task[Any] | None = None
        self._serving = False
        self._changed = asyncio.Event()
        runner._runner_reply_to = CurrentTask()

    def run(self) -> None:
        """
        Live in this thread.

        Raises:
            BaseException: What ended the runner.
        """
        with asyncio.Runner() as loop:
            try:
                failure = loop.run(self._live(), context=self._context)
            except BaseException as error:
                # Ctrl-C, or SystemExit in a task of the user's own: it has left the loop at once.
                loop.run(self._fall_by(error))
                raise
        if failure is not None:
            raise failure

    async def _live(self) -> BaseException | None:
        """Return what ended the runner: raised in a task, it could leave the loop too early."""
        self._loop = asyncio.get_running_loop()
        self._main = asyncio.current_task()
        # From the first hook on: one may wait for what comes in.
        self._inbox.divert(self._loop, self._arrive)
        try:
            return await self._serve()
        finally:
            # Until here what the last ones wait for was still received.
            self._inbox.restore(self._arrivals)
            if self._stop is not None:
                self._refuse(self._stop)

    async def _serve(self) -> BaseException | None:
        try:
            await self._start_up()
            self._serving = True
            self._take_up()
            while self.failure is None and (self._stop is None or self._servings):
                self._changed.clear()
                await self._changed.wait()
        except asyncio.CancelledError as error:
            # Ctrl-C, says `asyncio.Runner`, and makes a KeyboardInterrupt of it.
            self.failure = self.failure or error
            self._link.failing(KeyboardInterrupt())
            await self._end()
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised when the loop is closed
            self.fail(error)
        await self._end()
        return self.failure

    async def _fall_by(self, error: BaseException) -> None:
        if self._main is None or self._main.done():
            return
        self.fail(error)
        if not self._serving:
            self._main.cancel()
        await asyncio.wait({self._main})

    async def _start_up(self) -> None:
        for outcome, tell in self.runner._runner_hooks():
            result = await _settled(outcome)
            if tell is None:
                continue
            if isinstance(result, AsyncIterator):
                async for progress in result:
                    tell(progress)
            else:
                for progress in result or ():
                    tell(progress)
                    await asyncio.sleep(0)

    # What comes in.

    def call_soon(self, call: Callable[[], object]) -> None:
        """Make a call in the loop, asked for in any thread and in the context of any handler."""
        loop = self._loop
        # In the main thread it may be a signal's handler, which the loop sleeps on after.
        here = threading.get_ident() == self._thread and (
            not self._in_main_thread or self._inbox.in_loop
        )
        # Closed: the runner has ended, and its thread's number may be another's.
        with contextlib.suppress(RuntimeError):
            (loop.call_soon if here else loop.call_soon_threadsafe)(call, context=self._context)

    def _arrive(self, envelope: Any) -> None:
        self._arrivals.append(envelope)
        if not self._looking:
            self._looking = True
            self.call_soon(self._take_up)

    def _take_up(self) -> None:
        self._looking = False
        while self._arrivals and self._serving and self._stop is None and self.failure is None:
            envelope = self._arrivals.popleft()
            if is_stop(envelope):
                self._stop = envelope
                # At once: a handler in flight may wait for what comes after the stop.
                self.runner._runner_refuse_the_rest()
                while self._arrivals:
                    self._refuse(self._arrivals.popleft())
            elif self._link.begun(envelope):
                serving = Serving(self, envelope)
                self._servings.add(serving)
                serving.begin()
            else:
                self._rest()
        self._changed.set()

    # What becomes of it.

    def served(self, serving: Serving) -> None:
        """Take note that a message is dealt with."""
        self._servings.discard(serving)
        if not self._servings:
            self._changed.set()
            self._rest()

    def _rest(self) -> None:
        idle = not self._servings and not self._arrivals
        if idle and self._stop is None and self.failure is None:
            self._link.idle()

    def fail(self, error: BaseException) -> None:
        """End the runner. The first reason counts."""
        if self.failure is None:
            self.failure = error
            self._link.failing(error)
            self._changed.set()

    async def _end(self) -> None:
        """Call the last hook of a runner that has begun, after whatever is still in flight."""
        runner, error = self.runner, self.failure
        runner._runner_leave()
        if error is not None:
            for serving in tuple(self._servings):
                serving.give_up()
            while self._servings:
                self._changed.clear()
                await self._changed.wait()
        if not runner._runner_begun:
            return
        if isinstance(error, Exception):
            await self._last_hook(runner.on_failure, type(error), error, error.__traceback__)
        else:
            _pykka_logger.debug("Stopped %s", runner)
            await self._last_hook(runner.on_stop)

    async def _last_hook(self, hook: Callable[..., Any], *args: Any) -> None:
        main: Any = self._main
        cancellations = main.cancelling()
        try:
            await _settled(hook(*args))
        except asyncio.CancelledError:
            # One more: Ctrl-C, says `asyncio.Runner`. Else the hook awaits what it has cancelled.
            if main.cancelling() > cancellations:
                raise
            self.runner._handle_failure(*sys.exc_info())
        except Exception:  # noqa: BLE001 - the user's code; logged as Pykka does
            self.runner._handle_failure(*sys.exc_info())
        except (SystemExit, KeyboardInterrupt) as error:
            # Not raised in the loop, which it would leave at once.
            self.failure = self.failure or error


async def _settled(outcome: Any) -> Any:
    """Return what a hook has returned, or what the coroutine that it has returned does."""
    return await settled(outcome) if inspect.isawaitable(outcome) else outcome
