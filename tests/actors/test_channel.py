"""Frames over a socketpair: slow readers, several senders, any end of the other side."""

import fcntl
import select
import socket
import termios
import threading
from array import array

import pytest

from actors import _channel
from actors._channel import Channel, Receipt
from actors._frames import Chunk, Reply, Request, Stop
from actors._framing import Frame, frame_buffers
from actors.errors import FrameTooLargeError

LIMIT = 4 << 20
TIMEOUT = 30.0
"""Seconds, met only in a deadlock."""


def encoded(*frames):
    """Return the bytes of frames."""
    return b"".join(bytes(part) for frame in frames for part in frame_buffers(*frame, limit=LIMIT))


def plain(frames):
    """Return frames with payloads that can be compared."""
    return [Frame(message, tuple(bytes(part) for part in payload)) for message, payload in frames]


def wait(channel):
    """Wait until there is something to receive."""
    assert select.select([channel.fileno()], [], [], TIMEOUT)[0], "nothing comes"


def receive(channel, number):
    """Return the next frames, as soon as they have come."""
    found = []
    while len(found) < number:
        wait(channel)
        assert channel.receive() is not Receipt.CLOSED
        assert channel.reader.problem is None
        while channel.reader.pending:
            found.append(channel.reader.pending.popleft())
    return found


def receive_to_the_end(channel):
    """Return the frames that come before the other end is seen to be closed."""
    found = []
    while True:
        wait(channel)
        receipt = channel.receive()
        found += channel.reader.pending
        channel.reader.pending.clear()
        if receipt is Receipt.CLOSED:
            return found


@pytest.fixture
def ends():
    """Give a runner's end and a port's end, with small buffers."""
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    runner, port = Channel(theirs, LIMIT), Channel(ours, LIMIT)
    yield runner, port
    runner.close()
    port.close()


def in_threads(*functions):
    """Start threads, and return a function that waits for them."""
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()

    def join():
        for thread in threads:
            thread.join(TIMEOUT)
            assert not thread.is_alive()

    return join


def test_posted_frames_arrive_in_order_however_little_the_kernel_takes(ends):
    """What does not fit waits for `flush`."""
    runner, port = ends
    sent = [Frame(Request(n), (bytes([n]) * 30_000, b"", b"end")) for n in range(20)]
    waiting = [port.post(*frame) for frame in sent]
    assert waiting[-1]
    received = []
    join = in_threads(lambda: received.extend(receive(runner, len(sent))))
    while port.flush():
        assert select.select([], [port.fileno()], [], TIMEOUT)[1]
    join()
    assert plain(received) == sent
    assert port.flush() is False


def test_what_waits_is_counted_until_it_is_sent(ends):
    """In bytes, headers included, to the last one."""
    runner, port = ends
    assert port.has_room(0)
    sent = [Frame(Request(n), (bytes(30_000),)) for n in range(20)]
    for frame in sent:
        port.post(*frame)
    taken = array("i", [0])
    fcntl.ioctl(runner.fileno(), termios.FIONREAD, taken)
    waiting = len(encoded(*sent)) - taken[0]
    assert port.has_room(waiting)
    assert not port.has_room(waiting - 1)
    join = in_threads(lambda: receive(runner, len(sent)))
    while port.flush():
        assert select.select([], [port.fileno()], [], TIMEOUT)[1]
    join()
    assert port.has_room(0)


def test_released_memory_is_the_senders_again(ends):
    """What the other end has not read by then is a copy, to the last byte."""
    runner, port = ends
    arrays = [bytearray(b"a" * 3_000_000), bytearray(b"b" * 3_000_000)]
    for n, each in enumerate(arrays):
        assert port.post(Request(n), (b"pickle", memoryview(each)))
    assert port.release()
    for each in arrays:
        each[:] = bytes(len(each))
        each.append(0)  # nothing looks at it any more
    received = []
    join = in_threads(lambda: received.extend(plain(receive(runner, 2))))
    while port.flush():
        assert select.select([], [port.fileno()], [], TIMEOUT)[1]
    join()
    contents = [segment for frame in received for segment in frame.payload[1:]]
    assert contents == [b"a" * 3_000_000, b"b" * 3_000_000]


