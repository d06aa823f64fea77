"""Real rings of real processes, without the command line."""

import json
import os
import signal
import socket
from pathlib import Path

import attrs
import pytest

pytest.importorskip("mlx.core")

import mlx.core as mx

from actors.demo.cache import Cache
from actors.demo.messages import Generate, Train
from actors.demo.runners import RingMember, Trainer
from actors.demo.tokenizer import Tokenizer, read_corpus
from actors.demo.training import new_model, parameters
from actors.demo.weights import is_whole
from actors.messages import RunnerFailed, RunnerLoading, RunnerStatusUpdated
from actors.mlx_ring import RingEnvironment, ring_group
from actors.reasons import Phase
from actors.specs import RunnerSpec
from actors.supervisor_proxy import supervise
from diagnostics.findings import Role

pytestmark = pytest.mark.mlx

TOKENS = 5


def alone(model, prompt):
    """Return what the whole model generates in one process."""
    cache, tokens = Cache(), []
    x = mx.array([prompt])
    for _ in range(TOKENS):
        chosen = mx.argmax(model(x, cache)[:, -1], axis=-1)
        tokens.append(chosen.item())
        x = chosen[None]
    return tokens


def whole_model(small, folder):
    """Save a model that nobody has trained, and return its file."""
    tokenizer = Tokenizer.from_text(read_corpus())
    path = folder / "weights.safetensors"
    mx.save_safetensors(str(path), parameters(new_model(small, len(tokenizer.vocabulary))))
    return path


@pytest.mark.parametrize("size", [2, 3])
def test_a_ring_generates_what_the_whole_model_generates(small, size, tmp_path, recorder):
    """Token for token; and each rank has told how its loading went on."""
    tokenizer = Tokenizer.from_text(read_corpus())
    model = new_model(small, len(tokenizer.vocabulary))
    path = tmp_path / "weights.safetensors"
    mx.save_safetensors(str(path), parameters(model))
    prompt = tokenizer.encode("The ship")
    spec = ring_group("ring", RingMember, size, args=(small, str(path)))
    with supervise() as supervisor:
        supervisor.subscribe(recorder, RunnerStatusUpdated).get()
        refs = supervisor.start_group(spec).get(timeout=30)
        futures = [ref.ask(Generate(tuple(prompt), TOKENS), block=False) for ref in refs.values()]
        answers = [list(future.get(timeout=30)) for future in futures]
    assert answers[0] == [tokenizer.decode([token]) for token in alone(model, prompt)]
    assert answers[1:] == [list(range(TOKENS))] * (size - 1)
    loaded = {
        event.runner_id: event.status
        for event in recorder.events(RunnerStatusUpdated)
        if isinstance(event.status, RunnerLoading)
    }
    assert set(loaded) == {f"ring-rank-{rank}" for rank in range(size)}
    assert all(status.layers_loaded == status.total_layers > 0 for status in loaded.values())


def test_a_trainer_streams_its_steps_and_leaves_a_whole_file(small, tmp_path):
    """And nothing else."""
    path = tmp_path / "new" / "weights.safetensors"
    with supervise() as supervisor:
        trainer = supervisor.start_runner(RunnerSpec("trainer", Trainer, (small,))).get(timeout=30)
        steps = list(trainer.ask(Train(str(path)), timeout=30))
    assert [step.step for step in steps] == list(range(1, small.steps + 1))
    assert steps[-1].loss < steps[0].loss
    assert is_whole(path)
    assert list(path.parent.iterdir()) == [path]


class FirstPortTaken:
    """A ring's environment whose second host file names a port that somebody else listens on."""

    def __init__(self, port):
        self._port = port
        self._ring = RingEnvironment()

    def open(self, incarnation, members):
        variables = self._ring.open(incarnation, members)
        if incarnation == 2:
            path = Path(variables[members[0]]["MLX_HOSTFILE"])
            hosts = json.loads(path.read_text())
            hosts[0] = [f"127.0.0.1:{self._port}"]
            path.write_text(json.dumps(hosts))
        return variables

    def close(self):
        self._ring.close()


def test_a_ring_whose_port_is_taken_says_so_and_comes_back_on_other_ports(
    small, tmp_path, recorder
):
    """The failure names the cause, and the next incarnation has a host file of its own."""
    spec = ring_group("ring", RingMember, 2, args=(small, str(whole_model(small, tmp_path))))
    with socket.create_server(("127.0.0.1", 0)) as taken, supervise() as supervisor:
        supervisor.subscribe(recorder).get()
        spec = attrs.evolve(spec, environment=FirstPortTaken(taken.getsockname()[1]))
        refs = supervisor.start_group(spec).get(timeout=30)
        os.kill(supervisor.runners().get()[0].pid, signal.SIGKILL)
        failure = recorder.wait_for(
            lambda event: (
                isinstance(event, RunnerFailed)
                and event.incarnation == 2
                and event.role is Role.ROOT
            )
        )
        assert failure.phase is Phase.CONNECTING
        assert failure.diagnostics[0].cause == "ring-bind-failed"
        assert failure.diagnostics[0].errno_name == "EADDRINUSE"
        assert failure.role is Role.ROOT
        prompt = tuple(Tokenizer.from_text(read_corpus()).encode("The ship"))
        futures = [ref.ask(Generate(prompt, TOKENS), block=False) for ref in refs.values()]
        assert [len(list(future.get(timeout=30))) for future in futures] == [TOKENS, TOKENS]
        assert {info.incarnation for info in supervisor.runners().get()} == {3}
