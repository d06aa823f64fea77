"""When it pays to look before sleeping: decided from what came of it."""

from hypothesis import given
from hypothesis import strategies as st

from actors._spin import Spin


def attempts(spin, waits, *, found):
    """Return in which of some waits there is spinning, and let each attempt end the same."""
    tried = []
    for _ in range(waits):
        tried.append(spin.worthwhile())
        if tried[-1]:
            spin.found() if found else spin.missed()
    return tried


def test_what_finds_something_goes_on():
    """Two that answer each other at once are never put to sleep."""
    assert all(attempts(Spin(), 1000, found=True))


def test_what_finds_nothing_becomes_rare():
    """One wait is skipped, then three, seven, fifteen, and never more."""
    tried = attempts(Spin(), 2 + 4 + 8 + 16 * 3, found=False)
    places = [place for place, spins in enumerate(tried) if spins]
    assert places == [0, 2, 6, 14, 30, 46]


def test_one_success_counts_more_than_all_failures_before():
    """After a quick answer the next failure costs one wait again."""
    spin = Spin()
    attempts(spin, 100, found=False)
    while not spin.worthwhile():
        pass
    spin.found()
    assert attempts(spin, 5, found=False) == [True, False, True, False, False]


@given(st.lists(st.booleans(), max_size=300))
def test_a_quick_conversation_is_noticed_soon(outcomes):
    """Whatever came before, there is an attempt within sixteen waits."""
    spin = Spin()
    for outcome in outcomes:
        if spin.worthwhile():
            spin.found() if outcome else spin.missed()
    assert any(spin.worthwhile() for _ in range(16))
