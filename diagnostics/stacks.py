"""Call stacks and exceptions as data, as far as the output tells."""

import attrs


@attrs.frozen
class Frame:
    """
    One call in a stack.

    Attributes:
        file: The path of the source file, as printed.
        line: The line number in that file.
        function: The function's name; `None` where the output does not say.
    """

    file: str
    line: int
    function: str | None = None


@attrs.frozen
class ThreadStack:
    """
    The stack of one thread, the innermost call first as faulthandler prints it.

    Attributes:
        thread: The thread's id as printed, such as `0x00007f8f1dd66b80`.
        current: Whether this is the thread that crashed or asked for the dump.
        name: The thread's name, since Python 3.14.
        frames: The calls, innermost first.
    """

    thread: str | None
    current: bool = False
    name: str | None = None
    frames: tuple[Frame, ...] = ()


@attrs.frozen
class RaisedException:
    """
    One exception of a traceback that shows several.

    Attributes:
        exception: The qualified class name as printed; `None` if the output ends before it.
        exception_message: The text after the name, all its lines.
        frames: The calls, outermost first as a traceback prints them.
        notes: What `add_note` added.
        relation: What it is to the exception that was printed after it or around it:
            `cause`, `context`, `group-member`, or `None` for the one that ended it all.
    """

    exception: str | None
    exception_message: str | None = None
    frames: tuple[Frame, ...] = ()
    notes: tuple[str, ...] = ()
    relation: str | None = None


_LIBRARY_PARTS = ("/site-packages/", "/dist-packages/", "/lib/python3", "<frozen ")


# Where a thread stands that only waits: the interpreter's own, and the receiver of a runner.
_WAITING_PARTS = ("/threading.py", "/selectors.py", "/queue.py", "/actors/_channel.py")


def telling_stack(stacks: tuple[ThreadStack, ...]) -> ThreadStack | None:
    """
    Return the stack of the thread that crashed, or else of the first that did not only wait.

    Args:
        stacks: The stacks in the order printed.
    """
    with_frames = [stack for stack in stacks if stack.frames]
    for stack in with_frames:
        if stack.current:
            return stack
    for stack in with_frames:
        if not any(part in f"/{stack.frames[0].file}" for part in _WAITING_PARTS):
            return stack
    return with_frames[0] if with_frames else None


def innermost_user_frame(frames: tuple[Frame, ...]) -> Frame | None:
    """
    Return the last call in the user's own code, or the last call of all.

    Args:
        frames: The calls, outermost first.
    """
    for frame in reversed(frames):
        if not any(part in frame.file for part in _LIBRARY_PARTS):
            return frame
    return frames[-1] if frames else None
