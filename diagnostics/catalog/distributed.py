"""MLX's choice of a distributed back-end, and its MPI back-end."""

from typing import Final

import attrs

from diagnostics.catalog._building import Recognized, finds
from diagnostics.signatures import Signature


@attrs.frozen(kw_only=True)
class MpiInitFailed(Recognized):
    """MPI could not be started."""

    cause = "mpi-init-failed"
    endings = ("exit",)
    versions = "MLX; since 0.32.1 also for a world of one process"
    remedy = "Launch it with mpirun of Open MPI, whose library must be found."


@attrs.frozen(kw_only=True)
class DistributedBadBackend(Recognized):
    """
    There is no distributed back-end of this name.

    Attributes:
        backend: The name that was given.
    """

    cause = "distributed-bad-backend"
    endings = ("exit",)
    remedy = "Spell the back-end as one of those that the message lists."

    backend: str | None = None


@attrs.frozen(kw_only=True)
class DistributedNoBackend(Recognized):
    """No distributed back-end could be started."""

    cause = "distributed-no-backend"
    endings = ("exit",)
    remedy = "Set the environment that one of the back-ends needs, for example by mlx.launch."


SIGNATURES: Final = (
    Signature(
        name="mpi-init",
        pattern=r"(?P<detail>Cannot initialize MPI\b|\[mpi\] (?:The world has a single process"
        r"|MPI found but|\w+.*(?:failed|error|not (?:yet )?(?:supported|implemented))).*"
        r"|It looks like (?:MPI_INIT|orte_init|prte_init|PMIx_Init) failed"
        r"|An error occurred in MPI_Init\w*|Fatal error in \w*(?:MPI_|internal_)Init\w*: .*"
        r"|MPI (?:could not split this group|doesn't support 16-bit floats))",
        build=finds(MpiInitFailed),
        literals=(
            "Cannot initialize MPI",
            "[mpi] ",
            *(f"It looks like {name} failed" for name in ("MPI_INIT", "orte_init", "prte_init")),
            *("It looks like PMIx_Init", "occurred in MPI_Init", "Fatal error in "),
            "MPI could not split",
            "MPI doesn't support",
        ),
    ),
    Signature(
        name="mpi-init-lower",
        pattern=r"(?P<detail>Cannot initialize mpi\b.*)",
        build=finds(MpiInitFailed),
        literals=("Cannot initialize mpi",),
    ),
    Signature(
        name="distributed-bad-backend",
        pattern=r"(?P<detail>The only valid values for backend are .*?|An all gather factory is"
        r" only supported with.*?)"
        r"(?:but '(?P<backend>[^']*)' was provided|$)",
        build=finds(DistributedBadBackend),
        literals=("only valid values for backend are", "An all gather factory is only"),
    ),
    Signature(
        name="distributed-no-backend",
        pattern=r"(?P<detail>Couldn't initialize any backend"
        r"|Communication not implemented in an empty distributed group"
        r"|Cannot split the distributed group further"
        r"|Cannot (?:send to|recv from) a singleton group)",
        build=finds(DistributedNoBackend),
        literals=(
            "initialize any backend",
            "an empty distributed group",
            "distributed group further",
            "a singleton group",
        ),
    ),
)
