"""MLX's JACCL back-end: RDMA over Thunderbolt."""

from typing import Final

import attrs

from diagnostics.catalog._building import Recognized, finds
from diagnostics.findings import Finding, Role
from diagnostics.signatures import Context, Match, Signature


@attrs.frozen(kw_only=True)
class JacclFinding(Recognized):
    """
    Something that the JACCL back-end said.

    Attributes:
        errno: The error number, where one is printed.
        errno_name: Its symbolic name on `platform`.
        errno_description: What it means there.
        platform: The system whose numbers these are.
    """

    endings = ("exit", "SIGABRT")

    errno: int | None = None
    errno_name: str | None = None
    errno_description: str | None = None
    platform: str | None = None

    @property
    def message(self) -> str:
        """What failed, and why."""
        number = ""
        if self.errno is not None:
            number = f" (errno {self.errno} {self.errno_description or ''}".rstrip() + ")"
        return f"MLX jaccl: {self.detail or type(self).headline()}{number}"


@attrs.frozen(kw_only=True)
class JacclQueuePairTransitionFailed(JacclFinding):
    """
    A queue pair of RDMA could not be brought into service.

    Attributes:
        state: The state it was to enter: `INIT`, `RTR` or `RTS`.
    """

    cause = "jaccl-queue-pair-transition-failed"
    versions = "MLX 0.30.1 on"
    remedy = (
        "RTR with errno 22: no usable address, so give the Thunderbolt interface an IPv4 link-local"
        " address (0.32.1 on says so). errno 60: the wrong interface, or the peer is out of reach."
    )
    references = ("ml-explore/mlx#3467", "ml-explore/mlx#4191", "exo-explore/exo#1390")

    state: str | None = None


@attrs.frozen(kw_only=True)
class JacclQueuePairCreateFailed(JacclFinding):
    """No queue pair of RDMA could be made."""

    cause = "jaccl-queue-pair-create-failed"
    versions = "MLX 0.30.1 to 0.32.0 without, since 0.32.1 with the reason"
    remedy = (
        "With EBUSY (16) all queue pairs of the device are in use, and trying again cannot help:"
        " end other users of RDMA, or use fewer connections."
    )
    references = ("ml-explore/mlx#4209",)


@attrs.frozen(kw_only=True)
class JacclBadConfig(JacclFinding):
    """JACCL's rank, device file or coordinator is missing or wrong."""

    cause = "jaccl-bad-config"
    versions = "MLX_IBV_COORDINATOR in 0.30.1, MLX_JACCL_COORDINATOR in 0.30.3, JACCL_* in 0.31.2"
    remedy = "Set the rank, the device file and the coordinator's address."


@attrs.frozen(kw_only=True)
class JacclDeviceMissing(JacclFinding):
    """
    An RDMA device is not there.

    Attributes:
        device: Its name.
        available: How many there are.
        host: The host that has none.
    """

    cause = "jaccl-device-missing"
    versions = "MLX 0.32.1 on; before, a segmentation fault"
    remedy = (
        "RDMA is off or the name is wrong: `rdma_ctl enable` in Recovery, look at ibv_devices, make"
        " the device file anew."
    )
    references = ("ml-explore/mlx#3777", "ml-explore/mlx#3802")

    device: str | None = None
    available: int | None = None
    host: str | None = None


@attrs.frozen(kw_only=True)
class JacclResource(JacclFinding):
    """RDMA refused a resource: memory, a domain or a queue."""

    cause = "jaccl-resource"
    versions = "MLX 0.30.1 on"
    remedy = "RDMA is not enabled, or its resources are used up: end its other users."
    references = ("ml-explore/mlx#3777",)


@attrs.frozen(kw_only=True)
class JacclSideChannelLost(JacclFinding):
    """Another rank went away while the ranks set up RDMA."""

    cause = "jaccl-side-channel-lost"
    default_role = Role.AFTER_EFFECT
    remedy = "Look at the rank whose output ends first."


@attrs.frozen(kw_only=True)
class JacclUnavailable(JacclFinding):
    """This system has no JACCL."""

    cause = "jaccl-unavailable"
    remedy = "It needs macOS 26.2 or later with RDMA enabled; use the ring otherwise."


@attrs.frozen(kw_only=True)
class JacclNoGid(JacclFinding):
    """The RDMA port has no IPv4 address."""

    cause = "jaccl-no-gid"
    versions = "MLX 0.32.1 on"
    remedy = "Give the interface an IPv4 link-local address, as the message shows."
    references = ("ml-explore/mlx#4191",)


@attrs.frozen(kw_only=True)
class JacclConnectFailed(JacclFinding):
    """The coordinator could not be reached."""

    cause = "jaccl-connect-failed"
    default_role = Role.EITHER
    remedy = "See whether rank 0 runs and its address can be reached from here."


@attrs.frozen(kw_only=True)
class JacclBindFailed(JacclFinding):
    """The coordinator's address cannot be listened on."""

    cause = "jaccl-bind-failed"
    remedy = "The port is taken, or the address is not one of this machine."


@attrs.frozen(kw_only=True)
class JacclPostFailed(JacclFinding):
    """
    A transfer could not be handed to RDMA.

    Attributes:
        error_code: The code as printed.
    """

    cause = "jaccl-post-failed"
    remedy = "The queue is full or the link is down; a peer that died shows only as a hang."

    error_code: int | None = None


_TAG: Final = r"\[(?:jaccl|ibv)\] "  # its name was ibv before the first release
_ERRNO: Final = r"(?:errno[ =:]*|error[ :=]+)(?P<errno>\d{1,9})"


