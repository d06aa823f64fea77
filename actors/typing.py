"""Help for typed proxies, beside that of `pykka.typing`."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast

from actors._future import RunnerFuture
from actors._stream import Stream

__all__ = ["ProxyMethod", "coroutine_method", "proxy_method", "stream_method"]

P = ParamSpec("P")
T = TypeVar("T")


class ProxyMethod(Protocol, Generic[P, T]):
    """A method as it is reached by proxy: called, it gives a future; deferred, nothing."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> RunnerFuture[T]:
        """Ask the actor. The arguments are the method's own."""
        ...

    def defer(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Tell the actor, and wait for nothing."""
        ...


def proxy_method(method: Callable[Concatenate[Any, P], T]) -> ProxyMethod[P, T]:
    """
    Type a method, in the declaration of a typed proxy.

    `pykka.typing.proxy_method` does the same for any actor, and so types what a call gives as a
    `pykka.Future`, which cannot be cancelled. Like its sister it is for type checkers only, and
    changes nothing.

    Args:
        method: A method of the runner's class.

    Returns:
        The same object.
    """
    return cast("ProxyMethod[P, T]", method)


def stream_method(
    method: Callable[Concatenate[Any, P], Iterator[T] | AsyncIterator[T]],
) -> ProxyMethod[P, Stream[T]]:
    """
    Type a method that answers with a stream, in the declaration of a typed proxy.

    `pykka.typing.proxy_method` would type the answer of a generator as the iterator that it is
    in the runner, without the `cancel` and `result` of the [`Stream`][actors.Stream] that
    the asker gets. Like its sister it is for type checkers only, and changes nothing.

    Args:
        method: A method of the runner's class that returns an iterator, or an asynchronous one.

    Returns:
        The same object.
    """
    return cast("ProxyMethod[P, Stream[T]]", method)


def coroutine_method(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> ProxyMethod[P, T]:
    """
    Type a method that is a coroutine function, in the declaration of a typed proxy.

    `pykka.typing.proxy_method` would type the answer as the coroutine, which a runner with
    [`concurrent`][actors.Runner.concurrent] runs: the asker gets what that returns.

    Args:
        method: A coroutine function of the runner's class.

    Returns:
        The same object.
    """
    return cast("ProxyMethod[P, T]", method)
