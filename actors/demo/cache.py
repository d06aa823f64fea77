"""What a shard remembers of the tokens that it has seen."""

from typing import final

import attrs
import mlx.core as mx


@final
@attrs.define
class Cache:
    """
    Keys and values of the last tokens, so that each step computes the new token only.

    Attributes:
        layers: Keys and values by number of layer.
        before: The last two token numbers, in the shard that holds the first layer.
        tokens: How many tokens were seen.
    """

    layers: dict[int, tuple[mx.array, mx.array]] = attrs.field(factory=dict)
    before: mx.array | None = None
    tokens: int = 0
