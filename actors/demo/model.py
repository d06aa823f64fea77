"""The language model: any run of consecutive layers of it, the whole included."""

import mlx.core as mx
from mlx import nn

from actors.demo.cache import Cache
from actors.demo.config import ModelConfig


class _Block(nn.Module):
    """One layer: attention over the last tokens, then a feed-forward part."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self._heads = config.heads
        self._context = config.context
        self.attention_norm = nn.RMSNorm(config.width)
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)
        self.feed_norm = nn.RMSNorm(config.width)
        self.up = nn.Linear(config.width, config.hidden, bias=False)
        self.down = nn.Linear(config.hidden, config.width, bias=False)
        self.rope = nn.RoPE(config.width // config.heads)

    def __call__(self, x: mx.array, layer: int, cache: Cache | None) -> mx.array:
        x = x + self._attend(self.attention_norm(x), layer, cache)
        # Written out, as nn.silu and its like are compiled, which on a CPU needs a C++ compiler.
        up = self.up(self.feed_norm(x))
        return x + self.down(up * mx.sigmoid(up))

    def _attend(self, x: mx.array, layer: int, cache: Cache | None) -> mx.array:
        batch, length, width = x.shape
        qkv = self.qkv(x).reshape(batch, length, 3, self._heads, -1).transpose(2, 0, 3, 1, 4)
        offset = 0 if cache is None else cache.tokens
        queries, keys = self.rope(qkv[0], offset=offset), self.rope(qkv[1], offset=offset)
        values = qkv[2]
        if cache is not None:
            if layer in cache.layers:
                before = cache.layers[layer]
                keys = mx.concatenate([before[0], keys], axis=2)[:, :, -self._context :]
                values = mx.concatenate([before[1], values], axis=2)[:, :, -self._context :]
            cache.layers[layer] = keys, values
        mixed = mx.fast.scaled_dot_product_attention(
            queries,
            keys,
            values,
            scale=queries.shape[-1] ** -0.5,
            mask="causal" if length > 1 else None,
        )
        return self.out(mixed.transpose(0, 2, 1, 3).reshape(batch, length, width))


class _Embedding(nn.Module):
    """
    Token numbers to vectors, each the sum of its own and those of the two tokens before it.

    A model that is trained for seconds has no time to learn to look back by attention alone.
    """

    def __init__(self, config: ModelConfig, vocabulary: int) -> None:
        super().__init__()
        self.own = nn.Embedding(vocabulary, config.width)
        self.previous = nn.Embedding(vocabulary, config.width)
        self.last_but_one = nn.Embedding(vocabulary, config.width)

    def __call__(self, tokens: mx.array, cache: Cache | None) -> mx.array:
        before = None if cache is None else cache.before
        if before is None:
            before = mx.zeros((tokens.shape[0], 2), tokens.dtype)
        tokens = mx.concatenate([before, tokens], axis=1)
        if cache is not None:
            cache.before = tokens[:, -2:]
        return (
            self.own(tokens[:, 2:])
            + self.previous(tokens[:, 1:-1])
            + self.last_but_one(tokens[:, :-2])
        )


class Shard(nn.Module):
    """
    Some consecutive layers of the model.

    The shard with the first layer turns token numbers into activations, the one with the last
    layer turns activations into logits. A parameter has the same name in every shard.

    Args:
        config: What the model looks like.
        vocabulary: How many tokens there are.
        layers: The numbers of the layers, all of them for the whole model.
    """

    def __init__(self, config: ModelConfig, vocabulary: int, layers: range) -> None:
        super().__init__()
        self._layers = layers
        self._is_last = layers.stop == config.layers
        if layers.start == 0:
            self.embedding = _Embedding(config, vocabulary)
        for layer in layers:
            self[_layer_name(layer)] = _Block(config)
        if self._is_last:
            self.norm = nn.RMSNorm(config.width)
            self.head = nn.Linear(config.width, vocabulary, bias=False)

    def __call__(self, x: mx.array, cache: Cache | None = None) -> mx.array:
        """
        Run some tokens through these layers.

        Args:
            x: Token numbers (batch, tokens), or the activations of the layer before.
            cache: Filled and used if given. Its first call may bring many tokens, each of the
                others brings one.

        Returns:
            The activations for the next layer, or the logits.
        """
        length = x.shape[1]
        if self._layers.start == 0:
            x = self.embedding(x, cache)
        for layer in self._layers:
            x = self[_layer_name(layer)](x, layer, cache)
        if cache is not None:
            cache.tokens += length
        return self.head(self.norm(x)) if self._is_last else x

    def parts(self) -> list[str]:
        """Return the names of the parts that can be loaded one after the other."""
        return list(self.children())


def _layer_name(layer: int) -> str:
    # No list of layers: a shard's first layer shall not be called number 0 in the file.
    return f"layer_{layer}"
