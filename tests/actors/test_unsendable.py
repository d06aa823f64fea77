"""The path to what cannot be pickled."""

import dataclasses
import functools
import threading
from collections import OrderedDict, defaultdict, deque
from typing import NamedTuple

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors._payload import pack
from actors.errors import UnsendableError

LOCK = threading.Lock()


class Pair(NamedTuple):
    left: object
    right: object


@attrs.frozen
class Slotted:
    content: object


@attrs.define(slots=False)
class Dicted:
    content: object


@dataclasses.dataclass
class Data:
    content: object


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenData:
    first: object
    content: object


class Listed:
    """Has a state that is a list, and tells nobody of what."""

    def __init__(self, content):
        self.content = content

    def __getstate__(self):
        return [self.content]

    def __setstate__(self, state):
        (self.content,) = state


class Bare:
    __slots__ = ("content",)

    def __init__(self, content):
        self.content = content


class Parent:
    """Has a child that refers to it."""

    def __init__(self, content):
        self.child = Dicted(self)
        self.content = content


class HolderError(Exception):
    def __init__(self, content):
        super().__init__("text", content)


class Listing(list):
    pass


def problem(value):
    """Return why a value cannot be sent."""
    with pytest.raises(UnsendableError) as caught:
        pack(value, "it")
    assert str(caught.value).endswith(f"cannot be pickled: {caught.value.problem}")
    return caught.value.problem


IS_A_LOCK = " is a _thread.lock (TypeError: cannot pickle '_thread.lock' object)"


@pytest.mark.parametrize(
    ("wrap", "label"),
    [
        (lambda bad: [1, bad, 2], "[1]"),
        (lambda bad: ("a", bad), "[1]"),
        (lambda bad: {"a": 1, "key": bad}, "['key']"),
        (lambda bad: {(1, 2): bad}, "[<tuple>]"),
        (lambda bad: {"k" * 100: bad}, f"['{'k' * 56}...]"),
        (lambda bad: {bad: 1}, " > key <lock>"),
        (lambda bad: {bad, 1}, " > member <lock>"),
        (lambda bad: frozenset({bad}), " > member <lock>"),
        (lambda bad: Pair(1, bad), ".right"),
        (Slotted, ".content"),
        (Dicted, ".content"),
        (Data, ".content"),
        (functools.partial(FrozenData, 1), ".content"),
        (Listed, " > state[0]"),
        (Bare, ".content"),
        (Parent, ".content"),
        (HolderError, ".args[1]"),
        (lambda bad: Listing([1, bad]), "[1]"),
        (lambda bad: deque([1, bad]), "[1]"),
        (lambda bad: OrderedDict(a=bad), "['a']"),
        (lambda bad: defaultdict(list, a=bad), "['a']"),
        (lambda bad: functools.partial(print, bad), ".args[0]"),
        (lambda bad: functools.partial(print, end=bad), ".keywords['end']"),
        (lambda bad: lambda: bad, " > variable 'bad'"),
        (lambda bad: lambda text=bad: text, " > default of 'text'"),
        (lambda bad: lambda *, text=bad: text, " > default of 'text'"),
        (lambda _: lambda: LOCK, " > global 'LOCK'"),
        (lambda _: lambda: [LOCK for _ in ()], " > global 'LOCK'"),
    ],
)
def test_path_to_a_part(wrap, label):
    """One step of each kind, alone and further down."""
    assert problem(wrap(LOCK)) == label + IS_A_LOCK
    assert problem({"a": [wrap(LOCK)]}) == "['a'][0]" + label + IS_A_LOCK


def test_path_into_a_class_that_is_sent_by_value():
    """Its attributes, its methods and what they use, its bases."""

    class Base:
        held = LOCK

    class Derived(Base):
        pass

    class Using:
        @property
        def lock(self):
            return LOCK

        @classmethod
        def other(cls):
            return cls

    class Method:
        @staticmethod
        def take():
            return LOCK

    assert problem(Base) == ".held" + IS_A_LOCK
    assert problem(Derived()).endswith("Base.held" + IS_A_LOCK)
    assert problem(Using) == ".lock.fget > global 'LOCK'" + IS_A_LOCK
    assert problem([Method]) == "[0].take > global 'LOCK'" + IS_A_LOCK
    assert problem(Method().take) == " > global 'LOCK'" + IS_A_LOCK
    Method.take = lambda self: self
    holder = Dicted(LOCK)
    assert problem(Method.take.__get__(holder)) == ".__self__.content" + IS_A_LOCK


