"""Stack dumps of faulthandler and of fatal interpreter errors as data, read line by line."""

from typing import Final, final

import re2

from diagnostics._consumed import Consumed
from diagnostics._room import Room
from diagnostics.stacks import Frame, ThreadStack

_THREAD: Final = re2.compile(
    r"^\s*(?:(Current thread|Thread) (0x[0-9a-fA-F]+)(?: \[([^\]]*)\])?|Stack)"
    r" \(most recent call first\):"
)
_FRAME: Final = re2.compile(r'^\s+File "(.+?)", line (\d+|\?\?\?)(?: in (.+))?$')
_C_STACK: Final = re2.compile(r"^(?:Current thread's C stack trace|  Binary file |  <truncated)")
_ASIDE: Final = re2.compile(
    r"^\s*(?:<no Python frame>|\.\.\.|Python runtime state: .*|Extension modules: .*)?$"
)
_STATE: Final = re2.compile(r"^\s*Python runtime state: (.{1,40})")

_MAX_FOREIGN: Final = 20
_MAX_THREADS: Final = 64
_MAX_FRAMES: Final = 100  # what faulthandler prints of one thread at most
_ROOM: Final = 96 * 1024  # bytes; some 800 calls of real code


@final
class FaultDumpParser:
    """
    Read the stacks of the threads, whatever caused the dump.

    Args:
        first_line: The line that announced it; a thread's own head line counts.
    """

    def __init__(self, first_line: str) -> None:
        self._threads: list[tuple[ThreadStack, list[Frame]]] = []
        self._foreign = 0
        self._room = Room(_ROOM)
        self.error: str | None = None
        """The Python error that an interpreter which cannot start names."""
        self.state: str | None = None
        """What the interpreter was doing, such as `initialized`, since Python 3.8."""
        self._thread(first_line)

    def feed(self, line: str, *, claimed: bool) -> Consumed:
        """
        Look at the next line.

        Args:
            line: The line, without the log prefix of the first one.
            claimed: Whether a signature has recognised something in it.
        """
        frame = _FRAME.search(line)
        if frame and self._threads:
            frames = self._threads[-1][1]
            if len(frames) < _MAX_FRAMES and not self._room.full:
                file, number, function = frame.groups()
                self._room.frame()
                frames.append(
                    Frame(
                        self._room.name(file),
                        int(number[:9]) if number != "???" else 0,
                        self._room.name(function) if function else None,
                    )
                )
            return Consumed.TAKEN
        state = _STATE.search(line)
        if state:
            self.state = state.group(1)
        if _ASIDE.search(line) or _C_STACK.search(line) or self._thread(line):
            return Consumed.TAKEN
        if not claimed and not self._threads and self.error is None and "Error" in line:
            self.error = line
            return Consumed.TAKEN
        self._foreign += 1
        over = self._foreign > _MAX_FOREIGN or line.startswith(("Fatal Python error", "Timeout ("))
        return Consumed.CLOSED if over else Consumed.PASSED

    def stacks(self) -> tuple[ThreadStack, ...]:
        """Return the stacks in the order printed."""
        return tuple(
            ThreadStack(stack.thread, stack.current, stack.name, tuple(frames))
            for stack, frames in self._threads
        )

    def _thread(self, line: str) -> bool:
        head = _THREAD.search(line)
        if not head:
            return False
        if len(self._threads) < _MAX_THREADS:
            current = head.group(1) != "Thread"
            number, name = (text and self._room.name(text) for text in head.group(2, 3))
            self._threads.append((ThreadStack(number, current, name), []))
        return True
