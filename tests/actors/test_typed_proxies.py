"""Proxies with types behave as proxies without."""

import ast
import inspect
from pathlib import Path
from typing import cast

import pykka
import pytest
from faulty import Echo
from pykka.typing import ActorMemberMixin, proxy_method

import actors
from actors import supervisor_proxy
from actors.typing import stream_method


class EchoProxy(ActorMemberMixin, pykka.ActorProxy[Echo]):
    add = proxy_method(Echo.add)
    count = stream_method(Echo.count)


def declared():
    """Return the methods that `SupervisorProxy` declares for type checkers, by name."""
    tree = ast.parse(Path(supervisor_proxy.__file__).read_text())
    classes = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    found = {
        node.name: node
        for node in ast.walk(classes["SupervisorProxy"])
        if isinstance(node, ast.FunctionDef)
    }
    (found["start_runner"],) = (
        node for node in classes["_StartRunner"].body if getattr(node, "name", "") == "__call__"
    )
    return found


def test_every_method_of_a_supervisor_is_declared_for_its_proxy():
    """A method that is forgotten would be reached all the same, but untyped."""
    hooks = {"on_start", "on_stop", "on_failure", "on_receive"}
    methods = {
        name
        for name, _ in inspect.getmembers(actors.Supervisor, inspect.isroutine)
        if not name.startswith("_") and name not in hooks
    }
    assert methods - {"start"} == declared().keys()


@pytest.mark.parametrize("name", declared())
def test_declared_parameters_are_those_of_the_supervisor(name):
    """Names and order; `tests/typing` has the types."""
    own = [
        parameter
        for parameter in inspect.signature(getattr(actors.Supervisor, name)).parameters.values()
        if parameter.name != "self"
    ]
    node = declared()[name].args
    assert [each.arg for each in node.args[1:]] == [
        each.name for each in own if each.kind is each.POSITIONAL_OR_KEYWORD
    ]
    assert (node.vararg is not None) == any(each.kind is each.VAR_POSITIONAL for each in own)


def test_supervise_takes_the_settings_of_a_supervisor():
    """With the same defaults."""
    settings = inspect.signature(actors.Supervisor.__init__).parameters.values()
    assert [each for each in settings if each.name != "self"] == list(
        inspect.signature(actors.supervise).parameters.values()
    )


def test_supervisor_is_reached_through_its_proxy(supervisor, start):
    """Methods give futures, futures are followed, and what is deferred is done, too."""
    assert isinstance(supervisor, actors.SupervisorProxy)
    ref = start("one")
    assert isinstance(ref, pykka.ActorRef)
    assert [each.runner_id for each in supervisor.runners().get()] == ["one"]
    assert supervisor.stop_runner.defer("one") is None
    assert supervisor.actor_ref.actor_stopped.is_set() is False
    with pytest.raises(actors.UnknownRunnerError):
        supervisor.stop_runner("two").get()


def test_proxy_of_a_supervisor_is_equal_to_an_untyped_one():
    """It can be made of the ref that `Supervisor.start` gives."""
    ref = actors.Supervisor.start()
    try:
        proxy = actors.SupervisorProxy(actor_ref=ref)
        assert proxy == ref.proxy()
        assert proxy.failures().get() == ()
    finally:
        ref.stop()
    with pytest.raises(pykka.ActorDeadError):
        actors.SupervisorProxy(actor_ref=ref)


def test_misspelled_method_of_a_supervisor_is_an_attribute_error(supervisor):
    """As of any proxy; the checkers cannot say so, since Pykka's proxies answer to every name."""
    with pytest.raises(AttributeError, match="strat_runner"):
        supervisor.strat_runner  # noqa: B018


@pytest.mark.parametrize("runtime", ["thread", "process"])
def test_declared_proxy_is_the_untyped_one(start, runtime):
    """A declaration in the manner of Pykka changes nothing at run time."""
    ref = Echo.start() if runtime == "thread" else start()
    try:
        echo = cast("EchoProxy", ref.proxy())
        assert echo.add(1, 2).get(timeout=60) == 3
        stream = echo.count(3).get(timeout=60)
        assert isinstance(stream, actors.Stream)
        assert stream.result() == [0, 1, 2]
    finally:
        ref.stop()


def test_spec_can_name_its_class_for_type_checkers():
    """`RunnerSpec[Echo]` makes the same spec, which can be compared and hashed as before."""
    named = actors.RunnerSpec[Echo]("echo", Echo)
    assert named == actors.RunnerSpec("echo", Echo)
    assert type(named) is actors.RunnerSpec


def test_group_environment_must_be_opened():
    """Whoever derives from the protocol and forgets half of it learns so at once."""

    class Half(actors.GroupEnvironment):
        def close(self):
            """Give nothing back."""

    with pytest.raises(TypeError, match="open"):
        actors.GroupSpec("group", [actors.RunnerSpec("echo", Echo)], environment=Half())
