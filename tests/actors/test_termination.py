"""Any exception becomes plain text, however ill-behaved it is."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.termination import RunnerTerminationError
from actors.wire import decode, encode, from_json, to_json

describe = RunnerTerminationError.from_exception


def caught(function):
    """Return what a function raises."""
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("it raised nothing")


class CustomError(Exception):
    """An exception of a module of its own."""


def test_an_exception_is_described():
    """Type, texts, traceback and notes are all there."""
    error = caught(lambda: {}["key"])
    error.add_note("a note")
    found = describe(error)
    assert (found.type, found.message, found.repr) == ("KeyError", "'key'", "KeyError('key')")
    assert found.traceback.startswith("Traceback (most recent call last):")
    assert "KeyError: 'key'\na note" in found.traceback
    assert found.notes == ("a note",)
    assert found.exit_code is None


def test_a_type_is_named_with_its_module():
    """Built-in types are not: everybody knows them."""
    assert describe(CustomError()).type == f"{__name__}.CustomError"
    assert describe(ValueError()).type == "ValueError"


def test_causes_contexts_and_groups_are_in_the_traceback():
    """The first error is often the telling one."""

    def chained():
        try:
            raise ValueError("first")
        except ValueError as error:
            raise KeyError("second") from error

    text = describe(ExceptionGroup("both", [caught(chained), OSError("third")])).traceback
    assert all(word in text for word in ("first", "second", "third", "direct cause"))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (None, 0), (0, 0), (3, 3), (256, 0), (-1, 255), (True, 1), ("text", 1), (1.5, 1),
        (2**40 + 5, 5), (2**63, 255), (-(2**70), 255),
    ],
)  # fmt: skip
def test_the_status_of_sys_exit_is_the_one_the_parent_sees(code, expected):
    """As `sys.exit` does it, oddities included."""
    assert describe(caught(lambda: sys.exit(code))).exit_code == expected


class Vicious(BaseException):
    """An exception whose every text raises."""

    def __str__(self):
        raise KeyboardInterrupt

    def __repr__(self):
        raise RecursionError

    @property
    def __notes__(self):
        raise SystemExit(1)


class ViciousExit(SystemExit):
    """An exit whose status cannot be read."""

    @property
    def code(self):
        raise MemoryError


class LyingText(str):
    """Text that cannot be used as text."""

    __slots__ = ()

    def encode(self, *_):
        raise OSError

    def __len__(self):
        raise OSError


class LyingError(Exception):
    """An exception that answers with such text."""

    def __str__(self):
        return LyingText("lies")


class OddNotes(list):
    """Notes that cannot be read."""

    def __iter__(self):
        raise OSError


def odd_notes():
    """Return an exception with unreadable notes."""
    error = ValueError("odd")
    error.__notes__ = OddNotes(["n"])
    return error


@pytest.mark.parametrize(
    "error", [Vicious(), ViciousExit(), LyingError(), odd_notes()], ids=lambda e: type(e).__name__
)
def test_an_exception_that_will_not_be_described_is_described(error):
    """Nothing that foreign code does in its methods gets out."""
    found = describe(error)
    assert type(found.message) is type(found.repr) is type(found.traceback) is str
    assert decode(encode(found)) == found


def test_texts_that_raise_say_so():
    """The reader learns that there was more."""
    found = describe(Vicious())
    assert found.message == "<Vicious whose text raised KeyboardInterrupt>"
    assert found.repr == "<Vicious whose text raised RecursionError>"


def test_many_notes_are_shortened_together():
    """What a frame of ours may have is limited, and an exception may collect notes in a loop."""
    error = ValueError("gave up")
    for number in range(1000):
        error.add_note(f"attempt {number}: " + "x" * 1000)
    notes = RunnerTerminationError.from_exception(error).notes
    assert notes[0].startswith("attempt 0: x")
    assert notes[-1] == f"... {1000 - len(notes) + 1} notes left out ..."
    assert sum(map(len, notes)) <= 65 * 1024
    single = ValueError("gave up")
    single.add_note("y" * 1_000_000)
    (note,) = RunnerTerminationError.from_exception(single).notes
    assert "characters left out" in note


def test_notes_that_are_no_text_are_shown():
    """Nothing stops anybody from setting `__notes__` to anything."""
    error = ValueError()
    error.__notes__ = [1, "two"]
    assert describe(error).notes == ("1", "two")
    error.__notes__ = 5
    assert describe(error).notes == ()


def test_a_long_text_is_shortened_in_the_middle():
    """The beginning and the end are what one reads."""
    found = describe(ValueError("a" * 100_000 + "z"))
    assert len(found.message) < 70_000
    assert found.message.startswith("a")
    assert found.message.endswith("z")
    assert "characters left out" in found.message


@given(st.text(st.characters(), max_size=20) | st.text("\ud800\udfff", max_size=3))
def test_any_text_survives_the_wire(text):
    """Lone surrogates become escapes, so any terminal and file can take them."""
    found = describe(CustomError(text))
    found.message.encode()
    assert decode(encode(found)) == found
    assert from_json(to_json(found)) == found
