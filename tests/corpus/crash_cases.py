"""Programs that fail with MLX, and what their ends are called."""

import dataclasses

WAIT = "import time; time.sleep(600)"
RING = "import mlx.core as mx; g = mx.distributed.init(strict=True, backend='ring')\n"
SUM = "mx.eval(mx.distributed.all_sum(mx.ones((1 << 20,)), group=g, stream=mx.cpu))\n"
MODEL = "/srv/app/model-00002-of-00004.safetensors"


@dataclasses.dataclass(frozen=True)
class Case:
    """
    A program, the ranks it runs in, and the label of each rank's output.

    Attributes:
        name: A part of the entries' ids.
        code: What runs, in each rank.
        causes: The label of each rank's output, rank 0 first; `None` leaves the rank out.
        fields: What a parser can read from the output of the first labelled rank.
        system: The family, as in the other entries.
        note: What the reader of the entry has to know.
        environment: Variables of all ranks.
        hosts: The text of the host file; `None` for one that is right.
    """

    name: str
    code: str
    causes: tuple[str | None, ...]
    fields: dict = dataclasses.field(default_factory=dict)
    system: str = "mlx-core"
    note: str = ""
    environment: dict = dataclasses.field(default_factory=dict)
    hosts: str | None = None


def core(name, line, cause, note="", **fields):
    """Return a case of one process that runs one line with MLX."""
    return Case(name, f"import mlx.core as mx\n{line}\n", (cause,), fields, note=note)


def strict(backend, cause, system="mlx-distributed"):
    """Return a case of a backend that is not there."""
    line = f"mx.distributed.init(strict=True, backend={backend!r})"
    return dataclasses.replace(core(f"strict-{backend}", line, cause), system=system)


def ring(name, code, *causes, note="", environment=None, hosts=None, **fields):
    """Return a case of ranks that join a ring."""
    return Case(name, RING + code, causes, fields, "mlx-ring", note, environment or {}, hosts)


CASES = (
    core(
        "load-missing",
        f"mx.load({MODEL!r})",
        "file-not-found-weights",
        exception="RuntimeError",
        file=MODEL,
    ),
    core("load-empty", "mx.load('/srv/app/empty.safetensors')", "bad-weights-file"),
    core("load-truncated", "mx.load('/srv/app/cut.safetensors')", "bad-weights-file"),
    core("load-npy", "mx.load('/srv/app/bad.npy')", "bad-weights-file"),
    core("load-gguf", "mx.load('/srv/app/bad.gguf')", "bad-weights-file"),
    core(
        "save-nospace",
        "mx.save_safetensors(open('/dev/full', 'wb'), {'a': mx.ones((1 << 20,))})",
        "no-space-left",
        exception="OSError",
    ),
    core(
        "save-perm",
        "mx.save_safetensors('/proc/x.safetensors', {'a': mx.ones((4,))})",
        "permission-denied",
    ),
    core("shape", "mx.matmul(mx.ones((2, 3)), mx.ones((2, 3)))", "python-exception"),
    core("broadcast", "mx.ones((2, 3)) + mx.ones((4,))", "python-exception"),
    core("gpu", "mx.set_default_device(mx.gpu)\nmx.eval(mx.ones(3) + 1)", "mlx-no-gpu-backend"),
    core(
        "metal-kernel",
        "mx.fast.metal_kernel(name='k', input_names=['a'], output_names=['b'], source='')("
        "inputs=[mx.ones(3)], output_shapes=[(3,)], output_dtypes=[mx.float32],"
        " grid=(1, 1, 1), threadgroup=(1, 1, 1))",
        "mlx-no-gpu-backend",
    ),
    core(
        "malloc",
        "mx.eval(mx.ones((1 << 22, 1 << 22)))",
        "out-of-memory-host",
        note="versions in which nothing is printed are left out",
    ),
    strict("mpi", "mpi-init-failed"),
    strict("gloo", "distributed-bad-backend"),
    strict("any", "distributed-no-backend"),
    strict("jaccl", "jaccl-unavailable", "mlx-jaccl"),
    strict("nccl", "nccl-unavailable", "mlx-nccl"),
    strict("ring", "ring-bad-config", "mlx-ring"),
    ring("hosts-empty", "", "ring-bad-config", hosts=""),
    ring("hosts-cut", "", "ring-bad-config", hosts='[["127.0.0.1:50001"], ["127.0.'),
    ring("addr-noport", "", "ring-bad-address", hosts='[["127.0.0.1"], ["127.0.0.1:50002"]]'),
    ring(
        "addr-name",
        "",
        "ring-bad-address",
        hosts='[["nosuchhost.invalid:50001"], ["127.0.0.1:50002"]]',
    ),
    ring(
        "bind-elsewhere",
        "",
        "ring-bind-failed",
        hosts='[["192.0.2.1:50001"], ["192.0.2.2:50002"]]',
        exception="RuntimeError",
    ),
    ring("rank-large", "", "ring-bad-config", environment={"MLX_RANK": "7"}),
    ring(
        "exc",
        SUM + f"if g.rank() == 1: mx.load({MODEL!r})\nwhile True: {SUM}",
        "ring-socket-send-errno",
        "file-not-found-weights",
        note="rank 1 cannot open its weights; from 0.32.1 on the survivor says ring-peer-closed",
        environment={"MLX_RING_VERBOSE": "1"},
    ),
    ring(
        "kill9",
        SUM
        + "import os, signal\nif g.rank() == 1: os.kill(os.getpid(), signal.SIGKILL)\n"
        + f"while True: {SUM}",
        "ring-socket-send-errno",
        None,
        note="the other rank was killed; from 0.32.1 on the survivor says ring-peer-closed",
        environment={"MLX_RING_VERBOSE": "1"},
    ),
    ring(
        "alone",
        "",
        None,
        "ring-connect-failed",
        note="nobody is rank 0",
        environment={"MLX_RING_VERBOSE": "1"},
    ),
)
