"""The user's objects as segments: what travels in place, what is refused, and how."""

import threading
from array import array

import numpy as np
import pytest
from faulty import Note
from hypothesis import given
from hypothesis import strategies as st
from pykka.messages import ProxyCall, ProxySetAttr

from actors._payload import pack, unpack
from actors._sealed import Sealed
from actors.errors import RemoteError, UnsendableError, WireError
from actors.termination import RunnerTerminationError

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(values)
def test_whatever_can_be_pickled_comes_back_equal(value):
    """Through the segments."""
    assert unpack(pack(value, "it")) == value


class Loud:
    """Fails when it is rebuilt."""

    def __reduce__(self):
        return _raise, ()


def _raise():
    raise LookupError("not here")


def test_large_buffers_travel_beside_the_pickle_and_small_ones_within():
    """PEP 574, up to the number of segments that a frame has."""
    np = pytest.importorskip("numpy")
    large, small = np.arange(10_000), np.arange(10)
    segments = pack([large, small, large.reshape(100, 100).T[::2]], "arrays")
    assert len(segments) == 2
    assert len(segments[0]) < 100_000
    first, second, third = unpack(segments)
    assert (first == large).all()
    assert (second == small).all()
    assert (third == large.reshape(100, 100).T[::2]).all()
    assert len(pack([large] + [np.arange(5000) for _ in range(300)], "arrays")) == 251


@pytest.mark.parametrize("kind", [bytes, bytearray])
@pytest.mark.parametrize(
    ("around", "within"),
    [
        (lambda data: data, lambda value: value),
        (lambda data: ProxyCall(("f",), (1, data), {}), lambda call: call.args[1]),
        (lambda data: ProxyCall(("f",), (), {"a": data, "b": 1}), lambda call: call.kwargs["a"]),
        (lambda data: ProxyCall(("f",), (lambda: 1, data), {}), lambda call: call.args[1]),
        (lambda data: ProxySetAttr(("a",), data), lambda message: message.value),
    ],
    ids=["value", "argument", "keyword", "beside a lambda", "attribute"],
)
def test_large_bytes_are_not_copied_by_the_sender(kind, around, within):
    """What is sent is the memory where they lie; they arrive as what they were."""
    data = kind(b"x" * 100_000)
    pickled, segment = pack(around(data), "it")
    assert len(pickled) < 10_000
    assert memoryview(segment).obj is data
    # As the channel receives it: in memory of its own.
    received = within(unpack((pickled, bytearray(segment))))
    assert type(received) is kind
    assert received == data
    assert len(pack(around(kind(100)), "it")) == 1


def test_large_buffers_stay_where_they_were_received():
    """An array lies in the segment that it came in."""
    data, *beside = pack({"deep": [np.arange(1 << 20, dtype=np.uint8)]}, "it")
    (received,) = [bytearray(each) for each in beside]
    (array_again,) = unpack((data, received))["deep"]
    assert np.shares_memory(array_again, np.frombuffer(received, np.uint8))
    array_again[0] = 7
    assert received[0] == 7


def test_object_that_cannot_be_pickled_names_itself_and_why():
    """Nothing is sent then."""
    with pytest.raises(UnsendableError, match=r"^message to 'x' of type _thread\.lock cannot"):
        pack(threading.Lock(), "message to 'x'")


@pytest.mark.parametrize(
    "view",
    [
        memoryview(bytes(range(10))),
        memoryview(bytearray(100_000)),
        memoryview(array("d", range(10_000))),
        memoryview(bytes(12)).cast("i", (1, 3)),
        memoryview(b""),
        memoryview(array("i")),
        memoryview(b"abcd")[::2],
        memoryview(array("i", range(6)))[::-2],
    ],
)
def test_memoryview_comes_back_as_one(view):
    """With its format and shape, beside the pickle if it is large."""
    segments = pack({"view": view}, "it")
    assert len(segments) == (2 if view.nbytes >= 32 * 1024 else 1)
    again = unpack(segments)["view"]
    assert type(again) is memoryview
    assert (again, again.format, again.shape) == (view, view.format, view.shape)


