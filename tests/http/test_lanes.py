"""Both lanes give the same answers to whatever is sent, and the fast one really answers what it should."""

import gzip
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ekiben.core.spec import Limits
from tests.http.calls import Calls
from tests.http.lanes import ANSWER, Lane, comparable, lane, request
from tests.http.payloads import LARGE_ARRAY, SMALL_ARRAY, jpeg, npy

pytestmark = pytest.mark.slow

SMALL = Limits(max_body=400_000, max_headers=50, max_header_size=8000)
OCTETS = "application/octet-stream"
FORM = "application/x-www-form-urlencoded"
CLOSE: dict[str, Any] = {"connection": "close"}

NPY = "application/x-npy"
AS_NPY: dict[str, Any] = {"content_type": NPY, "accept": NPY, "connection": "close"}


def part(name: str, content: bytes, *, filename: str | None = None, media: str = "") -> bytes:
    more = "" if filename is None else f'; filename="{filename}"'
    kind = f"\r\nContent-Type: {media}" if media else ""
    return f'Content-Disposition: form-data; name="{name}"{more}{kind}\r\n\r\n'.encode() + content


def form(*parts: bytes, path: str = "/measure", before: bytes = b"", end: bytes = b"--B--\r\n") -> bytes:
    body = before + b"".join(b"--B\r\n%b\r\n" % each for each in parts) + end
    return request(path, body, content_type="multipart/form-data; boundary=B", **CLOSE)


BIG_PICTURE = jpeg(560, noise=True)

