"""The environment of a ring, without MLX."""

import json
import os
import socket
import stat
from pathlib import Path

import pytest

import actors
from actors.mlx_ring import RingEnvironment, ring_group
from actors.runner import Runner

MEMBERS = ["a", "b", "c"]


@pytest.fixture
def environment():
    """Give a ring environment that is closed at the end."""
    ring = RingEnvironment()
    yield ring
    ring.close()


def hosts(variables):
    """Return the addresses in the host file of one member."""
    return json.loads(Path(variables["MLX_HOSTFILE"]).read_text())


def test_each_member_gets_its_rank_and_the_same_host_file(environment):
    """In the order in which they are named."""
    opened = environment.open(1, MEMBERS)
    assert [opened[each]["MLX_RANK"] for each in MEMBERS] == ["0", "1", "2"]
    assert len({opened[each]["MLX_HOSTFILE"] for each in MEMBERS}) == 1
    assert "MLX_RING_VERBOSE" not in opened["a"]


def test_the_host_file_names_a_free_loopback_port_a_rank(environment):
    """Each of them can be bound, and no two are the same."""
    addresses = hosts(environment.open(1, MEMBERS)["a"])
    assert len(addresses) == len({address for (address,) in addresses}) == 3
    for (address,) in addresses:
        host, _, port = address.partition(":")
        assert host == "127.0.0.1"
        with socket.socket() as probe:
            probe.bind((host, int(port)))


def test_nobody_else_can_read_the_host_file(environment):
    """It lies in a private folder."""
    path = Path(environment.open(1, MEMBERS)["a"]["MLX_HOSTFILE"])
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.stat().st_uid == os.getuid()


def test_a_new_incarnation_takes_the_place_of_the_last(environment):
    """The old host file goes."""
    first = Path(environment.open(1, MEMBERS)["a"]["MLX_HOSTFILE"])
    second = Path(environment.open(2, MEMBERS)["a"]["MLX_HOSTFILE"])
    assert not first.exists()
    assert second.exists()


def test_close_removes_everything_and_may_be_repeated(environment):
    """Before the first opening, too."""
    environment.close()
    folder = Path(environment.open(1, MEMBERS)["a"]["MLX_HOSTFILE"]).parent
    environment.close()
    environment.close()
    assert not folder.exists()


def test_a_verbose_ring_tells_how_it_is_joined():
    """MLX looks at this variable."""
    ring = RingEnvironment(verbose=True)
    try:
        assert ring.open(1, MEMBERS)["b"]["MLX_RING_VERBOSE"] == "1"
    finally:
        ring.close()


def test_a_ring_group_declares_a_member_a_rank():
    """All alike, in rank order, restarted together."""
    spec = ring_group(
        "ring",
        Runner,
        3,
        args=(1,),
        kwargs={"two": 2},
        runner_options={"progress_timeout": 4.0},
        settle=0.5,
    )
    assert [member.id for member in spec.members] == ["ring-rank-0", "ring-rank-1", "ring-rank-2"]
    assert {member.runner_class for member in spec.members} == {Runner}
    assert all(member.args == (1,) and member.kwargs == {"two": 2} for member in spec.members)
    assert all(member.progress_timeout == 4.0 for member in spec.members)
    assert spec.settle == 0.5
    assert spec.strategy is actors.Strategy.ONE_FOR_ALL
    assert isinstance(spec.environment, RingEnvironment)


def test_a_ring_without_members_is_refused():
    """As any group."""
    with pytest.raises(actors.SpecError, match="members"):
        ring_group("ring", Runner, 0)
