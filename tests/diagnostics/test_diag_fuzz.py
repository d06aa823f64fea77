"""Whatever the bytes are: nothing raises, what comes out is bounded, the time is linear."""

import json
import pathlib
import time

import hypothesis
import pytest
from hypothesis import strategies as st

from diagnostics._errno import describe
from diagnostics._faults import FaultDumpParser
from diagnostics._telling import Templates, telling_lines
from diagnostics._traceback import TracebackParser
from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.diagnosis import Ending, to_json_dict
from diagnostics.evidence import boot, cgroup, core_dump, kernel_log, macos_report
from diagnostics.render import render
from diagnostics.signatures import registered_signatures

ROOT = pathlib.Path(__file__).parents[2]
LITERALS = sorted({text for item in registered_signatures() for text in item.literals})
RECORDED = [
    line
    for entry in (ROOT / "tests" / "corpus" / "local.jsonl").read_text("utf-8").splitlines()
    for line in json.loads(entry)["stderr"]
]
SETTINGS = hypothesis.settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
JUNK = st.text(max_size=60)
NUMBERS = st.integers(-(10**25), 10**25).map(str)
LINES = st.one_of(
    JUNK,
    st.sampled_from(RECORDED),
    st.tuples(JUNK, st.sampled_from(LITERALS), NUMBERS, JUNK).map("".join),
    st.tuples(st.sampled_from(RECORDED), st.integers(0, 200)).map(lambda pair: pair[0][: pair[1]]),
    st.tuples(st.sampled_from(RECORDED), st.sampled_from(RECORDED)).map("".join),
)
OUTPUTS = st.lists(LINES, max_size=40).map("\n".join)
ENDINGS = st.one_of(
    st.none(),
    st.builds(Ending, signal=st.integers(0, 200)),
    st.builds(Ending, exit_code=st.integers(-300, 300)),
)


def size_of(diagnosis):
    """Return how long the JSON form is."""
    return len(json.dumps(to_json_dict(diagnosis)))


@SETTINGS
@hypothesis.given(
    OUTPUTS, ENDINGS, st.sampled_from(["linux", "darwin", "win32"]), st.integers(1, 300)
)
def test_no_output_raises(text, ending, platform, step):
    """Recorded lines, cut, run together, with any numbers, in pieces."""
    data = text.encode("utf-8", "surrogatepass")
    collector = RunnerDiagnosticCollector(platform=platform)
    for start in range(0, len(data), step):
        collector.feed(data[start : start + step], at=float(start))
    diagnosis = collector.diagnosis(ending)
    assert diagnosis.problem is None
    assert all(finding.rank_reason for finding in diagnosis.findings)
    assert render(diagnosis)
    assert size_of(diagnosis) < 4_000_000


@SETTINGS
@hypothesis.given(st.binary(max_size=2_000))
def test_no_bytes_raise(data):
    """Not even text."""
    collector = RunnerDiagnosticCollector()
    collector.feed(data, at=0.0)
    assert collector.diagnosis().problem is None


@SETTINGS
@hypothesis.given(st.lists(LINES, max_size=60), st.booleans(), st.booleans())
def test_no_lines_raise_in_the_parsers_of_blocks(lines, group, claimed):
    """Tracebacks and dumps, as they are read when something else opened them."""
    traceback = TracebackParser(group=group)
    dump = FaultDumpParser("Thread 0x1 (most recent call first):")
    for line in lines:
        traceback.feed(line, claimed=claimed)
        dump.feed(line, claimed=claimed)
    assert len(traceback.exceptions()) <= 21
    assert len(dump.stacks()) <= 64


@SETTINGS
@hypothesis.given(st.text(max_size=500), st.integers(0, 10**6))
def test_no_text_raises_in_the_parsers_of_the_system(text, pid):
    """What the system says is not ours either."""
    cgroup.parse_events(text)
    cgroup.own_group(text)
    kernel_log.parse_kernel_log(text, pid)
    core_dump.parse_pattern(text, pid)
    boot.parse_boot_time(text)
    report = macos_report.parse_report(text)
    if report is not None:
        macos_report.what_it_says(report, pid)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@SETTINGS
@hypothesis.given(
    st.fixed_dictionaries(
        {"pid": st.just(1)},
        optional={
            "exception": JSON,
            "termination": JSON,
            "threads": st.lists(st.fixed_dictionaries({"frames": JSON}), max_size=2),
            "faultingThread": st.integers(-2, 2),
            "usedImages": JSON,
        },
    )
)
def test_no_report_raises(report):
    """Any JSON in the places that are read."""
    assert macos_report.what_it_says(report, 1) is not None


@SETTINGS
@hypothesis.given(st.integers(), st.text(max_size=10))
def test_any_error_number_is_decoded_or_not(number, platform):
    """And the platform is always named."""
    assert len(describe(number, platform)) == 3


@SETTINGS
@hypothesis.given(st.lists(st.text(max_size=80), max_size=60))
def test_telling_lines_are_of_the_tail_and_few(lines):
    """Whatever they are."""
    templates = Templates()
    templates.learn("\n".join(lines).encode("utf-8", "backslashreplace"))
    chosen = telling_lines(lines, templates)
    assert len(chosen) <= 6
    assert set(chosen) <= set(lines)


@pytest.mark.parametrize("signature", registered_signatures(), ids=lambda item: item.name)
def test_hostile_repetition_costs_linear_time(signature):
    """Ten times the input takes about ten times as long, with room for noise."""
    unit = signature.literals[0] + " (((((''''\"\"\"[[[[0000 at /a.b:1, "

    def seconds(repeats):
        line = unit * repeats
        collector = RunnerDiagnosticCollector(signatures=[signature])
        start = time.perf_counter()
        for _ in range(3):
            collector.record_line(line[:32_000] + str(repeats), at=0.0)
        collector.diagnosis()
        return time.perf_counter() - start

    seconds(10)
    few, many = seconds(50), seconds(500)
    assert many < 30 * few + 0.25
