"""Groups of runners that MLX's ring backend joins. MLX itself is not needed here."""

import json
import socket
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, final

import pykka

from actors.specs import GroupSpec, RunnerSpec

_LOOPBACK: Final = "127.0.0.1"


@final
class RingEnvironment:
    """
    Host file and ranks for `mlx.core.distributed.init(backend="ring")`, on this machine.

    Each incarnation gets other ports: those of the last one may still be taken by a process
    that is ending. Between the choice of a port and MLX's use of it, another program may take
    it; then the runner fails in `connect` with `[ring] Couldn't bind socket`, and the group's
    next incarnation gets new ports.

    Args:
        verbose: Whether MLX shall tell how the ring is joined, on stderr.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def open(self, incarnation: int, members: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """
        Prepare one incarnation.

        Args:
            incarnation: Number of the incarnation, counted from 1.
            members: The members' ids in rank order.

        Returns:
            The variables of each member, by id.
        """
        self.close()
        self._folder = tempfile.TemporaryDirectory(prefix="runner-actors-ring-")
        path = Path(self._folder.name) / f"hosts-{incarnation}.json"
        hosts = [[f"{_LOOPBACK}:{port}"] for port in free_ports(len(members))]
        path.write_text(json.dumps(hosts), encoding="ascii")
        common = {"MLX_HOSTFILE": str(path)}
        if self._verbose:
            common["MLX_RING_VERBOSE"] = "1"
        return {member: {**common, "MLX_RANK": str(rank)} for rank, member in enumerate(members)}

    def close(self) -> None:
        """Remove the host file. May be called at any time, and more than once."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def free_ports(count: int) -> list[int]:
    """Return as many different loopback TCP ports that nobody listens on right now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((_LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def ring_group(
    id: str,  # noqa: A002 - as in the specs
    runner_class: type[pykka.Actor],
    size: int,
    *,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    runner_options: Mapping[str, Any] | None = None,
    verbose: bool = False,
    **group_options: Any,
) -> GroupSpec:
    """
    Declare a ring of runners of one class.

    The members are called `<id>-rank-0`, `<id>-rank-1` and so on, and find `MLX_RANK` and
    `MLX_HOSTFILE` in their environment.

    Args:
        id: Name of the group.
        runner_class: The class of each member, which joins the ring in its `connect`.
        size: How many members.
        args: Positional arguments of each member's constructor.
        kwargs: Keyword arguments of each member's constructor.
        runner_options: Further fields of each member's `RunnerSpec`.
        verbose: Whether MLX shall tell how the ring is joined, on the members' stderr.
        **group_options: Further fields of the `GroupSpec`.

    Returns:
        The declaration, for `Supervisor.start_group`.
    """
    members = [
        RunnerSpec(
            f"{id}-rank-{rank}",
            runner_class,
            tuple(args),
            dict(kwargs or {}),
            **(runner_options or {}),
        )
        for rank in range(size)
    ]
    group_options.setdefault("environment", RingEnvironment(verbose=verbose))
    return GroupSpec(id, tuple(members), **group_options)
