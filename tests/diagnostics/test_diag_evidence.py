"""What the system says about an end: the parsers by sample texts, the sources by sample files."""

import json
import os
import threading
import time

import pytest

from diagnostics import evidence
from diagnostics.evidence import boot, cgroup, core_dump, kernel_log, limits, macos_report
from diagnostics.evidence.said import Said
from diagnostics.evidence.system import System

EVENTS = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n"
KERNEL = """\
6,1,5,-;Linux version 6.1
3,2,90,-;Memory cgroup out of memory: Killed process 4242 (python3) total-vm:1kB
[  12.3] Out of memory: Kill process 17 (perl) score 900
[Mon] python3[99]: segfault at 0 ip 00007f sp 00007f error 4 in libmlx.so[7f00+100]
NVRM: Xid (PCI:0000:01:00): 31, pid='99', name=python3
"""
REPORT = {
    "pid": 77,
    "procName": "python3.12",
    "exception": {"type": "EXC_BAD_ACCESS", "signal": "SIGSEGV", "subtype": "KERN_INVALID_ADDRESS"},
    "termination": {"indicator": "Segmentation fault: 11"},
    "faultingThread": 0,
    "threads": [{"frames": [{"imageIndex": 1, "symbol": "eval"}]}],
    "usedImages": [{"name": "dyld"}, {"name": "libmlx.dylib"}],
}


def test_memory_events_are_counters():
    """Name and number; anything else is left out."""
    assert cgroup.parse_events(EVENTS)["oom_kill"] == 2
    assert cgroup.parse_events("x\n\nmax many\n") == {}


@pytest.mark.parametrize(
    ("text", "group"),
    [("0::/user.slice/x.scope\n", "/user.slice/x.scope"), ("4:memory:/a\n0::/\n", "/"), ("", "/")],
)
def test_the_own_group_is_the_unified_one(text, group):
    """The others have no `memory.events`."""
    assert cgroup.own_group(text) == group


def test_a_kill_by_the_group_is_evidence_of_memory(tmp_path):
    """Of those counted since."""
    file = tmp_path / "memory.events"
    file.write_text(EVENTS)
    counted, (said,) = cgroup.memory_events(file, since=1)
    assert (counted, said.cause) == (2, "out-of-memory-host")
    assert "ended 1 processes" in said.text
    counted, (said,) = cgroup.memory_events(file, since=2)
    assert (counted, said.cause) == (2, None)
    file.unlink()
    assert cgroup.memory_events(file, since=2) == (2, [])
    assert cgroup.memory_events(None) == (0, [])


def test_the_counters_of_the_own_group_go_before_those_of_the_root(tmp_path):
    """And those of the first version come after those of the second."""
    own = tmp_path / "own"
    assert cgroup.events_file(root=tmp_path, own=own) is None
    own.write_text("4:cpu,memory:/old\n0::/job\n")
    for place in (
        "memory/memory.oom_control",
        "memory/old/memory.oom_control",
        "memory.events",
        "job/memory.events",
    ):
        file = tmp_path / place
        file.parent.mkdir(exist_ok=True)
        file.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
        assert cgroup.events_file(root=tmp_path, own=own) == file
        assert cgroup.memory_events(file)[0] == 3


def test_the_kernel_log_is_read_for_one_process():
    """Kills for memory, faults, errors of the GPU."""
    causes = [said.cause for said in kernel_log.parse_kernel_log(KERNEL, 4242)]
    assert causes == ["out-of-memory-host"]
    said = kernel_log.parse_kernel_log(KERNEL, 99)
    assert "libmlx.so" in said[0].text
    assert said[0].cause == "segfault"
    assert "Xid 31" in said[1].text
    assert len(kernel_log.parse_kernel_log(KERNEL, None)) == 4


def test_a_kernel_log_that_is_forbidden_says_nothing(tmp_path):
    """Containers mostly have none."""
    log = kernel_log.KernelLog(tmp_path / "none")
    assert log.about(1) == []
    log.close()


def test_only_what_is_logged_from_now_on_is_read(tmp_path):
    """Each message once; what is about another process is kept for whoever asks about it."""
    device = tmp_path / "kmsg"
    device.write_text(KERNEL)
    log = kernel_log.KernelLog(device)
    try:
        assert log.about(17) == []
        with device.open("a") as stream:
            stream.write("1,2,3,-;hello\n" * 9999 + KERNEL)
            stream.write("[1] Out of memory: Kill process 18 (pe")  # a write cut in two
            stream.flush()
            for pid in (4242, 17):
                (said,) = wait_for(lambda pid=pid: log.about(pid))
                assert (said.cause, said.certain) == ("out-of-memory-host", True)
            assert log.about(None) == []
            stream.write("rl) score 9\n")
        assert log.about(18)[0].cause == "out-of-memory-host"
        assert log.about(19) == []
    finally:
        log.close()
        log.close()
    assert log.about(17) == []


