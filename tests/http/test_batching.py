"""Batches over HTTP, for every kind of value: what a call sends, and that calls meet in one run and part again."""

import base64
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.http.batches import png
from tests.http.real import server
from tests.servers import Running


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with server("tests.http.batches:Batches") as started:
        started.wait_until_ready()
        yield started


def together(running: Running, path: str, *asks: dict[str, Any]) -> list[httpx.Response]:
    """Send calls at once, each on its own connection; give the answers in their order."""
    with ThreadPoolExecutor(len(asks)) as pool:
        found = [pool.submit(httpx.post, running.url + path, timeout=60, trust_env=False, **ask) for ask in asks]
        return [each.result() for each in found]


def base(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("path", "asks", "answers"),
    [
        pytest.param(
            "/array",
            [{"json": {"x": [[1, 2]]}}, {"json": {"x": [[3, 4], [5, 6]]}}],
            [[[3, 3]], [[7, 3], [11, 3]]],
            id="rows of an array",
        ),
        pytest.param(
            "/frame",
            [{"json": {"rows": [{"a": 1}]}}, {"json": {"rows": [{"a": 2}, {"a": 3}]}}],
            [[{"a": 1, "together": 3}], [{"a": 2, "together": 3}, {"a": 3, "together": 3}]],
            id="rows of a frame",
        ),
        pytest.param(
            "/series", [{"json": {"numbers": [1, 2]}}, {"json": {"numbers": [3]}}], [[13, 23], [33]], id="a series"
        ),
        pytest.param(
            "/text",
            [{"json": {"texts": ["a"]}}, {"json": {"texts": ["b", "c"]}}],
            [["a of 3"], ["b of 3", "c of 3"]],
            id="a list of texts",
        ),
        pytest.param(
            "/numbers", [{"json": {"values": [1]}}, {"json": {"values": [2, 3]}}], [[13], [23, 33]], id="of numbers"
        ),
        pytest.param(
            "/objects",
            [{"json": {"points": [{"x": 1}]}}, {"json": {"points": [{"x": 2}, {"x": 3}]}}],
            [[{"x": 1, "together": 3}], [{"x": 2, "together": 3}, {"x": 3, "together": 3}]],
            id="of objects",
        ),
        pytest.param(
            "/records",
            [{"json": {"reviews": [{"text": "a"}]}}, {"json": {"reviews": [{"text": "b", "stars": 5}, {"text": "c"}]}}],
            [
                [{"text": "a of 3", "stars": 3}],
                [{"text": "b of 3", "stars": 5}, {"text": "c of 3", "stars": 3}],
            ],
            id="of pydantic models",
        ),
        pytest.param(
            "/images",
            [
                {"files": [("pictures", png(1))]},
                {"files": [("pictures", png(2)), ("pictures", png(3))]},
            ],
            [[[1, 3]], [[2, 3], [3, 3]]],
            id="of images, uploaded",
        ),
        pytest.param(
            "/images",
            [{"json": {"pictures": [base(png(1))]}}, {"json": {"pictures": [base(png(2)), base(png(3))]}}],
            [[[1, 3]], [[2, 3], [3, 3]]],
            id="of images, in JSON",
        ),
        pytest.param(
            "/blobs",
            [{"files": [("blobs", b"a")]}, {"json": {"blobs": [base(b"bb"), base(b"ccc")]}}],
            [[13], [23, 33]],
            id="of bytes, uploaded and in JSON",
        ),
        pytest.param(
            "/files",
            [{"files": [("files", b"a")]}, {"files": [("files", b"b"), ("files", b"c")]}],
            [["a of 3"], ["b of 3", "c of 3"]],
            id="of files",
        ),
        pytest.param(
            "/arrays",
            [{"json": {"matrices": [[[1]]]}}, {"json": {"matrices": [[1, 2], [[3, 4], [5, 6]]]}}],
            [[[1, 3]], [[3, 3], [18, 3]]],
            id="of arrays, each of another shape",
        ),
        pytest.param(
            "/anything",
            [{"json": {"values": [{"a": 1}]}}, {"json": {"values": [2, "c"]}}],
            [[[{"a": 1}, 3]], [[2, 3], ["c", 3]]],
            id="of anything",
        ),
        pytest.param(
            "/columns",
            [{"json": {"x": [[1, 2]]}}, {"json": {"x": [[3, 4], [5, 6]]}}],
            [{"sum": [3], "together": [3]}, {"sum": [7, 11], "together": [3, 3]}],
            id="an answer of columns",
        ),
        pytest.param(
            "/later",
            [{"json": {"texts": ["a"]}}, {"json": {"texts": ["b", "c"]}}],
            [["a of 3"], ["b of 3", "c of 3"]],
            id="an `async def` endpoint",
        ),
        pytest.param("/root", [{"json": [[1, 2]]}, {"json": [[3, 4], [5, 6]]}], [[33], [73, 113]], id="a whole body"),
    ],
)
def test_kinds(running: Running, path: str, asks: list[dict[str, Any]], answers: list[Any]) -> None:
    """Two calls of three items meet in one run of the method, and each gets the answers to its own items."""
    found = together(running, path, *asks)
    assert [response.status_code for response in found] == [200, 200], [response.text for response in found]
    assert [response.json() for response in found] == answers


def test_images_as_answers(running: Running) -> None:
    """A list of images is answered by a list of images, as base64 text."""
    asks = [{"files": [("pictures", png(9))]}, {"files": [("pictures", png(8)), ("pictures", png(7))]}]
    for response, count in zip(together(running, "/pictures", *asks), (1, 2), strict=True):
        pictures = [Image.open(io.BytesIO(base64.b64decode(text))) for text in response.json()]
        assert [picture.size for picture in pictures] == [(3, 1)] * count


def ranked(texts: list[str], **others: Any) -> dict[str, Any]:
    return {"json": {"labels": ["x", "y"], "texts": texts, **others}}


def test_other_arguments(running: Running) -> None:
    """Calls that agree in the other arguments run together, those that differ run apart; no call gets another's."""
    found = together(running, "/ranked", ranked(["a"]), ranked(["b"], scale=1.0), ranked(["c"], scale=2.0))
    assert [response.json() for response in found] == [
        ["a ['x', 'y'] 1 of 2"],
        ["b ['x', 'y'] 1 of 2"],
        ["c ['x', 'y'] 2 of 1"],
    ]
    lists = [ranked(["a"]), ranked(["b"], labels=["y", "x"]), ranked(["c"])]
    found = together(running, "/ranked", *lists)
    assert [response.json() for response in found] == [
        ["a ['x', 'y'] 1 of 2"],
        ["b ['y', 'x'] 1 of 1"],
        ["c ['x', 'y'] 1 of 2"],
    ]


def test_one_bad_call_of_a_batch(running: Running) -> None:
    """The call that the method refuses is answered with its words, and those beside it with their answers."""
    found = together(running, "/ranked", ranked(["a"]), ranked(["bad"]), ranked(["c"]))
    assert [response.status_code for response in found] == [200, 400, 200]
    assert found[1].json()["detail"] == "a bad text"


def test_a_call_larger_than_a_batch(running: Running) -> None:
    """A call with more items than a batch may have is run in pieces and answered whole."""
    [found] = together(running, "/numbers", {"json": {"values": [1, 2, 3, 4, 5, 6]}})
    assert found.json() == [13, 23, 33, 43, 53, 63]


def test_no_items(running: Running) -> None:
    """A call without items is answered without any."""
    [found] = together(running, "/soon", {"json": {"texts": []}})
    assert (found.status_code, found.json()) == (200, [])