FAST = {
    "plain": request(**CLOSE),
    "an absolute URL": request("http://localhost/add", **CLOSE),
    "no content type": request(content_type=None, **CLOSE),
    "no request id": request(x_request_id=None, **CLOSE),
    "an odd request id": request(x_request_id="a b", **CLOSE),
    "an async method": request("/double", b'[{"left": 1, "right": 2}]', **CLOSE),
    "an array": request("/scale", b"[[1, 2]]", **CLOSE),
    "an array, told apart by accept": request("/scale", b"[[1, 2]]", accept="application/x-npy", **CLOSE),
    "a deadline": request(x_request_timeout_ms="60000", **CLOSE),
    "a short list": request("/numbers", b'{"count": 3}', accept_encoding="gzip", **CLOSE),
    "a charset": request(content_type="application/json; charset=utf-8", **CLOSE),
    "a .npy file": request("/scale", npy(SMALL_ARRAY), **AS_NPY),
    "a .npy file by another name": request("/scale", npy(SMALL_ARRAY), **{**AS_NPY, "content_type": OCTETS}),
    "a .npy file whose columns come first": request("/scale", npy(np.asfortranarray(SMALL_ARRAY)), **AS_NPY),
    "a .npy file at odd places": request("/scale", npy(SMALL_ARRAY, spaces=1), **AS_NPY),
    "a .npy file of 300 kB": request("/scale", npy(LARGE_ARRAY), **AS_NPY),
    "a .npy file of 300 kB, columns first": request("/scale", npy(np.asfortranarray(LARGE_ARRAY)), **AS_NPY),
    "a .npy file of 300 kB at odd places": request("/scale", npy(LARGE_ARRAY, spaces=3), **AS_NPY),
    "a bare picture": request("/measure", jpeg(8), content_type="image/jpeg", **CLOSE),
    "a bare picture of 300 kB": request("/measure", BIG_PICTURE, content_type="image/jpeg", **CLOSE),
    "a form of parts": form(part("image", jpeg(8), filename="a.jpg", media="image/jpeg")),
    "a form of texts": form(part("a", b"3"), part("b", b"4"), path="/add"),
    "a form of 300 kB": form(part("image", BIG_PICTURE, filename="a.jpg", media="image/jpeg")),
    "an unusual form": form(part("image", jpeg(8), filename="a.jpg", media="image/jpeg"), before=b"\r\n"),
    "a large body": request("/scale", b"[" + b"1," * 150_000 + b"1]", accept=NPY, **CLOSE),
    "a body of 200 kB": request("/scale", b"[" + b"1.5," * 50_000 + b"1]", accept="application/x-npy", **CLOSE),
}
BEGUN = {  # in the fast lane, and answered by the app
    "not JSON": request(body=b'{"a": ', **CLOSE),
    "a wrong value": request(body=b'{"a": "x", "b": []}', **CLOSE),
    "an unknown name": request(body=b'{"a": 1, "c": 2}', **CLOSE),
    "a .npy file that is cut": request("/scale", npy(SMALL_ARRAY)[:-1], **AS_NPY),
    "a large .npy file that is cut": request("/scale", npy(LARGE_ARRAY)[:-1], **AS_NPY),
    "a .npy file with a damaged header": request("/scale", npy(SMALL_ARRAY).replace(b"shape", b"shade"), **AS_NPY),
    "a .npy file of nothing": request("/scale", b"", **AS_NPY),
    "octets that are no array": request("/scale", b"12345678", content_type=OCTETS, **CLOSE),
    "a picture that is none": request("/measure", b"12345678", content_type="image/jpeg", **CLOSE),
    "a large picture that is cut": request("/measure", BIG_PICTURE[:290_000], content_type="image/jpeg", **CLOSE),
    "a form without its end": form(part("image", jpeg(8), filename="a.jpg"), end=b""),
    "a form that lacks a part": form(part("picture", jpeg(8), filename="a.jpg")),
    "a form of nothing": form(),
    "a form whose part has no name": form(b"content-type: text/plain\r\n\r\nx"),
    "a form with a pickle": form(part("image", b"x", filename="a", media="application/x-pickle")),
    "a form whose text is none": form(part("image", b"\xff\xfe")),
    "a form with too many parts": form(*[part("image", b"x")] * 1001),
    "ragged lists": request("/scale", b"[[1, 2], [3]]", **CLOSE),
    "large ragged lists": request("/scale", b"[" + b"[1, 2]," * 50_000 + b"[3]]", **CLOSE),
    "a late deadline of a file": request("/scale", npy(SMALL_ARRAY), **AS_NPY, x_request_timeout_ms="soon"),
    "a deadline that is none": request(x_request_timeout_ms="soon", **CLOSE),
    "an empty body": request(body=b"", **CLOSE),
    "no body at all": request(body=b"", content_length=None, **CLOSE),
    "deep JSON": request("/numbers", b"[" * 100 + b"]" * 100, **CLOSE),
    "no UTF-8": request(body=b'{"a": "\xff"}', **CLOSE),
    "an error of ours": request("/fail", b'{"how": "ours"}', **CLOSE),
    "an error of Starlette's": request("/fail", b'{"how": "theirs"}', **CLOSE),
    "a bug": request("/fail", b'{"how": "bug"}', **CLOSE),
    "an exit": request("/fail", b'{"how": "exit"}', **CLOSE),
    "a plain response": request("/text", b"{}", **CLOSE),
    "a picture": request("/paint", b'{"width": 3}', **CLOSE),
    "a long list": request("/numbers", b'{"count": 5000}', **CLOSE),
    "a long list, packed": request("/numbers", b'{"count": 5000}', accept_encoding="gzip, br", **CLOSE),
}
LEFT = {  # to the app from the start
    "another charset": request(content_type="application/json; charset=latin-1", **CLOSE),
    "a large .npy file over the limit": request("/scale", npy(np.zeros(100_000, "float32")), **AS_NPY),
    "a form without a boundary": request("/measure", b"", content_type="multipart/form-data", **CLOSE),
    "a packed .npy file": request("/scale", gzip.compress(npy(SMALL_ARRAY)), **AS_NPY, content_encoding="gzip"),
    "a form": request(body=b"a=3", content_type=FORM, **CLOSE),
    "plain text": request(content_type="text/plain", **CLOSE),
    "a pickle": request(content_type="application/x-pickle", **CLOSE),
    "a query": request("/add?a=1", **CLOSE),
    "an encoded path": request("/%61dd", **CLOSE),
    "a slash too much": request("/add/", **CLOSE),
    "nowhere": request("/nowhere", **CLOSE),
    "GET": request(method="GET", body=b"", **CLOSE),
    "HEAD": request(method="HEAD", body=b"", **CLOSE),
    "OPTIONS": request(method="OPTIONS", body=b"", **CLOSE),
    "a method that is none of HTTP's usual": request(method="PROPFIND", **CLOSE),
    "HTTP/1.0": request(version="1.0"),
    "HTTP/1.0 that would go on": request(version="1.0", connection="keep-alive"),
    "a context": request("/count", b"{}", **CLOSE),
    "a status and headers": request("/tell", b'{"name": "x-a", "value": "b"}', **CLOSE),
    "a header that would break the head": request("/tell", b'{"name": "x-a", "value": "b\\nc"}', **CLOSE),
    "a response with a context": request("/passed", b"{}", **CLOSE),
    "packed": request(body=gzip.compress(b'{"a": 1}', mtime=0), content_encoding="gzip", **CLOSE),
    "packed, but it is not": request(content_encoding="gzip", **CLOSE),
    "in chunks": request(body=b'8\r\n{"a": 1}\r\n0\r\n\r\n', content_length=None, transfer_encoding="chunked", **CLOSE),
    "after 100-continue": request(expect="100-continue", **CLOSE),
    "a page of another origin": request(origin="http://evil.example", **CLOSE),
    "a page of another site": request(sec_fetch_site="cross-site", **CLOSE),
    "our own page": request(origin="http://localhost", sec_fetch_site="same-origin", **CLOSE),
    "a body over the limit": request(body=b" " * 400_001, **CLOSE),
    "two content types": request(**CLOSE).replace(b"\r\n\r\n", b"\r\ncontent-type: text/x\r\n\r\n"),
    "an upgrade to HTTP/2": request(upgrade="h2c", connection="upgrade, close"),
    "an upgrade to a WebSocket": request(method="GET", body=b"", upgrade="websocket", connection="upgrade",
                                         sec_websocket_key="dGhlIHNhbXBsZSBub25jZQ==", sec_websocket_version="13"),
}  # fmt: skip
UNREAD = {  # by anybody
    "too many headers": request(**{f"x-{n}": "1" for n in range(60)}, **CLOSE),
    "too long headers": request(x_a="a" * 9000, **CLOSE),
    "no HTTP": b"GARBAGE\r\n\r\n",
    "two lengths": request(**CLOSE).replace(b"\r\n\r\n", b"\r\ncontent-length: 3\r\n\r\n"),
    "a length over all limits": request(content_length="9" * 30, **CLOSE),
}  # fmt: skip


