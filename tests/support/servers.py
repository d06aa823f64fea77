"""Runners in an event loop, for the tests. They live here because a new process finds them by name."""

import asyncio
import contextlib
import io
import os
import sys
import threading
from collections import Counter, defaultdict
from contextvars import ContextVar
from pathlib import Path

from gate import pass_gate

import actors

_variable = ContextVar("variable", default=None)


class Server(actors.Runner):
    """
    Serves many at a time, and tells what has become of them.

    Args:
        path: A file for what is noted, which outlives the runner.
    """

    concurrent = True

    def __init__(self, path=None):
        super().__init__()
        self.path = path
        self.order = []
        self.produced = Counter()
        self._changed = asyncio.Condition()
        self._noted = Counter()
        self._gates = defaultdict(asyncio.Event)
        self._background = set()

    async def on_receive(self, message):
        return message

    async def on_stop(self):
        await self._note("on_stop")

    async def on_failure(self, exception_type, exception_value, traceback):
        await self._note(f"on_failure {exception_type.__name__}")

    async def _note(self, what):
        async with self._changed:
            self._write(what)
            self._noted[what] += 1
            self._changed.notify_all()

    def _write(self, what):
        if self.path is not None:
            with Path(self.path).open("a") as file:
                file.write(f"{what}\n")

    @contextlib.contextmanager
    def _noting_the_end(self, name):
        try:
            yield
        except BaseException as error:
            self._write(f"{type(error).__name__} in {name}")
            self._noted[f"{type(error).__name__} in {name}"] += 1
            task = asyncio.ensure_future(self._note("an end"))
            self._background.add(task)
            task.add_done_callback(self._background.discard)
            raise

    async def noted(self, what, number=1):
        """Wait until something was noted so often."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._noted[what] >= number)
        return True

    # Asks.

    def add(self, left, right):
        return left + right

    async def hold(self, name):
        """Wait at a gate."""
        await self._note(f"at {name}")
        with self._noting_the_end(name):
            await self._gates[name].wait()
        return name

    async def hold_by_others(self, name, number=2):
        """Return a coroutine, and that another one, as if it was forgotten to await them."""
        return self.hold_by_others(name, number - 1) if number else self.hold(name)

    def open(self, name):
        self._gates[name].set()

    async def append(self, number):
        self.order.append(number)

    async def learn(self, name, value):
        """Get an attribute that proxies have not seen yet."""
        setattr(self, name, value)

    async def fail(self, text="as told"):
        raise ValueError(text)

    async def fail_after(self, name):
        await self._gates[name].wait()
        await self.fail()

    async def cancel_itself(self):
        asyncio.current_task().cancel()
        await asyncio.Event().wait()

    async def leave(self):
        sys.exit(3)

    async def leave_from_behind(self):
        """Leave in a task that is not the runner's, with this one in flight."""
        task = asyncio.ensure_future(self.leave())
        # Looked at: asyncio would log in some later test that nobody did.
        task.add_done_callback(asyncio.Task.exception)
        self._background.add(task)
        await asyncio.Event().wait()

    async def answer_unpicklably(self):
        return threading.Lock()

    async def ignore_the_cancellation(self, name):
        with contextlib.suppress(asyncio.CancelledError):
            await self.hold(name)
        return "ignored"

    async def never_end(self):
        await self._note("never ending")
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    def spin(self, folder):
        """Compute without yielding, until nobody waits any more."""
        pass_gate(folder)
        while not self.cancelled:
            pass
        self._write("spun")

    async def forward_call(self, ref, method, *args):
        return await getattr(ref.proxy(), method)(*args)

    async def ask_itself(self, name):
        """Come to a gate, and ask this very runner then."""
        await self.hold(name)
        return await self.actor_ref.ask("myself", block=False)

    async def tell_itself_in_a_context(self, value):
        """Answer with what another message sees of this one's context."""
        _variable.set(value)
        return await self.actor_ref.proxy().seen_of_the_context()

    async def seen_of_the_context(self):
        return _variable.get()

    async def stop_and_ask_itself(self):
        self.actor_ref.stop(block=False)
        await asyncio.sleep(0)
        return await self.actor_ref.ask("too late", block=False)

    def tell_itself(self, what):
        self.actor_ref.proxy().take_note.defer(what)

    def tell_from_a_thread(self, what):
        threading.Thread(target=self.tell_itself, args=(what,)).start()

    async def take_note(self, what):
        await self._note(what)

    def pid(self):
        return os.getpid()

    def main_thread(self):
        return threading.current_thread() is threading.main_thread()

    # Streams.

    async def count(self, number):
        for n in range(number):
            yield n

    def count_plainly(self, number):
        yield from range(number)

    async def count_later(self, number):
        """Answer with a stream after a while."""
        await asyncio.sleep(0)
        return self.count(number)

    async def count_together(self, name, number, others):
        """Count when so many streams are open."""
        await self._note(f"at {name}")
        await self.noted(f"at {name}", others)
        for n in range(number):
            yield n

    async def count_and_open(self, number, name):
        for n in range(number):
            yield n
        self.open(name)

    async def count_and_fail(self, number):
        for n in range(number):
            yield n
        raise LookupError("no more numbers")

    async def endless(self, name, enough=256):
        with self._noting_the_end(name):
            while True:
                self.produced[name] += 1
                if self.produced[name] == enough:
                    await self._note(f"{enough} of {name}")
                yield self.produced[name]

    async def endless_and_large(self, name, size, enough):
        async for number in self.endless(name, enough):
            yield bytes([number % 256]) * size

    def endless_plainly(self, name):
        with self._noting_the_end(name):
            while True:
                self.produced[name] += 1
                yield self.produced[name]

    async def file(self, data):
        return io.BytesIO(data)

    async def one_then_hold(self, name):
        yield 1
        with self._noting_the_end(name):
            await self._note(f"at {name}")
            await self._gates[name].wait()
        yield 2

    def reusable(self, number):
        return Reusable(number, lambda: self.open("closed"))

    def closed(self):
        return self._gates["closed"].is_set()

    async def refuse_to_close(self):
        with contextlib.suppress(asyncio.CancelledError, GeneratorExit):
            yield 1
            await asyncio.Event().wait()
        yield 2

    async def stream_unpicklably(self):
        yield 1
        yield threading.Lock()


