"""
Wrong uses, each of which the checkers must find.

Each is marked as to be ignored, and both checkers complain of a mark that is not needed.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Iterator
from typing import assert_never

import pykka

import actors
from actors.typing import stream_method


class Chat(actors.Runner):
    def add(self, left: int, right: int) -> int:
        return left + right

    def tokens(self, prompt: str) -> Iterator[str]:
        yield from prompt.split()


class ChatProxy(pykka.ActorProxy[Chat]):
    add = stream_method(Chat.add)  # type: ignore[arg-type, var-annotated]
    tokens = stream_method(Chat.tokens)


def specs() -> None:
    actors.RunnerSpec("chat", int)  # type: ignore[type-var]
    actors.RunnerSpec("chat", Chat())  # type: ignore[arg-type]
    actors.RunnerSpec("chat", Chat, args=1)  # type: ignore[arg-type]
    actors.RunnerSpec("chat", Chat, kwargs={1: 2})  # type: ignore[dict-item]
    actors.RunnerSpec("chat", Chat, environment={"RANK": 1})  # type: ignore[dict-item]
    actors.RunnerSpec("chat", Chat, restart="permanent")  # type: ignore[arg-type]
    actors.RunnerSpec("chat", Chat, start_timout=1)  # type: ignore[call-arg]
    actors.GroupSpec("group", [Chat])  # type: ignore[list-item]
    actors.RunnerSpec("chat", Chat).id = "other"  # type: ignore[misc]


def supervisors(supervisor: actors.SupervisorProxy) -> None:
    supervisor.start_runner(Chat)  # type: ignore[arg-type]
    supervisor.start_group(actors.RunnerSpec("chat", Chat))  # type: ignore[arg-type]
    supervisor.stop_runner()  # type: ignore[call-arg]
    supervisor.stop_runner(actors.RunnerSpec("chat", Chat))  # type: ignore[arg-type]
    supervisor.stop_runner.defer(1)  # type: ignore[arg-type]
    supervisor.subscribe("listener", actors.RunnerFailed)  # type: ignore[arg-type]
    chat: actors.SupervisorProxy = supervisor.start_runner(actors.RunnerSpec("chat", Chat))  # type: ignore[assignment]
    del chat
    with actors.supervise(diagnosis_timeuot=1):  # type: ignore[call-arg]
        pass


def the_future_is_not_the_ref(supervisor: actors.SupervisorProxy) -> None:
    supervisor.start_runner(actors.RunnerSpec("chat", Chat)).ask("hello")  # type: ignore[attr-defined]


def proxies(chat: ChatProxy) -> int:
    chat.tokens(prompt=1)  # type: ignore[arg-type]
    return chat.tokens("a").get().result()  # type: ignore[return-value]


def incomplete(reason: actors.ExitReason) -> None:
    match reason:
        case actors.Stopped() | actors.Exited() | actors.Signaled() | actors.Raised():
            pass
        case _:
            assert_never(reason)  # type: ignore[arg-type]


def facts(failure: actors.RunnerFailed, error: actors.RunnerFailedError) -> None:
    failure.role = "root"  # type: ignore[misc, assignment]
    print(failure.reason.exit_code)  # type: ignore[union-attr]
    print(error.failure.runner)  # type: ignore[attr-defined]
