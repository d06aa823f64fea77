"""What a proxy shows of an actor, and what it hides."""

from typing import cast

import pykka
import pytest
from citizens import Echo, Household, Selfish
from gate import LIMIT
from household import Plain
from pykka.typing import ActorMemberMixin, proxy_field, proxy_method


@pytest.fixture
def ref(start):
    """Give an actor with attributes of every kind."""
    return start(Household)


@pytest.fixture
def proxy(ref):
    """Give its proxy."""
    return ref.proxy()


# Making one.


def test_proxy_is_pykkas_own(ref):
    """By either way to make it, and it leads back to the ref."""
    for proxy in (ref.proxy(), pykka.ActorProxy(actor_ref=ref)):
        assert isinstance(proxy, pykka.ActorProxy)
        assert proxy.actor_ref is ref


def test_dead_actor_has_no_proxy(ref):
    """Nothing to look at."""
    ref.stop(timeout=LIMIT)
    with pytest.raises(pykka.ActorDeadError, match="Household"):
        ref.proxy()


def test_proxy_of_an_actor_that_has_died_says_so(ref, proxy):
    """In the future of a call, at once where there is none."""
    ref.stop(timeout=LIMIT)
    with pytest.raises(pykka.ActorDeadError):
        proxy.hidden().get(timeout=LIMIT)
    with pytest.raises(pykka.ActorDeadError):
        proxy.motto.get(timeout=LIMIT)
    with pytest.raises(pykka.ActorDeadError):
        proxy.hidden.defer()
    with pytest.raises(pykka.ActorDeadError):
        proxy.motto = "too late"


def test_proxies_of_one_actor_are_equal(ref, start):
    """And have one hash; those of another actor, or of a part, are different."""
    first, second, other = ref.proxy(), ref.proxy(), start(Household).proxy()
    assert first == second
    assert hash(first) == hash(second)
    assert first != other
    assert first != ref
    assert first.toolbox == second.toolbox
    assert first.toolbox != first
    assert first.toolbox != first.garden
    assert len({first, second, other, first.toolbox}) == 3


def test_text_of_a_proxy_names_the_actor_and_the_path(ref, proxy):
    """Those of its parts too."""
    assert repr(proxy) == f"<ActorProxy for {ref}, attr_path=()>"
    assert repr(proxy.toolbox.drawer).endswith("attr_path=('toolbox', 'drawer')>")


# Methods.


def test_methods_are_called_in_the_actor(proxy):
    """With positional and named arguments; static ones too."""
    assert proxy.hidden().get(timeout=LIMIT) == "hidden"
    assert proxy.give("name", value="Grace").get(timeout=LIMIT) is None
    assert proxy.twice(21).get(timeout=LIMIT) == 42


def test_call_without_its_arguments_is_an_error_of_the_call(proxy):
    """The actor lives on."""
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        proxy.give("name").get(timeout=LIMIT)
    assert proxy.hidden().get(timeout=LIMIT) == "hidden"


def test_method_that_is_not_called_is_a_callable_proxy(proxy):
    """It can be kept, and called later."""
    method = proxy.hidden
    assert isinstance(method, pykka.CallableProxy)
    assert method().get(timeout=LIMIT) == "hidden"
    assert method is proxy.hidden


def test_defer_calls_without_an_answer(proxy):
    """In order with everything else."""
    assert proxy.give.defer("motto", "deferred") is None
    assert proxy.motto.get(timeout=LIMIT) == "deferred"


def test_exception_in_a_deferred_call_ends_the_actor(runtime, ref, proxy):
    """Nobody else could take it."""
    proxy.take.defer("nothing of this name")
    runtime.wait_for_end(ref)
    assert not ref.is_alive()


# Attributes.


def test_attributes_of_the_class_are_read(proxy):
    """As futures; an object that is not traversable comes as a whole."""
    future = proxy.motto
    assert isinstance(future, pykka.ThreadingFuture)
    assert future.get(timeout=LIMIT) == "be kind"
    assert proxy.chest.get(timeout=LIMIT) == Plain()


def test_attributes_that_the_constructor_sets_are_read(proxy):
    """Though the class does not know them."""
    assert proxy.name.get(timeout=LIMIT) == "Ada"
    assert proxy.box.get(timeout=LIMIT) == Plain()


def test_attributes_are_those_of_one_actor(start):
    """Another of its class has its own."""
    ada, grace = start(Household, "Ada").proxy(), start(Household, "Grace").proxy()
    assert ada.name.get(timeout=LIMIT) == "Ada"
    assert grace.name.get(timeout=LIMIT) == "Grace"


def test_attributes_are_set(proxy):
    """Those of the class as the actor's own; the proxy waits until it is done."""
    proxy.motto = "be bold"
    assert proxy.motto.get(timeout=LIMIT) == "be bold"


