"""The lines in which PyTorch speaks of Gloo, of its stores and of its weights."""

from typing import Final

import attrs

from diagnostics._prefixes import PREFIX
from diagnostics.catalog._building import finds
from diagnostics.catalog.torch import (
    GlooPeerClosed,
    GlooTimeout,
    TorchStoreConnectFailed,
    TorchStoreTimeout,
    WeightsMismatch,
)
from diagnostics.findings import Finding
from diagnostics.signatures import Context, Match, Signature

_PEER: Final = r"(?P<peer>\[(?P<host>[^\s\]]+)\](?::(?P<port>\d{1,5}))?)"
_GLOO: Final = r"gloo/\S*\] ?"
_REMOTE: Final = (  # how c10d prints one of its sockets
    r"SocketImpl\([^)]*\bremote=\[(?P<host>[^\s\]]+)\]:(?P<port>\d{1,5})\)"
)
_LOST: Final = "Connection reset by peer|Broken pipe|Connection refused|Connection closed"


def _gloo_connect(match: Match, context: Context) -> Finding | None:
    late = "timeout" in match.group().lower() or "timed out" in match.group().lower()
    return finds(GlooTimeout if late else GlooPeerClosed)(match, context)


def _store(match: Match, context: Context) -> Finding | None:
    finding = finds(TorchStoreConnectFailed)(match, context)
    if not isinstance(finding, TorchStoreConnectFailed):
        return finding
    found = match.groupdict()
    if found["timeout_s"]:
        finding = attrs.evolve(finding, timeout_ms=int(found["timeout_s"]) * 1000)
    host, port = (found[name] or found[f"{name}_2"] for name in ("bare_host", "bare_port"))
    if host and port:
        finding = attrs.evolve(finding, host=host, port=int(port))
    return finding


def _network(match: Match, context: Context) -> Finding | None:
    # A server's socket that could not listen is another matter.
    text = match.group("detail")
    if "listen" in text or "bind" in text or "in use" in text:
        return None
    return finds(TorchStoreConnectFailed)(match, context)