def wait_for(ask):
    """Ask until there is an answer: what was not read in time is read the next time."""
    deadline = time.monotonic() + 30
    while not (answer := ask()):
        assert time.monotonic() < deadline
    return answer


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("core.%p\n", "core.7"),
        ("/var/core/%e-%P", "/var/core/%e-7"),
        ("|/usr/lib/systemd/systemd-coredump %P", "coredumpctl info 7"),
        ("|/usr/share/apport/apport %p", "/usr/share/apport/apport"),
    ],
)
def test_the_core_pattern_says_where_the_dump_is(tmp_path, pattern, words):
    """A file, or a program that takes it."""
    file = tmp_path / "core_pattern"
    file.write_text(pattern)
    (said,) = core_dump.core_pattern(7, file=file)
    assert words in said.text
    assert core_dump.parse_pattern("\n", 7) is None
    assert core_dump.core_pattern(file=file) == []


def test_a_crash_report_is_found_by_pid(tmp_path):
    """Among others, damaged ones included."""
    (tmp_path / "a.ips").write_text("{}\n" + json.dumps(REPORT))
    (tmp_path / "b.ips").write_text("{}\n" + json.dumps(REPORT | {"pid": 78}))
    (tmp_path / "c.ips").write_text("garbage")
    (said,) = macos_report.crash_report(77, folder=tmp_path)
    assert said.cause == "segfault"
    assert "in libmlx.dylib eval" in said.text
    assert macos_report.crash_report(1, folder=tmp_path) == []
    assert macos_report.crash_report(1, folder=tmp_path / "none") == []


@pytest.mark.parametrize(
    "report",
    [{}, {"threads": 3}, {"faultingThread": 9}, {"exception": []}, {"usedImages": [1]}],
)
def test_a_strange_report_does_no_harm(report):
    """Its form is Apple's, and changes."""
    said = macos_report.what_it_says(REPORT | report, 77)
    assert said is None or isinstance(said, Said)


def test_boot_time_is_that_of_the_kernel(tmp_path):
    """And says something only for a while."""
    assert boot.parse_boot_time("cpu 1 2\nbtime 1000\n") == 1000
    assert boot.parse_boot_time("") is None
    file = tmp_path / "stat"
    file.write_text("btime 1000\n")
    assert boot.host_rebooted(file=file, now=1060.0)[0].text.endswith("60 s ago")
    assert boot.host_rebooted(file=file, now=9000.0) == []


def test_disks_with_room_say_nothing(monkeypatch, tmp_path):
    """Full ones do."""
    usage = limits.shutil.disk_usage(tmp_path)
    assert limits.full_disks(folders=[str(tmp_path / "none")]) == []
    monkeypatch.setattr(limits.shutil, "disk_usage", lambda _: usage._replace(free=0))
    (said,) = limits.full_disks(folders=[str(tmp_path)])
    assert said.cause == "no-space-left"


def test_a_process_near_its_limit_of_files_says_so(monkeypatch):
    """The children have the same limit."""
    assert limits.open_file_limit() == []
    monkeypatch.setattr(limits.os, "listdir", lambda _: range(10**7))
    assert limits.open_file_limit()[0].cause == "too-many-open-files"


def test_gathering_is_bounded_and_never_raises():
    """A source that hangs or fails has nothing to say."""
    good = Said("test", "good")

    def fails(_):
        raise OSError

    over = threading.Event()

    def hangs(_):
        over.wait(30)
        return ()

    start = time.monotonic()
    said = evidence.gather([lambda _: [good], fails, hangs], 1, limit=0.2)
    waited = time.monotonic() - start
    over.set()
    assert said == (good,)
    assert waited < 10


@pytest.mark.parametrize("ending", ["SIGKILL", "SIGSEGV", "exit"])
def test_the_real_sources_answer_here(ending):
    """Whatever this system lets itself be asked, the quick ones without a wait."""
    system = System()
    system.begin()
    try:
        sources = system.sources(ending, ())
        start = time.monotonic()
        said = evidence.ask_each(sources.quick, os.getpid())
        assert time.monotonic() - start < 5
        said += evidence.gather(sources.slow, os.getpid(), limit=2.0)
    finally:
        system.end()
    assert all(isinstance(each, Said) for each in said)
