"""What the tests of the demonstration share."""

import pytest

from actors.demo.config import DEMO_MODEL, ModelConfig
from actors.demo.tokenizer import Tokenizer, read_corpus
from actors.demo.weights import weights_path


@pytest.fixture
def small():
    """Give a model that is made and trained in no time."""
    return ModelConfig(
        layers=4, width=16, hidden=24, context=12, batch=4, steps=12, learning_rate=1e-2
    )


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """
    Give a cache folder with weights for the demonstration's model, which nobody has trained.

    Their text makes no sense, but it is the same each time, and that is what counts.
    """
    pytest.importorskip("mlx.core")
    import mlx.core as mx

    from actors.demo.training import new_model, parameters

    folder = tmp_path_factory.mktemp("cache")
    text = read_corpus()
    model = new_model(DEMO_MODEL, len(Tokenizer.from_text(text).vocabulary))
    mx.save_safetensors(str(weights_path(folder, DEMO_MODEL, text)), parameters(model))
    return folder
