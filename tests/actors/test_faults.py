"""Runners that misbehave in every way we know: each is answered, and nothing hangs."""

import contextlib
import importlib
import os
import re
import signal
import socket
import struct
import sys
import time

import psutil
import pykka
import pytest
from faulty import MARKER, Collector, Echo, Lifecycle, NoSuper

import actors
from diagnostics import Role, Signature, registered_signatures, signatures
from diagnostics.actor import DiagnosticActor

LIMIT = 30


def lost(ask):
    """Return the failure that an ask in flight is answered with."""
    with pytest.raises(actors.RunnerFailedError) as caught:
        ask.get(timeout=LIMIT)
    return caught.value.failure


@pytest.mark.parametrize(
    ("how", "arguments", "expected"),
    [
        ("kill", (signal.SIGKILL, MARKER), "SIGKILL"),
        ("kill", (signal.SIGTERM, MARKER), "SIGTERM"),
        ("abort", (MARKER,), "SIGABRT"),
        ("segfault", (MARKER,), "SIGSEGV"),
        ("hard_exit", (3, MARKER), "status 3"),
        ("hard_exit", (0, MARKER), "status 0"),
    ],
)
def test_last_words_on_stderr_are_in_the_failure(start, failures, how, arguments, expected):
    """Even without a newline, and written just before the end."""
    failure = lost(getattr(start().proxy(), how)(*arguments))
    assert any(MARKER in line for line in failure.diagnosis.tail)
    assert expected in str(failure.reason)
    assert failures.wait_for(actors.RunnerFailed) == failure


def test_exit_with_status_0_and_a_task_in_flight_is_a_failure(start, failures):
    """The asker is not left waiting."""
    failure = lost(start().proxy().leave(0))
    assert isinstance(failure.reason, actors.Raised)
    assert failure.reason.error.type == "SystemExit"
    assert failure.reason.exit_code == failure.reason.error.exit_code == 0
    assert failures.wait_for(actors.RunnerFailed) == failure


def test_keyboard_interrupt_ends_this_runner_only(start, supervisor):
    """Others, and the parent's actors, live on."""
    other = start("other")
    failure = lost(start("first").proxy().interrupt())
    assert failure.reason.error.type == "KeyboardInterrupt"
    assert other.ask("alive") == "alive"
    assert len(supervisor.runners().get()) == 1


def test_exception_with_causes_groups_and_notes_is_carried_in_full(start, failures):
    """The typed record has the whole traceback, and so has stderr."""
    ref = start()
    ref.proxy().fail_with_causes.defer()
    failure = failures.wait_for(actors.RunnerFailed)
    error = failure.reason.error
    assert error.type == "ExceptionGroup"
    for text in ("the first", "the second", "a note on it", "FileNotFoundError"):
        assert text in error.traceback
    assert failure.diagnostics[0].cause == "python-exception"


def test_exception_that_cannot_be_pickled_ends_a_runner_with_its_type(start, failures):
    """Its `__str__` raises besides."""
    start().proxy().fail_unpicklably.defer()
    failure = failures.wait_for(actors.RunnerFailed)
    assert failure.reason.error.type == "faulty.UnpicklableError"


def test_runner_that_closes_its_outputs_lives_on_and_dies_explained(start, failures):
    """The exit is seen by the process's end, not by the pipes'."""
    ref = start()
    assert ref.proxy().close_outputs().get(timeout=LIMIT)
    assert ref.ask("alive") == "alive"
    ref.proxy().close_stderr_and_fail_on_tell.defer()
    failure = failures.wait_for(actors.RunnerFailed)
    assert failure.reason.error.message == "[ring] connection to a peer was lost"
    assert failure.diagnosis.tail == ()


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (b"\xff\xfe not utf-8 \xc3(\n", "not utf-8"),
        (b"nul\0 \x1b[31mred\x1b[0m \x07bell\n", "nul red bell"),
        (b"\r".join(b" %d%%|###" % n for n in range(100)) + b"\rdone\n", "done"),
        (b"x" * (10 << 20) + b" end of the line", "end of the line"),
    ],
    ids=["no UTF-8", "control characters", "progress bar", "10 MiB without newline"],
)
def test_hostile_output_is_shown_bounded_and_clean(start, output, shown):
    """Whatever the bytes, the failure has readable lines."""
    proxy = start().proxy()
    proxy.say(output[: 1 << 16]).get(timeout=LIMIT)
    for begin in range(1 << 16, len(output), 1 << 16):
        proxy.say(output[begin : begin + (1 << 16)]).get(timeout=LIMIT)
    failure = lost(proxy.kill())
    text = "\n".join(failure.diagnosis.tail)
    assert shown in text
    assert len(text) <= 256 * 1024
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text.replace("\n", ""))


