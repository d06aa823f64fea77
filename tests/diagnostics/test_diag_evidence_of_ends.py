"""Evidence of the system in a diagnosis: whom it asks, what it makes of the answers, how long it waits."""

import os
import signal
import subprocess
import sys
import threading
import time

import attrs
import pykka
import pytest

from diagnostics import actor as actor_module
from diagnostics._weighing import weighed
from diagnostics.actor import MAX_ASKING, DiagnosticActor
from diagnostics.actor_messages import DiagnosisRequested, OutputReceived
from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.diagnosis import Diagnosis, Ending, to_json_dict
from diagnostics.evidence import Sources, System, ask_each
from diagnostics.evidence.said import Said
from diagnostics.findings import Role
from diagnostics.render import render

KILLED = Ending(signal=9)
MEMORY = Said("cgroup", "the limit ended 1 processes", "out-of-memory-host", certain=True)


def diagnosis_of(text, ending=None):
    """Return what an output amounts to."""
    collector = RunnerDiagnosticCollector(platform="linux")
    collector.feed(text.encode(), at=1.0)
    return collector.diagnosis(ending)


@pytest.fixture
def group(tmp_path):
    """A control group of files: returns what sets its counter."""
    (tmp_path / "job").mkdir()
    (tmp_path / "own").write_text("0::/job\n")

    def set_kills(number):
        (tmp_path / "job" / "memory.events").write_text(f"max 3\noom_kill {number}\n")

    set_kills(4)
    return set_kills


@pytest.fixture
def system(tmp_path, group):
    """A host of files."""
    (tmp_path / "kmsg").write_text("")
    return System(
        groups=tmp_path,
        own_group=tmp_path / "own",
        kernel=tmp_path / "kmsg",
        pattern=tmp_path / "core_pattern",
        reports=tmp_path / "reports",
        folders=(),
    )


class Answers:
    """A place where a diagnosis arrives."""

    def __init__(self):
        self.arrived = threading.Event()
        self.message = None

    def tell(self, message):
        self.message = message
        self.arrived.set()

    def diagnosis(self):
        assert self.arrived.wait(30)
        return self.message.diagnosis


@pytest.fixture
def ask(system):
    """A diagnostic actor of that host: returns what asks it about an end."""
    started = []

    def ask_(ending, text=b"", **options):
        if not started:
            started.append(DiagnosticActor.start(system=system, evidence_limit=20.0))
            # What the actor notes at its start must be noted before the test goes on.
            started[0].proxy().source_count().get(timeout=30)
        answers = Answers()
        if text:
            started[0].tell(OutputReceived("r1", text, 1.0))
        if ending is not None:
            started[0].tell(DiagnosisRequested("r1", ending, None, answers, **options))
        return answers

    yield ask_
    for ref in started:
        ref.stop()


def test_a_kill_by_the_group_explains_a_sigkill(ask, group):
    """The process could not say anything itself."""
    ask(None)
    group(5)
    diagnosis = ask(KILLED, b"INFO step 7\n").diagnosis()
    assert diagnosis.cause.cause == "out-of-memory-host"
    assert diagnosis.cause.role is Role.ROOT
    assert diagnosis.cause.source == "cgroup"
    assert "borne out by cgroup" in diagnosis.cause.rank_reason
    assert diagnosis.telling == ()
    assert "outside of the output, also by cgroup" in render(diagnosis)
    assert to_json_dict(diagnosis)["findings"][0]["source"] == "cgroup"


def test_kills_of_before_are_of_others(ask, group):
    """The group counts since it was made."""
    assert ask(KILLED).diagnosis().cause is None


def test_one_shortage_of_memory_ends_several(ask, group):
    """Each of them has it as its cause."""
    ask(None)
    group(6)
    causes = [ask(KILLED).diagnosis().cause.cause for _ in range(2)]
    assert causes == ["out-of-memory-host"] * 2


