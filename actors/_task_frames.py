"""What a runner says of its tasks, and what becomes of them."""

import logging
from collections.abc import Callable
from typing import Any, Final

from actors._frames import (
    Acknowledged,
    AttributesChanged,
    Chunk,
    FromRunner,
    Reply,
    ReplyError,
    StreamClosed,
    StreamOpened,
)
from actors._framing import Buffer
from actors._stream import price
from actors._task import Task
from actors.messages import ChunkGenerated, TaskAcknowledged, TaskStatus
from actors.messages import TaskStatusUpdated as Updated

logger: Final = logging.getLogger("actors")


class TaskFrames:
    """
    Takes the frames that concern the tasks of a runner, in whichever thread has received them.

    Args:
        runner_id: Id of the runner.
        tasks: The tasks in flight, by id: who takes one out ends it.
        publish: Called with task events.
        wanted: Says whether anybody is interested in events of some classes.
        show: Called with what proxies can see of the runner.
    """

    def __init__(
        self,
        runner_id: str,
        tasks: dict[int, Task],
        *,
        publish: Callable[[Any], object],
        wanted: Callable[..., bool],
        show: Callable[[AttributesChanged], object],
    ) -> None:
        self._runner_id = runner_id
        self._tasks = tasks
        self._publish = publish
        self._wanted = wanted
        self._show = show
        self._takers: Final[dict[type, Callable[[Any, tuple[Buffer, ...]], bool]]] = {
            Reply: self._reply,
            Chunk: self._chunk,
            StreamOpened: self._stream_opened,
            StreamClosed: self._stream_closed,
            ReplyError: self._reply_error,
            Acknowledged: self._acknowledged,
            AttributesChanged: self._attributes,
        }

    def received(self, message: FromRunner, payload: tuple[Buffer, ...]) -> bool:
        """
        Take a frame that concerns a task.

        It may be called twice with the same frame, if a signal's handler has interrupted it: so a
        task is answered first and taken out of the table then.

        Returns:
            Whether it was one, and was in turn.
        """
        take = self._takers.get(type(message))
        return take is not None and take(message, payload)

    def _reply(self, message: Reply, payload: tuple[Buffer, ...]) -> bool:
        task = self._tasks.get(message[0])
        if task is not None:
            task.answer(payload, None)
            self._ended(task, TaskStatus.COMPLETE)
        return True

    def _reply_error(self, message: ReplyError, payload: tuple[Buffer, ...]) -> bool:
        if not message.task_id:
            logger.error(
                "a message to runner %r is lost: %s", self._runner_id, message.error.message
            )
        task = self._tasks.get(message.task_id)
        if task is not None:
            task.answer(payload, message.error)
            self._ended(task, TaskStatus.FAILED)
        return True

    def _stream_opened(self, message: StreamOpened, _: object) -> bool:
        task = self._tasks.get(message.task_id)
        # Of a task that its asker was kept from: it was taken back, and is being cancelled.
        return task is None or task.open_stream(message)

    def _stream_closed(self, message: StreamClosed, _: object) -> bool:
        task = self._tasks.get(message.task_id)
        if task is None:
            return True
        if not task.streaming and not task.cancelled:
            return False
        task.close()
        self._ended(task, TaskStatus.CANCELLED if message.cancelled else TaskStatus.COMPLETE)
        return True

    def _acknowledged(self, message: Acknowledged, _: object) -> bool:
        if message.task_id in self._tasks:
            self.tell(TaskAcknowledged, message.task_id)
            self.tell(Updated, message.task_id, TaskStatus.RUNNING)
        return True

    def _attributes(self, message: AttributesChanged, _: object) -> bool:
        # Here, not in the supervisor's thread: it comes before the answer that tells of it.
        self._show(message)
        return True

    def _chunk(self, message: Chunk, payload: tuple[Buffer, ...]) -> bool:
        task_id, sequence = message
        task = self._tasks.get(task_id)
        if task is not None and task.streaming:
            cost = price(payload)
            task.push(sequence, payload, cost)
            # Not the second time. Nothing is called between the two.
            if task.chunks != sequence + 1:
                task.chunks, task.spent = sequence + 1, task.spent + cost
            self.tell(ChunkGenerated, task_id, sequence)
        return True

    def _ended(self, task: Task, status: TaskStatus) -> None:
        # Atomic: of two threads that end a task, one finds it.
        if self._tasks.pop(task.id, None) is not None and self._wanted(Updated):
            status = task.given_up_as if task.cancelled else status
            self._publish(Updated(self._runner_id, task.id, status))

    def tell(self, kind: Callable[..., Any], *values: Any) -> None:
        """Publish an event, if anybody is interested in its kind."""
        if self._wanted(kind):
            self._publish(kind(self._runner_id, *values))