def header(kind, number, task, *sizes):
    """Return the bytes of a frame before its segments."""
    return struct.pack(f"!2sBBIQ{len(sizes)}I", b"r\x02", kind, len(sizes), number, task, *sizes)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"garbage that is no frame", "no frame begins with"),
        (header(0, 0, 0, 3 << 30), "exceeds the limit"),
        (header(5, 0, 1, (1 << 32) - 1, 5), "exceeds the limit"),
        (header(0, 0, 0, 3) + b"\xc1\xc1\xc1", "$"),
        (struct.pack("!2sBBIQ", b"r\x09", 5, 0, 0, 1), "no frame begins with"),
        (header(200, 0, 1), "no frame begins with"),
        (header(1, 0, 1, 0), "is not for the runner to say"),
        (header(7, 5, 99, 1) + b"x" + header(8, 0, 1), "is not for the runner to say"),
    ],
    ids=[
        "garbage",
        "3 GiB length",
        "4 GiB payload",
        "no message",
        "version",
        "kind",
        "not its word",
        "out of turn",
    ],
)
def test_what_is_no_frame_ends_the_runner_as_a_protocol_violation(start, data, problem):
    """The parent is unharmed, and the asker answered."""
    other = start("other")
    failure = lost(start().proxy().write_to_channel(data))
    assert isinstance(failure.reason, actors.ProtocolViolation)
    assert problem in failure.reason.problem
    assert other.ask("alive") == "alive"


def test_half_a_frame_before_the_end_is_no_violation(start):
    """A runner that is killed inside a send has not broken the protocol."""
    head = header(5, 0, 1, 1000) + b"the beginning"
    failure = lost(start().proxy().write_to_channel(head, "exit"))
    assert failure.reason == actors.Exited(0)


def test_runner_killed_inside_a_large_send_leaves_nobody_waiting(start):
    """No lock is shared with it."""
    ref = start()
    pid = ref.proxy().pid().get()
    answer = ref.proxy().send_large(512 << 20)
    process = psutil.Process(pid)
    while process.memory_info().rss < 400 << 20:
        os.sched_yield()
    process.kill()
    assert isinstance(lost(answer).reason, actors.Signaled)


def test_closed_channel_of_a_living_runner_ends_it(start):
    """It could not be reached any more."""
    failure = lost(start().proxy().close_channel())
    assert failure.reason == actors.ProtocolViolation("the runner closed its channel")


def test_grandchild_goes_with_the_runner(start):
    """It is in the runner's process group."""
    proxy = start().proxy()
    grandchild = psutil.Process(proxy.spawn_child().get(timeout=LIMIT))
    lost(proxy.kill())
    assert psutil.wait_procs([grandchild], timeout=LIMIT)[1] == []


def test_grandchild_that_holds_stderr_for_ever_does_not_hold_up_the_failure(start):
    """It has left the group, and is not ours to end."""
    proxy = start().proxy()
    grandchild = psutil.Process(proxy.spawn_child(new_session=True).get(timeout=LIMIT))
    try:
        begin = time.monotonic()
        failure = lost(proxy.kill(signal.SIGKILL, MARKER))
        assert time.monotonic() - begin < 10
        assert any(MARKER in line for line in failure.diagnosis.tail)
        assert grandchild.is_running()
    finally:
        grandchild.kill()
        psutil.wait_procs([grandchild], timeout=LIMIT)


def test_runner_that_ignores_sigterm_is_killed(start, supervisor, recorder, tmp_path):
    """Politely, then SIGTERM, then SIGKILL; and none of it is a failure."""
    supervisor.subscribe(recorder).get()
    path = tmp_path / "hanging"
    ref = start(stop_timeout=0.1, terminate_timeout=0.1)
    hanging = ref.proxy().ignore_sigterm_and_hang(str(path))
    recorder.wait_for(lambda event: isinstance(event, actors.TaskAcknowledged))
    while not path.exists():
        os.sched_yield()
    assert ref.stop(timeout=LIMIT) is True
    with pytest.raises(actors.RunnerStoppedError):
        hanging.get(timeout=LIMIT)
    assert supervisor.failures().get() == ()


