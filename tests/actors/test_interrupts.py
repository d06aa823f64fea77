"""
The main thread may be interrupted anywhere by a signal's handler that raises.

Whoever waits for an answer receives for everybody, so the interrupted code is often at work for
others. Each test interrupts a piece of work at every place where the interpreter may call a
handler, goes on as a program would, and sees that nothing is lost and nothing done twice.
"""

import contextlib
import socket
import threading
import time

import pytest
from both_ends import LIMIT, SENT, TIMEOUT, World, check, close_mailbox, connected, encoded, plain
from interrupting import Interruption, each_place

from actors._channel import Channel, Receipt
from actors._frames import (
    Acknowledged,
    CancelTask,
    Chunk,
    Credit,
    Reply,
    ReplyError,
    Request,
    StreamClosed,
    StreamOpened,
)
from actors._framing import Frame
from actors._mailbox import Mailbox
from actors._payload import pack
from actors._stream import WINDOW
from actors.messages import TaskStatusUpdated as Updated
from actors.termination import RunnerTerminationError

ERRORS = pytest.mark.parametrize(
    "error", [Interruption, TimeoutError], ids=lambda kind: kind.__name__
)
"""What handlers raise: for Ctrl-C, and for an alarm; the second is an `OSError` too."""


@ERRORS
@pytest.mark.parametrize("step", [1 << 20, 20_000])
def test_reader_goes_on_where_it_was_interrupted(error, step):
    """Each frame is found once, in order, whatever was being done with its bytes."""
    stream = encoded(*SENT)

    def run(interrupter):
        ours, theirs = socket.socketpair()
        with theirs, contextlib.closing(Channel(ours, LIMIT)) as channel:
            found, begin = [], 0

            def receive():
                nonlocal begin
                while len(found) < len(SENT):
                    receipt = channel.receive()
                    assert receipt is not Receipt.CLOSED
                    assert channel.reader.problem is None
                    if receipt is Receipt.NOTHING:
                        assert begin < len(stream), f"lost after {plain(found)!r:.200}"
                        theirs.sendall(stream[begin : begin + step])
                        begin += step
                    pending = channel.reader.pending
                    while pending:
                        found.append(pending.popleft())

            with interrupter:
                receive()
            receive()
            assert plain(found) == SENT
            assert channel.receive() is Receipt.NOTHING
            assert not channel.reader.partial

    check(each_place(run, ("_framing.py", "_channel.py"), error), 50)


@ERRORS
@pytest.mark.parametrize("way", ["send", "post"])
def test_interrupted_frame_is_sent_once_or_not_at_all(error, way):
    """Half a frame, or the same bytes again, would be the end of the runner."""

    def run(interrupter):
        with connected() as (runner, port):
            sender, receiver = (runner, port) if way == "send" else (port, runner)
            send = getattr(sender, way)
            sent = []
            with interrupter:
                for frame in SENT:
                    send(*frame)
                    sent.append(frame)
            send(Reply(99))
            assert sender.flush() is False
            found = []
            while not found or found[-1] != Frame(Reply(99)):
                assert receiver.receive() is Receipt.SOME
                assert receiver.reader.problem is None
                found += plain(receiver.reader.pending)
                receiver.reader.pending.clear()
            maybe = SENT[len(sent) : len(sent) + 1]
            assert found[:-1] in (sent, sent + maybe)
            assert receiver.receive() is Receipt.NOTHING
            assert not receiver.reader.partial

    check(each_place(run, ("_framing.py", "_channel.py"), error), 50)


REMOTE = RunnerTerminationError.from_exception(LookupError("no"))


@ERRORS
def test_every_answer_reaches_its_future_and_every_chunk_its_stream(error):
    """Once, in order, and whoever waits for it is woken."""

    def run(interrupter):
        with connected() as (runner, port):
            world = World(runner, port)
            plain_future, stream_future, failing, waited, last = (world.ask() for _ in range(5))
            waited.bond = None  # its getter does not receive
            got = world.waited_for(lambda: waited.get(timeout=TIMEOUT), lambda: waited._waiters)
            runner.send(Acknowledged(1))
            runner.send(Reply(1), pack("a", "it"))
            runner.send(StreamOpened(2))
            for n in range(3):
                runner.send(Chunk(2, n), pack(n, "it"))
            runner.send(StreamClosed(2))
            runner.send(ReplyError(3, REMOTE))
            runner.send(Reply(4), pack("d", "it"))
            runner.send(Reply(5), pack("e", "it"))
            with interrupter:
                world.reception.receive_until(last.done, None, lambda: 0)
            world.loop.turn()
            world.reception.receive_until(last.done, None, lambda: 0)
            assert plain_future.get(timeout=0) == "a"
            assert stream_future.get(timeout=0).result() == [0, 1, 2]
            with pytest.raises(Exception, match="no"):
                failing.get(timeout=0)
            assert last.get(timeout=0) == "e"
            world.close()
            assert got == ["d"]
            assert world.refused == []
            assert world.inbox.owed_since() is None
            assert not world.reception._leading.locked()
            ends = [each.task_id for each in world.events if isinstance(each, Updated)]
            assert set(ends) <= {1, 2, 3, 4, 5}

    files = ("_channel.py", "_reception.py", "_inbox.py", "_task.py", "_future.py", "_stream.py")
    check(each_place(run, (*files, "_sealed.py", "threading.py"), error), 100)


