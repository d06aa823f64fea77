"""The runner's side of its channel, with the parent's in the same process."""

import contextlib
import os
import socket

import pytest

from actors import _incoming, _mailbox
from actors._channel import Channel
from actors._frames import CancelTask, Request, StreamClosed
from actors._host import RunnerHost
from actors._ledger import open_ledger
from actors._payload import pack
from actors._references import references
from actors._stream import WINDOW

LIMIT = 1 << 20


@pytest.fixture
def ends(monkeypatch):
    """Give a host and its parent's end."""
    # Those of this process, which the host makes its own.
    monkeypatch.setattr(references, "_make", references._make)
    ours, theirs = socket.socketpair()
    parent = Channel(theirs, LIMIT)
    ledger, fd = open_ledger()
    os.close(fd)
    host = RunnerHost(Channel(ours, LIMIT), ledger)
    with (
        contextlib.closing(parent),
        contextlib.closing(host.channel),
        contextlib.closing(ledger),
        contextlib.closing(host.mailbox._wake_in),
        contextlib.closing(host.mailbox._wake_out),
    ):
        yield host, parent


def test_credit_that_is_granted_while_a_chunk_is_sent_is_not_lost(ends, monkeypatch):
    """By another thread, which may come between any two calls."""
    host, parent = ends
    parent.post(Request(1), pack("it", "it"))
    incoming = host.mailbox.get()

    def price(_payload):
        incoming.grant(5)
        return 2

    monkeypatch.setattr(_incoming, "price", price)
    incoming.put("chunk")
    assert incoming._room == WINDOW + 5 - 2


def test_cancellations_behind_much_else_are_found(ends, monkeypatch):
    """A receipt brings 64 KiB, and what is cancelled may lie before all of it."""
    monkeypatch.setattr(_mailbox, "_LOOK_EVERY", 3600.0)
    host, parent = ends
    for task_id in 1, 2:
        parent.post(Request(task_id), pack("it", "it"))
    first, second = (host.mailbox.get() for _ in range(2))
    assert host.begun(first)
    for task_id in range(3, 8):
        parent.post(Request(task_id), pack("x" * 30_000, "it"))
    parent.post(CancelTask(2))
    host._ledger.note_cancellation()
    assert not host.begun(second)


def test_message_that_was_received_and_then_cancelled_is_passed_over(ends, monkeypatch):
    """It came with the one before it; what gives it up came while that one was handled."""
    monkeypatch.setattr(_mailbox, "_LOOK_EVERY", 3600.0)
    host, parent = ends
    for task_id in 1, 2, 3:
        parent.post(Request(task_id), pack("it", "it"))
    first, second, third = (host.mailbox.get() for _ in range(3))
    assert host.begun(first)
    parent.post(CancelTask(2))
    host._ledger.note_cancellation()
    assert not host.begun(second)
    assert host.begun(third)
    parent.receive()
    assert [frame.message for frame in parent.reader.pending] == [StreamClosed(2, cancelled=True)]
