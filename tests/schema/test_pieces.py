"""The form of a stream follows from the type of its pieces, from what its author declared, and from its caller."""

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator
from typing import Annotated, Any

import numpy as np
import pytest
from pydantic import BaseModel

from ekiben.core.spec import Style
from ekiben.schema.annotations import ContentType
from ekiben.schema.codec import plan
from ekiben.schema.pieces import LINES, Form, Pieces
from ekiben.schema.signature import EMPTY, read
from ekiben.schema.wire.events import Event


class Row(BaseModel):
    """A record."""

    name: str
    size: int


def pieces_of(returns: Any, style: Style = Style()) -> Pieces:
    """Plan an endpoint that returns *returns*."""

    def stream(self: Any):  # type: ignore[no-untyped-def]
        yield

    if returns is not EMPTY:
        stream.__annotations__["return"] = returns
    found = plan(read(stream), style).pieces
    assert found is not None
    return found


def form_of(returns: Any, accepted: str, first: Any) -> Form:
    """Choose the form of a stream."""
    return pieces_of(returns).choose(accepted, first)


SSE = "text/event-stream"
TEXT = "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("returns", "accepted", "piece", "media", "written"),
    [
        (Iterator[str], "", "a\nb", TEXT, b"a\nb"),
        (Generator[str, None, None], "*/*", "a", TEXT, b"a"),
        (AsyncIterator[str], SSE, "a\nb", SSE, b"data: a\ndata: b\n\n"),
        (AsyncGenerator[str, None], f"{SSE}; data=json", "a\rb", f"{SSE}; data=json", b'data: "a\\rb"\n\n'),
        (Iterable[str], LINES, "a", LINES, b'"a"\n'),
        (Iterator[str], "image/png", "a", TEXT, b"a"),
        (Iterator[bytes], "", b"\0\1", "application/octet-stream", b"\0\1"),
        (Iterator[bytes], SSE, b"\0\1", "application/octet-stream", b"\0\1"),
        (Iterator[Row], "", Row(name="a", size=1), LINES, b'{"name":"a","size":1}\n'),
        (Iterator[Row], "application/jsonl", Row(name="a", size=1), "application/jsonl", b'{"name":"a","size":1}\n'),
        (Iterator[Row], SSE, Row(name="a", size=1), SSE, b'data: {"name":"a","size":1}\n\n'),
        (Iterator[dict[str, int]], "", {"a": 1}, LINES, b'{"a":1}\n'),
        (Iterator[np.ndarray], "", np.array([[1.5, 2]]), LINES, b"[[1.5,2.0]]\n"),
        (Iterator[int], "", 1, LINES, b"1\n"),
        (Iterator[Event], "", Event({"a": 1}, event="x"), SSE, b'event: x\ndata: {"a":1}\n\n'),
        (Iterator[str | Event], "", "a", SSE, b"data: a\n\n"),
        (Annotated[Iterator[str], ContentType(SSE)], "", "a", SSE, b"data: a\n\n"),
        (Iterator[Annotated[str, ContentType(SSE)]], "text/plain", "a", SSE, b"data: a\n\n"),
        (Iterator[Annotated[bytes, ContentType(SSE)]], "", b"data: mine\n\n", SSE, b"data: mine\n\n"),
        (Iterator[Annotated[bytes, ContentType("audio/wav")]], "", b"RIFF", "audio/wav", b"RIFF"),
        (Iterator[Annotated[str, ContentType("text/csv")]], "", "1,2\n", "text/csv; charset=utf-8", b"1,2\n"),
        (Iterator[Annotated[Row, ContentType("application/jsonl")]], SSE, {"a": 1}, "application/jsonl", b'{"a":1}\n'),
        (EMPTY, "", "a", TEXT, b"a"),
        (Iterator, SSE, "a", SSE, b"data: a\n\n"),
        (Iterator[Any], "", b"a", "application/octet-stream", b"a"),
        (EMPTY, "", {"a": 1}, LINES, b'{"a":1}\n'),
        (EMPTY, "", Event("a"), SSE, b"data: a\n\n"),
        (EMPTY, SSE, b"data: framed\n\n", "application/octet-stream", b"data: framed\n\n"),
    ],
)
def test_form(returns: Any, accepted: str, piece: Any, media: str, written: bytes) -> None:
    """Each kind of piece has its usual form, and those that a caller may ask for."""
    form = form_of(returns, accepted, piece)
    assert (form.media, form.write(piece)) == (media, written)


def test_an_empty_stream_has_a_form() -> None:
    """A stream without pieces and without a hint is described all the same."""
    assert form_of(EMPTY, "", EMPTY).media == LINES


def test_bentoml_sends_text_as_it_is() -> None:
    """In BentoML's style text stands unframed under text/event-stream, or under what its author declared."""
    style = Style(stream_style="raw")
    raw = pieces_of(Iterator[str], style).choose(SSE, "a")
    assert (raw.media, raw.write("a\n"), raw.write({"a": 1}), raw.fail) == (SSE, b"a\n", b'{"a":1}\n', None)
    declared = pieces_of(Annotated[Iterator[str], ContentType("text/plain")], style).choose("", "a")
    assert declared.media == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("returns", "accepted", "expected"),
    [
        pytest.param(Iterator[str], SSE, b'event: error\ndata: {"error":"x"}\n\n', id="an event tells it"),
        pytest.param(Iterator[str], "", None, id="text cannot tell it"),
        pytest.param(Iterator[Row], "", None, id="nor can lines"),
    ],
)
def test_failing(returns: Any, accepted: str, expected: bytes | None) -> None:
    """Only events can say that the rest will not come."""
    form = form_of(returns, accepted, "a")
    assert (None if form.fail is None else form.fail(b'{"error":"x"}')) == expected
    assert (form.beat != b"") == (expected is not None)


@pytest.mark.parametrize(
    ("returns", "schema"),
    [
        (Iterator[str], {"type": "string"}),
        (Iterator[Event], {"type": "string", "x-kind": "event"}),
        (Iterator[int], {"type": "integer"}),
        (EMPTY, {}),
    ],
)
def test_schema(returns: Any, schema: dict[str, Any]) -> None:
    """A stream is described by one of its pieces."""

    def stream(self: Any):  # type: ignore[no-untyped-def]
        yield

    if returns is not EMPTY:
        stream.__annotations__["return"] = returns
    assert plan(read(stream)).output_schema == schema
