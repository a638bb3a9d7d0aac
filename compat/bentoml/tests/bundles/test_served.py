"""Every adapter over HTTP: what a request holds, what the function gets, what is answered."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from bentoml.bundles.served import respond
from bentoml.types import InferenceResult
from PIL import Image

from compat.bentoml.tests.bundles import flowers
from ekiben.client.sync import SyncHTTPClient
from ekiben.testing import client

JSON = {"content-type": "application/json"}
CSV = {"content-type": "text/csv"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def served() -> Iterator[SyncHTTPClient]:
    with client(flowers.Flowers) as found:
        yield found


def ask(served: SyncHTTPClient, path: str, method: str = "POST", **request: Any) -> tuple[int, str]:
    """Send a request; give status and text."""
    answer = served.request(method, path, **request)
    return answer.status_code, answer.text


def picture(kind: str = "PNG", size: tuple[int, int] = (3, 2)) -> bytes:
    """Make a picture."""
    out = io.BytesIO()
    Image.new("RGB", size).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("path", "request_", "expected"),
    [
        pytest.param("/predict", {"json": [[5.1, 3.5]]}, "[8.6]", id="a row as a list"),
        pytest.param("/predict", {"json": [[1, 2], [3, 4], [5, 6]]}, "[3, 7, 11]", id="three rows, three results"),
        pytest.param("/predict", {"json": []}, "[]", id="no row, no result"),
        pytest.param("/predict", {"json": [{"a": 1, "b": 2}]}, "[3]", id="a list of objects"),
        pytest.param("/predict", {"json": {"a": [1, 2], "b": [3, 4]}}, "[4, 6]", id="an object of columns"),
        pytest.param("/predict", {"json": {"a": {"x": 1}, "b": {"x": 2}}}, "[3]", id="columns by index"),
        pytest.param("/predict", {"content": "a,b\n1,2\n3,4\n", "headers": CSV}, "[3, 7]", id="CSV with a header"),
        pytest.param("/predict", {"content": "[[1, 2]]", "headers": FORM}, "[3]", id="what curl sends by default"),
        pytest.param("/predict", {"content": "[[1, 2]]"}, "[3]", id="without a content type"),
        pytest.param("/predict", {"files": {"f": ("x.csv", b"a\n1\n", "text/csv")}}, "[1]", id="CSV as a file"),
        pytest.param("/predict", {"content": "[[1, 2]]", "method": "GET"}, "[3]", id="by GET"),
        pytest.param("/typed", {"json": [{"b": 2, "c": 5, "a": 1}]}, "[\"['a', 'b'] 1.0 2\"]", id="columns and dtypes"),
        pytest.param("/typed", {"json": [[1, 2]]}, "[\"['a', 'b'] 1.0 2\"]", id="columns for lists"),
        pytest.param(
            "/doubled", {"json": [{"a": 1}]}, '{"columns": ["a"], "index": [0], "data": [[2]]}', id="a frame, split"
        ),
        pytest.param("/picky", {"json": [[1, 2], [3, 4]]}, "[3, 7]", id="rows, with tasks"),
        pytest.param("/picky", {"json": [[1, 2]], "headers": {"x-user": "good"}}, "[3]", id="a header of a task"),
        pytest.param("/one", {"json": {"a": [1, None, "é"]}}, '{"a": [1, null, "é"]}', id="JSON in and out"),
        pytest.param("/one", {"json": "text"}, '"text"', id="text is answered as JSON"),
        pytest.param("/one", {"files": {"f": ("x.json", b"[1]", "application/json")}}, "[1]", id="JSON as a file"),
        pytest.param("/sizes", {"json": [1, 2, 3]}, "3", id="an array's item is a number"),
        pytest.param("/judged", {"json": 4}, "8", id="a task that is kept"),
        pytest.param(
            "/single",
            {"json": 1, "headers": {"x-user": "me"}},
            '["POST", "me", "application/json"]',
            id="a task knows its request",
        ),
        pytest.param("/text", {"content": "é𝄞"}, '["\\u00e9\\ud834\\udd1e"]', id="ASCII only"),
        pytest.param(
            "/text",
            {"content": b"\xe9", "headers": {"content-type": "text/plain; charset=latin-1"}},
            '["\\u00e9"]',
            id="text in its charset",
        ),
        pytest.param("/text", {"content": '{"a": 1}', "headers": JSON}, '["{\\"a\\": 1}"]', id="JSON as text"),
        pytest.param("/files", {"content": b"123"}, '["", "application/octet-stream", 3]', id="a body is a file"),
        pytest.param(
            "/files", {"files": {"f": ("../a.bin", b"12", "a/b")}}, '["a.bin", "a/b", 2]', id="the file of a form"
        ),
        pytest.param("/pair", {"files": {"first": b"1", "second": b"2"}}, '["1", "2"]', id="two files"),
        pytest.param("/pair", {"files": {"second": b"2"}}, '[null, "2"]', id="a file may be missing"),
        pytest.param("/shapes", {"content": picture(), "headers": {"content-type": "image/png"}}, "[2, 3]", id="PNG"),
        pytest.param("/shapes", {"files": {"f": ("a.jpg", picture("JPEG"))}}, "[2, 3]", id="a picture of a form"),
        pytest.param("/shapes", {"content": picture()}, "[2, 3]", id="a picture without a type"),
        pytest.param("/compare", {"files": {"left": picture(), "right": picture("BMP")}}, "true", id="two pictures"),
        pytest.param(
            "/annotated",
            {"files": {"image_file": picture(), "json_file": ("a.json", b'{"a": 1}', "application/json")}},
            '[[2, 3, 3], {"a": 1}]',
            id="a picture with its annotations",
        ),
        pytest.param("/annotated", {"files": {"image_file": picture()}}, "[[2, 3, 3], null]", id="and without"),
        pytest.param("/floats", {"json": {"input": [1, 2.5]}}, '["float32", 3.5]', id="numbers as Clipper sends them"),
        pytest.param("/v1/there", {"json": 1}, "NaN", id="a route of its own, and NaN as Python writes it"),
        pytest.param("/feedback", {"json": {"request_id": "1"}}, "success", id="feedback"),
    ],
)
def test_an_answer(served: SyncHTTPClient, path: str, request_: dict[str, Any], expected: str) -> None:
    """A request is read as 0.13 read it, and answered with what it answered."""
    assert ask(served, path, **request_) == (200, expected)


@pytest.mark.parametrize(
    ("path", "request_", "status", "words"),
    [
        pytest.param("/predict", {"json": 3}, 400, "must be a table", id="a number is no table"),
        pytest.param("/predict", {"json": [[1, 2], [3]]}, 400, "[1]: must be a list of 2 values", id="a short row"),
        pytest.param("/predict", {"json": [{"a": 1}, 2]}, 400, "[1]: must be an object", id="a row that is none"),
        pytest.param("/predict", {"json": {"a": [1], "b": [1, 2]}}, 400, "b: must have as many values", id="columns"),
        pytest.param("/predict", {"content": b"{", "headers": JSON}, 400, "JSON", id="half of JSON"),
        pytest.param("/predict", {"content": b'a\n"', "headers": CSV}, 400, "not a readable table", id="no CSV"),
        pytest.param("/predict", {"method": "GET"}, 400, "the body is empty", id="nothing"),
        pytest.param("/predict", {"method": "PUT", "json": [[1]]}, 405, "does not take PUT", id="another method"),
        pytest.param(
            "/predict",
            {"content": b"\x80\x04.", "headers": {"content-type": "application/x-pickle"}},
            400,
            "pickles are not read here",
            id="a pickle",
        ),
        pytest.param("/typed", {"json": [{"a": 1}]}, 400, "missing: b", id="a column is missing"),
        pytest.param("/typed", {"json": [[1, "x"]]}, 400, "must hold a as float64, b as int64", id="a wrong dtype"),
        pytest.param("/typed", {"json": [[1, 2, 3]]}, 400, "must have 2 values a row (a, b): 3", id="a wide row"),
        pytest.param("/short", {"json": [[1]]}, 500, "an error occurred", id="a result too many"),
        pytest.param("/lost", {"json": 1}, 500, "an error occurred", id="a result too few"),
        pytest.param("/broken", {"json": 1}, 500, "an error occurred", id="a function that raises"),
        pytest.param("/picky", {"json": [[1]], "headers": {"x-user": "bad"}}, 403, "not you", id="a discarded row"),
        pytest.param("/picky", {"json": 3}, 400, "must be a table", id="a bad request of an API with tasks"),
        pytest.param("/judged", {"json": -1}, 418, "-1 is below nothing", id="a discarded task"),
        pytest.param("/single", {"json": "no"}, 409, "so be it", id="a discarded single task"),
        pytest.param("/own", {"json": "bad"}, 400, "this is bad", id="an error of the function's own"),
        pytest.param("/text", {"content": b"\xff"}, 400, "must be text in UTF-8", id="bytes that are no text"),
        pytest.param(
            "/text",
            {"content": b"a", "headers": {"content-type": "text/plain; charset=punycode"}},
            400,
            "not 'punycode'",
            id="a codec that is no charset",
        ),
        pytest.param(
            "/text",
            {"content": b"a", "headers": {"content-type": "text/plain; charset=undefined"}},
            400,
            "not 'undefined'",
            id="a codec that raises",
        ),
        pytest.param("/files", {"files": [("f", b"1"), ("g", b"2")]}, 400, "must be one file", id="two files for one"),
        pytest.param("/files", {"files": {"f": ("a", b"1", "application/x-pickle")}}, 400, "pickle", id="in a form"),
        pytest.param("/shapes", {"content": picture("BMP")}, 400, "must be a picture of .png, .jpg: BMP", id="BMP"),
        pytest.param("/shapes", {"content": b"GIF89a"}, 400, "image", id="half a picture"),
        pytest.param("/compare", {"files": {"left": picture()}}, 400, "right", id="a picture is missing"),
        pytest.param("/compare", {"json": {"left": "/etc/passwd"}}, 400, "does not read application/json", id="a path"),
        pytest.param("/annotated", {"files": {"image_file": picture(), "json_file": b"{"}}, 400, "JSON", id="bad JSON"),
        pytest.param("/floats", {"json": ["a"]}, 400, "must be a list of numbers", id="text for numbers"),
        pytest.param("/shout", {}, 422, "say something", id="discarded by an adapter of one's own"),
        pytest.param("/feedback", {"json": [1]}, 400, "must be an object", id="feedback is an object"),
    ],
)
def test_a_refusal(served: SyncHTTPClient, path: str, request_: dict[str, Any], status: int, words: str) -> None:
    """What cannot be answered is refused as plain text, with words, and without the function's secrets."""
    given, text = ask(served, path, **request_)
    assert given == status
    assert words in text
    assert "secret" not in text


