"""A Python exception as data, from whatever a runner raised."""

import traceback
from collections.abc import Callable, Sequence
from typing import Any, Final, Self

import attrs

_TEXT_LIMIT: Final = 64 * 1024
"""Characters kept of each text. A traceback of deep recursion has megabytes, and repeats itself."""


def _shorten(text: str) -> str:
    if len(text) <= _TEXT_LIMIT:
        return text
    half = _TEXT_LIMIT // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"


def _printable(text: str) -> str:
    """Replace lone surrogates, which no wire format can carry."""
    # Not text.encode: a subclass of str may have one that raises.
    return str.encode(text, "utf-8", "backslashreplace").decode("utf-8")


def _safely(function: Callable[[object], str], value: object) -> str:
    try:
        return function(value)
    except BaseException as error:  # noqa: BLE001 - foreign __str__ may raise anything
        return f"<{type(value).__name__} whose text raised {type(error).__name__}>"


def _attribute(error: BaseException, name: str) -> Any:
    try:
        return getattr(error, name, None)
    except BaseException:  # noqa: BLE001 - foreign properties may raise anything
        return None


@attrs.frozen(kw_only=True)
class RunnerTerminationError:
    """
    A Python exception raised in a runner, as data that outlives the process.

    It is built from strings only, so an exception that cannot be pickled, or whose
    `__str__` raises, is carried as well as any other.

    Attributes:
        type: Qualified name of the exception's class, such as `json.decoder.JSONDecodeError`.
        message: `str()` of the exception.
        repr: `repr()` of the exception.
        traceback: The full traceback as text, with causes, contexts, groups and notes.
        notes: What was added with `BaseException.add_note`.
        exit_code: The exit status asked for, for a `SystemExit`.
    """

    type: str
    message: str
    repr: str
    traceback: str
    notes: tuple[str, ...] = ()
    exit_code: int | None = None

    @classmethod
    def from_exception(cls, error: BaseException) -> Self:
        """
        Describe an exception.

        Args:
            error: Any exception, `SystemExit` and `KeyboardInterrupt` included.

        Returns:
            The description. This never raises for any exception object.
        """
        kind = type(error)
        name = (
            kind.__qualname__
            if kind.__module__ in ("builtins", "__main__", "__mp_main__")
            else f"{kind.__module__}.{kind.__qualname__}"
        )
        try:
            lines = traceback.TracebackException.from_exception(error, compact=True).format()
            text = "".join(lines)
        except BaseException as problem:  # noqa: BLE001 - foreign attributes may raise anything
            text = f"{name}: <traceback could not be formatted: {type(problem).__name__}>\n"
        notes = _attribute(error, "__notes__")
        return cls(
            type=name,
            message=_shorten(_printable(_safely(str, error))),
            repr=_shorten(_printable(_safely(repr, error))),
            traceback=_shorten(_printable(text)),
            notes=_texts(notes) if type(notes) in (list, tuple) else (),
            exit_code=_exit_code(error),
        )


def _texts(notes: Sequence[object]) -> tuple[str, ...]:
    """Return notes as texts, the first ones that are short enough together, and how many follow."""
    texts: list[str] = []
    left = _TEXT_LIMIT
    for number, note in enumerate(notes):
        text = _shorten(_printable(_safely(str, note)))
        left -= len(text) + 1
        if texts and left < 0:
            return (*texts, f"... {len(notes) - number} notes left out ...")
        texts.append(text)
    return tuple(texts)


def _exit_code(error: BaseException) -> int | None:
    """Return the status that `sys.exit` would end the process with, as `pythonrun.c` does."""
    if not isinstance(error, SystemExit):
        return None
    code = _attribute(error, "code")
    if code is None:
        return 0
    if not isinstance(code, int):
        return 1
    # exit(2): only the low eight bits reach the parent, and what is no C long counts as -1.
    number = int.__index__(code)
    return number & 0xFF if -(1 << 63) <= number < 1 << 63 else 0xFF
