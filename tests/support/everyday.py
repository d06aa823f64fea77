"""Runners whose own names are everyday ones. They live here because a new process finds them by name."""

import asyncio

import actors

OURS = (
    *("_answer", "_call_on_failure", "_future", "_handle", "_hooks", "_inbox", "_leave", "_life"),
    *("_link", "_live", "_loop", "_refuse", "_refuse_the_rest", "_rest", "_run", "_start_up"),
    *("_state", "_status", "_task", "_tasks", "_tell_progress"),
)
"""Names that our own classes have, or have had, and that anybody may think of."""


class Everyday(actors.Runner):
    """Has an attribute of each such name."""

    def __init__(self):
        super().__init__()
        vars(self).update(dict.fromkeys(OURS, "the user's own"))

    def load(self):
        yield actors.Progress(1, 1)

    def on_receive(self, message):
        return message

    def kept(self):
        return {name for name in OURS if getattr(self, name) == "the user's own"}

    def own_names(self):
        return set(vars(self)) - set(OURS)

    def count(self, number):
        yield from range(number)

    def is_given_up(self):
        return self.cancelled

    def fail(self):
        raise ValueError("as told")


class EverydayLoop(Everyday):
    """Keeps a task of its own besides."""

    concurrent = True

    async def on_start(self):
        self._task = asyncio.create_task(asyncio.Event().wait())

    async def on_stop(self):
        self._task.cancel()

    def kept(self):
        return super().kept() | ({"_task"} if isinstance(self._task, asyncio.Task) else set())


class Misled(actors.Runner):
    """Says when where only whether is asked."""

    let_it_crash = "always"


class MisledLater(actors.Runner):
    """Says how many, and only in its constructor."""

    def __init__(self):
        super().__init__()
        self.concurrent = 8
