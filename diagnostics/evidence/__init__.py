"""What the system knows about an end, as far as it lets itself be asked."""

import contextlib
import threading
from collections.abc import Iterable
from queue import Empty, SimpleQueue
from time import monotonic

from diagnostics.evidence.said import Said, Source
from diagnostics.evidence.system import Sources, System

__all__ = ["Said", "Source", "Sources", "System", "ask_each", "gather"]


def ask_each(sources: Iterable[Source], pid: int | None) -> tuple[Said, ...]:
    """
    Ask quick sources one after the other; one that fails has nothing to say.

    Args:
        sources: Whom to ask.
        pid: The process that ended, if it is known.
    """
    said: list[Said] = []
    for source in sources:
        # Best effort: what cannot be read is not evidence.
        with contextlib.suppress(Exception):
            said.extend(source(pid))
    return tuple(said)


def gather(
    sources: Iterable[Source], pid: int | None = None, *, limit: float = 0.5
) -> tuple[Said, ...]:
    """
    Ask slow sources at the same time, and return what came within the limit.

    Nothing is raised: a source that fails or is late has nothing to say.

    Args:
        sources: Whom to ask.
        pid: The process that ended, if it is known.
        limit: How many seconds to wait for all of them together.
    """
    answers: SimpleQueue[tuple[Said, ...]] = SimpleQueue()

    def ask(source: Source) -> None:
        answers.put(ask_each([source], pid))

    asked = 0
    for source in sources:
        threading.Thread(target=ask, args=(source,), daemon=True).start()
        asked += 1
    deadline = monotonic() + limit
    said: list[Said] = []
    for _ in range(asked):
        try:
            said.extend(answers.get(timeout=max(0.0, deadline - monotonic())))
        except Empty:
            break
    return tuple(said)
