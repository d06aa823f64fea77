"""Refs and proxies in a message: what arrives is the actor's ref, in whichever process that is."""

import copyreg
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final, NoReturn

import pykka
from pykka._introspection import introspect_attrs
from pykka._proxy import CallableProxy

from actors._attributes import Shadow, describe
from actors._frames import AttributesChanged

_NOTHING: Final = AttributesChanged((), (), ())


class StandIn:
    """
    What a ref and its proxies look at in place of an actor that lives elsewhere.

    It shows the attributes of the actor's class without being an instance of it: a destructor,
    a `__setattr__` or a slot of the user's would be of no use to what was never initialized.

    Args:
        actor_class: The actor's class.
        actor_urn: The actor's URN.
        inbox: Where messages for it go.
    """

    def __init__(self, actor_class: type[Any], actor_urn: str, inbox: Any) -> None:
        self._actor_class = actor_class
        self.actor_urn = actor_urn
        self.actor_inbox = inbox
        self.actor_stopped = threading.Event()

    @property
    def __class__(self) -> type[Any]:
        """The actor's class, for Pykka, which asks for its attributes."""
        return self._actor_class

    @__class__.setter
    def __class__(self, _value: type[Any]) -> NoReturn:
        raise TypeError("the class of an actor cannot be changed from outside")

    def __str__(self) -> str:
        return f"{self._actor_class.__name__} ({self.actor_urn})"


class DistantRef(pykka.ActorRef[Any]):
    """
    A ref that holds what it looks at, since there is no actor here.

    Args:
        stand_in: What it looks at.
    """

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(stand_in)
        self._stand_in = stand_in
        self._shadow = Shadow(stand_in)

    def show(self, attributes: AttributesChanged) -> None:
        """Show these attributes to proxies, beside those of the class."""
        self._shadow.show(attributes)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reduce_ref(self)


class _Nowhere:
    """The inbox of an actor that cannot be reached from this process."""

    def put(self, _envelope: Any) -> NoReturn:
        raise pykka.ActorDeadError("the actor cannot be reached from this process")


def _dead(actor_urn: str, actor_class: type[Any]) -> DistantRef:
    ref = DistantRef(StandIn(actor_class, actor_urn, _Nowhere()))
    ref.actor_stopped.set()
    return ref


class References:
    """
    The refs that this process has sent or received, one for each actor, while they are in use.

    Refs are compared by identity, so an actor that is not in Pykka's registry, because it lives
    elsewhere or has ended, must still have one ref only.
    """

    def __init__(self) -> None:
        self._make: Callable[[str, type[Any]], DistantRef] = _dead
        self._known: weakref.WeakValueDictionary[str, pykka.ActorRef[Any]]
        self._known = weakref.WeakValueDictionary()
        self._described: weakref.WeakKeyDictionary[
            pykka.ActorRef[Any], tuple[tuple[Any, ...], AttributesChanged]
        ]
        self._described = weakref.WeakKeyDictionary()
        self._lock = threading.RLock()

    def connect(self, make: Callable[[str, type[Any]], DistantRef]) -> None:
        """
        Make refs of actors that live elsewhere, from now on.

        Args:
            make: Called with the URN and the class of an actor.
        """
        self._make = make

    def sent(self, ref: pykka.ActorRef[Any]) -> AttributesChanged:
        """
        Take note that a ref leaves this process: it may come back.

        Returns:
            What proxies can see of the actor.
        """
        with self._lock:
            self._known.setdefault(ref.actor_urn, ref)
        actor: Any = ref._actor_weakref()  # noqa: SLF001 - as Pykka's own proxies
        if actor is None:
            return _NOTHING
        # Names and types decide whether to look closer, which takes ten times as long.
        # What is inside traversable attributes is looked at each time.
        attributes = vars(actor)
        shape = (*attributes, *map(type, attributes.values()))
        last = self._described.get(ref)
        if last is None or last[0] != shape or last[1].traversables:
            self._described[ref] = last = shape, describe(actor)
        return last[1]

    def find(
        self, actor_urn: str, actor_class: type[Any], attributes: AttributesChanged
    ) -> pykka.ActorRef[Any]:
        """Return the ref of an actor; where it lives, that is the one which everybody has there."""
        ref = pykka.ActorRegistry.get_by_urn(actor_urn)
        if ref is not None:
            return ref
        with self._lock:
            ref = self._known.get(actor_urn)
            if ref is None:
                ref = self._known[actor_urn] = self._make(actor_urn, actor_class)
            if isinstance(ref, DistantRef):
                ref.show(attributes)
        return ref


references: Final = References()
"""Those of this process."""


def _find(
    actor_urn: str, actor_class: type[Any], attributes: AttributesChanged
) -> pykka.ActorRef[Any]:
    return references.find(actor_urn, actor_class, attributes)


def _reduce_ref(ref: pykka.ActorRef[Any]) -> tuple[Any, ...]:
    return _find, (ref.actor_urn, ref.actor_class, references.sent(ref))


def _reduce_proxy(proxy: pykka.ActorProxy[Any]) -> tuple[Any, ...]:
    return _make_proxy, (type(proxy), proxy.actor_ref, proxy._attr_path)  # noqa: SLF001 - Pykka has no other way


def _make_proxy(kind: type[Any], ref: pykka.ActorRef[Any], attr_path: tuple[str, ...]) -> Any:
    """
    Make a proxy, of a dead actor too.

    Its constructor would refuse that one, and so would make a message unreadable of which the
    proxy may be the least part.
    """
    proxy = object.__new__(kind)
    actor: Any = ref._actor_weakref()  # noqa: SLF001 - as in Pykka's constructor
    proxy.actor_ref = ref
    proxy._attr_path = attr_path
    proxy._actor = actor if actor is not None else StandIn(ref.actor_class, ref.actor_urn, None)
    proxy._actor_proxies = {}
    proxy._callable_proxies = {}
    proxy._known_attrs = introspect_attrs(root=proxy._actor, proxy=proxy)
    return proxy


def _reduce_callable(proxy: CallableProxy[Any]) -> tuple[Any, ...]:
    return _make_callable, (proxy.actor_ref, proxy._attr_path)  # noqa: SLF001 - Pykka has no other way


def _make_callable(ref: pykka.ActorRef[Any], attr_path: tuple[str, ...]) -> CallableProxy[Any]:
    return CallableProxy(actor_ref=ref, attr_path=attr_path)


def register_proxy(kind: type[Any]) -> None:
    """Let proxies of a class be pickled; `copyreg` knows classes, and nothing of subclasses."""
    copyreg.pickle(kind, _reduce_proxy)


register_proxy(pykka.ActorProxy)
copyreg.pickle(pykka.ActorRef, _reduce_ref)
copyreg.pickle(CallableProxy, _reduce_callable)
