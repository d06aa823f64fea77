"""What came from a runner's process, not yet unpickled."""

import threading
from typing import Any, Final

from actors._framing import Buffer
from actors._payload import unpack
from actors.errors import RemoteError, WireError
from actors.termination import RunnerTerminationError

new_lock: Final = type(threading.RLock())
"""What `threading.RLock` calls, in half the time; two are made for each answer."""


class Sealed:
    """
    An answer, or an exception, that is unpickled once, by the first thread that asks for it.

    The thread that receives from every runner must not run code of the user, and unpickling
    may run any.

    Args:
        segments: The payload; may be empty for an exception that could not be pickled.
        error: The handler's exception as data, if this is one.
    """

    _value: Any = None
    _error: BaseException | None = None

    def __init__(
        self, segments: tuple[Buffer, ...], error: RunnerTerminationError | None = None
    ) -> None:
        self._segments: tuple[Buffer, ...] | None = segments
        self._remote = error
        # Re-entrant: what is rebuilt is the user's, and a signal's handler may want it, too.
        self._lock = new_lock()

    def open(self) -> Any:
        """
        Return the answer.

        Raises:
            WireError: If it cannot be rebuilt in this process. The next call tries it again: a
                signal's handler that raises looks the same from here.
            Exception: The handler's, in its own type where it can be rebuilt, else `RemoteError`.
        """
        with self._lock:
            segments = self._segments
            if segments is not None:
                if self._remote is not None:
                    self._error = _rebuild(segments, self._remote)
                else:
                    self._value = unpack(segments)
                # Only now: what a signal's handler interrupts is not lost.
                self._segments = None
        if self._error is not None:
            # The handler's traceback is in its cause; those of earlier calls are nobody's.
            raise self._error.with_traceback(None)
        return self._value


_set_cause: Final = vars(BaseException)["__cause__"].__set__
"""Gives any exception a cause, one of a frozen class as well."""


def _rebuild(segments: tuple[Buffer, ...], remote: RunnerTerminationError) -> BaseException:
    """Return the handler's exception, with its remote traceback readable in the local one."""
    substitute = RemoteError(remote)
    substitute.add_note(remote.traceback)
    if not segments:
        return substitute
    try:
        error = unpack(segments)
    except WireError:
        return substitute
    if not isinstance(error, BaseException):
        return substitute
    _set_cause(error, substitute)
    return error
