"""The language model, whole and in shards, and its training."""

import pytest

pytest.importorskip("mlx.core")

import mlx.core as mx

from actors.demo.cache import Cache
from actors.demo.model import Shard
from actors.demo.training import new_model, parameters, train

pytestmark = pytest.mark.mlx

VOCABULARY = 20
TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3]


@pytest.fixture(autouse=True)
def processor():
    """Compute with whole floats: on CUDA, MLX multiplies with TF32's 11 bits by default."""
    before = mx.default_device()
    mx.set_default_device(mx.cpu)
    yield
    mx.set_default_device(before)


def shards_of(model, config, size):
    """Return the shards of a whole model, each with its own part of the weights."""
    weights = parameters(model)
    shards = []
    for rank in range(size):
        shard = Shard(config, VOCABULARY, config.layers_of(rank, size))
        own = parameters(shard)
        shard.load_weights([(name, weights[name]) for name in own])
        shards.append(shard)
    return shards


def through(shards, tokens, caches=None):
    """Return the logits after all shards."""
    x = mx.array([tokens])
    for number, shard in enumerate(shards):
        x = shard(x, None if caches is None else caches[number])
    return x


@pytest.mark.parametrize("size", [2, 3, 4])
def test_shards_compute_what_the_whole_model_computes(small, size):
    """However many there are."""
    model = new_model(small, VOCABULARY)
    whole = model(mx.array([TOKENS]))
    assert mx.allclose(through(shards_of(model, small, size), TOKENS), whole, atol=1e-5)


def test_shards_with_a_cache_compute_it_token_by_token(small):
    """As long as the text is no longer than what the model looks back on."""
    model = new_model(small, VOCABULARY)
    tokens = TOKENS[: small.context]
    whole = model(mx.array([tokens]))
    shards = shards_of(model, small, 3)
    caches = [Cache() for _ in shards]
    steps = [through(shards, tokens[:3], caches)]
    steps += [through(shards, [token], caches) for token in tokens[3:]]
    assert mx.allclose(mx.concatenate(steps, axis=1), whole, atol=1e-4)
    assert all(cache.tokens == len(tokens) for cache in caches)


def test_a_cache_does_not_grow_beyond_what_the_model_looks_back_on(small):
    """So a long text costs no more per token than a short one."""
    shard = new_model(small, VOCABULARY)
    cache = Cache()
    for token in TOKENS * 2:
        mx.eval(shard(mx.array([[token]]), cache))
    assert {keys.shape[2] for keys, _ in cache.layers.values()} == {small.context}


def test_training_lowers_the_loss_and_is_repeatable(small):
    """Twice the same training gives the same losses."""
    text = TOKENS * 4
    first = list(train(new_model(small, VOCABULARY), small, text))
    second = list(train(new_model(small, VOCABULARY), small, text))
    assert first == second
    assert len(first) == small.steps
    assert first[-1] < 0.7 * first[0]


def test_a_text_too_short_to_train_on_is_refused(small):
    """Instead of being trained on nothing for ever."""
    with pytest.raises(ValueError, match="no window"):
        list(train(new_model(small, VOCABULARY), small, TOKENS[: small.context]))
