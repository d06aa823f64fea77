"""One runner inside its own process: frames become messages, answers become frames."""

import os
import pickle
import queue
import signal
import sys
import threading
import time
from typing import Any, Final, NoReturn

import pykka
from pykka import messages
from pykka._envelope import Envelope

from actors._channel import Buffer, Channel, Frame
from actors._frames import (
    Acknowledged,
    CancelTask,
    Chunk,
    Credit,
    Launch,
    Reply,
    ReplyError,
    Request,
    Started,
    StatusChanged,
    Stop,
    StreamClosed,
    StreamOpened,
    Terminated,
    Waiting,
)
from actors._payload import pack, unpack
from actors._stream import WINDOW
from actors.errors import ActorsError, FrameTooLargeError
from actors.messages import (
    RunnerConnecting,
    RunnerIdle,
    RunnerLoading,
    RunnerReady,
    RunnerRunning,
    RunnerStatus,
    RunnerWarmingUp,
)
from actors.reasons import Phase
from actors.runner import Birth, Runner, birth
from actors.termination import RunnerTerminationError

_PHASES: Final = {
    RunnerIdle: Phase.SERVING,
    RunnerConnecting: Phase.CONNECTING,
    RunnerLoading: Phase.LOADING,
    RunnerWarmingUp: Phase.WARMING_UP,
    RunnerReady: Phase.SERVING,
}


def end_own_group() -> NoReturn:
    """
    End this process and the children it has started, at once.

    SIGKILL, because nobody is left to hear an explanation, and native code may hold up
    anything milder.
    """
    os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


class _Request:
    """An envelope whose message is unpickled where it is handled: in the main thread."""

    __slots__ = ("_segments", "reply_to")

    def __init__(self, segments: tuple[Buffer, ...], reply_to: "_Answer | None") -> None:
        self._segments = segments
        self.reply_to = reply_to

    @property
    def message(self) -> Any:
        return unpack(self._segments)


class _Answer:
    """Where a handler's answer goes: the part of `pykka.Future` that a runner calls."""

    def __init__(self, host: "RunnerHost", task_id: int) -> None:
        self.task_id = task_id
        self._host = host

    def set(self, value: Any = None) -> None:
        segments = pack(value, "the answer")
        self._host.channel.send(Reply(self.task_id), segments)

    def set_exception(self, exc_info: Any = None) -> None:
        error: Any = (exc_info or sys.exc_info())[1]
        reply = ReplyError(self.task_id, RunnerTerminationError.from_exception(error))
        try:
            self._host.channel.send(reply, _pack_exception(error))
        except FrameTooLargeError:
            self._host.channel.send(reply)

    def open_stream(self) -> "_Outlet":
        outlet = _Outlet(self._host, self.task_id)
        self._host.outlets[self.task_id] = outlet
        self._host.channel.send(StreamOpened(self.task_id))
        return outlet


def _pack_exception(error: BaseException) -> tuple[Buffer, ...]:
    """Pickle an exception if it comes back as what it was, else send none."""
    try:
        segments = pack(error, "the exception")
        if type(unpack(segments)) is type(error):
            return segments
    except ActorsError:
        pass
    return ()


class _Outlet:
    """The way to a stream's reader in the parent: as many chunks as it has asked for."""

    def __init__(self, host: "RunnerHost", task_id: int) -> None:
        self._host = host
        self._task_id = task_id
        self._sequence = 0
        self._room = WINDOW
        self._cancelled = False
        self._condition = threading.Condition()

    def grant(self, chunks: int) -> None:
        with self._condition:
            self._room += chunks
            self._condition.notify()

    def cancel(self) -> None:
        with self._condition:
            self._cancelled = True
            self._condition.notify()

    def wait_for_room(self) -> bool:
        with self._condition:
            self._condition.wait_for(lambda: self._room > 0 or self._cancelled)
            return not self._cancelled

    def put(self, chunk: Any) -> None:
        segments = pack(chunk, "the chunk")
        self._host.channel.send(Chunk(self._task_id, self._sequence), segments)
        self._sequence += 1
        with self._condition:
            self._room -= 1

    def close(self, *, cancelled: bool) -> None:
        del self._host.outlets[self._task_id]
        self._host.channel.send(StreamClosed(self._task_id, cancelled))

    def set_exception(self, exc_info: Any = None) -> None:
        del self._host.outlets[self._task_id]
        _Answer(self._host, self._task_id).set_exception(exc_info)


