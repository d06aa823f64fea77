"""Bytes to frames and back: any cut, any garbage, any length, wherever in the buffer it comes."""

import itertools
import mmap
import pickle
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors import _framing
from actors._frames import (
    Acknowledged,
    CancelTask,
    Chunk,
    Credit,
    Launch,
    Reply,
    Request,
    Started,
    Stop,
    StreamClosed,
    StreamOpened,
    Waiting,
)
from actors._framing import Frame, FrameReader, frame_buffers
from actors._payload import pack, unpack
from actors.errors import FrameTooLargeError, WireError

LIMIT = 8 << 20
BUFFER = _framing._BUFFER
SMALL = _framing._MAX_SMALL
ROOM = _framing._ROOM
MAPPED = _framing._MAPPED

SIZES = st.one_of(
    st.integers(0, 64),
    # About where a frame no longer waits in the buffer, and where it does not fit into it.
    st.integers(SMALL - ROOM - 40, SMALL + 40),
    st.integers(BUFFER - 40, BUFFER + 40),
    st.just(MAPPED + 1),
)
TASKS = st.integers(0, (1 << 64) - 1)
NUMBERS = st.integers(0, (1 << 32) - 1)
MESSAGES = st.one_of(
    st.builds(Request, TASKS, st.booleans()),
    st.builds(Credit, TASKS, NUMBERS),
    st.builds(CancelTask, TASKS),
    st.builds(Acknowledged, TASKS),
    st.builds(Reply, TASKS),
    st.builds(StreamOpened, TASKS),
    st.builds(Chunk, TASKS, NUMBERS),
    st.builds(StreamClosed, TASKS, st.booleans()),
    st.sampled_from([Stop(), Started(), Waiting("rank 7"), Launch("r", 1, "urn")]),
)
# Sizes instead of segments: an example can be read.
FRAMES = st.tuples(MESSAGES, st.lists(SIZES, max_size=4))


def built(message, sizes):
    """Return a frame whose segments differ from each other and from their neighbours."""
    return Frame(message, tuple(bytes([n + 1]) * size for n, size in enumerate(sizes)))


def encoded(*frames):
    """Return the bytes of frames."""
    return b"".join(bytes(part) for frame in frames for part in frame_buffers(*frame, limit=LIMIT))


def plain(frames):
    """Return frames with payloads that can be compared."""
    return [Frame(message, tuple(bytes(part) for part in payload)) for message, payload in frames]


class Source:
    """Gives out bytes as a socket does: never more than there is, nor across a cut."""

    def __init__(self, data, cuts=()):
        self._data = memoryview(data)
        self._ends = [*sorted(cuts), len(data)]
        self.given = 0
        self.calls = 0

    def recv_into(self, buffer):
        """Fill a buffer, or raise as a socket that has nothing."""
        self.calls += 1
        assert len(buffer) > 0, "nothing can be received into no space"
        while self._ends and self._ends[0] <= self.given:
            self._ends.pop(0)
        if not self._ends:
            raise BlockingIOError
        count = min(len(buffer), self._ends[0] - self.given)
        buffer[:count] = self._data[self.given : self.given + count]
        self.given += count
        return count


def read(reader, data, cuts=()):
    """Feed a reader in pieces, and return the frames; raise what is wrong with the bytes."""
    source, found = Source(data, cuts), []
    while source.given < len(data):
        assert reader.receive(source.recv_into)
        found += reader.pending
        reader.pending.clear()
        if reader.problem is not None:
            raise reader.problem
    return found


def test_compact_frame_has_the_same_number_at_both_ends():
    """Types included: a flag comes back as a flag."""
    sent = [
        Request(7, observed=True),
        Request(0),
        Credit(1, 128),
        CancelTask(2),
        Acknowledged(3),
        Reply(4),
        StreamOpened(5),
        Chunk(6, 9),
        StreamClosed(8, cancelled=True),
    ]
    received = [frame.message for frame in read(FrameReader(LIMIT), encoded(*map(Frame, sent)))]
    assert repr(received) == repr(sent)


def test_sequence_number_begins_again_after_the_headers_last():
    """A stream may be longer than 2**32 chunks."""
    ((message, _),) = read(FrameReader(LIMIT), encoded(Frame(Chunk(1, (1 << 32) + 5), (b"x",))))
    assert message == Chunk(1, 5)


