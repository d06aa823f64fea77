"""Askers in an asyncio event loop: `await` a future, iterate over a stream, and never block."""

import asyncio
import itertools
import threading

import pykka
import pytest
from faulty import Echo
from servers import Sequential, Server

import actors
from actors._bells import Bells
from actors._future import RunnerFuture
from actors._stream import Stream, StreamCore

LIMIT = 30


@pytest.fixture
def server(place):
    """Give a server's proxy."""
    return place.start().proxy()


@pytest.fixture(params=[Server, Sequential], ids=lambda kind: kind.__name__)
def any_server(request, place):
    """Give the proxy of a concurrent runner, or of one that handles one message at a time."""
    return place.start(request.param).proxy()


async def within_no_time(awaitable):
    """Wait for what does not come."""
    async with asyncio.timeout(0.001):
        await awaitable


def run(coroutine):
    """Run a coroutine within the limit."""
    return asyncio.run(asyncio.wait_for(coroutine, LIMIT))


# Futures.


def test_await_does_not_block_the_loop(server):
    """Else nobody would open the gate."""

    async def main():
        held = asyncio.ensure_future(server.hold("a"))
        assert await server.noted("at a")
        await server.open("a")
        return await held

    assert run(main()) == "a"


def test_errors_are_raised_at_the_await(server):
    """In their own type."""

    async def main():
        with pytest.raises(ValueError, match="as told"):
            await server.fail()
        return await server.add(1, 2)

    assert run(main()) == 3


def test_failure_is_raised_at_every_await(server):
    """Of whatever was in flight."""

    async def main():
        held = [asyncio.ensure_future(server.hold(name)) for name in "ab"]
        for name in "ab":
            assert await server.noted(f"at {name}")
        server.fail.defer()
        return await asyncio.gather(*held, return_exceptions=True)

    assert [isinstance(error, pykka.ActorDeadError) for error in run(main())] == [True, True]


def test_many_are_gathered_from_several_runners(place):
    """Each in its turn."""
    servers = [place.start().proxy() for _ in range(3)]

    async def main():
        asks = [server.add(number, 1) for number in range(100) for server in servers]
        return await asyncio.gather(*asks)

    assert run(main()) == [number + 1 for number in range(100) for _ in range(3)]


def test_timeout_cancels_the_task(server):
    """As one around any asyncio future does."""

    async def main():
        held = server.hold("a")
        assert await server.noted("at a")
        with pytest.raises(TimeoutError):
            await within_no_time(held)
        assert held.cancelled
        assert await server.noted("CancelledError in a")
        with pytest.raises(actors.TaskCancelledError):
            await held

    run(main())


def test_shield_keeps_the_task(server):
    """As it keeps any asyncio future."""

    async def main():
        held = server.hold("a")
        shielded = asyncio.ensure_future(held)
        outer = asyncio.shield(shielded)
        assert await server.noted("at a")
        outer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await outer
        await server.open("a")
        return await shielded

    assert run(main()) == "a"


def test_stream_of_any_runner_is_iterated_over(any_server):
    """While the loop goes on, in which others wait for other runners."""

    async def main():
        stream = await any_server.count_plainly(1000)
        numbers = [number async for number in stream]
        async with await any_server.count_plainly(10**9) as endless:
            assert await anext(endless) == 0
        return numbers, await any_server.add(1, 2)

    assert run(main()) == (list(range(1000)), 3)


def test_answer_that_is_there_is_not_waited_for(any_server):
    """As often as it is asked for."""

    async def main():
        future = any_server.add(1, 2)
        return await future, await future, future.get()

    assert run(main()) == (3, 3, 3)


def test_combined_futures_are_waited_for_in_a_thread(server):
    """What they call may block."""

    async def main():
        held = server.hold("a").map(str.upper)
        joined = server.add(1, 2).join(server.add(3, 4))
        waiting = asyncio.ensure_future(held)
        assert await joined == [3, 7]
        await server.open("a")
        return await waiting

    assert run(main()) == "A"


def test_hook_that_is_set_while_a_coroutine_waits_is_called():
    """The waiter is woken for it."""

    async def main():
        future = RunnerFuture()
        asyncio.get_running_loop().call_soon(future.set_get_hook, lambda timeout: "hooked")
        return await future

    assert run(main()) == "hooked"


def test_timeout_around_what_is_made_of_an_answer_cancels_that(server):
    """Or the loop's end would wait for the thread that waits for the answer."""

    async def main():
        held = server.hold("a")
        assert await server.noted("at a")
        mapped = held.map(str)
        with pytest.raises(TimeoutError):
            await within_no_time(mapped)
        assert held.cancelled
        assert await server.noted("CancelledError in a")

    run(main())


def test_answer_in_the_moment_of_the_cancellation_counts():
    """A future that is answered is not cancelled."""

    async def main():
        future = RunnerFuture()
        waiting = asyncio.ensure_future(future)
        await asyncio.sleep(0)
        future.set("x")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return future.cancelled, await future

    assert run(main()) == (False, "x")


def test_without_a_loop_await_is_as_in_pykka():
    """It yields once, and blocks then."""
    future = RunnerFuture()
    steps = future.__await__()
    assert next(steps) is None
    future.set("x")
    with pytest.raises(StopIteration) as stopped:
        next(steps)
    assert stopped.value.value == "x"


