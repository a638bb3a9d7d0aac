"""A body that is asked for as it came is given as it came, whatever its sender calls it."""

from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest

import ekiben
from ekiben.core.errors import InvalidInput
from ekiben.core.spec import Limits
from ekiben.http.body import Reader
from ekiben.schema.codec import plan
from ekiben.schema.content import Upload
from ekiben.schema.signature import read
from ekiben.validators import ContentType
from tests.http.within import asking

BODIES = {
    "application/json": b'{"event": "paid"}',
    "application/x-www-form-urlencoded": b"event=paid&n=1",
    "multipart/form-data; boundary=x": b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
    "text/plain": b"paid",
    "application/json; charset=latin-1": b'"\xe9"',
}


@ekiben.service
class Hooks:
    @ekiben.api
    def size(self, body: Annotated[bytes, ContentType("*/*")], /) -> str:
        return body.decode("latin-1")

    @ekiben.api
    def own(self, body: Annotated[bytes, ContentType("application/json")], /) -> str:
        return body.decode()

    @ekiben.api
    def sent(self, photo: Upload, n: int = 1) -> dict[str, str | int]:
        return {"name": photo.filename, "type": photo.media_type, "size": photo.size, "n": n}

    @ekiben.api
    def plain(self, body: bytes, /) -> int:
        return len(body)

    @ekiben.api
    def text(self, body: Annotated[str, ContentType("*/*")], /) -> str:
        return body

    @ekiben.api
    def total(self, rows: Annotated[list[int], ContentType("*/*")], /) -> int:
        return sum(rows)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with asking(Hooks, limits=Limits(max_body=10_000)) as client:
        yield client


@pytest.mark.parametrize("declared", BODIES)
async def test_any_body_is_given_as_it_came(client: httpx.AsyncClient, declared: str) -> None:
    """`ContentType("*/*")` at the root takes JSON and forms apart as little as anything else."""
    answer = await client.post("/size", content=BODIES[declared], headers={"content-type": declared})
    assert (answer.status_code, answer.text) == (200, BODIES[declared].decode("latin-1"))


async def test_no_body_is_an_empty_one(client: httpx.AsyncClient) -> None:
    """Nothing at all is a body of no bytes."""
    answer = await client.post("/size")
    assert (answer.status_code, answer.text) == (200, "")


async def test_a_pickle_is_still_refused(client: httpx.AsyncClient) -> None:
    """No content type opens the door to pickles."""
    answer = await client.post("/size", content=b"\x80\x04.", headers={"content-type": "application/x-pickle"})
    assert answer.status_code == 415


async def test_json_that_is_asked_for_as_bytes(client: httpx.AsyncClient) -> None:
    """Bytes of `application/json` are the JSON itself, not base64 within JSON."""
    answer = await client.post("/own", json={"a": 1})
    assert answer.json() == {"a": 1}
    answer = await client.post("/own", content=b"[1]")
    assert answer.text == "[1]"


async def test_a_form_that_is_a_value(client: httpx.AsyncClient) -> None:
    """Bytes of any type read an urlencoded body as it stands, and a form of parts as its file."""
    answer = await client.post("/plain", data={"a": "1"})
    assert answer.text == "3"
    answer = await client.post("/plain", files={"f": ("a.bin", b"12345")})
    assert answer.text == "5"


async def test_an_upload_tells_its_name_and_type(client: httpx.AsyncClient) -> None:
    """A parameter of type `Upload` has what the sender said, with a base name only."""
    answer = await client.post("/sent", files={"photo": ("../../etc/passwd", b"12", "image/png")}, data={"n": "3"})
    assert answer.json() == {"name": "passwd", "type": "image/png", "size": 2, "n": 3}
    answer = await client.post("/sent", content=b"/etc/passwd", headers={"content-type": "text/plain"})
    assert answer.json() == {"name": "", "type": "text/plain", "size": 11, "n": 1}  # the text, not what it names


async def test_the_limit_holds(client: httpx.AsyncClient) -> None:
    """A whole body is as limited as any."""
    answer = await client.post("/size", content=b"x" * 10_001, headers={"content-type": "text/plain"})
    assert answer.status_code == 413


def test_an_upload_is_no_text() -> None:
    """Text that a client sends in place of an upload is refused with words."""

    def one(self: object, photo: Upload) -> None:
        """Take a photo."""

    codec = plan(read(one))
    assert Reader(codec, Limits()).kind(b"multipart/form-data; boundary=x").read == "multipart"
    with pytest.raises(InvalidInput, match="must be an uploaded file"):
        codec.from_fields([("photo", "/etc/passwd")])


@pytest.mark.parametrize("declared", BODIES)
async def test_any_body_is_text(client: httpx.AsyncClient, declared: str) -> None:
    """Text of any type is the body, in the charset that its sender names."""
    answer = await client.post("/text", content=BODIES[declared], headers={"content-type": declared})
    assert (answer.status_code, answer.text) == (200, BODIES[declared].decode("latin-1"))


@pytest.mark.parametrize("declared", ["text/plain", "application/x-www-form-urlencoded", "application/csp-report", ""])
async def test_json_under_any_type(client: httpx.AsyncClient, declared: str) -> None:
    """JSON of any type is JSON, as curl and browsers send it who were not told the type; no pickle is."""
    answer = await client.post("/total", content=b"[1, 2]", headers={"content-type": declared} if declared else {})
    assert answer.json() == 3
    wrong = await client.post("/total", content=b"a=1", headers={"content-type": declared} if declared else {})
    assert (wrong.status_code, "is not JSON" in wrong.text) == (400, True)
    for refused in ("application/python-pickle", f"{declared or 'a/b'}; charset=utf-16"):
        answer = await client.post("/total", content=b"[1]", headers={"content-type": refused})
        assert answer.status_code == 415