class RunnerHost:
    """
    The runner's side of the channel.

    Its receiving thread starts before any code of the user is imported: when the channel
    closes, nobody is left to work for, and the process ends.

    Args:
        channel: The runner's end.
    """

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.outlets: dict[int, _Outlet] = {}
        self._launch: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self._inbox: Any = None
        self._phase = Phase.STARTING
        self._running = False
        thread = threading.Thread(target=self._receive, name="actors-channel", daemon=True)
        thread.start()

    def run(self) -> None:
        """
        Make the runner, and let it live in this thread.

        Raises:
            BaseException: What ended the runner, after the parent was told.
        """
        launch, segments = self._launch.get()
        try:
            runner = self._make(launch, segments)  # type: ignore[arg-type]
            runner._live()  # noqa: SLF001 - the host is the other half of the runner
            # Only after an orderly end: a failure's tasks are the parent's to fail.
            runner._refuse_the_rest()  # noqa: SLF001
        except BaseException as error:
            description = RunnerTerminationError.from_exception(error)
            self.channel.send(Terminated(description, self._phase))
            raise

    def _make(self, launch: Launch, segments: tuple[Buffer, ...]) -> Runner:
        # Not `unpack`: an import error of the user's module shall be reported as it is.
        runner_class, args, kwargs = pickle.loads(segments[0], buffers=segments[1:])
        token = birth.set(Birth(runner_class, launch.actor_urn, self))
        try:
            runner = runner_class(*args, **kwargs)
        finally:
            birth.reset(token)
        if not isinstance(runner, Runner) or getattr(runner, "_link", None) is not self:
            raise TypeError(f"{runner_class.__qualname__}.__init__ did not call super().__init__()")
        self._inbox = runner.actor_inbox
        pykka.ActorRegistry.register(runner.actor_ref)
        return runner

    def status(self, status: RunnerStatus) -> None:
        """Report a change of state."""
        self._phase = _PHASES.get(type(status), self._phase)
        if isinstance(status, RunnerIdle):
            self.channel.send(Started())
        self.channel.send(StatusChanged(status, time.time()))

    def waiting(self, waiting_for: str | None) -> None:
        """Report who is waited for."""
        self.channel.send(Waiting(waiting_for))

    def begun(self, reply_to: Any) -> None:
        """Report that a message has been taken up."""
        if not self._running:
            self._running = True
            self.channel.send(StatusChanged(RunnerRunning(), time.time()))
        if isinstance(reply_to, _Answer):
            self.channel.send(Acknowledged(reply_to.task_id))

    def idle(self) -> None:
        """Report that no message is waiting."""
        self._running = False
        self.channel.send(StatusChanged(RunnerReady(), time.time()))

    def abandoned(self, reply_to: Any, error: BaseException) -> None:
        """Leave it to the parent, which fails what is in flight with the failure."""

    def _receive(self) -> None:
        try:
            for frame in self.channel.frames():
                self._dispatch(frame)
        finally:
            # Closed, reset or unreadable: the parent is gone or has given this process up.
            end_own_group()

    def _dispatch(self, frame: Frame) -> None:
        match frame.message:
            case Request(task_id):
                answer = _Answer(self, task_id) if task_id else None
                self._inbox.put(_Request(frame.payload, answer))
            case Credit(task_id, chunks):
                outlet = self.outlets.get(task_id)
                if outlet is not None:
                    outlet.grant(chunks)
            case CancelTask(task_id):
                outlet = self.outlets.get(task_id)
                if outlet is not None:
                    outlet.cancel()
            case Stop():
                self._inbox.put(Envelope(messages._ActorStop()))  # noqa: SLF001
            case Launch():
                self._launch.put(frame)
