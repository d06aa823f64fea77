"""Groups: one failure explained by another, restarted as a whole, within an intensity."""

import os
import signal
import socket

import pykka
import pytest
from faulty import Lifecycle, Member
from gate import wait_until_gone

import actors
from diagnostics import Role

LIMIT = 30


def group_spec(*ids, runner_class=Member, **options):
    """Return a group of runners of one class."""
    return actors.GroupSpec(
        "ring", [actors.RunnerSpec(each, runner_class, stop_timeout=1.0) for each in ids], **options
    )


def fail(refs, *asks):
    """Ask members, and return the failures by id."""
    futures = {each: ask(refs[each].proxy()) for each, ask in asks}
    failures = {}
    for each, future in futures.items():
        with pytest.raises(actors.RunnerFailedError) as caught:
            future.get(timeout=LIMIT)
        failures[each] = caught.value.failure
    return failures


def test_group_starts_every_member_and_gives_the_refs_by_id(supervisor):
    """In spec order."""
    refs = supervisor.start_group(group_spec("a", "b", "c")).get(timeout=LIMIT)
    assert list(refs) == ["a", "b", "c"]
    assert len({ref.proxy().pid().get() for ref in refs.values()}) == 3
    assert [info.group_id for info in supervisor.runners().get()] == ["ring"] * 3


def test_root_cause_is_the_member_that_was_killed(supervisor, failures):
    """The others say themselves that they only lost a peer."""
    refs = supervisor.start_group(group_spec("a", "b", "c")).get(timeout=LIMIT)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        futures = [refs[each].proxy().lose_peer_on_line(address) for each in ("a", "c")]
        lines = [server.accept()[0] for _ in futures]
        os.kill(refs["b"].proxy().pid().get(), signal.SIGKILL)
        for line in lines:
            line.close()
        for future in futures:
            with pytest.raises(actors.RunnerFailedError):
                future.get(timeout=LIMIT)
    published = {each.runner_id: each for each in failures.wait_for_many(actors.RunnerFailed, 3)}
    assert {each.root_cause for each in published.values()} == {"b"}
    assert published["b"].role is Role.ROOT
    assert published["a"].role is published["c"].role is Role.AFTER_EFFECT
    assert published["a"].diagnostics[0].cause == "ring-peer-closed"
    assert "after-effect of the failure of 'b'" in published["a"].error_message


def test_root_cause_may_end_after_its_after_effects(supervisor):
    """A failing rank may take longer to die than those who notice."""
    refs = supervisor.start_group(group_spec("a", "b", settle=5.0)).get(timeout=LIMIT)
    with socket.create_server(("127.0.0.1", 0)) as server:
        dying = (
            refs["b"].proxy().die_on_line(server.getsockname(), "RuntimeError: [METAL] broken\n")
        )
        line, _address = server.accept()
        noticing = refs["a"].proxy().lose_peer()
        while any(info.pid for info in supervisor.runners().get() if info.runner_id == "a"):
            os.sched_yield()
        line.close()
        failures = {}
        for each, future in (("a", noticing), ("b", dying)):
            with pytest.raises(actors.RunnerFailedError) as caught:
                future.get(timeout=LIMIT)
            failures[each] = caught.value.failure
    assert failures["a"].failed_at < failures["b"].failed_at
    assert failures["a"].root_cause == "b"
    assert failures["a"].role is Role.AFTER_EFFECT


def test_whole_group_is_started_again_and_the_refs_stay_valid(supervisor, recorder):
    """Messages sent meanwhile wait for the next incarnation."""
    supervisor.subscribe(recorder).get()
    refs = supervisor.start_group(group_spec("a", "b", settle=0.1)).get(timeout=LIMIT)
    pids = {each: ref.proxy().pid().get() for each, ref in refs.items()}
    fail(refs, ("a", lambda proxy: proxy.abort()))
    assert refs["a"].ask("again", timeout=LIMIT) == "again"
    assert refs["b"].ask("again", timeout=LIMIT) == "again"
    assert all(refs[each].proxy().pid().get() != pid for each, pid in pids.items())
    restarting = recorder.wait_for(actors.GroupRestarting)
    assert restarting == actors.GroupRestarting("ring", ("a", "b"), 2)
    assert [info.incarnation for info in supervisor.runners().get()] == [2, 2]
    assert len(recorder.events(actors.RunnerFailed)) == 1


