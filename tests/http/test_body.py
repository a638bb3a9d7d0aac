"""Every kind of body is read as its content type says, within limits; what is not read is refused by name."""

import gzip
import io
import json
import pickle
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from ekiben.core.spec import Limits
from tests.http.calls import Calls
from tests.http.within import asking

SMALL = Limits(max_body=100_000, max_parts=10, max_depth=64)
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with asking(Calls, limits=SMALL) as client:
        yield client


def png(width: int = 4) -> bytes:
    target = io.BytesIO()
    Image.new("RGBA", (width, 2)).save(target, "PNG")
    return target.getvalue()


def npy(array: Any) -> bytes:
    target = io.BytesIO()
    np.save(target, np.asarray(array))
    return target.getvalue()


@pytest.mark.parametrize(
    ("path", "content", "content_type", "expected"),
    [
        pytest.param("/add", b'{"a": 3}', "application/json", 4, id="a JSON object by parameter name"),
        pytest.param("/add", b'{"a": 3}', None, 4, id="an absent content type means JSON"),
        pytest.param("/add", b'{"a": 3}', "application/vnd.own+json", 4, id="a +json suffix is JSON"),
        pytest.param("/add", b'{"a": 3}', 'Application/JSON; charset="UTF-8"', 4, id="case and charset do not matter"),
        pytest.param("/add", b"a=3&b=4", FORM, 7, id="urlencoded fields"),
        pytest.param("/scale", b"[[1, 2]]", "application/json", [[2, 4]], id="root input: the JSON is the value"),
        pytest.param("/scale", npy([1, 2]), "application/x-npy", [2, 4], id="a raw npy body"),
        pytest.param("/measure", png(7), "image/png", {"width": 7}, id="a raw picture, of another type than noted"),
    ],
)
async def test_read(
    client: httpx.AsyncClient, path: str, content: bytes, content_type: str | None, expected: Any
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    answer = await client.post(path, content=content, headers=headers)
    assert (answer.status_code, answer.json()) == (200, expected)


@pytest.mark.parametrize(
    ("path", "content", "content_type", "status", "words"),
    [
        pytest.param("/add", b'{"a": ', "application/json", 400, "JSON", id="cut JSON"),
        pytest.param("/add", b"", "application/json", 400, "a: is required", id="an empty body names what is missing"),
        pytest.param("/measure", b"", None, 400, "image: is required", id="no body where a file is due"),
        pytest.param("/add", b"[1]", "application/json", 400, "", id="a list where an object is due"),
        pytest.param("/add", b'{"a": "x", "b": []}', "application/json", 400, "b: ", id="every wrong place is told"),
        pytest.param(
            "/add", b'{"a": 1, "c": 2}', "application/json", 400, "c: there is no parameter", id="unknown name"
        ),
        pytest.param("/add", b"{}", "text/plain", 415, "text/plain", id="what a page may send unasked is not JSON"),
        pytest.param("/add", b"{}", "nonsense", 415, "nonsense", id="a content type that is none"),
        pytest.param(
            "/add", '{"a": 1}'.encode("utf-16"), "application/json; charset=utf-16", 415, "utf-8", id="utf-16"
        ),
        pytest.param("/add", b'{"a": 3}', FORM, 400, "looks like JSON", id="curl -d without a content type"),
        pytest.param("/add", b"a=%ff", FORM, 400, "UTF-8", id="a form that is no UTF-8"),
        pytest.param("/add", b"&".join([b"a=1"] * 11), FORM, 413, "more than 10 fields", id="too many fields"),
        pytest.param("/double", b"[" * 65 + b"]" * 65, "application/json", 400, "deeper than 64", id="deep JSON"),
        pytest.param("/add", b"[" * 50_000, "application/json", 400, "not JSON", id="JSON made of brackets"),
        pytest.param("/add", b"a=" + b"[" * 65 + b"]" * 65, FORM, 400, "deeper than 64", id="deep JSON in a field"),
        pytest.param("/add", b" " * 100_001, "application/json", 413, "100000 bytes", id="a body over the limit"),
        pytest.param("/measure", b"no picture", "image/png", 400, "image: ", id="a picture that is none"),
        pytest.param("/measure", b"{}", "text/html", 415, "text/html", id="a type that is no picture's"),
        pytest.param("/scale", b"\x93NUMPY\x01\x00", "application/x-npy", 400, "", id="a cut npy"),
    ],
)
async def test_refused(
    client: httpx.AsyncClient, path: str, content: bytes, content_type: str | None, status: int, words: str
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    answer = await client.post(path, content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]


class Touch:
    """A pickle of this makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


PICKLES = ["application/vnd.bentoml+pickle", "application/x-pickle", "application/python-pickle", "application/pickle"]


@pytest.mark.parametrize("media", PICKLES)
@pytest.mark.parametrize("path", ["/add", "/scale", "/keep", "/measure"])
async def test_no_pickle_is_loaded(client: httpx.AsyncClient, tmp_path: Path, media: str, path: str) -> None:
    """A pickle is refused by its type, and never loaded as anything else: the file that it would make is not there."""
    attack = pickle.dumps(Touch(tmp_path / "touched"))
    raw = await client.post(path, content=attack, headers={"content-type": media, "payload-container": "PickleBytes"})
    part = await client.post(path, files={"x": ("x.pkl", attack, media)})
    npy_with_object = npy(np.array([Touch(tmp_path / "touched")], dtype=object))
    array = await client.post("/scale", content=npy_with_object, headers={"content-type": "application/x-npy"})
    assert (raw.status_code, part.status_code, array.status_code) == (415, 415, 400)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        pytest.param("gzip", gzip.compress, id="gzip"),
        pytest.param("GZIP", gzip.compress, id="in capitals"),
        pytest.param("deflate", zlib.compress, id="deflate"),
        pytest.param("identity", bytes, id="identity is none"),
        pytest.param("gzip", lambda body: gzip.compress(body[:3]) + gzip.compress(body[3:]), id="two gzip members"),
    ],
)
async def test_compressed(client: httpx.AsyncClient, coding: str, pack: Any) -> None:
    """A compressed body is unpacked before it is read, also one that is a form."""
    sent = {"content-encoding": coding, "content-type": "application/json"}
    answer = await client.post("/add", content=pack(b'{"a": 41}'), headers=sent)
    assert answer.json() == 42
    form = httpx.Request("POST", "http://x", files={"image": png(9)})
    sent = {"content-encoding": coding, "content-type": form.headers["content-type"]}
    answer = await client.post("/measure", content=pack(form.read()), headers=sent)
    assert answer.json() == {"width": 9}


@pytest.mark.parametrize(
    ("coding", "content", "status"),
    [
        pytest.param("gzip", gzip.compress(b" " * 100_001), 413, id="a bomb"),
        pytest.param("gzip", gzip.compress(gzip.compress(b" " * 10_000_000)), 400, id="a bomb in a bomb is no JSON"),
        pytest.param("deflate", zlib.compress(b" " * 10_000_000), 413, id="a bomb of zlib's"),
        pytest.param("gzip", gzip.compress(b'{"a": 1}')[:-9], 400, id="cut short"),
        pytest.param("gzip", b'{"a": 1}', 400, id="not compressed at all"),
        pytest.param("deflate", zlib.compress(b'{"a": 1}') + b"more", 400, id="more after the end"),
        pytest.param("br", b"", 415, id="a coding that we do not read"),
        pytest.param("gzip, gzip", gzip.compress(gzip.compress(b'{"a": 1}')), 415, id="two codings"),
    ],
)
async def test_compressed_refused(client: httpx.AsyncClient, coding: str, content: bytes, status: int) -> None:
    sent = {"content-encoding": coding, "content-type": "application/json"}
    answer = await client.post("/add", content=content, headers=sent)
    assert answer.status_code == status, answer.text


async def test_too_large_without_a_length(client: httpx.AsyncClient) -> None:
    """A body that does not say its length is refused once it is over the limit, and no further piece is asked for."""
    given = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal given
        while given < 1000:
            given += 1
            yield b" " * 10_000

    answer = await client.post("/add", content=pieces(), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert given <= 12


async def test_every_wrong_place(client: httpx.AsyncClient) -> None:
    """A wrong value is answered with every place, its path and what is wrong there."""
    rows = [{"left": 1, "right": 1}, {"left": "x", "right": -1}, {}]
    answer = await client.post("/double", content=json.dumps(rows), headers={"content-type": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert [problem["path"] for problem in answer.json()["errors"]] == [
        "[1].left",
        "[1].right",
        "[2].left",
        "[2].right",
    ]


async def test_the_types_that_are_read_are_named(client: httpx.AsyncClient) -> None:
    """Who sends what is not read is told what is."""
    answer = await client.post("/gather", json={})
    assert (answer.status_code, answer.json()["hint"]) == (415, "send multipart/form-data")
