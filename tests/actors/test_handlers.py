"""
The main thread may be interrupted anywhere by a signal's handler that talks.

Each test has a handler called at every place of a piece of work where the interpreter may call
one, or by signals that come while the system is at work for it. What the handler says arrives
once, and where what it waits for could not come, it is told so.
"""

import contextlib
import os
import signal
import socket
import threading
import time

import numpy as np
import pytest
from both_ends import (
    LIMIT,
    SENT,
    TIMEOUT,
    Collector,
    World,
    another_thread,
    check,
    close_mailbox,
    connected,
    plain,
)
from interrupting import each_place
from pykka._envelope import Envelope

from actors import _handlers
from actors._channel import Receipt
from actors._closing_inbox import ClosingInbox
from actors._frames import Chunk, Reply, Request, StreamClosed, StreamOpened
from actors._framing import Frame
from actors._future import RunnerFuture
from actors._ledger import open_ledger
from actors._mailbox import Mailbox
from actors._outgoing import Outgoing
from actors._payload import pack, unpack
from actors._task import Task
from actors.errors import WaitInSignalHandlerError

ASKING = ("_inbox.py", "_task.py", "_channel.py", "_reception.py", "_future.py", "_stream.py")


@pytest.mark.parametrize("way", ["send", "post"])
def test_handler_may_send_where_another_frame_is_sent(way):
    """Its frame stands between two others."""

    def run(interrupter):
        with connected() as (runner, port):
            sender, receiver = (runner, port) if way == "send" else (port, runner)
            send = getattr(sender, way)
            interrupter.handler = lambda: send(Reply(50), (b"from the handler",))
            with interrupter:
                for frame in SENT:
                    send(*frame)
            send(Reply(99))
            assert sender.flush() is False
            found = []
            while not found or found[-1] != Frame(Reply(99)):
                assert receiver.receive() is Receipt.SOME
                assert receiver.reader.problem is None
                found += plain(receiver.reader.pending)
                receiver.reader.pending.clear()
            from_the_handler = [frame for frame in found if frame.message == Reply(50)]
            assert len(from_the_handler) == (interrupter.place is not None)
            assert [frame for frame in found[:-1] if frame not in from_the_handler] == SENT
            assert receiver.receive() is Receipt.NOTHING
            assert not receiver.reader.partial

    check(each_place(run, ("_framing.py", "_channel.py")), 50)


@pytest.mark.parametrize("waits", [False, True], ids=["puts", "waits"])
def test_handler_may_use_the_mailbox_that_it_has_interrupted(waits):
    """To put something in, always; to wait unless what has come is being dealt with."""
    refused = []

    def run(interrupter):
        with connected() as (runner, port):
            mailbox = Mailbox(runner, lambda frame: frame, lambda: None)

            def handler():
                if not waits:
                    mailbox.put("from the handler")
                    return
                port.post(Request(9), ())
                before = len(mailbox._messages)
                try:
                    assert mailbox.wait_for(lambda: len(mailbox._messages) > before, TIMEOUT)
                except WaitInSignalHandlerError:
                    assert mailbox._unfinished
                    refused.append(interrupter.place)

            for n in range(3):
                port.post(Request(n), (b"x" * n,))
            interrupter.handler = handler
            found = []
            with interrupter:
                mailbox.wait_for(lambda: not mailbox.empty(), TIMEOUT)
                mailbox.put("last")
            while not found or found[-1] != "last":
                found.append(mailbox.get())
            mailbox.look()
            while not mailbox.empty():
                found.append(mailbox.get())
            came = [frame.message.task_id for frame in found if isinstance(frame, Frame)]
            expected = [0, 1, 2, 9] if waits and interrupter.place is not None else [0, 1, 2]
            assert came == expected
            put = [text for text in found if not isinstance(text, Frame)]
            nested = not waits and interrupter.place is not None
            assert sorted(put) == (["from the handler", "last"] if nested else ["last"])
            assert not mailbox._receiving.locked()
            close_mailbox(mailbox)

    check(each_place(run, ("_channel.py", "_mailbox.py", "threading.py")), 50)
    assert bool(refused) is waits


