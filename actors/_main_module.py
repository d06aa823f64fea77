"""Which definitions of the main module a runner's process finds there, by name."""

import ast
import sys
import tokenize
import typing
from collections.abc import Mapping, Sequence
from types import FunctionType, ModuleType
from typing import Any, Final

import attrs
import cloudpickle

_AGAIN: Final = "__mp_main__"
"""The main module's `__name__` where multiprocessing's spawn imports it again."""

OF_TYPING: Final = frozenset(
    getattr(typing, name)
    for name in ("NewType", "ParamSpec", "TypeVar", "TypeVarTuple", "TypeAliasType")
    if hasattr(typing, name)  # the last one from Python 3.12 on
)
"""What else a definition may be that is pickled by its name: its type."""

_modules: Final = sys.modules


@attrs.frozen
class _Main:
    """
    The main module, as it was when it was last looked at.

    Attributes:
        module: The module.
        names: What it defines, as it is now.
        size: How many names that were.
        imported: Whether a new process imports it again.
        shared: The names that it has there; `None` if the source cannot tell.
        hidden: The modules, by name, of definitions that a new process does not find.
    """

    module: ModuleType | None
    names: Mapping[str, Any]
    size: int
    imported: bool
    shared: frozenset[str] | None
    hidden: tuple[bytes, ...]


_main = _Main(None, {}, 0, imported=False, shared=frozenset(), hidden=())


def hidden() -> tuple[bytes, ...]:
    """
    Return the modules, by name, that have definitions which a new process does not find.

    These are the main module, if there are any in it, and those that the user has registered
    with cloudpickle before the last runner was started.

    Called for every message, and therefore content with the number of names: it changes with
    every definition at a prompt, in a notebook's cell, or behind `if __name__ == "__main__":`.
    """
    main = _main
    if _modules["__main__"] is main.module and len(main.names) == main.size:
        return main.hidden
    return _look().hidden


def look_again() -> None:
    """Take note of what was registered with cloudpickle."""
    global _main  # noqa: PLW0603 - as below
    _main = attrs.evolve(_main, size=-1)


def imported_again() -> bool:
    """Return whether a new process can import the main module, if it is told to."""
    return _look().imported


def finds(definition: Any) -> bool:
    """Return whether a new process finds a definition of our main module by its name."""
    if getattr(definition, "__module__", None) != "__main__":
        return False
    main = _look()
    first, *others = qualified_name(definition).split(".")
    if main.shared is not None and first not in main.shared:
        return False
    found = getattr(main.module, first, None)
    for name in others:
        found = getattr(found, name, None)
    return found is definition


def qualified_name(definition: Any) -> str:
    """Return the name by which a definition is looked for in its module."""
    # What `typing` makes has a name, and mostly no other.
    name: str = getattr(definition, "__qualname__", None) or definition.__name__
    return name


def _look() -> _Main:
    global _main  # noqa: PLW0603 - what was seen last
    last = _main
    module = _modules["__main__"]
    names = vars(module)
    size = len(names)
    if module is not last.module:
        # A tool that runs programs may have put it there after multiprocessing was imported.
        _modules[_AGAIN] = module
        imported, shared = _shared_names(module)
    elif size != last.size:
        imported, shared = last.imported, last.shared
    else:
        return last
    hidden = [name.encode() for name in cloudpickle.list_registry_pickle_by_value()]
    if shared is not None and any(
        name not in shared and _is_defined_there(value) for name, value in list(names.items())
    ):
        hidden.append(b"__main__")
    _main = now = _Main(module, names, size, imported, shared, tuple(hidden))
    return now


def _is_defined_there(value: Any) -> bool:
    # Not isinstance, which asks the value.
    kind = type(value)
    is_definition = issubclass(kind, type | FunctionType) or kind in OF_TYPING
    return is_definition and value.__module__ == "__main__"


def _shared_names(module: ModuleType) -> tuple[bool, frozenset[str] | None]:
    """Return whether multiprocessing imports this main module again, and what it then has."""
    name = getattr(getattr(module, "__spec__", None), "name", None)
    path = getattr(module, "__file__", None)
    if name is None and path is None:  # a prompt, a notebook, -c, standard input
        return False, frozenset()
    if name is not None and f".{name}".endswith(".__main__"):  # a package, a folder, a zip file
        return False, frozenset()
    try:
        tree = ast.parse(_source(module, name, path))
    except (OSError, ImportError, SyntaxError, ValueError):
        # Compiled, or known to its loader only; a file that is neither is no program.
        is_program = name is not None or str(path).endswith(".pyc")
        return is_program, None if is_program else frozenset()
    bindings = _Bindings()
    bindings.visit(tree)
    return True, frozenset(bindings.always - bindings.here)


def _source(module: ModuleType, name: str | None, path: str | None) -> str:
    if name is None:
        with tokenize.open(str(path)) as file:
            return file.read()
    loader: Any = getattr(module, "__loader__", None)
    source: str | None = loader.get_source(name) if hasattr(loader, "get_source") else None
    if source is None:
        raise ImportError(f"there is no source of {name}")
    return source


class _Bindings(ast.NodeVisitor):
    """
    The names that a program binds at its top level.

    Attributes:
        always: Those that are bound wherever the program is imported.
        here: Those that are bound only where it is the main program.
    """

    def __init__(self) -> None:
        self.always: set[str] = set()
        self.here: set[str] = set()
        self._now = self.always

    def visit_definition(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._now.add(node.name)

    visit_ClassDef = visit_FunctionDef = visit_AsyncFunctionDef = visit_definition  # noqa: N815

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Leave out what is bound inside."""

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._now.add(node.id)

    def visit_If(self, node: ast.If) -> None:
        holds = _holds_again(node.test)
        self._branch(node.body, elsewhere=holds is not False)
        self._branch(node.orelse, elsewhere=holds is not True)

    def _branch(self, body: Sequence[ast.stmt], *, elsewhere: bool) -> None:
        before = self._now
        if not elsewhere:
            self._now = self.here
        for statement in body:
            self.visit(statement)
        self._now = before


def _holds_again(test: ast.expr) -> bool | None:
    """Return what a condition on `__name__` comes to where the program is imported again."""
    match test:
        case ast.Compare(ast.Name("__name__"), [operator], [ast.Constant(value)]) | ast.Compare(
            ast.Constant(value), [operator], [ast.Name("__name__")]
        ):
            if isinstance(operator, ast.Eq | ast.NotEq):
                return (value == _AGAIN) is isinstance(operator, ast.Eq)
        case ast.UnaryOp(ast.Not(), operand):
            holds = _holds_again(operand)
            return None if holds is None else not holds
        case ast.BoolOp(operator, values):
            deciding = isinstance(operator, ast.Or)
            parts = [_holds_again(value) for value in values]
            if deciding in parts:
                return deciding
            return None if None in parts else not deciding
    return None
