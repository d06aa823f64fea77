"""NCCL, and PyTorch's and MLX's use of it."""

from typing import Any, Final

import attrs
import re2

from diagnostics.catalog._building import Recognized, common, fields_of, finds, role_here
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class NcclFinding(Recognized):
    """
    An error of NCCL.

    Attributes:
        nccl_code: NCCL's number: 1 CUDA, 2 system, 3 internal, 4 argument, 5 usage, 6 remote.
        nccl_version: NCCL's version.
        peer: The other end, as printed.
        errno_text: The words of the failed system call.
        host: The host that printed it.
    """

    endings = ("exit", "SIGABRT")

    nccl_code: int | None = None
    nccl_version: str | None = None
    peer: str | None = None
    errno_text: str | None = None
    host: str | None = None


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


_REMOTE: Final = re2.compile(
    r"(?i)remote process exited|connection closed by (?:remote )?peer|reset by peer|broken pipe"
    r"|ncclRemoteError|remote error|connection reset"
)
_CODE: Final = re2.compile(r"(?:retcode|ncclResult|error code|->) ?(\d)\b")
_VERSION: Final = re2.compile(r"NCCL version ([\d.]+\d)")
_BY_WORDS: Final[tuple[tuple[str, type[NcclFinding]], ...]] = (
    ("unhandled system error", NcclSystemError),
    ("unhandled cuda error", NcclSystemError),
    ("internal error", NcclSystemError),
    ("ncclsystemerror", NcclSystemError),
    ("ncclunhandledcudaerror", NcclSystemError),
    ("ncclinternalerror", NcclSystemError),
    ("nccl communicator was aborted", NcclRemoteError),
    ("invalid usage", NcclBadConfig),
    ("invalid argument", NcclBadConfig),
)


def _error(match: Match, context: Context) -> Finding | None:
    line = match.string
    lowered = line.lower()
    kind = next((kind for words, kind in _BY_WORDS if words in lowered), None)
    if _REMOTE.search(line):
        kind = NcclRemoteError
    if kind is None:
        return None
    role = role_here(kind, match, context, soft=False)
    if role is None:
        return None
    code, version = _CODE.search(line), _VERSION.search(line)
    values: dict[str, Any] = common(match, context)
    return kind(
        role=role,
        nccl_code=int(code.group(1)) if code else None,
        nccl_version=version.group(1) if version else None,
        detail=match.group(0)[:200],
        **values,
    )


def _kind_of_call(text: str) -> type[NcclFinding]:
    lowered = text.lower()
    if "connect to" in lowered or "call to connect" in lowered or "connect " in lowered[:30]:
        return NcclConnectFailed
    if "bind" in lowered or "listen" in lowered:
        return NcclBindFailed
    return NcclRemoteError if _REMOTE.search(text) else NcclConnectFailed


def _call(match: Match, context: Context) -> Finding | None:
    kind = _kind_of_call(match.group("detail"))
    values = common(match, context) | fields_of(kind, match.groupdict(), context)
    context.facts["nccl-kind"] = kind
    return kind(**values)


def _code(match: Match, context: Context) -> Finding | None:
    # NCCL says by number, on its way up, what the call before it ended with.
    kind = context.facts.get("nccl-kind")
    if kind is None or context.facts.get("nccl-coded"):
        return None
    values = fields_of(kind, match.groupdict(), context)
    if values.get("rank") is not None:
        context.facts["nccl-coded"] = True
    finding: Finding = kind(**values)
    return finding


def _rank(match: Match, context: Context) -> None:
    context.facts["nccl-rank"] = int(match.group("rank"))


def _timeout(match: Match, context: Context) -> Finding:
    values = common(match, context) | fields_of(NcclTimeout, match.groupdict(), context)
    if context.facts.get("nccl-rank") is not None:
        values.setdefault("rank", context.facts["nccl-rank"])
    if values.get("exception") is None:
        values["exception"] = context.facts.get("cpp-exception")
    return NcclTimeout(**values)