def test_our_own_sigterm_is_never_a_cause(start, supervisor, recorder):
    """A runner that does not react to the polite request ends by SIGTERM, as a stop."""
    supervisor.subscribe(recorder).get()
    ref = start(stop_timeout=0.1)
    ref.proxy().hang.defer()
    recorder.wait_for(lambda event: event.status == actors.RunnerRunning())
    assert ref.stop(timeout=LIMIT) is True
    recorder.wait_for(lambda event: getattr(event, "status", None) == actors.RunnerShutdown())
    assert recorder.events(actors.RunnerFailed) == []


def test_foreign_sigterm_is_a_failure(start, failures):
    """Nobody here sent it."""
    ref = start()
    os.kill(ref.proxy().pid().get(), signal.SIGTERM)
    failure = failures.wait_for(actors.RunnerFailed)
    assert failure.reason.name == "SIGTERM"


def test_runner_that_dies_while_the_supervisor_is_stopping_is_a_failure():
    """Its death is published, and the stop comes to its end."""
    with actors.supervise() as supervisor:
        published = []
        supervisor.subscribe(published.append, actors.RunnerFailed).get()
        spec = actors.RunnerSpec("dying", Lifecycle, args=("on_stop", "segfault"))
        supervisor.start_runner(spec).get()
    assert [failure.reason.name for failure in published] == ["SIGSEGV"]
    assert published[0].phase is actors.Phase.STOPPING


@pytest.mark.parametrize(
    ("runner_class", "arguments", "expected"),
    [
        (Lifecycle, ("init", "raise"), "cannot init"),
        (Lifecycle, ("on_start", "raise"), "cannot on_start"),
        (Lifecycle, ("on_start", "exit"), "leaving in on_start"),
        (Lifecycle, ("init", "exit0"), ""),
        (Lifecycle, ("init", "segfault"), "Segmentation fault"),
        (NoSuper, (), "super().__init__()"),
    ],
)
def test_failed_start_raises_with_reason_and_output(
    supervisor, failures, runner_class, arguments, expected
):
    """Promptly, typed, and published like every failure."""
    spec = actors.RunnerSpec("new", runner_class, args=arguments)
    with pytest.raises(actors.StartFailed) as caught:
        supervisor.start_runner(spec).get(timeout=LIMIT)
    failure = caught.value.failure
    assert failures.wait_for(actors.RunnerFailed) == failure
    assert failure.phase is actors.Phase.STARTING
    assert expected in "\n".join(failure.diagnosis.tail)
    assert supervisor.runners().get() == ()
    assert supervisor.start_runner(actors.RunnerSpec("new", Lifecycle, args=("no",))).get()


def test_start_that_never_answers_is_ended_with_its_stacks(supervisor):
    """The dump says where it stood."""
    spec = actors.RunnerSpec("new", Lifecycle, args=("on_start", "hang"), start_timeout=2.0)
    with pytest.raises(actors.StartFailed) as caught:
        supervisor.start_runner(spec).get(timeout=LIMIT)
    failure = caught.value.failure
    assert failure.reason == actors.StartTimedOut(2.0)
    assert "in on_start" in "\n".join(failure.diagnosis.tail)


@pytest.mark.parametrize("where", ["connect", "load", "warm_up"])
def test_failure_in_a_lifecycle_hook_names_its_phase(supervisor, failures, where):
    """The start itself had succeeded; asks that waited are answered."""
    spec = actors.RunnerSpec("new", Lifecycle, args=(where,), restart=actors.Restart.TEMPORARY)
    ref = supervisor.start_runner(spec).get(timeout=LIMIT)
    failure = failures.wait_for(actors.RunnerFailed)
    phases = {"connect": "connecting", "load": "loading", "warm_up": "warming-up"}
    assert failure.phase == phases[where]
    assert failure.reason.error.message == f"cannot {where}"
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("anybody there?", timeout=LIMIT)


def test_hung_task_is_ended_with_its_stacks(start):
    """By the spec's progress timeout."""
    failure = lost(start(progress_timeout=0.5).proxy().hang())
    assert isinstance(failure.reason, actors.Hung)
    assert failure.reason.waiting_for is None
    assert failure.reason.silent_for >= 0.5
    assert "in hang" in "\n".join(failure.diagnosis.tail)


def test_hung_native_code_is_ended_with_its_stacks(start):
    """Even code that does not let go of the interpreter."""
    failure = lost(start(progress_timeout=0.5).proxy().hang_in_native_code())
    assert isinstance(failure.reason, actors.Hung)
    assert "in hang_in_native_code" in "\n".join(failure.diagnosis.tail)


def test_hang_while_waiting_for_somebody_says_so(start):
    """`waiting_for` is part of the reason."""
    failure = lost(start(progress_timeout=0.5).proxy().wait_for_peer_for_ever())
    assert failure.reason.waiting_for == "rank 7"


