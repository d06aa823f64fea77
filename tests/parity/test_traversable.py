"""What a proxy reaches through an actor's attributes."""

import pykka
import pytest
from citizens import Household
from gate import LIMIT
from household import Bell, Cupboard, Shed


@pytest.fixture
def proxy(start):
    """Give the proxy of an actor with parts."""
    return start(Household).proxy()


def test_traversable_attributes_are_proxies(proxy):
    """Marked by the function, the decorator, or the attribute of old."""
    for part in (proxy.toolbox, proxy.garden, proxy.shed):
        assert isinstance(part, pykka.ActorProxy)
        assert part.actor_ref is proxy.actor_ref
    assert proxy.toolbox is proxy.toolbox
    assert proxy.toolbox.count(2).get(timeout=LIMIT) == ["iron", "iron"]
    assert proxy.garden.grow().get(timeout=LIMIT) == "grown"
    assert proxy.shed.open().get(timeout=LIMIT) == "open"


def test_methods_of_a_part_run_where_the_actor_lives(proxy):
    """In its process, and in its thread."""
    assert proxy.toolbox.where().get(timeout=LIMIT) == proxy.where().get(timeout=LIMIT)


def test_attributes_of_a_part_are_read_and_set(proxy):
    """As those of the actor."""
    assert proxy.toolbox.hammer.get(timeout=LIMIT) == "iron"
    proxy.toolbox.hammer = "steel"
    try:
        assert proxy.toolbox.hammer.get(timeout=LIMIT) == "steel"
        assert proxy.toolbox.count(1).get(timeout=LIMIT) == ["steel"]
    finally:
        proxy.toolbox.hammer = "iron"  # Of the class: in a thread, every test's.


def test_parts_have_parts(proxy):
    """To any depth."""
    before = proxy.toolbox.drawer.screws.get(timeout=LIMIT)
    assert proxy.toolbox.drawer.use(10).get(timeout=LIMIT) == before - 10
    assert proxy.toolbox.drawer.screws.get(timeout=LIMIT) == before - 10
    proxy.toolbox.drawer.use.defer(-10)
    assert proxy.toolbox.drawer.screws.get(timeout=LIMIT) == before


def test_exception_in_a_part_is_an_error_of_the_call(proxy):
    """The actor lives on."""
    with pytest.raises(ValueError, match="no such tool"):
        proxy.toolbox.fail().get(timeout=LIMIT)
    assert proxy.hidden().get(timeout=LIMIT) == "hidden"


def test_parts_that_the_constructor_makes_are_proxies(proxy):
    """With state, and parts of their own."""
    assert proxy.cellar.count(1).get(timeout=LIMIT) == ["iron"]
    proxy.cellar.hammer = "gold"
    assert proxy.cellar.hammer.get(timeout=LIMIT) == "gold"
    assert proxy.cellar.drawer.use(1).get(timeout=LIMIT) == 99


def test_what_a_part_gets_later_is_reached_then(proxy):
    """By an actor's own method; it may be a part itself."""
    proxy.furnish("barrel", "full").get(timeout=LIMIT)
    assert proxy.cellar.barrel.get(timeout=LIMIT) == "full"
    proxy.furnish("barrel", "empty").get(timeout=LIMIT)
    assert proxy.cellar.barrel.get(timeout=LIMIT) == "empty"


def test_parts_with_slots_are_marked_by_an_attribute(proxy):
    """The function cannot mark them."""
    assert isinstance(proxy.cupboard, pykka.ActorProxy)
    assert proxy.cupboard.content.get(timeout=LIMIT) == "cups"
    with pytest.raises(ValueError, match="slots"):
        pykka.traversable(Cupboard())


def test_what_is_not_marked_cannot_be_looked_into(proxy):
    """It is a future, which has no such attribute."""
    with pytest.raises(AttributeError, match="content"):
        proxy.chest.content  # noqa: B018 - reading it is the point


def test_marked_object_that_can_be_called_is_called(proxy):
    """One of the instance, of its class, and of a part; it cannot be looked into."""
    proxy.furnish("bell", Bell()).get(timeout=LIMIT)
    for bell in (proxy.handbell, proxy.doorbell, proxy.cellar.bell):
        assert bell(3).get(timeout=LIMIT) == "aaa"
        with pytest.raises(AttributeError, match="tone"):
            bell.tone  # noqa: B018 - reading it is the point


def test_part_made_by_a_property_is_a_value(proxy):
    """Looking at the actor does not call the property."""
    shed = proxy.new_shed.get(timeout=LIMIT)
    assert isinstance(shed, Shed)
    assert shed.open() == "open"


def test_private_parts_of_parts_are_hidden(proxy):
    """As those of the actor."""
    with pytest.raises(AttributeError):
        proxy.toolbox._hidden  # noqa: B018 - reading it is the point


def test_dir_of_a_part_lists_the_actors_names(proxy):
    """Pykka's own way: the first step of each path."""
    assert "toolbox" in dir(proxy.toolbox)
