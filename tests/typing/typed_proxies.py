"""Proxies that users declare, in the manner of `pykka.typing`."""

from collections.abc import AsyncIterator, Iterator
from typing import assert_type, cast

import pykka
from pykka.typing import ActorMemberMixin, proxy_field
from pykka.typing import proxy_method as pykkas_proxy_method

import actors
from actors.typing import coroutine_method, proxy_method, stream_method


class Chat(actors.Runner):
    model: str = "tiny"

    def add(self, left: int, right: int = 0) -> int:
        return left + right

    def tokens(self, prompt: str, *, limit: int) -> Iterator[str]:
        yield from prompt.split()[:limit]


class ChatProxy(ActorMemberMixin, pykka.ActorProxy[Chat]):
    model = proxy_field(Chat.model)
    add = proxy_method(Chat.add)
    sum = pykkas_proxy_method(Chat.add)
    tokens = stream_method(Chat.tokens)


def calls(ref: pykka.ActorRef[Chat]) -> None:
    chat = cast("ChatProxy", ref.proxy())
    assert_type(chat.model, pykka.Future[str])
    assert_type(chat.add(1, right=2), actors.RunnerFuture[int])
    assert_type(chat.sum(1, right=2), pykka.Future[int])
    assert_type(chat.add(1).get(timeout=1), int)
    assert_type(chat.add(1).cancel(), bool)
    assert_type(chat.add(1).map(str), pykka.Future[str])
    chat.stop().get()


def streams(ref: pykka.ActorRef[Chat]) -> None:
    chat = cast("ChatProxy", ref.proxy())
    stream = chat.tokens("a b c", limit=2).get()
    assert_type(stream, actors.Stream[str])
    for token in stream:
        assert_type(token, str)
    with stream as entered:
        assert_type(entered, actors.Stream[str])
    assert_type(stream.result(), list[str])
    stream.cancel()
    chat.tokens.defer("a", limit=1)


async def futures(future: actors.RunnerFuture[int]) -> None:
    assert_type(future.get(timeout=1.0), int)
    assert_type(await future, int)
    assert_type(future.cancel(), bool)
    assert_type(future.cancelled, bool)
    assert_type(future.done(), bool)


class Computing(actors.Runner):
    def compute(self) -> bool:
        with self.waiting_for("rank 2"):
            return self.cancelled


def of_oneself(runner: Computing) -> None:
    assert_type(runner.cancelled, bool)
    assert_type(runner.compute(), bool)


def is_covariant(stream: actors.Stream[bool]) -> actors.Stream[int]:
    return stream


class Engine(actors.Runner):
    concurrent = True

    # mypy compares them with Pykka's own, too.
    async def on_start(self) -> None: ...  # type: ignore[override]

    async def connect(self) -> None: ...

    async def load(self) -> AsyncIterator[actors.Progress]:
        yield actors.Progress(1, 1)

    def warm_up(self) -> None: ...

    async def on_stop(self) -> None: ...  # type: ignore[override]

    async def length(self, prompt: str) -> int:
        return len(prompt)

    async def tokens(self, prompt: str, *, limit: int) -> AsyncIterator[str]:
        for token in prompt.split()[:limit]:
            yield token


class LoadsInACoroutine(actors.Runner):
    concurrent = True

    async def load(self) -> None: ...


class EngineProxy(ActorMemberMixin, pykka.ActorProxy[Engine]):
    length = coroutine_method(Engine.length)
    tokens = stream_method(Engine.tokens)


async def in_an_event_loop(ref: pykka.ActorRef[Engine]) -> None:
    engine = cast("EngineProxy", ref.proxy())
    assert_type(await engine.length("a b"), int)
    stream = await engine.tokens("a b c", limit=2)
    assert_type(stream, actors.Stream[str])
    async with stream as entered:
        assert_type(entered, actors.Stream[str])
        async for token in entered:
            assert_type(token, str)
    assert_type(await anext(stream), str)
