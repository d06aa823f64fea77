"""What an exception does: to the asker, to the actor, to the others."""

import threading
import traceback

import pykka
import pytest
from citizens import Diarist, Echo
from gate import LIMIT
from household import ERRORS, CodedGroup, DetailedError, TwoPartError

import actors


@pytest.fixture
def ref(start):
    """Give an actor that can fail."""
    return start(Echo)


def error_of(future):
    """Return what a future raises."""
    with pytest.raises(BaseException) as caught:
        future.get(timeout=LIMIT)
    return caught.value


# Under ask.


def test_exception_goes_to_the_asker_in_its_own_type(ref):
    """And the actor lives on."""
    error = error_of(ref.proxy().fail("some text"))
    assert type(error) is ValueError
    assert error.args == ("some text",)
    assert ref.ask("alive", timeout=LIMIT) == "alive"


def test_exception_brings_its_attributes_and_notes(ref):
    """Those of a class of one's own."""
    error = error_of(ref.proxy().fail_oddly("detailed"))
    assert type(error) is DetailedError
    assert error.code == 7
    assert "a note on it" in error.__notes__


@pytest.mark.parametrize(
    "how",
    [
        *("two parts", "prefixed", "keyword", "slotted", "missing", "mixed", "restoring"),
        *("registered", "group", "coded group"),
    ],
)
def test_exception_is_what_was_raised_whatever_its_constructor_takes(ref, how):
    """It is made again as it was: its type, its text, and everything that it carries."""
    raised, error = ERRORS[how](), error_of(ref.proxy().fail_oddly(how))
    assert type(error) is type(raised)
    assert repr(error) == repr(raised)
    assert str(error) == str(raised)
    for name in ("parts", "code", "filename", "errno"):
        assert getattr(error, name, None) == getattr(raised, name, None)
    assert list(map(repr, getattr(error, "exceptions", ()))) == list(
        map(repr, getattr(raised, "exceptions", ()))
    )


def test_group_of_ones_own_is_split_by_those_who_catch_a_part_of_it(ref):
    """With its `derive`, which makes groups of the same class."""
    future = ref.proxy().fail_oddly("coded group")
    caught = []
    try:
        future.get(timeout=LIMIT)
    except* KeyError as group:
        caught.append(group)
    except* TwoPartError as group:
        caught.append(group)
    assert [type(group) for group in caught] == [CodedGroup, CodedGroup]
    assert [(group.code, group.message) for group in caught] == [(7, "code: 7")] * 2
    assert [repr(*group.exceptions) for group in caught] == [
        "KeyError('key')",
        "TwoPartError('left and right')",
    ]


def test_exception_that_refers_to_itself_goes_to_the_asker(ref):
    """As pickles allow."""
    error = error_of(ref.proxy().fail_oddly("selfish"))
    assert type(error) is DetailedError
    assert error.itself is error


def test_handlers_traceback_can_be_read(ref):
    """In what is printed of the exception, wherever it was raised."""
    text = "".join(traceback.format_exception(error_of(ref.proxy().fail())))
    assert "in fail" in text
    assert "raise ValueError(text)\nValueError: as told" in text


def test_cause_of_an_exception_can_be_read(ref):
    """Though it was another exception of the actor's."""
    text = "".join(traceback.format_exception(error_of(ref.proxy().fail_of_a_cause())))
    assert "KeyError: 'the first'" in text
    assert "ValueError: the second" in text


def test_each_asker_gets_its_own_exception(ref):
    """Though the text is the same."""
    first, second = ref.proxy().fail("a"), ref.proxy().fail("b")
    assert str(error_of(first)) == "a"
    assert str(error_of(second)) == "b"


def test_exception_as_an_answer_is_a_value(ref):
    """Only what is raised is raised."""
    assert isinstance(ref.ask(SystemExit(3), timeout=LIMIT), SystemExit)
    assert ref.is_alive()


@pytest.mark.runtimes("process", reason="in one process the exception itself is handed over")
def test_exception_from_a_process_has_a_typed_description(ref):
    """As its cause: type, text and traceback as the runner saw them."""
    remote = error_of(ref.proxy().fail()).__cause__
    assert isinstance(remote, actors.RemoteError)
    assert isinstance(remote.error, actors.RunnerTerminationError)
    assert remote.error.type == "ValueError"
    assert remote.error.message == "as told"
    assert "in fail" in remote.error.traceback