@given(st.lists(FRAMES, max_size=4), st.data())
def test_any_cut_of_the_bytes_gives_the_same_frames(sent, data):
    """Down to single bytes, headers and lengths included."""
    sent = [built(*frame) for frame in sent]
    stream = encoded(*sent)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=20))
    reader = FrameReader(LIMIT)
    assert plain(read(reader, stream, cuts)) == sent
    assert not reader.partial


def test_frames_come_one_byte_at_a_time():
    """Every cut there is, of every kind of frame."""
    sent = [
        Frame(Reply(1), (b"x",)),
        Frame(Stop()),
        Frame(Waiting("rank 7"), (b"", b"y", b"")),
        Frame(StreamOpened(2)),
        Frame(Chunk(2, 0), (b"", b"", b"z" * 300)),
    ]
    stream = encoded(*sent)
    assert plain(read(FrameReader(LIMIT), stream, range(len(stream)))) == sent


@given(FRAMES, st.data())
def test_part_of_a_frame_is_known_to_be_a_part(frame, data):
    """That is how a death inside a send is told from a closed channel."""
    stream = encoded(built(*frame))
    reader = FrameReader(LIMIT)
    assert read(reader, stream[: data.draw(st.integers(1, len(stream) - 1))]) == []
    assert reader.partial
    assert reader.receive(lambda buffer: 0) is False
    assert reader.partial


@pytest.mark.parametrize("behind", [b"", b"and the next"], ids=["at the end", "one more follows"])
def test_partial_frame_is_completed_wherever_the_buffer_ends_in_it(behind):
    """At every offset near the end: in the magic, the header, the lengths, each segment."""
    target = Frame(Reply(2), (b"head", b"", b"tail" * 20))
    frames = [Frame(Reply(1), (b"",)), target, *([Frame(Reply(3), (behind,))] if behind else [])]
    overhead = len(encoded(frames[0]))
    for offset in itertools.chain(
        range(BUFFER - SMALL - 3, BUFFER - SMALL + 4),
        range(BUFFER - ROOM - len(encoded(target)) - 3, BUFFER - ROOM + 4),
        range(BUFFER - len(encoded(target)) - 3, BUFFER + 1),
    ):
        frames[0] = Frame(Reply(1), (bytes(offset - overhead),))
        stream = encoded(*frames)
        reader = FrameReader(LIMIT)
        found = read(reader, stream, [offset + 1, offset + 21])
        assert plain(found) == frames, f"cut after its first byte at {offset}"
        assert plain(read(FrameReader(LIMIT), stream)) == frames, f"at {offset}"
        assert not reader.partial


def test_long_frame_that_waits_in_the_buffer_fits_wherever_it_begins():
    """One byte more, and it would be received in place."""
    longest = Frame(Reply(2), (bytes(SMALL - ROOM),))
    for offset in range(BUFFER - SMALL - 40, BUFFER - SMALL + 40):
        frames = [Frame(Reply(1), (bytes(offset - 20),)), longest, Frame(Reply(3), (b"x",))]
        stream = encoded(*frames)
        begin = len(encoded(frames[0]))
        found = read(FrameReader(LIMIT), stream, range(begin, len(stream), 1777))
        assert plain(found) == frames, f"at {begin}"


def test_frames_that_were_given_out_stay_as_they_are():
    """The buffer is used again; what a frame holds is not in it."""
    reader = FrameReader(LIMIT)
    sent = [
        Frame(Reply(n), (bytes([n]) * 9000, bytes([n]) * (n * 700), bytes([n]))) for n in range(60)
    ]
    stream = encoded(*sent)
    assert plain(read(reader, stream, range(0, len(stream), 40_001))) == sent


