"""Each descriptor over HTTP, in both lanes: what clients of BentoML send is read, and answered as they expect it."""

import email.policy
import io
import json
import pickle
import subprocess
from collections.abc import Iterator
from email.parser import BytesParser
from typing import Any

import httpx
import numpy as np
import pandas as pd
import PIL.Image
import pytest

from tests.house.tree import ROOT
from tests.servers import serving

FOLDER = ROOT / "compat/bentoml/tests/io"
SOURCES = ROOT / "compat/bentoml/src"
CURL_FORM = "application/x-www-form-urlencoded"  # what curl says of any `--data`


@pytest.fixture(scope="module", params=["fast", "asgi"])
def http(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    env = {"PYTHONPATH": f"{SOURCES}:{ROOT}"}
    with serving("every:svc", "--workers", "1", "--lane", request.param, cwd=FOLDER, env=env) as server:
        yield server.http


def picture(form: str = "PNG") -> bytes:
    target = io.BytesIO()
    PIL.Image.new("RGB", (4, 3), "red").save(target, form)
    return target.getvalue()


def npy(array: Any) -> bytes:
    target = io.BytesIO()
    np.save(target, np.asarray(array))
    return target.getvalue()


def test_the_document(http: httpx.Client) -> None:
    """A NumPy text is answered as eight bytes of JSON."""
    answer = http.post("/classify", json=[[6.0, 3.0, 5.0, 1.0]])
    assert (answer.content, answer.headers["content-type"]) == (b'"setosa"', "application/json")
    assert (answer.headers["content-length"], answer.headers["server"]) == ("8", "BentoML Service/every")
    assert len(answer.headers["x-bentoml-request-id"]) > 0


def test_curl(http: httpx.Client) -> None:
    """`curl --data` names no type of JSON, and is understood."""
    url = f"{http.base_url}/classify"
    said = subprocess.run(
        ["curl", "-s", "-i", "--data", "[[6.0, 3.0, 5.0, 1.0]]", url], capture_output=True, timeout=30, check=True
    )
    head, _, body = said.stdout.decode().partition("\r\n\r\n")
    assert body == '"setosa"'
    assert "content-length: 8" in head.lower()


POSTS = [
    pytest.param("/double", b"[[1, 2.5]]", "application/json", b"[[2.0,5.0]]", id="an array"),
    pytest.param("/double", npy([[1.0, 2.5]]), "application/x-npy", b"[[2.0,5.0]]", id="npy"),
    pytest.param("/double", b"[[1, 2.5]]", CURL_FORM, b"[[2.0,5.0]]", id="an array by curl"),
    pytest.param("/double", b"[[1, 2.5]]", "text/plain", b"[[2.0,5.0]]", id="an array as text"),
    pytest.param("/double", b"[[1, 2.5]]", None, b"[[2.0,5.0]]", id="an array without a type"),
    pytest.param("/double", b"[[1, NaN]]", "application/json", b"[[2.0,NaN]]", id="NaN comes and goes"),
    pytest.param("/echo", b'{"a": [1, null]}', "application/json", b'{"a":[1,null]}', id="JSON"),
    pytest.param("/echo", b'"a+b=c&d"', CURL_FORM, b'"a+b=c&d"', id="JSON by curl, with letters of forms"),
    pytest.param("/echo", b"null", None, b"null", id="nothing"),
    pytest.param("/grow", b'{"name": "a"}', "application/json", b'{"name":"a","size":2.0}', id="a model"),
    pytest.param(
        "/grow", b'{"name": "a"}', "text/plain;charset=UTF-8", b'{"name":"a","size":2.0}', id="from a browser"
    ),
    pytest.param("/grow", b'{"name": "a"}', CURL_FORM, b'{"name":"a","size":2.0}', id="a model by curl"),
    pytest.param("/shout", b"hi", "text/plain", b"HI!", id="text"),
    pytest.param("/shout", b'{"a": 1}', "application/json", b'{"A": 1}!', id="JSON as text"),
    pytest.param("/shout", b"a=b", CURL_FORM, b"A=B!", id="text by curl"),
    pytest.param("/shout", "é".encode("latin-1"), "text/plain; charset=latin-1", "É!".encode(), id="another charset"),
    pytest.param("/shout", b"", None, b"!", id="no text"),
    pytest.param("/table", b'[{"a": 1, "b": 2}]', "application/json", b",a,b,total\n0,1,2,3\n", id="a frame"),
    pytest.param("/table", b"a,b\n1,2\n", "text/csv", b",a,b,total\n0,1,2,3\n", id="CSV"),
    pytest.param(
        "/table",
        pd.DataFrame({"a": [1], "b": [2]}).to_parquet(),
        "application/octet-stream",
        b",a,b,total\n0,1,2,3\n",
        id="Parquet",
    ),
    pytest.param("/halve", b"[1, 3]", "application/json", b"[0.5,1.5]", id="a series"),
    pytest.param("/reverse", b"\x00ab", "application/anything", b"ba\x00", id="a file"),
    pytest.param("/reverse", b"ab", "application/json", b"ba", id="a file that is JSON"),
]


@pytest.mark.parametrize(("path", "content", "media", "expected"), POSTS)
def test_what_clients_send(http: httpx.Client, path: str, content: bytes, media: str | None, expected: bytes) -> None:
    answer = http.post(path, content=content, headers={} if media is None else {"content-type": media})
    assert answer.content == expected
    assert answer.status_code == (202 if path == "/shout" else 200)


def test_types_of_answers(http: httpx.Client) -> None:
    """Each answer is of its descriptor's type."""
    assert http.post("/shout", content=b"x").headers["content-type"] == "text/plain; charset=utf-8"
    assert http.post("/table", json=[{"a": 1}]).headers["content-type"] == "text/csv; charset=utf-8"
    assert http.post("/reverse", content=b"x").headers["content-type"] == "application/x-own"


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_images(http: httpx.Client, form: str) -> None:
    """An image is sent as it is or in a form, and comes back as the declared type."""
    for sent in ({"content": picture(form), "headers": {"content-type": f"image/{form.lower()}"}},
                 {"files": {"image": ("a", picture(form), "image/jpeg")}}):  # fmt: skip
        answer = http.post("/rotate", **sent)  # type: ignore[arg-type]
        image = PIL.Image.open(io.BytesIO(answer.content))
        assert (answer.headers["content-type"], image.size, image.mode) == ("image/png", (3, 4), "L")


def test_a_file_in_a_form(http: httpx.Client) -> None:
    """A large file of a form, which lies on the disk, is read like a small one."""
    answer = http.post("/reverse", files={"any": ("a.bin", b"x" * 2_000_000 + b"y")})
    assert answer.content == b"y" + b"x" * 2_000_000


def test_a_form_of_several(http: httpx.Client) -> None:
    """Parts come by name, and so they go."""
    answer = http.post(
        "/mixed",
        data={"rows": "[[1, 2]]", "about": json.dumps({"id": 7}), "words": "día"},
        files={"picture": ("a.png", picture(), "image/png")},
    )
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in BytesParser(policy=email.policy.HTTP).parsebytes(head + answer.content).iter_parts()
    }
    assert parts == {"total": b"3", "about": b'{"id":7,"size":[4,3]}', "words": "DÍA".encode()}


