"""What ends the runners when the supervisor's process has ended, however that came."""

import logging
import os
import subprocess
from typing import IO, Final, cast

logger = logging.getLogger("actors")

_SHELL: Final = "/bin/sh"
"""POSIX, and a megabyte; an interpreter of ours would be ten, and a tenth of a second."""

_SCRIPT: Final = """
groups=
while read -r word group; do
    case $word in
        watch) groups="$groups $group" ;;
        release)
            rest=
            for each in $groups; do
                [ "$each" = "$group" ] || rest="$rest $each"
            done
            groups=$rest ;;
    esac
done
for each in $groups; do
    kill -s KILL -- "-$each" 2>/dev/null
done
"""

_PATIENCE: Final = 5.0
"""Seconds for the shell to end after its input has ended."""


class Warden:
    """
    A helper process that outlives this one by a moment, and ends what this one has left.

    It reads the process groups to watch from a pipe. When the supervisor's process ends, in
    whatever way, the pipe does too, and the helper kills the groups that were not released:
    from outside, so that it does not matter what a runner is doing, and with the children
    that runners have started. One that was killed is replaced as soon as that is noticed. Where
    no helper can be started, the runners' own watch on `alive_fd` remains.

    Everything but `close` happens in the reactor's thread.
    """

    def __init__(self) -> None:
        self.alive_fd, self._alive_end = os.pipe()
        self._groups: set[int] = set()
        self._helper = _start()

    @property
    def pid(self) -> int | None:
        """Process id of the helper, if there is one."""
        return self._helper.pid if self._helper is not None else None

    def watch(self, group: int) -> None:
        """End this process group if the supervisor's process ends."""
        self._groups.add(group)
        self._say("watch", group)

    def release(self, group: int) -> None:
        """Leave this group alone from now on. Call it before the group's id is free again."""
        self._groups.discard(group)
        self._say("release", group)

    def close(self) -> None:
        """End the helper, and with it the watch."""
        os.close(self._alive_end)
        os.close(self.alive_fd)
        if self._helper is not None:
            _end(self._helper)

    def _say(self, word: str, group: int) -> None:
        if self._helper is None:
            return
        try:
            _write(self._helper, word, group)
        except BrokenPipeError:
            logger.warning("the helper that ends runners was killed, and is replaced")
            _end(self._helper)
            self._helper = self._replacement()
        except OSError as error:
            # Somebody has stopped it, and its pipe is full. The runners' own watch remains.
            logger.warning("the helper that ends runners does not listen: %s", error)

    def _replacement(self) -> "subprocess.Popen[bytes] | None":
        """Return another helper, which knows what there is to watch; `None` if it ends, too."""
        helper = _start()
        if helper is None:
            return None
        try:
            for group in self._groups:
                _write(helper, "watch", group)
        except OSError as error:
            logger.warning("no helper to end runners after this process: %s", error)
            _end(helper)
            return None
        return helper


def _start() -> "subprocess.Popen[bytes] | None":
    try:
        helper = subprocess.Popen(  # noqa: S603 - a constant script
            [_SHELL, "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        logger.warning("no helper to end runners after this process: %s", error)
        return None
    os.set_blocking(cast("IO[bytes]", helper.stdin).fileno(), False)
    return helper


def _write(helper: "subprocess.Popen[bytes]", word: str, group: int) -> None:
    # Shorter than PIPE_BUF: the kernel takes it whole, or not at all.
    os.write(cast("IO[bytes]", helper.stdin).fileno(), f"{word} {group}\n".encode())


def _end(helper: "subprocess.Popen[bytes]") -> None:
    cast("IO[bytes]", helper.stdin).close()
    try:
        helper.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        logger.warning("the helper that ends runners is stuck and is killed")
        helper.kill()
        helper.wait()