def test_an_answer_of_the_function_s_own(served: SyncHTTPClient) -> None:
    """An `InferenceResult` has its own status and headers."""
    answer = served.request("POST", "/own", json="good")
    assert (answer.status_code, answer.json(), answer.headers["x-own"]) == (202, {"got": "good"}, "yes")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"header": "a\r\nSet-Cookie: session=1"}, id="a second header"),
        pytest.param({"header": "a\r\n\r\n<script>"}, id="a body"),
        pytest.param({"header": "\u4e00"}, id="a letter that no header holds"),
        pytest.param({"header": "a", "status": 99}, id="a status that is none"),
        pytest.param({"header": "a", "status": "200 OK"}, id="a status as text"),
    ],
)
def test_a_result_that_cannot_be_sent(served: SyncHTTPClient, value: Any) -> None:
    """What a caller makes a function write into headers splits no answer, and spoils none beside it."""
    good = {"header": "fine"}
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda one: served.request("POST", "/reflected", json=one), [good, value, good]))
    assert [(each.status_code, each.text) for each in found][::2] == [(200, "sent")] * 2
    assert [each.headers["x-said"] for each in found[::2]] == ["fine"] * 2
    assert (found[1].status_code, found[1].text) == (500, "an error occurred in the service; its log says which")
    assert "set-cookie" not in found[1].headers


