"""A task of a runner that another runner waits for."""

from actors._frames import StreamOpened
from actors._framing import Buffer
from actors._return_path import ReturnPath
from actors._task import Task, TaskTable
from actors.termination import RunnerTerminationError


class RelayedTask(Task):
    """
    Hands on what comes, as it comes, without unpickling it.

    Credit is the asker's too: this process holds no more of a stream than what is on its way.
    What comes for a task that is given up is dropped, as in any task: if the asker still waits,
    because the task took too long, he is about to get an error.

    Args:
        table: Where it is while it is in flight.
        task_id: Its id there.
        name: What the message is, for people.
        payload: The pickled message.
        path: The way of the answer.
    """

    __slots__ = ("_opened_by", "_path")

    def __init__(
        self,
        table: TaskTable,
        task_id: int,
        name: str,
        payload: tuple[Buffer, ...],
        path: ReturnPath,
    ) -> None:
        super().__init__(table, task_id, (name,), payload)
        self._path = path
        self._opened_by: StreamOpened | None = None

    @property
    def streaming(self) -> bool:
        """Whether it is being answered with a stream."""
        return self._opened_by is not None

    def answer(self, payload: tuple[Buffer, ...], error: RunnerTerminationError | None) -> None:
        """Pass on an answer, or an exception."""
        if not self.cancelled:
            self._path.answer(payload, error)

    def open_stream(self, frame: StreamOpened) -> bool:
        """Pass on that it is answered with a stream."""
        if self._opened_by is None:
            self._path.open_stream()
            self._opened_by = frame
        return self._opened_by is frame

    def push(self, sequence: int, payload: tuple[Buffer, ...], cost: int) -> None:
        """Pass on a chunk, whose price the asker finds out for himself."""
        del cost
        if not self.cancelled:
            self._path.chunk(sequence, payload)

    def close(self) -> None:
        """Pass on the end of the stream."""
        if not self.cancelled:
            self._path.close(cancelled=False)

    def fail(self, error: BaseException) -> None:
        """Tell the asker why there will be no answer."""
        self._path.fail(error)

    def grant(self, amount: int) -> None:
        """Pass on that the reader can take more chunks."""
        self.table.grant(self, amount)