def test_stopped_runner_hangs_without_a_dump_and_is_ended(start):
    """SIGSTOP: not even faulthandler runs."""
    ref = start(progress_timeout=0.5)
    pid = ref.proxy().pid().get()
    os.kill(pid, signal.SIGSTOP)
    assert isinstance(lost(ref.ask("anything", block=False)).reason, actors.Hung)


@pytest.mark.parametrize("concurrent", [False, True])
def test_runner_whose_reader_is_slow_does_not_hang(start, concurrent):
    """It has sent what there was room for. From when there is room again it has its time anew."""

    class Counter(actors.Runner):
        def on_receive(self, message):
            return iter(range(message))

    Counter.concurrent = concurrent
    counter = start("counter", runner_class=Counter, progress_timeout=0.5)
    hanging = start("hanging", progress_timeout=0.5)
    stream = counter.ask(1000)
    assert next(stream) == 0
    # Somebody else, who began later, is ended meanwhile.
    assert isinstance(lost(hanging.proxy().hang()).reason, actors.Hung)
    assert list(stream) == list(range(1, 1000))


def test_dead_diagnostic_actor_costs_the_diagnosis_not_the_failure(start, failures):
    """The failure says that it has none."""
    proxy = start().proxy()
    (diagnostic_actor,) = pykka.ActorRegistry.get_by_class(DiagnosticActor)
    diagnostic_actor.stop()
    lost(proxy.kill())
    failure = failures.wait_for(actors.RunnerFailed)
    assert failure.diagnosis.problem == "the diagnostic actor is not running"
    assert failure.diagnostics == ()
    assert "no diagnosis" in failure.error_message


def test_slow_diagnostic_actor_costs_the_diagnosis_not_the_failure(recorder):
    """The failure goes on at the limit, once."""
    with actors.supervise(diagnosis_timeout=0.2) as supervisor:
        supervisor.subscribe(recorder, actors.RunnerFailed).get()
        spec = actors.RunnerSpec("slow", Lifecycle, args=("no",), restart=actors.Restart.TEMPORARY)
        ref = supervisor.start_runner(spec).get()
        (diagnostic_actor,) = pykka.ActorRegistry.get_by_class(DiagnosticActor)
        # It handles this message for a second, and reads nothing else meanwhile.
        diagnostic_actor.tell(pykka.messages.ProxyCall(("actor_stopped", "wait"), (1.0,), {}))
        os.kill(supervisor.runners().get()[0].pid, signal.SIGKILL)
        failure = recorder.wait_for(actors.RunnerFailed)
        assert failure.diagnosis.problem == "the diagnostic actor took longer than 0.2 s"
        del ref
    assert len(recorder.events()) == 1


def test_subscriber_that_is_gone_hurts_nobody(start, supervisor, failures, new_recorder):
    """A dead actor is dropped; a raising callable is logged."""
    recorder = new_recorder()
    collector = Collector.start(recorder)
    supervisor.subscribe(collector, actors.RunnerFailed).get()

    def raising(_event):
        raise RuntimeError("no")

    supervisor.subscribe(raising, actors.RunnerFailed).get()
    collector.stop()
    lost(start().proxy().kill())
    failures.wait_for(actors.RunnerFailed)
    assert recorder.events() == []
    lost(start("second").proxy().kill())
    failures.wait_for_many(actors.RunnerFailed, 2)


def test_one_for_each_cause_only_known_findings_are_diagnostics(start):
    """What nobody knows is in the tail, as evidence."""
    proxy = start().proxy()
    proxy.say("something nobody has ever seen\n").get()
    proxy.say("[ring] Receiving from socket 7 failed with errno 104\n").get()
    failure = lost(proxy.hard_exit(1))
    assert [finding.cause for finding in failure.diagnostics] == ["ring-socket-receive-errno"]
    assert failure.diagnostics[0].errno == 104
    assert failure.diagnosis.tail[0] == "something nobody has ever seen"
    assert failure.role is Role.ROOT


def test_taken_port_of_a_ring_is_found_and_named(start):
    """As MLX says it."""
    with socket.create_server(("127.0.0.1", 0)):
        proxy = start().proxy()
        proxy.say("RuntimeError: [ring] Couldn't bind socket (error: 98)\n").get()
        assert lost(proxy.hard_exit(1)).diagnostics[0].cause == "ring-bind-failed"


