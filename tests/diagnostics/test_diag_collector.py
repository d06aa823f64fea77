"""The collector as a whole: hostile input, bounds, order, chunking."""

import tracemalloc

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diagnostics._telling import Templates
from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.diagnosis import Diagnosis, Ending, to_json_dict
from diagnostics.findings import Finding, Role
from diagnostics.ranking import ordered
from diagnostics.render import render

TIMEOUT = (
    b"libc++abi: terminating due to uncaught exception of type std::runtime_error: [METAL] Command"
    b" buffer execution failed: Caused GPU Timeout Error"
    b" (00000002:kIOGPUCommandBufferCallbackErrorTimeout)"
)
RECEIVING = b"[ring] Receiving from socket %d failed with errno 54\n"

PIECES = [
    b"ordinary line\n",
    b"\r 50%|####    |",
    b"\r\n",
    b"\n",
    b"\x1b[31m",
    b"\0",
    b"\xff\xfe",
    b"\xe2\x9c\x93",
    TIMEOUT,
    RECEIVING % 3,
    b"Traceback (most recent call last):\n",
    b'  File "/srv/a.py", line 3, in f\n',
    b"    code()\n",
    b"ValueError: bad\n",
    b"Fatal Python error: Aborted\n\nCurrent thread 0x01 (most recent call first):\n",
    b'  File "/srv/a.py", line 3 in f\n',
    b"terminate called after throwing an instance of 'std::logic_error'\n",
    b"  what():  no\n",
    b"x" * 300,
]
streams = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join), st.binary(max_size=300)
)


def collected(*chunks, **options):
    """Return the diagnosis of the chunks."""
    collector = RunnerDiagnosticCollector(platform="darwin", **options)
    for chunk in chunks:
        collector.feed(chunk, at=1.0)
    return collector.diagnosis()


@settings(max_examples=300, deadline=None)
@given(stream=streams, size=st.integers(1, 200))
def test_chunking_changes_nothing(stream, size):
    """The same bytes make the same diagnosis however they arrive."""
    chunks = [stream[i : i + size] for i in range(0, len(stream), size)]
    pieces = collected(*chunks, tail_bytes=200)
    # The telling lines are chosen by a sample of each chunk.
    assert attrs.evolve(pieces, telling=()) == attrs.evolve(
        collected(stream, tail_bytes=200), telling=()
    )


@settings(deadline=None)
@given(stream=streams)
def test_any_bytes_make_a_diagnosis_that_can_be_shown(stream):
    """Nothing raises, and nothing shown has a control character."""
    diagnosis = collected(stream)
    text = render(diagnosis, name="x")
    assert not any(ord(char) < 32 and char not in "\n\t" for char in text)
    assert all(not set(line) & {"\x1b", "\0", "\r", "\n"} for line in diagnosis.tail)
    assert to_json_dict(diagnosis)["total_bytes"] == len(stream)


def test_asking_changes_nothing():
    """A diagnosis of a living process leaves no trace in the next one."""
    asked = RunnerDiagnosticCollector()
    unasked = RunnerDiagnosticCollector()
    for piece in [b"Traceback (most recent call last):\n  File ", b'"/a.py", line 1, in f\nVal']:
        asked.feed(piece, at=1.0)
        unasked.feed(piece, at=1.0)
        asked.diagnosis()
    asked.feed(b"ueError: x\n", at=2.0)
    unasked.feed(b"ueError: x\n", at=2.0)
    assert asked.diagnosis() == unasked.diagnosis()


def test_an_error_behind_a_progress_bar_is_found():
    """And the tail shows it as the last state of the line."""
    diagnosis = collected(b"a\n100%|####|\r" + TIMEOUT + b"\n")
    assert diagnosis.cause.cause == "metal-gpu-timeout"
    assert diagnosis.tail[0] == "a"
    assert diagnosis.tail[1].startswith("libc++abi")


def test_an_error_that_a_progress_bar_overwrote_is_found():
    """What was on the screen for a moment was still printed."""
    diagnosis = collected(b"10%\r" + TIMEOUT + b"\r20%\rdone\n")
    assert diagnosis.cause.cause == "metal-gpu-timeout"
    assert diagnosis.tail == ("done",)