def test_coroutine_and_thread_may_wait_for_the_same_answer(server):
    """Each is woken."""
    got = []

    async def main():
        held = server.hold("a")
        thread = threading.Thread(target=lambda: got.append(held.get(timeout=LIMIT)))
        thread.start()
        waiting = asyncio.ensure_future(held)
        await server.open("a")
        got.append(await waiting)
        await asyncio.to_thread(thread.join, LIMIT)

    run(main())
    assert got == ["a", "a"]


def test_answer_comes_after_blocking_asks(server):
    """Those have received for themselves, and the reactor may have left it to them."""

    async def main():
        for number in range(50):
            assert server.add(number, 1).get(timeout=LIMIT) == number + 1
            assert await server.add(number, 2) == number + 2

    run(main())


# Streams.


def test_streams_are_iterated_over_without_blocking_the_loop(server):
    """Twenty at once, each longer than the window and in order."""

    async def read():
        async with await server.count_together("a", 1000, 20) as stream:
            return [chunk async for chunk in stream]

    async def main():
        return await asyncio.gather(*(read() for _ in range(20)))

    assert run(main()) == [list(range(1000))] * 20


def test_error_of_a_stream_comes_after_its_chunks(server):
    """And stays its end."""

    async def main():
        stream = await server.count_and_fail(2)
        assert [await anext(stream), await anext(stream)] == [0, 1]
        for _ in range(2):
            with pytest.raises(LookupError):
                await anext(stream)
        stream = await server.count(0)
        for _ in range(2):
            with pytest.raises(StopAsyncIteration):
                await anext(stream)

    run(main())


def test_failure_is_raised_to_readers(server):
    """Who wait for a chunk."""

    async def main():
        async with await server.one_then_hold("a") as stream:
            assert await anext(stream) == 1
            waiting = asyncio.ensure_future(anext(stream))
            server.fail.defer()
            with pytest.raises(pykka.ActorDeadError):
                await waiting

    run(main())


def test_leaving_the_block_cancels(server):
    """As with `with`."""

    async def main():
        async with await server.endless("a") as stream:
            async for chunk in stream:
                if chunk == 1000:
                    break
        with pytest.raises(actors.TaskCancelledError):
            await anext(stream)
        assert await server.noted("GeneratorExit in a")

    run(main())


def test_chunk_that_a_timeout_did_not_wait_for_is_not_lost(server):
    """The stream goes on."""

    async def main():
        stream = await server.one_then_hold("a")
        assert await anext(stream) == 1
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.01)
        await server.open("a")
        return [chunk async for chunk in stream]

    assert run(main()) == [2]


def test_cancel_wakes_the_reader(server):
    """From another thread, too."""

    async def main():
        stream = await server.one_then_hold("a")
        assert await anext(stream) == 1
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.to_thread(stream.cancel)
        with pytest.raises(actors.TaskCancelledError):
            await waiting

    run(main())


def test_reader_of_chunks_that_are_there_lets_others_have_their_turn():
    """Now and then."""
    core = StreamCore(grant=lambda chunks: None, abandon=lambda: None)
    for number in range(200):
        core.push(number)
    core.finish()
    turns = []

    async def main():
        reading = asyncio.ensure_future(read(Stream(core)))
        while not reading.done():
            turns.append(True)
            await asyncio.sleep(0)
        return await reading

    async def read(stream):
        return [chunk async for chunk in stream]

    assert run(main()) == list(range(200))
    assert len(turns) > 3


def test_readers_of_one_stream_share_a_loop():
    """The one to whom nothing is left, when it has let the others have their turn, waits there."""

    async def read(stream):
        return [chunk async for chunk in stream]

    async def main():
        core = StreamCore(lambda amount: None, lambda: None)
        stream = Stream(core)
        for number in range(64):
            core.push(number)
        readers = [asyncio.ensure_future(read(stream)) for _ in range(3)]
        for _ in range(10):
            await asyncio.sleep(0)
        # The first is back from its pause by now, and must not have blocked the loop.
        core.push(64)
        core.finish()
        return sorted(itertools.chain(*await asyncio.gather(*readers)))

    assert run(main()) == list(range(65))


def test_waiting_once_more_after_the_loop_has_ended_hurts_nobody():
    """Neither the one who answers nor the next loop."""
    future, core = RunnerFuture(), StreamCore(grant=lambda chunks: None, abandon=lambda: None)
    stream = Stream(core)

    async def give_up():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.001)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(future)), 0.001)

    run(give_up())
    core.push("chunk")

    async def main():
        return await anext(stream)

    assert run(main()) == "chunk"
    assert future.cancelled, "the loop cancels what it leaves behind"


def test_bells_ring_once_each():
    """A bell that rings another does not ring for ever."""
    bells, rung = Bells(), []

    def again():
        rung.append("again")
        bells.hang(again)

    bells.hang(again)
    bells.hang(lambda: rung.append("once"))
    silent = rung.clear
    bells.hang(silent)
    bells.take_down(silent)
    bells.take_down(silent)
    bells.ring()
    assert rung == ["again", "once"]
    assert bells


def test_supervisor_is_awaited(supervisor):
    """Its answers come when the runner is up, or down."""

    async def main():
        specs = [actors.RunnerSpec(f"echo {number}", Echo) for number in range(2)]
        refs = await asyncio.gather(*map(supervisor.start_runner, specs))
        assert await asyncio.gather(*(ref.ask("x", block=False) for ref in refs)) == ["x", "x"]
        return await asyncio.gather(*(supervisor.stop_runner(spec.id) for spec in specs))

    assert run(main()) == [True, True]
