"""What ends the runners when the supervisor's process has ended, however that came."""

import logging
import os
import subprocess
from typing import Final

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
    that runners have started. Where no helper can be started, the runners' own watch on
    `alive_fd` remains.

    Everything but `close` happens in the reactor's thread.
    """

    def __init__(self) -> None:
        self.alive_fd, self._alive_end = os.pipe()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a constant script
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
            return
        if self._process.stdin is not None:
            os.set_blocking(self._process.stdin.fileno(), False)

    @property
    def pid(self) -> int | None:
        """Process id of the helper, if there is one."""
        return self._process.pid if self._process is not None else None

    def watch(self, group: int) -> None:
        """End this process group if the supervisor's process ends."""
        self._say("watch", group)

    def release(self, group: int) -> None:
        """Leave this group alone from now on. Call it before the group's id is free again."""
        self._say("release", group)

    def close(self) -> None:
        """End the helper, and with it the watch."""
        os.close(self._alive_end)
        os.close(self.alive_fd)
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            logger.warning("the helper that ends runners is stuck and is killed")
            self._process.kill()
            self._process.wait()

    def _say(self, word: str, group: int) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            # Shorter than PIPE_BUF: the kernel takes it whole, or not at all.
            os.write(self._process.stdin.fileno(), f"{word} {group}\n".encode())
        except OSError as error:
            # Somebody has killed or stopped it. The runners' own watch remains.
            logger.warning("the helper that ends runners does not listen: %s", error)
