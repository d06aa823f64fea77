"""Messages survive the wire exactly; nothing else gets through it, and nothing breaks it."""

import json
import math
import subprocess
import sys
import types
from typing import Union, get_args, get_origin

import attrs
import msgpack
import pytest
from faulty import PROGRAM_ENVIRONMENT
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import diagnostics.catalog
from actors import _frames, messages, reasons
from actors.errors import WireError
from actors.messages import ErrorChunk
from actors.termination import RunnerTerminationError
from actors.wire import MESSAGE_TYPES, decode, encode, from_json, to_dict, to_json
from diagnostics import findings
from diagnostics.catalog.ring import RingPeerClosed
from diagnostics.diagnosis import Diagnosis
from diagnostics.findings import Finding, Role, finding_types

assert diagnostics.catalog  # importing it declares its findings


@attrs.frozen
class Detail:
    """A record within a finding, as a plugin may have."""

    port: int
    ratio: float | None = None


@attrs.frozen(kw_only=True)
class PluginFinding(Finding):
    """A finding with a field of each kind that the contract allows."""

    cause = "test-wire-plugin"

    number: int | None
    text: str
    switch: bool
    share: float = attrs.field()
    pair: tuple[int, str]
    details: tuple[Detail, ...] = ()
    best: Detail | None = None
    maybe: tuple[str, ...] | None = None
    either: int | str = 0

    @share.validator
    def _check(self, _, value):
        if value == -1.0:
            raise KeyError("minus one is not a share")


# Findings are known to the whole process, and other tests look at them all.
findings._types.pop(PluginFinding.cause)
SLUGS = sorted({*finding_types(), PluginFinding.cause})


@pytest.fixture(autouse=True, scope="module")
def declared():
    """Make the plugin's finding known while these tests run."""
    before = dict(findings._types)
    findings._types[PluginFinding.cause] = PluginFinding
    yield
    findings._types.clear()
    findings._types.update(before)


# Low surrogates are what surrogateescape makes of bytes that are not UTF-8. (A high one right
# before a low one is one character to JSON, so only the pair would not come back as it was.)
TEXT = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("\udc80\udcff\0\x1b"), max_size=8
)


PRIMITIVES = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**64 - 1),
    float: st.floats(allow_nan=False).filter(lambda value: value != -1.0),
    types.NoneType: st.none(),
}


def values(annotation):
    """Build the strategy of one field's type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return st.one_of([values(each) for each in arguments])
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return st.lists(values(arguments[0]), max_size=2).map(tuple)
        return st.tuples(*[values(each) for each in arguments])
    if annotation is Finding:
        declared = finding_types()
        return st.sampled_from(sorted(declared)).flatmap(lambda slug: instances(declared[slug]))
    if attrs.has(annotation):
        return instances(annotation)
    return PRIMITIVES[annotation] if annotation in PRIMITIVES else st.sampled_from(annotation)


def instances(cls):
    """Build the strategy of one attrs class."""
    attrs.resolve_types(cls)
    fields = {field.name: values(field.type) for field in attrs.fields(cls)}
    return st.fixed_dictionaries(fields).map(lambda found: cls(**found))


NO_MESSAGES = {messages.RunnerInfo}
"""An answer of the supervisor's, within its process."""

ALL = sorted(MESSAGE_TYPES)
MESSAGES = st.deferred(
    lambda: st.sampled_from(ALL).flatmap(lambda tag: instances(MESSAGE_TYPES[tag]))
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(ALL),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "cause", "fields", "status", "task_id"]) | TEXT,
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def test_every_class_of_the_modules_has_a_wire_form():
    """No message class can be declared and then forgotten in the unions."""
    for module in (messages, reasons, _frames):
        for name, cls in vars(module).items():
            if attrs.has(cls) and cls.__module__ == module.__name__ and cls not in NO_MESSAGES:
                assert MESSAGE_TYPES[name] is cls
    assert MESSAGE_TYPES["RunnerTerminationError"] is RunnerTerminationError


@pytest.mark.parametrize("tag", ALL)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_message_comes_back_as_it_was(tag, data):
    """Bytes and JSON are both exact, field types included."""
    message = data.draw(instances(MESSAGE_TYPES[tag]))
    for again in (decode(encode(message)), from_json(to_json(message))):
        assert again == message
        assert repr(again) == repr(message)


