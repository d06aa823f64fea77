"""The demonstration's runners. MLX is imported in their own processes only."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from actors.demo.config import ModelConfig
from actors.demo.faults import strike
from actors.demo.messages import Generate, Train, TrainingStep
from actors.demo.tokenizer import Tokenizer, read_corpus
from actors.demo.weights import remove_partial, write_atomically
from actors.messages import Progress
from actors.runner import Runner

if TYPE_CHECKING:
    from actors.demo.pipeline import Pipeline

_LEFT_BEHIND: Final = 3600.0
"""Seconds after which a partial file of weights is nobody's: training takes some seconds."""

_WARM_UP_TOKENS: Final = 2


@final
class Trainer(Runner):
    """
    Makes the weights.

    Args:
        config: What the model looks like and how it is trained.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self._config = config

    def on_receive(self, message: Any) -> Any:
        """Answer `Train` with a stream of steps; at its end the file is there."""
        match message:
            case Train(path):
                return self._train(Path(path))
            case _:
                raise TypeError(f"a trainer does not understand {type(message).__name__}")

    def _train(self, path: Path) -> Iterator[TrainingStep]:
        import mlx.core as mx  # noqa: PLC0415 - an optional dependency, see the module

        from actors.demo.training import (  # noqa: PLC0415 - imports MLX
            new_model,
            parameters,
            train,
        )

        text = read_corpus()
        tokenizer = Tokenizer.from_text(text)
        model = new_model(self._config, len(tokenizer.vocabulary))
        losses = train(model, self._config, tokenizer.encode(text))
        for step, loss in enumerate(losses, start=1):
            yield TrainingStep(step, self._config.steps, loss)
        weights = parameters(model)
        write_atomically(path, lambda name: mx.save_safetensors(name, weights))
        remove_partial(path.parent, older_than=path.stat().st_mtime - _LEFT_BEHIND)


@final
class RingMember(Runner):
    """
    One rank of the pipeline.

    Args:
        config: What the model looks like.
        weights: The whole model's file.
    """

    # A rank that gave up one message would be out of step with the others for ever.
    let_it_crash = True

    _pipeline: "Pipeline"

    def __init__(self, config: ModelConfig, weights: str) -> None:
        super().__init__()
        self._config = config
        self._weights = Path(weights)
        self._tokenizer = Tokenizer.from_text(read_corpus())

    def connect(self) -> None:
        """Join the ring."""
        from actors.demo.pipeline import Pipeline, join_ring  # noqa: PLC0415 - imports MLX

        with self.waiting_for("the other ranks"):
            group = join_ring()
        vocabulary = len(self._tokenizer.vocabulary)
        self._pipeline = Pipeline(self._config, vocabulary, group, self.waiting_for)

    def load(self) -> Iterator[Progress]:
        """Load this rank's layers."""
        for loaded, total in self._pipeline.load(self._weights):
            yield Progress(loaded, total)

    def warm_up(self) -> None:
        """Let some tokens go round."""
        for _ in self._pipeline.steps([0], _WARM_UP_TOKENS):
            pass

    def on_receive(self, message: Any) -> Any:
        """Answer `Generate` with a stream."""
        match message:
            case Generate():
                return self._generate(message)
            case _:
                raise TypeError(f"a rank does not understand {type(message).__name__}")

    def _generate(self, message: Generate) -> Iterator[str | int]:
        steps = self._pipeline.steps(list(message.prompt), message.tokens)
        try:
            for step, token in enumerate(steps):
                if step == message.fault_after:
                    strike(message.fault)
                yield step if token is None else self._tokenizer.decode([token])
        except GeneratorExit:
            # Nobody reads any more, but the other ranks count on this one to the end.
            deque(steps, maxlen=0)
            raise
