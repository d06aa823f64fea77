"""What the demonstration's language model looks like, and which rank holds which of its layers."""

from typing import Final

import attrs


@attrs.frozen(kw_only=True)
class ModelConfig:
    """
    A small transformer, and how it is trained.

    Attributes:
        layers: Transformer blocks.
        width: Length of the vector that stands for one token.
        heads: Attention heads of each block; one is quickest on a CPU.
        hidden: Width of each block's feed-forward part.
        context: Tokens that the model looks back on, itself included.
        batch: Windows of text in one training step.
        steps: Training steps.
        learning_rate: The highest rate of the schedule.
        seed: Where all randomness of the training starts.
    """

    layers: int = 6
    width: int = 48
    heads: int = 1
    hidden: int = 48
    context: int = 32
    batch: int = 8
    steps: int = 180
    learning_rate: float = 8e-3
    seed: int = 7

    def layers_of(self, rank: int, size: int) -> range:
        """
        Return the consecutive layers that one rank of a pipeline holds.

        Args:
            rank: Number of the rank, counted from 0.
            size: Ranks in all.

        Returns:
            The numbers of its layers. No rank holds more than one layer more than another.

        Raises:
            ValueError: If there is no such rank, or there are more ranks than layers.
        """
        if not 0 <= rank < size:
            raise ValueError(f"rank must be from 0 to {size - 1}, not {rank}")
        if size > self.layers:
            raise ValueError(f"{self.layers} layers cannot be spread over {size} ranks")
        return range(rank * self.layers // size, (rank + 1) * self.layers // size)


DEMO_MODEL: Final = ModelConfig()
"""Trained in a few seconds on two cores, and large enough to know the text nearly by heart."""
