"""Where the trained weights lie, and whether a file of them is whole. No MLX needed."""

import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs

from actors.demo.config import ModelConfig

CACHE_VARIABLE: Final = "RUNNER_ACTORS_CACHE"
"""Names a folder to be used instead of the user's cache folder."""

_FORMAT: Final = 1
"""Raised when the same configuration and text give different weights, so that old files rest."""

_MAX_HEADER: Final = 1 << 20
"""Bytes. The header of these weights has a few thousand."""


def cache_folder() -> Path:
    """
    Return the folder for what can be made again.

    Raises:
        ImportError: If platformdirs is not installed and `RUNNER_ACTORS_CACHE` is not set.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    import platformdirs  # noqa: PLC0415 - an optional dependency

    return platformdirs.user_cache_path("runner-actors")


def weights_path(folder: Path, config: ModelConfig, text: str) -> Path:
    """Return the file for the weights of one configuration trained on one text."""
    recipe = json.dumps([_FORMAT, attrs.asdict(config), text], sort_keys=True)
    digest = hashlib.sha256(recipe.encode("utf-8")).hexdigest()
    return folder / f"demo-{digest[:16]}.safetensors"


def is_whole(path: Path) -> bool:
    """
    Return whether a file is a safetensors file that nothing is missing of.

    MLX before 0.31.2 loads a truncated file as garbage, without an error.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _MAX_HEADER:
                return False
            header = json.loads(file.read(length))
            size = os.fstat(file.fileno()).st_size
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name[0] != "_"]
        return bool(ends) and size == 8 + length + max(ends)
    except (OSError, ValueError, struct.error, LookupError, TypeError, AttributeError):
        return False


def write_atomically(path: Path, write: Callable[[str], object]) -> None:
    """
    Write a file so that, whatever happens, it is whole or not there.

    Args:
        path: The file. Its folder is made if necessary.
        write: Called with the name of a temporary file in the same folder, with the same
            suffix, to be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=path.parent) as folder:
        partial = Path(folder) / path.name
        write(str(partial))
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)


def remove_partial(folder: Path, older_than: float) -> None:
    """
    Remove what writers that were killed have left behind.

    Args:
        folder: Where `write_atomically` wrote.
        older_than: Wall time; what was changed later may still be in use.
    """
    for partial in folder.glob(".partial-*"):
        try:
            if partial.stat().st_mtime > older_than:
                continue
            for file in partial.iterdir():
                file.unlink()
            partial.rmdir()
        except OSError:
            # Somebody else has removed it, or it is not ours to remove.
            continue
