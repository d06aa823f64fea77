"""How MLX's ring back-end is set up: its host file, its addresses, its connections."""

from typing import Final

import attrs
import re2

from diagnostics.catalog.ring import EXCEPTION, RingErrnoFinding, RingFinding, errno_finding
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class RingBindFailed(RingErrnoFinding):
    """The address of this rank could not be listened on."""

    cause = "ring-bind-failed"
    what = "listening on this rank's address failed"
    versions = "MLX 0.22.1 on; up to 0.30.0 the number is ENOTCONN whatever the cause"
    remedy = (
        "The host file gives this rank an address that the machine does not have, or a port that"
        " is taken."
    )


@attrs.frozen(kw_only=True)
class RingConnectFailed(RingErrnoFinding):
    """A neighbour could not be reached at start."""

    cause = "ring-connect-failed"
    default_role = Role.EITHER
    what = "connecting to a neighbour failed"
    remedy = (
        "Check that the other rank runs, that the host file has the address it listens on, and the"
        " firewall. Often the other rank died at its start: look at its output."
    )
    references = ("ml-explore/mlx#3755", "exo-explore/exo#2309")


@attrs.frozen(kw_only=True)
class RingBadConfig(RingFinding):
    """
    The ring's configuration or its use is impossible.

    Attributes:
        detail: What MLX says.
        src: The rank that was to be received from.
        dst: The rank that was to be sent to.
    """

    cause = "ring-bad-config"
    endings = ("exit",)
    remedy = "Correct MLX_RANK, MLX_HOSTFILE or the host file, or the operation that was asked for."

    src: int | None = None
    dst: int | None = None

    @property
    def message(self) -> str:
        """What MLX says."""
        return f"MLX ring: {self.detail}"


@attrs.frozen(kw_only=True)
class RingBadAddress(RingFinding):
    """
    An address in the host file is no `host:port` or its name does not resolve.

    Attributes:
        host: The host part.
        port: The port, where there is one.
        address: The address as printed.
    """

    cause = "ring-bad-address"
    endings = ("exit",)
    remedy = "Write host:port with a name that resolves into the host file."

    host: str | None = None
    port: int | None = None
    address: str | None = None

    @property
    def message(self) -> str:
        """Which address."""
        return f"MLX ring: the address {self.address} cannot be used"


def _set_up(match: Match, context: Context) -> Finding:
    kind = RingConnectFailed if "connect" in match.group("what") else RingBindFailed
    return errno_finding(kind, kind.default_role, match, context)


def _bad_config(match: Match, context: Context) -> Finding:
    detail = match.group("detail").strip()
    rank, src, dst = (
        int(found.group(1)) if (found := pattern.search(detail)) else None
        for pattern in (_OWN_RANK, _FROM, _TO)
    )
    return RingBadConfig(
        rank=rank if rank is not None else context.facts.get("ring-rank"),
        exception=match.group("exception"),
        detail=detail,
        src=src,
        dst=dst,
    )


def _host_file(match: Match, context: Context) -> Finding | None:
    # MLX reads its host file and the headers of safetensors with the same JSON library.
    path = str(context.facts.get("source-path") or "")
    if "nlohmann::" in match.string:
        return None  # a program of its own: MLX's is translated for Python
    return None if path.endswith(".safetensors") else _bad_config(match, context)


def _bad_address(match: Match, context: Context) -> Finding:
    address = match.group("address").rstrip(".")
    port = address.rpartition(":")[2]
    return RingBadAddress(
        rank=context.facts.get("ring-rank"),
        exception=match.group("exception"),
        host=address.rpartition(":")[0] or address,
        port=int(port) if ":" in address and port.isdigit() else None,
        address=address,
    )


_OWN_RANK: Final = re2.compile(
    r"(?:Rank | rank |send to \d+ from |recv from \d+ to )(\d{1,9})(?: has|$)"
)
_FROM: Final = re2.compile(r"tried to recv from (\d{1,9})")
_TO: Final = re2.compile(r"tried to send to (\d{1,9})")
_NUMBER: Final = r"(?P<errno>\d{1,9})"

SIGNATURES: Final = (
    Signature(
        name="ring-set-up",
        pattern=EXCEPTION
        + r"\[ring\] (?P<what>(?:Couldn't (?:bind|connect|listen|create|enable)|Accept failed)"
        rf"[^(]*)\((?:last )?error: {_NUMBER}",
        build=_set_up,
        literals=("[ring] Couldn't ", "[ring] Accept failed"),
    ),
    Signature(
        name="ring-bad-config",
        pattern=EXCEPTION + r"(?:\[ring\] )?(?P<detail>(?:Send only supported to direct neighbors"
        r"|Recv only supported from direct neighbors"
        r"|Rank \d+ has no (?:send |recv )?sockets"
        r"|It is required to have as many connections"
        r"|Can't perform the ring all reduce).*)",
        build=_bad_config,
        literals=(
            " only supported to direct neighbors",
            " only supported from direct neighbors",
            " has no sockets",
            " has no send sockets",
            " has no recv sockets",
            "It is required to have as many connections",
            "Can't perform the ring all reduce",
        ),
    ),
    Signature(
        name="ring-bad-config-own",  # other back ends say the same
        pattern=EXCEPTION + r"\[ring\] (?P<detail>(?:Rank cannot be larger than"
        r"|You need to provide via environment variables both a rank"
        r"|\w+(?: \w+)? not (?:yet )?(?:supported|implemented)).*)",
        build=_bad_config,
        literals=("[ring] ",),
    ),
    Signature(
        name="ring-host-file",
        pattern=EXCEPTION
        + r"(?P<detail>\[json\.exception\.(?:parse_error\.\d+|type_error\.302)\].*)",
        build=_host_file,
        literals=("[json.exception.",),
    ),
    Signature(
        name="ring-bad-address",
        pattern=EXCEPTION + r"(?:Can't parse address|No usable addresses for) (?P<address>[^ ]+)",
        build=_bad_address,
        literals=("Can't parse address ", "No usable addresses for "),
    ),
)