def test_object_itself_is_meant_where_there_is_no_path():
    """The error alone is told then."""
    assert problem(LOCK) == "TypeError: cannot pickle '_thread.lock' object"


def test_class_that_refuses_is_named_with_its_words():
    """Whatever it raises."""

    class Refusing:
        def __reduce__(self):
            raise RuntimeError("not this one")

    assert problem({"x": Refusing()}) == (
        f"['x'] is a {Refusing.__module__}.{Refusing.__qualname__} (RuntimeError: not this one)"
    )


def test_text_of_the_error_is_bounded_and_may_be_missing():
    """It is code of users that makes it."""

    class SilentError(Exception):
        def __str__(self):
            raise LookupError

    class Refusing:
        def __init__(self, error):
            self.error = error

        def __reduce__(self):
            raise self.error

    assert problem(Refusing(SilentError())) == "SilentError: it has no text"
    assert problem(Refusing(ValueError("x" * 1000))) == f"ValueError: {'x' * 397}..."


def test_open_file_is_not_read_on_the_way():
    """It cannot be sent, whatever is in it."""
    with open(__file__) as file:  # noqa: PTH123
        assert problem({"log": file}) == (
            "['log'] is a _io.TextIOWrapper (TypeError: cannot pickle '_io.TextIOWrapper' object)"
        )


def test_cycle_does_not_hold_up_the_search():
    """References back, at any distance."""
    value = {"self": None, "list": []}
    value["self"] = value
    value["list"].append(value)
    value["list"].append({"back": value, "bad": LOCK})
    assert problem(value) == "['list'][1]['bad']" + IS_A_LOCK


def test_value_that_is_nested_without_end_is_refused():
    """Python's own limit."""
    value = []
    for _ in range(100_000):
        value = [value]
    assert problem(value) == "RecursionError: it is nested too deeply"
    assert problem([lambda: 0, value]) == "RecursionError: it is nested too deeply"
    while value:  # taken apart from outside: its own end would be as deep
        value = value[0]


def test_one_bad_part_of_very_many_is_found_by_halves():
    """The cost is that of pickling it a few times."""
    attempts = 0

    class Counting:
        def __reduce__(self):
            nonlocal attempts
            attempts += 1
            return int, ()

    many = [Counting() for _ in range(1000)]
    many[777] = LOCK
    assert problem(many) == "[777]" + IS_A_LOCK
    assert attempts < 6 * len(many)


plain = st.none() | st.integers() | st.text(max_size=3) | st.binary(max_size=3)
keys = st.text(max_size=3) | st.integers()


def _around(inner):
    """Put a value with its path among others, and say where it is then."""
    return st.one_of(
        st.tuples(inner, st.lists(plain, max_size=3), st.lists(plain, max_size=3)).map(
            lambda drawn: ([*drawn[1], drawn[0][0], *drawn[2]], f"[{len(drawn[1])}]{drawn[0][1]}")
        ),
        st.tuples(inner, st.dictionaries(keys, plain, max_size=3), keys).map(
            lambda drawn: (
                {**drawn[1], drawn[2]: drawn[0][0]},
                f"[{drawn[2]!r}]{drawn[0][1]}",
            )
        ),
        st.tuples(inner, st.sampled_from([Slotted, Dicted, Data, Bare, Parent])).map(
            lambda drawn: (drawn[1](drawn[0][0]), f".content{drawn[0][1]}")
        ),
        inner.map(lambda drawn: (Pair(None, drawn[0]), f".right{drawn[1]}")),
        inner.map(lambda drawn: (HolderError(drawn[0]), f".args[1]{drawn[1]}")),
        inner.map(lambda drawn: (_closing_over(drawn[0]), f" > variable 'it'{drawn[1]}")),
    )


def _closing_over(it):
    return lambda: it


@given(st.recursive(st.just((LOCK, "")), _around, max_leaves=8))
def test_path_leads_to_the_one_part_that_cannot_be_pickled(drawn):
    """Through whatever nests it, among whatever lies beside it."""
    value, path = drawn
    assert problem(value) == (path + IS_A_LOCK if path else IS_A_LOCK[20:-1])
