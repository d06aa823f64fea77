"""What the actors of `citizens` have about them: attributes of every kind, and errors."""

import enum
import errno
import os
import threading
from dataclasses import dataclass
from typing import NamedTuple

import attrs
import pykka

PLACE = "as imported"
"""A global of a module, of which each process has its own."""


class Colour(enum.Enum):
    """Is the same object after a trip."""

    RED = 1


class Pair(NamedTuple):
    """A message by its class."""

    left: int
    right: str


@dataclass(frozen=True)
class Record:
    """A message of data."""

    text: str


@attrs.frozen
class Note:
    """A message of attrs."""

    text: str


class Drawer:
    """Lies in a toolbox."""

    def __init__(self):
        self.screws = 100

    def use(self, number):
        self.screws -= number
        return self.screws


class Toolbox:
    """Can be looked into, if it is marked."""

    def __init__(self):
        self.hammer = "iron"
        self._hidden = "hidden"
        self.drawer = pykka.traversable(Drawer())

    def count(self, number):
        return [self.hammer] * number

    def where(self):
        return os.getpid(), threading.get_ident()

    def fail(self):
        raise ValueError("no such tool")


@pykka.traversable
class Garden:
    """Can be looked into, as each of its class."""

    def grow(self):
        return "grown"


class Shed:
    """Can be looked into, as Pykka had it before there was a function."""

    pykka_traversable = True

    def open(self):
        return "open"


class Cupboard:
    """Can be looked into, though it has no room for marks."""

    __slots__ = ("content", "pykka_traversable")

    def __init__(self):
        self.content = "cups"
        self.pykka_traversable = True


class Plain:
    """Cannot be looked into, but can be had."""

    def __init__(self):
        self.content = "content"

    def __eq__(self, other):
        return isinstance(other, Plain) and other.content == self.content

    __hash__ = None


class Shouter:
    """Can be called."""

    def __call__(self, text):
        return text.upper()


class Bell:
    """Can be called, and is marked as if it could be looked into."""

    pykka_traversable = True

    def __init__(self):
        self.tone = "a"

    def __call__(self, times):
        return self.tone * times


class Rooms:
    """Attributes of a class."""

    motto = "be kind"
    _skeleton = "hidden"
    toolbox = pykka.traversable(Toolbox())
    garden = Garden()
    shed = Shed()
    cupboard = Cupboard()
    chest = Plain()
    shout = Shouter()
    doorbell = Bell()


class TwoPartError(Exception):
    """Has other arguments than its constructor."""

    def __init__(self, left, right):
        super().__init__(f"{left} and {right}")
        self.parts = [left, right]


class PrefixedError(Exception):
    """Would have its prefix twice if its constructor were called with its arguments."""

    def __init__(self, text, code=0):
        super().__init__(f"prefix: {text}")
        self.code = code


@attrs.frozen(kw_only=True)
class KeywordError(Exception):
    """Takes keywords only, and cannot be changed."""

    code: int


class SlottedError(Exception):
    """Keeps something where no `__dict__` has it."""

    __slots__ = ("code",)

    def __init__(self, text, code=0):
        super().__init__(text)
        self.code = code


class MissingFileError(FileNotFoundError):
    """One of the system's, with a constructor of its own."""

    def __init__(self, path):
        super().__init__(errno.ENOENT, "there is no such file", path)


class RegisteredError(Exception):
    """Says itself how it is made again."""

    def __init__(self, *, code):
        super().__init__(code)
        self.code = code

    def __reduce__(self):
        return _registered, (self.code,)


def _registered(code):
    return RegisteredError(code=code)


class UnmakableError(Exception):
    """Says itself how it is made again, and is wrong."""

    def __reduce__(self):
        return UnmakableError.__new__, ()


class MixedError(RuntimeError, ConnectionError):
    """Is made as its second base is, which has the larger instances."""


class RestoringError(Exception):
    """Is told when it is made again."""

    code = 0

    def __setstate__(self, state):
        self.code = state["kept"]

    def __init__(self, kept):
        super().__init__("text")
        self.kept = self.code = kept


def _selfish_error():
    error = DetailedError()
    error.itself = error
    return error


class CodedGroup(ExceptionGroup):
    """Has other arguments than its base, as the example of Python's documentation."""

    def __new__(cls, errors, code):
        self = super().__new__(CodedGroup, f"code: {code}", errors)
        self.code = code
        return self

    def derive(self, errors):
        return CodedGroup(errors, self.code)


class LockedError(Exception):
    """Cannot be pickled."""

    def __init__(self):
        super().__init__("locked")
        self.lock = threading.Lock()


class DetailedError(Exception):
    """Is rebuilt with all that it carries."""

    def __init__(self, code=7):
        super().__init__(code)
        self.code = code
        self.add_note("a note on it")


def _local_error():
    class LocalError(Exception):
        """Can be found by nobody."""

    return LocalError("local")


class StrangeExit(BaseException):
    """Is no `Exception`."""


ERRORS = {
    "two parts": lambda: TwoPartError("left", "right"),
    "prefixed": lambda: PrefixedError("text", 7),
    "keyword": lambda: KeywordError(code=7),
    "slotted": lambda: SlottedError("text", 7),
    "missing": lambda: MissingFileError("/nowhere"),
    "mixed": lambda: MixedError("text"),
    "restoring": lambda: RestoringError(7),
    "registered": lambda: RegisteredError(code=7),
    "unmakable": UnmakableError,
    "group": lambda: ExceptionGroup("group", [TwoPartError("left", "right"), KeywordError(code=7)]),
    "coded group": lambda: CodedGroup([TwoPartError("left", "right"), KeyError("key")], 7),
    "selfish": _selfish_error,
    "locked": LockedError,
    "detailed": DetailedError,
    "local": _local_error,
    "strange": StrangeExit,
}
