"""What the system says about an end: the parsers by sample texts, the sources by sample files."""

import json
import os
import threading
import time

import pytest

from diagnostics import evidence
from diagnostics.evidence import boot, cgroup, core_dump, kernel_log, limits, macos_report
from diagnostics.evidence.said import Said

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
    """The group's own file goes before the root's."""
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "memory.events").write_text(EVENTS)
    own = tmp_path / "own"
    own.write_text("0::/job\n")
    (said,) = cgroup.memory_events(root=tmp_path, own=own)
    assert said.cause == "out-of-memory-host"
    (tmp_path / "job" / "memory.events").write_text("max 4\noom_kill 0\n")
    (said,) = cgroup.memory_events(root=tmp_path, own=own)
    assert said.cause is None
    own.write_text("0::/another\n")
    assert cgroup.memory_events(root=tmp_path, own=own) == []


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
    assert kernel_log.killed_for_memory(1, device=tmp_path / "none") == []
    log = tmp_path / "kmsg"
    log.write_text(KERNEL)
    assert kernel_log.killed_for_memory(17, device=log)[0].cause == "out-of-memory-host"
    assert kernel_log.killed_for_memory(device=log) == []


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
    said = evidence.gather(1, limit=0.2, sources=[lambda _: [good], fails, hangs])
    waited = time.monotonic() - start
    over.set()
    assert said == (good,)
    assert waited < 10


def test_the_real_sources_answer_here():
    """Whatever this system lets itself be asked."""
    assert all(isinstance(said, Said) for said in evidence.gather(os.getpid(), limit=2.0))
