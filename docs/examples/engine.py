"""An engine decodes one token for every open request in each step; requests come and go."""

import asyncio

import attrs

import actors


@attrs.frozen
class Generate:
    prompt: str
    tokens: int


class Engine(actors.Runner):
    concurrent = True

    def __init__(self):
        super().__init__()
        self.batch = {}
        self.wanted = asyncio.Event()

    async def warm_up(self):
        self.steps = asyncio.create_task(self.step_for_ever())
        self.steps.add_done_callback(self.stopped_stepping)

    async def on_stop(self):
        self.steps.cancel()

    async def on_receive(self, message):
        match message:
            case Generate(prompt, tokens):
                return self.generate(prompt, tokens)

    async def generate(self, prompt, tokens):
        decoded = asyncio.Queue()
        self.batch[decoded] = prompt
        self.wanted.set()
        try:
            for _ in range(tokens):
                yield await decoded.get()
        finally:  # here, too, when the asker has gone away
            del self.batch[decoded]

    async def step_for_ever(self):
        while True:
            await self.wanted.wait()
            for decoded, prompt in self.batch.items():
                decoded.put_nowait(prompt.upper())  # the model's work
            if not self.batch:
                self.wanted.clear()
            await asyncio.sleep(0)

    def stopped_stepping(self, steps):
        if not steps.cancelled():
            self.actor_ref.proxy().give_up.defer(repr(steps.exception()))

    def give_up(self, reason):
        raise RuntimeError(reason)  # nobody asked: the runner fails, and with it every request


async def read(engine, prompt):
    async with await engine.ask(Generate(prompt, 3), block=False) as stream:
        return [token async for token in stream]


async def main():
    with actors.supervise() as supervisor:
        engine = await supervisor.start_runner(actors.RunnerSpec("engine", Engine))
        for tokens in await asyncio.gather(*(read(engine, prompt) for prompt in "abc")):
            print(*tokens)


if __name__ == "__main__":
    asyncio.run(main())

# Prints:
# A A A
# B B B
# C C C