def test_tasks_of_members_that_are_stopped_fail_with_the_root_cause(supervisor):
    """They end with the failure that took the group down, not with a stop."""
    refs = supervisor.start_group(group_spec("a", "b", settle=0.1)).get(timeout=LIMIT)
    failures = fail(
        refs,
        ("b", lambda proxy: proxy.hang()),
        ("a", lambda proxy: proxy.abort()),
    )
    assert failures["b"] == failures["a"]
    assert failures["b"].runner_id == "a"


def test_streams_end_with_an_error_chunk(supervisor, recorder):
    """After the chunks that had come; once."""
    supervisor.subscribe(recorder, actors.ErrorChunk | actors.TaskStatusUpdated).get()
    refs = supervisor.start_group(group_spec("a", "b", settle=0.1)).get(timeout=LIMIT)
    stream = refs["b"].proxy().endless().get()
    assert next(stream) == 0
    fail(refs, ("a", lambda proxy: proxy.abort()))
    with pytest.raises(actors.RunnerFailedError) as caught:
        stream.result()
    chunks = {chunk.runner_id: chunk for chunk in recorder.wait_for_many(actors.ErrorChunk, 2)}
    assert caught.value.chunk == chunks["b"]
    assert chunks["b"].sequence > 0
    assert chunks["a"].error_message == caught.value.failure.error_message
    running = actors.TaskStatus.RUNNING
    ends = recorder.wait_for_many(lambda event: getattr(event, "status", running) is not running, 2)
    assert sorted((event.runner_id, event.status) for event in ends) == [
        ("a", actors.TaskStatus.FAILED),
        ("b", actors.TaskStatus.FAILED),
    ]


def test_group_gives_up_at_its_intensity(supervisor, recorder):
    """Whoever asks afterwards gets the last failure."""
    supervisor.subscribe(recorder).get()
    spec = group_spec(
        "a", "b", settle=0.1, intensity=actors.Intensity(max_restarts=1, max_seconds=60)
    )
    refs = supervisor.start_group(spec).get(timeout=LIMIT)
    fail(refs, ("a", lambda proxy: proxy.abort()))
    fail(refs, ("b", lambda proxy: proxy.hard_exit(3)))
    gave_up = recorder.wait_for(actors.GroupGaveUp)
    assert gave_up.group_id == "ring"
    assert "1 restart within 60 s" in gave_up.explanation
    wait_until_gone(supervisor, *refs.values())
    with pytest.raises(pykka.ActorDeadError):
        refs["a"].ask("anybody?", timeout=LIMIT)
    assert len(supervisor.failures().get()) == 2


def test_member_that_fails_to_start_fails_the_group_and_stops_the_others(supervisor):
    """Nothing is left half-started."""
    members = [
        actors.RunnerSpec("good", Lifecycle, args=("no",)),
        actors.RunnerSpec("bad", Lifecycle, args=("on_start",)),
    ]
    with pytest.raises(actors.StartFailed) as caught:
        supervisor.start_group(actors.GroupSpec("ring", members)).get(timeout=LIMIT)
    assert caught.value.failure.runner_id == "bad"
    assert supervisor.runners().get() == ()
    assert supervisor.start_group(group_spec("good", "bad")).get(timeout=LIMIT)