def test_memoryview_of_rows_that_lie_otherwise_has_the_same_items():
    """In the order of its indexes, one after another."""
    np = pytest.importorskip("numpy")
    items = np.arange(6, dtype="i4").reshape(2, 3)
    again = unpack(pack(memoryview(np.asfortranarray(items)), "it"))
    assert (again.tolist(), again.format, again.shape) == (items.tolist(), "i", (2, 3))


def test_memoryview_that_cannot_be_made_again_is_refused():
    """As bytes it would be something else."""
    np = pytest.importorskip("numpy")
    with pytest.raises(UnsendableError, match=r"format '>i' and shape \(2,\) cannot be made"):
        pack(memoryview(np.zeros(2, ">i4")), "it")


def test_what_is_not_found_here_by_its_name_is_named():
    """A module that cannot be imported, and a name that is not in one that can."""
    with pytest.raises(WireError, match=r"No module named 'absent' \(module 'absent' can be imp"):
        unpack([b"cabsent\nThing\n."])
    with pytest.raises(
        WireError, match=r"Can't get attribute 'Absent' on <module 'threading' .* \(defined"
    ):
        unpack([b"cthreading\nAbsent\n."])


def test_object_that_cannot_be_rebuilt_here_is_a_wire_error():
    """With the reason as its cause."""
    with pytest.raises(WireError, match="LookupError: not here") as caught:
        unpack(pack(Loud(), "it"))
    assert isinstance(caught.value.__cause__, LookupError)


def test_sealed_answer_is_opened_once_by_whoever_asks_first():
    """All get the same object."""
    sealed = Sealed(pack(Note("x"), "it"))
    assert sealed.open() == Note("x")
    assert sealed.open() is sealed.open()


def test_sealed_answer_that_cannot_be_rebuilt_raises_each_time():
    """Not only the first."""
    sealed = Sealed(pack(Loud(), "it"))
    for _ in range(2):
        with pytest.raises(WireError):
            sealed.open()


@pytest.mark.parametrize("payload", [(), pack(Loud(), "it"), pack("no exception", "it")])
def test_exception_that_does_not_come_back_is_raised_as_its_description(payload):
    """Type, message and traceback are there all the same."""
    try:
        raise KeyError("x")
    except KeyError as error:
        remote = RunnerTerminationError.from_exception(error)
    with pytest.raises(RemoteError, match="KeyError: 'x'") as caught:
        Sealed(payload, remote).open()
    assert caught.value.error is remote
    assert "Traceback" in caught.value.__notes__[0]


class Frozen(Exception):  # noqa: N818 - as users name theirs
    """Lets nobody set anything."""

    def __setattr__(self, name, value):
        raise AttributeError(name)


def test_exception_that_lets_nobody_change_it_is_raised_each_time():
    """It has its cause all the same, and its traceback does not grow."""
    remote = RunnerTerminationError.from_exception(Frozen("no"))
    sealed = Sealed(pack(Frozen("no"), "the exception"), remote)
    depths = []
    for _ in range(3):
        with pytest.raises(Frozen, match="no") as caught:
            sealed.open()
        assert isinstance(caught.value.__cause__, RemoteError)
        depths.append(len(caught.traceback))
    assert depths == [depths[0]] * 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, TimeoutError])
def test_answer_is_not_lost_to_an_interrupt(error, monkeypatch):
    """A handler that raises may do so while the answer is unpickled: the next call has it."""
    answers = iter([error("alarm"), "rebuilt"])

    def loads(*_args, **_kwargs):
        answer = next(answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    sealed = Sealed(pack("it", "it"))
    monkeypatch.setattr("actors._payload.pickle.loads", loads)
    with pytest.raises((error, WireError)):
        sealed.open()
    assert sealed.open() == "rebuilt"
    assert sealed.open() == "rebuilt"
