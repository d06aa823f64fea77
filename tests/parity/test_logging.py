"""What Pykka's logger says of an actor, in the actor's own process."""

import logging
import re

import pytest
from citizens import Diarist, Echo, Logged
from gate import LIMIT

import actors


@pytest.fixture
def log(tmp_path):
    """Give the file that an actor's process logs to."""
    logger = logging.getLogger("pykka")
    before, level = logger.handlers[:], logger.level
    yield tmp_path / "log"
    for handler in logger.handlers[:]:
        if handler not in before:
            logger.removeHandler(handler)
            handler.close()
    logger.setLevel(level)


@pytest.fixture
def ref(start, log):
    """Give an actor that logs."""
    return start(Logged, str(log))


def lines(log, level=""):
    """Return the first lines of the records of a level."""
    first = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL) ")
    said = log.read_text().splitlines()
    return [line for line in said if first.match(line) and line.startswith(level)]


def test_life_of_an_actor_is_logged(runtime, ref, log):
    """For whoever debugs: that it was found, that it ends."""
    ref.stop(timeout=LIMIT)
    runtime.wait_for_end(ref)
    said = lines(log, "DEBUG")
    assert f"DEBUG Registered {ref}" in said
    assert f"DEBUG Unregistered {ref}" in said
    assert f"DEBUG Stopped {ref}" in said
    assert lines(log) == said


@pytest.mark.runtimes("pykka", "thread", reason="a process is started by its supervisor")
def test_start_of_an_actor_is_logged(ref, log):
    """Where `start` was called."""
    assert f"DEBUG Starting {ref}" in lines(log)


def test_exception_for_the_asker_is_logged_for_information(ref, log):
    """With its traceback: the asker may never look."""
    with pytest.raises(ValueError, match="as told"):
        ref.proxy().fail().get(timeout=LIMIT)
    assert lines(log, "INFO") == [f"INFO Exception returned from {ref} to caller:"]
    assert "in fail" in log.read_text()
    assert "ValueError: as told" in log.read_text()


def test_message_that_nobody_handles_is_warned_of(ref, log):
    """By the default `on_receive`."""
    ref.ask("what?", timeout=LIMIT)
    assert lines(log, "WARNING") == [f"WARNING Unexpected message received by {ref}: what?"]


@pytest.mark.runtimes("pykka", "thread", reason="a process prints it, and its failure holds it")
def test_exception_nobody_waits_for_is_logged_as_an_error(runtime, ref, log):
    """Once, with its traceback."""
    ref.proxy().fail.defer()
    runtime.wait_for_end(ref)
    assert lines(log, "ERROR") == [f"ERROR Unhandled exception in {ref}:"]
    assert "in fail" in log.read_text()


@pytest.mark.runtimes("pykka", "thread", reason="a process prints it, and its failure holds it")
def test_exception_nobody_waits_for_is_logged_before_the_last_hook(runtime, start, log):
    """That may take long, or fail."""
    ref = start(Logged, str(log), fail_in="on_failure")
    ref.proxy().fail.defer()
    runtime.wait_for_end(ref)
    text = log.read_text()
    assert lines(log, "ERROR") == [f"ERROR Unhandled exception in {ref}:"] * 2
    assert text.index("ValueError: as told") < text.index("LookupError: cannot on_failure")


@pytest.mark.runtimes("pykka", "thread", reason="a process's failure holds it")
def test_system_exit_is_logged_for_who_debugs(runtime, ref, log):
    """It is an order, and no error."""
    ref.proxy().leave.defer()
    runtime.wait_for_end(ref)
    (line,) = [each for each in lines(log) if "SystemExit" in each]
    assert line.startswith(f"DEBUG SystemExit(3) in {ref}. Stopping ")
    assert lines(log, "ERROR") == []


