"""The recorder of further outputs: its parts, and one real recording with the MLX that is installed."""

import importlib.util
import pathlib
import sys
import typing

import pytest

from diagnostics.catalog import KnownDiagnostic

CORPUS = pathlib.Path(__file__).parents[1] / "corpus"
_spec = importlib.util.spec_from_file_location("corpus_record", CORPUS / "record.py")
record = importlib.util.module_from_spec(_spec)
_before = sys.path.copy()
_spec.loader.exec_module(record)
sys.path[:] = _before


def case(name):
    """Return a case by its name."""
    return next(item for item in record.CASES if item.name == name)


def test_each_case_is_labelled_with_a_known_cause():
    """And has a name of its own."""
    known = {kind.cause for kind in typing.get_args(KnownDiagnostic)}
    assert {cause for item in record.CASES for cause in item.causes} <= {*known, None}
    assert len({item.name for item in record.CASES}) == len(record.CASES)


@pytest.mark.parametrize(
    ("version", "cause"),
    [
        ("0.29.1", "ring-socket-send-errno"),
        ("0.32.0", "ring-socket-send-errno"),
        ("0.32.1", "ring-peer-closed"),
        ("0.40.0.dev20270101", "ring-peer-closed"),
    ],
)
def test_what_a_survivor_says_depends_on_the_version(version, cause):
    """Since 0.32.1 MLX notices that a peer has closed its connection."""
    assert record.label_of(case("exc"), 0, version) == cause
    assert record.label_of(case("exc"), 1, version) == "file-not-found-weights"


def test_the_paths_of_this_machine_are_masked(tmp_path):
    """And long outputs lose their middle."""
    python = tmp_path / "venv" / "bin" / "python"
    text = f'File "{tmp_path}/place/run.py"\nFile "{tmp_path}/venv/lib/x.py"\n' + "x\n" * 200
    lines = record.masked(text.encode(), tmp_path / "place", python)
    assert lines[:2] == ['File "/srv/app/run.py"', 'File "/opt/venv/lib/x.py"']
    assert len(lines) == record.MOST_LINES + 1


def test_outputs_that_say_the_same_are_one():
    """Whatever their numbers and paths are."""
    entry = {"cause": "c", "stderr": ["at /a/b: 12", "  source", "next"]}
    other = {"cause": "c", "stderr": ["at /c: 7", "  other source", "next"]}
    assert record.template(entry) == record.template(other)
    assert record.template(entry) != record.template(other | {"cause": "d"})


@pytest.mark.mlx
@pytest.mark.skipif(importlib.util.find_spec("mlx") is None, reason="needs mlx")
@pytest.mark.parametrize("name", ["load-missing", "strict-gloo", "addr-noport"])
def test_a_real_recording_is_recognised(name):
    """Run, masked and labelled."""
    (entry,) = record.entries_of(case(name), "0.32.4", pathlib.Path(sys.executable))
    assert record.report.check(entry)["first"]
    assert "/srv/app/run.py" in str(entry["stderr"])
    assert set(entry) == set(record.report.read(record.report.LOCAL)[0])
