"""The catalogue against recorded and quoted outputs of real programs, by the bounds of the report."""

import importlib.util
import pathlib
import sys

import pytest

from diagnostics.findings import finding_types

ROOT = pathlib.Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location(
    "corpus_report", ROOT / "tests" / "corpus" / "report.py"
)
report = importlib.util.module_from_spec(_spec)
sys.modules["corpus_report"] = report
_spec.loader.exec_module(report)

CORPORA = {path.name: path for path in (report.LOCAL, report.PUBLIC)}

# What the excerpt does not show, and the reason.
OTHER_CAUSE = {
    "lab-fh-stackoverflow": "only the script tells that the segfault is a stack overflow",
}


@pytest.fixture(scope="module", params=sorted(CORPORA))
def results(request):
    """The checked entries of one corpus."""
    entries = report.read(CORPORA[request.param])
    if not entries:
        pytest.skip(f"{CORPORA[request.param]} is not here")
    return [report.check(entry) for entry in entries]


@pytest.mark.parametrize("figure", report.BOUNDS)
def test_the_bounds_are_kept(results, figure):
    """The labelled cause first, among the findings, with its fields; benign ones only notes."""
    assert report.within(results, figure), "\n".join(report.misses(results))


def test_only_known_causes_are_missed(results):
    """Each miss has its reason."""
    missed = {item["id"] for item in results if item.get("first") is False}
    assert missed <= set(OTHER_CAUSE)


def test_the_role_is_right(results):
    """Where the cause is right, so is the role."""
    assert [item["id"] for item in results if item.get("first") and not item["role"]] == []


def test_every_label_is_a_known_cause(results):
    """A label that no class has cannot be found."""
    labels = {item["cause"] for item in results} - {"benign"}
    assert labels <= set(finding_types())


def test_the_report_has_every_cause_and_the_figures(capsys):
    """The table as it is printed."""
    assert report.main([str(report.LOCAL)]) == 0
    printed = capsys.readouterr().out
    assert "ring-peer-closed" in printed
    assert "mlx-ring" in printed
    assert "entries: first" in printed


def test_a_missing_file_is_said(tmp_path, capsys):
    """The public part is not everywhere."""
    assert report.main([str(tmp_path / "none.jsonl")]) == 0
    assert "not here" in capsys.readouterr().out
