"""Every kind of class survives being sent by value, and stays one class to each side."""

import abc
import dataclasses
import enum
import functools
import sys
from collections.abc import Callable
from typing import Generic, NamedTuple, NewType, ParamSpec, TypeVar, TypeVarTuple

import attrs
import pytest

import actors
from actors._payload import pack

LIMIT = 60


def messages():
    """Return an instance of each kind of class, all of them defined here."""
    t = TypeVar("t")

    @attrs.frozen
    class Frozen:
        text: str
        many: list[int] = attrs.field(factory=list, converter=list)

    @attrs.define
    class Derived(Frozen):
        more: int = attrs.field(default=3, validator=attrs.validators.instance_of(int))

        def __attrs_post_init__(self):
            super().__init__(self.text, self.many)

    @attrs.define(slots=False)
    class Dicted:
        text: str

    @dataclasses.dataclass
    class Data:
        text: str
        many: list[int] = dataclasses.field(default_factory=list)

    @dataclasses.dataclass(frozen=True, slots=True)
    class SlottedData:
        text: str

    class Slotted:
        __slots__ = ("text",)

        def __init__(self, text):
            self.text = text

        def __eq__(self, other):
            return type(other) is type(self) and other.text == self.text

        __hash__ = None

    class Pair(NamedTuple):
        left: int
        right: int = 2

    class Color(enum.Enum):
        RED = enum.auto()
        BLUE = (1, 2, 3)

        def shout(self):
            return self.name + "!"

    class Words(enum.StrEnum):
        ONE = "one"

    class Bits(enum.Flag):
        A = enum.auto()
        B = enum.auto()

    @attrs.frozen
    class Box(Generic[t]):
        content: t

    class Sorted(list):
        pass

    return [
        Frozen("x", (1, 2)),
        Derived("x", [1]),
        Dicted("x"),
        Data("x", [1]),
        SlottedData("x"),
        Slotted("x"),
        Pair(1),
        Color.RED,
        Color.BLUE,
        Words.ONE,
        Bits.A | Bits.B,
        Box[int](1),
        Box(Box("y")),
        Sorted([1, 2]),
        [Frozen("x"), {"a": Color.RED}],
        Frozen,
        Color,
    ]


def test_instance_comes_back_as_one_of_the_senders_own_class(start):
    """Whatever kind of class it is."""
    ref = start()
    for message in messages():
        answer = ref.ask(message, timeout=LIMIT)
        assert answer == message
        assert type(answer) is type(message)
        if isinstance(message, type | enum.Enum):
            assert answer is message


def test_class_is_rebuilt_as_it_was(start):
    """Its name, its slots, its parameters, and what its methods refer to."""

    class Slotted:
        __slots__ = ("text",)

    class Odd:
        def is_even(self, number):
            return number != 0 and Even().is_odd(number - 1)

        def other(self):
            return Even

    class Even:
        def is_odd(self, number):
            return number == 0 or Odd().is_even(number - 1)

        def other(self):
            return Odd

    class Looking(actors.Runner):
        def on_receive(self, message):
            kind = type(message)
            return kind.__qualname__, kind.__module__, hasattr(message, "__dict__")

        def parity(self, odd):
            return odd.is_even(10), odd.other()().other() is type(odd)

    ref = start(runner_class=Looking)
    slotted = Slotted()
    slotted.text = "x"
    assert ref.ask(slotted, timeout=LIMIT) == (Slotted.__qualname__, __name__, False)
    assert ref.ask(Odd(), timeout=LIMIT) == (Odd.__qualname__, __name__, True)
    assert ref.proxy().parity(Odd()).get(timeout=LIMIT) == (False, True)


def test_classes_that_are_made_in_unusual_ways_work_over_there(  # noqa: C901 - all are local
    start,
):
    """Their methods are called in the runner."""

    class Meta(type):
        def __new__(cls, name, bases, namespace):
            return super().__new__(cls, name, bases, {**namespace, "made": "by its metaclass"})

    class Made(metaclass=Meta):
        def tell(self):
            return self.made

    class Shape(abc.ABC):
        @abc.abstractmethod
        def tell(self):
            """Say something."""

    class Square(Shape):
        def tell(self):
            return self.of(4)

        @staticmethod
        def of(side):
            return side * side

    class Private:
        __slots__ = ("__text", "__weakref__")

        def __init__(self):
            self.__text = "private"

        def tell(self):
            return self.__text

    @attrs.frozen
    class Cached:
        number: int = attrs.field(default=3, validator=lambda *_: None)

        @functools.cached_property
        def doubled(self):
            return 2 * self.number

        def tell(self):
            return self.doubled

    class Planet(enum.Enum):
        EARTH = (1, "blue")

        def __init__(self, number, color):
            self.color = color

        def tell(self):
            return self.color

    class Registered:
        names = []  # noqa: RUF012

        def __init_subclass__(cls):
            cls.names.append(cls.__name__)

    class Child(Registered):
        def tell(self):
            return "registered"

    class Asking(actors.Runner):
        def on_receive(self, message):
            return message.tell(), message

    ref = start(runner_class=Asking)
    told = {}
    for message in (Made(), Square(), Private(), Cached(), Planet.EARTH, Child(), Child()):
        told[type(message).__name__], answer = ref.ask(message, timeout=LIMIT)
        assert type(answer) is type(message)
    assert told == {
        "Made": "by its metaclass",
        "Square": 16,
        "Private": "private",
        "Cached": 6,
        "Planet": "blue",
        "Child": "registered",
    }
    # Its answers have not been taken for new subclasses here.
    assert Registered.names == ["Child"]


