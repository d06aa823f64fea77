"""PyTorch: Gloo, the store, shared memory, workers and weights."""

from typing import Final

import attrs

from diagnostics.catalog._building import Recognized, finds
from diagnostics.findings import Role
from diagnostics.signatures import Signature


@attrs.frozen(kw_only=True)
class GlooPeerClosed(Recognized):
    """
    A peer of Gloo closed its connection.

    Attributes:
        peer: The other end, as printed.
    """

    cause = "gloo-peer-closed"
    default_role = Role.AFTER_EFFECT
    endings = ("exit", "SIGABRT")
    remedy = "Another rank ended: look at the one whose output ends first."

    peer: str | None = None


@attrs.frozen(kw_only=True)
class GlooTimeout(Recognized):
    """
    A peer of Gloo did not take part in time.

    Attributes:
        timeout_ms: The limit.
        op: What was waited for.
    """

    cause = "gloo-timeout"
    default_role = Role.EITHER
    endings = ("exit", "SIGABRT")
    remedy = "A peer is alive and does something else: compare where the ranks are."

    timeout_ms: int | None = None
    op: str | None = None


@attrs.frozen(kw_only=True)
class TorchStoreTimeout(Recognized):
    """
    Not all ranks came to the store in time.

    Attributes:
        joined: How many came.
        expected: How many were to come.
        timeout_s: The limit in seconds.
    """

    cause = "torch-store-timeout"
    default_role = Role.EITHER
    endings = ("exit", "SIGABRT")
    remedy = "Some rank did not start: look at those that did not join."

    joined: int | None = None
    expected: int | None = None
    timeout_s: int | None = None


@attrs.frozen(kw_only=True)
class TorchStoreConnectFailed(Recognized):
    """
    The store of rank 0 could not be reached.

    Attributes:
        host: Its host.
        port: Its port.
        timeout_ms: The limit.
    """

    cause = "torch-store-connect-failed"
    default_role = Role.EITHER
    endings = ("exit", "SIGABRT")
    remedy = "Rank 0 does not run, or MASTER_ADDR and MASTER_PORT do not lead to it."

    host: str | None = None
    port: int | None = None
    timeout_ms: int | None = None


@attrs.frozen(kw_only=True)
class SharedMemoryExhausted(Recognized):
    """
    There is no shared memory left.

    Attributes:
        bytes_requested: The size of the mapping that failed.
        errno: The error number as printed.
        file: The shared file.
    """

    cause = "shared-memory-exhausted"
    weight = 1
    endings = ("exit", "SIGBUS", "SIGABRT")
    remedy = "Enlarge /dev/shm (docker: --shm-size), or use fewer workers."
    references = ("hkchengrex/STCN#132", "pytorch/pytorch#5040")

    bytes_requested: int | None = None
    errno: int | None = None
    file: str | None = None


@attrs.frozen(kw_only=True)
class WeightsMismatch(Recognized):
    """
    The weights are not those of this model.

    Attributes:
        model: The class that they were loaded into.
    """

    cause = "weights-mismatch"
    endings = ("exit",)
    remedy = "They belong to another architecture or version: load the matching files."

    model: str | None = None


_GLOO: Final = r"gloo/\S*\] ?"