def test_the_server_frames_answers() -> None:
    """A length that a result tells of itself is not believed."""
    made = respond(InferenceResult(data="abc", http_headers={"Content-Length": "1", "Transfer-Encoding": "chunked"}))
    assert made.raw_headers == [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"3")]


def test_adapters_of_one_s_own(served: SyncHTTPClient) -> None:
    """An adapter of a user's own sees body, headers and query, and writes what it likes."""
    answer = served.request("POST", "/shout?a=1", content="hello", headers={"x-who": "me"})
    assert (answer.status_code, answer.text) == (201, "<a>HELLO from me a=1</a>")
    assert answer.headers["content-type"] == "text/xml"


def test_rows_of_several_requests(served: SyncHTTPClient) -> None:
    """Requests of 1, 3 and 0 rows at the same time are answered with as many results each."""
    counts = [1, 3, 0, 2, 1]
    with ThreadPoolExecutor(len(counts)) as pool:
        asked = [pool.submit(ask, served, "/together", json=[[1.0, 2.0]] * count) for count in counts]
        found = [each.result(30) for each in asked]
    assert [status for status, _ in found] == [200] * len(counts)
    results = [[] if text == "[]" else [int(part) for part in text.strip("[]").split(",")] for _, text in found]
    assert [len(result) for result in results] == counts
    assert all(len(set(result)) <= 1 for result in results)


