"""The client mirrors the service: its methods, their arguments, what they return, what they raise."""

import inspect
import io
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import ekiben
from ekiben.client.sync import SyncHTTPClient
from ekiben.core.errors import (
    ConfigError,
    DeadlineExceeded,
    EkibenError,
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    ServerError,
    TooManyRequests,
    Unavailable,
    UnsupportedMediaType,
)
from tests.servers import free_port


def test_arrays_keep_their_dtype(lunch: SyncHTTPClient) -> None:
    """An array goes and comes back as it is: dtype, shape, NaN and all."""
    x = np.array([[1.5, np.nan], [3, 4]], dtype="float32")
    answer = lunch.add(x)
    assert answer.dtype == np.float32
    np.testing.assert_array_equal(answer, x + 1)
    np.testing.assert_array_equal(lunch.add(x, n=2), x + 2)
    np.testing.assert_array_equal(lunch.double(x), x * 2)


def test_lists_are_arrays_too(lunch: SyncHTTPClient) -> None:
    """Where an array is asked for, nested lists do."""
    np.testing.assert_array_equal(lunch.add([[1, 2], [3, 4]]), [[2, 3], [4, 5]])


def test_frames(lunch: SyncHTTPClient) -> None:
    """A frame comes back with its columns and types."""
    frame = pd.DataFrame({"name": ["a", "b"], "n": [1, 2], "when": pd.to_datetime(["2026-01-01", "2026-01-02"])})
    pd.testing.assert_frame_equal(lunch.table(frame), frame, check_dtype=False)
    pd.testing.assert_frame_equal(lunch.table([{"n": 1}]), pd.DataFrame({"n": [1]}))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16", "CMYK"])
def test_images_go_without_loss(lunch: SyncHTTPClient, mode: str) -> None:
    """A PIL image arrives with its size and mode, whatever the mode."""
    told = lunch.describe(Image.new(mode, (3, 2)), label="ein Bild", scale=0.5)
    assert told == {"size": [3, 2], "mode": mode, "label": "ein Bild", "scale": 0.5}


def test_images_come_back(lunch: SyncHTTPClient) -> None:
    """An image as an answer is a PIL image."""
    image = Image.new("RGB", (3, 2))
    image.putpixel((2, 0), (1, 2, 3))
    turned = lunch.turn(image)
    assert turned.size == (2, 3)
    assert turned.getpixel((0, 0)) == (1, 2, 3)


GIVEN: dict[str, Callable[[Path], object]] = {
    "a path": lambda path: path,
    "the text of a path": str,
    "bytes": lambda path: path.read_bytes(),
    "a file in memory": lambda path: io.BytesIO(path.read_bytes()),
    "a PIL image": Image.open,
}


@pytest.mark.parametrize("how", GIVEN)
@pytest.mark.parametrize("label", [{}, {"label": "x"}], ids=["alone", "beside another argument"])
def test_a_file_is_given_in_many_ways(lunch: SyncHTTPClient, tmp_path: Path, how: str, label: dict[str, str]) -> None:
    """A file may be a path, its text, bytes, an open file or an image; alone or beside others."""
    path = tmp_path / "no ending"
    Image.new("RGB", (3, 2)).save(path, "PNG")
    given = GIVEN[how](path)
    assert lunch.describe(given, **label)["size"] == [3, 2]
    if isinstance(given, Image.Image):
        given.close()


def test_an_open_file_stays_open(lunch: SyncHTTPClient, tmp_path: Path) -> None:
    """A file that the caller opened is the caller's to close."""
    path = tmp_path / "a.txt"
    path.write_text("lunch")
    with path.open("rb") as file:
        assert lunch.reverse(file) == b"hcnul"
        assert not file.closed


def test_lists_of_files(lunch: SyncHTTPClient, tmp_path: Path) -> None:
    """A list of images is a part each, beside a list of plain values."""
    Image.new("RGB", (5, 1)).save(tmp_path / "a.png")
    assert lunch.count([Image.new("L", (7, 1)), tmp_path / "a.png"], ["one", "two"]) == ["one: 7", "two: 5"]


