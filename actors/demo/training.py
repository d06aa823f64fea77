"""Some seconds of training: from a text to weights."""

import random
from collections.abc import Iterator, Sequence
from typing import Final

import mlx.core as mx
import mlx.optimizers as optim
from mlx import nn
from mlx.utils import tree_flatten

from actors.demo.config import ModelConfig
from actors.demo.model import Shard

_WARM_UP: Final = 8
"""Steps until the full learning rate: Adam's first estimates are not to be trusted with it."""


def train(model: Shard, config: ModelConfig, tokens: Sequence[int]) -> Iterator[float]:
    """
    Train a whole model to predict the next token of a text.

    Args:
        model: The model, changed in place.
        config: How it is trained.
        tokens: The text.

    Yields:
        The loss after each step.
    """
    text = mx.array(list(tokens))
    schedule = optim.join_schedules(
        [
            optim.linear_schedule(0.0, config.learning_rate, _WARM_UP),
            optim.cosine_decay(config.learning_rate, config.steps),
        ],
        [_WARM_UP],
    )
    # Without the correction MLX's Adam takes threefold steps at first, from which a model that
    # is trained this short never recovers.
    optimizer = optim.AdamW(schedule, betas=[0.9, 0.95], weight_decay=0.0, bias_correction=True)
    loss_and_gradients = nn.value_and_grad(model, _loss)
    windows = _windows(config, len(tokens))
    for _ in range(config.steps):
        starts = mx.array([next(windows) for _ in range(config.batch)])[:, None]
        places = starts + mx.arange(config.context)
        loss, gradients = loss_and_gradients(model, text[places], text[places + 1])
        gradients, _ = optim.clip_grad_norm(gradients, 1.0)
        optimizer.update(model, gradients)
        mx.eval(loss, model.parameters(), optimizer.state)
        yield loss.item()


def new_model(config: ModelConfig, vocabulary: int) -> Shard:
    """Return a whole model with fresh weights, the same ones each time."""
    mx.random.seed(config.seed)
    model = Shard(config, vocabulary, range(config.layers))
    mx.eval(model.parameters())
    return model


def parameters(model: Shard) -> dict[str, mx.array]:
    """Return a model's weights by their full names."""
    return dict(tree_flatten(model.parameters()))


def _loss(model: Shard, tokens: mx.array, targets: mx.array) -> mx.array:
    loss: mx.array = nn.losses.cross_entropy(model(tokens), targets, reduction="mean")
    return loss


def _windows(config: ModelConfig, length: int) -> Iterator[int]:
    """Yield where windows of text start, so that each passage comes about equally often."""
    last = length - config.context - 1
    if last < 0:
        raise ValueError(f"a text of {length} tokens has no window of {config.context + 1}")
    chance = random.Random(config.seed)  # noqa: S311 - nothing secret about it
    while True:
        first = chance.randrange(min(config.context, last + 1))
        starts = list(range(first, last + 1, config.context))
        chance.shuffle(starts)
        yield from starts
