"""What can go wrong in NCCL and RCCL."""

import attrs

from diagnostics.catalog._building import Recognized
from diagnostics.findings import Role


@attrs.frozen(kw_only=True)
class NcclFinding(Recognized):
    """
    An error of NCCL.

    Attributes:
        nccl_code: NCCL's number: 1 CUDA, 2 system, 3 internal, 4 argument, 5 usage, 6 remote.
        nccl_version: NCCL's version.
        peer: The other end, as printed.
        errno: The error number of the failed system call, where it is printed.
        errno_text: Its words.
        file: The file that it was about.
        host: The other end's address.
        port: Its port.
    """

    endings = ("exit", "SIGABRT")

    nccl_code: int | None = None
    nccl_version: str | None = None
    peer: str | None = None
    errno: int | None = None
    file: str | None = None
    errno_text: str | None = None
    host: str | None = None
    port: int | None = None


@attrs.frozen(kw_only=True)
class NcclTimeout(NcclFinding):
    """
    A collective operation did not end in time.

    Attributes:
        op: The operation.
        seq: Its number in the sequence of operations.
        timeout_ms: The limit.
        elapsed_ms: How long it ran.
    """

    cause = "nccl-timeout"
    default_role = Role.EITHER
    weight = 1
    versions = "PyTorch 1.8 on; the words in front changed in 2.2, 2.3 and 2.5"
    remedy = (
        "Some rank did not come to the operation: look for the first one that failed or lagged, and"
        " raise the limit only if the step really takes that long."
    )
    references = ("NVIDIA/Megatron-LM#935", "EleutherAI/lm-evaluation-harness#1404")

    op: str | None = None
    seq: int | None = None
    timeout_ms: int | None = None
    elapsed_ms: int | None = None

    @property
    def message(self) -> str:
        """Which operation, on which rank."""
        rank = f" on rank {self.rank}" if self.rank is not None else ""
        return f"the NCCL operation {self.op or ''} {self.seq or ''}{rank} ran into its time limit"


@attrs.frozen(kw_only=True)
class NcclConnectFailed(NcclFinding):
    """NCCL could not reach a peer."""

    cause = "nccl-connect-failed"
    default_role = Role.EITHER
    weight = 2
    remedy = "The wrong interface (NCCL_SOCKET_IFNAME), a firewall, or a peer that is dead."
    references = ("NVIDIA/nccl#111", "NVIDIA/nccl-tests#166")


@attrs.frozen(kw_only=True)
class NcclRemoteError(NcclFinding):
    """A peer of NCCL went away, or the network broke."""

    cause = "nccl-remote-error"
    default_role = Role.AFTER_EFFECT
    weight = 2
    remedy = "Look at the other ranks: one of them ended before this."
    references = ("NVIDIA/nccl#795",)


@attrs.frozen(kw_only=True)
class NcclUnavailable(NcclFinding):
    """There is no NCCL or no GPU for it."""

    cause = "nccl-unavailable"
    remedy = "This build or machine has no CUDA: choose gloo or another back-end."


@attrs.frozen(kw_only=True)
class NcclBadConfig(NcclFinding):
    """NCCL's settings are impossible."""

    cause = "nccl-bad-config"
    remedy = "Correct what the message names, such as NCCL_SOCKET_IFNAME."


@attrs.frozen(kw_only=True)
class NcclSystemError(NcclFinding):
    """A system call or another library failed in NCCL."""

    cause = "nccl-system-error"
    default_role = Role.EITHER
    remedy = "Read the `NCCL WARN` line before it; run with NCCL_DEBUG=INFO to get one."
    references = ("NVIDIA/nccl#875",)


@attrs.frozen(kw_only=True)
class NcclIbError(NcclFinding):
    """
    InfiniBand reported a failed transfer.

    Attributes:
        status: The completion's status.
        vendor_error: The adapter's own code.
    """

    cause = "nccl-ib-error"
    remedy = "The fabric or the peer: look at the adapter's counters and at the other rank."
    references = ("NVIDIA/nccl-tests#252",)

    status: int | None = None
    vendor_error: int | None = None


@attrs.frozen(kw_only=True)
class NcclBindFailed(NcclFinding):
    """NCCL's address cannot be listened on."""

    cause = "nccl-bind-failed"
    weight = 1
    remedy = "The port is taken; choose another one or end its user."