SIGNATURES: Final = (
    Signature(
        name="nccl-rank",
        pattern=r"Rank (?P<rank>\d{1,6})\] Watchdog caught",
        build=_rank,
    ),
    Signature(
        name="nccl-timeout",
        pattern=r"WorkNCCL\(SeqNum=(?P<seq>\d{1,18}), OpType=(?P<op>\w+).*?"
        r"Timeout\(ms\)=(?P<timeout_ms>\d{1,18})\)(?: ran for (?P<elapsed_ms>\d{1,18}) )?",
        build=_timeout,
    ),
    Signature(
        name="nccl-timeout-cut",
        pattern=r"(?P<detail>Watchdog caught collective operation timeout"
        r"|due to collective timeout or exception"
        r"|watchdog got stuck for \d+ seconds|[Hh]eartbeat monitor timed out)",
        build=finds(NcclTimeout),
        literals=(
            "collective operation timeout",
            "collective timeout or exception",
            "watchdog got stuck for",
            "eartbeat monitor timed out",
        ),
        generic=True,
    ),
    Signature(
        name="nccl-call",
        pattern=r"WARN (?P<detail>(?:(?:Net|NET/\w+|socket\w+) ?: ?)?(?:Call to \w+|Connect to)"
        r"(?: (?:from |to )?(?P<peer>[^ ]+<\d+>))? ?(?:failed|returned).*?:"
        r" (?P<errno_text>.*?))\s*$",
        build=_call,
        literals=("Call to ", "Connect to"),
    ),
    Signature(
        name="nccl-poll-connect",
        pattern=r"WARN (?P<detail>socket\w+ ?: ?[Cc]onnect(?:ing|ion)? (?:to |from )?"
        r"(?P<peer>[^ ]+<\d+>).*?(?:returned|failed|refused|timed out).*)",
        build=finds(NcclConnectFailed),
        literals=("WARN socket",),
        generic=True,
    ),
    Signature(
        name="nccl-code",
        pattern=r"NCCL INFO \S+ -> (?P<nccl_code>[1-9])\b"
        r"|from rank (?P<rank>\d{1,6}), retcode (?P<retcode>[1-9])\b",
        build=_code,
        literals=("NCCL INFO ", ", retcode "),
    ),
    Signature(
        name="nccl-no-interface",
        pattern=r"NCCL WARN (?P<detail>(?:Bootstrap ?: ?)?[Nn]o (?:socket )?interface found.*"
        r"|.*(?:[Ii]nvalid|not a valid|[Uu]nknown) .*(?:NCCL_\w+).*"
        r"|Duplicate GPU detected.*|Mismatched collective.*)",
        build=finds(NcclBadConfig),
        literals=(
            "o interface found",
            "o socket interface found",
            "NCCL WARN ",
        ),
    ),
    Signature(
        name="nccl-ib",
        pattern=r"NET/IB ?: ?(?P<detail>.*?[Gg]ot completion.*?(?:status|error)["
        r" =:]*(?P<status>\d{1,6})?.*?"
        r"(?:vendor[ _]err[ =:]*(?P<vendor_error>\d{1,9}).*)?)$",
        build=finds(NcclIbError),
        literals=("ot completion",),
    ),
    Signature(
        name="nccl-bind",
        pattern=r"\[nccl\] (?P<detail>(?:bind|listen|socket)\(\) failed: ?(?P<errno_text>.*))",
        build=finds(NcclBindFailed),
        literals=("[nccl] bind", "[nccl] listen", "[nccl] socket"),
    ),
    Signature(
        name="nccl-connect",
        pattern=r"\[nccl\] (?P<detail>(?:connect\(\)|Couldn't connect|getaddrinfo).*)",
        build=finds(NcclConnectFailed),
        literals=("[nccl] connect", "[nccl] Couldn't connect", "[nccl] getaddrinfo"),
    ),
    Signature(
        name="nccl-unavailable",
        pattern=r"(?P<detail>Cannot initialize nccl\b|ProcessGroupNCCL is only supported with GPUs"
        r"|Distributed package doesn't have NCCL)",
        build=finds(NcclUnavailable),
        literals=("Cannot initialize nccl", "ProcessGroupNCCL is only", "doesn't have NCCL"),
    ),
    Signature(
        name="nccl-error",
        pattern=r"(?:NCCL (?:error|failure|Error)\b|nccl(?:System|Remote|Internal"
        r"|UnhandledCuda)Error).*",
        build=_error,
        literals=(
            "NCCL error",
            "NCCL Error",
            "NCCL failure",
            "ncclSystemError",
            "ncclRemoteError",
            "ncclInternalError",
            "ncclUnhandledCudaError",
        ),
        generic=True,
    ),
)
