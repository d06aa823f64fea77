"""Colours and progress bars, for terminals."""

import threading
from typing import Final, final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from actors.demo.messages import TrainingStep
from actors.messages import (
    Event,
    GroupGaveUp,
    GroupRestarting,
    RunnerConnecting,
    RunnerFailed,
    RunnerLoading,
    RunnerReady,
    RunnerStatusUpdated,
)
from actors.render import clean, render_failure
from diagnostics.findings import Role

_TRAINING: Final = "training"


@final
class TerminalReporter:
    """
    Shows bars while something loads, then text, and failures in colours.

    Nothing that a runner has printed is read as markup.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.RLock()
        self._in_text = False
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def note(self, text: str) -> None:
        """Say something in one line."""
        self._line(Text(text, style="bold"))

    def training(self, step: TrainingStep) -> None:
        """Move the training's bar."""
        self._advance(_TRAINING, step.step, step.total, f"loss {step.loss:.2f}")

    def event(self, event: Event) -> None:
        """Show what matters to people."""
        match event:
            case RunnerFailed():
                self._failure(event)
            case RunnerStatusUpdated(runner_id, _, RunnerConnecting()):
                self._advance(runner_id, 0, None, "joining")
            case RunnerStatusUpdated(runner_id, _, RunnerLoading(loaded, total)) if total:
                self._advance(runner_id, loaded, total, "loading")
            case RunnerStatusUpdated(runner_id, incarnation, RunnerReady()):
                with self._lock:
                    if self._bars is not None and runner_id in self._tasks:
                        state = f"ready (incarnation {incarnation})"
                        self._bars.update(self._tasks[runner_id], state=state)
            case GroupRestarting(group_id, ids, incarnation):
                text = f"{group_id}: starting {len(ids)} runners again, incarnation {incarnation}"
                self._line(Text(clean(text), style="bold cyan"))
            case GroupGaveUp(group_id, _, explanation):
                self._line(Text(clean(f"{group_id}: given up: {explanation}"), style="bold red"))

    def piece(self, text: str) -> None:
        """Show some more of the generated text."""
        with self._lock:
            self._end_bars()
            self._in_text = True
            self._console.print(Text(text, style="green"), end="", soft_wrap=True)

    def end_of_text(self) -> None:
        """End the line of the text."""
        with self._lock:
            if self._in_text:
                self._in_text = False
                self._console.print()

    def close(self) -> None:
        """Take the bars away and end the line."""
        with self._lock:
            self._end_bars()
            self.end_of_text()

    def _failure(self, failure: RunnerFailed) -> None:
        first, _, rest = render_failure(failure).partition("\n")
        style = "dim" if failure.role is Role.AFTER_EFFECT else "bold red"
        self._line(Text.assemble("\n", (first, style), "\n", rest, "\n"))

    def _line(self, text: Text) -> None:
        with self._lock:
            self._end_bars()
            self.end_of_text()
            self._console.print(text, soft_wrap=True)

    def _advance(self, name: str, done: int, total: int | None, state: str) -> None:
        with self._lock:
            if self._bars is None:
                self._bars = Progress(
                    TextColumn("{task.description}", markup=False),
                    BarColumn(bar_width=20),
                    MofNCompleteColumn(),
                    TextColumn("{task.fields[state]}", markup=False),
                    console=self._console,
                )
                self._bars.start()
            task = self._tasks.get(name)
            if task is None:
                task = self._bars.add_task(clean(name), total=total, state=state)
                self._tasks[name] = task
            self._bars.update(task, completed=done, total=total, state=state)

    def _end_bars(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
            self._tasks.clear()
