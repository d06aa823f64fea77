"""One rank's part of the model, and the ring that joins it to the others."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, final

import mlx.core as mx

from actors.demo.cache import Cache
from actors.demo.config import ModelConfig
from actors.demo.model import Shard

WaitingFor = Callable[[str], AbstractContextManager[None]]
"""Declares for whom one waits: `Runner.waiting_for`."""


def join_ring() -> Any:
    """Return the group of all ranks, as MLX_RANK and MLX_HOSTFILE say. Blocks for all of them."""
    return mx.distributed.init(strict=True, backend="ring")


@final
class Pipeline:
    """
    Consecutive layers of the model as one rank of a ring.

    Every rank calls `steps` for the same prompt and the same number of tokens. Activations go
    from each rank to the next one; the token that the last rank chooses goes to the first,
    which is its neighbour because a ring closes.

    Args:
        config: What the model looks like.
        vocabulary: How many tokens there are.
        group: The ring.
        waiting_for: Called around everything that may block because of another rank.
    """

    def __init__(
        self, config: ModelConfig, vocabulary: int, group: Any, waiting_for: WaitingFor
    ) -> None:
        self._width = config.width
        self._group = group
        self._rank: int = group.rank()
        self._size: int = group.size()
        self._waiting_for = waiting_for
        self._shard = Shard(config, vocabulary, config.layers_of(self._rank, self._size))

    def load(self, path: Path) -> Iterator[tuple[int, int]]:
        """
        Load this rank's part of the weights.

        Args:
            path: The whole model's file. Only what is needed is read from it.

        Yields:
            How many parts are loaded, and how many there are.
        """
        weights: Any = mx.load(str(path))
        parts = self._shard.parts()
        yield 0, len(parts)
        for number, part in enumerate(parts, start=1):
            prefix = f"{part}."
            own = [
                (name.removeprefix(prefix), value)
                for name, value in weights.items()
                if name.startswith(prefix)
            ]
            module = self._shard[part]
            module.load_weights(own)
            mx.eval(module.parameters())
            yield number, len(parts)

    def steps(self, prompt: list[int], tokens: int) -> Iterator[int | None]:
        """
        Take this rank's part in the making of some tokens.

        Args:
            prompt: The tokens to go on from.
            tokens: How many to make.

        Yields:
            After each step: the new token on the first rank, `None` on the others.
        """
        cache = Cache()
        received = mx.array([prompt])
        for step in range(tokens):
            if self._rank > 0:
                length = 1 if step else len(prompt)
                received = self._receive((1, length, self._width), mx.float32, self._rank - 1)
            result = self._shard(received, cache)
            if self._rank < self._size - 1:
                self._send(result, self._rank + 1)
            else:
                self._send(mx.argmax(result[:, -1], axis=-1).astype(mx.int32), 0)
            if self._rank > 0:
                yield None
                continue
            token = self._receive((1,), mx.int32, self._size - 1)
            yield int(token.item())
            received = token[None]

    def _receive(self, shape: tuple[int, ...], dtype: Any, source: int) -> mx.array:
        with self._waiting_for(f"rank {source}"):
            received = mx.distributed.recv(shape, dtype, source, group=self._group)
            mx.eval(received)
        return received

    def _send(self, array: mx.array, target: int) -> None:
        # The computation is our own work; only the sending may block because of the other.
        mx.eval(array)
        with self._waiting_for(f"rank {target}"):
            mx.eval(mx.distributed.send(array, target, group=self._group))
