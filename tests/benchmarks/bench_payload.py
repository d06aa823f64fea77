"""256 MiB as a message and as an answer, beside the same bytes over a bare Pipe."""

import statistics
import time

import numpy as np
from bare import Bare
from figures import Figure, Unmeasured, in_turn
from talkers import Talker

import actors

try:
    import mlx.core as mx
except ImportError:
    mx = None

SIZE = 256 << 20
ROUNDS = 5
OTHERS = 3  # rounds of what has no bound


def measure(size=SIZE, rounds=ROUNDS):
    """
    Return GB/s of both, each way, and the ratios.

    The runner is started first, then the bare process. The first round is the warm-up; then
    ours and the Pipe take turns, and the medians of the rounds count. A way there ends when
    the other process has all of it and its answer is here; on a way back, what is fetched was
    there before.
    """
    with actors.supervise() as supervisor:
        proxy = supervisor.start_runner(actors.RunnerSpec("talker", Talker)).get().proxy()
        with Bare() as bare:
            figures = _numpy_array(proxy, bare, size, rounds)
        for kind, make in OTHER_KINDS.items():
            figures += _other(proxy, kind, make, size)
    return figures


def _numpy_array(proxy, bare, size, rounds):
    """Return the figures of a numpy array and of its bytes."""
    array = np.arange(size // 4, dtype=np.float32)
    proxy.keep(array).get()
    bare.keep(size)
    kinds = (
        lambda: _there(proxy, array),
        lambda: bare.bytes_there(array),
        lambda: _back(proxy, array),
        bare.bytes_back,
    )
    in_turn(1, *kinds)
    speeds = [_speed(size, seconds) for seconds in in_turn(rounds, *kinds)]
    ours_there, bare_there, ours_back, bare_back = speeds
    return [
        Figure("numpy array as a message, GB/s", ours_there),
        Figure("Pipe.send_bytes there, GB/s", bare_there),
        Figure("of the bare Pipe's, %", 100 * ours_there / bare_there, at_least=60),
        Figure("numpy array as an answer, GB/s", ours_back),
        Figure("Pipe.send_bytes back, GB/s", bare_back),
        Figure("of the bare Pipe's, %", 100 * ours_back / bare_back, at_least=60),
    ]


def _there(proxy, value):
    begin = time.perf_counter()
    length = proxy.size(value).get()
    seconds = time.perf_counter() - begin
    if length != len(value):
        raise RuntimeError(f"{length} of {len(value)} have come")
    return seconds


def _back(proxy, value):
    begin = time.perf_counter()
    answer = proxy.give().get()
    seconds = time.perf_counter() - begin
    if len(answer) != len(value):
        raise RuntimeError(f"{len(answer)} of {len(value)} have come")
    return seconds


def _speed(size, seconds):
    return size / statistics.median(seconds) / 1e9


def _mlx_array(size):
    array = mx.arange(size // 4, dtype=mx.float32)
    mx.eval(array)
    return array


OTHER_KINDS = {
    "bytes": lambda size: b"x" * size,
    "memoryview": lambda size: memoryview(b"x" * size),
    "mlx array": _mlx_array,
}


def _other(proxy, kind, make, size):
    """Return the figures of a kind of payload that has no bound."""
    ways = (f"{kind} as a message, GB/s", f"{kind} as an answer, GB/s")
    if kind == "mlx array" and mx is None:
        return [Unmeasured(way, "mlx is not installed") for way in ways]
    value = make(size)
    try:
        proxy.keep(value).get()
    except actors.UnsendableError as error:
        return [Unmeasured(way, str(error)) for way in ways]
    kinds = (lambda: _there(proxy, value), lambda: _back(proxy, value))
    in_turn(1, *kinds)
    return [
        Figure(way, _speed(size, seconds))
        for way, seconds in zip(ways, in_turn(OTHERS, *kinds), strict=True)
    ]