def test_a_line_cut_off_by_death_is_looked_at():
    """There is no newline behind the last words."""
    diagnosis = collected(b"hello\n" + TIMEOUT)
    assert diagnosis.cause.cause == "metal-gpu-timeout"
    assert diagnosis.cause.line == 2
    assert diagnosis.total_lines == 2


@pytest.mark.parametrize("noise", [b"\x1b[31m", b"\0", b"\x1b[0;1m"])
def test_escapes_inside_of_a_message_do_not_hide_it(noise):
    """Colours may begin in the middle."""
    assert collected(TIMEOUT.replace(b"GPU", noise + b"GPU")).cause.cause == "metal-gpu-timeout"


def test_bad_utf8_before_a_message_does_not_hide_it():
    """The bytes are shown as numbers."""
    diagnosis = collected(b"\xff\xfe" + TIMEOUT + b"\n")
    assert diagnosis.cause.cause == "metal-gpu-timeout"
    assert diagnosis.tail[0].startswith("\\xff\\xfelibc")


def test_repeats_are_one_finding_with_a_count_and_times():
    """First and last sighting, first line."""
    collector = RunnerDiagnosticCollector(platform="darwin")
    collector.record_line("start", at=1.0)
    for number in range(10_000):
        collector.feed(RECEIVING % 5, at=2.0 + number)
    (finding,) = collector.diagnostics()
    assert (finding.count, finding.line) == (10_000, 2)
    assert (finding.first_seen, finding.last_seen) == (2.0, 10_001.0)
    assert len(finding.evidence) == 1


def test_the_number_of_findings_is_bounded_and_the_latest_are_kept():
    """What is left out is counted and said."""
    diagnosis = collected(*(RECEIVING % number for number in range(1000)))
    assert [finding.socket for finding in diagnosis.findings] == [
        999,
        998,
        997,
        996,
        995,
        994,
        993,
        0,
    ]
    assert "992 further findings" in diagnosis.problem


def test_memory_is_bounded_whatever_comes():
    """Endless lines, progress bars and NULs leave nothing behind."""
    collector = RunnerDiagnosticCollector()
    chunks = [b"y" * 65536, b"\r50%" * 16384, b"\0" * 65536, b"z\n" * 32768, RECEIVING % 1 * 500]
    for chunk in chunks:
        collector.feed(chunk, at=0.0)
    tracemalloc.start()
    try:
        for chunk in chunks * 8:
            collector.feed(chunk, at=0.0)
        current, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert current < 1_000_000


def test_a_line_of_ten_mebibytes_keeps_its_beginning_and_end():
    """The tail shows both, with the number of bytes between."""
    diagnosis = collected(b"begin ", *[b"x" * 65536] * 160, b" end\nlast\n")
    assert diagnosis.tail[0].startswith("begin xxx")
    assert diagnosis.tail[0].endswith("xxx end")
    assert diagnosis.tail[1] == "last"
    assert diagnosis.total_lines == 2


def test_lost_output_ends_the_line_and_is_said():
    """What came before and after a gap is not one line."""
    collector = RunnerDiagnosticCollector()
    collector.feed(b"half", at=1.0)
    collector.note_dropped(1234)
    collector.feed(b"other half\n", at=1.0)
    diagnosis = collector.diagnosis()
    assert diagnosis.tail == ("half", "other half")
    assert diagnosis.dropped_bytes == 1234
    assert "1234 bytes" in diagnosis.problem


def test_the_first_fatal_finding_is_offered_at_once():
    """Later ones do not replace it."""
    collector = RunnerDiagnosticCollector()
    collector.feed(b"[ring] Sending to socket 3 failed with errno 32\n", at=1.0)
    assert collector.fatal is None
    collector.feed(b"[ring] Too many send/recv errors. Aborting...\n", at=2.0)
    collector.feed(b"[ring] Too many send/recv errors. Aborting...\n", at=3.0)
    assert collector.fatal.cause == "ring-transport-abort"
    assert collector.fatal.first_seen == 2.0


def test_notes_are_in_the_diagnosis_and_not_among_the_causes():
    """`diagnostics` is what may have ended the process."""
    collector = RunnerDiagnosticCollector()
    collector.feed(b"Thread 0x01 (most recent call first):\n", at=1.0)
    assert collector.diagnostics() == ()
    assert [finding.role for finding in collector.diagnosis().findings] == [Role.NOTE]
    assert collector.diagnosis().cause is None