def test_release_sends_on_as_long_as_the_other_end_reads(ends, monkeypatch):
    """Then nothing is copied and nothing waits."""
    monkeypatch.setattr(_channel, "_PAUSE", TIMEOUT * 1000)
    monkeypatch.setattr(_channel, "_owned", list)
    runner, port = ends
    received = []
    join = in_threads(lambda: received.extend(plain(receive(runner, 1))))
    frame = Frame(Request(1), (b"pickle", memoryview(bytearray(b"a" * 3_000_000))))
    assert port.post(*frame)
    assert not port.release()
    join()
    assert received == plain([frame])


def test_release_of_nothing_and_after_the_end_is_nothing(ends):
    """The sender does not know what has become of his frame."""
    _, port = ends
    assert not port.release()
    port.post(Request(1), (b"pickle", memoryview(bytearray(3_000_000))))
    port.close()
    assert not port.release()


def test_many_small_frames_leave_no_room_either(ends, monkeypatch):
    """Each of them takes more memory than its bytes."""
    monkeypatch.setattr(_channel, "_MAX_BUFFERS", 100)
    _, port = ends
    large = Frame(Request(0), (bytes(1 << 20),))
    port.post(*large)
    for n in range(1, 100):
        port.post(Request(n), (b"x",))
    assert port.has_room(1 << 30)
    port.post(Request(101), (b"x",))
    assert not port.has_room(1 << 30)
    port.close()
    assert port.has_room(0)


def test_frames_of_many_buffers_are_sent_in_several_calls(ends):
    """More than the system takes at once, some of them empty."""
    runner, port = ends
    sent = [Frame(Request(n), (b"", b"x" * 70_000, *[b""] * 252)) for n in range(5)]
    for frame in sent:
        port.post(*frame)
    received = []
    join = in_threads(lambda: received.extend(receive(runner, len(sent))))
    while port.flush():
        assert select.select([], [port.fileno()], [], TIMEOUT)[1]
    join()
    assert plain(received) == sent


def test_sent_frames_are_received_in_order_without_blocking(ends):
    """A reader that is slower than the sender holds it back."""
    runner, port = ends
    sent = [Frame(Reply(n), (bytes([n]) * 30_000,)) for n in range(20)]
    join = in_threads(lambda: [runner.send(*frame) for frame in sent])
    assert plain(receive(port, len(sent))) == sent
    join()
    assert port.receive() is Receipt.NOTHING
    assert not port.reader.pending


def test_large_frame_goes_both_ways_at_once(ends):
    """Neither end waits for the other's to be read first."""
    runner, port = ends
    large = Frame(Request(1), (b"pickle", bytes(3 << 20), b""))
    received = []
    join = in_threads(
        lambda: runner.send(*large), lambda: received.extend(plain(receive(runner, 1)))
    )
    waiting = port.post(*large)
    found = []
    while waiting or not found:
        wanted = [port.fileno()] if waiting else []
        readable, writable, _ = select.select([port.fileno()], wanted, [], TIMEOUT)
        assert readable or writable
        if writable:
            waiting = port.flush()
        if readable:
            port.receive()
            found += port.reader.pending
            port.reader.pending.clear()
    join()
    assert plain(found) == received == [large]


def test_senders_in_several_threads_do_not_mix_their_frames(ends):
    """Each frame is whole, and each thread's are in order."""
    runner, port = ends
    join = in_threads(
        *(
            lambda n=n: [runner.send(Chunk(n, k), (bytes([n]) * 5000,)) for k in range(20)]
            for n in range(3)
        )
    )
    received = receive(port, 60)
    join()
    assert all(set(payload[0]) == {message.task_id} for message, payload in received)
    for n in range(3):
        assert [m.sequence for m, _ in received if m.task_id == n] == list(range(20))