class Reusable:
    """An iterator that is closed only if somebody has enough of it."""

    def __init__(self, number, closed):
        self._numbers = iter(range(number))
        self._closed = closed

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._numbers)

    def close(self):
        self._closed()


class Sensitive(Server):
    """Is of no use any more once a handler has raised."""

    let_it_crash = True


class AsyncHooks(Server):
    """Has hooks that are coroutines, and fails in one of choice."""

    def __init__(self, path=None, where=None):
        super().__init__(path)
        self.where = where

    async def _pass(self, where):
        await asyncio.sleep(0)
        await self._note(where)
        if where == self.where:
            raise RuntimeError(f"cannot {where}")

    async def on_start(self):
        await self._pass("on_start")

    async def connect(self):
        await self._pass("connect")

    async def load(self):
        for layer in range(2):
            yield actors.Progress(layer + 1, 2)
        await self._pass("load")

    async def warm_up(self):
        return self._pass("warm_up")  # awaited all the same

    async def on_stop(self):
        await self._pass("on_stop")

    async def on_failure(self, exception_type, exception_value, traceback):
        await self._pass("on_failure")


class Contextual(Server):
    """Sets a context variable in two hooks, and notes what the last one sees of it."""

    async def on_start(self):
        _variable.set("on_start")

    def warm_up(self):
        _variable.set(f"{_variable.get()}, warm_up")

    async def on_stop(self):
        await self._note(f"on_stop sees {_variable.get()}")


class Hasty(Server):
    """Awaits in its last hook a task that it has cancelled itself."""

    async def _note(self, what):
        await super()._note(what)
        if what.startswith("on_"):
            task = asyncio.ensure_future(asyncio.Event().wait())
            task.cancel()
            await task


class Eager(Server):
    """Its tasks begin where they are made, and have often ended there, too."""

    def on_start(self):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)


class Lingering(Server):
    """Has no end of its last hook."""

    async def on_stop(self):
        await super().on_stop()
        await asyncio.Event().wait()


class PlainHooks(AsyncHooks):
    """Has one of each kind."""

    def load(self):
        yield actors.Progress(1, 1)
        self._write("load")

    def warm_up(self):
        self._write("warm_up")

    def on_stop(self):
        self._write("on_stop")


class Sequential(actors.Runner):
    """Forgets to declare that it needs an event loop."""

    async def on_receive(self, message):
        return message

    async def count(self, number):
        for n in range(number):
            yield n

    def count_plainly(self, number):
        yield from range(number)

    def add(self, left, right):
        return left + right


class AsyncHook(actors.Runner):
    """Forgets it for a hook."""

    async def load(self):
        yield actors.Progress(1, 1)
