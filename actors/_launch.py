"""Start a runner's process: multiprocessing's spawn, with fds 0, 1 and 2 in place from exec on."""

import contextlib
import io
import multiprocessing.process
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from multiprocessing import popen_spawn_posix, reduction, spawn
from multiprocessing.context import SpawnProcess, set_spawning_popen
from typing import Any, ClassVar, Final

import attrs

from actors._bootstrap import run_runner
from actors._ledger import Ledger, open_ledger
from actors._main_module import imported_again

_PRELUDE: Final = (
    "import sys, pickle; "
    "boot = open({boot}, 'rb'); "
    "sys.path[:] = pickle.load(boot); "
    "from actors._bootstrap import main; "
    "main(boot, {channel}, {limit}, {ledger}, {alive})"
)
"""sys.path comes first, so that this package is found wherever the parent found it."""

_STDERR: Final = 2


@attrs.frozen
class Child:
    """
    A process that was launched, as descriptors of the parent.

    Attributes:
        process: The process.
        channel: The port's end of the channel.
        ledger: What the process notes about itself.
        stdout: Pipe with what the process writes to fd 1.
        stderr: Pipe with what the process writes to fd 2.
    """

    process: "RunnerPopen"
    channel: socket.socket
    ledger: Ledger
    stdout: int
    stderr: int

    @property
    def pid(self) -> int:
        """Process id, which is its process group's and its session's id too."""
        return self.process.pid


class RunnerPopen(popen_spawn_posix.Popen):
    """
    Launches the command line of multiprocessing's spawn method in its own way.

    The process gets /dev/null as fd 0, our pipes as fds 1 and 2 from exec on (import-time
    output of native libraries included), and a session of its own. What it must know is
    handed over in a file, not a pipe: a process that dies at once, or never reads, cannot
    keep the parent waiting (cpython gh-118981).
    """

    status: int | None = None
    """Status from `waitpid(2)`, with the core-dump flag that an exit code has lost."""

    def __init__(self, process: "_RunnerProcess") -> None:
        self._lock = threading.Lock()
        super().__init__(process)

    def _launch(self, process: "_RunnerProcess") -> None:
        if getattr(multiprocessing.process.current_process(), "_inheriting", False):
            # multiprocessing says so too, in eleven lines of which the first one is empty.
            raise RuntimeError(
                "the main module, which a runner's process imports again, starts a runner itself: "
                'put what starts runners behind `if __name__ == "__main__":`'
            )
        preparation = spawn.get_preparation_data(process.name)
        if not imported_again():  # such as '<stdin>', or a notebook's file
            preparation.pop("init_main_from_path", None)
        pickled = io.BytesIO()
        set_spawning_popen(self)
        try:
            reduction.dump(preparation["sys_path"], pickled)
            reduction.dump(preparation, pickled)
            reduction.dump(process, pickled)
        finally:
            set_spawning_popen(None)
        wiring = process.wiring
        with contextlib.ExitStack() as stack:
            spooled = _spooled(pickled.getvalue())
            stack.callback(os.close, spooled)
            boot, channel, ledger, alive = (
                _above_stdio(fd, stack)
                for fd in (spooled, wiring.channel, wiring.ledger, wiring.alive)
            )
            command = spawn.get_command_line()
            command[command.index("-c") + 1] = _PRELUDE.format(
                boot=boot,
                channel=channel,
                limit=wiring.limit,
                ledger=ledger,
                alive=alive,
            )
            # Nobody but `poll` waits for it: see there.
            self._process = subprocess.Popen(  # noqa: S603
                [os.fsdecode(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=wiring.stdout,
                stderr=wiring.stderr,
                pass_fds=(boot, channel, ledger, alive),
                env={**os.environ, **wiring.environment},
                start_new_session=True,
            )
        self.pid = self._process.pid
        self.sentinel = -1

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        """
        Reap the process if it has ended.

        `multiprocessing.active_children()` calls this too, from any thread, so the status is
        kept here for whoever asks next.

        Returns:
            The exit code as `multiprocessing` has it, or `None` while the process lives.
        """
        with self._lock:
            if self.returncode is None:
                try:
                    pid, status = os.waitpid(self.pid, flag)
                except ChildProcessError:
                    # Somebody else in this process has waited for it, and has its status.
                    self.returncode = 255
                else:
                    if pid == self.pid:
                        self.status = status
                        self.returncode = os.waitstatus_to_exitcode(status)
                # Popen warns about, and later reaps, a process it believes to be alive.
                self._process.returncode = self.returncode
            return self.returncode


@attrs.frozen
class _Wiring:
    """The child's descriptors and environment."""

    channel: int
    limit: int
    ledger: int
    stdout: int
    stderr: int
    alive: int
    environment: Mapping[str, str]


class _RunnerProcess(SpawnProcess):
    """The process object; pickled, it is a name and a target."""

    _Popen: ClassVar[Any] = staticmethod(RunnerPopen)
    wiring: _Wiring

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "wiring"}


def launch(name: str, limit: int, alive_fd: int, environment: Mapping[str, str]) -> Child:
    """
    Start a process that waits for a `Launch` frame on its channel.

    Args:
        name: Name of the process, seen in multiprocessing's and our own messages.
        limit: Bytes of the largest frame.
        alive_fd: Read end of the pipe that closes when this process ends.
        environment: Variables added to the environment.

    Raises:
        OSError: If the system refuses; nothing is left half-started then.
        RuntimeError: If the main module is being imported by a child: the program starts
            runners outside of `if __name__ == "__main__":`.
    """
    ours_open: list[int] = []
    theirs_open: list[int] = []
    ledger, ledger_fd = open_ledger()
    theirs_open.append(ledger_fd)
    try:
        ours, theirs = socket.socketpair()
    except BaseException:
        ledger.close()
        os.close(ledger_fd)
        raise
    try:
        for _ in ("stdout", "stderr"):
            reader, writer = os.pipe()
            ours_open.append(reader)
            theirs_open.append(writer)
        process = _RunnerProcess(target=run_runner, name=name)
        process.wiring = _Wiring(
            channel=theirs.fileno(),
            limit=limit,
            ledger=theirs_open[0],
            stdout=theirs_open[1],
            stderr=theirs_open[2],
            alive=alive_fd,
            environment=environment,
        )
        process.start()
    except BaseException:
        ledger.close()
        ours.close()
        for fd in ours_open:
            os.close(fd)
        raise
    finally:
        theirs.close()
        for fd in theirs_open:
            os.close(fd)
    # At exit multiprocessing would wait without limit for a process that cannot be killed;
    # the supervisor, which is a thread, has ended by then.
    multiprocessing.process._children.discard(process)  # type: ignore[attr-defined]  # noqa: SLF001
    for fd in ours_open:
        os.set_blocking(fd, False)
    popen: RunnerPopen = process._popen  # type: ignore[attr-defined]  # noqa: SLF001
    return Child(popen, ours, ledger, *ours_open)


def _above_stdio(fd: int, stack: contextlib.ExitStack) -> int:
    """
    Return the descriptor, or a duplicate, that the child's fds 0, 1 and 2 cannot replace.

    The system gives out the lowest free number: 0 to 2 in a program that has closed its own.
    """
    while fd <= _STDERR:
        fd = os.dup(fd)
        stack.callback(os.close, fd)
    return fd


def _spooled(data: bytes) -> int:
    """Return a descriptor from which `data` can be read."""
    if sys.platform == "linux":
        fd = os.memfd_create("runner-actors")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    with open(fd, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
