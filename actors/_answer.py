"""
Answer who has asked, who may have settled the matter meanwhile.

1.  Somebody asks, and gets a future.
2.  The future is theirs: they set a hook on it that makes the answer, or set it themselves.
3.  The runner answers, and the future says `queue.Full`. That is nobody's failure.
"""

import contextlib
import queue
from typing import Any


def answer(reply_to: Any, value: Any) -> None:
    """Answer with a value, which is dropped if it comes too late."""
    try:  # noqa: SIM105 - done for every message, and the context manager costs
        reply_to.set(value)
    except queue.Full:
        pass


def answer_with_error(reply_to: Any, error: BaseException) -> None:
    """Answer with an exception, which is dropped if it comes too late."""
    with contextlib.suppress(queue.Full):
        reply_to.set_exception((type(error), error, error.__traceback__))