@pytest.mark.parametrize(("number", "size"), [(1, LIMIT // 2), (5000, 100)], ids=["large", "small"])
def test_handler_may_send_inside_the_systems_call_that_sends(number, size):
    """The system is asked again then to send the same bytes: they must still be unsent."""
    with connected() as (runner, port):
        told, main = [], threading.get_ident()

        def handler(*_):
            runner.send(Request(len(told)), (b"from the handler",))
            told.append(True)

        def read_slowly():
            received = b""
            for n in range(20):
                # What the socket holds was sent, and the rest of it waits for us.
                received += port._socket.recv(10_000)
                signal.pthread_kill(main, signal.SIGUSR1)
                wait_until(lambda n=n: len(told) > n)
            theirs.sendall(received)
            while data := port._socket.recv(1 << 20):
                theirs.sendall(data)
            theirs.shutdown(socket.SHUT_WR)

        ours, theirs = socket.socketpair()
        before = signal.signal(signal.SIGUSR1, handler)
        reader = threading.Thread(target=read_slowly, daemon=True)
        try:
            with (
                contextlib.closing(type(runner)(ours, LIMIT)) as copy,
                Collector(copy) as collector,
            ):
                reader.start()
                for n in range(number):
                    runner.send(Reply(n), (b"x" * size,))
                # There may be less to send than it takes to be interrupted so often.
                while len(told) < 20 and reader.is_alive():
                    runner.send(Reply(number), (b"x" * size,))
                runner._socket.shutdown(socket.SHUT_WR)
                reader.join(TIMEOUT)
            assert not reader.is_alive()
        finally:
            signal.signal(signal.SIGUSR1, before)
            theirs.close()
    said = [
        frame.message.task_id for frame in collector.frames if isinstance(frame.message, Request)
    ]
    assert said == list(range(20))
    sent = [frame for frame in collector.frames if isinstance(frame.message, Reply)]
    assert [frame.message.task_id for frame in sent[:number]] == list(range(number))
    assert all(frame.payload == (b"x" * size,) for frame in sent)


def wait_until(condition):
    """Wait for what nobody tells of."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.0005)


def test_handler_does_not_wait_for_who_waits_for_what_it_has_interrupted():
    """Another thread wants to send, and has the lock of the inbox for that."""
    message = np.zeros(300_000, "uint8")

    def run(interrupter):
        with connected() as (runner, port), another_thread() as all_free:
            world = World(runner, port)
            others = []

            def handler():
                if port.occupied():
                    free = all_free([world.inbox._lock])
                    others.append(
                        threading.Thread(target=world.inbox.put, args=(Envelope("another"),))
                    )
                    others[0].start()
                    if free:
                        wait_until(lambda: not all_free([world.inbox._lock]))
                world.inbox.put(Envelope("the handler"))

            interrupter.handler = handler
            with Collector(runner) as collector:
                with interrupter:
                    world.inbox.put(Envelope(message))
                    world.inbox.put(Envelope("main"))
                for other in others:
                    other.join(TIMEOUT)
                world.turn()
                port._socket.shutdown(socket.SHUT_WR)
            texts = [frame.payload for frame in collector.frames if len(frame.payload) == 1]
            expected = ["another"] * len(others) + ["main"]
            expected += ["the handler"] * (interrupter.place is not None)
            assert sorted(map(unpack, texts)) == expected
            assert len(collector.frames) == len(expected) + 1

    check(each_place(run, ("_inbox.py", "_channel.py", "_reception.py", "threading.py")), 50)


def test_handler_may_put_something_into_an_inbox_where_another_does():
    """Of an actor in a thread, the supervisor's for example."""

    def run(interrupter):
        inbox = ClosingInbox()
        interrupter.handler = lambda: inbox.put("from the handler")
        with interrupter:
            inbox.put("first")
            inbox.put("second")
        got = [inbox.get() for _ in range(inbox.qsize())]
        nested = interrupter.place is not None
        assert sorted(got) == ["first", "from the handler", "second"][: 2 + nested] or (
            not nested and got == ["first", "second"]
        )

    check(each_place(run, ("_closing_inbox.py", "queue.py", "threading.py")), 5)


def ask(world, runner, port):
    """Send something large, and get an answer that has been there before."""
    first = world.ask()
    runner.send(Reply(first.bond.id), pack("first", "it"))
    world.inbox.put(Envelope(np.zeros(300_000, "uint8")))
    assert first.get(timeout=TIMEOUT) == "first"


def ask_for_little(world, runner, port):
    """Do the same with something small."""
    first = world.ask()
    runner.send(Reply(first.bond.id), pack("first", "it"))
    world.inbox.put(Envelope("small"))
    assert first.get(timeout=TIMEOUT) == "first"


def read(world, runner, port):
    """Read a stream to its end."""
    future = world.ask()
    task = future.bond.id
    runner.send(StreamOpened(task))
    for n in range(3):
        runner.send(Chunk(task, n), pack(n, "it"))
    runner.send(StreamClosed(task))
    assert future.get(timeout=TIMEOUT).result() == [0, 1, 2]


def give_up(world, runner, port):
    """Cancel a stream, and a future."""
    future, other = world.ask(), world.ask()
    runner.send(StreamOpened(future.bond.id))
    assert future.get(timeout=TIMEOUT).cancel()
    assert other.cancel()


def answer(world, runner, port):
    """Send as a runner does."""
    runner.send(Reply(99), (b"x" * 100,))


@pytest.mark.parametrize("work", [ask, ask_for_little, read, give_up, answer])
def test_handler_must_not_wait_wherever_others_are_held_up(work):
    """And is told so. Else it can ask the same runner, and gets its answer."""
    refused, answers = [], []

    def run(interrupter):
        with connected() as (runner, port), another_thread() as all_free:
            world = World(runner, port)
            # Not what a future or a stream is made with: nobody else has it yet.
            made = [world.inbox._lock, port._lock, runner._lock, world.reception._turn]

            def handler():
                locks = made + [each._lock for each in cores_of(world)]
                own = RunnerFuture()
                if not all_free(locks):
                    refused.append(interrupter.place)
                    with pytest.raises(WaitInSignalHandlerError):
                        own.get(timeout=0)
                    return
                with contextlib.suppress(WaitInSignalHandlerError):
                    world.inbox.put(Envelope("?", reply_to=own))
                    runner.send(Reply(own.bond.id), pack("own", "it"))
                    answers.append(own.get(timeout=TIMEOUT))

            interrupter.handler = handler
            with Collector(runner):
                with interrupter:
                    work(world, runner, port)
                world.turn()
                port._socket.shutdown(socket.SHUT_WR)

    check(each_place(run, ASKING), 10)
    assert refused
    # Who sends as a runner does, does nothing else.
    assert set(answers) == (set() if work is answer else {"own"})


def cores_of(world):
    """Return the streams that are being read."""
    return [task.core for task in tuple(world.inbox._tasks.values()) if task.core is not None]


def test_handler_that_is_interrupted_by_another_leaves_nothing_behind():
    """It receives for what it has interrupted, too."""

    def run(interrupter):
        with connected() as (runner, port):
            world = World(runner, port)
            first, second = world.ask(), world.ask()
            runner.send(Reply(1), pack("first", "it"))
            runner.send(Reply(2), pack("second", "it"))
            # As in a handler that has interrupted who polls.
            world.reception._in_main = True
            with interrupter:
                world.reception.receive_until(second.done, None, lambda: 0)
            world.reception._in_main = False
            assert not world.reception._turn.locked()
            world.loop.turn()
            world.reception.receive_until(second.done, time.monotonic() + 0.05, lambda: 0)
            world.loop.turn()
            assert [each.get(timeout=0) for each in (first, second)] == ["first", "second"]

    check(each_place(run, (*ASKING, "_framing.py")), 50)


def test_handler_that_waits_in_vain_does_not_look_again_and_again():
    """What has interrupted who receives is woken once."""
    with connected() as (runner, _):
        mailbox = Mailbox(runner, lambda frame: frame, lambda: None)
        receive, looks = mailbox._receive, []

        def counted(timeout):
            looks.append(timeout)
            receive(timeout)

        mailbox._receive = counted
        mailbox._receiving.acquire()
        mailbox._leader = threading.get_ident()
        mailbox.wake()
        assert not mailbox.wait_for(lambda: False, 0.1)
        assert len(looks) <= 4
        # So that the other looks, too.
        assert mailbox._wake_in.recv(10) == b"\0"
        close_mailbox(mailbox)


def test_ledger_names_whom_the_interrupted_waits_for_when_the_handler_has_its_answer():
    """A hang is the fault of that one."""
    ledger, fd = open_ledger()
    os.close(fd)
    seen = []

    def run(interrupter):
        with connected() as (runner, _):
            mailbox = Mailbox(runner, lambda frame: frame, lambda: None)
            outgoing = Outgoing(runner, mailbox, ledger)

            def handler():
                before = ledger.awaited
                own = Task(outgoing, 9, ("own",), (), None)
                with contextlib.suppress(WaitInSignalHandlerError):
                    outgoing.receive_until(own, lambda: True, None)
                seen.append(before)
                assert ledger.awaited == before

            interrupter.handler = handler
            task = Task(outgoing, 5, ("task",), (), None)
            with interrupter:
                outgoing.receive_until(task, lambda: False, time.monotonic() + 0.001)
            assert ledger.awaited == 0
            close_mailbox(mailbox)

    check(each_place(run, ("_outgoing.py", "_mailbox.py")), 10)
    assert set(seen) == {0, 5}
    ledger.close()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_thread_that_forks_is_the_one_that_handlers_interrupt_in_the_child():
    """Python says so."""
    status = []

    def fork():
        assert not _handlers.in_main_thread()
        pid = os.fork()
        if pid == 0:
            os._exit(0 if _handlers.in_main_thread() else 1)
        status.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

    thread = threading.Thread(target=fork)
    thread.start()
    thread.join(TIMEOUT)
    assert status == [0]
    assert _handlers.in_main_thread()
