"""An answer that is itself to be waited for: a future, or another's stream."""

import threading
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

import pykka

from actors._pump import Outlet, pump
from actors._stream import Stream


class FailingOutlet(Outlet, Protocol):
    """An outlet that can also end with an exception."""

    def set_exception(self, exc_info: Any = None) -> None:
        """End the stream with an exception; that which is being handled, if none is given."""


class Answerable(Protocol):
    """Who is to be answered, in another process."""

    def send(self, value: Any) -> None:
        """Answer with a value, which is pickled here."""

    def set_exception(self, exc_info: Any = None) -> None:
        """Answer with an exception; that which is being handled, if none is given."""

    @abstractmethod
    def open_stream(self) -> FailingOutlet:
        """Answer with a stream. Return the way to it."""


def takes_time(value: object) -> bool:
    """Return whether an answer can only be sent when something else has come."""
    return isinstance(value, pykka.Future | Stream)


def hand_on(value: Any, reply_to: Answerable) -> None:
    """
    Answer with a future as soon as it has its answer, or with the chunks of a stream as they come.

    In a thread of its own, because an actor that hands on another's future, its own included,
    goes on to its next message. The thread ends with the answer. A future of a stream is answered
    with the stream: that cannot be inside of anything else that is sent.

    Args:
        value: The future or the stream.
        reply_to: Who is answered.
    """
    _start(lambda: _hand_on(value, reply_to))


def give_up(value: Any) -> None:
    """Cancel what is handed on, if anything is and it can be: Pykka's own futures cannot."""
    cancel = getattr(value, "cancel", None)
    if cancel is not None:
        cancel()


def answer_later(get: Callable[[], Any], reply_to: Answerable) -> None:
    """
    Answer with what a function returns, in a thread of its own.

    Args:
        get: The function, which may take its time.
        reply_to: Who is answered.
    """
    _start(lambda: _answer(get, reply_to))


def _start(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="actors-hand-on", daemon=True).start()


def _hand_on(value: Any, reply_to: Answerable) -> None:
    if isinstance(value, pykka.Future):
        # Once: it may have a hook, which is called again after it has raised.
        try:
            came = value.get()
            value = came if isinstance(came, Stream) else _answered(lambda future: future.set(came))
        except Exception:  # noqa: BLE001 - it is sent in the future
            value = _answered(lambda future: future.set_exception())
        except BaseException:  # noqa: BLE001 - it is no order to this thread
            reply_to.set_exception()
            return
    if isinstance(value, Stream):
        _pass_on(value, reply_to)
    else:
        _answer(lambda: value, reply_to)


def _answered(give: Callable[[pykka.Future[Any]], object]) -> pykka.Future[Any]:
    """Return a future with its answer, which is what arrives where it is sent."""
    future: pykka.Future[Any] = pykka.ThreadingFuture()
    give(future)
    return future


def _answer(get: Callable[[], Any], reply_to: Answerable) -> None:
    try:
        reply_to.send(get())
    except Exception:  # noqa: BLE001 - the asker gets it
        reply_to.set_exception()


def _pass_on(stream: Stream[Any], reply_to: Answerable) -> None:
    with stream:
        outlet = reply_to.open_stream()
        try:
            pump(stream, outlet)
        except Exception:  # noqa: BLE001 - the reader gets it
            outlet.set_exception()
