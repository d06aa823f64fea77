"""The lines in which NCCL, and PyTorch's and MLX's use of it, say what went wrong."""

from typing import Any, Final

import attrs
import re2

from diagnostics._prefixes import PREFIX
from diagnostics.catalog._building import Builder, common, fields_of, finds, role_here
from diagnostics.catalog.cuda import CudaOutOfMemory
from diagnostics.catalog.host import OutOfMemoryHost
from diagnostics.catalog.nccl import (
    NcclBadConfig,
    NcclBindFailed,
    NcclConnectFailed,
    NcclFinding,
    NcclIbError,
    NcclRemoteError,
    NcclSystemError,
    NcclTimeout,
    NcclUnavailable,
)
from diagnostics.catalog.torch import SharedMemoryExhausted
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature

_REMOTE: Final = re2.compile(
    r"(?i)remote process exited|connection closed by (?:remote )?peer|reset by peer|broken pipe"
    r"|ncclRemoteError|remote error|connection reset"
)
_SHARED: Final = re2.compile(r"call to (?:posix_fallocate|shm_\w+|ftruncate|mmap)\b")
_SOCKET: Final = re2.compile(r"call to (?:socket|recv|send|accept|poll|getsock|setsock|shutdown)")
_PEER: Final = re2.compile(r"^\[?(?P<host>[^<>\]]+)\]?<(?P<port>\d{1,5})>$")  # ncclSocketToString()
_WARN: Final = rf"(?:(?P<warn>WARN )|{PREFIX})"
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
    ("ncclinvalidusage", NcclBadConfig),
    ("ncclinvalidargument", NcclBadConfig),
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
    if values.get("exception"):
        # What NCCL itself says of it follows, under "Last error:".
        context.facts["nccl-raised"] = {
            "exception": values["exception"],
            "nccl_version": version.group(1) if version else None,
        }
    return kind(
        role=role,
        nccl_code=int(code.group(1)) if code else None,
        nccl_version=version.group(1) if version else None,
        detail=match.group(0)[:200],
        **values,
    )


def _kind_of_call(text: str) -> type[Finding]:
    lowered = text.lower()
    if "ibv_" in lowered or "mlx5dv_" in lowered:
        return NcclIbError
    if _SHARED.search(lowered):
        return SharedMemoryExhausted
    if "connect to" in lowered or "call to connect" in lowered or "connect " in lowered[:30]:
        return NcclConnectFailed
    if "bind" in lowered or "listen" in lowered:
        return NcclBindFailed
    if _REMOTE.search(text):
        return NcclRemoteError
    return NcclConnectFailed if _SOCKET.search(lowered) else NcclSystemError


def _said(kind: type[Finding] | None = None) -> Builder:
    """Return a builder for the words of NCCL: in its warning, or repeated as its last error."""

    def build(match: Match, context: Context) -> Finding | None:
        found = match.groupdict()
        repeated = "warn" in found and "WARN " not in match.string
        if repeated and not context.facts.get("nccl-last"):
            return None
        what = kind or _kind_of_call(match.group("detail"))
        peer = _PEER.search(found.get("peer") or "")
        found |= peer.groupdict() if peer else {}
        raised = {} if "WARN " in match.string else context.facts.get("nccl-raised", {})
        values = common(match, context) | fields_of(what, found, context)
        declared = attrs.fields_dict(what)
        for name, value in raised.items():
            if name in declared and values.get(name) is None:
                values[name] = value
        context.facts["nccl-kind"] = what
        return what(**{name: value for name, value in values.items() if name in declared})

    return build


def _segment(match: Match, context: Context) -> Finding | None:
    # What another process was to make is not there: no lack of memory.
    attaching = "attaching" in match.group("detail")
    missing = attaching and match.group("errno") not in (None, "12", "28")
    return _said(NcclSystemError if missing else SharedMemoryExhausted)(match, context)


def _last(_: Match, context: Context) -> None:
    context.facts["nccl-last"] = True


def _follows(match: Match, context: Context) -> Finding | None:
    finding = finds(NcclTimeout)(match, context)
    if finding is None or finding.role is Role.NOTE:
        return finding
    return attrs.evolve(finding, role=Role.AFTER_EFFECT)


_CONNECTING: Final = ("Connect", "Setup", "Init", "SharedInit")  # of a proxy's operations


def _code(match: Match, context: Context) -> Finding | None:
    # NCCL says by number, on its way up, what the call before it ended with.
    found = match.groupdict()
    found["rank"] = found["rank"] or found["proxy_rank"]
    if "Call to rank" in match.group() and found["phase"] in _CONNECTING:
        # The last that NCCL says of it, under a class that only says that something failed.
        context.facts.setdefault("nccl-kind", NcclConnectFailed)
    kind = context.facts.get("nccl-kind")
    if kind is None or context.facts.get("nccl-coded"):
        return None
    values = fields_of(kind, found, context)
    if values.get("rank") is not None:
        context.facts["nccl-coded"] = True
    finding: Finding = kind(**values)
    return finding


