"""Find the part of an object because of which it cannot be pickled."""

import contextlib
import copyreg
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final

Child = tuple[str, Any]
"""What is written behind the path, and the object that lies there."""

Attempt = Callable[[Any, frozenset[int]], object]
"""Pickles an object, but for what has one of these ids, or raises."""

_MAX_DEPTH: Final = 64
"""Steps after which the search is content with what it has."""
_MAX_SHOWN: Final = 60
"""Characters that are shown of a key, or of a member of a set."""
_MAX_REASON: Final = 400
"""Characters that are shown of the exception."""


def explain(value: Any, error: Exception, attempt: Attempt) -> str:
    """
    Return the path to what cannot be pickled, what it is, and why.

    Goes down from the object to a part that fails for itself, as long as there is one. What lies
    above is left out of the attempts, so that a reference back to it does not count. Of many
    parts the first that fails is found by halves: a level costs about twice its pickling.

    Args:
        value: The object that failed.
        error: What pickling it raised.
        attempt: Tries to pickle a part.
    """
    if RecursionError in (type(error), type(error.__cause__)):
        return "RecursionError: it is nested too deeply"  # and so are its parts, all the way down
    path = ""
    above = [value]  # held, so that no id is given to a second object
    for _ in range(_MAX_DEPTH):
        ids = frozenset(map(id, above))
        found = _first_failing(list(_children(value)), attempt, ids)
        if found is None:
            break
        label, value, error = found
        path += label
        above.append(value)
    reason = f"{type(error).__name__}: {_text(error)}"
    return f"{path} is {_kind(value)} ({reason})" if path else reason


def _first_failing(
    children: list[Child], attempt: Attempt, above: frozenset[int]
) -> tuple[str, Any, Exception] | None:
    while children:
        error = _failure([value for _, value in children], attempt, above)
        if error is None:
            return None
        if len(children) == 1:
            return *children[0], error
        middle = len(children) // 2
        first, second = children[:middle], children[middle:]
        fails = _failure([value for _, value in first], attempt, above) is not None
        children = first if fails else second
    return None


def _failure(values: list[Any], attempt: Attempt, above: frozenset[int]) -> Exception | None:
    try:
        attempt(values, above)
    except Exception as error:  # noqa: BLE001 - code of users may raise anything
        return error
    return None


def _children(value: Any) -> Iterator[Child]:
    """Yield what is pickled as a part of an object, what is told best by its name first."""
    kind = type(value)
    if kind is dict:
        yield from _items(value.items())
        yield from ((f" > key {_short(key)}", key) for key in value)
    elif kind in (list, tuple):
        yield from ((f"[{number}]", item) for number, item in enumerate(value))
    elif kind in (set, frozenset):
        yield from ((f" > member {_short(item)}", item) for item in value)
    elif kind is FunctionType:
        yield from _children_of_function(value)
    elif kind is MethodType:
        yield from ((f".{name}", getattr(value, name)) for name in ("__self__", "__func__"))
    elif kind in (classmethod, staticmethod):
        yield "", value.__func__
    elif kind is property:
        yield from ((f".{name}", getattr(value, name)) for name in ("fget", "fset", "fdel"))
    elif kind is partial:
        yield from ((f".{name}", getattr(value, name)) for name in ("func", "args", "keywords"))
    elif issubclass(kind, type):
        yield from _children_of_class(value)
    else:
        yield from _children_of_instance(value)


def _items(pairs: Iterable[tuple[Any, Any]]) -> Iterator[Child]:
    return ((f"[{_short(key)}]", item) for key, item in pairs)