@pytest.mark.parametrize(
    "sizes",
    [
        (MAPPED,),
        (MAPPED - 1,),
        (0, MAPPED + 1, 0, 5, 0),
        (10, 0, 0, MAPPED, MAPPED + 3, 0),
        (BUFFER, 0, BUFFER + 1),
        tuple(range(250)),
    ],
    ids=str,
)
@pytest.mark.parametrize("message", [Reply(1), Stop()], ids=["compact", "encoded"])
@pytest.mark.parametrize("step", [1 << 30, 60_001, 4096], ids=["whole", "long", "short"])
def test_large_frame_is_received_whole(message, sizes, step):
    """Several segments, some of no bytes, and the frame that follows."""
    segments = tuple(bytes([n % 251 + 1]) * size for n, size in enumerate(sizes))
    sent = [Frame(message, segments), Frame(Reply(2), (b"next",))]
    stream = encoded(*sent)
    reader = FrameReader(LIMIT)
    assert plain(read(reader, stream, range(1, len(stream), step))) == sent
    assert not reader.partial


def test_large_segment_is_received_where_it_stays():
    """No copy from the buffer, and no byte of the frame after it."""
    reader = FrameReader(LIMIT)
    data = encoded(Frame(Stop(), (bytes(500_000), b"", bytes(MAPPED))))
    assert read(reader, data[:1000]) == []
    *_, large, filled = reader._position
    space = large.space(filled)
    assert space.obj is large.segments[1]
    assert len(space) == 500_000 - (1000 - (len(data) - 500_000 - MAPPED))
    ((_, payload),) = read(reader, data[1000:])
    assert [each is kept for each, kept in zip(payload, large.segments[1:], strict=True)]
    assert [type(each) for each in payload] == [bytearray, bytearray, mmap.mmap]


@pytest.mark.parametrize("size", [40_000, 100_000, MAPPED], ids=["buffer", "in place", "mapped"])
def test_out_of_band_segment_can_be_written_to(size):
    """A user's array lies in it, and an array that cannot be changed is a surprise."""
    sent = pack([pickle.PickleBuffer(bytearray(b"x" * size))], "it")
    assert len(sent) == 2
    for cuts in ((), (1000,)):
        ((_, payload),) = read(FrameReader(LIMIT), encoded(Frame(Reply(1), sent)), cuts)
        (array,) = unpack(payload)
        view = memoryview(array)
        view[:3] = b"abc"
        assert bytes(view[:4]) == b"abcx"
        assert len(view) == size


def test_nothing_is_received_before_what_came_is_dealt_with():
    """Whoever was interrupted finds the frames again, and the next ones after them."""
    stream = encoded(Frame(Reply(1), (b"a",)), Frame(Reply(2), (b"b",)), Frame(Reply(3), (b"c",)))
    source = Source(stream, [len(stream) - 5])
    reader = FrameReader(LIMIT)
    assert reader.receive(source.recv_into)
    assert reader.receive(source.recv_into)
    assert source.calls == 1
    assert plain(reader.pending) == [Frame(Reply(1), (b"a",)), Frame(Reply(2), (b"b",))]
    reader.pending.popleft()
    reader.receive(source.recv_into)
    assert source.calls == 1
    reader.pending.popleft()
    reader.receive(source.recv_into)
    assert plain(reader.pending) == [Frame(Reply(3), (b"c",))]


def test_empty_socket_changes_nothing():
    """The error is the caller's, and the next call goes on."""
    frame = Frame(Reply(1), (b"answer",))
    stream = encoded(frame)
    reader = FrameReader(LIMIT)
    assert read(reader, stream[:9]) == []
    with pytest.raises(BlockingIOError):
        reader.receive(Source(b"").recv_into)
    assert reader.partial
    assert plain(read(reader, stream[9:])) == [frame]


def test_end_of_the_stream_is_told_each_time():
    """After the frames; nothing comes out of it."""
    reader = FrameReader(LIMIT)
    for _ in range(3):
        assert reader.receive(lambda buffer: 0) is False
        assert not reader.pending
        assert reader.problem is None


@given(st.binary(min_size=1, max_size=200))
@example(b"r")
@example(b"r\x02")
def test_garbage_is_a_wire_error_or_an_unfinished_frame(data):
    """Never another exception, never a frame that was not sent."""
    reader = FrameReader(LIMIT)
    try:
        found = read(reader, data)
    except WireError:
        return
    assert found == []
    assert reader.partial


