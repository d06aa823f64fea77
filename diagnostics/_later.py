"""A package's face that loads some of what it shows only when that is asked for (PEP 562)."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def later(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """
    Return the `__getattr__` of a package.

    Args:
        package: Its name.
        homes: In which module each name is that is loaded late. Submodules need no mention.
    """

    def load(name: str) -> Any:
        if name in homes:
            value = getattr(importlib.import_module(homes[name]), name)
            # From now on it is an attribute like any other.
            setattr(sys.modules[package], name, value)
            return value
        submodule = f"{package}.{name}"
        # What begins with an underscore is often asked for by name to see whether it is there.
        if not name.startswith("_"):
            try:
                return importlib.import_module(submodule)
            except ModuleNotFoundError as error:
                if error.name != submodule:
                    raise
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return load
