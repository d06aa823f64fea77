"""What a runner sends to other actors, and their answers: passed on by its parent."""

import logging
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

import pykka
from pykka._envelope import Envelope

from actors._deliveries import Deliveries, DistantAnswer
from actors._frames import CancelTask, Credit, Errand, Forward, FromRunner, Outward
from actors._framing import Buffer
from actors._inbox import RunnerInbox
from actors._ledger import Ledger
from actors._relayed_task import RelayedTask
from actors._return_path import AnswerLine, ReturnPath
from actors._stop_request import ActorStop
from actors._task import Task, TaskTable
from actors.errors import ActorsError

logger: Final = logging.getLogger("actors")


class Loop(Protocol):
    """The reactor, as far as it is used here."""

    @property
    @abstractmethod
    def in_thread(self) -> bool:
        """Whether the caller runs in its thread."""

    def call_soon(self, call: Callable[[], object]) -> None:
        """Make a call there."""


class SenderLine(AnswerLine, Protocol):
    """The way to the runner that sends, and from it."""

    def expect_requests(self) -> None:
        """Know that the runner asks for something itself."""


class Exchange:
    """
    Passes on what one incarnation sends, and knows what it waits for.

    Messages to other runners are handed on as they came, those to actors of this process by
    `Deliveries`. All of it happens in the reactor's thread, but for `take` and for the answers.

    Args:
        sender: Name of the runner, for people.
        line: The way to it.
        loop: The supervisor's event loop.
        refuse: Called with what is wrong, if the runner says what it cannot mean.
    """

    def __init__(
        self, sender: str, line: SenderLine, loop: Loop, refuse: Callable[[str], object]
    ) -> None:
        self._sender = sender
        self._line = line
        self._loop = loop
        self._refuse = refuse
        self._frames: deque[tuple[Outward, tuple[Buffer, ...]]] = deque()
        self._paths: dict[int, ReturnPath] = {}
        self._deliveries = Deliveries(sender)
        self._last_id = 0
        self._closed = False

    def take(self, message: FromRunner, payload: tuple[Buffer, ...]) -> bool:
        """
        Take a frame, in the thread that has received it.

        A signal's handler may interrupt that one, and the frame comes again then; the reactor's
        is never interrupted.

        Returns:
            Whether the frame is one for an exchange.
        """
        if not isinstance(message, Forward | CancelTask | Credit):
            return False
        self._frames.append((message, payload))
        self._line.expect_requests()
        if self._loop.in_thread:
            self._work()
        else:
            self._loop.call_soon(self._work)
        return True

    def awaited(self, ledger: Ledger) -> str | None:
        """
        Return whom the runner has asked and waits for, if it does.

        Args:
            ledger: What the runner notes of itself.
        """
        if ledger.busy:
            path = self._paths.get(ledger.awaited)
        else:
            # It does nothing itself, and has handed on what it was asked. At once, in C: answers
            # take paths out in other threads.
            path = next(iter(tuple(self._paths.values())), None)
        return path.whom if path is not None else None

    def close(self) -> None:
        """The runner has ended: cancel what it waits for. Idempotent."""
        self._closed = True
        self._frames.clear()
        # The latest first: a task that waits behind another shall not be taken up because of this.
        for path in reversed(tuple(self._paths.values())):
            path.cancel()
        self._deliveries.close()

    def _work(self) -> None:
        while self._frames:
            message, payload = self._frames.popleft()
            match message:
                case Forward(task_id, errand):
                    # It comes again at once if a handler has interrupted its receipt.
                    if task_id != self._last_id and not self._closed:
                        self._last_id = task_id
                        self._forward(task_id, errand, payload)
                case CancelTask(task_id) if task_id in self._paths:
                    self._paths[task_id].cancel()
                case Credit(task_id, amount) if task_id in self._paths:
                    self._paths[task_id].grant(amount)

    def _forward(self, task_id: int, number: int, payload: tuple[Buffer, ...]) -> None:
        try:
            errand = Errand(number)
            address, *rest = payload
            urn, _, name = bytes(address).decode().partition("\n")
        except ValueError:
            self._refuse("a message of the runner's has no readable address")
            return
        ref = pykka.ActorRegistry.get_by_urn(urn)
        path = None
        if errand is not Errand.TELL:
            path = ReturnPath(task_id, _whom(ref, urn), self._line, self._forget)
            self._paths[task_id] = path
        if errand is Errand.PROBE and path is not None:
            path.reply(ref is not None and ref.is_alive())
            return
        if ref is None:
            self._not_sent(urn, pykka.ActorDeadError(f"{urn} not found"), path)
            return
        try:
            self._send(ref, errand, name, tuple(rest), path)
        except (ActorsError, pykka.ActorDeadError) as error:
            self._not_sent(urn, error, path)

    def _send(
        self,
        ref: pykka.ActorRef[Any],
        errand: Errand,
        name: str,
        payload: tuple[Buffer, ...],
        path: ReturnPath | None,
    ) -> None:
        inbox = ref.actor_inbox
        if not isinstance(inbox, RunnerInbox):
            self._deliveries.put(ref, errand, payload, path)
            return
        if errand is Errand.STOP and path is not None:
            # Here, and not by the deliveries: what the same sender says next comes after the stop.
            inbox.put(Envelope(ActorStop(), reply_to=DistantAnswer(path)))
            return

        def make(table: TaskTable, task_id: int) -> Task:
            if path is None:
                return Task(table, task_id, (name,), payload)
            path.undertaking = task = RelayedTask(table, task_id, name, payload, path)
            return task

        inbox.forward(payload, make, answered=path is not None)

    def _not_sent(self, urn: str, error: Exception, path: ReturnPath | None) -> None:
        """Tell the sender if it waits, else whoever reads the log."""
        if path is not None:
            path.fail(error)
        else:
            logger.warning("a message of %s to %s is lost: %s", self._sender, urn, error)

    def _forget(self, task_id: int) -> None:
        self._paths.pop(task_id, None)


def _whom(ref: pykka.ActorRef[Any] | None, urn: str) -> str:
    if ref is None:
        return f"an actor that is gone ({urn})"
    inbox = ref.actor_inbox
    return f"runner {inbox.runner_id!r}" if isinstance(inbox, RunnerInbox) else str(ref)
