"""Pickle with the definitions inside that the other process cannot find by name."""

import io
import pickle
import sys
import threading
import uuid
from array import array
from collections.abc import Callable
from enum import Enum
from functools import cached_property, lru_cache
from types import FunctionType
from typing import (
    Any,
    Final,
    NewType,
    ParamSpec,
    ParamSpecArgs,
    ParamSpecKwargs,
    TypeVar,
    TypeVarTuple,
    get_args,
    get_origin,
)
from weakref import WeakKeyDictionary, WeakValueDictionary

import cloudpickle

from actors import _main_module
from actors._exceptions import reduce_exception

_LruCacheWrapper: Final = type(lru_cache(lambda: None))
_OF_TYPING: Final = _main_module.OF_TYPING - {TypeVar} | {ParamSpecArgs, ParamSpecKwargs}
"""What `typing` makes and cloudpickle knows nothing of."""

_lock: Final = threading.RLock()
"""Re-entrant, as a destructor that is called with it held may send something."""
_classes: Final[WeakValueDictionary[str, Any]] = WeakValueDictionary()
"""
Every class that came or went by value, by its key, which is the same in all processes.

What `typing` has made, too, which there shall also be one of.
"""
_keys: Final[WeakKeyDictionary[Any, str]] = WeakKeyDictionary()
"""The key of each of them that is complete: a class that is being rebuilt has none yet."""
_pickled: Final[WeakKeyDictionary[type, bytes]] = WeakKeyDictionary()
"""What was sent of a class, for the next time."""

Callback = Callable[[pickle.PickleBuffer], bool]


def dumps(value: Any, buffer_callback: Callback | None = None) -> bytes:
    """
    Pickle a value for a process that runs already.

    A class is pickled once: what comes later refers to it as it was then. In a process that
    knows it, its own class is left alone.

    Raises:
        Exception: Whatever pickling raises.
    """
    return _dumps(value, buffer_callback, once=True)


def dumps_afresh(value: Any, buffer_callback: Callback | None = None) -> bytes:
    """
    Pickle a value for a new process, with all definitions as they are now.

    Raises:
        Exception: Whatever pickling raises.
    """
    _pickled.clear()
    return _dumps(value, buffer_callback)


def attempt(value: Any, without: frozenset[int]) -> None:
    """
    Pickle a value, and keep nothing of it.

    Args:
        value: What to pickle.
        without: Ids of the objects that are to be left out.

    Raises:
        Exception: Whatever pickling raises.
    """
    _Trial(without).dump(value)


def _dumps(value: Any, buffer_callback: Callback | None = None, *, once: bool = False) -> bytes:
    with io.BytesIO() as file:
        _Pickler(file, buffer_callback, once=once).dump(value)
        return file.getvalue()