def test_what_is_printed_on_the_way_out_of_a_stop_is_not_lost(supervisor, failures):
    """200 KiB and the last words, after the stop was asked for; and its exit status stays."""
    spec = actors.RunnerSpec("leaving", Lifecycle, args=("on_stop", "flood"))
    supervisor.start_runner(spec).get().stop()
    failure = failures.wait_for(actors.RunnerFailed)
    assert failure.reason == actors.Exited(7)
    assert failure.phase is actors.Phase.STOPPING
    assert failure.diagnosis.total_bytes >= 200 << 10
    assert MARKER in failure.diagnosis.tail[-1]


def test_process_that_survives_sigkill_is_given_up_and_said_so(supervisor, recorder, monkeypatch):
    """The supervisor goes on; no new incarnation is started beside a process that is still there."""
    supervisor.subscribe(recorder).get()
    spec = actors.RunnerSpec(
        "stuck", Echo, stop_timeout=0.1, terminate_timeout=0.1, kill_timeout=0.1
    )
    ref = supervisor.start_runner(spec).get(timeout=LIMIT)
    pid = ref.proxy().pid().get()
    hanging = ref.proxy().ignore_sigterm_and_hang()
    recorder.wait_for_many(lambda event: isinstance(event, actors.TaskAcknowledged), 2)
    # What the kernel does to a process that waits in it for a device.
    monkeypatch.setattr("actors._wires.os.killpg", lambda pid, number: None)
    monkeypatch.setattr("actors._wires.os.kill", lambda pid, number: None)
    try:
        assert ref.stop(timeout=LIMIT) is True
        failure = recorder.wait_for(actors.RunnerFailed)
        assert failure.reason == actors.Unkillable(pid, 0.1)
        assert lost(hanging) == failure
        assert supervisor.runners().get() == ()
    finally:
        monkeypatch.undo()
        # Its channel is closed now, so it may have ended itself.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + LIMIT
        while psutil.pid_exists(pid) and time.monotonic() < deadline:
            os.sched_yield()
    assert not psutil.pid_exists(pid), "it is reaped when it ends yet"
    assert recorder.events(actors.GroupRestarting) == []


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Give a function that makes a module with a runner, and imports it here."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return importlib.import_module(name)

    yield make
    for name in ("vanishing", "crashing"):
        sys.modules.pop(name, None)


def test_class_that_cannot_be_imported_over_there_is_a_failed_start(supervisor, module, tmp_path):
    """The reason is the import's own error, and stderr has the traceback."""
    runner_class = module("vanishing", "import actors\nclass Mine(actors.Runner):\n    pass\n").Mine
    (tmp_path / "vanishing.py").unlink()
    with pytest.raises(actors.StartFailed) as caught:
        supervisor.start_runner(actors.RunnerSpec("x", runner_class)).get(timeout=LIMIT)
    failure = caught.value.failure
    assert isinstance(failure.reason, actors.Raised)
    assert failure.reason.error.type == "ModuleNotFoundError"
    assert failure.phase is actors.Phase.STARTING
    assert "No module named 'vanishing'" in "\n".join(failure.diagnosis.tail)


def test_import_that_segfaults_is_a_failed_start_with_its_stacks(supervisor, module):
    """Native code at import time: the most common one of all."""
    text = """
import ctypes, multiprocessing
import actors
if multiprocessing.parent_process() is not None:
    ctypes.string_at(0)
class Mine(actors.Runner):
    pass
"""
    runner_class = module("crashing", text).Mine
    with pytest.raises(actors.StartFailed) as caught:
        supervisor.start_runner(actors.RunnerSpec("x", runner_class)).get(timeout=LIMIT)
    failure = caught.value.failure
    assert failure.reason.name == "SIGSEGV"
    assert failure.diagnostics[0].cause == "segfault"
    assert "crashing.py" in "\n".join(failure.diagnosis.tail)


def test_signature_that_raises_costs_itself_and_not_the_failure(
    start, failures, monkeypatch, caplog
):
    """The failure is published with what the other signatures have found, and says who raised."""

    def build(_match, _context):
        raise LookupError("a bug of a plug-in")

    broken = Signature(name="broken-plugin", pattern=r"words of the plugin", build=build)
    registered_signatures()
    monkeypatch.setitem(signatures._registry, broken.name, broken)
    proxy = start().proxy()
    proxy.say("words of the plugin\n").get()
    proxy.say("[ring] Receiving from socket 7 failed with errno 104\n").get()
    lost(proxy.hard_exit(1))
    failure = failures.wait_for(actors.RunnerFailed)
    assert failure.diagnostics[0].cause == "ring-socket-receive-errno"
    assert "broken-plugin" in failure.diagnosis.problem
    assert "broken-plugin" in caplog.text