@pytest.fixture(scope="module")
def lanes() -> Iterator[tuple[Lane, Lane]]:
    with lane(Calls, "asgi", limits=SMALL) as asgi, lane(Calls, "fast", limits=SMALL) as fast:
        yield asgi, fast


@pytest.mark.parametrize("name", [*FAST, *BEGUN, *LEFT, *UNREAD])
def test_the_same_answer(lanes: tuple[Lane, Lane], name: str) -> None:
    """Status, headers with their order, and body are the same in both lanes, byte by byte."""
    asgi, fast = lanes
    asked = {**FAST, **BEGUN, **LEFT, **UNREAD}[name]
    told = asgi.say(asked)
    fast.counting.scopes.clear()
    answer = fast.say(asked)
    assert comparable(answer) == comparable(told)
    assert len(ANSWER.findall(answer)) == 1 + (name == "after 100-continue")
    assert bool(fast.counting.paths) is (name in BEGUN or name in LEFT)
    for each in lanes:
        each.wait_until_empty()


def test_the_fast_lane_is_the_usual_one() -> None:
    """Without a word about lanes the fast one answers; told to, the app answers everything."""
    for name, expected in ((None, 0), ("fast", 0), ("asgi", 1)):
        with lane(Calls, name) as running:
            running.counting.scopes.clear()
            assert running.say(FAST["plain"]).endswith(b"\r\n2")
            assert len(running.counting.paths) == expected