def test_files_come_back_as_paths(lunch: SyncHTTPClient, tmp_path: Path) -> None:
    """A file as an answer is a path under the name that the service gave it."""
    (tmp_path / "a.txt").write_bytes(b"ab" * 300_000)
    answer = lunch.twice(tmp_path / "a.txt")
    assert answer.name == "doppelt größer.txt"
    assert answer.read_bytes() == b"ab" * 600_000


def test_declared_types_of_files(lunch: SyncHTTPClient, tmp_path: Path) -> None:
    """The type that an endpoint declares is checked against the file's name."""
    (tmp_path / "a.md").write_text("# lunch")
    (tmp_path / "a.png").write_text("no picture")
    assert lunch.kind(tmp_path / "a.md") == "# lunch"
    with pytest.raises((InvalidInput, UnsupportedMediaType)):
        lunch.kind(tmp_path / "a.png")


def test_records_hold_arrays(lunch: SyncHTTPClient) -> None:
    """An array within a record is an array again."""
    packed = lunch.pack("box", np.array([1.0, 2.0]))
    assert packed["name"] == "box"
    assert isinstance(packed["weights"], np.ndarray)


@pytest.mark.parametrize("value", [{"a": [1, None, "é"]}, [], None, [{"deep": [1.5]}]], ids=repr)
def test_plain_values(lunch: SyncHTTPClient, value: object) -> None:
    """Plain JSON comes back as it went."""
    assert lunch.echo(value) == value


def test_text_that_is_json(lunch: SyncHTTPClient) -> None:
    """A method that returns JSON text is answered with what the text says."""
    assert lunch.json() == {"is": "JSON already"}
    assert lunch.echo(text="3") == "3"


def test_a_clash_of_names(lunch: SyncHTTPClient) -> None:
    """An endpoint whose name the client has itself is reached with `api_`, and by `call`."""
    assert lunch.api_close() == lunch.call("close") == "closed"


def test_what_a_notebook_shows(lunch: SyncHTTPClient) -> None:
    """Endpoints are listed, documented, and have the signature of their method."""
    assert {"add", "describe", "api_close"} <= set(dir(lunch))
    assert lunch.add.__doc__ == "Add *n* to each number."
    assert str(inspect.signature(lunch.add)) == "(x: ndarray, n: int = 1)"
    assert str(inspect.signature(lunch.double)) == "(value: ndarray, /)"
    assert "add(x: ndarray, n: int = 1)" in repr(lunch.add)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(lambda c: c.add(), "add() needs the argument `x`", id="one is missing"),
        pytest.param(lambda c: c.add(1, 2, 3), "takes 2 arguments: 3 were given", id="too many"),
        pytest.param(lambda c: c.add(1, x=1), "got the argument `x` twice", id="one twice"),
        pytest.param(lambda c: c.describe(image=b"", labl=1), "did you mean `label`?", id="mistyped"),
        pytest.param(lambda c: c.double(), "takes one argument, the body", id="no body"),
    ],
)
def test_wrong_arguments(lunch: SyncHTTPClient, call: Callable[[SyncHTTPClient], object], words: str) -> None:
    """Arguments that do not fit are a TypeError, as of a function, before anything is sent."""
    with pytest.raises(TypeError) as caught:
        call(lunch)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        pytest.param(lambda c: c.add([1, "a"]), InvalidInput, "x[1]", id="a wrong value, with its place"),
        pytest.param(lambda c: c.describe(b"no image"), InvalidInput, "not an image", id="a wrong file"),
        pytest.param(lambda c: c.fail("busy"), TooManyRequests, "one lunch at a time", id="the service's own words"),
        pytest.param(lambda c: c.fail("bug"), ServerError, "", id="a fault of the service"),
        pytest.param(lambda c: c.call("ad"), NotFound, "did you mean `add`?", id="no such endpoint"),
        pytest.param(lambda c: c.describe("no/such.png"), InvalidInput, "`image` must be a file", id="no such file"),
        pytest.param(lambda c: c.describe(3), InvalidInput, "`image` must be a path", id="no file at all"),
        pytest.param(lambda c: c.reverse("text"), InvalidInput, "`data` must be a path, bytes", id="text for bytes"),
        pytest.param(lambda c: c.describe(io.StringIO()), InvalidInput, "open binary file", id="a file of text"),
        pytest.param(lambda c: c.echo({"a": object()}), InvalidInput, "has no JSON form", id="nothing for JSON"),
    ],
)
def test_errors(
    lunch: SyncHTTPClient, call: Callable[[SyncHTTPClient], object], kind: type[EkibenError], words: str
) -> None:
    """What goes wrong is one of our errors, with the words of whoever knows."""
    with pytest.raises(kind) as caught:
        call(lunch)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_errors_carry_what_they_know(lunch: SyncHTTPClient) -> None:
    """Places of wrong values and the time to wait are there as data."""
    with pytest.raises(InvalidInput) as wrong:
        lunch.echo(value=3, text=4)
    assert {problem.path.partition(".")[0] for problem in wrong.value.problems} == {"value", "text"}
    with pytest.raises(TooManyRequests) as busy:
        lunch.fail("busy")
    assert busy.value.retry_after == 7


