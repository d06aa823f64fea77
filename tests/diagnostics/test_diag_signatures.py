"""Signatures and their registry."""

import importlib.metadata
import logging

import attrs
import pytest

from diagnostics import signatures as module
from diagnostics.collector import RunnerDiagnosticCollector
from diagnostics.findings import Finding
from diagnostics.signatures import Signature, SignatureError, longest_literal


@attrs.frozen(kw_only=True)
class Explosion(Finding):
    cause = "test-explosion"
    size: int = 0


def explosion(match, context):
    return Explosion(size=int(match.group("size")))


EXPLOSION = Signature(
    name="explosion", pattern=r"reactor exploded \((?P<size>\d+)\)", build=explosion
)


@pytest.fixture
def registry(monkeypatch):
    """A registry of this test's own, with no plugin loaded."""
    monkeypatch.setattr(module, "_registry", {})
    module.load_catalogues.cache_clear()
    yield module
    module.load_catalogues.cache_clear()


def entry_points(monkeypatch, **values):
    class Entry:
        def __init__(self, name, value):
            self.name, self.value, self._load = name, f"plugin:{name}", value

        def load(self):
            if isinstance(self._load, Exception):
                raise self._load
            return self._load

    entries = [Entry(name, value) for name, value in values.items()]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: entries)


def test_a_pattern_that_re2_refuses_names_the_signature():
    """The author learns which signature is at fault."""
    with pytest.raises(SignatureError, match=r"'look-ahead'.*RE2"):
        Signature(name="look-ahead", pattern=r"abcd(?=e)", build=explosion)


@pytest.mark.parametrize("pattern", [r"abcd|efgh", r"(?i)abcdef", r"\d+ \w+", r"ab"])
def test_a_pattern_without_a_literal_asks_for_one(pattern):
    """A signature that would be tried on every line is refused."""
    with pytest.raises(SignatureError, match="literals"):
        Signature(name="vague", pattern=pattern, build=explosion)


def test_exactly_one_of_build_and_open_block_is_needed():
    """A signature is about one line or about several."""
    with pytest.raises(SignatureError, match="either"):
        Signature(name="nothing", pattern="abcdef")


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        (r"failed with errno (\d+)", "failed with errno "),
        (r"\[ring\] x", "[ring] x"),
        (r"abcde?fg", "abcd"),
        (r"ab{2,3}cdef", "cdef"),
        (r"[abc]defgh[]x]yz", "defgh"),
        (r"(?P<a>first|second) then", " then"),
        (r"colou?r of [^]]+", "r of "),
        (r"a|b", ""),
    ],
)
def test_the_longest_literal_is_found(pattern, literal):
    """What every match must contain is read off the pattern."""
    assert longest_literal(pattern) == literal


def test_a_signature_of_ones_own_is_recognised():
    """A finding class and a signature are all that a new cause needs."""
    collector = RunnerDiagnosticCollector(signatures=[EXPLOSION])
    collector.record_line("12:00:01 E the reactor exploded (7) again", at=5.0)
    (finding,) = collector.diagnostics()
    assert (finding.cause, finding.size, finding.first_seen) == ("test-explosion", 7, 5.0)


def test_a_raising_builder_is_reported_once_and_left_out(caplog):
    """The others go on, and the diagnosis says what is missing."""

    def broken(match, context):
        raise RuntimeError("bug in plugin")

    collector = RunnerDiagnosticCollector(
        signatures=[EXPLOSION, Signature(name="broken", pattern="exploded", build=broken)]
    )
    with caplog.at_level(logging.ERROR, "diagnostics"):
        for _ in range(3):
            collector.record_line("reactor exploded (7)", at=0.0)
    assert len(caplog.records) == 1
    assert "broken" in caplog.text
    diagnosis = collector.diagnosis()
    assert [finding.count for finding in diagnosis.findings] == [3]
    assert "broken" in diagnosis.problem


def test_a_builder_that_returns_no_finding_is_left_out(caplog):
    """What is no finding never gets out of the collector."""
    wrong = Signature(name="wrong", pattern="exploded", build=lambda match, context: "boom")
    collector = RunnerDiagnosticCollector(signatures=[wrong])
    collector.record_line("it exploded", at=0.0)
    assert collector.diagnosis().findings == ()
    assert "not a Finding" in caplog.text


@pytest.mark.parametrize("stage", ["open", "feed", "findings", "copy"])
def test_a_raising_block_is_left_out(stage, caplog):
    """A reader of several lines may fail at any time."""

    class Broken:
        def feed(self, line, *, claimed):
            if stage == "feed":
                raise ValueError(stage)

        def findings(self):
            raise ValueError(stage)

        def __deepcopy__(self, memo):
            if stage == "copy":
                raise ValueError(stage)
            return self

    def open_block(match, context):
        if stage == "open":
            raise ValueError(stage)
        return Broken()

    signature = Signature(name="broken", pattern="exploded", open_block=open_block)
    collector = RunnerDiagnosticCollector(signatures=[signature])
    collector.feed(b"it exploded\nmore\n", at=0.0)
    diagnosis = collector.diagnosis()
    assert diagnosis.findings == ()
    assert "broken" in diagnosis.problem
    assert "broken" in caplog.text


def test_two_signatures_cannot_share_a_name(registry):
    """Registering the same one twice is harmless."""
    registry.register(EXPLOSION)
    registry.register(EXPLOSION)
    with pytest.raises(SignatureError, match="already registered"):
        registry.register(attrs.evolve(EXPLOSION, pattern="another text"))


def test_plugins_are_loaded_through_entry_points(registry, monkeypatch):
    """A plugin may name one signature, several, or a function."""
    second = attrs.evolve(EXPLOSION, name="second")
    third = attrs.evolve(EXPLOSION, name="third")
    entry_points(monkeypatch, one=EXPLOSION, many=[second], made=lambda: [third])
    assert [item.name for item in registry.registered_signatures()] == [
        "explosion",
        "second",
        "third",
    ]


def test_a_broken_plugin_is_reported_once_and_left_out(registry, monkeypatch, caplog):
    """The other plugins are there."""
    entry_points(monkeypatch, bad=ImportError("no module"), worse=[1], good=EXPLOSION)
    for _ in range(2):
        assert registry.registered_signatures() == (EXPLOSION,)
    assert [record.getMessage() for record in caplog.records] == [
        "signatures of plugin bad (plugin:bad) are left out",
        "signatures of plugin worse (plugin:worse) are left out",
    ]
