"""Which rank holds which layers."""

import pytest

from actors.demo.config import DEMO_MODEL, ModelConfig


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
def test_every_layer_is_on_one_rank_and_in_order(size):
    """Layers follow each other over the ranks, as evenly as can be."""
    shares = [DEMO_MODEL.layers_of(rank, size) for rank in range(size)]
    assert [layer for share in shares for layer in share] == list(range(DEMO_MODEL.layers))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(("rank", "size"), [(-1, 2), (2, 2), (0, 0), (0, 5)])
def test_a_rank_that_cannot_be_is_refused(rank, size):
    """Too many ranks for the layers included."""
    with pytest.raises(ValueError, match="rank"):
        ModelConfig(layers=4).layers_of(rank, size)
