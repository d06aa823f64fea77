"""What the scanner passes over: nothing that a signature is about."""

import re

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from diagnostics._lines import decode, without_escapes
from diagnostics._scanner import Scanner, scanner_of
from diagnostics.signatures import Signature, registered_signatures

CATALOGUE = registered_signatures()
LITERALS = sorted({text for signature in CATALOGUE for text in signature.literals})
CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\n\r"))
SETTINGS = settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)

literals = st.sampled_from(LITERALS)
pieces = st.one_of(
    literals.map(str.encode),
    st.tuples(literals, st.integers(1, 30)).map(lambda pair: pair[0].encode()[: pair[1]]),
    st.tuples(literals, st.integers(1, 30)).map(lambda pair: pair[0].encode()[pair[1] :]),
    st.sampled_from(
        [b"\n", b"\r", b"\r\n", b"\x1b[31m", b"\0", b" ", b"ordinary", b"\xe2\x9c\x93"]
    ),
    st.binary(max_size=20),
)
blocks = st.lists(pieces, max_size=12).map(lambda parts: b"".join(parts) + b"\n")
texts = st.text("abcdefABCDEF .:[]()é✓", min_size=4, max_size=10)


def made(name, literal):
    """Return a signature as a plugin would register it."""
    return Signature(name=name, pattern=re.escape(literal), build=lambda *_: None)


# Fewer than of the others: each looks for every signature in every line.
@settings(SETTINGS, max_examples=60)
@given(block=blocks, own=st.lists(texts, max_size=3, unique=True), data=st.data())
def test_where_nothing_is_found_no_signature_matches_any_line(block, own, data):
    """Those of the catalogue, and those that came at run time."""
    signatures = (*CATALOGUE, *(made(f"own-{text}", text) for text in own))
    if own and data.draw(st.booleans()):
        block += data.draw(texts).encode() + data.draw(st.sampled_from(own)).encode() + b"\n"
    scanner = scanner_of(signatures)
    assume(scanner.find(block) < 0)
    for line in re.split(rb"[\r\n]", block):
        assert not scanner.candidates(line)
        text = decode(line)
        assert not {it.name for it in signatures if it.regex.search(text)}


@SETTINGS
@given(block=blocks, start=st.integers(0, 60))
def test_the_first_literal_or_control_is_found(block, start):
    """Where a search for each of them finds the first."""
    start = min(start, len(block))
    wanted = [text.encode() for text in LITERALS] + [bytes([each]) for each in CONTROLS]
    places = [block.find(each, start) for each in wanted]
    first = min((place for place in places if place >= 0), default=-1)
    assert scanner_of(CATALOGUE).find(block, start) == first


@SETTINGS
@given(block=blocks)
def test_a_line_of_the_cleaned_block_is_a_candidate_for_what_is_in_it(block):
    """And for nothing else."""
    for line in re.split(rb"[\r\n]", without_escapes(block)):
        found = {signature.name for signature in scanner_of(CATALOGUE).candidates(line)}
        assert found == {
            signature.name
            for signature in CATALOGUE
            if any(text.encode() in line for text in signature.literals)
        }


@pytest.mark.parametrize("signature", CATALOGUE, ids=lambda signature: signature.name)
@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_what_a_pattern_matches_has_one_of_its_literals(signature, data):
    """Otherwise the signature would miss some of its own lines."""
    pattern = re.sub(r"\\x\{(\w+)\}", lambda found: chr(int(found[1], 16)), signature.pattern)
    line = data.draw(st.from_regex(re.compile(pattern, re.ASCII)))
    line = decode(line.encode())
    if signature.regex.search(line):
        assert signature in scanner_of(CATALOGUE).candidates(line.encode())


def test_one_scanner_serves_all_who_look_for_the_same():
    """A new signature makes another one; the first goes on as it is."""
    one, two = made("one", "first"), made("two", "second")
    assert scanner_of([one]) is scanner_of(iter([one]))
    assert scanner_of([one, two]) is not scanner_of([one])
    assert scanner_of([one]).find(b"the second\n") == -1
    assert scanner_of([one, two]).find(b"the second\n") == 4


def test_without_signatures_only_controls_are_found():
    """A collector that recognises nothing still has a tail."""
    scanner = Scanner([])
    assert scanner.find(b"Killed\n") == -1
    assert scanner.find(b"a\x1b[0m\n") == 1
    assert scanner.candidates(b"Killed") == ()
