"""One message to a runner in an event loop: the task that handles it."""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Any, Final, Protocol

import pykka

from actors._answer import answer, answer_with_error
from actors._synchrony import is_running
from actors.errors import TaskCancelledError

logger: Final = logging.getLogger("pykka")
"""Pykka's own, as in `actors.runner`."""

_current: Final[ContextVar["Serving | None"]] = ContextVar("current", default=None)


class CurrentTask:
    """Where the answer of the message goes that the calling code is handling; as an `Incoming`."""

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for it any more."""
        serving = _current.get()
        return serving is not None and serving.cancelled


class Life(Protocol):
    """What a message needs to know of the runner's life."""

    runner: Any

    @property
    def failure(self) -> BaseException | None:
        """What ends the runner, if anything does."""

    def fail(self, error: BaseException) -> None:
        """End the runner."""

    def call_soon(self, call: Callable[[], object]) -> None:
        """Make a call in the loop, asked for in any thread."""

    def served(self, serving: "Serving") -> None:
        """Take note that a message is dealt with."""


class _Ear:
    """The bond of a future in the same process: hears that it was given up."""

    def __init__(self, heard: Callable[[], object]) -> None:
        self._heard = heard

    def receive(self, done: Callable[[], object], deadline: float | None) -> None:
        """Leave it to the runner's thread."""

    def attend(self) -> None:
        """Leave it to the runner's thread."""

    def cancel(self) -> None:
        """Tell the runner."""
        self._heard()


class Serving:
    """
    A message that was taken up.

    Args:
        life: The runner's life.
        envelope: The message.
    """

    def __init__(self, life: Life, envelope: Any) -> None:
        self._life = life
        reply_to = envelope.reply_to
        self._envelope: Any = envelope
        self._reply_to: Any = reply_to
        self._cancelled = False
        self._begun = False
        self._given_up = False
        self._changed = asyncio.Event()
        if isinstance(reply_to, pykka.Future):
            # In the same process: a RunnerFuture.
            envelope.reply_to.bond = _Ear(self._on_change)
        elif reply_to is not None:
            reply_to.listen(self._on_change)
        self._task: asyncio.Task[None]

    def begin(self) -> None:
        """Handle the message; with an eager task factory, as far as it need not wait, at once."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more; asked in any thread."""
        reply_to = self._reply_to
        return self._cancelled if reply_to is None else reply_to.cancelled

    def _is_given_up(self) -> bool:
        # What cancels it may have come while another handler kept the loop busy.
        reply_to = self._reply_to
        return reply_to is not None and self._life.runner._runner_link.cancelled(reply_to)

    def give_up(self) -> None:
        """Cancel the handler, once."""
        # One that has not begun looks for itself; cancelled now, it could not even say so.
        if self._begun and not self._given_up:
            self._given_up = True
            self._task.cancel()

    def _on_change(self) -> None:
        self._life.call_soon(self._look)

    def _look(self) -> None:
        self._changed.set()
        if self.cancelled:
            self.give_up()

    async def _run(self) -> None:
        self._begun = True
        _current.set(self)
        life = self._life
        try:
            try:
                if self._is_given_up() or life.failure is not None:
                    self._lose()
                else:
                    await self._serve()
            except asyncio.CancelledError as error:
                if self.cancelled or life.failure is not None:
                    self._lose()
                else:
                    # Of its own accord. To an asker in a coroutine it would look like his own.
                    reason = TaskCancelledError("the handler was cancelled")
                    reason.__cause__ = error
                    self._fail(reason)
            except Exception as error:  # noqa: BLE001 - the user's code
                self._fail(error)
        except BaseException as error:  # noqa: BLE001 - it ends the runner, and not the loop
            self._abandon(error)
        finally:
            # A thread of the handler's may look when that is gone, for it is not waited for.
            self._cancelled = self.cancelled
            # The task's context knows this object, which knows the task.
            self._envelope = self._reply_to = None
            life.served(self)

    async def _serve(self) -> None:
        runner = self._life.runner
        response = runner._handle_receive(self._envelope.message)
        if inspect.isawaitable(response):
            response = await settled(response)
        runner._runner_link.handled()
        if isinstance(response, AsyncIterator):
            await self._stream(response)
        elif is_running(response):
            await self._stream(_cooperative(response))
        elif self._reply_to is not None:
            answer(self._reply_to, response)

    async def _stream(self, chunks: AsyncIterator[Any]) -> None:
        if self._reply_to is None:
            async for _ in chunks:
                await asyncio.sleep(0)
            return
        # From here on only the asker holds the stream: if it is dropped, nobody reads.
        outlet = self._reply_to = self._reply_to.open_stream()
        self._envelope = None
        outlet.listen(self._on_change)
        try:
            while await self._room(outlet):
                try:
                    chunk = await anext(chunks)
                except StopAsyncIteration:
                    outlet.close(cancelled=False)
                    return
                outlet.put(chunk)
                # The others' turn, even if the generator has nothing to wait for.
                await asyncio.sleep(0)
        finally:
            # Its cleaning up shall not be cut short.
            self._given_up = True
            await _close(chunks)
        outlet.close(cancelled=True)

    async def _room(self, outlet: Any) -> bool:
        """Wait until the reader can take a chunk; return whether it still reads."""
        while not outlet.cancelled and not outlet.has_room():
            self._changed.clear()
            if not outlet.has_room():
                await self._changed.wait()
        return not outlet.cancelled

    def _lose(self) -> None:
        """End without an answer: nobody waits for it, or the runner ends."""
        failure = self._life.failure
        if failure is not None:
            self._life.runner._runner_link.abandoned(self._reply_to, failure)
        elif not isinstance(self._reply_to, pykka.Future):
            self._reply_to.close(cancelled=True)

    def _fail(self, error: Exception) -> None:
        runner, reply_to = self._life.runner, self._reply_to
        if self._life.failure is not None:
            # What it raises while it is being cancelled is not what ends the runner.
            logger.error("%s raised while it ended", runner, exc_info=error)
            self._lose()
        elif reply_to is None or runner.let_it_crash:
            self._abandon(error)
        else:
            logger.info("Exception returned from %s to caller:", runner, exc_info=error)
            answer_with_error(reply_to, error)

    def _abandon(self, error: BaseException) -> None:
        self._life.fail(error)
        self._life.runner._runner_link.abandoned(self._reply_to, self._life.failure or error)


async def settled(outcome: Any) -> Any:
    """Return what something awaitable gives, or what the coroutine does that it has returned."""
    outcome = await outcome
    # Not whatever can be awaited: a future that a coroutine returns is handed on.
    while inspect.iscoroutine(outcome):
        outcome = await outcome
    return outcome


async def _cooperative(chunks: Iterator[Any]) -> AsyncIterator[Any]:
    """Iterate over what knows nothing of the loop, which gets its turn in between."""
    try:
        for chunk in chunks:
            yield chunk
    except GeneratorExit:
        # Not at its own end: it may be something that is used again.
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
        raise


async def _close(chunks: AsyncIterator[Any]) -> None:
    """Close a generator, if it is one. Nobody waits for what it raises then."""
    close = getattr(chunks, "aclose", None)
    if close is None:
        return
    try:
        await close()
    except Exception:
        logger.exception("%r raised while it was being closed", chunks)
