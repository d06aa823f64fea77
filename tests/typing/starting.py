"""What a type checker knows of a runner that is started under a supervisor."""

from pathlib import Path
from typing import Any, assert_type

import pykka

import actors


class Chat(actors.Runner):
    def add(self, left: int, right: int) -> int:
        return left + right


class Guest(pykka.ThreadingActor):
    """Not a `Runner`; what may be started is decided when a spec is made."""


def starts(supervisor: actors.SupervisorProxy) -> None:
    spec = actors.RunnerSpec("chat", Chat, args=["tiny"], environment={"A": "1"})
    assert_type(spec, actors.RunnerSpec[Chat])
    assert_type(spec.runner_class, type[Chat])
    assert_type(supervisor.start_runner(spec), pykka.Future[pykka.ActorRef[Chat]])

    chat = supervisor.start_runner(spec).get(timeout=60)
    assert_type(chat, pykka.ActorRef[Chat])
    assert_type(chat.proxy(), pykka.ActorProxy[Chat])
    assert_type(
        supervisor.start_runner(actors.RunnerSpec("guest", Guest)).get().actor_class, type[Guest]
    )
    supervisor.start_runner.defer(spec)


def is_covariant(spec: actors.RunnerSpec[Chat]) -> actors.RunnerSpec[actors.Runner]:
    return spec


def needs_no_parameter(supervisor: actors.SupervisorProxy, spec: actors.RunnerSpec) -> None:
    assert_type(supervisor.start_runner(spec).get(), pykka.ActorRef[Any])


def starts_groups(supervisor: actors.SupervisorProxy) -> None:
    members = [actors.RunnerSpec("a", Chat), actors.RunnerSpec("b", Guest)]
    group = actors.GroupSpec("both", members, strategy=actors.Strategy.ONE_FOR_ONE)
    assert_type(group.members, tuple[actors.RunnerSpec[Any], ...])
    assert_type(supervisor.start_group(group).get(), dict[str, pykka.ActorRef[Any]])
    assert_type(supervisor.stop_group("both").get(), bool)


def asks(supervisor: actors.SupervisorProxy) -> None:
    assert_type(supervisor.actor_ref, pykka.ActorRef[actors.Supervisor])
    assert_type(supervisor.runners().get(), tuple[actors.RunnerInfo, ...])
    assert_type(supervisor.runners().get()[0].status, actors.RunnerStatus | None)
    assert_type(supervisor.failures().get(), tuple[actors.RunnerFailed, ...])
    assert_type(supervisor.stop_runner("chat"), actors.RunnerFuture[bool])
    assert_type(supervisor.stop_runner(runner_id="chat").get(), bool)
    assert_type(supervisor.restart_runner("chat"), actors.RunnerFuture[None])
    assert_type(supervisor.stop(), actors.RunnerFuture[None])
    supervisor.stop_runner.defer("chat")


def subscribes(supervisor: actors.SupervisorProxy, listener: pykka.ActorRef[Guest]) -> None:
    def told(failure: actors.RunnerFailed) -> int:
        return failure.incarnation

    assert_type(supervisor.subscribe(told, actors.RunnerFailed), actors.RunnerFuture[None])
    supervisor.subscribe(listener).get()
    supervisor.subscribe(print, actors.Event, actors.RunnerFailed).get()
    assert_type(supervisor.unsubscribe(told, actors.RunnerFailed).get(), bool)


def in_a_block() -> None:
    with actors.supervise() as supervisor:
        assert_type(supervisor, actors.SupervisorProxy)
    with actors.supervise(diagnosis_timeout=1, log_folder=Path("logs")) as supervisor:
        starts(supervisor)


def in_a_larger_system() -> None:
    ref = actors.Supervisor.start(log_folder="logs")
    assert_type(ref, pykka.ActorRef[actors.Supervisor])
    starts(actors.SupervisorProxy(actor_ref=ref))


def in_a_thread() -> None:
    assert_type(Chat.start(), pykka.ActorRef[Chat])
