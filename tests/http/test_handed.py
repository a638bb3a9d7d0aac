"""Code that is handed a Starlette request reads and answers it by a codec, as an endpoint would."""

from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import Annotated, Any

import httpx
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ekiben.core.context import ResponseContext
from ekiben.core.errors import BodyTooLarge, InvalidInput, UnsupportedMediaType
from ekiben.core.spec import Limits
from ekiben.http import handed
from ekiben.schema.content import FORM
from ekiben.validators import ContentType
from tests.schema.endpoints import codec_of

DOUBLE = codec_of(np.ndarray, root=True)
FILE = codec_of(Path, root=True)


async def double(request: Request) -> Response:
    (value,), _ = await handed.read(request, DOUBLE)
    given = ResponseContext(201, {"x-made": "by hand"})
    given.set_cookie("a", "b")
    return handed.respond(value * 2, DOUBLE, given, accepted=request.headers["accept"])


async def echo(request: Request) -> Response:
    (path,), _ = await handed.read(request, FILE)
    content = path.read_bytes()
    return PlainTextResponse(f"{len(content)} {path.exists()}")


def asking(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Route(f"/{each.__name__}", each, methods=["POST"]) for each in (double, echo)])
    async with asking(app) as client:
        yield client


async def test_an_array(client: httpx.AsyncClient) -> None:
    """A value is read, and written with the status, the headers and the cookies that were asked for."""
    answer = await client.post("/double", json=[[1, 2]])
    assert (answer.status_code, answer.json(), answer.headers["x-made"]) == (201, [[2, 4]], "by hand")
    assert (answer.cookies["a"], answer.headers["content-length"]) == ("b", str(len(answer.content)))


async def test_in_the_form_that_is_accepted(client: httpx.AsyncClient) -> None:
    """The caller's `accept` chooses the form of the answer."""
    answer = await client.post("/double", json=[1], headers={"accept": "application/x-npy"})
    assert answer.content.startswith(b"\x93NUMPY")


async def test_a_file_lives_as_long_as_its_request(client: httpx.AsyncClient) -> None:
    """A large part lies in a file while the request is there."""
    answer = await client.post("/echo", files={"file": b"x" * 2_000_000})
    assert answer.text == "2000000 True"


@pytest.mark.parametrize(
    ("content", "media", "error"),
    [
        pytest.param(b"[[1], [2, 3]]", "application/json", InvalidInput, id="ragged"),
        pytest.param(b"\x80\x04N.", "application/vnd.bentoml+pickle", UnsupportedMediaType, id="a pickle"),
        pytest.param(b"x", "text/plain", UnsupportedMediaType, id="another type"),
        pytest.param(b"[" + b"1," * 900 + b"1]", "application/json", BodyTooLarge, id="too large"),
        pytest.param(b"", FORM, InvalidInput, id="a form without a boundary"),
    ],
)
async def test_what_is_refused(content: bytes, media: str, error: type[Exception]) -> None:
    """The same bodies are refused as by an endpoint."""
    seen: list[BaseException] = []

    async def read(request: Request) -> Response:
        try:
            await handed.read(request, DOUBLE, Limits(max_body=1000))
        except InvalidInput as refused:
            seen.append(refused)
        return PlainTextResponse("")

    async with asking(Starlette(routes=[Route("/", read, methods=["POST"])])) as client:
        await client.post("/", content=content, headers={"content-type": media})
    assert [type(each) for each in seen] == [error]


async def body_of(response: Response) -> bytes:
    """Run a response as an app."""
    async with asking(response) as client:
        return (await client.get("/")).content


async def test_a_stream() -> None:
    """An iterator's pieces are sent one by one, whether it waits or not."""

    def tokens(x: int) -> Generator[str, None, None]:
        yield "a"
        yield "b"

    async def waiting() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    codec = codec_of(int, Annotated[Generator[str, None, None], ContentType("text/plain")])
    for pieces in (tokens(1), waiting()):
        response = handed.respond(pieces, codec)
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert await body_of(response) == b"ab"


async def test_a_file_and_a_response(tmp_path: Path) -> None:
    """A path is sent as a file, and a response stays as it is."""
    (tmp_path / "a.txt").write_text("abc")
    response = handed.respond(tmp_path / "a.txt", FILE)
    assert response.headers["content-disposition"] == 'attachment; filename="a.txt"'
    assert await body_of(response) == b"abc"
    own = PlainTextResponse("own")
    assert handed.respond(own, FILE) is own
