"""MLX's ring back-end: sockets to the neighbours, and how their loss is told."""

from typing import ClassVar, Final

import attrs
import re2

from diagnostics._errno import describe
from diagnostics.catalog._building import Recognized
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature

_AFTER_EFFECT_REMEDY: Final = (
    "This follows from the end of another rank: look at the rank whose output ends first, then"
    " restart all ranks."
)


@attrs.frozen(kw_only=True)
class RingFinding(Recognized):
    """
    Something the ring back-end said.

    Attributes:
        rank: The rank of the process, where an earlier line tells it.
        exception: The class of the exception it arrived in.
    """


@attrs.frozen(kw_only=True)
class RingErrnoFinding(RingFinding):
    """
    A socket call of the ring back-end failed.

    Attributes:
        errno: The error number as printed.
        errno_name: Its symbolic name on `platform`.
        errno_description: What it means there.
        platform: The system whose numbers these are, `linux` or `darwin`.
        socket: The file descriptor, where it is printed.
    """

    errno: int | None = None
    errno_name: str | None = None
    errno_description: str | None = None
    platform: str | None = None
    socket: int | None = None

    what: ClassVar[str] = "a call failed"
    """The first words of the message."""

    @property
    def message(self) -> str:
        """What failed on which socket, and why."""
        socket = f" on socket {self.socket}" if self.socket is not None else ""
        if self.errno is None:
            return f"MLX ring: {self.what}{socket}"
        name = f" {self.errno_name}, {self.errno_description}" if self.errno_name else ""
        return f"MLX ring: {self.what}{socket}: errno {self.errno}{name}"


@attrs.frozen(kw_only=True)
class RingSocketReceiveErrno(RingErrnoFinding):
    """Receiving from a neighbour failed."""

    cause = "ring-socket-receive-errno"
    default_role = Role.EITHER
    what = "receiving from a neighbour failed"
    versions = "MLX 0.22.1 to 0.23.1 (thrown), 0.23.2 on"
    remedy = (
        "Find out why the neighbour went away (its output and exit status), or what cut the"
        " connection (network reset, firewall, sleep). Restart all ranks; use MLX 0.32.1 or later."
    )
    references = ("ml-explore/mlx#3862", "ml-explore/mlx#4060", "ml-explore/mlx#4276")


@attrs.frozen(kw_only=True)
class RingSocketSendErrno(RingErrnoFinding):
    """Sending to a neighbour failed, usually because the neighbour is dead."""

    cause = "ring-socket-send-errno"
    default_role = Role.AFTER_EFFECT
    weight = 1
    what = "sending to a neighbour failed"
    versions = RingSocketReceiveErrno.versions
    remedy = _AFTER_EFFECT_REMEDY
    references = ("ml-explore/mlx#4276",)


@attrs.frozen(kw_only=True)
class RingPeerClosed(RingFinding):
    """
    A neighbour closed its connection.

    Attributes:
        socket: The file descriptor, where it is printed.
    """

    cause = "ring-peer-closed"
    default_role = Role.AFTER_EFFECT
    weight = 2
    versions = "MLX 0.32.1 on"
    remedy = _AFTER_EFFECT_REMEDY
    references = ("ml-explore/mlx#4060",)

    socket: int | None = None

    @property
    def message(self) -> str:
        """Which connection was closed."""
        socket = f" (socket {self.socket})" if self.socket is not None else ""
        return f"MLX ring: the connection to a neighbour{socket} was closed by it"


