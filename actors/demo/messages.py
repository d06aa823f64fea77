"""What the demonstration's runners are asked, and what they answer."""

import attrs

from actors.demo.faults import Fault


@attrs.frozen
class Train:
    """
    Ask the trainer for weights. The answer is a stream of `TrainingStep`.

    Attributes:
        path: Where the weights shall be, as text.
    """

    path: str


@attrs.frozen
class TrainingStep:
    """
    How far the training has come.

    Attributes:
        step: Steps done.
        total: Steps in all.
        loss: The loss at this step.
    """

    step: int
    total: int
    loss: float


@attrs.frozen
class Generate:
    """
    Ask a rank to take its part in a generation; all ranks must be asked.

    The first rank answers with a stream of pieces of text, the others with a stream of the
    numbers of their steps.

    Attributes:
        prompt: The tokens to go on from.
        tokens: How many tokens to make.
        fault: What shall happen to this rank, if anything.
        fault_after: After how many tokens it happens.
    """

    prompt: tuple[int, ...]
    tokens: int
    fault: Fault = Fault.NONE
    fault_after: int = 0
