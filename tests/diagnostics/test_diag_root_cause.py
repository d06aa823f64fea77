"""Who of a group failed first and of itself."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.findings import Finding, Role
from diagnostics.root_cause import Member, rank


@attrs.frozen(kw_only=True)
class Fact(Finding):
    cause = "test-fact"


def fact(role):
    return (Fact(role=role),)


ROOT, EITHER, AFTER, NOTE = (
    fact(role) for role in (Role.ROOT, Role.EITHER, Role.AFTER_EFFECT, Role.NOTE)
)


@pytest.mark.parametrize(
    ("members", "root"),
    [
        pytest.param([], None, id="nobody"),
        pytest.param([Member("a", 1.0, AFTER)], "a", id="alone"),
        pytest.param([Member("a", 1.0, AFTER), Member("b", 2.0, ROOT)], "b", id="later root"),
        pytest.param([Member("a", 1.0, AFTER), Member("b", 2.0)], "b", id="silent is killed"),
        pytest.param([Member("a", 1.0, AFTER), Member("b", 2.0, NOTE)], "b", id="notes are silent"),
        pytest.param(
            [Member("a", 1.0, EITHER), Member("b", 2.0, ROOT)], "b", id="root before either"
        ),
        pytest.param(
            [Member("a", 2.0, EITHER), Member("b", 1.0, AFTER)], "a", id="either before after"
        ),
        pytest.param(
            [Member("a", 2.0, AFTER), Member("b", 1.0, AFTER)], "b", id="all after: earliest"
        ),
        pytest.param(
            [Member("a", 2.0, ROOT), Member("b", 1.0, ROOT)], "b", id="two roots: earliest"
        ),
        pytest.param([Member("b", 1.0), Member("a", 1.0)], "a", id="tie: by id"),
        pytest.param(
            [Member("a", 1.0, ROOT, own_cause=False), Member("b", 2.0)], "b", id="caller knows not"
        ),
        pytest.param(
            [Member("a", 2.0, AFTER, own_cause=True), Member("b", 3.0)], "a", id="caller knows"
        ),
        pytest.param([Member("a", 1.0, waiting_for="b"), Member("b", 2.0)], "b", id="was waiting"),
        pytest.param(
            [Member("a", 1.0, ROOT + AFTER), Member("b", 2.0, ROOT)],
            "a",
            id="root with after-effects",
        ),
    ],
)
def test_the_root_cause_is_found(members, root):
    """One rule, case by case."""
    ranking = rank(members)
    assert ranking.root_cause == root
    assert ranking.roles == {
        member.id: Role.ROOT if member.id == root else Role.AFTER_EFFECT for member in members
    }


members = st.lists(
    st.builds(
        Member,
        id=st.sampled_from("abcdefgh"),
        ended_at=st.integers(0, 5).map(float),
        findings=st.sampled_from([(), ROOT, EITHER, AFTER, NOTE, EITHER + AFTER, ROOT + NOTE]),
        own_cause=st.sampled_from([None, None, True, False]),
        waiting_for=st.sampled_from([None, None, "x"]),
    ),
    unique_by=lambda member: member.id,
    min_size=1,
)


def followed(member):
    if member.own_cause is not None:
        return not member.own_cause
    return member.waiting_for is not None or member.findings == AFTER


@given(members, st.randoms(use_true_random=False))
def test_there_is_one_root_and_it_depends_on_no_order(group, random):
    """The order in which the ends are reported does not matter."""
    ranking = rank(group)
    assert list(ranking.roles.values()).count(Role.ROOT) == 1
    shuffled = list(group)
    random.shuffle(shuffled)
    assert rank(shuffled) == ranking


@given(members)
def test_who_only_followed_is_never_the_root_of_who_did_not(group):
    """An after-effect is no root cause while anybody has a cause."""
    by_id = {member.id: member for member in group}
    if not all(followed(member) for member in group):
        assert not followed(by_id[rank(group).root_cause])
