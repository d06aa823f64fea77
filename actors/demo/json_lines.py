"""One line of JSON for each published event, for programs."""

import threading
from typing import TextIO, final

from actors.demo.messages import TrainingStep
from actors.demo.plain import PlainReporter
from actors.messages import Event
from actors.wire import to_json


@final
class JsonReporter:
    """
    Writes events as JSON to one stream, and all else as text for people to another.

    Args:
        stream: Where the events go.
        people: Where everything else goes.
    """

    def __init__(self, stream: TextIO, people: TextIO) -> None:
        self._stream = stream
        self._plain = PlainReporter(people)
        self._lock = threading.Lock()

    def note(self, text: str) -> None:
        """Say something in one line, to people."""
        self._plain.note(text)

    def training(self, step: TrainingStep) -> None:
        """Show how far the training has come, to people."""
        self._plain.training(step)

    def event(self, event: Event) -> None:
        """Write one line."""
        line = to_json(event)
        with self._lock:
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def piece(self, text: str) -> None:
        """Show some more of the generated text, to people."""
        self._plain.piece(text)

    def end_of_text(self) -> None:
        """Show that no more text comes, to people."""
        self._plain.end_of_text()

    def close(self) -> None:
        """Do nothing more than to end the line."""
        self._plain.close()
