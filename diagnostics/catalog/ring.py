"""MLX's ring back-end: sockets to the neighbours, and how their loss is told."""

from typing import ClassVar, Final

import attrs

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


def errno_finding(
    kind: type[RingErrnoFinding], role: Role, match: Match, context: Context
) -> Finding:
    """
    Return a finding of this kind with the error number of a match, decoded.

    Args:
        kind: The class.
        role: The role, unless the number says that it is an after-effect.
        match: A match with the groups `errno` and, where they are known, `exception` and `socket`.
        context: What is known besides the line.
    """
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
    return errno_finding(kind, kind.default_role, match, context)


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


EXCEPTION: Final = r"(?:(?P<exception>[\w.:]*(?:Error|error|exception)): )?"
"""What may stand before the words that MLX throws."""

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
        pattern=EXCEPTION + rf"(?P<what>Recv|Send) of \d+ bytes failed \(errno: {_NUMBER}\)",
        build=_socket,
    ),
    Signature(
        name="ring-peer-closed",
        pattern=EXCEPTION
        + rf"\[ring\] (?:Socket {_SOCKET} was closed by the peer|connection to a peer was lost)",
        build=_peer_closed,
        literals=(" was closed by the peer", "connection to a peer was lost"),
    ),
    Signature(
        name="ring-gave-up",
        pattern=r"Too many send/recv errors\. (?P<how>Aborting|Failing pending tasks)",
        build=_gave_up,
    ),
)