@attrs.frozen(kw_only=True)
class RingTransportAbort(RingFinding):
    """
    The ring gave up after too many socket errors.

    Attributes:
        tasks_failed: Whether what is pending fails with an exception (MLX 0.32.1 on);
            otherwise the process goes on living without ever getting an answer.
    """

    cause = "ring-transport-abort"
    default_role = Role.AFTER_EFFECT
    weight = -1
    fatal = True
    versions = "MLX 0.23.2 on"
    remedy = (
        "The socket errors before this tell why. Up to MLX 0.32.0 the process now hangs: end it and"
        " restart all ranks; later versions raise an exception instead."
    )
    references = ("ml-explore/mlx#3862", "ml-explore/mlx#4060")

    tasks_failed: bool = False

    @property
    def is_fatal(self) -> bool:
        """Only the versions that do not fail what is pending leave the process hanging."""
        return not self.tasks_failed

    @property
    def message(self) -> str:
        """What the ring gave up on."""
        outcome = "pending operations fail" if self.tasks_failed else "the process hangs"
        return f"MLX ring: too many send and receive errors, {outcome}"


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
        address: The address as printed.
    """

    cause = "ring-bad-address"
    endings = ("exit",)
    remedy = "Write host:port with a name that resolves into the host file."

    host: str | None = None
    address: str | None = None

    @property
    def message(self) -> str:
        """Which address."""
        return f"MLX ring: the address {self.address} cannot be used"


def _errno_finding(
    kind: type[RingErrnoFinding], role: Role, match: Match, context: Context
) -> Finding:
    found = match.groupdict()
    number = int(found["errno"]) if found.get("errno") else None
    name = text = platform = None
    if number is not None:
        name, text, platform = describe(number, context.platform)
    if kind is RingSocketReceiveErrno and name in ("EPIPE", "EBADF"):
        # recv() cannot give EPIPE: up to MLX 0.32.0 an orderly close is printed with the
        # number that an earlier send() left behind. EBADF is the ring's own closing.
        role = Role.AFTER_EFFECT
    return kind(
        role=role,
        rank=context.facts.get("ring-rank"),
        exception=found.get("exception"),
        errno=number,
        errno_name=name,
        errno_description=text,
        platform=platform,
        socket=int(found["socket"]) if found.get("socket") else None,
    )


def _socket(match: Match, context: Context) -> Finding:
    receiving = match.group("what").startswith("Rec")
    kind = RingSocketReceiveErrno if receiving else RingSocketSendErrno
    return _errno_finding(kind, kind.default_role, match, context)


def _set_up(match: Match, context: Context) -> Finding:
    kind = RingConnectFailed if match.group("what").endswith("connect") else RingBindFailed
    return _errno_finding(kind, kind.default_role, match, context)


def _peer_closed(match: Match, context: Context) -> Finding:
    found = match.groupdict()
    return RingPeerClosed(
        rank=context.facts.get("ring-rank"),
        exception=found["exception"],
        socket=int(found["socket"]) if found["socket"] else None,
    )


def _gave_up(match: Match, context: Context) -> Finding:
    return RingTransportAbort(
        rank=context.facts.get("ring-rank"), tasks_failed=match.group("how") != "Aborting"
    )


def _rank(match: Match, context: Context) -> None:
    context.facts["ring-rank"] = int(match.group("rank"))


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
    return None if path.endswith(".safetensors") else _bad_config(match, context)


def _bad_address(match: Match, context: Context) -> Finding:
    address = match.group("address")
    return RingBadAddress(
        rank=context.facts.get("ring-rank"),
        exception=match.group("exception"),
        host=address.rpartition(":")[0] or address,
        address=address,
    )


_EXCEPTION: Final = r"(?:(?P<exception>[\w.:]*(?:Error|error|exception)): )?"
_OWN_RANK: Final = re2.compile(
    r"(?:Rank | rank |send to \d+ from |recv from \d+ to )(\d{1,9})(?: has|$)"
)
_FROM: Final = re2.compile(r"tried to recv from (\d{1,9})")
_TO: Final = re2.compile(r"tried to send to (\d{1,9})")
_NUMBER: Final = r"(?P<errno>\d{1,9})"
_SOCKET: Final = r"(?P<socket>\d{1,9})"

SIGNATURES: Final = (
    Signature(
        name="ring-rank",
        pattern=r"\[ring\] Rank (?P<rank>\d{1,9}) (?:accept|connect)ing",
        build=_rank,
    ),
    Signature(
        name="ring-socket-errno",
        pattern=rf"(?P<what>Receiving from|Sending to) socket {_SOCKET}"
        rf" failed with errno {_NUMBER}",
        build=_socket,
        literals=(" failed with errno",),
    ),
    Signature(
        name="ring-socket-stalled",
        pattern=rf"(?P<what>Receiving from|Sending to) socket {_SOCKET} made no progress",
        build=_socket,
    ),
    Signature(
        name="ring-socket-errno-thrown",
        pattern=_EXCEPTION + rf"(?P<what>Recv|Send) of \d+ bytes failed \(errno: {_NUMBER}\)",
        build=_socket,
    ),
    Signature(
        name="ring-peer-closed",
        pattern=_EXCEPTION
        + rf"\[ring\] (?:Socket {_SOCKET} was closed by the peer|connection to a peer was lost)",
        build=_peer_closed,
        literals=(" was closed by the peer", "connection to a peer was lost"),
    ),
    Signature(
        name="ring-gave-up",
        pattern=r"Too many send/recv errors\. (?P<how>Aborting|Failing pending tasks)",
        build=_gave_up,
    ),
    Signature(
        name="ring-set-up",
        pattern=_EXCEPTION
        + rf"\[ring\] (?P<what>Couldn't bind|Couldn't connect|Couldn't listen|Couldn't create"
        rf"|Accept failed)[^(]*\(error: {_NUMBER}",
        build=_set_up,
        literals=("[ring] Couldn't ", "[ring] Accept failed"),
    ),
    Signature(
        name="ring-bad-config",
        pattern=_EXCEPTION + r"(?:\[ring\] )?(?P<detail>(?:Send only supported to direct neighbors"
        r"|Recv only supported from direct neighbors"
        r"|Rank \d+ has no sockets"
        r"|It is required to have as many connections"
        r"|Can't perform the ring all reduce).*)",
        build=_bad_config,
        literals=(
            " only supported to direct neighbors",
            " only supported from direct neighbors",
            " has no sockets",
            "It is required to have as many connections",
            "Can't perform the ring all reduce",
        ),
    ),
    Signature(
        name="ring-bad-config-own",  # other back ends say the same
        pattern=_EXCEPTION + r"\[ring\] (?P<detail>(?:Rank cannot be larger than"
        r"|You need to provide via environment variables both a rank"
        r"|Group split not supported).*)",
        build=_bad_config,
        literals=("[ring] ",),
    ),
    Signature(
        name="ring-host-file",
        pattern=_EXCEPTION + r"(?P<detail>\[json\.exception\.\w+\.\d+\].*)",
        build=_host_file,
        literals=("[json.exception.",),
    ),
    Signature(
        name="ring-bad-address",
        pattern=_EXCEPTION + r"Can't parse address (?P<address>[^ ]+)",
        build=_bad_address,
    ),
)