def test_attributes_that_the_constructor_sets_are_set(proxy):
    """And seen by the actor."""
    proxy.name = "Grace"
    assert proxy.name.get(timeout=LIMIT) == "Grace"


def test_setting_an_attribute_does_not_change_the_class(proxy, start):
    """A sibling has what the class has."""
    other = start(Household).proxy()
    proxy.motto = "be bold"
    assert other.motto.get(timeout=LIMIT) == "be kind"
    assert Household.motto == "be kind"


def test_attribute_that_is_set_anew_is_there(proxy):
    """Though neither class nor constructor knew it."""
    with pytest.raises(AttributeError):
        proxy.brand_new  # noqa: B018 - reading it is the point
    proxy.brand_new = 1
    assert proxy.brand_new.get(timeout=LIMIT) == 1


def test_attribute_that_the_actor_adds_is_there_for_old_proxies(ref, proxy):
    """They look again for what they do not know."""
    old = ref.proxy()
    proxy.give("brand_new", [1, 2]).get(timeout=LIMIT)
    assert old.brand_new.get(timeout=LIMIT) == [1, 2]


def test_attribute_that_a_told_message_adds_is_there_after_the_next_answer(proxy):
    """Nobody has waited for the message itself."""
    proxy.give.defer("brand_new", 1)
    assert proxy.hidden().get(timeout=LIMIT) == "hidden"
    assert proxy.brand_new.get(timeout=LIMIT) == 1


def test_callable_that_the_actor_adds_can_be_called(proxy):
    """What it is counts, not where it comes from."""
    proxy.give("longest", max).get(timeout=LIMIT)
    assert proxy.longest(1, 3, 2).get(timeout=LIMIT) == 3


def test_attribute_that_is_gone_is_an_error(proxy):
    """Of a proxy that has known it when it reads, of a new one when it looks."""
    proxy.motto = "own"
    assert proxy.motto.get(timeout=LIMIT) == "own"
    proxy.take("motto").get(timeout=LIMIT)
    assert proxy.motto.get(timeout=LIMIT) == "be kind"
    with pytest.raises(AttributeError, match="motto"):
        proxy.take("motto").get(timeout=LIMIT)


def test_attribute_that_was_taken_away_is_an_error_of_reading(proxy):
    """The actor lives on."""
    assert proxy.name.get(timeout=LIMIT) == "Ada"
    proxy.take("name").get(timeout=LIMIT)
    with pytest.raises(AttributeError, match="name"):
        proxy.name.get(timeout=LIMIT)
    assert proxy.hidden().get(timeout=LIMIT) == "hidden"


def test_properties_are_read_and_set(proxy):
    """By their own code, in the actor."""
    assert proxy.nickname.get(timeout=LIMIT) == "Countess"
    proxy.nickname = "Enchantress"
    assert proxy.nickname.get(timeout=LIMIT) == "Enchantress"


def test_property_that_cannot_be_set_is_an_error_of_setting(proxy):
    """At once: the proxy waits for it."""
    with pytest.raises(AttributeError, match="birthday"):
        proxy.birthday = 11
    assert proxy.birthday.get(timeout=LIMIT) == 10


def test_property_that_raises_is_an_error_of_reading(proxy):
    """Looking at the actor does not call it."""
    with pytest.raises(LookupError, match="nobody knows"):
        proxy.broken.get(timeout=LIMIT)


def test_unknown_attribute_is_an_error_of_asking_for_it(proxy):
    """The actor is not asked."""
    with pytest.raises(AttributeError, match="has no attribute 'unknown'"):
        proxy.unknown  # noqa: B018 - reading it is the point
    with pytest.raises(AttributeError, match="has no attribute 'unknown'"):
        proxy.unknown()
    with pytest.raises(AttributeError, match="has no attribute 'unknown'"):
        proxy.toolbox.unknown  # noqa: B018 - reading it is the point


# Private names.


def test_private_names_are_hidden(proxy):
    """Of the actor, of its class, and of its parts."""
    for parent, name in (
        (proxy, "_hidden"),
        (proxy, "_skeleton"),
        (proxy, "_stop"),
        (proxy.toolbox, "_hidden"),
    ):
        with pytest.raises(AttributeError):
            getattr(parent, name)


def test_setting_a_private_name_sets_it_on_the_proxy_only(proxy):
    """The actor has its own."""
    proxy._hidden = "mine"
    assert proxy._hidden == "mine"
    assert proxy.hidden().get(timeout=LIMIT) == "hidden"


def test_dir_lists_what_can_be_reached(proxy):
    """Names of the class, those of the proxy itself, and no private ones."""
    names = dir(proxy)
    assert {"motto", "nickname", "broken", "hidden", "toolbox", "shout", "stop"} <= set(names)
    assert {"actor_ref", "__class__"} <= set(names)
    assert not {"_hidden", "_skeleton", "_as_runner"} & set(names)
    assert names == sorted(names)


