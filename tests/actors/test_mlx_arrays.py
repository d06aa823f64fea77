"""MLX arrays go to a runner and come back."""

import pytest

import actors

mlx = pytest.importorskip("mlx.core", reason="needs the mlx extra")
pytestmark = pytest.mark.mlx

LIMIT = 60


class Doubler(actors.Runner):
    """Computes with arrays in its own process."""

    def on_receive(self, message):
        return message * 2

    def chunks(self, array, number):
        for each in range(number):
            yield array + each


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int8", "complex64", "bool_"])
def test_array_goes_there_and_back(start, dtype):
    """As a message, and as an answer of the same type."""
    array = mlx.arange(100_000).reshape(100, 1000).astype(getattr(mlx, dtype))
    back = start(runner_class=Doubler).ask(array, timeout=LIMIT)
    assert back.dtype == (array * 2).dtype
    assert mlx.array_equal(back, array * 2)


def test_arrays_are_streamed(start):
    """Each chunk one."""
    array = mlx.zeros((1000, 100))
    stream = start(runner_class=Doubler).proxy().chunks(array, 20).get(timeout=LIMIT)
    for number, chunk in enumerate(stream):
        assert mlx.array_equal(chunk, array + number)
    assert number == 19
