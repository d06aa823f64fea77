"""What a proxy can see of a runner: found in its process, shown by its shadow in the parent's."""

import logging
from collections.abc import Iterator
from typing import Any, Final

import pykka

from actors._frames import AttributesChanged

logger: Final = logging.getLogger("pykka")
"""What a proxy of Pykka's logs, it logs in the same words and the same place."""

_OWN: Final = frozenset({"actor_urn", "actor_inbox", "actor_stopped"})
"""Set by Pykka's constructor; the shadow has its own."""


class AttributeWatch:
    """
    Notices when a runner's attributes have changed so that its proxies must know.

    Args:
        actor: The runner.
    """

    def __init__(self, actor: pykka.Actor) -> None:
        self._actor = actor
        self._shape: object = None
        self._last: AttributesChanged | None = None

    def changed(self) -> AttributesChanged | None:
        """
        Return what is to be reported, if it is not what was last.

        It is asked after each message, so names and types decide whether to look closer. What is
        inside traversable attributes is looked at each time.
        """
        attributes = vars(self._actor)
        shape = (*attributes, *map(type, attributes.values()))
        if shape == self._shape and self._last is not None and not self._last.traversables:
            return None
        self._shape = shape
        now = describe(self._actor)
        if now == self._last:
            return None
        self._last = now
        return now


def describe(actor: pykka.Actor) -> AttributesChanged:
    """Return the paths of the attributes that the class alone does not tell."""
    values: list[str] = []
    callables: list[str] = []
    traversables: list[str] = []
    for path, attribute in _walk(actor):
        if _is_traversable(attribute):
            traversables.append(path)
        elif callable(attribute):
            callables.append(path)
        else:
            values.append(path)
    return AttributesChanged(tuple(values), tuple(callables), tuple(traversables))


def _walk(actor: pykka.Actor) -> Iterator[tuple[str, Any]]:
    seen: set[int] = set()
    pending = [
        (name, value)
        for name, value in _attributes(actor).items()
        if name not in _OWN and (name in vars(actor) or _is_marked(value))
    ]
    while pending:
        path, value = pending.pop(0)
        if path.rpartition(".")[2].startswith("_"):
            continue
        if _is_proxy(value) and value.actor_ref == actor.actor_ref:
            logger.warning(
                "%s attribute %r is a proxy to itself. Consider making it private by renaming it "
                "to %r.",
                actor,
                path,
                "_" + path.rpartition(".")[2],
            )
            continue
        yield path, value
        # An object that is reached by two ways is shown by the first: there may be circles.
        if _is_traversable(value) and id(value) not in seen:
            seen.add(id(value))
            pending += [(f"{path}.{name}", each) for name, each in _attributes(value).items()]


def _attributes(holder: Any) -> dict[str, Any]:
    """Return what Pykka looks at: the object's dictionary over those of its classes."""
    found: dict[str, Any] = {}
    for cls in reversed(type(holder).__mro__):
        found.update(vars(cls))
    found.update(getattr(holder, "__dict__", {}))
    return found


def _is_proxy(value: Any) -> bool:
    # Not `isinstance`, which asks the value for its class too: see below.
    return issubclass(type(value), pykka.ActorProxy)


def _is_traversable(value: Any) -> bool:
    # What can be called is called, as by a proxy of Pykka's, even if it is marked.
    return not callable(value) and _is_marked(value)


def _is_marked(value: Any) -> bool:
    if _is_proxy(value):
        return False
    try:
        return (
            getattr(value, "_pykka_traversable", False) is True
            or getattr(value, "pykka_traversable", False) is True
        )
    except Exception:  # noqa: BLE001 - the user's code, which nobody has called
        # Such as an object that stands for another, which is not there now.
        return False


class _Traversable:
    """Stands for an object whose attributes can be reached."""

    _pykka_traversable = True


def _call(*_args: Any, **_kwargs: Any) -> None:
    """Stand for an attribute that can be called, in the runner's process only."""
    raise TypeError("this attribute can only be called in the runner's process, by a proxy")


class Shadow:
    """
    Shows on an actor without a life of its own what the runner has.

    Args:
        actor: What refs and proxies look at in place of the runner.
    """

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._shown: set[str] = set()

    def show(self, message: AttributesChanged) -> None:
        """Show these attributes and no others. May be called twice with the same."""
        shown: dict[str, Any] = {}
        holders: dict[str, dict[str, Any]] = {"": shown}
        places: list[tuple[str, Any]] = [(path, _Traversable()) for path in message.traversables]
        for path, stand_in in places:
            holders[path] = vars(stand_in)
        places += [(path, _call) for path in message.callables]
        places += [(path, None) for path in message.values]
        for path, stand_in in places:
            parent, _, name = path.rpartition(".")
            if parent in holders:
                holders[parent][name] = stand_in
        attributes = vars(self._actor)
        attributes.update(shown)
        for name in self._shown - set(shown):
            attributes.pop(name, None)
        self._shown = set(shown)
