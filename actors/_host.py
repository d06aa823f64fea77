"""One runner inside its own process: frames become messages, answers become frames."""

import os
import pickle
import signal
import time
from typing import Any, Final, NoReturn

import pykka
from pykka._envelope import Envelope

from actors._attributes import AttributeWatch
from actors._channel import Channel
from actors._concurrent_incoming import ConcurrentIncoming
from actors._frames import (
    Acknowledged,
    CancelTask,
    Chunk,
    Credit,
    Launch,
    Leaving,
    Left,
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
from actors._framing import Buffer, Frame
from actors._incoming import Incoming
from actors._ledger import Ledger
from actors._mailbox import Mailbox
from actors._outgoing import Outgoing
from actors._references import references
from actors._stop_request import ActorStop
from actors.errors import WireError
from actors.messages import (
    PHASE_OF,
    RunnerIdle,
    RunnerReady,
    RunnerRunning,
    RunnerStatus,
)
from actors.reasons import Phase
from actors.runner import Birth, Runner, birth
from actors.termination import RunnerTerminationError

_MOMENT: Final = 0.2
"""Seconds in which what was sent arrives, if the parent is not stopped."""


def end_own_group() -> NoReturn:
    """
    End this process and the children it has started, at once.

    SIGKILL, because nobody is left to hear an explanation, and native code may hold up
    anything milder.
    """
    os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


class RunnerHost:
    """
    The runner's side of the channel.

    Args:
        channel: The runner's end.
        ledger: Where the runner notes what it does.
    """

    def __init__(self, channel: Channel, ledger: Ledger) -> None:
        self.channel = channel
        # Closed, reset or unreadable: the parent is gone or has given this process up.
        self.mailbox = Mailbox(channel, self._take, end_own_group)
        self._ledger = ledger
        self._tasks: dict[int, Incoming] = {}
        self._incoming: type[Incoming] = Incoming
        self._outgoing = Outgoing(channel, self.mailbox, ledger)
        references.connect(self._outgoing.ref)
        self._phase = Phase.STARTING
        self._cancellations = 0
        """How many have been received."""
        self._running = False
        self._failing = False
        self._leaving = False
        self._attributes: AttributeWatch

    def run(self) -> None:
        """
        Make the runner, and let it live in this thread.

        Raises:
            BaseException: What ended the runner, after the parent was told.
        """
        launch, segments = self.mailbox.get()
        self.mailbox.wake_for_signals()
        try:
            runner = self._make(launch, segments)
            runner._runner_live()  # noqa: SLF001 - the host is the other half of the runner
            # Only after an orderly end: a failure's tasks are the parent's to fail.
            runner._runner_refuse_the_rest()  # noqa: SLF001
            self._finish_handing_on()
            self.channel.send(Left())
        except BaseException as error:
            self.failing(error)
            raise
        finally:
            # Actors that the runner has started would keep its process from its end.
            pykka.ActorRegistry.stop_all(block=False)
            signal.set_wakeup_fd(-1)

    def _finish_handing_on(self) -> None:
        """Wait for the answers that others owe: the messages for them came before the stop."""
        self._leaving = True
        if self._hands_on():
            self.channel.send(Leaving(handing_on=True))
            self.mailbox.wait_for(lambda: not self._hands_on())

    def _hands_on(self) -> bool:
        return any(task.handed_on and not task.cancelled for task in tuple(self._tasks.values()))

    def _make(self, launch: Launch, segments: tuple[Buffer, ...]) -> Runner:
        # Not `unpack`: an import error of the user's module shall be reported as it is.
        runner_class, args, kwargs = pickle.loads(segments[0], buffers=segments[1:])
        token = birth.set(Birth(runner_class, launch.actor_urn, self.mailbox, self))
        try:
            runner = runner_class(*args, **kwargs)
        finally:
            birth.reset(token)
        if not isinstance(runner, Runner) or getattr(runner, "_runner_link", None) is not self:
            raise TypeError(f"{runner_class.__qualname__}.__init__ did not call super().__init__()")
        if runner.concurrent:
            self._incoming = ConcurrentIncoming
        pykka.ActorRegistry.register(runner.actor_ref)
        self._attributes = AttributeWatch(runner)
        return runner

    # What the runner reports.

    def status(self, status: RunnerStatus) -> None:
        """Report a change of state."""
        self._phase = PHASE_OF.get(type(status), self._phase)
        if isinstance(status, RunnerIdle):
            self.handled()
            self.channel.send(Started())
        self.channel.send(StatusChanged(status, time.time()))

    def waiting(self, waiting_for: str | None) -> None:
        """Report who is waited for."""
        self.channel.send(Waiting(waiting_for))

    def begun(self, envelope: Any) -> bool:
        """Report that a message is taken up. Return whether its answer is still wanted."""
        if not isinstance(envelope, Incoming):
            self._ledger.begin(0)
            return True
        if not self.mailbox.diverted:
            self._look_for_cancellations()
        if envelope.cancelled:
            envelope.close(cancelled=True)
            return False
        self._ledger.begin(envelope.task_id)
        if envelope.observed:
            self._report(envelope)
        return bool(envelope.task_id) or self._is_readable(envelope)

    def _is_readable(self, envelope: Incoming) -> bool:
        """Report a message that nobody waits for and that cannot be read: it has harmed nobody."""
        try:
            envelope.read()
        except WireError as error:
            self.channel.send(ReplyError(0, RunnerTerminationError.from_exception(error)))
            return False
        return True

    def _report(self, envelope: Incoming) -> None:
        if not self._running:
            self._running = True
            self.channel.send(StatusChanged(RunnerRunning(), time.time()))
        if envelope.task_id:
            self.channel.send(Acknowledged(envelope.task_id))

    def cancelled(self, task: Incoming) -> bool:
        """Return whether nobody waits for this answer any more."""
        self._look_for_cancellations()
        return task.cancelled

    def _look_for_cancellations(self) -> None:
        """Receive what cancels a task that has waited, and may still lie in the socket."""
        noted = self._ledger.cancellations
        if noted > self._cancellations:
            # They were sent before that was noted, perhaps behind much else.
            self.mailbox.wait_for(lambda: self._cancellations >= noted, _MOMENT)
        else:
            self.mailbox.glance()

    def handled(self) -> None:
        """Report what proxies can see, if it has changed, before the answer that may tell of it."""
        changed = self._attributes.changed()
        if changed is not None:
            self.channel.send(changed)

    def idle(self) -> None:
        """Report that no message is waiting."""
        self._ledger.rest()
        if self._running:
            self.mailbox.look()
            if self.mailbox.empty():
                self._running = False
                self.channel.send(StatusChanged(RunnerReady(), time.time()))

    def leaving(self) -> None:
        """Report that nothing is taken up any more; from then on the parent sees to the end."""
        if not self._failing:
            self.channel.send(Leaving())

    def failing(self, error: BaseException) -> None:
        """Report what ends the runner, once; from then on the parent sees to its end."""
        if not self._failing:
            self._failing = True
            description = RunnerTerminationError.from_exception(error)
            self.channel.send(Terminated(description, self._phase))

    def abandoned(self, reply_to: Any, error: BaseException) -> None:
        """Leave it to the parent, which fails what is in flight with the failure."""

    def forget(self, task_id: int) -> None:
        """Take note that a task is answered."""
        self._tasks.pop(task_id, None)
        if self._leaving:
            self.mailbox.wake()

    # What the parent says.

    def _take(self, frame: Frame) -> Any:
        """Take a frame in whichever thread has received it. Return what is for the inbox."""
        match frame.message:
            case Request(task_id, observed):
                envelope = self._incoming(self, task_id, frame.payload, observed)
                if task_id:
                    self._tasks[task_id] = envelope
                return envelope
            case Credit(task_id, amount) if task_id in self._tasks:
                self._tasks[task_id].grant(amount)
            case CancelTask(task_id):
                self._cancellations += 1
                if task_id in self._tasks:
                    self._tasks[task_id].cancel()
            case Reply() | ReplyError() | StreamOpened() | Chunk() | StreamClosed():
                self._outgoing.received(frame.message, frame.payload)
            case Stop():
                return Envelope(ActorStop())
            case Launch():
                return frame
        return None