def test_no_output_makes_an_empty_diagnosis():
    """Silence is no problem of ours."""
    assert collected() == Diagnosis()


@attrs.frozen(kw_only=True)
class Aborts(Finding):
    cause = "test-aborts"
    endings = ("SIGABRT",)


@attrs.frozen(kw_only=True)
class Exits(Finding):
    cause = "test-exits"
    endings = ("exit",)


@attrs.frozen(kw_only=True)
class Heavy(Finding):
    cause = "test-heavy"
    weight = 5


@pytest.mark.parametrize(
    ("ending", "first"),
    [
        (None, Heavy),
        (Ending(signal=6), Aborts),
        (Ending(exit_code=1), Exits),
        (Ending(exit_code=0), Heavy),
    ],
)
def test_what_fits_the_ending_goes_first(ending, first):
    """An abort asks for an abort's text, an exit for an exception."""
    assert type(ordered([Aborts(), Exits(), Heavy()], ending)[0]) is first


def test_the_role_goes_before_everything_else():
    """A root that fits badly is still before an after-effect that fits."""
    roles = [Role.NOTE, Role.AFTER_EFFECT, Role.EITHER, Role.ROOT]
    findings = [Exits(role=role) for role in roles]
    assert [f.role for f in ordered(findings, Ending(signal=9))] == roles[::-1]


def test_among_equals_the_last_seen_goes_first():
    """The last words are the likeliest."""
    assert ordered([Aborts(line=1), Aborts(line=2)])[0].line == 2


@pytest.mark.parametrize(
    ("ending", "name"),
    [
        (Ending(), None),
        (Ending(signal=6), "SIGABRT"),
        (Ending(signal=200), "signal 200"),
        (Ending(exit_code=3), "exit"),
        (Ending(exit_code=0), None),
    ],
)
def test_an_ending_has_a_name(ending, name):
    """As the finding classes spell it."""
    assert ending.name == name


def test_the_json_form_is_plain_data():
    """Slug, type, role, words, evidence and fields, nested data included."""
    diagnosis = collected(
        b'Traceback (most recent call last):\n  File "/a.py", line 1, in f\nKeyError: 1\n'
    )
    (finding,) = to_json_dict(diagnosis)["findings"]
    assert finding["cause"] == "python-exception"
    assert finding["type"] == "PythonException"
    assert finding["role"] == "root"
    assert finding["fields"]["frames"] == [{"file": "/a.py", "line": 1, "function": "f"}]
    assert finding["fields"]["line"] == 1
    assert finding["evidence"][-1] == "KeyError: 1"


def test_the_text_names_cause_remedy_evidence_and_tail():
    """All that a person wants to know."""
    text = render(collected(b"hello\n" + RECEIVING % 3 + b"\x1b[31m%s {0}\n"), name="rank 1")
    assert "rank 1: ring-socket-receive-errno (root cause or after-effect)" in text
    assert "ECONNRESET" in text
    assert "What to do: " in text
    assert "Seen at line 2" in text
    assert "> %s {0}" in text


def test_an_unknown_cause_is_said_plainly():
    """With what was lost."""
    collector = RunnerDiagnosticCollector()
    collector.feed(b"last words\n", at=1.0)
    collector.note_dropped(5)
    text = render(collector.diagnosis())
    assert "cause unknown" in text
    assert "> last words" in text
    assert "5 bytes of output were lost" in text


def test_a_kind_of_line_that_began_late_is_known():
    """The sample gets sparser and never ends; how the output is cut makes no difference."""
    output = b"".join(b"step %d done\n" % number for number in range(50_000))
    output += b"".join(b"epoch %d of the second part\n" % number for number in range(50_000))
    whole, cut = Templates(), Templates()
    whole.learn(output)
    lines = output.splitlines(keepends=True)
    for start in range(0, len(lines), 7):
        cut.learn(b"".join(lines[start : start + 7]))
    for templates in (whole, cut):
        assert not templates.is_new("step 7 done", within=100)
        assert not templates.is_new("epoch 9 of the second part", within=10)
        assert templates.is_new("something else")
    assert vars(whole) == vars(cut)
