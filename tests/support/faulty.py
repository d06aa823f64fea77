"""Runners for the tests. They live here because a new process finds them by name."""

import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import attrs
import pykka

import actors

MARKER = "the last words of this runner"

PROGRAM_ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": f"{Path(actors.__file__).parents[1]}{os.pathsep}{Path(__file__).parent}",
}
"""For programs of their own: they find what the tests find."""


class Echo(actors.Runner):
    """Answers with what it gets, and does to itself what it is told."""

    def __init__(self, greeting="hello", **options):
        super().__init__()
        self.greeting = greeting
        self.options = options

    def on_receive(self, message):
        return message

    def add(self, left, right):
        return left + right

    def pid(self):
        return os.getpid()

    def ppid(self):
        return os.getppid()

    def group(self):
        return os.getpgrp()

    def thread(self):
        return threading.current_thread() is threading.main_thread()

    def environment(self, name):
        return os.environ.get(name)

    def read_stdin(self):
        return sys.stdin.read()

    def say(self, text, fd=2):
        os.write(fd, text if isinstance(text, bytes) else text.encode())

    def say_python(self, text):
        print(text, file=sys.stderr)

    def count(self, number):
        yield from range(number)

    def count_and_fail(self, number):
        yield from range(number)
        raise LookupError("no more numbers")

    def endless(self):
        number = 0
        while True:
            yield number
            number += 1

    def stream_and_note_the_end(self, path):
        try:
            yield from self.endless()
        finally:
            Path(path).write_text("closed")

    # Ways to go.

    def kill(self, number=signal.SIGKILL, last_words=None):
        self._last_words(last_words)
        os.kill(os.getpid(), number)
        threading.Event().wait()

    def abort(self, last_words=None):
        self._last_words(last_words)
        os.abort()

    def segfault(self, last_words=None):
        self._last_words(last_words)
        ctypes.string_at(0)

    def hard_exit(self, code, last_words=None):
        self._last_words(last_words)
        os._exit(code)

    def leave(self, code=0):
        sys.exit(code)

    def interrupt(self):
        raise KeyboardInterrupt

    def fail(self, text="as told"):
        raise ValueError(text)

    def fail_with_causes(self):
        try:
            try:
                raise KeyError("the first")
            except KeyError as error:
                raise ValueError("the second") from error
        except ValueError as error:
            error.add_note("a note on it")
            raise ExceptionGroup("several", [error, OSError(2, "gone")]) from error

    def fail_unpicklably(self):
        raise UnpicklableError

    def answer_unpicklably(self):
        return threading.Lock()

    def fail_at_length(self, size):
        raise ValueError("x" * size)

    def fail_and_linger(self):
        """Raise, with a thread that keeps the process from its end."""
        threading.Thread(target=threading.Event().wait).start()
        raise ValueError("as told")

    def leave_at_sigterm_and_hang(self, path):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        self.hang(path)

    def take_long_to_leave(self):
        """Make native code wait for a signal after the interpreter is finalized."""
        pause = ctypes.CDLL(None).pause
        return ctypes.pythonapi.Py_AtExit(ctypes.cast(pause, ctypes.c_void_p)) == 0

    def wait_for_file(self, path):
        """Wait until a test has written to a FIFO, then leave."""
        with Path(path).open("rb", buffering=0) as file:
            file.read(1)
        sys.exit(3)

    def state_from_the_parent(self):
        """Return which signals are blocked, and whether a child would inherit the channel."""
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        return sorted(map(int, blocked)), os.get_inheritable(channel_fd())

    def hang(self, path=None):
        if path is not None:
            Path(path).write_text("hanging")
        threading.Event().wait()

    def hang_in_native_code(self):
        # Exponential time in C, without letting go of the interpreter.
        re.match("(a+)+$", "a" * 60 + "b")

    def wait_for_peer_for_ever(self):
        with self.waiting_for("rank 7"):
            threading.Event().wait()

    def _last_words(self, text):
        if text is not None:
            os.write(2, text.encode())

    # Bad manners.

    def close_outputs(self):
        os.close(1)
        os.close(2)
        return True

    def write_to_channel(self, data, then="wait"):
        fd = channel_fd()
        os.write(fd, data)
        if then == "exit":
            os._exit(0)
        threading.Event().wait()

    def close_channel(self):
        with socket.socket(fileno=os.dup(channel_fd())) as channel:
            channel.shutdown(socket.SHUT_WR)
        threading.Event().wait()

    def ignore_sigterm(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return True

    def ignore_sigterm_and_hang(self, path=None):
        self.ignore_sigterm()
        self.hang(path)

    def spawn_child(self, *, new_session=False):
        """Start a process that holds fd 2 open for ever. Return its pid."""
        process = subprocess.Popen(
            [sys.executable, "-c", "import signal; signal.pause()"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=new_session,
        )
        pid = process.pid
        process.returncode = 0  # it is meant to outlive us; no ResourceWarning
        return pid

    def flood(self, size, last_words):
        block = (b"an ordinary line of a log that says nothing in particular\n" * 1200)[: 64 * 1024]
        block = block[:-1] + b"\n"
        left = size
        while left > 0:
            left -= os.write(2, block[:left])
        os.write(2, last_words.encode())
        return True

    def send_large(self, size):
        return b"x" * size

    def close_stderr_and_fail_on_tell(self):
        raise RuntimeError("[ring] connection to a peer was lost")


def channel_fd():
    """Return the descriptor of the runner's end of the channel."""
    from actors import _bootstrap

    return _bootstrap._hosts[0].channel.fileno()


class UnpicklableError(Exception):
    """Cannot be pickled, and has no text either."""

    def __init__(self):
        super().__init__("unpicklable")
        self.lock = threading.Lock()

    def __str__(self):
        raise RuntimeError("no text")


class Hooks(actors.Runner):
    """Notes each hook in a file, with the thread it was called in."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self._note("init")

    def _note(self, what):
        main = threading.current_thread() is threading.main_thread()
        with Path(self.path).open("a") as file:
            file.write(json.dumps([what, os.getpid(), main]) + "\n")

    def on_start(self):
        self._note("on_start")

    def connect(self):
        self._note("connect")

    def load(self):
        self._note("load")
        for layer in range(3):
            yield actors.Progress(layer + 1, 3)

    def warm_up(self):
        self._note("warm_up")

    def on_receive(self, message):
        self._note(f"receive {message}")
        if message == "fail":
            raise ValueError("as told")
        return message

    def on_failure(self, exception_type, exception_value, traceback):
        self._note(f"on_failure {exception_type.__name__}")

    def on_stop(self):
        self._note("on_stop")


class Lifecycle(actors.Runner):
    """Fails, dies or hangs in a hook of choice, in its first incarnation or in all."""

    def __init__(self, where, how="raise", once=None):
        super().__init__()
        self.where, self.how, self.once = where, how, once
        self._maybe("init")

    def _maybe(self, where):
        if where != self.where:
            return
        if self.once is not None:
            if Path(self.once).exists():
                return
            Path(self.once).write_text("done")
        if self.how == "raise":
            raise RuntimeError(f"cannot {where}")
        if self.how == "exit":
            sys.stderr.write(f"leaving in {where}\n")
            os._exit(7)
        if self.how == "flood":
            sys.stderr.write("a line on the way out\n" * 10_000 + MARKER)
            sys.stderr.flush()
            os._exit(7)
        if self.how == "exit0":
            os._exit(0)
        if self.how == "segfault":
            ctypes.string_at(0)
        if self.how == "hang":
            threading.Event().wait()

    def on_start(self):
        self._maybe("on_start")

    def connect(self):
        self._maybe("connect")

    def load(self):
        self._maybe("load")

    def warm_up(self):
        self._maybe("warm_up")

    def on_receive(self, message):
        return message

    def on_stop(self):
        self._maybe("on_stop")


class Crashing(Echo):
    """Is of no use any more once a handler has raised."""

    let_it_crash = True


class NoSuper(actors.Runner):
    """Forgets to call its superclass."""

    def __init__(self):
        pass


class Member(Echo):
    """A member of a group that can be told to fail as peers of a ring do."""

    def lose_peer(self):
        sys.stderr.write("[ring] Socket 5 was closed by the peer\n")
        sys.stderr.write("RuntimeError: [ring] connection to a peer was lost\n")
        sys.stderr.flush()
        os._exit(1)

    def lose_peer_on_line(self, address):
        """Wait until a peer hangs up, then end as a ring's survivor does."""
        with socket.create_connection(address) as peer:
            peer.recv(1)
        self.lose_peer()

    def die_on_line(self, address, last_words):
        """Wait until somebody hangs up, then die."""
        with socket.create_connection(address) as line:
            line.recv(1)
        self.abort(last_words)

    def print_fatal_and_hang(self):
        sys.stderr.write("[ring] Too many send/recv errors. Aborting...\n")
        sys.stderr.flush()
        threading.Event().wait()


@attrs.frozen
class Note:
    """A message of a user's own class."""

    text: str


class Collector(pykka.ThreadingActor):
    """An actor that keeps what it is told."""

    def __init__(self, recorder):
        super().__init__()
        self._recorder = recorder

    def on_receive(self, message):
        self._recorder(message)


class Alarmed(Hooks):
    """Has signals whose handlers raise: SIGTERM is to leave, SIGUSR2 an error."""

    def on_start(self):
        super().on_start()
        signal.signal(signal.SIGTERM, self._leave)
        signal.signal(signal.SIGUSR2, self._fail)

    def _leave(self, *_):
        sys.exit(0)

    def _fail(self, *_):
        raise TimeoutError("as told")


class AlarmedLoop(Alarmed):
    """The same in an event loop."""

    concurrent = True
