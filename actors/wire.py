"""
The ONE converter: every message of this package to bytes and to JSON, and back.

A message is a map of its fields plus its class's name under `type`; a finding bears its
cause under `cause` instead. Reading is strict: nothing is coerced, nothing may be missing
and nothing may be left over, so that what comes from a broken or hostile runner ends in
[`WireError`][actors.WireError] and never in a half-built message.
"""

import enum
import functools
import itertools
import json
import math
import reprlib
import types
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeAlias, Union, cast, get_args, get_origin

import attrs
import msgpack
from cattrs import AttributeValidationNote, ClassValidationError, Converter
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

from actors._frames import Encoded
from actors.errors import WireError
from actors.messages import Event, LostTask, Progress, RunnerStatus
from actors.reasons import ExitReason
from actors.termination import RunnerTerminationError
from diagnostics.findings import Finding, finding_types
from diagnostics.signatures import load_catalogues

WireMessage: TypeAlias = (
    Event | RunnerStatus | RunnerTerminationError | ExitReason | Encoded | Progress | LostTask
)
"""Everything that has a wire form of its own."""

MESSAGE_TYPES: Final[dict[str, type]] = {cls.__name__: cls for cls in get_args(WireMessage)}
"""Every class of `WireMessage` by its tag."""

assert len(MESSAGE_TYPES) == len(get_args(WireMessage)), "a tag is given twice"  # noqa: S101

_TAG: Final = "type"

_FIELDS: Final = "fields"
"""Holds the fields of a message that itself has a field called `type`."""

_CAUSE: Final = "cause"

_SPELLED: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""JSON has no such numbers. Protocol Buffers' JSON form spells them the same way."""

_PRIMITIVES: Final = (str, bool, int, float, types.NoneType)

_UNREADABLE: Final = (ValueError, TypeError, OverflowError, RecursionError, MemoryError)
"""What msgpack and json raise for bytes and text that are not theirs."""

_Read: TypeAlias = Callable[[Any, Any], Any]
_Write: TypeAlias = Callable[[Any], Any]

_short: Final = reprlib.Repr()
_short.maxstring = _short.maxother = 60


def _locate(error: BaseException, prefix: str = "") -> WireError:
    """Find the first cause in what a reader raised, where each place is relative to its value."""
    if isinstance(error, WireError):
        return WireError(prefix + error.place, error.problem)
    if isinstance(error, ClassValidationError):
        first = error.exceptions[0]
        for note in getattr(first, "__notes__", ()):
            if isinstance(note, AttributeValidationNote):
                prefix += f".{note.name}"
        return _locate(first, prefix)
    return WireError(prefix, _because(error))


