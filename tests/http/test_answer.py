"""Answers go out as they were encoded, with what the method asked for, and with nothing that it did not."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ekiben.core.context import Cookie, ResponseContext
from ekiben.core.spec import HttpSpec
from ekiben.http import answer
from ekiben.http.answer import Answer, accepts_gzip, checked, compressible, cookie_header, encoded
from ekiben.schema.content import Encoded
from tests.http.calls import Calls
from tests.http.within import asking


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with asking(Calls) as client:
        yield client


async def test_status_headers_and_cookies(client: httpx.AsyncClient) -> None:
    """What a method sets by its context stands in the answer, and its request id is the answer's."""
    found = await client.post("/tell", json={"name": "X-Own", "value": "a b"}, headers={"x-request-id": "given-1"})
    assert (found.status_code, found.text, found.headers["x-own"]) == (201, "given-1", "a b")
    assert found.headers["set-cookie"] == 'taste="a b"; Path=/; SameSite=lax'
    assert found.headers["x-request-id"] == "given-1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("x-own", "a\r\nset-cookie: stolen=1", id="a line break in a value"),
        pytest.param("x-own", "a\nb", id="a bare line feed"),
        pytest.param("x-own\r\nset-cookie: a", "b", id="a line break in a name"),
        pytest.param("x own", "b", id="a blank in a name"),
        pytest.param("", "b", id="an empty name"),
        pytest.param("x-own", "a\0b", id="a zero byte"),
        pytest.param("x-own", "名", id="letters that no header can hold"),
    ],
)
async def test_no_header_can_be_smuggled(client: httpx.AsyncClient, name: str, value: str) -> None:
    """A value that would add a line to the head is our fault, not a line of the head."""
    found = await client.post("/tell", json={"name": name, "value": value})
    assert found.status_code == 500
    assert "set-cookie" not in found.headers


async def test_the_transport_is_not_the_methods(client: httpx.AsyncClient) -> None:
    """A method cannot set the length or the coding of the transfer; its content type replaces ours."""
    found = await client.post("/tell", json={"name": "Content-Length", "value": "3"})
    assert int(found.headers["content-length"]) == len(found.content)
    found = await client.post("/tell", json={"name": "Content-Type", "value": "text/css"})
    assert found.headers.get_list("content-type") == ["text/css"]


def test_cookies_cannot_smuggle() -> None:
    """A line break in any part of a cookie raises or is escaped."""
    assert b"\r" not in cookie_header(Cookie("a", "b\r\nc"))[1]
    with pytest.raises(ValueError, match="control"):
        cookie_header(Cookie("a", "b", path="/\r\nx: y"))


@pytest.mark.parametrize("status", [99, 100, 199, 600, "200", None, 200.5])
def test_odd_status(status: Any) -> None:
    """A status that is none of an answer raises."""
    with pytest.raises(ValueError, match="status"):
        encoded(Encoded(b""), ResponseContext(status_code=status))


async def test_file(client: httpx.AsyncClient) -> None:
    """A file is sent as it is, with its length and a name that the header can hold, and is gone afterwards."""
    content = bytes(range(256)) * 5000
    found = await client.post("/keep", files={"file": ('naïve ".txt', content)})
    assert found.content == content
    assert found.headers["content-length"] == str(len(content))
    assert found.headers["content-disposition"].startswith("attachment; filename=")
    assert "content-encoding" not in found.headers


async def test_picture(client: httpx.AsyncClient) -> None:
    """A picture is answered as one."""
    found = await client.post("/paint", json={"width": 5})
    assert (found.headers["content-type"], found.content[:4]) == ("image/png", b"\x89PNG")


async def test_a_response_passes_through(client: httpx.AsyncClient) -> None:
    """A response that the method made is sent as it is, with what its context adds."""
    found = await client.post("/passed")
    assert (found.status_code, found.content, found.headers["content-type"]) == (203, b"raw", "application/x-own")
    assert found.headers["x-beside"] == "1"
    assert (await client.post("/text")).text == "plain"


