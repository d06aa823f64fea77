"""
Wait in an asyncio event loop for what another thread brings.

Imported where a loop is needed, and not before: asyncio takes a process some 30 ms to import,
and 5 MiB, which most runners have no use for.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from actors._bells import Bells


def is_loop_running() -> bool:
    """Return whether the caller runs in an event loop, which must not be blocked."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def pause() -> None:
    """Let the others of the loop have their turn."""
    await asyncio.sleep(0)


async def in_a_thread(call: Callable[[], Any], give_up: Callable[[], object]) -> Any:
    """
    Return what a call returns that may block, made in a thread of the loop's.

    Args:
        call: The call.
        give_up: Called when nobody waits any more. The loop's end waits for the thread.
    """
    try:
        return await asyncio.get_running_loop().run_in_executor(None, call)
    except asyncio.CancelledError:
        give_up()
        raise


async def until(
    ready: Callable[[], object], bells: Bells, attend: Callable[[], object] | None
) -> None:
    """
    Wait until something is so.

    Args:
        ready: Says whether it is so.
        bells: Rung when it may be so.
        attend: Sees to it that somebody receives meanwhile, since the caller does not.
    """
    loop = asyncio.get_running_loop()
    while not ready():
        woken: asyncio.Future[None] = loop.create_future()

        def ring(woken: asyncio.Future[None] = woken) -> None:
            # Closed: nobody waits there any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_wake, woken)

        bells.hang(ring)
        try:
            if not ready():
                if attend is not None:
                    attend()
                await woken
        finally:
            bells.take_down(ring)


def _wake(woken: "asyncio.Future[None]") -> None:
    if not woken.done():
        woken.set_result(None)