class _Pickler(cloudpickle.Pickler):
    """
    cloudpickle's, which lets each process keep one class for one definition.

    cloudpickle alone sends a class with every instance, and overwrites the attributes of the
    receiver's class with those that come. So the sender of a class that gets an instance back
    would lose what its own class has come to hold in the meantime.

    Args:
        file: Where the pickle goes.
        buffer_callback: As `pickle.Pickler` has it.
        once: Whether what was sent of a class before is sent again. If not, classes are part of
            this pickle, and share their globals with the functions in it.
    """

    def __init__(
        self,
        file: io.BytesIO | io.RawIOBase,
        buffer_callback: Callback | None,
        *,
        once: bool = False,
    ) -> None:
        super().__init__(file, protocol=5, buffer_callback=buffer_callback)
        self._once = once

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        reduced: Any = NotImplemented
        if issubclass(kind, type):
            return NotImplemented if _main_module.finds(obj) else self._reduce_class(obj)
        if kind is FunctionType or kind is _LruCacheWrapper:
            if _main_module.finds(obj):
                return NotImplemented
            if kind is _LruCacheWrapper and not _is_found(obj):
                reduced = _cached_again, (obj.__wrapped__, obj.cache_parameters())
        elif kind is cached_property:  # has a lock before Python 3.12
            reduced = _cached_property_again, (obj.func, obj.attrname)
        elif kind is memoryview:
            reduced = _reduce_view(obj)
        elif issubclass(kind, BaseException):
            reduced = reduce_exception(obj)
        elif kind in _OF_TYPING:
            reduced = _reduce_of_typing(obj)
        elif kind is io.TextIOWrapper and obj not in (sys.stdout, sys.stderr):
            # cloudpickle would read it, and send what it says.
            raise TypeError("cannot pickle '_io.TextIOWrapper' object")
        return super().reducer_override(obj) if reduced is NotImplemented else reduced

    def _reduce_class(self, cls: type) -> Any:
        pickled = _pickled.get(cls) if self._once else None
        if pickled is None:
            reduced = super().reducer_override(cls)
            if reduced is NotImplemented or len(reduced) != 6:  # noqa: PLR2004 - with state setter
                return reduced
            if not self._once:
                return self._reduce_definition(cls, reduced)
            pickled = _pickled[cls] = _dumps(cls)
        return _open_class, (_key(cls), pickled)

    def _reduce_definition(self, cls: type, reduced: tuple[Any, ...]) -> tuple[Any, ...]:
        make, args, state, _, _, fill = reduced
        members: dict[str, dict[str, Any]] = {}
        if issubclass(cls, Enum):
            # cloudpickle makes them before the class has its `__init__`.
            members = {member.name: _own_attributes(member) for member in cls}
        else:
            # cloudpickle leaves these out: its class has a `__dict__`, and another name.
            namespace = {**args[3], "__qualname__": cls.__qualname__}
            if "__slots__" in vars(cls) and not issubclass(cls, tuple):  # whose have to be empty
                namespace["__slots__"] = vars(cls)["__slots__"]
            args = (*args[:3], namespace, *args[4:])
        key = _key(cls)
        return _class_of, (key, make, args), (key, fill, state, members), None, None, _complete


class _Trial(_Pickler):
    """
    Pickles into nothing.

    Args:
        without: Ids of the objects that are left out.
    """

    def __init__(self, without: frozenset[int]) -> None:
        super().__init__(_Nowhere(), lambda _buffer: False)
        self._without = without

    def persistent_id(self, obj: Any) -> int | None:
        return 0 if id(obj) in self._without else None


class _Nowhere(io.RawIOBase):
    """A file that is as long as it likes, and empty."""

    def write(self, data: Any) -> int:
        return memoryview(data).nbytes


def _own_attributes(member: Enum) -> dict[str, Any]:
    """Return the attributes of an enumeration's member, but for those that every one has."""
    return {
        name: value
        for name, value in vars(member).items()
        if not (name.startswith("_") and name.endswith("_"))
    }


def _reduce_view(view: memoryview) -> tuple[Any, ...]:
    """Return what makes a view of the same items again, one after another."""
    data = view if view.c_contiguous else view.tobytes()
    try:
        _view_again(data, view.format, view.shape)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"a memoryview of format {view.format!r} and shape {view.shape} cannot be made again: "
            f"send its tobytes()"
        ) from error
    return _view_again, (pickle.PickleBuffer(data), view.format, view.shape)


def _reduce_of_typing(obj: Any) -> Any:
    """Return what makes again what the receiver does not find by its name."""
    kind = type(obj)
    if kind is ParamSpecArgs or kind is ParamSpecKwargs:
        return getattr, (obj.__origin__, "args" if kind is ParamSpecArgs else "kwargs")
    if _main_module.finds(obj) or (_is_found(obj) and not _is_registered(obj.__module__)):
        return NotImplemented
    name = _main_module.qualified_name(obj)
    options: dict[str, Any] = {}
    if kind is NewType:
        options = {"tp": obj.__supertype__}
    elif kind is ParamSpec:
        variance = {"covariant": obj.__covariant__, "contravariant": obj.__contravariant__}
        options = {"bound": obj.__bound__, **variance}
    elif kind is not TypeVarTuple:  # a TypeAliasType, of which there can be no weak references
        if _refers_to_itself(obj):
            raise TypeError(
                f"cannot pickle the type alias {name!r}, which refers to itself: define it in a "
                f"module, where it is found by its name"
            )
        return _alias_again, (kind, name, obj.__value__, obj.__type_params__)
    return _named_again, (_key(obj), kind, obj.__module__, name, options)