@pytest.mark.parametrize("slug", SLUGS)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_finding_comes_back_as_it_was(slug, data):
    """The catalogue's and a plugin's findings travel alike, tagged by their cause."""
    finding = data.draw(instances(finding_types()[slug]))
    chunk = messages.ErrorChunk("r", 1, 2, "m", (finding,))
    assert to_dict(chunk)["diagnostics"][0]["cause"] == slug
    assert repr(decode(encode(chunk))) == repr(chunk)
    assert repr(from_json(to_json(chunk))) == repr(chunk)


@given(MESSAGES)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_json_is_one_ascii_line_of_the_plain_form(message):
    """A journal can hold one message a line, whatever the texts in it."""
    line = to_json(message)
    assert line.isascii()
    assert line.isprintable()
    assert isinstance(json.loads(line), dict)


def test_the_plain_form_is_what_json_says():
    """No tuples, enums or classes are left in it."""
    failure = make_failure()
    assert to_dict(failure) == json.loads(to_json(failure))
    assert type(to_dict(failure)["phase"]) is str


def make_failure(**changes):
    """Build a failure with a finding in it."""
    finding = PluginFinding(
        number=None, text="t", switch=True, share=0.5, pair=(1, "x"), evidence=("line",)
    )
    error = RunnerTerminationError(
        type="ValueError", message="m", repr="r", traceback="t", notes=("n",)
    )
    return attrs.evolve(
        messages.RunnerFailed(
            runner_id="chat",
            incarnation=2,
            pid=7,
            phase=reasons.Phase.SERVING,
            reason=reasons.Raised(error, exit_code=1),
            diagnostics=(finding,),
            diagnosis=Diagnosis(findings=(finding,), tail=("a", "b")),
            tasks=(messages.LostTask(1, "Generate"),),
            role=Role.AFTER_EFFECT,
            started_at=1.0,
            failed_at=2.0,
            uptime=1.0,
            error_message="chat failed",
        ),
        **changes,
    )


def with_value(path, value, message=None):
    """Return the plain form of a message with one place changed; `...` removes it."""
    plain = to_dict(message or make_failure())
    place = plain
    for step in path[:-1]:
        place = place[step]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return plain


@pytest.mark.parametrize(
    ("path", "value", "place", "problem"),
    [
        (["type"], "Nonsense", "$.type", "'Nonsense' is not known here"),
        (["type"], ..., "$.type", "is missing"),
        (["type"], 5, "$.type", "5 is not known here"),
        (["type"], ["RunnerFailed"], "$.type", "['RunnerFailed'] is not known here"),
        (["pid"], ..., "$.pid", "is missing"),
        (["role"], ..., "$.role", "is missing"),
        (["pid"], "3", "$.pid", "expected int or None, not str '3'"),
        (["incarnation"], True, "$.incarnation", "expected int, not bool True"),
        (["incarnation"], 1.0, "$.incarnation", "expected int, not float 1.0"),
        (["started_at"], "1", "$.started_at", "expected float, not str '1'"),
        (["started_at"], True, "$.started_at", "expected float, not bool True"),
        (["runner_id"], None, "$.runner_id", "expected str, not NoneType None"),
        (["more"], 1, "$", "has the unknown field 'more'"),
        (["phase"], "flying", "$.phase", "expected one of starting, connecting, loading"),
        (["phase"], ["serving"], "$.phase", "expected one of"),
        (["reason"], None, "$.reason", "expected a map, not NoneType None"),
        (["reason", "type"], "Waiting", "$.reason.type", "'Waiting' is not known here"),
        (["reason", "error", "type"], 4, "$.reason.error.type", "expected str, not int 4"),
        (["reason", "error", "type"], ..., "$.reason.error.type", "is missing"),
        (["reason", "error", "notes", 0], 4, "$.reason.error.notes[0]", "expected str, not int 4"),
        (["tasks"], {}, "$.tasks", "expected an array, not dict {}"),
        (["tasks", 0, "task_id"], None, "$.tasks[0].task_id", "expected int, not NoneType None"),
        (["tasks", 0, "x"], None, "$.tasks[0]", "has the unknown field 'x'"),
        (["diagnosis", "tail", 1], 1, "$.diagnosis.tail[1]", "expected str, not int 1"),
        (["diagnostics", 0, "cause"], "nope", "$.diagnostics[0].cause", "'nope' is not known here"),
        (["diagnostics", 0, "cause"], ..., "$.diagnostics[0].cause", "is missing"),
        (["diagnostics", 0, "switch"], 1, "$.diagnostics[0].switch", "expected bool, not int 1"),
        (
            ["diagnostics", 0, "pair"],
            [1],
            "$.diagnostics[0].pair",
            "expected an array of 2, not list [1]",
        ),
        (["diagnostics", 0, "pair", 1], 1, "$.diagnostics[0].pair[1]", "expected str, not int 1"),
        (["diagnostics", 0, "best"], {"port": 1}, "$.diagnostics[0].best.ratio", "is missing"),
        (
            ["diagnostics", 0, "share"],
            -1.0,
            "$.diagnostics[0]",
            "KeyError: 'minus one is not a share'",
        ),
    ],
)
def test_an_error_says_where_and_what(path, value, place, problem):
    """The place is a path into the message, in bytes as in JSON."""
    plain = with_value(path, value)
    for read, data in ((decode, msgpack.packb(plain)), (from_json, json.dumps(plain))):
        with pytest.raises(WireError) as caught:
            read(data)
        assert caught.value.place == place
        assert caught.value.problem.startswith(problem)


