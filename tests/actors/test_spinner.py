"""Looking for a while before sleeping."""

import os
import subprocess
import sys

import pytest

from actors import _spinner
from actors._spinner import Spinner, processors

FOREVER = 1e6
"""Seconds that no test waits."""


class Source:
    """
    What is looked at: ready at the nth look.

    Args:
        ready_at: Which look finds something; never, if it is not given.
        during: Called within each look.
    """

    def __init__(self, ready_at=None, during=lambda: None):
        self.looks = 0
        self._ready_at = ready_at
        self._during = during

    def __call__(self, timeout):
        assert timeout == 0
        self.looks += 1
        self._during()
        return ["come"] if self.looks == self._ready_at else []


@pytest.fixture
def several(monkeypatch):
    """Let there be a second processor, on which the other one may be at work."""
    monkeypatch.setattr(_spinner, "processors", lambda: 2)
    monkeypatch.setattr(Spinner, "_until", 0.0)


@pytest.fixture
def patient(several, monkeypatch):
    """Let it look for ever."""
    monkeypatch.setattr(_spinner, "_SPIN", FOREVER)


@pytest.fixture
def impatient(several, monkeypatch):
    """Let it look once."""
    monkeypatch.setattr(_spinner, "_SPIN", 0.0)


@pytest.mark.usefixtures("patient")
def test_what_comes_while_it_looks_is_found():
    """However many looks that takes."""
    source = Source(ready_at=50)
    assert Spinner().look(source, None) == ["come"]
    assert source.looks == 50


@pytest.mark.usefixtures("impatient")
def test_it_gives_up_and_then_sleeps_at_once():
    """The second wait does not look at all, the third one does again."""
    spinner, source = Spinner(), Source()
    assert spinner.look(source, None) == []
    assert source.looks == 1
    assert spinner.look(source, None) == []
    assert source.looks == 1
    assert spinner.look(source, 1.0) == []
    assert source.looks == 2


@pytest.mark.usefixtures("patient")
def test_shorter_waits_than_it_takes_are_left_alone():
    """A look that is not to wait, and one that has to end in time."""
    source = Source(ready_at=1)
    assert Spinner().look(source, 0.0) == []
    assert Spinner().look(source, FOREVER) == []
    assert source.looks == 0


@pytest.mark.usefixtures("patient")
def test_one_thread_of_a_process_looks_at_a_time():
    """The others would only take the interpreter from each other."""
    second = Source(ready_at=1)
    found = []

    def meanwhile():
        if not found:
            found.append(Spinner().look(second, None))

    assert Spinner().look(Source(ready_at=3, during=meanwhile), None) == ["come"]
    assert found == [[]]
    assert second.looks == 0
    assert Spinner().look(second, None) == ["come"]


@pytest.mark.usefixtures("impatient")
def test_an_interrupt_ends_with_the_time_that_was_announced():
    """A signal's handler may raise within a look: nobody is held up by what it leaves behind."""

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Spinner().look(Source(during=interrupted), None)
    assert Spinner().look(Source(ready_at=1), None) == ["come"]


def test_there_is_no_use_in_looking_on_the_only_processor(monkeypatch):
    """The other one could not go on meanwhile."""
    monkeypatch.setattr(_spinner, "processors", lambda: 1)
    source = Source(ready_at=1)
    assert Spinner().look(source, None) == []
    assert source.looks == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a process to processors")
def test_processors_that_a_process_is_kept_from_do_not_count():
    """A container may leave it one of many."""
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from actors._spinner import processors; print(processors())"
    )
    bound = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True, timeout=60
    )
    assert bound.stdout == "1\n"
    assert processors() == len(os.sched_getaffinity(0))


def test_all_processors_count_elsewhere(monkeypatch):
    """What a system without affinities has; it may not say how many."""
    monkeypatch.setattr(_spinner.sys, "platform", "darwin")
    monkeypatch.setattr(_spinner.os, "cpu_count", lambda: 8)
    assert processors() == 8
    monkeypatch.setattr(_spinner.os, "cpu_count", lambda: None)
    assert processors() == 1
