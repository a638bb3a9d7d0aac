"""A WSGI app can be mounted: it sees its own paths, answers in pieces, and hides no error."""

import logging
from collections.abc import Iterable, Iterator
from typing import Any

import flask
import pytest

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.testing import client

app = flask.Flask("pages")
closed: list[str] = []


@app.get("/hello/<name>")
def hello(name: str) -> flask.Response:
    words = f"{flask.request.script_root}|{flask.request.args.get('q')}|{flask.request.headers.get('X-Thing')}|{name}"
    return flask.Response(words, headers={"x-answer": "yes"}, status=201)


@app.post("/length")
def length() -> dict[str, int]:
    return {"length": len(flask.request.get_data())}


class Pieces:
    """An answer in pieces, which is closed whatever happens."""

    def __init__(self, fail: bool) -> None:
        self.fail = fail

    def __iter__(self) -> Iterator[bytes]:
        yield b"a"
        yield b""
        if self.fail:
            raise ValueError("amid the answer")
        yield b"b"

    def close(self) -> None:
        closed.append("closed")


def plain(environ: Any, start_response: Any) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/silent":
        return [b"x"]
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/twice":
        start_response("200 OK", [])
    if path == "/written":
        write(b"first ")
    if path == "/names":
        return [environ.get("HTTP_X_ONE", "none").encode(), b"|", environ["REMOTE_ADDR"].encode()]
    return Pieces(fail=path == "/breaks")


@ekiben.asgi_app(ekiben.wsgi_app(app), path="/flask")
@ekiben.asgi_app(ekiben.wsgi_app(plain), path="/plain")
@ekiben.service
class Mounted:
    @ekiben.api
    def x(self) -> int:
        return 1


def test_an_app_sees_its_own_paths() -> None:
    """Path, query, headers and status are as WSGI has them, below the mount."""
    with client(Mounted) as found:
        answer = found.request("GET", "/flask/hello/%C3%A4", params={"q": "é"}, headers={"x-thing": "1"})
        assert (answer.status_code, answer.text) == (201, "/flask|é|1|ä")
        assert answer.headers["x-answer"] == "yes"
        assert found.request("GET", "/flask/nothing").status_code == 404
        assert found.x() == 1


@pytest.mark.parametrize("size", [0, 10, 3 * 1024 * 1024])
def test_a_body_arrives_whole(size: int) -> None:
    """A body arrives as it was sent, also one that is too long for memory."""
    with client(Mounted) as found:
        assert found.request("POST", "/flask/length", content=b"x" * size).json() == {"length": size}


def test_an_answer_in_pieces() -> None:
    """Pieces and what is written come in their order, and the answer is closed."""
    closed.clear()
    with client(Mounted) as found:
        assert found.request("GET", "/plain/written").text == "first ab"
        assert closed == ["closed"]


@pytest.mark.parametrize("path", ["silent", "twice"])
def test_a_wrong_app_is_a_fault_of_the_service(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """An app that breaks the protocol gets 500, and the log tells what it did."""
    with client(Mounted) as found, caplog.at_level(logging.ERROR):
        assert found.request("GET", f"/plain/{path}").status_code == 500
    assert "start_response" in caplog.text


def test_an_answer_that_breaks_off_is_closed() -> None:
    """What an app raises amid its answer ends the answer, and `close` is called."""
    closed.clear()
    with client(Mounted) as found:
        with pytest.raises(Exception, match=r"amid the answer|."):
            found.request("GET", "/plain/breaks")
        assert closed == ["closed"]


def test_a_header_cannot_pose_as_another() -> None:
    """A header with an underscore is left out, so that it cannot pass for one that a proxy sets."""
    with client(Mounted) as found:
        answer = found.request("GET", "/plain/names", headers={"x_one": "forged"})
        assert answer.text.startswith("none|")


def test_what_is_no_app() -> None:
    """What cannot be called is refused at once."""
    with pytest.raises(ConfigError, match="WSGI app must be callable: 'x'"):
        ekiben.wsgi_app("x")