def keeping(asked: bytes) -> bytes:
    return asked.replace(b"connection: close\r\n", b"")


MANY = [keeping(FAST[name]) for name in ("plain", "an async method", "an array", "no content type", "a bare picture")]
MANY += [keeping(FAST[name]) for name in ("a .npy file", "a .npy file of 300 kB", "a bare picture of 300 kB")]
MANY += [keeping(FAST[name]) for name in ("a form of parts", "an unusual form", "a form of 300 kB")]
MANY += [
    keeping(BEGUN[name])
    for name in ("a form without its end", "a large .npy file that is cut", "a .npy file of nothing")
]
MANY += [keeping(BEGUN[name]) for name in ("not JSON", "an error of ours", "a plain response", "a long list, packed")]
MANY += [keeping(LEFT[name]) for name in ("a form", "in chunks", "GET", "nowhere")]
MANY += [request(body=b'{"a": 2}'), request(body=b'{"a": 33}'), b"\r\n"]
LAST = request("/numbers", b'{"count": 2}', **CLOSE)


@given(
    chosen=st.lists(st.sampled_from(MANY), max_size=12),
    cuts=st.lists(st.floats(0, 1), max_size=6),
    pause=st.sampled_from([0.0, 0.0, 0.002]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence(lanes: tuple[Lane, Lane], chosen: list[bytes], cuts: list[float], pause: float) -> None:
    """Requests sent one behind the other, cut anywhere, have the same answers in the same order in both lanes."""
    whole = b"".join([*chosen, LAST])
    places = sorted(int(cut * len(whole)) for cut in cuts)
    pieces = [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)]
    asgi, fast = lanes
    told, answer = (comparable(each.say(*pieces, pause=pause)) for each in (asgi, fast))
    assert answer == told
    assert len(ANSWER.findall(answer)) == 1 + sum(piece != b"\r\n" for piece in chosen)


@pytest.mark.parametrize("size", [1, 7])
def test_in_drops(lanes: tuple[Lane, Lane], size: int) -> None:
    """A request that comes byte by byte is answered as one that comes at once."""
    for asked in (FAST["plain"], FAST["a .npy file"], BEGUN["not JSON"], LEFT["in chunks"]):
        pieces = [asked[start : start + size] for start in range(0, len(asked), size)]
        asgi, fast = (each.say(*pieces, pause=0.0005) for each in lanes)
        assert comparable(fast) == comparable(asgi) == comparable(lanes[1].say(asked))


def test_the_same_head_again(lanes: tuple[Lane, Lane]) -> None:
    """A connection whose requests have one head, byte by byte, gets to each body its own answer."""
    _, fast = lanes
    fast.counting.scopes.clear()
    with fast.connect() as client:
        for number in [*range(10, 60), 1, 2, 345, 346, 12]:
            client.sendall(request(body=b'{"a": %d}' % number))
            assert client.recv(65536).endswith(b"\r\n\r\n%d" % (number + 1))
        for tail in (b"\r\n", b"\r\n", b"GE"):  # as long as the one before, which ended elsewhere
            client.sendall(request(body=b'{"a": 12}') + tail)
            assert client.recv(65536).endswith(b"\r\n\r\n13")
        client.sendall(b"T /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK")
    assert fast.counting.paths == ["/livez"]


@pytest.mark.parametrize("where", range(2))
def test_many_at_once(lanes: tuple[Lane, Lane], where: int) -> None:
    """Thousands of requests sent at once, half of them wrong, are answered in their order."""
    pieces = [request(body=b'{"a": %d}' % n if n % 2 else b"{}") for n in range(3000)]
    found = lanes[where].say(*pieces, LAST)
    answers = ANSWER.split(found)[1:]
    assert len(answers) == 3001
    for number, answer in enumerate(answers[:-1]):
        body = answer.partition(b"\r\n\r\n")[2]
        assert body == b"%d" % (number + 1) if number % 2 else b"a: is required" in body
