"""First code in the runner's process, before anything of the user is imported."""

import faulthandler
import logging
import os
import pickle
import signal
import socket
import sys
import threading
from multiprocessing import spawn
from typing import IO, Any, Final

from actors._channel import Channel
from actors._host import RunnerHost, end_own_group
from actors._ledger import Ledger

DUMP_SIGNAL: Final = getattr(signal, "SIGUSR1", signal.SIGTERM)
"""Makes a runner write the stacks of its threads to fd 2, whatever it is doing."""


_hosts: Final[list[RunnerHost]] = []


def run_runner() -> None:
    """Run the one runner of this process; the target of its `multiprocessing` process object."""
    if not _hosts:
        raise RuntimeError("a runner's process can only be started by a supervisor")
    _hosts[0].run()


def main(boot: IO[bytes], channel_fd: int, limit: int, ledger_fd: int, alive_fd: int) -> None:
    """
    Do what `multiprocessing.spawn` does in a new process, with our own precautions first.

    Args:
        boot: The preparation data and the process object, pickled.
        channel_fd: The runner's end of the channel.
        limit: Bytes of the largest frame.
        ledger_fd: Shared page in which the runner notes what it does.
        alive_fd: Pipe whose other end only the parent holds.
    """
    # A mask is inherited through exec: whoever launched us may have blocked SIGTERM.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for fd in (channel_fd, alive_fd):
        os.set_inheritable(fd, False)
    # The kernel closes this one at the very end: native libraries may take their time to leave.
    os.dup(channel_fd)
    _end_with_parent(alive_fd)
    # Pykka silences its logger. Here nobody else would ever hear of an error in a last hook, and
    # what no handler takes goes to fd 2.
    logger = logging.getLogger("pykka")
    for handler in tuple(logger.handlers):
        logger.removeHandler(handler)
    faulthandler.enable(file=2)
    faulthandler.register(DUMP_SIGNAL, file=2, chain=False)
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    ledger = Ledger(ledger_fd)
    os.close(ledger_fd)
    _hosts.append(RunnerHost(Channel(socket.socket(fileno=channel_fd), limit), ledger))
    current: Any = sys.modules["multiprocessing.process"].current_process()
    with boot:
        current._inheriting = True  # noqa: SLF001 - as multiprocessing.spawn._main
        try:
            spawn.prepare(pickle.load(boot))
            process = pickle.load(boot)
        finally:
            del current._inheriting  # noqa: SLF001
    sys.exit(process._bootstrap(parent_sentinel=alive_fd))  # noqa: SLF001


def _end_with_parent(alive_fd: int) -> None:
    """
    Make sure that this process does not outlive its parent, however that ends.

    The parent's warden does the same from outside. This holds where there is none, and until
    the warden knows of this process.
    """
    threading.Thread(
        target=_watch_parent, args=(alive_fd,), name="actors-orphan-watch", daemon=True
    ).start()


def _watch_parent(alive_fd: int) -> None:
    while os.read(alive_fd, 1):
        pass
    end_own_group()
