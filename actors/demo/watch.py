"""Waiting for what a supervisor publishes."""

import threading
from collections.abc import Iterable
from typing import final

from actors.messages import (
    Event,
    GroupGaveUp,
    RunnerFailed,
    RunnerReady,
    RunnerStatusUpdated,
)


@final
class Watch:
    """
    Knows from the events which incarnation of each runner is ready, and which has failed.

    Args:
        members: The ids of the group's members.
    """

    def __init__(self, members: Iterable[str]) -> None:
        self._ready = dict.fromkeys(members, 0)
        self._gave_up = False
        self._failed: set[tuple[str, int]] = set()
        self._changed = threading.Condition()

    def event(self, event: Event) -> None:
        """Take note of an event, in any thread."""
        with self._changed:
            match event:
                case RunnerStatusUpdated(runner_id, incarnation, RunnerReady()):
                    if runner_id in self._ready:
                        self._ready[runner_id] = max(self._ready[runner_id], incarnation)
                case RunnerFailed():
                    self._failed.add((event.runner_id, event.incarnation))
                case GroupGaveUp(_, ids):
                    self._gave_up = self._gave_up or not self._ready.keys().isdisjoint(ids)
            self._changed.notify_all()

    def wait_until_ready(self, incarnation: int, timeout: float) -> bool:
        """
        Wait until every member is ready, in this incarnation or a later one.

        Args:
            incarnation: The lowest that counts.
            timeout: Seconds to wait.

        Returns:
            Whether they are. `False` as soon as it is known that they never will be.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._gave_up or min(self._ready.values()) >= incarnation, timeout
            )
            return not self._gave_up and min(self._ready.values()) >= incarnation

    def wait_for_failures(self, failures: Iterable[RunnerFailed], timeout: float) -> bool:
        """
        Wait until some failures have been published.

        An asker may know of a failure before those who subscribed to it.

        Args:
            failures: The failures.
            timeout: Seconds to wait.

        Returns:
            Whether they have been.
        """
        expected = {(failure.runner_id, failure.incarnation) for failure in failures}
        with self._changed:
            return self._changed.wait_for(lambda: expected <= self._failed, timeout)