def test_dir_lists_attributes_that_the_constructor_sets(proxy):
    """As it lists the others."""
    assert {"name", "measure", "cellar", "box"} <= set(dir(proxy))


# Callable attributes.


def test_callable_attribute_of_the_class_is_called(proxy):
    """It need not be a function."""
    assert isinstance(proxy.shout, pykka.CallableProxy)
    assert proxy.shout("hey").get(timeout=LIMIT) == "HEY"


def test_callable_attribute_that_the_constructor_sets_is_called(proxy):
    """And deferred."""
    assert isinstance(proxy.measure, pykka.CallableProxy)
    assert proxy.measure("four").get(timeout=LIMIT) == 4
    assert proxy.measure.defer("four") is None


def test_function_that_is_set_by_proxy_can_be_called(proxy):
    """It is no method: it does not get the actor."""
    proxy.added = sorted
    assert proxy.added([3, 1, 2]).get(timeout=LIMIT) == [1, 2, 3]


def test_function_that_takes_the_place_of_a_method_is_called(proxy):
    """For this actor only."""
    proxy.twice = len
    assert proxy.twice("four").get(timeout=LIMIT) == 4


# With types.


class HouseholdProxy(ActorMemberMixin, pykka.ActorProxy):
    """Tells type checkers what the proxy has."""

    motto = proxy_field(Household.motto)
    twice = proxy_method(Household.twice)


def test_typed_proxy_is_the_same_proxy(proxy):
    """At run time, its types are nothing but a promise."""
    typed = cast("HouseholdProxy", proxy)
    assert typed.motto.get(timeout=LIMIT) == "be kind"
    assert typed.twice(21).get(timeout=LIMIT) == 42
    assert typed.stop().get(timeout=LIMIT) is None


# The actor's own proxy.


def test_proxy_to_oneself_in_public_does_not_go_round_in_circles(start):
    """It is left out; all else is there."""
    proxy = start(Selfish).proxy()
    assert proxy.add(1).get(timeout=LIMIT) == 2
    assert "myself" not in dir(proxy)


def test_proxy_to_oneself_in_public_is_warned_of(runtime, start, caplog):
    """By Pykka, naming a better name; where the actor lives."""
    caplog.set_level("WARNING", logger="pykka")
    ref = start(Selfish)
    ref.proxy()
    ref.stop(timeout=LIMIT)
    logs = [path.read_text() for path in runtime.log_folder.glob("*stderr*")]
    text = "\n".join([caplog.text, *logs])
    assert f"{ref.actor_class.__name__} ({ref.actor_urn}) attribute 'myself' is a proxy to" in text
    assert "Consider making it private by renaming it to '_myself'." in text


# By design.


@pytest.mark.runtimes("pykka", "thread", reason="in one process there is nothing to copy for")
def test_attribute_is_the_actors_object(start):
    """Changing what was read changes the actor."""
    proxy = start(Echo).proxy()
    proxy.seen().get(timeout=LIMIT).append("smuggled in")
    assert proxy.seen().get(timeout=LIMIT) == ["smuggled in"]


@pytest.mark.runtimes("process", reason="another process has a memory of its own")
def test_attribute_is_a_copy(start):
    """Changing what was read does not change the runner."""
    proxy = start(Echo).proxy()
    proxy.seen().get(timeout=LIMIT).append("smuggled in")
    assert proxy.seen().get(timeout=LIMIT) == []


@pytest.mark.runtimes("pykka", "thread", reason="a process imports the class anew")
def test_patched_class_is_patched_for_its_actors(start, monkeypatch):
    """As tests of Pykka actors do it."""
    monkeypatch.setattr(Household, "hidden", lambda _self: "patched")
    assert start(Household).proxy().hidden().get(timeout=LIMIT) == "patched"


@pytest.mark.runtimes("process", reason="a process imports the class anew")
def test_patched_class_is_not_patched_in_a_process(start, monkeypatch):
    """It has the class as the module defines it."""
    monkeypatch.setattr(Household, "hidden", lambda _self: "patched")
    assert start(Household).proxy().hidden().get(timeout=LIMIT) == "hidden"


@pytest.mark.runtimes("pykka", "thread", reason="a process has no actor here")
def test_actor_itself_is_behind_the_ref(ref, proxy):
    """Pykka has it for its own use; tests like to look at it."""
    assert ref._actor_weakref()._hidden == "hidden"
    assert proxy._actor is ref._actor_weakref()


@pytest.mark.runtimes("process", reason="a process has no actor here")
def test_behind_the_ref_of_a_process_is_no_actor(ref):
    """What stands in for it has not been constructed, and has no state."""
    stand_in = ref._actor_weakref()
    assert isinstance(stand_in, Household)
    with pytest.raises(AttributeError):
        stand_in._hidden  # noqa: B018 - reading it is the point