def test_a_discarded_task_leaves_the_others_alone(served: SyncHTTPClient) -> None:
    """In one batch, a discarded task gets its own answer, and the others theirs."""
    values = [1, -2, 3, -4, 5]
    with ThreadPoolExecutor(len(values)) as pool:
        found = list(pool.map(lambda value: ask(served, "/judged", json=value), values))
    assert found == [(200, "2"), (418, "-2 is below nothing"), (200, "6"), (418, "-4 is below nothing"), (200, "10")]


def test_the_log_of_feedback(served: SyncHTTPClient, caplog: pytest.LogCaptureFixture) -> None:
    """Feedback is logged with the id of its request, one line whatever it holds."""
    with caplog.at_level("INFO", logger="ekiben.feedback"):
        served.request("POST", "/feedback", json={"label": "a\nb"}, headers={"x-request-id": "here-1"})
    (record,) = [each for each in caplog.records if each.name == "ekiben.feedback"]
    assert record.getMessage() == 'feedback (request here-1): {"label": "a\\nb"}'


def test_what_stands_beside_the_apis(served: SyncHTTPClient) -> None:
    """Docs, probes, metrics and metadata are where 0.13 had them."""
    page = served.request("GET", "/docs")
    assert served.request("GET", "/").text == page.text
    assert "<title>Flowers:20261121_ABC</title>" in page.text
    assert ask(served, "/healthz", "GET") == (200, "\n")
    told = served.request("GET", "/metadata").json()
    assert (told["name"], told["version"]) == ("Flowers", "20261121_ABC")
    assert told["apis"][0]["input_type"] == "DataframeInput"
    paths = served.request("GET", "/docs.json").json()["paths"]
    assert paths["/predict"]["post"]["description"] == "Sum each row."
    assert set(paths["/v1/there"]) == {"post", "get"}
    assert paths["/v1/there"]["get"]["description"] == "It is elsewhere."
    assert "BENTOML_Flowers_request_total" in served.request("GET", "/metrics").text
    assert "x-request-id" in page.headers
