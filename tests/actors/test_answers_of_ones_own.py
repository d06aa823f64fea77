"""An asker sets a hook on the future of an ask that is pending: the runner's answer is dropped."""

import threading

import pykka
import pytest
from patient import Patient, PatientLoop

LIMIT = 60.0
"""Seconds, met only in a deadlock."""


@pytest.fixture(params=[Patient, PatientLoop])
def proxy(request, place):
    """Give the proxy of a runner of either kind."""
    return place.start(request.param).proxy()


@pytest.mark.parametrize("method", ["hold", "hold_and_fail", "hold_and_stream"])
def test_answer_that_cannot_be_given_any_more_is_dropped(proxy, fifo, latch, method):
    """A value, an exception or a stream; the runner lives on."""
    future = getattr(proxy, method)(fifo.path, latch.path)
    assert fifo.read() == "begun"
    future.set_get_hook(lambda _timeout: "made")
    latch.write()
    assert future.get(timeout=LIMIT) == "made"
    assert proxy.is_cancelled().get(timeout=LIMIT) is False


def test_refusal_that_cannot_be_given_any_more_is_dropped(proxy, fifo, latch):
    """Those who wait behind it are answered."""
    leaving = proxy.hold_and_leave(fifo.path, latch.path)
    assert fifo.read() == "begun"
    hooked, waiting = proxy.log("hooked"), proxy.log("waiting")
    for future in (leaving, hooked):
        future.set_get_hook(lambda _timeout: "made")
    latch.write()
    with pytest.raises(pykka.ActorDeadError):
        waiting.get(timeout=LIMIT)
    assert leaving.get(timeout=LIMIT) == hooked.get(timeout=LIMIT) == "made"


def test_supervisor_survives_an_answer_that_it_cannot_give_any_more(supervisor):
    """A value or an exception; with it every runner would end."""
    ref = supervisor.actor_ref
    released = ref._actor_weakref().released = threading.Event()
    ref.tell(pykka.messages.ProxyCall(("released", "wait"), (LIMIT,), {}))
    futures = [supervisor.runners(), supervisor.stop_runner("nobody")]
    for future in futures:
        future.set_get_hook(lambda _timeout: "made")
    released.set()
    assert supervisor.runners().get(timeout=LIMIT) == ()
    assert [future.get(timeout=LIMIT) for future in futures] == ["made"] * 2