@pytest.mark.runtimes("process", reason="in a thread there is nobody to tell but the log")
def test_exception_nobody_waits_for_is_printed_and_published(runtime, ref, log, recorder):
    """Once each; it is not logged besides."""
    runtime.supervisor.subscribe(recorder, actors.RunnerFailed).get(timeout=LIMIT)
    ref.proxy().fail.defer()
    failure = recorder.wait_for(actors.RunnerFailed)
    assert "in fail" in failure.reason.error.traceback
    assert "\n".join(failure.diagnosis.tail).count("ValueError: as told") == 1
    assert lines(log, "ERROR") == []


@pytest.mark.parametrize("hook", ["on_stop", "on_failure"])
def test_exception_in_a_last_hook_is_logged_as_an_error(runtime, start, log, hook):
    """Nobody else hears of it."""
    ref = start(Logged, str(log), fail_in=hook)
    if hook == "on_stop":
        ref.stop(timeout=LIMIT)
    else:
        ref.proxy().fail.defer()
    runtime.wait_for_end(ref)
    assert f"ERROR Unhandled exception in {ref}:" in lines(log, "ERROR")
    assert f"LookupError: cannot {hook}" in log.read_text()


@pytest.mark.runtimes("pykka", "thread", reason="the start of a process fails with all it said")
def test_exception_in_on_start_is_logged_as_an_error(runtime, start, log):
    """Though the start of a runner fails as well."""
    if runtime.name == "pykka":
        runtime.wait_for_end(start(Logged, str(log), fail_in="on_start"))
    else:
        with pytest.raises(LookupError, match="cannot on_start"):
            start(Logged, str(log), fail_in="on_start")
    (line,) = lines(log, "ERROR")
    assert line.startswith("ERROR Unhandled exception in Logged (urn:uuid:")


def test_stacks_of_all_threads_are_logged(ref, log):
    """By `pykka.debug`, of the process that it is called in."""
    ref.proxy().log_stacks().get(timeout=LIMIT)
    assert any(line.startswith("CRITICAL Current state of ") for line in lines(log))
    assert "in log_stacks" in log.read_text()


@pytest.mark.runtimes("process", reason="a thread is logged with all others")
def test_stacks_of_a_process_are_not_those_of_ours(ref, log):
    """Its threads are its own."""
    ref.proxy().log_stacks().get(timeout=LIMIT)
    assert "test_stacks_of_a_process_are_not_those_of_ours" not in log.read_text()


@pytest.mark.runtimes("pykka", "thread", reason="a process logs for itself")
def test_one_logger_serves_all(start, caplog):
    """What the program has set up counts for every actor."""
    ref = start(Echo)
    caplog.set_level(logging.INFO, logger="pykka")
    with pytest.raises(ValueError, match="as told"):
        ref.proxy().fail().get(timeout=LIMIT)
    assert [record.levelname for record in caplog.records if record.name == "pykka"] == ["INFO"]


@pytest.mark.runtimes("process", reason="a process logs for itself")
def test_what_the_program_has_set_up_counts_for_itself_only(start, caplog):
    """A runner sets up its own, where it is made or where its module is imported."""
    ref = start(Echo)
    caplog.set_level(logging.INFO, logger="pykka")
    with pytest.raises(ValueError, match="as told"):
        ref.proxy().fail().get(timeout=LIMIT)
    assert [record for record in caplog.records if record.name == "pykka"] == []


@pytest.mark.runtimes("process", reason="a process has a stderr of its own, which is kept")
def test_error_of_a_last_hook_is_kept_where_no_logging_is_set_up(runtime, start, tmp_path):
    """On the runner's stderr, where everything goes that nobody else takes."""
    ref = start(Diarist, str(tmp_path / "diary"), fail_in="on_stop")
    ref.stop(timeout=LIMIT)
    runtime.wait_for_end(ref)
    said = (runtime.log_folder / "runner 1.stderr.log").read_text()
    assert "LookupError: cannot on_stop" in said