def test_posters_in_several_threads_do_not_mix_their_frames(ends):
    """While another thread flushes."""
    runner, port = ends
    done = threading.Event()

    def flush():
        while port.flush() or not done.is_set():
            select.select([], [port.fileno()], [], 0.01)

    received = []
    join_reader = in_threads(lambda: received.extend(receive(runner, 60)), flush)
    in_threads(
        *(
            lambda n=n: [
                port.post(Request(n), (bytes([n]) * 5000, b"x" * 70_000)) for _ in range(20)
            ]
            for n in range(3)
        )
    )()
    done.set()
    join_reader()
    assert all(set(payload[0]) == {message.task_id} for message, payload in received)


def test_frame_beyond_the_limit_is_not_sent_at_all(ends):
    """By neither way; what follows is."""
    runner, port = ends
    too_large = (bytes(LIMIT), b"x")
    with pytest.raises(FrameTooLargeError):
        runner.send(Reply(1), too_large)
    with pytest.raises(FrameTooLargeError):
        port.post(Request(1), too_large)
    runner.send(Reply(2), (b"x",))
    port.post(Request(2), (b"x",))
    assert plain(receive(port, 1)) == [Frame(Reply(2), (b"x",))]
    assert plain(receive(runner, 1)) == [Frame(Request(2), (b"x",))]


def test_frames_before_garbage_are_taken_and_the_problem_named(ends):
    """What came in order counts."""
    runner, port = ends
    runner._socket.sendall(encoded(Frame(Stop())) + b"garbage")
    wait(port)
    assert port.receive() is Receipt.SOME
    assert list(port.reader.pending) == [Frame(Stop())]
    assert port.reader.problem is not None


def test_part_of_a_frame_before_the_end_is_known(ends):
    """The other side died while it was sending."""
    runner, port = ends
    runner._socket.sendall(encoded(Frame(Stop()), Frame(Reply(1), (b"answer",)))[:-3])
    runner.close()
    assert receive_to_the_end(port) == [Frame(Stop())]
    assert port.reader.partial
    assert port.reader.problem is None


def test_end_of_the_other_side_is_taken_after_its_frames(ends):
    """And told again, however often it is asked for."""
    runner, port = ends
    runner.send(Stop())
    runner.close()
    assert receive_to_the_end(port) == [Frame(Stop())]
    assert not port.reader.partial
    assert port.receive() is Receipt.CLOSED


def test_end_of_a_side_that_did_not_read_is_an_end(ends):
    """The system resets the connection then, and may drop what had been sent."""
    runner, port = ends
    port.post(Stop())
    runner.send(Stop())
    runner.close()
    assert receive_to_the_end(port) in ([Frame(Stop())], [])


def test_post_to_a_side_that_is_gone_is_dropped(ends):
    """Its exit is what gets reported."""
    runner, port = ends
    runner.close()
    assert port.post(Stop(), (b"x" * 500_000,)) is False
    assert port.flush() is False
    port.close()
    port.close()
    assert port.post(Stop()) is False
    assert port.flush() is False


def test_closed_channel_has_ended(ends):
    """Whoever still receives from it is told so."""
    _, port = ends
    port.close()
    assert port.receive() is Receipt.CLOSED


def test_runner_sees_the_end_of_its_parent(ends):
    """Receiving tells it, and `send` raises."""
    runner, port = ends
    port.close()
    assert receive_to_the_end(runner) == []
    with pytest.raises(OSError, match="pipe"):
        runner.send(Stop())


def test_send_waits_for_a_reader(ends):
    """The runner's end is the one that may be held back."""
    runner, port = ends
    large = Frame(Reply(1), (b"x" * (2 << 20),))
    join = in_threads(lambda: runner.send(*large))
    assert plain(receive(port, 1)) == [large]
    join()
