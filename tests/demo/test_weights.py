"""The file of weights: found again, whole or not there."""

import json
import os
import struct
from pathlib import Path

import attrs
import pytest

from actors.demo.config import DEMO_MODEL
from actors.demo.weights import (
    CACHE_VARIABLE,
    cache_folder,
    is_whole,
    remove_partial,
    weights_path,
    write_atomically,
)


def safetensors(data=b"\0" * 8, end=8):
    """Return the bytes of a file with one tensor."""
    header = json.dumps(
        {
            "__metadata__": {"format": "mlx"},
            "weight": {"dtype": "F32", "shape": [2], "data_offsets": [0, end]},
        }
    ).encode()
    return struct.pack("<Q", len(header)) + header + data


def test_the_cache_folder_can_be_chosen(monkeypatch, tmp_path):
    """By the variable, or else it is the user's."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv(CACHE_VARIABLE)
    pytest.importorskip("platformdirs")
    assert cache_folder().name == "runner-actors"


def test_another_configuration_or_text_has_another_file(tmp_path):
    """Old weights are never taken for new ones."""
    paths = {
        weights_path(tmp_path, DEMO_MODEL, "text"),
        weights_path(tmp_path, DEMO_MODEL, "other"),
        weights_path(tmp_path, attrs.evolve(DEMO_MODEL, layers=5), "text"),
    }
    assert len(paths) == 3
    assert weights_path(tmp_path, DEMO_MODEL, "text") in paths


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\1\0",
        safetensors()[:-1],
        safetensors()[:40],
        safetensors() + b"\0",
        safetensors(end=12),
        struct.pack("<Q", 1 << 62) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 9) + b'{"a": {}}',
        struct.pack("<Q", 2) + b"\xff\xff",
    ],
)
def test_a_file_that_is_not_whole_is_not_used(tmp_path, content):
    """Cut, too long, or nothing of the kind."""
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    assert not is_whole(path)


def test_a_whole_file_is_used(tmp_path):
    """And one that is not there is not."""
    path = tmp_path / "weights.safetensors"
    assert not is_whole(path)
    path.write_bytes(safetensors())
    assert is_whole(path)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    """A writer that fails in the middle leaves the old file, and nothing else."""
    path = tmp_path / "new" / "weights.safetensors"

    def write(content):
        def to(name):
            Path(name).write_bytes(content)
            if not content:
                raise OSError("no space left")

        return to

    write_atomically(path, write(b"old"))
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, write(b""))
    assert path.read_bytes() == b"old"
    write_atomically(path, write(b"new"))
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_what_a_killed_writer_left_is_removed_when_it_is_old(tmp_path):
    """A recent one may belong to a writer that still writes."""
    for name, age in (("old", 100.0), ("recent", 300.0)):
        partial = tmp_path / f".partial-{name}"
        partial.mkdir()
        (partial / "weights.safetensors").write_bytes(b"half")
        os.utime(partial, (age, age))
    remove_partial(tmp_path, older_than=200.0)
    assert [path.name for path in tmp_path.iterdir()] == [".partial-recent"]