def _children_of_function(function: FunctionType) -> Iterator[Child]:
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # empty
            yield f" > variable {name!r}", cell.cell_contents
    for name in sorted(_names(code)):
        if name in function.__globals__:
            yield f" > global {name!r}", function.__globals__[name]
    defaults = function.__defaults__ or ()
    positional = code.co_varnames[: code.co_argcount]
    named = dict(zip(reversed(positional), reversed(defaults), strict=False))
    for name, default in (named | (function.__kwdefaults__ or {})).items():
        yield f" > default of {name!r}", default
    yield from ((f".{name}", part) for name, part in vars(function).items())


def _names(code: CodeType) -> set[str]:
    """Return what a function, or one inside it, may look for among its globals."""
    inner = (_names(part) for part in code.co_consts if isinstance(part, CodeType))
    return set(code.co_names).union(*inner)


def _children_of_class(cls: type) -> Iterator[Child]:
    # What refers to the class itself, and what a new class gets of itself, is not sent.
    own = {"__dict__", "__weakref__", "__module__", "__doc__"}
    yield from ((f".{name}", part) for name, part in vars(cls).items() if name not in own)
    yield from ((f" > base {base.__qualname__}", base) for base in cls.__bases__)


def _children_of_instance(value: Any) -> Iterator[Child]:
    """Yield the parts of what an object's own class makes of it for pickle."""
    registered = copyreg.dispatch_table.get(type(value))
    try:
        reduced = registered(value) if registered is not None else value.__reduce_ex__(5)
    except Exception:  # noqa: BLE001 - then it is the object itself that cannot be pickled
        return
    if not isinstance(reduced, tuple):
        return
    parts: tuple[Any, ...] = (*reduced, None, None, None)
    make, arguments, state, items, pairs = parts[:5]
    yield from _children_of_state(_named(value, state))
    yield from ((f"[{number}]", item) for number, item in enumerate(items or ()))
    yield from _items(pairs or ())
    is_own = [argument is type(value) for argument in arguments]
    names = _names_of_arguments(value, len(arguments) - sum(is_own))
    for argument, own in zip(arguments, is_own, strict=True):
        if not own:
            yield next(names), argument
    if any(is_own) or make is type(value):
        yield f" > class {type(value).__qualname__}", type(value)


def _names_of_arguments(value: Any, number: int) -> Iterator[str]:
    """Yield how the arguments are told that an object would be made from again."""
    if isinstance(value, BaseException):
        return (f".args[{index}]" for index in range(number))
    fields: Any = getattr(value, "_fields", None) if isinstance(value, tuple) else None
    if fields is not None:
        return (f".{name}" for name in fields)
    return (f" > argument {index}" for index in range(number))


def _named(value: Any, state: Any) -> Any:
    """Return a state by name, of a dataclass that has it as a list: one with slots, if frozen."""
    if isinstance(state, list) and dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        if len(names) == len(state):
            return dict(zip(names, state, strict=True))
    return state


def _children_of_state(state: Any) -> Iterator[Child]:
    """Yield attributes: a dict of them, or a pair of dicts where there are slots."""
    is_pair = isinstance(state, tuple) and len(state) == 2  # noqa: PLR2004 - a pair
    pair: tuple[Any, ...] = state if is_pair else (state,)
    if all(isinstance(part, dict | None) for part in pair):
        for part in pair:
            for name, attribute in (part or {}).items():
                yield (f".{name}" if isinstance(name, str) else f"[{_short(name)}]"), attribute
    else:
        yield " > state", state


def _short(key: Any) -> str:
    """Return a key as text, without running code of users."""
    if type(key) in (str, bytes, int, float, bool, type(None)):
        text = repr(key)
        return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."
    return f"<{type(key).__qualname__}>"


def _kind(value: Any) -> str:
    kind = type(value)
    if kind is FunctionType or issubclass(kind, type):
        return f"the {'function' if kind is FunctionType else 'class'} {value.__qualname__}"
    if kind is ModuleType:
        return f"the module {value.__name__}"
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _text(error: Exception) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - code of users
        return "it has no text"
    return text if len(text) <= _MAX_REASON else f"{text[: _MAX_REASON - 3]}..."