async def test_accept_chooses(client: httpx.AsyncClient) -> None:
    """A client that asks for an array in binary gets it so, and caches are told."""
    found = await client.post("/scale", json=[1.0, 2.0], headers={"accept": "application/x-npy"})
    assert found.content[:6] == b"\x93NUMPY"
    assert "accept" in found.headers["vary"]
    assert (await client.post("/scale", json=[1.0])).json() == [2.0]


@pytest.mark.parametrize(
    ("count", "accepts", "packed"),
    [
        pytest.param(5000, "gzip", True, id="a large answer is packed"),
        pytest.param(50_000, "br, gzip;q=0.5", True, id="a very large one too, off the loop"),
        pytest.param(5000, "identity", False, id="not for a client that does not take it"),
        pytest.param(5000, "gzip;q=0", False, id="not for a client that refuses it"),
        pytest.param(10, "gzip", False, id="a small answer is not worth it"),
    ],
)
async def test_gzip(client: httpx.AsyncClient, count: int, accepts: str, packed: bool) -> None:
    found = await client.post("/numbers", json={"count": count}, headers={"accept-encoding": accepts})
    assert found.json() == list(range(count))
    assert (found.headers.get("content-encoding") == "gzip") is packed
    assert ("vary" in found.headers) is (count > 10)


async def test_gzip_is_an_option() -> None:
    """A service can say that nothing is ever packed."""
    async with asking(Calls, http=HttpSpec(gzip_min=None)) as client:
        found = await client.post("/numbers", json={"count": 5000}, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in found.headers


@pytest.mark.parametrize(
    ("header", "expected"),
    [(b"", False), (b"*", True), (b"gzip;q=0.0", False), (b"*;q=0", False), (b"*, gzip;q=0", False),
     (b"GZIP ; q=1", True), (b"gzipped", False), (b";;,,=", False)],
)  # fmt: skip
def test_accepts_gzip(header: bytes, expected: bool) -> None:
    """`accept-encoding` is read as RFC 9110 says."""
    assert accepts_gzip(header) is expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([(b"content-type", b"application/json")], True, id="JSON"),
        pytest.param([(b"content-type", b"application/problem+json")], True, id="problems"),
        pytest.param([(b"content-type", b"text/html; charset=utf-8")], True, id="text"),
        pytest.param([(b"content-type", b"image/svg+xml")], True, id="SVG"),
        pytest.param([(b"content-type", b"image/png")], False, id="a picture"),
        pytest.param([(b"content-type", b"application/zip")], False, id="an archive"),
        pytest.param([(b"content-type", b"text/plain"), (b"content-encoding", b"br")], False, id="packed already"),
        pytest.param([(b"content-type", b"text/plain"), (b"cache-control", b"no-transform")], False, id="marked"),
        pytest.param([], False, id="unknown"),
    ],
)
def test_compressible(headers: list[tuple[bytes, bytes]], expected: bool) -> None:
    assert compressible(headers) is expected


def test_gzip_is_reproducible() -> None:
    """The same answer packs to the same bytes, and unpacks to itself."""
    packed = answer.compress(b"abc" * 1000)
    assert packed == answer.compress(b"abc" * 1000)
    assert gzip.decompress(packed) == b"abc" * 1000


async def test_a_file_that_shrinks_breaks_off(tmp_path: Path) -> None:
    """A file that becomes shorter while it is sent breaks the answer off instead of waiting for more."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * (answer.CHUNK * 3))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 2:
            await asyncio.to_thread(path.write_bytes, b"")

    with pytest.raises(OSError, match="shorter"):
        await answer.send(Answer(200, path), send, gzip_min=None)
    assert sent[-1]["more_body"]


def test_checked_names_the_header() -> None:
    """The error says which header is wrong."""
    with pytest.raises(ValueError, match="`x-own`"):
        checked([("x-own", "\x7f")])
