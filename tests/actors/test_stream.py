"""A stream's two sides: chunks, the end, the reader that goes away."""

import asyncio
import contextlib
import gc
import threading

import pytest

from actors._payload import pack
from actors._sealed import Sealed
from actors._stream import NUMBERS, WINDOW, Stream, StreamCore, price
from actors.errors import TaskCancelledError, UnsendableError, WireError


@pytest.fixture
def abandoned():
    """Give the list of calls of `abandon`."""
    return []


@pytest.fixture
def core(abandoned):
    """Give a core whose grants are not looked at."""
    return StreamCore(grant=lambda chunks: None, abandon=lambda: abandoned.append(True))


def test_chunks_come_in_order_and_then_the_end(core, abandoned):
    """The end stays the end."""
    for n in range(3):
        core.push(n)
    core.finish()
    stream = Stream(core)
    assert stream.result() == [0, 1, 2]
    assert list(stream) == []
    del stream
    assert abandoned == []


def test_error_comes_after_the_chunks(core):
    """The first end counts, and nothing comes after it."""
    core.push("a")
    core.finish(LookupError("no"))
    core.finish()
    core.push("late")
    stream = Stream(core)
    assert next(stream) == "a"
    for _ in range(2):
        with pytest.raises(LookupError):
            next(stream)


def test_reader_waits_for_a_chunk_and_for_the_end(core):
    """It is woken by each."""
    got = []
    reader = threading.Thread(target=lambda: got.extend(Stream(core)))
    reader.start()
    core.push(1)
    core.push(2)
    core.finish()
    reader.join(30)
    assert got == [1, 2]


@pytest.mark.parametrize("leave", ["cancel", "with", "drop"])
def test_leaving_before_the_end_abandons_once(core, abandoned, leave):
    """However it is left; what had come is dropped, and so is what comes."""
    core.push(1)
    stream = Stream(core)
    if leave == "cancel":
        stream.cancel()
        stream.cancel()
    elif leave == "with":
        with stream as entered:
            assert next(entered) == 1
    if leave != "drop":
        with pytest.raises(TaskCancelledError):
            next(stream)
    del stream
    gc.collect()
    core.push(2)
    core.finish()
    assert abandoned == [True]
    assert core.cancelled


def test_stream_is_closed_as_generators_are(core, abandoned):
    """By whatever closes one of either kind."""
    stream = Stream(core)
    with contextlib.closing(stream):
        pass
    with pytest.raises(TaskCancelledError):
        next(stream)

    async def leave():
        async with contextlib.aclosing(stream):
            pass

    asyncio.run(leave())
    assert abandoned == [True]


def test_cancel_wakes_the_reader(core):
    """From another thread."""
    caught = []
    stream = Stream(core)

    def read():
        try:
            next(stream)
        except TaskCancelledError as error:
            caught.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    stream.cancel()
    reader.join(30)
    assert len(caught) == 1


