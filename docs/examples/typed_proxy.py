"""A proxy that type checkers understand."""

from collections.abc import Iterator
from typing import cast

import pykka
from pykka.typing import ActorMemberMixin, proxy_field

import actors
from actors.typing import proxy_method, stream_method


class Chat(actors.Runner):
    model: str = "tiny"

    def add(self, a: int, b: int) -> int:
        return a + b

    def tokens(self, prompt: str) -> Iterator[str]:
        yield from prompt.split()


class ChatProxy(ActorMemberMixin, pykka.ActorProxy[Chat]):
    model = proxy_field(Chat.model)
    add = proxy_method(Chat.add)
    tokens = stream_method(Chat.tokens)


if __name__ == "__main__":
    with actors.supervise() as supervisor:
        ref = supervisor.start_runner(actors.RunnerSpec("chat", Chat)).get()
        chat = cast("ChatProxy", ref.proxy())
        print(chat.model.get())
        print(chat.add(1, 2).get())
        for token in chat.tokens("hi there").get():
            print(token)

# Prints:
# tiny
# 3
# hi
# there
