"""Frames over a socketpair: any cut of the bytes, any garbage, any end of the other side."""

import socket
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import _channel
from actors._channel import Channel, Frame, FrameReader, frame_buffers
from actors._frames import Chunk, Reply, Request, Stop
from actors.errors import FrameTooLargeError, WireError

LIMIT = 1 << 20

segments = st.one_of(
    st.binary(max_size=64),
    # Some longer than the scratch buffer: those are received in place.
    st.integers(_channel._SCRATCH - 2, 3 * _channel._SCRATCH).map(lambda size: b"\xa5" * size),
)
frames = st.builds(
    Frame,
    st.one_of(st.builds(Request, st.integers(0, 1 << 40)), st.just(Stop()), st.just(Chunk(1, 2))),
    st.lists(segments, max_size=4).map(tuple),
)


def encoded(*frames):
    """Return the bytes of frames."""
    return b"".join(bytes(part) for frame in frames for part in frame_buffers(*frame, limit=LIMIT))


def plain(frames):
    """Return frames with payloads that can be compared."""
    return [Frame(message, tuple(bytes(part) for part in payload)) for message, payload in frames]


def read(reader, data, cuts=()):
    """Feed a reader as recv_into would, in pieces, and return the frames."""
    found, begin = [], 0
    for end in (*sorted(cuts), len(data)):
        while begin < end:
            buffer = reader.buffer()
            count = min(end - begin, len(buffer))
            buffer[:count] = data[begin : begin + count]
            found += reader.received(count, buffer)
            begin += count
    return found


@given(st.lists(frames, max_size=4), st.data())
def test_any_cut_of_the_bytes_gives_the_same_frames(sent, data):
    """Down to single bytes, headers and lengths included."""
    stream = encoded(*sent)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=20))
    reader = FrameReader(LIMIT)
    assert plain(read(reader, stream, cuts)) == sent
    assert not reader.partial


@given(frames, st.data())
def test_part_of_a_frame_is_known_to_be_a_part(frame, data):
    """That is how a death inside a send is told from a closed channel."""
    stream = encoded(frame)
    reader = FrameReader(LIMIT)
    assert read(reader, stream[: data.draw(st.integers(1, len(stream) - 1))]) == []
    assert reader.partial


@given(st.binary(min_size=1, max_size=200))
def test_garbage_is_a_wire_error_or_an_unfinished_frame(data):
    """Never another exception, never a frame that was not sent."""
    reader = FrameReader(LIMIT)
    try:
        found = read(reader, data)
    except WireError:
        return
    assert found == []
    assert reader.partial


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"x", "no frame begins with"),
        (b"rx", "no frame begins with"),
        (struct.pack("!2sBB", b"ra", 2, 1), "version 2"),
        (struct.pack("!2sBB", b"ra", 1, 0), "0 segments"),
        (struct.pack("!2sBBI", b"ra", 1, 1, (4 << 20) + 1), "exceeds the limit"),
        (struct.pack("!2sBBII", b"ra", 1, 2, 1, LIMIT + 1), "exceeds the limit"),
        (struct.pack("!2sBBI", b"ra", 1, 1, 0), "$"),
    ],
)
def test_what_is_no_frame_is_refused_as_soon_as_it_is_seen(data, problem):
    """Before anything of the announced size is allocated."""
    with pytest.raises(WireError) as caught:
        read(FrameReader(LIMIT), data)
    assert problem in str(caught.value)


def test_large_segment_is_received_where_it_stays():
    """No copy from the scratch buffer."""
    reader = FrameReader(LIMIT)
    data = encoded(Frame(Stop(), (bytes(500_000),)))
    assert read(reader, data[:1000]) == []
    buffer = reader.buffer()
    assert buffer.obj is reader._segments[-1]
    assert len(buffer) == len(data) - 1000


def test_limit_is_for_what_the_user_sends():
    """Our own words always fit: the explanation of a failure must not fail by its size."""
    assert frame_buffers(Stop(), (), limit=1)
    assert frame_buffers(Stop(), (b"x",), limit=1)
    with pytest.raises(FrameTooLargeError) as caught:
        frame_buffers(Stop(), (b"x", b"y"), limit=1)
    assert (caught.value.size, caught.value.limit) == (2, 1)


