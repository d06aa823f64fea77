"""The same words in every log that they may stand in, and in logs of healthy processes."""

import importlib.util
import pathlib
import sys
import typing

import pytest
from log_contexts import CONTEXTS, HARMLESS, one_record

from diagnostics.catalog import KnownDiagnostic
from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.signatures import registered_signatures

CORPUS = pathlib.Path(__file__).parents[1] / "corpus"
_spec = importlib.util.spec_from_file_location("corpus_report", CORPUS / "report.py")
report = importlib.util.module_from_spec(_spec)
sys.modules["corpus_report"] = report
_spec.loader.exec_module(report)

WORDINGS = [(item["cause"], item["text"]) for item in report.read(CORPUS / "wordings.jsonl")]
ENTRIES = [
    entry
    for path in (report.LOCAL, report.PUBLIC)
    for entry in report.read(path)
    if entry["cause"] != "benign"
]
BENIGN = [
    entry
    for path in (report.LOCAL, report.PUBLIC)
    for entry in report.read(path)
    if entry["cause"] == "benign"
]


def some_of(items, context, contexts=CONTEXTS):
    """Return a third of the items: over all contexts, each item stands in many of them."""
    return items[list(contexts).index(context) % 3 :: 3]


def causes(lines, platform="linux", end="\n"):
    """Return the causes found in lines, the first first."""
    collector = RunnerDiagnosticCollector(platform=platform)
    collector.feed(("\n".join(lines) + end).encode(), at=1.0)
    return [finding.cause for finding in collector.diagnostics()]


def lines_of(entry):
    """Return the lines of an entry of the corpus."""
    return [str(line) for line in entry["stderr"]]


def platform_for(cause):
    """Return where a cause is at home: Metal's allocator has words that others have too."""
    return "darwin" if cause.startswith("metal") else "linux"


@pytest.mark.parametrize(("cause", "text"), WORDINGS)
def test_the_wording_is_recognised(cause, text):
    """As the first finding."""
    assert causes(text.split("\n"), platform_for(cause))[:1] == [cause]


def test_every_signature_has_a_wording():
    """In the list or in the recorded corpus."""
    lines = [line for _, text in WORDINGS for line in text.split("\n")]
    lines += [line for entry in report.read(report.LOCAL) for line in lines_of(entry)]
    unseen = {
        signature.name
        for signature in registered_signatures()
        if not any(signature.regex.search(line) for line in lines)
    }
    assert unseen == set()


def test_every_cause_has_a_wording():
    """A cause that nothing is recognised as would be none."""
    recorded = {entry["cause"] for entry in report.read(report.LOCAL)}
    causes_ = {kind.cause for kind in typing.get_args(KnownDiagnostic)}
    assert causes_ - recorded - {cause for cause, _ in WORDINGS} <= {"thread-stacks"}


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_context_changes_nothing(context):
    """Nearly: a few words are so short that they need the beginning of the line."""
    missed = [
        (entry["id"], found[:1])
        for entry in some_of(ENTRIES, context)
        if (found := causes(CONTEXTS[context](lines_of(entry)), report.platform_of(entry)))[:1]
        != [entry["cause"]]
    ]
    assert len(missed) <= max(1, 0.02 * len(ENTRIES) / 3), missed


@pytest.mark.parametrize("context", sorted(set(CONTEXTS) - {"plain"}))
def test_the_context_changes_nothing_for_other_wordings(context):
    """Those of no corpus."""
    missed = [
        (cause, text, found[:2])
        for cause, text in some_of(WORDINGS, context)
        if (found := causes(CONTEXTS[context](text.split("\n")), platform_for(cause)))[:1]
        != [cause]
    ]
    assert len(missed) <= 0.03 * len(WORDINGS) / 3, missed


