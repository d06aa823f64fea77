"""The catalogue against recorded outputs of real programs."""

import json
import os
import pathlib

import pytest

import diagnostics
from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.findings import Role, finding_types

ROOT = pathlib.Path(__file__).parents[2]
LOCAL = ROOT / "tests" / "corpus" / "local.jsonl"
PUBLIC = pathlib.Path(
    os.environ.get(
        "RUNNER_ACTORS_PUBLIC_CORPUS", ROOT.parent / "shared" / "corpus" / "public.jsonl"
    )
)
KNOWN = {
    kind.cause
    for kind in finding_types().values()
    if kind.__module__.startswith(diagnostics.__name__)
}

# What the excerpt does not show, and the reason.
OTHER_CAUSE = {
    "lab-fh-stackoverflow": "only the script tells that the segfault is a stack overflow",
    "fh-stack-sglang10350": "the middle of a dump, without the line that says what happened",
    "src-mlxc-default": "the wording of metal-buffer-too-large, which is not in the catalogue yet",
    "src-f64-gpu": "an exception's line alone; many programs log such lines and go on",
}
# Fields that the output does not show or that no class has yet.
UNREAD = {
    "src-ring-lost": {"exception"},  # printed as std::runtime_error
    "ggml-metal-oom-22673": {"command_buffer", "status"},
    "ollama-mlx-timeout-17902": {"exit_code"},
    "mlx-metal-victim-openaiserver169": {"pid"},
    "mpi-abort-mscclpp665": {"rank"},
    "ill-gdb-37577": {"library"},
    "ill-zsh-2714": {"pid"},
    "slurm-oom-52": {"pid"},
}


def entries(path):
    """Return the entries of a corpus that the catalogue has something to say about."""
    if not path.exists():
        return []
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        pytest.param(entry, id=entry["id"])
        for entry in found
        if entry["cause"] == "benign" or entry["cause"] in KNOWN
    ]


def check(entry):
    """Compare the diagnosis of an entry with what a person says about it."""
    on_macos = entry["system"].startswith(("mlx", "metal")) or "libc++abi" in str(entry["stderr"])
    local = entry["id"].startswith("lab-")
    collector = RunnerDiagnosticCollector(platform="darwin" if on_macos and not local else "linux")
    collector.feed("\n".join(entry["stderr"]).encode() + b"\n", at=1.0)
    findings = collector.diagnosis().findings
    if entry["cause"] == "benign":
        assert [finding for finding in findings if finding.role is not Role.NOTE] == []
        return
    assert findings[0].cause == entry["cause"]
    assert findings[0].role.value == entry["role"]
    shown = "Rank" in str(entry["stderr"])
    for name, expected in entry["expected_fields"].items():
        if name in UNREAD.get(entry["id"], ()) or (name == "rank" and not shown):
            continue
        values = [finding.fields.get(name) for finding in findings]
        assert expected in values or str(values[0]).endswith(f".{expected}"), name


def excused(entry):
    """Skip what the output alone cannot tell."""
    if entry["id"] in OTHER_CAUSE:
        pytest.skip(OTHER_CAUSE[entry["id"]])


@pytest.mark.parametrize("entry", entries(LOCAL))
def test_recorded_outputs_are_recognised(entry):
    """The labelled cause is the first finding, with its role and its fields."""
    excused(entry)
    check(entry)


@pytest.mark.skipif(not PUBLIC.exists(), reason="the public corpus is not here")
@pytest.mark.parametrize("entry", entries(PUBLIC))
def test_quoted_outputs_are_recognised(entry):
    """The same for outputs that are only quoted elsewhere."""
    excused(entry)
    check(entry)