@ERRORS
def test_reader_in_another_thread_gets_what_the_interrupted_one_received(error):
    """Each chunk once, and the end."""

    def run(interrupter):
        with connected() as (runner, port):
            world = World(runner, port)
            future, last = world.ask(), world.ask()
            runner.send(StreamOpened(1))
            world.reception.receive_until(future.done, None, lambda: 0)
            stream = future.get(timeout=0)
            core = stream._core
            core._receive = None  # its reader does not receive
            got = world.waited_for(stream.result, lambda: core._condition)
            for n in range(3):
                runner.send(Chunk(1, n), pack(n, "it"))
            runner.send(StreamClosed(1))
            runner.send(Reply(2), pack("end", "it"))
            with interrupter:
                world.reception.receive_until(last.done, None, lambda: 0)
            world.loop.turn()
            world.reception.receive_until(last.done, None, lambda: 0)
            world.close()
            assert got == [[0, 1, 2]]

    files = ("_reception.py", "_inbox.py", "_task.py", "_stream.py", "threading.py")
    check(each_place(run, files, error), 50)


def received(runner):
    """Return what a runner has been sent."""
    found = []
    while runner.receive() is Receipt.SOME:
        found += [frame.message for frame in runner.reader.pending]
        runner.reader.pending.clear()
    return found


ASKING = ("_inbox.py", "_task.py", "_channel.py", "_reception.py", "_future.py", "_stream.py")


@ERRORS
def test_asker_that_was_interrupted_leaves_no_task_behind(error):
    """Else its runner would count as hung, with nothing to do."""

    def run(interrupter):
        with connected() as (runner, port):
            world = World(runner, port)
            with interrupter:
                world.ask()
            last = world.ask()
            world.turn()
            sent = received(runner)
            for message in sent:
                if isinstance(message, Request):
                    runner.send(Reply(message.task_id), pack("answer", "it"))
            world.reception.receive_until(last.done, None, lambda: 0)
            assert last.get(timeout=0) == "answer"
            assert world.inbox.owed_since() is None

    check(each_place(run, ASKING, error), 30)


@ERRORS
@pytest.mark.parametrize("what", ["future", "stream"])
def test_cancellation_that_was_interrupted_is_made_by_the_next_one(error, what):
    """Else the runner would wait for ever for a reader who is gone."""

    def run(interrupter):
        with connected() as (runner, port):
            world = World(runner, port)
            given_up = future = world.ask()
            if what == "stream":
                runner.send(StreamOpened(1))
                world.reception.receive_until(future.done, None, lambda: 0)
                given_up = future.get(timeout=0)
            with interrupter:
                given_up.cancel()
            given_up.cancel()
            world.turn()
            assert CancelTask(1) in received(runner)
            runner.send(StreamClosed(1, cancelled=True))
            world.reception.drain()
            assert world.inbox.owed_since() is None
            assert not given_up.cancel()

    check(each_place(run, ASKING, error), 10)


@ERRORS
def test_reader_that_was_interrupted_grants_what_it_has_taken(error):
    """Without credit the runner would send nothing any more."""
    half = WINDOW // 2

    def run(interrupter):
        with connected() as (runner, port):
            world = World(runner, port)
            future = world.ask()
            runner.send(StreamOpened(1))
            for n in range(half):
                runner.send(Chunk(1, n), pack(n, "it"))
            world.reception.receive_until(lambda: False, time.monotonic() + 0.02, lambda: 0)
            stream = future.get(timeout=0)
            for _ in range(half - 1):
                next(stream)
            with interrupter:
                next(stream)
            runner.send(Chunk(1, half), pack(half, "it"))
            # Taken once, or not yet.
            assert next(stream) in (half - 1, half)
            world.turn()
            granted = [each.amount for each in received(runner) if isinstance(each, Credit)]
            assert sum(granted) >= half

    check(each_place(run, ASKING, error), 20)


def test_call_that_was_interrupted_in_a_mailbox_is_made():
    """It may be what tells another runner that nobody reads any more."""

    def run(interrupter):
        with connected() as (runner, _):
            mailbox = Mailbox(runner, lambda frame: frame, lambda: None)
            made = []
            mailbox.call_soon(lambda: made.append("call"))
            with interrupter:
                mailbox.wait_for(lambda: made, TIMEOUT)
            assert mailbox.wait_for(lambda: made, TIMEOUT)
            close_mailbox(mailbox)

    check(each_place(run, ("_channel.py", "_mailbox.py", "threading.py")), 10)


def test_runner_finds_each_message_once_in_its_mailbox():
    """Whoever was interrupted while it waited, waits again."""

    def run(interrupter):
        with connected() as (runner, port):
            mailbox = Mailbox(runner, lambda frame: frame, lambda: None)
            for n in range(5):
                port.post(Request(n), (b"x" * n,))
            found = []
            with interrupter:
                mailbox.wait_for(lambda: not mailbox.empty(), TIMEOUT)
            while len(found) < 5:
                assert mailbox.wait_for(lambda: not mailbox.empty(), TIMEOUT)
                found.append(mailbox.get().message.task_id)
            mailbox.look()
            assert mailbox.empty()
            assert found == list(range(5))
            assert not mailbox._receiving.locked()
            close_mailbox(mailbox)

    check(each_place(run, ("_framing.py", "_channel.py", "_mailbox.py", "threading.py")), 50)


def test_glance_that_was_interrupted_hurts_nobody():
    """A stream's chunks are sent between two glances, in code with alarms of its own."""

    def run(interrupter):
        with connected() as (runner, port):
            mailbox = Mailbox(runner, lambda frame: frame, lambda: None)
            port.post(Request(1), (b"x",))
            with interrupter:
                mailbox.glance()
                mailbox.look()
            found = []
            thread = threading.Thread(target=lambda: found.append(mailbox.get()), daemon=True)
            thread.start()
            thread.join(TIMEOUT)
            assert not thread.is_alive()
            assert [frame.message for frame in found] == [Request(1)]
            close_mailbox(mailbox)

    check(each_place(run, ("_framing.py", "_channel.py", "_mailbox.py", "threading.py")), 30)