def test_class_whose_base_insists_on_keywords_cannot_be_rebuilt(start):
    """The statement's keywords are nowhere to be found afterwards; the error says who asks."""

    class Base:
        def __init_subclass__(cls, tag):
            cls.tag = tag

    class Tagged(Base, tag="x"):
        pass

    with pytest.raises(actors.WireError, match=r"cannot be rebuilt here: TypeError: .*'tag'"):
        start().ask(Tagged(), timeout=LIMIT)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="needs the syntax of Python 3.12")
def test_generic_class_in_new_syntax(start):
    """PEP 695."""
    names = {"__name__": __name__}
    source = "class Box[T]:\n    def __init__(self, it: T): self.it = it"
    exec(source, names)  # noqa: S102 - a syntax error before
    box = start().ask(names["Box"][int](3), timeout=LIMIT)
    assert type(box) is names["Box"]
    assert box.it == 3


def test_what_typing_makes_stays_one_to_each_side(start):
    """New types and parameters, alone and in what classes and functions refer to."""
    user_id, p, ts = NewType("user_id", int), ParamSpec("p", bound=int), TypeVarTuple("ts")

    @attrs.frozen
    class Note:
        user: user_id

        def next(self):
            return user_id(self.user + 1)

    class Caller(Generic[p]):
        pass

    class Row(Generic[*ts]):
        pass

    def passing(function: Callable[p, int]) -> Callable[p, int]:
        def inner(*args: p.args, **kwargs: p.kwargs) -> int:
            return function(*args, **kwargs)

        return inner

    class Asking(actors.Runner):
        def on_receive(self, message: user_id):
            known = message in (user_id, p, ts, p.args, p.kwargs)
            return known, repr(message), getattr(message, "__module__", None), message

    ref = start(runner_class=Asking)
    for message in (user_id, p, ts):
        sent = True, repr(message), __name__, message
        assert ref.ask(message, timeout=LIMIT) == sent
    for message in (p.args, p.kwargs):
        assert ref.ask(message, timeout=LIMIT)[::3] == (True, message)
    for message in (Note(user_id(1)), Caller, Caller[int, str], Row, Row[int], list[user_id]):
        assert ref.ask(message, timeout=LIMIT)[3] == message
    assert ref.ask(Note(user_id(1)), timeout=LIMIT)[3].next() == 2
    again = ref.ask(passing, timeout=LIMIT)[3](lambda: 3)
    assert again() == 3
    assert again.__annotations__["args"] == p.args


@pytest.mark.skipif(sys.version_info < (3, 12), reason="needs the syntax of Python 3.12")
def test_type_alias_in_new_syntax(start):
    """Alone, with parameters, and where a class refers to it."""
    names = {"__name__": "of_nobody"}
    source = """
type Prompt = str | list[str]
type Pair[T, **P] = tuple[T, Prompt]
type Notes = list[Note]
class Note[**P, *Ts]:
    prompt: Prompt
    all = Notes
"""
    exec(source, names)  # noqa: S102 - a syntax error before
    ref, note = start(), names["Note"]
    aliases = [names[each] for each in ("Prompt", "Pair", "Notes")]
    prompt, pair, notes = ref.ask(aliases, timeout=LIMIT)
    assert prompt.__value__ == str | list[str]
    assert pair[int, [str]].__origin__.__name__ == "Pair"
    t, p = pair.__type_params__
    assert (t.__name__, p.__name__) == ("T", "P")
    assert pair.__value__ == tuple[t, prompt]
    assert notes.__value__ == list[note]
    assert ref.ask(note, timeout=LIMIT) is note


@pytest.mark.skipif(sys.version_info < (3, 12), reason="needs the syntax of Python 3.12")
@pytest.mark.parametrize(
    "source",
    [
        "type Json = None | list[Json] | dict[str, Json]",
        "type Json = list[Other]; type Other = dict[str, Json]",
        "type Json[T] = T | list[Json[T]]",
    ],
)
def test_type_alias_that_refers_to_itself_is_refused(source):
    """It could not be made again; the sender is told what to do."""
    names = {"__name__": "of_nobody"}
    exec(source, names)  # noqa: S102 - a syntax error before
    alias = names["Json"]

    @attrs.frozen
    class Note:
        content: alias

    for message in (alias, Note(None)):
        with pytest.raises(actors.UnsendableError, match=r"the type alias 'Json', which refers"):
            pack(message, "it")
