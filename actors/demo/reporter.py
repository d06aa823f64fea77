"""Whom the demonstration tells what happens."""

from typing import Protocol

from actors.demo.messages import TrainingStep
from actors.messages import Event


class Reporter(Protocol):
    """
    Shows a demonstration to somebody.

    `event` is called in a thread of the supervisor's, everything else in the main thread.
    """

    def note(self, text: str) -> None:
        """Say something in one line."""

    def training(self, step: TrainingStep) -> None:
        """Show how far the training has come."""

    def event(self, event: Event) -> None:
        """Show what a supervisor has published."""

    def piece(self, text: str) -> None:
        """Show some more of the generated text."""

    def end_of_text(self) -> None:
        """Show that no more text comes."""

    def close(self) -> None:
        """Leave the terminal as it was."""