def test_a_real_process_that_was_killed(ask, system):
    """By its pid in the kernel's log."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        child.send_signal(signal.SIGKILL)
        code = child.wait(30)
    ask(None)
    line = f"3,2,9,-;Out of memory: Killed process {child.pid} (python3) total-vm:1kB\n"
    system.kernel.write_text(line)
    diagnosis = ask(Ending(signal=-code), pid=child.pid).diagnosis()
    assert str(child.pid) in diagnosis.cause.evidence[0]


def test_the_kernel_log_is_asked_by_pid(ask, system):
    """And of nobody else."""
    ask(None)
    system.kernel.write_text("3,2,9,-;Out of memory: Killed process 4242 (python3) total-vm:1kB\n")
    assert ask(KILLED, pid=4242).diagnosis().cause.source == "kernel log"
    assert ask(KILLED, pid=4243).diagnosis().cause is None


def test_a_crash_is_placed_in_its_library(ask, system):
    """The output says that it crashed, the kernel where."""
    ask(None)
    system.kernel.write_text(
        "6,1,2,-;python3[99]: segfault at 0 ip 07f sp 07f in libmlx.so[7f+1]\n"
    )
    system.pattern.write_text("/var/core/%p\n")
    diagnosis = ask(
        Ending(signal=11), b"Fatal Python error: Segmentation fault\n", pid=99
    ).diagnosis()
    assert diagnosis.cause.cause == "segfault"
    assert "libmlx.so" in diagnosis.cause.evidence[-1]
    assert diagnosis.system == ("core dump: core dumps go to /var/core/99",)
    assert "The system says: core dump" in render(diagnosis)


def test_who_was_ended_on_purpose_is_not_asked_about(ask, group):
    """Whatever the counters say."""
    ask(None)
    group(9)
    assert ask(KILLED, expected=True).diagnosis().cause is None


def test_a_full_disk_bears_out_what_the_output_says():
    """And is a note where it says nothing."""
    full = Said("disk", "/data has 0 MiB of 9 MiB free", "no-space-left")
    said_so = diagnosis_of("OSError: [Errno 28] No space left on device: '/data/x'\n")
    cause = weighed(said_so, [full], ending=None, at=2.0).cause
    assert (cause.cause, cause.source) == ("no-space-left", "disk")
    assert cause.evidence[-1].startswith("disk: /data")
    silent = weighed(diagnosis_of("hm\n"), [full], ending=None, at=2.0)
    assert silent.cause is None
    assert silent.telling
    (note,) = silent.findings
    assert note.rank_reason == "the state of the host, by disk"


@pytest.mark.parametrize(
    ("ending", "causes", "quick", "slow"),
    [
        ("SIGKILL", (), {"_group", "_kernel_log", "host_rebooted"}, set()),
        ("SIGKILL", ("segfault",), {"_group", "_kernel_log", "host_rebooted"}, set()),
        ("SIGSEGV", ("segfault",), {"_kernel_log", "core_pattern"}, {"crash_report"}),
        ("SIGABRT", (), {"_kernel_log", "core_pattern"}, {"crash_report", "full_disks"}),
        ("exit", ("no-space-left",), set(), {"full_disks"}),
        ("exit", ("too-many-open-files",), {"open_file_limit"}, set()),
        ("exit", ("python-exception",), set(), set()),
        ("exit", (), {"_group"}, {"full_disks"}),
        (None, ("ring-peer-closed",), set(), set()),
    ],
)
def test_only_who_can_know_is_asked(system, ending, causes, quick, slow):
    """By the end and by what the output says; a SIGKILL, which says nothing, waits for no disk."""
    asked = system.sources(ending, causes)
    assert {getattr(source, "func", source).__name__ for source in asked.quick} == quick
    assert {getattr(source, "func", source).__name__ for source in asked.slow} == slow


def test_where_there_are_no_crash_reports_nobody_looks_for_them(system):
    """A thread would be started for nothing."""
    here = attrs.evolve(system, reports=None)
    assert here.sources("SIGSEGV", {"segfault"}).slow == ()


def test_a_sigkill_is_answered_without_a_thread(ask):
    """Threads take turns, and each of them may wait for its own."""
    before = {thread.ident for thread in threading.enumerate()}
    seen = []

    class Watching(Answers):
        def tell(self, message):
            seen.append(threading.current_thread().name)
            super().tell(message)

    answers = Watching()
    ref = DiagnosticActor.start()
    ref.tell(DiagnosisRequested("r1", KILLED, None, answers, pid=1))
    answers.diagnosis()
    ref.stop()
    assert "DiagnosticActor" in seen[0]
    assert not [
        thread
        for thread in threading.enumerate()
        if thread.ident not in before and thread.name.startswith("diagnostics")
    ]


def test_evidence_goes_before_what_does_not_fit_the_end():
    """An error that was printed before did not send SIGKILL."""
    output = diagnosis_of("Traceback (most recent call last):\nValueError: x\n", KILLED)
    weighed_ = weighed(output, [MEMORY], ending=KILLED, at=2.0)
    assert [finding.cause for finding in weighed_.findings][:1] == ["out-of-memory-host"]


def test_a_remark_is_not_borne_out():
    """A warning about memory stays one; the kill is a finding of its own."""
    output = diagnosis_of("WARNING:root:MemoryError, retrying with less\n", KILLED)
    weighed_ = weighed(output, [MEMORY], ending=KILLED, at=2.0)
    roles = {finding.role for finding in weighed_.findings if finding.cause == MEMORY.cause}
    assert Role.ROOT in roles


def test_two_sources_are_both_named():
    """Each with its words."""
    again = attrs.evolve(MEMORY, source="kernel log")
    cause = weighed(Diagnosis(), [MEMORY, again], ending=KILLED, at=2.0).cause
    assert cause.source == "cgroup, kernel log"
    assert len(cause.evidence) == 2


def test_nothing_said_changes_nothing():
    """An unknown slug is a statement like others; too many statements are cut."""
    output = diagnosis_of("hm\n")
    assert weighed(output, [], ending=None, at=2.0) == output
    odd = weighed(output, [Said("x", "y", "no-such-cause")] * 99, ending=None, at=2.0)
    assert set(odd.system) == {"x: y"}
    assert len(odd.system) < 99


def slow_system(system, opened, entered):
    """Return a host that hangs when it is asked."""

    class Slow:
        begin, end = system.begin, system.end

        def sources(self, ending, causes):
            def hangs(_):
                entered.release()
                opened.wait(30)
                return [MEMORY]

            return Sources(slow=(hangs,))

    return Slow()


def test_a_system_that_hangs_delays_one_diagnosis_to_its_limit_and_no_other(system):
    """The mailbox goes on, and so does the failure."""
    opened, entered = threading.Event(), threading.Semaphore(0)
    ref = DiagnosticActor.start(system=slow_system(system, opened, entered), evidence_limit=0.3)
    try:
        slow, quick = Answers(), Answers()
        start = time.monotonic()
        ref.tell(DiagnosisRequested("r1", KILLED, 1, slow))
        assert entered.acquire(timeout=30)
        ref.tell(DiagnosisRequested("r2", KILLED, 2, quick, expected=True))
        assert quick.diagnosis().findings == ()
        assert slow.diagnosis().findings == ()
        assert time.monotonic() - start < 20
    finally:
        opened.set()
        ref.stop()


def test_only_so_many_ends_are_asked_about_at_one_time(system):
    """Those beyond go on without evidence, at once."""
    opened, entered = threading.Event(), threading.Semaphore(0)
    ref = DiagnosticActor.start(system=slow_system(system, opened, entered), evidence_limit=60.0)
    try:
        held = [Answers() for _ in range(MAX_ASKING)]
        for number, answers in enumerate(held):
            ref.tell(DiagnosisRequested(number, KILLED, None, answers))
        for _ in held:
            assert entered.acquire(timeout=30)
        beyond = Answers()
        ref.tell(DiagnosisRequested("beyond", KILLED, None, beyond))
        assert beyond.diagnosis().cause is None
        opened.set()
        assert {answers.diagnosis().cause.cause for answers in held} == {"out-of-memory-host"}
        again = Answers()
        ref.tell(DiagnosisRequested("again", KILLED, None, again))
        assert again.diagnosis().cause is not None
    finally:
        opened.set()
        ref.stop()


def test_evidence_that_fails_is_no_evidence(ask, group, monkeypatch, caplog):
    """The diagnosis goes on without it."""

    def broken(*_, **__):
        raise RuntimeError("bug")

    monkeypatch.setattr(actor_module, "weighed", broken)
    ask(None)
    group(5)
    assert ask(KILLED).diagnosis().cause is None
    assert "could not be used" in caplog.text


def test_nobody_is_asked_without_time(system, group):
    """A limit of 0 switches it off."""
    ref = DiagnosticActor.start(system=system, evidence_limit=0.0)
    ref.proxy().source_count().get(timeout=30)
    group(7)
    answers = Answers()
    ref.tell(DiagnosisRequested("r1", KILLED, None, answers))
    assert answers.diagnosis().cause is None
    ref.stop()


def test_a_system_of_which_nothing_can_be_read_says_nothing(tmp_path):
    """Others than Linux have no groups; beginning and ending are for any number of times."""
    system = System(groups=tmp_path, own_group=tmp_path / "none", kernel=tmp_path / "none")
    assert ask_each(system.sources("SIGKILL", ()).quick[:2], 1) == ()
    for _ in range(2):
        system.begin()
    assert ask_each(system.sources("SIGKILL", ()).quick[:2], 1) == ()
    for _ in range(2):
        system.end()


def test_the_real_host_is_asked_in_time():
    """Whatever it says about this process."""
    ref = DiagnosticActor.start()
    answers = Answers()
    ref.tell(DiagnosisRequested("r1", KILLED, None, answers, pid=os.getpid()))
    assert isinstance(answers.diagnosis(), Diagnosis)
    ref.stop()
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None