@given(st.integers(0, 9), st.integers(0, 5), st.binary(max_size=200), st.data())
def test_garbage_behind_a_good_beginning_is_no_worse(kind, count, data, cuts):
    """A frame, an unfinished frame or a WireError; the same however it is cut."""
    stream = struct.pack("!2sBB", b"r\x02", kind, count) + data
    outcomes = []
    for places in ((), cuts.draw(st.lists(st.integers(0, len(stream)), max_size=9))):
        reader = FrameReader(1000)
        try:
            found = plain(read(reader, stream, places))
        except WireError:
            outcomes.append(("problem",))
        else:
            outcomes.append((found, reader.partial))
    assert outcomes[0] == outcomes[1]


def header(kind, number, task, *sizes, magic=b"r\x02"):
    """Return the bytes before the segments."""
    return struct.pack(f"!2sBBIQ{len(sizes)}I", magic, kind, len(sizes), number, task, *sizes)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"x", "no frame begins with"),
        (b"rx", "no frame begins with"),
        (b"ra", "no frame begins with"),
        (header(5, 0, 1, 1, magic=b"r\x01"), "no frame begins with"),
        (header(200, 0, 1, 1), "no frame begins with"),
        (header(0, 0, 0), "no frame begins with"),
        (header(0, 0, 0, (4 << 20) + 1), "exceeds the limit"),
        (header(0, 0, 0, 1, LIMIT + 1), "exceeds the limit"),
        (header(0, 0, 0, 1, LIMIT, 1), "exceeds the limit"),
        (header(5, 0, 1, LIMIT + 1), "exceeds the limit"),
        (header(5, 0, 1, (1 << 32) - 1, (1 << 32) - 1), "exceeds the limit"),
        (header(0, 0, 0, 0), "$"),
        (header(0, 0, 0, 3) + b"\xc1\xc1\xc1", "$"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_frame_is_refused_as_soon_as_it_is_seen(data, problem):
    """Before anything of the announced size is allocated, and for good."""
    reader = FrameReader(LIMIT)
    with pytest.raises(WireError) as caught:
        read(reader, data)
    assert problem in str(caught.value)
    assert caught.value.place in {"channel", "$"}
    assert reader._position[4] is None
    source = Source(encoded(Frame(Stop())))
    assert reader.receive(source.recv_into)
    assert source.calls == 0
    assert not reader.pending


def test_frames_before_what_is_none_are_given_out():
    """What came in order counts, though it came at once with the rest."""
    good = [Frame(Reply(1), (b"a",)), Frame(Stop())]
    reader = FrameReader(LIMIT)
    source = Source(encoded(*good) + b"garbage")
    assert reader.receive(source.recv_into)
    assert plain(reader.pending) == good
    assert reader.problem is not None


@pytest.mark.parametrize("message", [Reply(1), Stop()], ids=["compact", "encoded"])
@pytest.mark.parametrize("segments", [(100,), (99, 1), (0, 50, 50), (101,), (100, 1)], ids=str)
def test_limit_is_the_same_at_both_ends(message, segments):
    """For what the user sends; our own words always fit."""
    frame = Frame(message, tuple(map(bytes, segments)))
    if sum(segments) <= 100:
        stream = b"".join(frame_buffers(*frame, limit=100))
        assert plain(read(FrameReader(100), stream)) == [frame]
        return
    with pytest.raises(FrameTooLargeError) as caught:
        frame_buffers(*frame, limit=100)
    assert (caught.value.size, caught.value.limit) == (101, 100)
    with pytest.raises(WireError, match="exceeds the limit"):
        read(FrameReader(100), encoded(frame))


def test_words_of_ours_have_a_limit_of_their_own():
    """So that a text without end is refused where it is made."""
    with pytest.raises(FrameTooLargeError):
        frame_buffers(Waiting("x" * (4 << 20)), (), limit=1 << 30)
    assert frame_buffers(Waiting("x"), (), limit=0)


def test_small_frame_is_one_buffer_and_a_large_one_is_not_copied():
    """One system call for either."""
    assert len(frame_buffers(Reply(1), (b"x",), LIMIT)) == 1
    assert len(frame_buffers(Stop(), (b"x", b"y"), LIMIT)) == 1
    segments = (b"pickle", bytearray(BUFFER), memoryview(bytes(MAPPED)))
    buffers = frame_buffers(Reply(1), segments, LIMIT)
    assert [each is segment for each, segment in zip(buffers[1:], segments, strict=True)] == [
        True
    ] * 3