def test_a_message_with_a_field_called_type_is_wrapped():
    """The tag and the exception's type cannot be taken for each other."""
    error = RunnerTerminationError(type="KeyError", message="m", repr="r", traceback="t")
    plain = to_dict(error)
    assert plain["type"] == "RunnerTerminationError"
    assert plain["fields"]["type"] == "KeyError"
    plain["fields"]["notes"] = [None]
    with pytest.raises(WireError, match=r"^\$\.fields\.notes\[0\]: expected str"):
        from_json(json.dumps(plain))


def test_an_int_is_fine_for_a_float_and_becomes_one():
    """Senders in other languages, and hasty ones in this, write 5 for 5.0."""
    again = decode(encode(messages.RunnerStatusUpdated("r", 1, messages.RunnerIdle(), 5)))
    assert type(again.at) is float
    assert again.at == 5.0


@pytest.mark.parametrize("text", ["\ud800!", "\udcff", "a\udfffb"])
def test_a_lone_surrogate_survives(text):
    """Texts may come from undecodable output; they must not stop a failure's publication."""
    frame = _frames.Waiting(text)
    assert decode(encode(frame)) == frame
    assert from_json(to_json(frame)) == frame


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_an_infinite_number_survives_json_too(value):
    """JSON has no spelling of its own for it."""
    frame = _frames.StatusChanged(messages.RunnerReady(), value)
    assert decode(encode(frame)) == frame
    assert from_json(to_json(frame)) == frame


def test_not_a_number_survives():
    """A finding may have read one from the output."""
    frame = _frames.StatusChanged(messages.RunnerReady(), math.nan)
    assert math.isnan(decode(encode(frame)).at)
    assert math.isnan(from_json(to_json(frame)).at)


@pytest.mark.parametrize(
    "message",
    [
        messages.ChunkGenerated("r", 2**64, 0),
        messages.ChunkGenerated("r", -(2**63) - 1, 0),
        messages.ChunkGenerated("r", object(), 0),
        _frames.Chunk(1, 0),
        _frames.Waiting([[]] * 2 + [set()]),
        _frames.StatusChanged("ready", 1.0),
        _frames.StatusChanged(Finding(), 1.0),
        messages.ErrorChunk("r", 1, 1, "m", (Finding(),)),
        messages.ErrorChunk("r", 1, 1, "m", ("text",)),
        messages.ErrorChunk("r", 1, 1, "m", None),
        Finding(),
        PluginFinding(number=None, text="t", switch=True, share=0.5, pair=(1, "x")),
        "text",
        None,
        {"type": "Waiting"},
    ],
)
def test_what_has_no_wire_form_cannot_be_encoded(message):
    """The sender hears of it, as of everything else, by a WireError."""
    with pytest.raises(WireError):
        encode(message)