def test_credit_is_granted_for_half_a_window(abandoned):
    """Not for each chunk."""
    grants = []
    core = StreamCore(grant=grants.append, abandon=lambda: None)
    for n in range(WINDOW):
        core.push(n)
    stream = Stream(core)
    for _ in range(WINDOW):
        next(stream)
    assert grants == [WINDOW // 2, WINDOW // 2]


def test_large_chunks_take_more_credit(abandoned):
    """So that the bytes under way are bounded, and not only the number of chunks."""
    small, large = (b"x",), (bytes(40 << 20), b"beside")
    assert price(small) == 1
    assert price(large) == 641
    grants = []
    core = StreamCore(grant=grants.append, abandon=lambda: None)
    for n in range(3):
        core.push(Sealed(pack("x", "it")), 2 * n, price(small))
        core.push(Sealed(pack("x", "it")), 2 * n + 1, price(large))
    stream = Stream(core)
    for _ in range(6):
        next(stream)
    assert grants == [642, 642, 642]


@pytest.mark.parametrize("sizes", [[1] * 300, [300], [100, 1, 300, 27, 128, 1], [1, 1000, 255]])
def test_writer_is_never_held_back_for_ever(sizes):
    """When all has been taken there is room again, whatever the prices were."""
    room = WINDOW

    def grant(amount):
        nonlocal room
        room += amount

    core = StreamCore(grant=grant, abandon=lambda: None)
    stream = Stream(core)
    for turn in range(3):
        for n, cost in enumerate(sizes):
            core.push(n, turn * len(sizes) + n, cost)
            room -= cost
        for n in range(len(sizes)):
            assert next(stream) == n
        assert WINDOW // 2 < room <= WINDOW


def test_writer_in_the_same_process_is_held_back_by_a_slow_reader(core):
    """And goes on when there is room, or nobody reads any more."""
    for n in range(WINDOW):
        assert core.wait_for_room()
        core.push(n)
    answers = []
    writer = threading.Thread(target=lambda: answers.append(core.wait_for_room()))
    writer.start()
    stream = Stream(core)
    next(stream)
    writer.join(30)
    core.push("the window is full again")
    writer = threading.Thread(target=lambda: answers.append(core.wait_for_room()))
    writer.start()
    stream.cancel()
    writer.join(30)
    assert answers == [True, False]


def test_chunk_that_comes_twice_is_added_once(core):
    """A signal's handler may have interrupted the one who delivered it, taken or not."""
    stream = Stream(core)
    for sequence in (0, 0, 1):
        core.push(f"chunk {sequence}", sequence)
    assert next(stream) == "chunk 0"
    for sequence in (0, 1, 2, 2):
        core.push(f"chunk {sequence}", sequence)
    core.finish()
    core.push("chunk 3", 3)
    assert list(stream) == ["chunk 1", "chunk 2"]


def test_sequence_numbers_may_begin_again(core):
    """A stream can be longer than the header has numbers."""
    core._taken = NUMBERS - 2
    stream = Stream(core)
    for sequence in (NUMBERS - 2, NUMBERS - 1, 0, 0, 1):
        core.push(sequence, sequence)
    core.finish()
    assert list(stream) == [NUMBERS - 2, NUMBERS - 1, 0, 1]


def test_missing_chunk_is_an_error(core):
    """It cannot happen; if it does, the reader must not take the next for it."""
    core.push("b", 1)
    with pytest.raises(WireError, match="chunk 0 of a stream is missing"):
        next(Stream(core))


def test_reader_receives_for_itself_when_nothing_is_there():
    """And not when something is."""
    receives = []

    def receive(ready, deadline):
        receives.append((ready(), deadline))
        core.push("x")

    core = StreamCore(grant=lambda chunks: None, abandon=lambda: None, receive=receive)
    core.push("there")
    stream = Stream(core)
    assert next(stream) == "there"
    assert receives == []
    assert next(stream) == "x"
    assert [(bool(ready), deadline) for ready, deadline in receives] == [(False, None)]
    core.finish()
    assert list(stream) == []
    assert len(receives) == 1


def test_reader_whose_chunk_another_took_receives_again():
    """In a runner nobody else receives for those who wait."""
    core = StreamCore(grant=lambda chunks: None, abandon=lambda: None, receive=lambda *_: receive())
    ours, theirs = Stream(core), []
    rounds = iter(["taken by another", "ours"])

    def receive():
        core.push(next(rounds))
        if len(core._chunks) == 1 and not theirs:
            theirs.append(core._take(sleep=False))
        return False

    assert next(ours) == "ours"
    assert theirs == ["taken by another"]


def test_chunk_from_another_process_is_opened_by_its_reader(core):
    """And so is what its stream ended with."""
    core.push(Sealed(pack([1], "it")), 0)
    core.finish(LookupError("no"))
    stream = Stream(core)
    assert next(stream) == [1]
    with pytest.raises(LookupError):
        next(stream)


def test_stream_whose_making_was_interrupted_is_dropped_in_silence():
    """A destructor has nobody to complain to."""
    gc.collect()
    stream = Stream.__new__(Stream)
    del stream
    assert gc.collect() >= 0


def test_stream_cannot_be_sent_and_says_what_can(core):
    """Whoever has asked for it reads it."""
    stream = Stream(core)
    with pytest.raises(UnsendableError, match=r"\['a'\]\[0\] is an actors\._stream\.Stream .*send"):
        pack({"a": [stream]}, "message")
    core.push("still read here")
    assert next(stream) == "still read here"