def test_an_attribute_that_is_no_endpoint(lunch: SyncHTTPClient) -> None:
    """What is no endpoint is no attribute, and the nearest is named."""
    assert not hasattr(lunch, "adds_up_to_nothing")
    assert not hasattr(lunch, "_repr_html_")
    with pytest.raises(AttributeError, match="did you mean `add`"):
        _ = lunch.ad


def test_other_requests(lunch: SyncHTTPClient) -> None:
    """Any path can be asked, and the answer is httpx's own."""
    assert lunch.request("GET", "/livez").status_code == 200
    assert lunch.request("GET", "/add").status_code == MethodNotAllowed.status
    assert lunch.is_ready()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"path_prefix": "/below"}, "/below/readyz"),
        ({"endpoints": {"readyz": "/well"}}, "/well"),
        ({"path_prefix": "/below", "endpoints": {"readyz": "/well"}}, "/below/well"),
    ],
)
def test_a_probe_that_stands_elsewhere(options: dict[str, Any], told: str) -> None:
    """A service below a prefix, or with a probe of its own, is found to be ready."""
    made = ekiben.service(**options)(type("Moved", (), {"word": ekiben.api(word)}))
    with ekiben.serve(made, port=0) as server, server.client(server_ready_timeout=30) as client:
        assert client.is_ready()
        assert client.word() == "here"
        assert client.request("GET", "/schema.json").json()["readyz"] == told


def word(self: object) -> str:
    """Give a word."""
    return "here"


def test_something_that_is_no_service() -> None:
    """A server of something else is not ready, whatever it says of itself."""
    for content in (b"{}", b'{"readyz": "//127.0.0.1/x"}', b'{"readyz": "http://127.0.0.1/x"}', b"[1]", b"<html>"):
        asked: list[str] = []

        def answer(request: httpx.Request, content: bytes = content, asked: list[str] = asked) -> httpx.Response:
            asked.append(str(request.url))
            return httpx.Response(200 if request.url.path == "/schema.json" else 404, content=content)

        with SyncHTTPClient("http://elsewhere", transport=httpx.MockTransport(answer)) as client:
            assert not client.is_ready()
        assert asked == [f"http://elsewhere/{path}" for path in ("readyz", "schema.json", "readyz")]


def test_nobody_there() -> None:
    """A server that is not there is Unavailable, with its address; it is not ready, and waiting for it ends."""
    url = f"http://127.0.0.1:{free_port()}"
    with SyncHTTPClient(url, timeout=5) as client:
        assert not client.is_ready()
        assert "call" in dir(client)
        with pytest.raises(Unavailable, match=url):
            client.predict()
        with pytest.raises(Unavailable, match=r"not ready within 0\.2 seconds"):
            client.wait_until_server_ready(0.2)
    with pytest.raises(Unavailable, match="not ready"):
        SyncHTTPClient(url, server_ready_timeout=0)


@pytest.mark.parametrize("url", ["localhost:3000", "ftp://localhost", "", "/predict"])
def test_no_address(url: str) -> None:
    """What is no address of a server is said at once."""
    with pytest.raises(ConfigError, match="`url` must begin with http"):
        SyncHTTPClient(url)


def test_too_slow() -> None:
    """A server that takes a connection and says nothing is a DeadlineExceeded with its address."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with SyncHTTPClient(url, timeout=0.2) as client, pytest.raises(DeadlineExceeded, match=url):
            client.call("predict")