def test_a_long_integer_that_json_could_not_spell_is_refused():
    """Python itself limits the digits that it converts."""
    with pytest.raises(WireError):
        to_json(messages.ChunkGenerated("r", 10**5000, 0))
    with pytest.raises(WireError):
        to_json(_frames.Waiting(object()))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        encode(_frames.Waiting("x"))[:-1],
        encode(_frames.Waiting("x")) + b"\0",
        b"\x91" * 100_000 + b"\0",
        b"\xdd\xff\xff\xff\xff",
        b"\x81\xa4type\xa2\xff\xfe",
        b"\x81\xc4\x04type\xa4Stop",
        b"\x81\x04\x05",
        b"\x81\x91\x01\x01",
        b"\x81\xa4type\xd6\xff\0\0\0\0",
        b"\xc7\x05\xff12345",
        bytearray(b"\x90"),
        memoryview(b"\xc0"),
        memoryview(b"\xc0\xc0\xc0")[::2],
    ],
)
def test_bytes_that_are_no_message_are_refused(data):
    """Truncated, trailing, too deep, not UTF-8, no map: one error for all."""
    with pytest.raises(WireError):
        decode(data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "NaN",
        '{"type": "StatusChanged", "status": {"type": "RunnerReady"}, "at": NaN}',
        '{"type": "StatusChanged", "status": {"type": "RunnerReady"}, "at": Infinity}',
        '{"type": "StatusChanged", "status": {"type": "RunnerReady"}, "at": 1' + "0" * 400 + "}",
        '{"type": "Stop"} {}',
        '{"type": "Stop"',
        "\ufeff{}",
        "[" * 100_000,
        '{"a":' * 100_000,
        "1" * 5_000,
    ],
)
def test_text_that_is_no_message_is_refused(text):
    """A line of a damaged journal costs that line."""
    with pytest.raises(WireError):
        from_json(text)


def test_what_exceeds_the_limit_is_not_looked_at():
    """The limit is in bytes, and in characters."""
    data, text = encode(_frames.Stop()), to_json(_frames.Stop())
    assert decode(data, limit=len(data)) == _frames.Stop()
    assert decode(memoryview(data), limit=len(data)) == _frames.Stop()
    assert from_json(text, limit=len(text)) == _frames.Stop()
    with pytest.raises(WireError, match="exceed the limit of 3 bytes"):
        decode(data, limit=3)
    with pytest.raises(WireError, match="exceed the limit of 3 characters"):
        from_json(text, limit=3)


def test_a_finding_class_declared_later_is_known_at_once():
    """Plugins are imported whenever it pleases them."""
    plain = to_dict(messages.ErrorChunk("r", 1, 1, "m"))
    plain["diagnostics"] = [{"cause": "test-wire-late", "role": "note", "evidence": [], "count": 1}]
    plain["diagnostics"][0].update(first_seen=0.0, last_seen=0.0, line=3, rank=1)
    plain["diagnostics"][0].update(last_line=3, tentative=False, rank_reason="", source="")
    with pytest.raises(WireError, match="test-wire-late"):
        from_json(json.dumps(plain))

    @attrs.frozen(kw_only=True)
    class LateFinding(Finding):
        cause = "test-wire-late"
        rank: int

    again = from_json(json.dumps(plain))
    assert again.diagnostics == (LateFinding(rank=1, role=Role.NOTE, line=3, last_line=3),)


def read_or_refuse(read, data):
    """Let nothing but a message or a WireError come out."""
    try:
        message = read(data)
    except WireError:
        return
    assert type(message) in MESSAGE_TYPES.values()


@given(st.binary(max_size=60))
@example(b"\x81\xa4type\xa4Stop")
def test_any_bytes_are_a_message_or_a_wire_error(data):
    """Nothing else is ever raised."""
    read_or_refuse(decode, data)


@given(PLAIN)
@settings(deadline=None)
def test_any_json_is_a_message_or_a_wire_error(plain):
    """Nothing else is ever raised."""
    read_or_refuse(from_json, json.dumps(plain))


@given(st.text(max_size=60))
def test_any_text_is_a_message_or_a_wire_error(text):
    """Nothing else is ever raised."""
    read_or_refuse(from_json, text)


@given(MESSAGES, st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damaged_messages_are_messages_or_wire_errors(message, data):
    """A flipped byte, a cut and a changed value are all noticed or harmless."""
    raw = bytearray(encode(message))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    read_or_refuse(decode, raw)
    read_or_refuse(decode, raw[: data.draw(st.integers(0, len(raw)))])
    plain = to_dict(message)
    place = plain
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not (isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans())):
            break
        place = place[key]
    place[key] = data.draw(PLAIN)
    read_or_refuse(from_json, json.dumps(plain))
    read_or_refuse(decode, msgpack.packb(plain, unicode_errors="surrogatepass", default=str))


def test_process_that_only_reads_messages_knows_every_finding_of_the_catalogue():
    """Nothing else in it has asked for the catalogue, which is loaded on demand."""
    failed = RingPeerClosed(evidence=("[ring] Socket 5 was closed by the peer",))
    text = to_json(ErrorChunk("a", 1, 2, "lost", (failed,)))
    program = "import sys; from actors.wire import from_json; print(from_json(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", program, text],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=PROGRAM_ENVIRONMENT,
    )
    assert "RingPeerClosed" in done.stdout