@pytest.mark.parametrize("context", CONTEXTS)
def test_benign_outputs_stay_benign(context):
    """Whoever prints them."""
    loud = [
        (entry["id"], found)
        for entry in some_of(BENIGN, context)
        if (found := causes(CONTEXTS[context](lines_of(entry)), report.platform_of(entry)))
    ]
    assert loud == []


@pytest.mark.parametrize("harmless", HARMLESS)
def test_words_that_are_only_spoken_of_are_no_cause(harmless):
    """Or that were handled; what looks like a record of its own may be taken for one."""
    loud = [
        (cause, found)
        for cause, text in some_of(WORDINGS, harmless, HARMLESS)
        if "\n" not in text
        and (found := causes(HARMLESS[harmless](text), platform_for(cause)))
        and found != ["python-exception"]
    ]
    assert len(loud) <= 0.07 * len(WORDINGS) / 3, loud


def test_a_record_in_json_is_read_like_the_lines_in_it():
    """All in one string with escaped line ends."""
    missed = [
        (cause, text)
        for cause, text in WORDINGS
        if causes(one_record(text.split("\n")), platform_for(cause))[:1] != [cause]
    ]
    assert len(missed) <= 0.02 * len(WORDINGS), missed


def test_a_level_in_json_counts():
    """A warning with a retry is no end."""
    line = '{"level":"warning","msg":"retrying after CUDA out of memory. Tried to allocate 2 GiB"}'
    assert causes([line]) == []


@pytest.mark.parametrize("share", [0.95, 0.85])
def test_a_line_cut_off_by_the_death_is_recognised(share):
    """By what is there of it, where that is enough."""
    entries = [entry for entry in ENTRIES if len(lines_of(entry)[-1]) > 40]
    missed = []
    for entry in entries:
        *lines, last = lines_of(entry)
        cut = [*lines, last[: int(share * len(last))]]
        if causes(cut, report.platform_of(entry), end="")[:1] != [entry["cause"]]:
            missed.append((entry["id"], cut[-1][-60:]))
    assert len(missed) <= 0.08 * len(entries), missed


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("RuntimeError: [jaccl] Couldn't create queue p", "jaccl-queue-pair-create-failed"),
        (
            "ValueError: [jaccl] Changing queue pair to RTR fai",
            "jaccl-queue-pair-transition-failed",
        ),
        ("[ring] Sending to socket 7 made no pro", "ring-socket-send-errno"),
        ("double free or corr", "heap-corruption"),
    ],
)
def test_the_beginning_of_a_wording_is_enough(line, cause):
    """Where the process could not finish its line."""
    assert causes([line], end="")[:1] == [cause]


@pytest.mark.parametrize(
    "line", ["INFO all is well, Failed to lo", "[ring] Coul", "step 3: double", "loading [jaccl] "]
)
def test_too_short_a_beginning_is_nothing(line):
    """It could become anything."""
    assert causes([line], end="") == []


def test_words_wrapped_between_words_are_put_together():
    """As programs that print to a narrow terminal do."""
    text = (
        "RuntimeError: [METAL] Command buffer execution failed: Caused GPU\n"
        "Hang Error (00000003:kIOGPUCommandBufferCallbackErrorHang)\n"
    )
    assert causes(text.split("\n"), "darwin")[:1] == ["metal-gpu-hang"]
    wide = [
        "-" * 30 + " starting " + "-" * 30,
        "RuntimeError: [pair.cc:81] the operation was not done: Timed out waiting",
        "1800000ms for recv operation to complete",
    ]
    assert causes(wide)[:1] == ["gloo-timeout"]


def test_the_end_of_another_process_does_not_heal_this_one():
    """Health is told by the lines of the same process."""
    lines = [
        "(EngineCore pid=7) ERROR 11-23 10:00:00 [core.py:12] CUDA error: out of memory",
        *(f"(APIServer pid=3) INFO 11-23 10:00:0{i} [api.py:1] GET /health 200" for i in range(6)),
    ]
    assert causes(lines) == ["cuda-out-of-memory"]