def test_a_part_may_be_left_out(http: httpx.Client) -> None:
    """A part whose keyword has a default need not be sent."""
    assert http.post("/optional", files={"words": (None, "hi")}).json() == {"words": "hi", "more": None}
    both = http.post("/optional", files={"words": (None, "hi"), "more": (None, "[1]")})
    assert both.json() == {"words": "hi", "more": [1]}
    assert http.post("/optional", files={"words": (None, "hi"), "other": (None, "x")}).status_code == 200
    assert "words: is required" in http.post("/optional", files={"more": (None, "[1]")}).json()


def test_a_stream_of_events(http: httpx.Client) -> None:
    """Pieces of text leave as they are, under the declared type."""
    answer = http.post("/tokens", content="a b")
    assert answer.text == "event: token\ndata: a\n\nevent: token\ndata: b\n\n"
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"


@pytest.mark.parametrize("media", ["application/json", "multipart/form-data; boundary=x", "image/png", None])
def test_a_descriptor_of_ones_own(http: httpx.Client, media: str | None) -> None:
    """A user's descriptor reads the request itself, whatever it is, and makes the response."""
    headers = {"x-who": "me"} if media is None else {"x-who": "me", "content-type": media}
    answer = http.post("/own", content=b"abc", headers=headers)
    assert (answer.text, answer.status_code, answer.headers["x-own"]) == ("me: ABC?", 201, "yes")