@pytest.mark.runtimes("process", reason="in one process the exception itself is handed over")
@pytest.mark.parametrize(
    ("how", "type_name"),
    [
        ("unmakable", "household.UnmakableError"),
        ("locked", "household.LockedError"),
    ],
)
def test_exception_that_cannot_be_rebuilt_is_described(ref, how, type_name):
    """By an error that names its type and shows its traceback; the runner lives on."""
    error = error_of(ref.proxy().fail_oddly(how))
    assert type(error) is actors.RemoteError
    assert error.error.type == type_name
    assert type_name in str(error)
    assert "in fail_oddly" in "".join(traceback.format_exception(error))
    assert ref.ask("alive", timeout=LIMIT) == "alive"


@pytest.mark.runtimes("pykka", "thread", reason="an object of another process is not ours")
@pytest.mark.parametrize("how", ["two parts", "unmakable", "locked", "local"])
def test_any_exception_is_handed_over(ref, how):
    """As the object that was raised, with its own traceback."""
    error = error_of(ref.proxy().fail_oddly(how))
    assert error.__cause__ is None
    assert error.__traceback__ is not None
    assert ref.ask("alive", timeout=LIMIT) == "alive"


# Under tell.


@pytest.mark.parametrize("by", ["tell", "defer"])
def test_exception_nobody_waits_for_ends_the_actor(runtime, start, tmp_path, by):
    """What comes later is answered as lost."""
    ref = start(Diarist, str(tmp_path / "diary"))
    if by == "tell":
        ref.tell("fail")
    else:
        ref.proxy().on_receive.defer("fail")
    runtime.wait_for_end(ref)
    assert not ref.is_alive()
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("x", timeout=LIMIT)
    assert ref.stop(timeout=LIMIT) is False


def test_messages_behind_a_failure_are_answered_as_lost(runtime, ref):
    """They were in the inbox by then, and nobody handles them."""
    gate = runtime.gate()
    ref.proxy().fail_after.defer(gate.folder)
    gate.wait()
    late = [ref.ask(number, block=False) for number in range(5)]
    gate.open()
    for future in late:
        assert isinstance(error_of(future), pykka.ActorDeadError)


@pytest.mark.runtimes("process", reason="only a supervisor publishes failures")
def test_exception_nobody_waits_for_is_published(runtime, ref, recorder):
    """Once, with its description."""
    runtime.supervisor.subscribe(recorder, actors.RunnerFailed).get(timeout=LIMIT)
    ref.proxy().fail.defer()
    failure = recorder.wait_for(actors.RunnerFailed)
    runtime.wait_for_end(ref)
    assert failure.runner_id == "runner 1"
    assert isinstance(failure.reason, actors.Raised)
    assert failure.reason.error.type == "ValueError"
    assert "in fail" in failure.reason.error.traceback
    assert len(recorder.events(actors.RunnerFailed)) == 1


# Leaving.


@pytest.mark.runtimes("thread", "process", reason="Pykka stops every actor, and answers nobody")
@pytest.mark.parametrize("how", ["SystemExit", "KeyboardInterrupt"])
@pytest.mark.parametrize("asked", [True, False])
def test_leaving_ends_the_one_that_leaves(runtime, ref, start, how, asked):
    """Its asker is answered, and no other actor is touched."""
    other = start(Echo)
    if asked:
        error = error_of(ref.proxy().leave(how))
        assert isinstance(error, pykka.ActorDeadError)
        assert how in str(error)
    else:
        ref.proxy().leave.defer(how)
    runtime.wait_for_end(ref)
    assert not ref.is_alive()
    assert other.ask("alive", timeout=LIMIT) == "alive"


@pytest.mark.runtimes("thread", "process", reason="Pykka stops every actor, and answers nobody")
def test_any_other_base_exception_ends_its_actor_only(runtime, ref, start):
    """What is no `Exception` is nothing to answer with."""
    other = start(Echo)
    error = error_of(ref.proxy().fail_oddly("strange"))
    assert isinstance(error, pykka.ActorDeadError)
    assert "StrangeExit" in str(error)
    runtime.wait_for_end(ref)
    assert other.ask("alive", timeout=LIMIT) == "alive"


@pytest.mark.runtimes("pykka", reason="ours end only the one that leaves")
def test_leaving_in_pykka_ends_every_actor_and_answers_nobody(runtime, ref, start):
    """What runners must not do."""
    other = start(Echo)
    future = ref.proxy().leave()
    runtime.wait_for_end(ref)
    runtime.wait_for_end(other)
    assert not other.is_alive()
    with pytest.raises(pykka.Timeout):
        future.get(timeout=0)


