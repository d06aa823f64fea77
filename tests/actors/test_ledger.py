"""The page on which a runner notes what it does: both processes see it, and it outlives one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from faulty import PROGRAM_ENVIRONMENT

from actors import _ledger
from actors._ledger import Ledger, open_ledger

OPEN = Path("/dev/fd")

TIMEOUT = 60
"""Seconds, met only in a deadlock."""

WRITER = """
import os, sys
from actors._ledger import Ledger
ledger = Ledger(int(sys.argv[1]))
os.close(int(sys.argv[1]))
for line in sys.stdin:
    eval(line, {"ledger": ledger})
    print("done", flush=True)
"""


@pytest.fixture
def ledgers():
    """Give two views of one page, as the two processes have them."""
    ours, fd = open_ledger()
    theirs = Ledger(fd)
    os.close(fd)
    yield ours, theirs
    ours.close()
    theirs.close()


def test_new_ledger_knows_of_nothing(ledgers):
    """At both ends."""
    for ledger in ledgers:
        assert (ledger.begun, ledger.busy) == (0, False)
        assert ledger.cancellations == 0


def test_runner_reads_how_many_tasks_it_was_told_to_give_up(ledgers):
    """So it need not ask the system whether there is such a frame."""
    parents, runners = ledgers
    for number in range(3):
        assert runners.cancellations == number
        parents.note_cancellation()


def test_what_one_notes_the_other_reads(ledgers):
    """The last task, and whether anything is being handled."""
    parents, runners = ledgers
    runners.begin(7)
    assert (parents.begun, parents.busy) == (7, True)
    runners.rest()
    assert (parents.begun, parents.busy) == (7, False)
    runners.begin(0)
    assert (parents.begun, parents.busy) == (7, True)
    runners.begin((1 << 64) - 1)
    assert parents.begun == (1 << 64) - 1


def test_process_that_is_killed_leaves_what_it_noted():
    """That is what the page is for."""
    ledger, fd = open_ledger()
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(fd)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=(fd,),
        env=PROGRAM_ENVIRONMENT,
    ) as writer:
        os.close(fd)

        def make(call):
            writer.stdin.write(f"{call}\n")
            writer.stdin.flush()
            assert writer.stdout.readline() == "done\n"

        make("ledger.begin(5)")
        assert (ledger.begun, ledger.busy) == (5, True)
        make("ledger.rest()")
        assert (ledger.begun, ledger.busy) == (5, False)
        make("ledger.begin(6)")
        writer.send_signal(signal.SIGKILL)
        writer.wait(TIMEOUT)
        assert (ledger.begun, ledger.busy) == (6, True)
    ledger.close()
    assert (ledger.begun, ledger.busy) == (6, True)


def test_closed_ledger_keeps_the_last_values(ledgers):
    """And does not follow the other's any more."""
    parents, runners = ledgers
    runners.begin(3)
    parents.close()
    parents.close()
    runners.begin(4)
    runners.rest()
    assert (parents.begun, parents.busy) == (3, True)


def test_refusal_of_the_system_leaves_no_descriptor(monkeypatch):
    """The launch fails then, and may be tried again; the leak check looks for the rest."""

    def refuse(fd, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_ledger.os, "ftruncate", refuse)
    opened = set(OPEN.iterdir())
    with pytest.raises(OSError, match="No space"):
        open_ledger()
    assert set(OPEN.iterdir()) == opened


def test_descriptors_of_many_ledgers_come_back():
    """Each launch makes one."""
    opened = len(list(OPEN.iterdir()))
    for _ in range(50):
        ledger, fd = open_ledger()
        os.close(fd)
        ledger.close()
    assert len(list(OPEN.iterdir())) == opened
