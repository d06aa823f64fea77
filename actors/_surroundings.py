"""The environment of a group's members, made anew for each incarnation."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from actors.specs import GroupEnvironment

logger: Final = logging.getLogger("actors")


class Surroundings:
    """
    What a group's members find around them, from the user's `GroupEnvironment`.

    Args:
        group_id: Id of the group.
        environment: The user's object, if there is one.
    """

    def __init__(self, group_id: str, environment: GroupEnvironment | None) -> None:
        self._group_id = group_id
        self._environment = environment
        self._variables: Mapping[str, Mapping[str, str]] = {}

    def renew(self, incarnation: int, members: Sequence[str]) -> None:
        """
        Make the environment of the next incarnation of everybody.

        Raises:
            Exception: What the user's `open` raises; nothing is open then.
        """
        if self._environment is None:
            return
        self.close()
        opened = self._environment.open(incarnation, members)
        self._variables = {each: dict(opened.get(each, {})) for each in members}

    def of(self, member: str) -> Mapping[str, str]:
        """Return the variables of one member."""
        return self._variables.get(member, {})

    def close(self) -> None:
        """Give back what the last `renew` took. Idempotent; an error of the user's is logged."""
        if self._environment is None or not self._variables:
            return
        self._variables = {}
        try:
            self._environment.close()
        except Exception:  # the user's code; nothing depends on it
            logger.exception(
                "the environment of %r raised while it was being closed", self._group_id
            )
