"""The access log says who asked what and how it went, in batches, and leaves the user's own logging alone."""

import io
import json
import logging
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from ekiben.core import log
from ekiben.core.spec import AccessSpec, HttpSpec
from ekiben.http.exchange import TRACE, Scope
from ekiben.http.lines import entry, text_line, text_writer
from tests.http.calls import Calls
from tests.http.within import asking

ACCESS = logging.getLogger("ekiben.access")


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    """Put the loggers of Ekiben back as they were."""
    loggers = [logging.getLogger("ekiben"), ACCESS]
    before = [(each, list(each.handlers), each.level, each.propagate) for each in loggers]
    yield
    for each, handlers, level, propagate in before:
        each.handlers[:], each.propagate = handlers, propagate
        each.setLevel(level)


def out(**options: str) -> io.StringIO:
    """Log into memory."""
    stream = io.StringIO()
    log.set_up(stream=stream, **options)  # type: ignore[arg-type]
    return stream


async def test_text() -> None:
    """A line tells client, method, path, status, time, types, sizes and id; probes are left out."""
    stream = out()
    async with asking(Calls) as client:
        await client.post("/add", json={"a": 1}, headers={"x-request-id": "me"})
        await client.get("/livez")
    [line] = stream.getvalue().splitlines()
    assert '"POST /add" 200 ' in line
    assert "127.0.0.1:123 " in line
    assert line.endswith("ms (application/json, 7 -> application/json, 1) id=me")


async def test_json() -> None:
    """With JSON lines every value has its name."""
    stream = out(style="json")
    async with asking(Calls) as client:
        await client.post("/add", json={"a": "x"})
    line = json.loads(stream.getvalue())
    assert (line["method"], line["path"], line["status"], line["logger"]) == ("POST", "/add", 400, "ekiben.access")
    assert line["request_content_type"] == "application/json"
    assert 0 <= line["duration_ms"] < 60_000
    assert line["time"].endswith("Z")


async def test_what_is_logged_is_an_option() -> None:
    """Fields can be left out, paths too, and the log as a whole."""
    stream = out(style="json")
    spec = AccessSpec(skip_paths=("/add",), request_content_type=False, response_content_type=False,
                      request_content_length=False, response_content_length=False)  # fmt: skip
    async with asking(Calls, http=HttpSpec(access=spec)) as client:
        await client.post("/add", json={"a": 1})
        await client.get("/livez")
    line = json.loads(stream.getvalue())
    assert line["path"] == "/livez"
    assert not [key for key in line if "content" in key]
    async with asking(Calls, http=HttpSpec(access=AccessSpec(enabled=False))) as client:
        await client.get("/docs")
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize(("form", "style"), [("json", "text"), ("text", "json")])
async def test_format_is_an_option(form: str, style: str) -> None:
    """The access log has a form of its own where it is asked for, whatever the rest of the log has."""
    stream = out(style=style)
    async with asking(Calls, http=HttpSpec(access=AccessSpec(format=form))) as client:
        await client.post("/add", json={"a": 1})
    assert stream.getvalue().startswith("{") is (form == "json")
    assert '"POST /add" 200' in stream.getvalue().replace("\\", "")


async def test_format_for_the_users_handlers(caplog: pytest.LogCaptureFixture) -> None:
    """The user's handlers get a JSON object as the message, where the log is to be JSON."""
    ACCESS.setLevel(logging.INFO)
    async with asking(Calls, http=HttpSpec(access=AccessSpec(format="json"))) as client:
        await client.post("/add", json={"a": 1})
    line = json.loads(next(record.getMessage() for record in caplog.records if record.name == ACCESS.name))
    assert (line["path"], line["status"]) == ("/add", 200)


class Seen:
    """A finished request."""

    def __init__(self, client: Any, path: str, headers: dict[bytes, bytes], media: bytes, length: int) -> None:
        self.scope: Scope = {"client": client, "method": "POST", "path": path}
        self.headers = headers
        self.media_type = media
        self.length = length
        self.status = 200
        self.request_id = "me"