@pytest.fixture
def ends():
    """Give a blocking end, as a runner has it, and a port's end, with small buffers."""
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    runner, port = Channel(theirs, LIMIT), Channel(ours, LIMIT)
    yield runner, port
    runner.close()
    port.close()


def test_posted_frames_arrive_in_order_however_little_the_kernel_takes(ends):
    """What does not fit waits for `flush`."""
    runner, port = ends
    sent = [Frame(Request(n), (bytes([n]) * 30_000, b"", b"end")) for n in range(20)]
    waiting = [port.post(*frame) for frame in sent]
    assert waiting[-1]
    received = []

    def receive():
        for frame in runner.frames():
            received.append(frame)
            if len(received) == len(sent):
                return

    reader = threading.Thread(target=receive)
    reader.start()
    while port.flush():
        pass
    reader.join(30)
    assert plain(received) == sent


def test_sent_frames_are_taken_in_order_without_blocking(ends):
    """A budget ends a turn; the rest comes with the next."""
    runner, port = ends
    sent = [Frame(Reply(n), (bytes([n]) * 30_000,)) for n in range(20)]
    writer = threading.Thread(target=lambda: [runner.send(*frame) for frame in sent])
    writer.start()
    received = []
    while len(received) < len(sent):
        taken = port.take(10_000)
        assert not taken.closed
        assert taken.problem is None
        received += taken.frames
    writer.join(30)
    assert plain(received) == sent
    assert port.take(1000) == ([], False, None)


def test_senders_in_several_threads_do_not_mix_their_frames(ends):
    """Each frame is whole."""
    runner, port = ends
    threads = [
        threading.Thread(
            target=lambda n=n: [runner.send(Reply(n), (bytes([n]) * 5000,)) for _ in range(20)]
        )
        for n in range(3)
    ]
    for thread in threads:
        thread.start()
    received = []
    while len(received) < 60:
        received += port.take(LIMIT).frames
    for thread in threads:
        thread.join(30)
    assert all(set(payload[0]) == {message.task_id} for message, payload in received)


def test_frames_before_garbage_are_taken_and_the_problem_named(ends):
    """What came in order counts."""
    runner, port = ends
    runner._socket.sendall(encoded(Frame(Stop())) + b"garbage")
    taken = port.take(LIMIT)
    assert taken.frames == [Frame(Stop())]
    assert taken.problem is not None


def test_end_of_the_other_side_is_taken_after_its_frames(ends):
    """Even if what we sent was never read, which resets the connection."""
    runner, port = ends
    port.post(Stop())
    runner.send(Stop())
    runner.close()
    frames, closed = [], False
    while not closed:
        taken = port.take(LIMIT)
        frames += taken.frames
        closed = taken.closed
    assert frames in ([Frame(Stop())], [])


def test_post_to_a_side_that_is_gone_is_dropped(ends):
    """Its exit is what gets reported."""
    runner, port = ends
    runner.close()
    assert port.post(Stop(), (b"x" * 500_000,)) is False
    assert port.flush() is False
    port.close()
    port.close()
    assert port.post(Stop()) is False


def test_runner_sees_the_end_of_its_parent(ends):
    """`frames` ends, and `send` raises."""
    runner, port = ends
    port.close()
    assert list(runner.frames()) == []
    with pytest.raises(OSError, match="pipe"):
        runner.send(Stop())


def test_send_that_a_signal_handler_interrupted_is_completed_by_the_next(ends):
    """A half frame in the stream would look like a broken protocol."""
    runner, port = ends

    class Interrupting:
        """Takes some bytes, then behaves as sendmsg does when a handler raises."""

        def __init__(self, sock):
            self.sock, self.calls = sock, 0

        def sendmsg(self, buffers):
            self.calls += 1
            if self.calls == 2:
                raise SystemExit
            return self.sock.sendmsg([buffers[0][:10]] if self.calls == 1 else buffers)

    sock = runner._socket
    runner._socket = Interrupting(sock)
    with pytest.raises(SystemExit):
        runner.send(Reply(1), (b"answer",))
    runner.send(Reply(2), (b"next",))
    runner._socket = sock
    assert plain(port.take(LIMIT).frames) == [
        Frame(Reply(1), (b"answer",)),
        Frame(Reply(2), (b"next",)),
    ]