@pytest.mark.runtimes("thread", "process", reason="Pykka stops every actor")
def test_messages_behind_one_that_leaves_are_answered_as_lost(runtime, ref):
    """As behind any failure."""
    gate = runtime.gate()
    first = ref.proxy().leave_after(gate.folder)
    gate.wait()
    late = ref.ask("late", block=False)
    gate.open()
    for future in (first, late):
        assert isinstance(error_of(future), pykka.ActorDeadError)


# Starting.


def test_constructor_without_its_arguments_fails_the_start(runtime, start):
    """With Python's own words, wherever it was called."""
    expected = actors.StartFailed if runtime.in_process else TypeError
    with pytest.raises(expected, match="missing 1 required positional argument: 'path'"):
        start(Diarist)
    assert pykka.ActorRegistry.get_by_class(Diarist) == []


def test_failing_constructor_fails_the_start(runtime, start, tmp_path):
    """The exception is raised where the constructor ran, and is in the failure of a process."""
    expected = actors.StartFailed if runtime.in_process else LookupError
    with pytest.raises(expected, match="cannot __init__") as caught:
        start(Diarist, str(tmp_path / "diary"), fail_in="__init__")
    if runtime.in_process:
        assert caught.value.failure.reason.error.type == "LookupError"
    assert pykka.ActorRegistry.get_by_class(Diarist) == []


@pytest.mark.runtimes("thread", "process", reason="Pykka gives a ref to an actor that is dead")
def test_failing_on_start_fails_the_start(runtime, start, tmp_path):
    """As the constructor does."""
    expected = actors.StartFailed if runtime.in_process else LookupError
    with pytest.raises(expected, match="cannot on_start") as caught:
        start(Diarist, str(tmp_path / "diary"), fail_in="on_start")
    if runtime.in_process:
        assert caught.value.failure.reason.error.type == "LookupError"
    assert pykka.ActorRegistry.get_by_class(Diarist) == []


@pytest.mark.runtimes("thread", "process", reason="Pykka gives a ref to an actor that is dead")
def test_leaving_in_on_start_fails_the_start(runtime, start, tmp_path):
    """And does not end whoever starts it."""
    expected = actors.StartFailed if runtime.in_process else pykka.ActorDeadError
    with pytest.raises(expected, match="SystemExit"):
        start(Diarist, str(tmp_path / "diary"), leave_in="on_start")
    assert pykka.ActorRegistry.get_by_class(Diarist) == []


@pytest.mark.runtimes("pykka", reason="ours make the start fail")
def test_failing_on_start_in_pykka_gives_a_dead_ref(runtime, start, tmp_path):
    """Nobody is told, unless the log is read."""
    ref = start(Diarist, str(tmp_path / "diary"), fail_in="on_start")
    runtime.wait_for_end(ref)
    with pytest.raises(pykka.ActorDeadError):
        ref.ask("x", timeout=LIMIT)


# Ends that are raced with.

ENDS = {
    "stop": lambda ref: ref.stop(block=False),
    "own stop": lambda ref: ref.proxy().stop.defer(),
    "failure": lambda ref: ref.proxy().fail.defer(),
    "SystemExit": lambda ref: ref.proxy().leave.defer(),
}


@pytest.mark.runtimes(
    "thread", "process", reason="in Pykka an ask may find the actor alive for ever"
)
@pytest.mark.parametrize("end", ENDS)
def test_every_ask_that_races_with_the_end_is_answered(runtime, start, end):
    """With the answer or as lost, whoever asks and whenever."""
    for _ in range(2 if runtime.in_process else 20):
        ref = start(Echo)
        askers = 6
        ready = threading.Barrier(askers + 1)
        problems, outcomes = [], []

        def ask(ref=ref, ready=ready, problems=problems, outcomes=outcomes):
            ready.wait(LIMIT)
            number = 0
            while True:
                number += 1
                try:
                    if ref.ask(number, timeout=LIMIT) != number:
                        problems.append("wrong answer")
                except pykka.ActorDeadError:
                    outcomes.append(number)
                    return
                except BaseException as error:
                    problems.append(error)
                    return

        threads = [threading.Thread(target=ask) for _ in range(askers)]
        for thread in threads:
            thread.start()
        ready.wait(LIMIT)
        ENDS[end](ref)
        for thread in threads:
            thread.join(LIMIT)
        runtime.wait_for_end(ref)
        assert problems == []
        assert len(outcomes) == askers
