"""`SSE` writes an event as text, and reads events from text that is cut anywhere."""

from collections.abc import AsyncIterator

import pytest
from bentoml.exceptions import BentoMLException
from bentoml.io import SSE


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (SSE("a"), "data: a\n\n"),
        (SSE("a\nb"), "data: a\ndata: b\n\n"),
        (SSE("a", event="done", id="7", retry=30), "event: done\nid: 7\nretry: 30\ndata: a\n\n"),
        (SSE(""), "data: \n\n"),
        (SSE("día"), "data: día\n\n"),
    ],
)
def test_marshal(event: SSE, text: str) -> None:
    assert event.marshal() == text


@pytest.mark.parametrize("event", [SSE("a", event="x\ndata: evil"), SSE("a", id="1\r2"), SSE("a", retry=-1)], ids=repr)
def test_no_field_breaks_out(event: SSE) -> None:
    """A name or an id of two lines would write fields of its own."""
    with pytest.raises(BentoMLException, match="of an event must be"):
        event.marshal()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
async def test_from_iterator(size: int) -> None:
    """However a stream is cut, the same events come out, each when it is complete."""
    sent = [SSE("día\nb", "token", "1", 5), SSE("c", None, "1")]
    text = "".join(event.marshal() for event in sent) + "data: cut sho"

    async def chunks() -> AsyncIterator[str]:
        for start in range(0, len(text), size):
            yield text[start : start + size]

    assert [event async for event in SSE.from_iterator(chunks())] == sent
