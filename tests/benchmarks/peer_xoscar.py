"""Xoscar's counterpart of the figures: an actor in a pool's process, asked from the pool's own."""

import asyncio
import time

import uvloop
import xoscar
from talkers import MESSAGE


class Echo(xoscar.Actor):
    """Gives back what it is sent."""

    async def echo(self, message):
        """Return it."""
        return message


class Peer:
    """Asks the actor; a context manager that holds the pool. Runs on uvloop, as the pool does."""

    def __enter__(self):
        self._loop = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._loop.run(self._start())
        return self

    async def _start(self):
        self._pool = await xoscar.create_actor_pool(
            "127.0.0.1", n_process=1, subprocess_start_method="spawn"
        )
        self._echo = await xoscar.create_actor(
            Echo,
            address=self._pool.external_address,
            allocate_strategy=xoscar.allocate_strategy.ProcessIndex(1),
        )

    def __exit__(self, *_):
        self._loop.run(self._stop())
        self._loop.close()

    async def _stop(self):
        await xoscar.destroy_actor(self._echo)
        await self._pool.stop()

    def round_trips(self, count):
        """Return the seconds of so many asks, one after the other."""
        return self._loop.run(self._round_trips(count))

    async def _round_trips(self, count):
        echo, clock, seconds = self._echo.echo, time.perf_counter, []
        for _ in range(count):
            begin = clock()
            answer = await echo(MESSAGE)
            seconds.append(clock() - begin)
        if answer != MESSAGE:
            raise RuntimeError(f"xoscar answered {answer!r}")
        return seconds

    def pipelined(self, messages):
        """Return the seconds until all are answered, all of them asked before the first wait."""
        return self._loop.run(self._pipelined(messages))

    async def _pipelined(self, messages):
        begin = time.perf_counter()
        answers = await asyncio.gather(*[self._echo.echo(message) for message in messages])
        seconds = time.perf_counter() - begin
        if answers != messages:
            raise RuntimeError("xoscar's answers are not the messages")
        return seconds