SIGNATURES: Final = (
    Signature(
        name="gloo-peer-closed",
        pattern=r"(?P<detail>(?:Connection closed by peer|(?:Read|Write) (?:error|timeout)) "
        + _PEER
        + r".*?)(?:\. |$)",
        build=finds(GlooPeerClosed),
        literals=(
            "Connection closed by peer [",
            *(f"{call} {what} [" for call in ("Read", "Write") for what in ("error", "timeout")),
        ),
    ),
    Signature(
        name="gloo-pair-closed",
        pattern=r"(?P<detail>Application timeout caused pair closure)",
        build=finds(GlooPeerClosed),
    ),
    Signature(
        name="gloo-connect",
        pattern=_GLOO
        + r"(?P<detail>(?:[Cc]onnect\w*|[a-z]+v?|[a-z]+msg)(?: \w+)? "
        + _PEER
        + r".*)"
        r"|" + _GLOO + r"(?P<what>[Cc]onnect\w* .*(?:fail|refus|timed out|timeout).*)",
        build=_gloo_connect,
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
        name="gloo-barrier",
        pattern=r"(?P<detail>Ranks? [\d, ]+ failed to pass (?P<op>monitoredBarrier)) in"
        r" (?P<timeout_ms>\d{1,18}) ms",
        build=finds(GlooTimeout),
    ),
    Signature(
        name="gloo-full-mesh",
        pattern=r"(?P<detail>[Gg]loo connectFullMesh failed with.*)",
        build=finds(GlooTimeout),
        literals=("loo connectFullMesh failed",),
        generic=True,
    ),
    Signature(
        name="torch-store-timeout",
        pattern=r"(?P<detail>Timed out after (?P<timeout_s>\d{1,12}) seconds waiting for"
        r" (?:clients|workers))"
        r"(?:\. (?P<joined>\d{1,6})/(?P<expected>\d{1,6}) \w+ joined)?",
        build=finds(TorchStoreTimeout),
        literals=("seconds waiting for clients", "seconds waiting for workers"),
    ),
    Signature(
        name="torch-store-barrier",
        pattern=r"(?P<detail>Timed out initializing process group in store based barrier)"
        r"(?: on rank: (?P<rank>\d{1,6}))?(?:.*?world_size=(?P<expected>\d{1,6}),"
        r" worker_count=(?P<joined>\d{1,6}))?",
        build=finds(TorchStoreTimeout),
        literals=("in store based barrier",),
    ),
    Signature(
        name="torch-store-wait",
        pattern=r"(?:(?:^|\W)(?P<exception>(?:\w+\.)*\w*Error)|got error): "
        r"(?P<detail>[Ww]ait timeout after (?P<timeout_ms>\d{1,18})ms, keys: .*|Socket Timeout\s*$"
        r"|\w+Store::\w+ timed out.*|Timeout waiting for key: \S+ after \d+ ms)",
        build=finds(TorchStoreTimeout),
        literals=("ait timeout after", "Socket Timeout", "Store::", "Timeout waiting for key: "),
    ),
    Signature(
        name="torch-rendezvous-timeout",
        pattern=PREFIX + r"(?P<exception>[\w.]*RendezvousTimeoutError)(?:: (?P<detail>.*))?\s*$",
        build=finds(TorchStoreTimeout),
        literals=("RendezvousTimeoutError",),
    ),
    Signature(
        name="torch-store-connect",
        pattern=r"(?P<detail>client socket has (?:timed out after (?:(?P<timeout_ms>\d{1,18})ms"
        r"|(?P<timeout_s>\d{1,12})s) while trying|failed) to connect to)"
        r"(?: any network address of)? (?:\((?P<host>[^,\s)]+), (?P<port>\d{1,5})"
        r"|\[(?P<bare_host>[^\s\]]+)\]:(?P<bare_port>\d{1,5})\b"
        r"|(?P<bare_host_2>[^\s()\[\]]+?):(?P<bare_port_2>\d{1,5})(?:\D|$))?"
        r"(?:.*?\(errno: (?P<errno>\d{1,4}))?",
        build=_store,
        literals=("client socket has ",),
    ),
    Signature(
        name="torch-store-connect-old",
        pattern=r"(?P<detail>connect\(\) timed out\. Original timeout was (?P<timeout_ms>\d{1,18})"
        r" ms|The connection to the C10d store has failed)",
        build=finds(TorchStoreConnectFailed),
        literals=("connect() timed out.", "connection to the C10d store has failed"),
    ),
    Signature(
        name="torch-store-lost",
        pattern=rf"store->\w+\('[^']*'\) got error: "
        rf"(?P<detail>(?:\w+ failed on {_REMOTE}|{_LOST}|failed to recv).*)",
        build=finds(TorchStoreConnectFailed),
        literals=(") got error: ",),
    ),
    Signature(
        name="torch-network-error",
        pattern=r"(?P<exception>(?:[\w.]+\.)?DistNetworkError): "
        rf"(?P<detail>(?:\w+ failed on {_REMOTE})?.*)",
        build=_network,
        literals=("DistNetworkError: ",),
        generic=True,
    ),
    Signature(
        name="weights-mismatch",
        pattern=r"(?P<detail>Error\(s\) in loading state_dict)(?: for (?P<model>[\w.]+))?"
        r"|(?P<keys>(?:Missing|Unexpected) key\(s\) in state_dict: \")",
        build=finds(WeightsMismatch),
        literals=("in loading state_dict", "key(s) in state_dict: "),
    ),
    Signature(
        name="mlx-weights-mismatch",
        pattern=r"(?P<detail>Received (?:\d+ )?parameters not in model|Missing (?:\d+ )?parameters:"
        r"|Expected shape \([\d, ]*\) but received shape \([\d, ]*\) for parameter"
        r"|Module does not have parameter named|Mismatched parameter \S+ shape\. Actual"
        r"|tensor '[^']+' not in model file|Unhandled keys \[.*\] in \w+"
        r"|Key \S+ not found in \w+\.\w+)",
        build=finds(WeightsMismatch),
        literals=(
            " not in model",
            "parameters:",
            "but received shape",
            "does not have parameter named",
            "Mismatched parameter ",
            "Unhandled keys [",
            " not found in ",
        ),
    ),
    Signature(
        name="other-weights-mismatch",
        pattern=r"(?P<detail>size mismatch for \S+: copying a param with shape"
        r"|Trying to set a tensor of shape torch\.Size\(\[[\d, ]*\]\) in \S+ \(which has shape"
        r"|There is no module or parameter named '?\S+ in (?P<model>\w+)"
        r"|Following weights were not initialized from checkpoint"
        r"|Layer count mismatch when loading weights from file|Key \S+ not found in checkpoint"
        r"|File does not contain tensor \S+"
        r"|engine plan file is not compatible with this version of TensorRT"
        r"|Assertion (?:magicTagRead|stdVersionRead) == \S+ failed)",
        build=finds(WeightsMismatch),
        literals=(
            "size mismatch for ",
            "Trying to set a tensor of shape",
            "no module or parameter named",
            "weights were not initialized from",
            "Layer count mismatch when loading",
            " not found in checkpoint",
            "File does not contain tensor",
            "engine plan file is not compatible",
            *("Assertion magicTagRead", "Assertion stdVersionRead"),
        ),
    ),
)
