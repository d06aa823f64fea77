"""Plain lines, for files, pipes and logs."""

import threading
from typing import TextIO, final

from actors.demo.messages import TrainingStep
from actors.messages import (
    Event,
    GroupGaveUp,
    GroupRestarting,
    RunnerFailed,
    RunnerLoading,
    RunnerReady,
    RunnerStatusUpdated,
)
from actors.render import clean, render_failure


@final
class PlainReporter:
    """
    Writes lines of text.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._in_text = False
        self._ready: set[tuple[str, int]] = set()

    def note(self, text: str) -> None:
        """Say something in one line."""
        self._line(text)

    def training(self, step: TrainingStep) -> None:
        """Write a line after each tenth of the training."""
        every = max(1, step.total // 10)
        if step.step % every == 0 or step.step == step.total:
            self._line(f"training: step {step.step} of {step.total}, loss {step.loss:.2f}")

    def event(self, event: Event) -> None:
        """Write what matters to people; the rest is in the JSON."""
        match event:
            case RunnerFailed():
                self._line(f"\n{render_failure(event)}\n")
            case RunnerStatusUpdated(runner_id, incarnation, status):
                match status:
                    case RunnerLoading(loaded, total) if total:
                        self._line(f"{clean(runner_id)}: {loaded} of {total} parts loaded")
                    case RunnerReady() if (runner_id, incarnation) not in self._ready:
                        self._ready.add((runner_id, incarnation))
                        self._line(f"{clean(runner_id)}: ready (incarnation {incarnation})")
            case GroupRestarting(group_id, ids, incarnation):
                self._line(
                    f"{clean(group_id)}: starting {len(ids)} runners again "
                    f"(incarnation {incarnation})"
                )
            case GroupGaveUp(group_id, _, explanation):
                self._line(f"{clean(group_id)}: given up: {clean(explanation)}")

    def piece(self, text: str) -> None:
        """Write some more of the generated text, at once."""
        with self._lock:
            if not self._in_text:
                self._in_text = True
                self._stream.write("  > ")
            self._stream.write(text.replace("\n\n", "\n  > "))
            self._stream.flush()

    def end_of_text(self) -> None:
        """End the line of the text."""
        with self._lock:
            self._break_text()
            self._stream.flush()

    def close(self) -> None:
        """End the line of the text, if there is one."""
        self.end_of_text()

    def _line(self, text: str) -> None:
        with self._lock:
            self._break_text()
            self._stream.write(f"{text}\n")
            self._stream.flush()

    def _break_text(self) -> None:
        if self._in_text:
            self._in_text = False
            self._stream.write("\n")