SIGNATURES: Final = (
    Signature(
        name="gloo-peer-closed",
        pattern=r"(?P<detail>(?:Connection closed by peer|(?:Read|Write) error)"
        r" (?P<peer>\[[^\s\]]+\](?::\d+)?)"
        r".*?)(?:\. |$)",
        build=finds(GlooPeerClosed),
        literals=("Connection closed by peer [", "Read error [", "Write error ["),
    ),
    Signature(
        name="gloo-pair-closed",
        pattern=r"(?P<detail>Application timeout caused pair closure)",
        build=finds(GlooPeerClosed),
    ),
    Signature(
        name="gloo-connect",
        pattern=_GLOO + r"(?P<detail>(?:Connect|connect)\w* .*(?:fail|refus|timed out).*)",
        build=finds(GlooPeerClosed),
        literals=("gloo/",),
        generic=True,
    ),
    Signature(
        name="gloo-timeout",
        pattern=r"(?P<detail>Timed out waiting (?P<timeout_ms>\d{1,18})ms for (?P<op>\w+)"
        r" operation)",
        build=finds(GlooTimeout),
    ),
    Signature(
        name="torch-store-timeout",
        pattern=r"(?P<detail>Timed out after (?P<timeout_s>\d{1,12}) seconds waiting for clients)"
        r"(?:\. (?P<joined>\d{1,6})/(?P<expected>\d{1,6}) clients joined)?",
        build=finds(TorchStoreTimeout),
        literals=("seconds waiting for clients",),
    ),
    Signature(
        name="torch-store-wait",
        pattern=r"(?:DistStoreError|RuntimeError|DistNetworkError): (?P<detail>[Ww]ait timeout"
        r" after (?P<timeout_ms>\d{1,18})ms, keys: .*|Socket Timeout\s*$)",
        build=finds(TorchStoreTimeout),
        literals=("ait timeout after", "Socket Timeout"),
    ),
    Signature(
        name="torch-store-connect",
        pattern=r"(?P<detail>client socket has (?:timed out after (?P<timeout_ms>\d{1,18})ms"
        r" while trying"
        r"|failed) to connect to)(?: any network address of)? \(?(?P<host>[^,\s)]+)(?:,"
        r" (?P<port>\d{1,5}))?",
        build=finds(TorchStoreConnectFailed),
        literals=("client socket has ",),
    ),
    Signature(
        name="torch-shared-memory-worker",
        pattern=r"DataLoader worker \(pid (?P<pid>\d{1,9})\) is killed by signal:"
        r" (?P<detail>Bus error)",
        build=finds(SharedMemoryExhausted, signal="SIGBUS"),
        literals=("is killed by signal: Bus error",),
    ),
    Signature(
        name="torch-shared-memory-hint",
        pattern=r"(?P<detail>(?:insufficient|out of) shared memory)(?: \(shm\))?",
        build=finds(SharedMemoryExhausted),
        literals=("insufficient shared memory", "out of shared memory"),
        generic=True,
    ),
    Signature(
        name="torch-shared-memory-map",
        pattern=r"(?P<detail>unable to (?:mmap|resize|open|allocate)(?: shared memory)?"
        r"(?:\(shm\))?(?: object)?)"
        r"(?: (?P<bytes_requested>\d{1,20}) bytes)?(?: from| for)?(?: file)?"
        r" <(?P<file>/torch_[^>]+)>"
        r".*?(?:\((?P<errno>\d{1,4})\))?$",
        build=finds(SharedMemoryExhausted),
        literals=("</torch_",),
    ),
    Signature(
        name="torch-shared-memory-write",
        pattern=r"(?P<detail>unable to (?:write to|open) file) <(?P<file>/torch_[^>]+)>",
        build=finds(SharedMemoryExhausted),
        literals=("</torch_",),
        generic=True,
    ),
    Signature(
        name="weights-mismatch",
        pattern=r"(?P<detail>Error\(s\) in loading state_dict)(?: for (?P<model>[\w.]+))?",
        build=finds(WeightsMismatch),
        literals=("in loading state_dict",),
    ),
    Signature(
        name="mlx-weights-mismatch",
        pattern=r"(?P<detail>Received (?:\d+ )?parameters not in model|Missing (?:\d+ )?parameters:"
        r"|Expected shape \([\d, ]*\) but received shape \([\d, ]*\) for parameter"
        r"|wrong number of tensors; expected \d+, got \d+)",
        build=finds(WeightsMismatch),
        literals=(
            " not in model",
            "parameters:",
            "but received shape",
            "wrong number of tensors",
        ),
    ),
)