def _because(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"


def _unexpected(expected: str, value: object) -> WireError:
    return WireError("", f"expected {expected}, not {type(value).__name__} {_short.repr(value)}")


def _members(annotation: Any) -> tuple[Any, ...]:
    is_union = get_origin(annotation) in (Union, types.UnionType)
    return get_args(annotation) if is_union else (annotation,)


def _is_primitive(annotation: Any) -> bool:
    return all(each in _PRIMITIVES for each in _members(annotation))


def _is_message_union(annotation: Any) -> bool:
    members = _members(annotation)
    return len(members) > 1 and all(MESSAGE_TYPES.get(each.__name__) is each for each in members)


def _is_a(parent: type) -> Callable[[Any], bool]:
    return lambda annotation: isinstance(annotation, type) and issubclass(annotation, parent)


def _names(cls: type) -> frozenset[str]:
    return frozenset(field.name for field in attrs.fields(cls) if field.init)


def _primitive_reader(annotation: Any) -> _Read:
    allowed = _members(annotation)
    expected = " or ".join(each.__name__.removesuffix("Type") for each in allowed)

    def read(value: Any, _: Any) -> Any:
        # By exact type: a bool is an int to isinstance.
        if type(value) in allowed:
            return value
        if float in allowed:
            if type(value) is int:
                return float(value)
            if type(value) is str and value in _SPELLED:
                return _SPELLED[value]
        raise _unexpected(expected, value)

    return read


def _read_enum(value: Any, cls: Any) -> Any:
    try:
        if type(value) in (str, int):
            return cls(value)
    except ValueError:
        pass
    raise _unexpected(f"one of {', '.join(str(member.value) for member in cls)}", value)


def _tuple_reader(annotation: Any) -> _Read:
    elements = get_args(annotation)
    endless = elements[-1] is Ellipsis
    readers = [(_converter.get_structure_hook(e), e) for e in elements if e is not Ellipsis]
    expected = "an array" if endless else f"an array of {len(readers)}"

    def read(value: Any, _: Any) -> tuple[Any, ...]:
        if type(value) is not list or (len(value) != len(readers) and not endless):
            raise _unexpected(expected, value)
        pairs = itertools.repeat(readers[0], len(value)) if endless else readers
        items: list[Any] = []
        try:
            for item, (reader, element) in zip(value, pairs, strict=True):
                items.append(reader(item, element))
        except Exception as error:  # noqa: BLE001 - narrowed down, never swallowed
            # The first one is enough: cattrs would collect an error for each of a million
            # wrong items, which is a way to fill the supervisor's memory.
            raise _locate(error, f"[{len(items)}]") from None
        return tuple(items)

    return read


def _check_keys(value: Any, names: frozenset[str]) -> None:
    if type(value) is not dict:
        raise _unexpected("a map", value)
    if value.keys() != names:
        for name in sorted(names - value.keys()):
            raise WireError(f".{name}", "is missing")
        extra = min(value.keys() - names, key=repr)
        raise WireError("", f"has the unknown field {_short.repr(extra)}")


def _class_reader(cls: type, tag: str | None = None) -> _Read:
    """Compile the reader of a class; without a tag where no other class could stand."""
    names = _names(cls) | ({tag} if tag else set())
    build: _Read = make_dict_structure_fn(cls, _converter)

    def read(value: Any, _: Any) -> Any:
        _check_keys(value, names)
        return build(value, cls)

    return read


@functools.cache
def _tagged_class_reader(cls: Any, tag: str) -> _Read:
    """Compile at first use: compiling all takes longer than the rest of the import."""
    if tag not in _names(cls):
        return _class_reader(cls, tag)
    wrapped, inner = frozenset({tag, _FIELDS}), _class_reader(cls)

    def read(value: Any, _: Any) -> Any:
        _check_keys(value, wrapped)
        try:
            return inner(value[_FIELDS], cls)
        except Exception as error:  # noqa: BLE001 - narrowed down, never swallowed
            raise _locate(error, f".{_FIELDS}") from None

    return read


def _tagged_reader(key: str, find: Callable[[str], type | None]) -> _Read:
    def read(value: Any, _: Any) -> Any:
        if type(value) is not dict:
            raise _unexpected("a map", value)
        if key not in value:
            raise WireError(f".{key}", "is missing")
        tag = value[key]
        cls = find(tag) if type(tag) is str else None
        if cls is None:
            raise WireError(f".{key}", f"{_short.repr(tag)} is not known here")
        return _tagged_class_reader(cls, key)(value, cls)

    return read


def _union_reader(annotation: Any) -> _Read:
    return _tagged_reader(_TAG, {cls.__name__: cls for cls in get_args(annotation)}.get)


def _finding_reader(annotation: type[Finding]) -> _Read:
    def find(slug: str) -> type | None:
        # Asked anew each time: a plugin may have declared its findings a moment ago.
        cls = finding_types().get(slug)
        if cls is None:
            # A process that only reads messages has had no reason to load them yet.
            load_catalogues()
            cls = finding_types().get(slug)
        return cls if cls and issubclass(cls, annotation) else None

    return _tagged_reader(_CAUSE, find)


@functools.cache
def _writer(cls: Any) -> _Write:
    if issubclass(cls, Finding):
        key, tag, known = _CAUSE, cls.cause, finding_types().get(cls.cause)
    else:
        key, tag, known = _TAG, cls.__name__, MESSAGE_TYPES.get(cls.__name__)
    if known != cls:
        raise WireError("", f"{cls.__qualname__} is no message, nor a finding of its own cause")
    fields: _Write = make_dict_unstructure_fn(cls, _converter)
    if key in _names(cls):
        return lambda value: {key: tag, _FIELDS: fields(value)}
    return lambda value: {key: tag, **fields(value)}


def _write(value: Any) -> Any:
    cls: Any = type(value)  # Any, because mypy takes no class for hashable
    return _writer(cls)(value)


def _tuple_writer(annotation: Any) -> _Write:
    elements = get_args(annotation)
    if all(each is Ellipsis or _is_primitive(each) for each in elements):
        return list
    writers = [_converter.get_unstructure_hook(each) for each in elements if each is not Ellipsis]
    if elements[-1] is Ellipsis:
        return lambda items: [writers[0](item) for item in items]
    return lambda items: [write(item) for write, item in zip(writers, items, strict=True)]


def _build_converter() -> Converter:
    converter = Converter(detailed_validation=True)
    is_tuple: Callable[[Any], bool] = lambda each: get_origin(each) is tuple  # noqa: E731
    # By class, because that is how cattrs knows its own lenient readers of these.
    for primitive in _PRIMITIVES:
        converter.register_structure_hook(primitive, _primitive_reader(primitive))
    for kind in (enum.StrEnum, enum.IntEnum):
        converter.register_structure_hook(kind, _read_enum)
        converter.register_unstructure_hook(kind, lambda member: member.value)
    # By predicate: later ones are asked first.
    converter.register_structure_hook_factory(attrs.has, _class_reader)
    converter.register_structure_hook_factory(_is_a(Finding), _finding_reader)
    converter.register_structure_hook_factory(is_tuple, _tuple_reader)
    converter.register_structure_hook_factory(_is_primitive, _primitive_reader)
    converter.register_structure_hook_factory(_is_message_union, _union_reader)
    converter.register_unstructure_hook_factory(is_tuple, _tuple_writer)
    converter.register_unstructure_hook_func(_is_a(Finding), _write)
    converter.register_unstructure_hook_func(_is_message_union, _write)
    return converter


_converter: Final = _build_converter()
_read_message: Final = _union_reader(WireMessage)


def to_dict(message: WireMessage) -> dict[str, Any]:
    """
    Return the plain form of a message: maps, lists, strings, numbers, booleans and `None`.

    Args:
        message: An instance of one of the classes in `MESSAGE_TYPES`.

    Raises:
        WireError: When this is no message, or one of its fields holds what it should not.
    """
    try:
        plain: dict[str, Any] = _write(message)
    except Exception as error:
        raise _locate(error, "$") from error
    if _TAG not in plain:
        raise WireError("$", f"{type(message).__qualname__} is no message of its own")
    return plain


def encode(message: WireMessage) -> bytes:
    """
    Return a message as bytes (MessagePack). Lone surrogates in strings are kept.

    Args:
        message: An instance of one of the classes in `MESSAGE_TYPES`.

    Raises:
        WireError: As for `to_dict`, and for an integer beyond 64 bits.
    """
    plain = to_dict(message)
    try:
        return cast("bytes", msgpack.packb(plain, unicode_errors="surrogatepass"))
    except (ValueError, TypeError, OverflowError) as error:
        raise WireError("$", _because(error)) from error


def decode(data: bytes | bytearray | memoryview, *, limit: int | None = None) -> WireMessage:
    """
    Return the message that these bytes are.

    Args:
        data: All of one message and nothing else.
        limit: The most bytes to look at; `None` for no limit.

    Raises:
        WireError: Whatever else the bytes may be.
    """
    if limit is not None and (size := memoryview(data).nbytes) > limit:
        raise WireError("$", f"{size} bytes exceed the limit of {limit} bytes")
    try:
        plain = msgpack.unpackb(data, unicode_errors="surrogatepass")
    except _UNREADABLE as error:
        raise WireError("$", f"is not MessagePack: {_because(error)}") from error
    return _from_plain(plain)


def to_json(message: WireMessage) -> str:
    """
    Return a message as one line of ASCII JSON, without the line's end.

    A lone surrogate is kept as its escape; a number that JSON lacks is spelled
    `"NaN"`, `"Infinity"` or `"-Infinity"`.

    Args:
        message: An instance of one of the classes in `MESSAGE_TYPES`.

    Raises:
        WireError: As for `encode`.
    """
    plain = _spell(to_dict(message))
    try:
        return json.dumps(plain, allow_nan=False)
    except (ValueError, TypeError) as error:
        raise WireError("$", _because(error)) from error


def from_json(text: str, *, limit: int | None = None) -> WireMessage:
    """
    Return the message that this JSON text is.

    Args:
        text: All of one message; white space around it is allowed.
        limit: The most characters to look at; `None` for no limit.

    Raises:
        WireError: Whatever else the text may be.
    """
    if limit is not None and len(text) > limit:
        raise WireError("$", f"{len(text)} characters exceed the limit of {limit} characters")
    try:
        plain = json.loads(text, parse_constant=_refuse_constant)
    except _UNREADABLE as error:
        raise WireError("$", f"is not JSON: {_because(error)}") from error
    return _from_plain(plain)


def _from_plain(plain: Any) -> WireMessage:
    try:
        return cast("WireMessage", _read_message(plain, None))
    except Exception as error:
        # Anything, because the classes of findings are anybody's, validators included.
        raise _locate(error, "$") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _spell(value: Any) -> Any:
    if type(value) is float and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if type(value) is dict:
        return {key: _spell(each) for key, each in value.items()}
    if type(value) is list:
        return [_spell(each) for each in value]
    return value
