"""Events come out as they went in, however the bytes between are cut."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.schema.wire.events import BEAT, Event, Parser, write, write_data

LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=20)
NAMES = st.none() | LINE.filter(bool)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=50)
EVENTS = st.builds(Event, data=TEXT, event=NAMES, id=st.none() | LINE, retry_ms=st.none() | st.integers(0, 10**8))


def parsed(*chunks: bytes) -> list[Event]:
    """Read all chunks by one parser."""
    parser = Parser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param("a", b"data: a\n\n", id="one line"),
        pytest.param("", b"data: \n\n", id="nothing is an event too"),
        pytest.param("a\nb", b"data: a\ndata: b\n\n", id="several lines are several fields"),
        pytest.param("a\r\nb\rc", b"data: a\ndata: b\ndata: c\n\n", id="each kind of line break ends a line"),
        pytest.param("a\n", b"data: a\ndata: \n\n", id="a break at the end is kept"),
        pytest.param(" a", b"data:  a\n\n", id="a space at the start is kept"),
        pytest.param("é", "data: é\n\n".encode(), id="UTF-8"),
    ],
)
def test_data(data: str, expected: bytes) -> None:
    """Data are framed line by line, so that none of them can end the event or begin another field."""
    assert write_data(data) == expected


def test_fields() -> None:
    """Name, id and retry stand before the data."""
    event = Event(event="token", id="7", retry_ms=1500)
    assert write(event, "a") == b"event: token\nid: 7\nretry: 1500\ndata: a\n\n"
    assert write(Event(), "a") == b"data: a\n\n"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("event", "a\nb", "`event` of an event must be one line"),
        ("event", "a\rdata: b", "`event` of an event must be one line"),
        ("id", "a\n\nb", "`id` of an event must be one line"),
        ("id", "a\0", "`id` of an event must be one line"),
        ("retry_ms", -1, "`retry_ms` of an event must be a whole number"),
    ],
)
def test_no_field_can_break_out(field: str, value: object, words: str) -> None:
    """A name or an id with a line break, which would begin another field, is refused."""
    with pytest.raises(ValueError, match=re.escape(words)):
        Event("x", **{field: value})  # type: ignore[arg-type]


@given(st.lists(EVENTS, max_size=5), st.lists(st.integers(0, 300), max_size=6))
def test_round_trip(events: list[Event], cuts: list[int]) -> None:
    """What is written is read again, also where chunks are cut within a letter; ids last as the standard has it."""
    content = b"".join(write(event, event.data) for event in events)
    places = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    chunks = [content[start:end] for start, end in pairwise(places)]
    found = parsed(*chunks)
    assert [(one.data, one.event, one.retry_ms) for one in found] == [
        (one.data, one.event, one.retry_ms) for one in events
    ]
    last = None
    for event, read in zip(events, found, strict=True):
        last = last if event.id is None else event.id
        assert read.id == last


@given(st.binary(max_size=200), st.integers(1, 9))
def test_anything_is_read(content: bytes, size: int) -> None:
    """Bytes of any kind give the same events in one piece as in many, and no error."""
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    assert parsed(content) == parsed(*pieces)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"], id="CR LF"),
        pytest.param(b"data: a\r\rdata: b\r\r ", ["a", "b"], id="CR alone"),
        pytest.param(BEAT + b"data: a\n\n" + BEAT, ["a"], id="comments are nothing"),
        pytest.param(b"\xef\xbb\xbfdata: a\n\n", ["a"], id="a byte order mark is passed over"),
        pytest.param(b"data:a\n\n", ["a"], id="the space may be missing"),
        pytest.param(b"data\n\n", [""], id="a field may have no value"),
        pytest.param(b"other: x\nretry: soon\nid: a\0b\ndata: a\n\n", ["a"], id="what is odd is passed over"),
        pytest.param(b"event: x\n\n", [], id="an event without data is none"),
        pytest.param(b"data: a\n", [], id="an event that was not ended is none"),
    ],
)
def test_reading(content: bytes, expected: list[str]) -> None:
    """The standard's corners."""
    assert [event.data for event in parsed(content)] == expected
    assert [event.data for event in parsed(*(bytes([byte]) for byte in content))] == expected