def _rank(match: Match, context: Context) -> None:
    context.facts["nccl-rank"] = int(match.group("rank"))


def _timeout(match: Match, context: Context) -> Finding | None:
    if "raised the following async exception" in match.string:
        return None  # it failed for the reason that follows
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
        pattern=r"WorkNCCL\((?:SeqNum=(?P<seq>\d{1,18}), )?OpType=(?P<op>\w+).*?"
        r"Timeout\(ms\)=(?P<timeout_ms>\d{1,18})\)(?: ran for (?P<elapsed_ms>\d{1,18}) )?",
        build=_timeout,
        literals=("WorkNCCL(",),
    ),
    Signature(
        name="nccl-timeout-cut",
        pattern=r"(?P<detail>Watchdog caught collective operation timeout"
        r"|due to collective timeout or exception"
        r"|watchdog got stuck for \d+ seconds|[Hh]eartbeat monitor timed out"
        r"|detected no heartbeat of its watchdog|due to ProcessGroupNCCL watchdog hang)",
        build=finds(NcclTimeout),
        literals=(
            "collective operation timeout",
            "collective timeout or exception",
            "watchdog got stuck for",
            "eartbeat monitor timed out",
            "no heartbeat of its watchdog",
            "ProcessGroupNCCL watchdog hang",
        ),
        generic=True,
    ),
    Signature(
        name="nccl-operations-failed",
        pattern=r"(?P<detail>Some NCCL operations have failed or timed out)",
        build=_follows,
        generic=True,
    ),
    Signature(
        name="nccl-last-error",
        pattern=PREFIX + r"Last error:\s*$",
        build=_last,
        literals=("Last error:",),
    ),
    Signature(
        name="nccl-call",
        pattern=_WARN + r"(?P<detail>(?:(?:Net|NET/\w+|socket\w+) ?: ?)?(?:Call to \w+|Connect to)"
        r"(?: (?:from |to )?(?P<peer>[^ ]+<\d+>))? ?(?:failed|returned)"
        r"(?: with(?: error)?| ?:| )? ?(?P<errno>\d{1,4})?[( ]?(?P<errno_text>.*?)\)?"
        r"(?: errno \d.*|, on dev.*)?)\s*$",
        build=_said(),
        literals=("Call to ", "Connect to"),
    ),
    Signature(
        name="nccl-poll-connect",
        pattern=r"(?P<detail>socket(?:Start|Poll|Finalize)?Connect ?: ?[Cc]onnect(?:ing|ion)?"
        r"(?: (?:to |from )?(?P<peer>[^ ]+<\d+>))?.*?(?:returned|failed|refused|timed out).*"
        r"|socketPollConnect poll\(\) (?:timeout|failed|returned).*)",
        build=_said(NcclConnectFailed),
        literals=(
            *("socketStartConnect", "socketPollConnect", "socketFinalizeConnect"),
            "socketConnect",
        ),
        generic=True,
    ),
    Signature(
        name="nccl-peer-closed",
        pattern=r"(?P<detail>Connection closed by (?:remote )?peer (?P<peer>[^ ]+<\d+>))",
        build=_said(NcclRemoteError),
        literals=("Connection closed by ",),
    ),
    Signature(
        name="nccl-shared-memory",
        pattern=r"(?P<detail>Error while \w+(?: to)? shared memory segment"
        r"|failed to (?:extend|create shared memory file)) (?P<file>\S*nccl-\S+)"
        r"(?: (?:\(size|to) (?P<bytes_requested>\d{1,20}))?"
        r"(?:.*error:? .*\((?P<errno>\d{1,4})\))?",
        build=_segment,
        literals=("shared memory segment ", "failed to extend ", "create shared memory file "),
    ),
    Signature(
        name="nccl-gpu-memory",
        pattern=r"(?P<detail>Failed to CUDA (?:host )?[cm]?alloc(?: async)?) (?P<bytes_requested>"
        r"\d{1,20}) bytes",
        build=_said(CudaOutOfMemory),
        literals=("Failed to CUDA ",),
    ),
    Signature(
        name="nccl-host-memory",
        pattern=r"WARN (?P<detail>Failed to malloc) (?P<bytes_requested>\d{1,20}) bytes",
        build=finds(OutOfMemoryHost),
        literals=("Failed to malloc ",),
    ),
    Signature(
        name="nccl-code",
        pattern=r"NCCL INFO \S+ -> (?P<nccl_code>[1-9])\b"
        r"|from rank (?P<rank>\d{1,6}), retcode (?P<retcode>[1-9])\b"
        r"|Proxy Call to rank (?P<proxy_rank>\d{1,6}) failed(?: \((?P<phase>\w+)\))?",
        build=_code,
        literals=("NCCL INFO ", ", retcode ", "Proxy Call to rank "),
    ),
    Signature(
        name="nccl-no-interface",
        pattern=_WARN + r"(?P<detail>(?:Bootstrap ?: ?)?[Nn]o (?:socket )?interface found.*"
        r"|Failed to find interface.*|Bootstrap Root ?: (?:rank \d+ of \d+ ranks|mismatch).*"
        r"|Invalid NCCL_\w+.*"
        r"|\w+ : invalid (?:root|type|reduction|device|rank)\b.*"
        r"|\w+: connecting to address .* with family \d+ is neither AF_INET.*"
        r"|Net ?: (?:No valid <|string is null|unsupported IP family|error encountered when getting"
        r" address).*"
        r"|.*message truncated ?: receiving \d+ bytes.*|Multiple Ranks are using the same GPU.*"
        r"|Duplicate GPU detected.*|Mismatched (?:collective|NCCL version).*)",
        build=_said(NcclBadConfig),
        literals=(
            "o interface found",
            "o socket interface found",
            "Failed to find interface",
            "Bootstrap Root",
            "Invalid NCCL_",
            " : invalid ",
            *(" is neither AF_INET", "No valid <", "string is null", "unsupported IP family"),
            "error encountered when getting address",
            "message truncated",
            "Multiple Ranks are using",
            "Duplicate GPU detected",
            "Mismatched ",
        ),
    ),
    Signature(
        name="nccl-bad-variable",
        pattern=r"NCCL (?P<warn>WARN )(?P<detail>.*(?:[Ii]nvalid|not a valid"
        r"|[Uu]nknown) .*NCCL_\w+.*)",
        build=_said(NcclBadConfig),
        generic=True,
    ),
    Signature(
        name="nccl-cuda-call",  # with an error that is none of a GPU's own causes
        pattern=r"NCCL (?P<warn>WARN )(?P<detail>(?:Cuda|CUDA|HIP) failure\b.*)",
        build=_said(NcclSystemError),
        literals=("NCCL WARN ",),
        generic=True,
    ),
    Signature(
        name="nccl-ib",
        pattern=r"NET/IB\w* ?: ?(?P<detail>.*?[Gg]ot (?:completion|CQE)"
        r"(?: from peer (?P<peer>[^ ]+<\d+>))?.*?(?:status|error)"
        r"(?:[ =:]*(?P<status>\d{1,6}))?.*?"
        r"(?:vendor[ _]err[ =:]*(?P<vendor_error>\d{1,9}).*)?)$",
        build=_said(NcclIbError),
        literals=("ot completion", "ot CQE"),
    ),
    Signature(
        name="nccl-ib-event",
        pattern=r"NET/IB\w* ?: ?(?P<detail>.*?Got async (?:fatal )?event ?: .*(?:port error"
        r"|catastrophic|fatal)|Fatal error\. Detected|The error is fatal)",
        build=finds(NcclIbError, soft=True),
        literals=("Got async ", "Fatal error. Detected", "The error is fatal"),
    ),
    Signature(
        name="queue-pair-refused",
        # What the examples of libibverbs say, and many libraries after them.
        pattern=r"(?P<detail>[Ff]ailed to modify QP(?: state)? to (?:INIT|RTR|RTS)\b.*)",
        build=finds(NcclIbError),
        literals=("ailed to modify QP",),
    ),
    Signature(
        name="nccl-bind",
        pattern=r"\[nccl\] (?P<detail>(?:bind|listen|socket|setsockopt|accept)\(\) failed"
        r"|Couldn't create socket)(?:: ?(?P<errno_text>.*)| \(error: (?P<errno>\d{1,4}))?",
        build=finds(NcclBindFailed),
        literals=("[nccl] ",),
    ),
    Signature(
        name="nccl-connect",
        pattern=r"(?:\[nccl\] (?P<detail>(?:connect\(\)|Couldn't connect|getaddrinfo"
        r"|lookup failed).*)|\[Rank \d+\] connect\(\) failed after .*)",
        build=finds(NcclConnectFailed),
        literals=(
            *("[nccl] connect", "[nccl] Couldn't connect", "[nccl] getaddrinfo", "[nccl] lookup"),
            "] connect() failed after",
        ),
    ),
    Signature(
        name="nccl-of-mlx",
        pattern=r"\[nccl\] (?P<detail>(?:Required environment variable|Boolean arrays"
        r"|Unknown or unsupported|\w+(?: \w+)? not (?:yet )?supported).*)",
        build=finds(NcclBadConfig),
        literals=("[nccl] ",),
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
        pattern=r"(?:NCCL (?:error|failure|Error|communicator was aborted)\b"
        r"|nccl(?:System|Remote|Internal|UnhandledCuda)Error|ncclInvalid(?:Usage|Argument)).*",
        build=_error,
        literals=(
            "NCCL error",
            "NCCL Error",
            "NCCL failure",
            "NCCL communicator was aborted",
            "ncclInvalidUsage",
            "ncclInvalidArgument",
            "ncclSystemError",
            "ncclRemoteError",
            "ncclInternalError",
            "ncclUnhandledCudaError",
        ),
        generic=True,
    ),
)