def _bad_config(match: Match, context: Context) -> Finding | None:
    found = match.groupdict()
    own = found["rank"] or found["sender"] or found["receiver"]
    finding = finds(JacclBadConfig)(match, context)
    if own is None or not isinstance(finding, JacclBadConfig):
        return finding
    return attrs.evolve(finding, rank=int(own))


def _tagged(*words: str) -> tuple[str, ...]:
    return tuple(f"{tag}] {word}" for tag in ("[jaccl", "[ibv") for word in words)


SIGNATURES: Final = (
    Signature(
        name="jaccl-queue-pair-transition",
        pattern=r"(?P<detail>Changing queue pair to (?P<state>\w+) failed)(?:.*?" + _ERRNO + ")?",
        build=finds(JacclQueuePairTransitionFailed),
        literals=("Changing queue pair to ",),
    ),
    Signature(
        name="jaccl-queue-pair-create",
        pattern=r"(?P<detail>Creating the queue pair failed(?: with"
        r" '[^']*?\((?P<errno>\d{1,9})\)')?"
        r"|(?:[Cc]ouldn't|[Cc]ould not|[Ff]ailed to|[Uu]nable to) create (?:an? |the )?(?:\w+ )?"
        r"(?:queue[ -]pair|QP|qp)\b(?:.*\((?:os error |errno[ =:]+)(?P<errno_2>\d{1,4})\))?)",
        build=finds(JacclQueuePairCreateFailed),
        literals=(
            "Creating the queue pair failed",
            *("ouldn't create ", "ould not create ", "ailed to create ", "nable to create "),
        ),
    ),
    Signature(
        name="jaccl-no-gid",
        pattern=r"(?P<detail>No IPv4-mapped GID for this device)",
        build=finds(JacclNoGid),
        literals=("IPv4-mapped GID",),
    ),
    Signature(
        name="jaccl-device-missing",
        pattern=_TAG + r"(?P<detail>Could(?: not|n't) (?:find|open) device (?P<device>\S+)"
        r"(?: \((?P<available>\d{1,6}) available\))?)",
        build=finds(JacclDeviceMissing),
        literals=("find device ", "open device "),
    ),
    Signature(
        name="jaccl-rdma-off",
        pattern=r"(?P<host>\S+) (?P<detail>does not seem to have RDMA enabled)"
        r"|(?P<detail2>[Hh]osts don't have RDMA enabled)",
        build=finds(JacclDeviceMissing),
        literals=("does not seem to have RDMA enabled", "osts don't have RDMA enabled"),
    ),
    Signature(
        name="jaccl-resource",
        pattern=_TAG + r"(?P<detail>Couldn't (?:allocate|create|get|query|register) "
        r"(?:protection|completion|memory|port|context|device|gid)\w*(?: \w+)?"
        r"|Register memory region failed|Buffer can be registered once)",
        build=finds(JacclResource),
        literals=_tagged("Couldn't ", "Register memory", "Buffer can be"),
    ),
    Signature(
        name="jaccl-side-channel",
        pattern=_TAG + r"(?P<detail>(?:Send|Recv) failed(?: with errno|: peer closed the side"
        r" channel))(?:[ =]*(?P<errno>\d{1,9}))?",
        build=finds(JacclSideChannelLost),
        literals=_tagged("Send failed", "Recv failed"),
    ),
    Signature(
        name="jaccl-post",
        pattern=_TAG + r"(?P<detail>(?:Send|Recv|Receive|Write) failed with error code)"
        r"[ =]*(?P<error_code>\d{1,9})",
        build=finds(JacclPostFailed),
        literals=(" failed with error code",),
    ),
    Signature(
        name="jaccl-unavailable",
        pattern=r"(?P<detail>Cannot initialize (?:jaccl|ibv)\b)",
        build=finds(JacclUnavailable),
        literals=("Cannot initialize jaccl", "Cannot initialize ibv"),
    ),
    Signature(
        name="jaccl-connect",
        pattern=_TAG
        + r"(?P<detail>Couldn't (?:connect|create socket to connect)\b[^(]*)(?:\((?:last )?"
        + _ERRNO
        + r"|$)",
        build=finds(JacclConnectFailed),
        literals=_tagged("Couldn't connect", "Couldn't create socket to"),
    ),
    Signature(
        name="jaccl-bind",
        pattern=_TAG + r"(?P<detail>(?:Couldn't (?:bind|listen|create socket|enable|accept)"
        r"|Accept failed)[^(]*)(?:\((?:last )?" + _ERRNO + ")?",
        build=finds(JacclBindFailed),
        literals=_tagged("Couldn't ", "Accept failed"),
        generic=True,
    ),
    Signature(
        name="jaccl-bad-config",
        pattern=_TAG + r"(?P<detail>(?:You need to provide|The |Device names|Malformed"
        r"|Rank cannot|Invalid|Only|Up to|In ring mode|\w+(?: \w+)? not (?:yet )?supported)"
        r".*?(?:rank (?P<rank>\d{1,6}) contains.*|to \d+ from (?P<sender>\d{1,6})"
        r"|from \d+ to (?P<receiver>\d{1,6}))?)$",
        build=_bad_config,
        literals=("[jaccl] ", "[ibv] "),
    ),
    Signature(
        name="jaccl-host-file",
        pattern=r"(?P<detail>Malformed hostfile for jaccl backend)",
        build=finds(JacclBadConfig),
    ),
)
