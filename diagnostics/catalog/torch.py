"""PyTorch: Gloo, the store, shared memory, workers and weights."""

import attrs

from diagnostics.catalog._building import Recognized
from diagnostics.findings import Role


@attrs.frozen(kw_only=True)
class GlooPeerClosed(Recognized):
    """
    A peer of Gloo closed its connection.

    Attributes:
        peer: The other end, as printed.
        host: Its host.
        port: Its port.
    """

    cause = "gloo-peer-closed"
    default_role = Role.AFTER_EFFECT
    endings = ("exit", "SIGABRT")
    remedy = "Another rank ended: look at the one whose output ends first."

    peer: str | None = None
    host: str | None = None
    port: int | None = None


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
        timeout_s: The limit in seconds, where it is printed so.
        timeout_ms: The limit in milliseconds, where it is printed so.
    """

    cause = "torch-store-timeout"
    default_role = Role.EITHER
    endings = ("exit", "SIGABRT")
    remedy = "Some rank did not start: look at those that did not join."

    joined: int | None = None
    expected: int | None = None
    timeout_s: int | None = None
    timeout_ms: int | None = None


@attrs.frozen(kw_only=True)
class TorchStoreConnectFailed(Recognized):
    """
    The store of rank 0 could not be reached.

    Attributes:
        host: Its host.
        port: Its port.
        timeout_ms: The limit.
        errno: The error number as printed.
    """

    cause = "torch-store-connect-failed"
    default_role = Role.EITHER
    endings = ("exit", "SIGABRT")
    remedy = "Rank 0 does not run, or MASTER_ADDR and MASTER_PORT do not lead to it."

    host: str | None = None
    port: int | None = None
    timeout_ms: int | None = None
    errno: int | None = None


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
        file: The file of weights.
    """

    cause = "weights-mismatch"
    endings = ("exit",)
    remedy = "They belong to another architecture or version: load the matching files."

    model: str | None = None
    file: str | None = None
