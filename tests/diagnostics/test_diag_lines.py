"""Bytes to lines."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics._lines import LineSplitter, decode, last_states, shorten, without_escapes
from diagnostics._tail import Tail


def segments(splitter, chunks):
    """Feed the chunks and return the segments, terminators included, and the pending rest."""
    data = b"".join(block for chunk in chunks for block in splitter.feed(chunk))
    return data, splitter.pending


@pytest.mark.parametrize(
    ("data", "whole", "pending"),
    [
        (b"", b"", b""),
        (b"a", b"", b"a"),
        (b"a\nb", b"a\n", b"b"),
        (b"a\r\nb\r\n", b"a\r\nb\r\n", b""),
        (b"1%\r2%\r3%", b"1%\r2%\r", b"3%"),
        (b"1%\r", b"", b"1%\r"),
        (b"\n\n", b"\n\n", b""),
    ],
)
def test_whole_segments_are_handed_on_and_the_rest_waits(data, whole, pending):
    """Only what is terminated leaves the splitter."""
    assert segments(LineSplitter(), [data]) == (whole, pending)


@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200)))
def test_chunking_does_not_change_the_segments(data, cuts):
    """Cutting the stream anywhere gives the same bytes in the same order."""
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    chunks = [data[a:b] for a, b in itertools.pairwise(edges)]
    whole, pending = segments(LineSplitter(), chunks)
    assert whole + pending == data


@given(
    data=st.lists(st.sampled_from([b"a", b"bcdefgh", b"\r", b"\n", b"\r\n"]), max_size=60),
    size=st.integers(1, 30),
)
def test_an_overlong_segment_is_cut_alike_however_it_arrives(data, size):
    """Head, tail and the number between do not depend on the chunks."""
    stream = b"".join(data)
    chunks = [stream[i : i + size] for i in range(0, len(stream), size)]
    once, often = LineSplitter(limit=16), LineSplitter(limit=16)
    assert b"".join(segments(once, [stream])) == b"".join(segments(often, chunks))


def test_a_line_of_ten_mebibytes_keeps_its_head_and_its_end():
    """Memory stays bounded and the marker says how much is gone."""
    splitter = LineSplitter(limit=64)
    for _ in range(10 * 1024):
        assert list(splitter.feed(b"x" * 1024)) == []
    (block,) = splitter.feed(b"END\n")
    assert block.startswith(b"x" * 32 + b" ...[")
    assert block.endswith(b"xEND\n")
    assert splitter.cut_bytes == 10 * 1024 * 1024 + 3 - 64
    assert len(block) < 128


def test_the_end_of_an_overlong_pending_line_is_visible():
    """A line that death cut off shows its last bytes."""
    splitter = LineSplitter(limit=64)
    list(splitter.feed(b"y" * 1000 + b"tail"))
    assert splitter.pending.endswith(b"tail")
    assert b"bytes cut" in splitter.pending


def test_flush_ends_the_unfinished_line():
    """After a gap in the stream the next byte begins a new line."""
    splitter = LineSplitter()
    list(splitter.feed(b"half a li"))
    assert splitter.flush() == b"half a li\n"
    assert splitter.flush() == b""
    assert splitter.pending == b""


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (b"\x1b[31mred\x1b[0m", b"red"),
        (b"\x1b]0;title\x07text", b"text"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", b"link"),
        (b"\x1b(Bx", b"x"),
        (b"a\0b\0c\x08", b"abc"),
        (b"tab\tstays\r\n", b"tab\tstays\r\n"),
        (b"\x1b]unterminated error", b"]unterminated error"),
        (b"\x1b[", b"["),
    ],
)
def test_escapes_and_control_characters_are_stripped(raw, clean):
    """Text is never lost with an escape that has no end."""
    assert without_escapes(raw) == clean


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("é ✓".encode(), "é ✓"),
        (b"bad \xff\xfe", "bad \\xff\\xfe"),
        (b"cut \xe2\x9c", "cut \\xe2\\x9c"),
        ("a\u202eb\u2066c\x9bd".encode(), "abcd"),
    ],
)
def test_decoding_never_fails_and_shows_no_control(raw, text):
    """Bad bytes are visible, direction marks and C1 controls are not there."""
    assert decode(raw) == text


def test_only_the_last_state_of_a_line_is_left():
    """A line is what a terminal would show."""
    assert last_states(b"a\r\n10%\r20%\rdone\nx\r") == b"a\ndone\nx"


def test_shorten_keeps_both_ends():
    """The middle goes."""
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("a" * 50 + "b" * 50, 10) == "aaaaa ...[90 characters cut]... bbbbb"


def test_the_tail_shows_the_last_lines_and_no_fragment():
    """A line whose beginning is gone is left out."""
    tail = Tail(max_bytes=12, max_lines=10)
    tail.append(b"first line\nsecond\n")
    tail.append(b"third\n")
    assert tail.lines() == ("third",)
    assert tail.lines(b"four") == ("third", "four")


def test_a_progress_bar_does_not_push_out_the_lines_before_it():
    """All states of a bar take the room of one."""
    tail = Tail(max_bytes=200, max_lines=10)
    tail.append(b"the error\n")
    for step in range(1000):
        tail.append(b"%d%% of the work is done\r" % step)
    assert tail.lines() == ("the error", "999% of the work is done")
    tail.append(b"finished\n")
    assert tail.lines() == ("the error", "finished")


def test_the_tail_is_bounded_by_lines():
    """No more lines than asked for."""
    tail = Tail(max_bytes=1000, max_lines=2)
    tail.append(b"a\nb\nc\n")
    assert tail.lines() == ("b", "c")