def _refers_to_itself(alias: Any) -> bool:
    """Return whether a type alias is part of what it stands for."""
    pending: list[Any] = [alias.__value__]
    seen: dict[int, Any] = {}  # held, so that no id is given to a second object
    while pending:
        part = pending.pop()
        if part is alias:
            return True
        if id(part) not in seen:
            seen[id(part)] = part
            if type(part) is type(alias):
                pending.append(part.__value__)
            pending += part if isinstance(part, list) else (get_origin(part), *get_args(part))
    return False


def _is_registered(module: str) -> bool:
    """Return whether a module's definitions are sent by value as the user wants it."""
    registered = cloudpickle.list_registry_pickle_by_value()
    return any(f"{module}.".startswith(f"{name}.") for name in registered)


def _is_found(obj: Any) -> bool:
    """Return whether a definition of another module than the main one is found by its name."""
    module: Any = getattr(obj, "__module__", None)
    found: Any = sys.modules.get(module)
    if module == "__main__" or found is None:
        return False
    for name in _main_module.qualified_name(obj).split("."):
        found = getattr(found, name, None)
    return found is obj


def _key(cls: Any) -> str:
    """Return the key of a complete class, or of what `typing` has made."""
    with _lock:
        key = _keys.setdefault(cls, uuid.uuid4().hex)
        _classes[key] = cls
    return key


# What follows is called by pickles. Two threads may rebuild the same class: each fills it before
# it goes on, so neither sees it unfinished, and the code of users never runs under the lock.


def _open_class(key: str, pickled: bytes) -> Any:
    """Return a class that was sent with a value."""
    cls = _classes.get(key)
    if cls is not None and cls in _keys:
        return cls
    cls = pickle.loads(pickled)
    _pickled.setdefault(cls, pickled)
    return cls


def _class_of(key: str, make: Callable[..., type], args: tuple[Any, ...]) -> Any:
    """Return the class of a key, without attributes if it is not known yet."""
    cls = _classes.get(key)
    if cls is None:
        made = make(*args)
        with _lock:
            cls = _classes.setdefault(key, made)
    return cls


def _complete(cls: Any, definition: tuple[str, Callable[[type, Any], object], Any, Any]) -> None:
    """Give a class its attributes, and an enumeration's members theirs, unless it has them."""
    key, fill, state, members = definition
    if cls not in _keys:
        fill(cls, state)
        for name, attributes in members.items():
            vars(cls[name]).update(attributes)
        with _lock:
            _keys[cls] = key


def _named_again(key: str, kind: Any, module: str, name: str, options: dict[str, Any]) -> Any:
    known = _classes.get(key)
    if known is None:
        made = kind(name, **options)
        made.__module__ = module
        with _lock:
            known = _classes.setdefault(key, made)
            _keys[known] = key
    return known


def _alias_again(kind: Any, name: str, value: Any, parameters: tuple[Any, ...]) -> Any:
    return kind(name, value, type_params=parameters)


def _cached_again(function: Callable[..., Any], parameters: dict[str, Any]) -> Any:
    return lru_cache(**parameters)(function)


def _cached_property_again(function: Callable[[Any], Any], name: str | None) -> Any:
    again: cached_property[Any] = cached_property(function)
    if name is not None:
        again.__set_name__(object, name)
    return again


def _view_again(buffer: Any, form: Any, shape: Any) -> memoryview:
    if shape == (0,):
        # Python casts no empty view.
        return memoryview(b"") if form == "B" else memoryview(array(form))
    view: memoryview = memoryview(buffer).cast("B").cast(form, shape)
    return view
