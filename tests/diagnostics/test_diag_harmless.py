"""What libraries print in healthy runs, in words that are near to those of a failure."""

import json
import pathlib

import pytest

from diagnostics.collector import RunnerDiagnosticCollector

HARMLESS = [
    json.loads(line)["text"]
    for line in (pathlib.Path(__file__).parents[1] / "corpus" / "harmless.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize("text", HARMLESS)
def test_it_is_no_cause(text, platform):
    """Nothing but notes, wherever it runs."""
    collector = RunnerDiagnosticCollector(platform=platform)
    collector.feed(text.encode() + b"\n", at=1.0)
    assert collector.diagnostics() == ()