def test_failure_during_a_restart_counts_as_another_restart(supervisor, failures, tmp_path):
    """The group comes back as soon as it can."""
    done = tmp_path / "done"
    done.write_text("do not fail in the first incarnation")
    spec = actors.GroupSpec(
        "ring",
        [
            actors.RunnerSpec("a", Member),
            actors.RunnerSpec("b", Lifecycle, args=("load", "raise", str(done))),
        ],
        settle=0.1,
    )
    refs = supervisor.start_group(spec).get(timeout=LIMIT)
    assert refs["b"].ask("loaded", timeout=LIMIT) == "loaded"
    done.unlink()
    fail(refs, ("a", lambda proxy: proxy.abort()))
    published = failures.wait_for_many(actors.RunnerFailed, 2)
    assert [(each.runner_id, each.incarnation) for each in published] == [("a", 1), ("b", 2)]
    assert published[1].phase is actors.Phase.LOADING
    assert refs["b"].ask("up", timeout=LIMIT) == "up"
    assert {info.incarnation for info in supervisor.runners().get()} == {3}


def test_fatal_line_of_a_living_process_is_acted_on(supervisor, failures):
    """MLX before 0.32.1 prints it and hangs for ever (ml-explore/mlx#3862)."""
    spec = actors.RunnerSpec("rank", Member, fatal_grace=0.2, restart=actors.Restart.TEMPORARY)
    ref = supervisor.start_runner(spec).get(timeout=LIMIT)
    failure = fail({"rank": ref}, ("rank", lambda proxy: proxy.print_fatal_and_hang()))["rank"]
    assert failure.reason == actors.FatalOutput("ring-transport-abort", 0.2)
    assert "in print_fatal_and_hang" in "\n".join(failure.diagnosis.tail)
    assert failures.wait_for(actors.RunnerFailed) == failure


def test_hung_member_is_the_root_cause_and_those_waiting_for_it_are_not(supervisor):
    """Whoever declared that it waits for a peer is an after-effect."""
    members = [
        actors.RunnerSpec(each, Member, progress_timeout=0.5, stop_timeout=1.0)
        for each in ("a", "b", "c")
    ]
    spec = actors.GroupSpec("ring", members, settle=5.0)
    refs = supervisor.start_group(spec).get(timeout=LIMIT)
    failures = fail(
        refs,
        ("a", lambda proxy: proxy.wait_for_peer_for_ever()),
        ("b", lambda proxy: proxy.hang()),
        ("c", lambda proxy: proxy.wait_for_peer_for_ever()),
    )
    assert {each.root_cause for each in failures.values()} == {"b"}


class Environment:
    """Counts its incarnations."""

    def __init__(self):
        self.opened = []
        self.closed = 0

    def open(self, incarnation, members):
        self.opened.append((incarnation, tuple(members)))
        return {each: {"RUNNER_RANK": f"{incarnation}.{n}"} for n, each in enumerate(members)}

    def close(self):
        self.closed += 1


def test_environment_is_made_anew_for_each_incarnation(supervisor):
    """And given back at the end."""
    environment = Environment()
    refs = supervisor.start_group(group_spec("a", "b", settle=0.1, environment=environment)).get(
        timeout=LIMIT
    )
    assert refs["b"].proxy().environment("RUNNER_RANK").get() == "1.1"
    fail(refs, ("a", lambda proxy: proxy.abort()))
    assert refs["b"].proxy().environment("RUNNER_RANK").get(timeout=LIMIT) == "2.1"
    assert supervisor.stop_group("ring").get(timeout=LIMIT) is True
    assert environment.opened == [(1, ("a", "b")), (2, ("a", "b"))]
    assert environment.closed == 2


def test_environment_that_cannot_be_made_fails_the_start(supervisor):
    """With what it raised."""

    class Broken(Environment):
        def open(self, incarnation, members):
            raise OSError("no port is free")

    with pytest.raises(actors.StartFailed, match="no port is free"):
        supervisor.start_group(group_spec("a", "b", environment=Broken())).get(timeout=LIMIT)
    assert supervisor.runners().get() == ()