@pytest.mark.parametrize("spec", [AccessSpec(), AccessSpec(request_content_type=False, response_content_length=False)])
@pytest.mark.parametrize("client", [("127.0.0.1", 80), ["::1", 80], None])
@pytest.mark.parametrize(
    "headers", [{}, {b"content-type": b"a\nb", b"content-length": b"7"}, {b"content-length": b"x"}]
)
@pytest.mark.parametrize("path", ["/add", '/a"b', "/\n"])
def test_the_quick_way_is_the_same(spec: AccessSpec, client: Any, headers: dict[bytes, bytes], path: str) -> None:
    """A line of text that is written at once is the one that is written by its entry, also the second time."""
    write = text_writer(spec)
    for media, length, now in ((b"application/json", 3, 1.5), (b"", 0, 1763700000.9995), (b"application/json", 3, 7.0)):
        seen = Seen(client, path, headers, media, length)
        if now == 7.0:
            seen.scope[TRACE] = "0af7651916cd43dd8448eb211c80319c"
        assert write(seen, 0.0123, now) == text_line(entry(seen, 0.0123, now, spec))


def test_long_parts_are_not_kept() -> None:
    """Whoever sends other long paths and types each time fills no memory; their lines are whole."""
    write, spec = text_writer(AccessSpec()), AccessSpec()
    tracemalloc.start()
    try:
        for number in range(200):
            long = "x" * 50_000 + str(number)
            seen = Seen(("127.0.0.1", 80), f"/{long}", {b"content-type": long.encode()}, b"text/plain", 1)
            line, whole = write(seen, 0.1, 1.0), text_line(entry(seen, 0.1, 1.0, spec))
            assert line == whole
        del seen, line, whole
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


async def test_quiet() -> None:
    """At the level of warnings nothing is written for a request."""
    stream = out(level="warning")
    async with asking(Calls) as client:
        await client.post("/add", json={"a": 1})
    assert stream.getvalue() == ""


@pytest.mark.parametrize("path", ["/a%0d%0aINFO forged", "/a%1b[31m", '/a" 200 "', "/%e2%80%ae"])
async def test_nobody_forges_a_line(path: str) -> None:
    """What a client sends stays within its line, in text and in JSON."""
    for style in ("text", "json"):
        stream = out(style=style)
        async with asking(Calls) as client:
            await client.get(path)
        written = stream.getvalue()
        assert len(written.splitlines()) == 1
        assert "\x1b" not in written
        assert style == "json" or '" 200' not in written


async def test_the_users_handlers_get_records(caplog: pytest.LogCaptureFixture) -> None:
    """Where the user set up logging, each line is a record of theirs, with its values as extras, and ours adds none."""
    stream = io.StringIO()
    root = logging.getLogger()
    theirs = logging.StreamHandler(stream)
    theirs.setFormatter(logging.Formatter("mine: %(status)s %(message)s"))
    root.addHandler(theirs)
    ACCESS.setLevel(logging.INFO)
    before = list(root.handlers)
    async with asking(Calls) as client:
        await client.post("/add", json={"a": 1})
    assert stream.getvalue().startswith('mine: 200 127.0.0.1:123 "POST /add" 200')
    assert root.handlers == before


async def test_many_lines_in_order() -> None:
    """More requests than a batch holds are all written, in their order."""
    stream = out(style="json")
    async with asking(Calls) as client:
        for number in range(150):
            await client.get("/docs", headers={"x-request-id": f"n{number}"})
    assert [json.loads(line)["request_id"] for line in stream.getvalue().splitlines()] == [f"n{n}" for n in range(150)]


async def test_a_log_that_cannot_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    """A log whose stream is gone does not stop the service."""
    stream = out()
    async with asking(Calls) as client:
        stream.close()
        assert (await client.post("/add", json={"a": 1})).json() == 2
    assert "Logging error" in capsys.readouterr().err
