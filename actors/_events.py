"""Who is told what: subscriptions by type, to actors and to callables."""

import logging
import threading
import types as python_types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias, Union, get_args, get_origin

import attrs
import pykka

from actors.errors import SpecError, SupervisorStoppedError

logger = logging.getLogger("actors")

Target: TypeAlias = "pykka.ActorRef[Any] | Callable[[Any], object]"

_LIMIT: Final = 100_000
"""Events that wait for callables; some 30 MB of chunks. A reader this far behind has hung."""


@attrs.define(eq=False)
class _Subscription:
    """
    One target and what it wants. `types` is replaced, never changed.

    It is asked again at delivery, so nothing is delivered after an `unsubscribe`.
    """

    target: Target
    types: tuple[type, ...] = ()

    def wants(self, event: object) -> bool:
        return isinstance(event, self.types)


_Entry: TypeAlias = tuple[int, object, tuple[_Subscription, ...]]


class EventStream:
    """
    Tells subscribers of events, by the events' types.

    Actors are told in the publisher's thread, by `tell`. Callables are called one event at
    a time, in publish order, in one thread of the stream's own, so they may ask the actor
    that published; a slow one delays the other callables and nobody else.

    Args:
        keep: Types of events that are never dropped, however far behind the callables are.
        limit: How many events may wait for the callables. Beyond that, the oldest that
            need not be kept is dropped and counted.
    """

    def __init__(self, *, keep: tuple[type, ...] = (), limit: int = _LIMIT) -> None:
        self._keep = keep
        self._limit = limit
        self._subscriptions: dict[object, _Subscription] = {}
        self._wanted: dict[tuple[type, ...], bool] = {}
        self._kept: deque[_Entry] = deque()
        self._droppable: deque[_Entry] = deque()
        self._sequence = 0
        self._dropped = 0
        self._overflowing = False
        self._closed = False
        self._thread: threading.Thread | None = None
        # Re-entrant: a finalizer that publishes may run in a thread that holds the lock.
        self._changed = threading.Condition(threading.RLock())

    @property
    def dropped(self) -> int:
        """How many events were dropped because callables were too slow."""
        return self._dropped

    def subscribe(self, target: Target, *types: Any) -> None:
        """
        Tell a target of events from now on; what it had subscribed to before stays.

        Args:
            target: An actor's ref, which gets the event by `tell`, or a callable.
            types: Classes, or unions of classes; their subclasses match too. None at all
                means every event.

        Raises:
            SpecError: When the target can be told nothing, or a type is no class.
            SupervisorStoppedError: When the stream is closed.
        """
        wanted = _expanded(types)
        key = _key(target)
        with self._changed:
            if self._closed:
                raise SupervisorStoppedError("the event stream is closed")
            subscription = self._subscriptions.setdefault(key, _Subscription(target))
            subscription.types = tuple(dict.fromkeys(subscription.types + wanted))
            self._wanted = {}
            if self._thread is None and not isinstance(target, pykka.ActorRef):
                self._thread = threading.Thread(
                    target=self._deliver, name="actors-events", daemon=True
                )
                self._thread.start()

    def unsubscribe(self, target: Target, *types: Any) -> bool:
        """
        Tell a target no longer. A call that has begun goes on.

        Args:
            target: As given to `subscribe`.
            types: What it subscribed to and wants no more; none at all means everything.
                A class named here ends a subscription to that very class only.

        Returns:
            Whether there was such a subscription.

        Raises:
            SpecError: When the target can be told nothing, or a type is no class.
        """
        unwanted = _expanded(types) if types else None
        key = _key(target)
        with self._changed:
            subscription = self._subscriptions.get(key)
            if subscription is None:
                return False
            self._wanted = {}
            before = subscription.types
            subscription.types = tuple(
                each for each in before if unwanted is not None and each not in unwanted
            )
            if not subscription.types:
                del self._subscriptions[key]
            return subscription.types != before

    def wanted(self, *types: type) -> bool:
        """
        Return whether anybody would be told of an event of any of these types.

        Args:
            types: Classes of events.
        """
        known = self._wanted.get(types)
        if known is None:
            with self._changed:
                known = any(
                    issubclass(event_type, each.types)
                    for each in self._subscriptions.values()
                    for event_type in types
                )
                self._wanted[types] = known
        return known

    def publish(self, event: object) -> int:
        """
        Tell everyone who wants it of an event.

        Args:
            event: Anything; its type selects the subscribers.

        Returns:
            How many were told: the actors that are alive, and the callables that will be
            called. 0 once the stream is closed.
        """
        with self._changed:
            if self._closed:
                return 0
            told = tuple(each for each in self._subscriptions.values() if each.wants(event))
            refs = [each for each in told if isinstance(each.target, pykka.ActorRef)]
            calls = tuple(each for each in told if not isinstance(each.target, pykka.ActorRef))
            overflow_begins = bool(calls) and self._enqueue(event, calls)
        if overflow_begins:
            logger.warning(
                "more than %d events wait for subscribed callables; the oldest are dropped",
                self._limit,
            )
        # Outside the lock, because a tell may block, or publish in turn.
        return len(calls) + sum(self._tell(each, event) for each in refs)

    def close(self, timeout: float = 5.0) -> bool:
        """
        Deliver what was published before, then end the thread. Nothing is published after.

        Args:
            timeout: The most seconds to wait for the callables.

        Returns:
            Whether everything is delivered. From within a callable that cannot be waited
            for, and is `False`.
        """
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is None:
            return True
        if thread is threading.current_thread():
            return False
        thread.join(timeout)
        return not thread.is_alive()

    def _tell(self, subscription: _Subscription, event: object) -> bool:
        try:
            subscription.target.tell(event)  # type: ignore[union-attr]
        except pykka.ActorDeadError:
            self.unsubscribe(subscription.target)
            return False
        except Exception:
            logger.exception("%s could not be told of an event", subscription.target)
            return False
        return True

    def _enqueue(self, event: object, calls: tuple[_Subscription, ...]) -> bool:
        """Add an event; return whether the first one of a row had to be dropped for it."""
        self._sequence += 1
        queue = self._kept if isinstance(event, self._keep) else self._droppable
        queue.append((self._sequence, event, calls))
        self._changed.notify_all()
        if len(self._kept) + len(self._droppable) <= self._limit or not self._droppable:
            return False
        self._droppable.popleft()
        self._dropped += 1
        begins = not self._overflowing
        self._overflowing = True
        return begins

    def _next(self) -> _Entry | None:
        """Wait for the oldest event; `None` when there are no more to come."""
        with self._changed:
            while not (self._kept or self._droppable):
                self._overflowing = False
                if self._closed:
                    return None
                self._changed.wait()
            queues = [queue for queue in (self._kept, self._droppable) if queue]
            return min(queues, key=lambda queue: queue[0][0]).popleft()

    def _deliver(self) -> None:
        while (entry := self._next()) is not None:
            _, event, calls = entry
            for each in calls:
                if not each.wants(event):
                    continue
                try:
                    each.target(event)  # type: ignore[operator]
                except (Exception, SystemExit):
                    # SystemExit too: it would end this thread, and with it every other
                    # callable's subscription, without a word.
                    logger.exception("%r raised; it stays subscribed", each.target)
                # Nothing may be kept alive while this thread waits for the next one.
            del entry, event, calls


def _key(target: Any) -> object:
    """Return what tells targets apart: two bound methods may be one, and so may two refs."""
    if isinstance(target, pykka.ActorRef):
        return target.actor_urn
    if isinstance(target, pykka.ActorProxy):
        raise SpecError("subscribe", "target", "is a proxy; give its actor_ref")
    if isinstance(target, type) or not callable(target):
        raise SpecError("subscribe", "target", f"must be an ActorRef or callable, not {target!r}")
    try:
        hash(target)
    except TypeError:
        return id(target)
    return target


def _expanded(types: tuple[Any, ...]) -> tuple[type, ...]:
    return tuple(_classes(types)) if types else (object,)


def _classes(types: tuple[Any, ...]) -> Iterator[type]:
    for each in types:
        if get_origin(each) in (Union, python_types.UnionType):
            yield from _classes(get_args(each))
        elif isinstance(each, type) and get_origin(each) is None:
            yield each
        elif hasattr(each, "__value__"):  # `type Name = A | B`, from Python 3.12 on
            yield from _classes((each.__value__,))
        else:
            raise SpecError("subscribe", "types", f"must be classes or unions, not {each!r}")