@pytest.mark.parametrize(
    ("path", "content", "media", "words"),
    [
        pytest.param("/double", b"[[1, 2], [3]]", "application/json", "as many items", id="ragged"),
        pytest.param("/double", b"[1, 2]", "application/json", "must be of shape", id="another shape"),
        pytest.param("/double", npy([1.0])[:-2], "application/x-npy", "not a whole .npy", id="npy cut short"),
        pytest.param("/echo", b"{", "application/json", "is not JSON", id="no JSON"),
        pytest.param("/echo", b"[" * 5000 + b"]" * 5000, "application/json", "nested deeper", id="too deep"),
        pytest.param("/echo", b"[" * 5000 + b"]" * 5000, "text/plain", "nested deeper", id="too deep, as text"),
        pytest.param("/grow", b'{"size": "x"}', "application/json", "name: is required", id="a wrong model"),
        pytest.param("/shout", b"\xff", "text/plain", "must be text in UTF-8", id="no text"),
        pytest.param("/table", b'[{"a": [[[1', "application/json", "must be a frame", id="no frame"),
        pytest.param("/rotate", b"GIF89a", "image/gif", "is not an image", id="no image"),
        pytest.param("/rotate", picture(), "text/plain", "does not read text/plain", id="no image's type"),
        pytest.param("/mixed", b"{}", "application/json", "rows: is required", id="a form without parts"),
    ],
)
def test_what_is_refused(http: httpx.Client, path: str, content: bytes, media: str, words: str) -> None:
    """The caller's mistake is answered with 400, in words, as JSON text with BentoML's beginning."""
    answer = http.post(path, content=content, headers={"content-type": media})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert words in answer.json()
    assert answer.json().startswith("BentoService error handling API request: ")


@pytest.mark.parametrize("path", ["/double", "/echo", "/shout", "/table", "/rotate", "/reverse", "/mixed", "/own"])
def test_a_pickle(http: httpx.Client, path: str) -> None:
    """No descriptor takes a pickle, one that takes everything neither."""
    headers = {"content-type": "application/vnd.bentoml+pickle", "x-who": "me"}
    answer = http.post(path, content=pickle.dumps([1]), headers=headers)
    assert (answer.status_code, "pickle" in answer.text) == (400, True)
    files = {"rows": ("a", pickle.dumps([1]), "application/vnd.bentoml+pickle")}
    answer = http.post(path, files=files, headers={"x-who": "m"})
    assert path == "/own" or answer.status_code == 400


def test_the_documents(http: httpx.Client) -> None:
    """The service's OpenAPI document is that of its descriptors."""
    paths = http.get("/docs.json").json()["paths"]
    asked = {path: list(found["post"]["requestBody"]["content"]) for path, found in paths.items() if "post" in found}
    given = {
        path: list(found["post"]["responses"]["200"]["content"]) for path, found in paths.items() if "post" in found
    }
    assert asked["/double"][0] == asked["/echo"][0] == asked["/grow"][0] == "application/json"
    assert (asked["/shout"][0], asked["/rotate"][0], asked["/mixed"][0]) == (
        "text/plain",
        "image/*",
        "multipart/form-data",
    )
    assert given["/table"][0] == "text/csv"
    assert given["/mixed"] == ["multipart/form-data"]
    assert (given["/rotate"], given["/tokens"]) == (["image/png"], ["text/event-stream"])
