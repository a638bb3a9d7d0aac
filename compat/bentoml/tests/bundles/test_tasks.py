"""Tasks, results, requests and headers are what 0.13's code makes and reads."""

import base64
from collections.abc import Iterable
from typing import Any

import bentoml
import pytest
from bentoml import handlers, types
from bentoml.adapters import BaseInputAdapter, DataframeInput, JsonInput, StringInput
from bentoml.bundles import inputs
from bentoml.types import FileLike, HTTPHeaders, HTTPRequest, InferenceError, InferenceResult, InferenceTask

from ekiben.core.errors import InvalidInput

FORM = b"\r\n".join(
    [
        b"--x",
        b'content-disposition: form-data; name="a"',
        b"",
        b"1",
        b"--x",
        b'content-disposition: form-data; name="f"; filename="../b.txt"',
        b"content-type: text/plain",
        b"",
        b"words",
        b"--x--",
        b"",
    ]
)


def test_headers() -> None:
    """Names of headers mean the same in any case."""
    headers = HTTPHeaders({"Content-Type": "Text/CSV; charset=latin-1", "X-A": "1"})
    assert (headers["content-type"], headers.get("x-a"), "X-a" in headers, 3 in headers) == (
        "Text/CSV; charset=latin-1",
        "1",
        True,
        False,
    )
    assert (headers.content_type, headers.charset, headers.content_encoding) == ("text/csv", "latin-1", None)
    del headers["X-A"]
    assert headers.get("x-a") is None
    assert HTTPHeaders([("Content-Encoding", "gzip")]).content_encoding == "gzip"
    assert HTTPHeaders().charset is None


def test_a_request() -> None:
    """A request gives its body as JSON or as a form."""
    request = HTTPRequest(HTTPHeaders({"content-type": "application/json"}), b'{"a": 1}')
    assert (request.parse_json(), request.content_type, request.parsed_headers) == (
        {"a": 1},
        "application/json",
        request.headers,
    )
    assert request.parse_form_data() == (None, {}, {})
    with pytest.raises(ValueError, match="Expecting"):
        HTTPRequest(body=b"{").parse_json()


def test_a_form() -> None:
    """A form has texts and files; the call by the class, as older code writes it, is the same."""
    request = HTTPRequest(HTTPHeaders({"content-type": "multipart/form-data; boundary=x"}), FORM)
    for nothing, fields, files in (request.parse_form_data(), HTTPRequest.parse_form_data(request)):
        assert (nothing, fields, list(files)) == (None, {"a": "1"}, ["f"])
        assert (files["f"].read(), files["f"].name, files["f"].content_type) == (b"words", "b.txt", "text/plain")
    plain = HTTPRequest(HTTPHeaders({"content-type": "application/x-www-form-urlencoded"}), b"a=1&b=%20")
    assert plain.parse_form_data() == (None, {"a": "1", "b": " "}, {})


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("multipart/form-data; boundary=x", FORM[:-20]),
        ("multipart/form-data", FORM),
        ("multipart/form-data; boundary=x", FORM.replace(b"text/plain", b"application/x-pickle")),
        ("multipart/form-data; boundary=x", b"--x\r\ncontent-disposition: form-data; name=a\r\n\r\n\r\n" * 2000),
    ],
    ids=["cut short", "without a boundary", "with a pickle", "of too many parts"],
)
def test_a_form_that_is_refused(media: str, body: bytes) -> None:
    """A damaged form, a pickle in it and too many parts are the caller's mistake."""
    with pytest.raises(InvalidInput):
        HTTPRequest(HTTPHeaders({"content-type": media}), body).parse_form_data()


def test_a_task_is_discarded() -> None:
    """A discarded task has the answer that its caller gets."""
    task = InferenceTask(data=1)
    assert (task.is_discarded, task.error, len(task.task_id)) == (False, None, 32)
    task.discard("bad", 418, http_headers={"X-A": "1"}, cli_status=3)
    assert task.is_discarded
    assert isinstance(task.error, InferenceError)
    assert (task.error.text, task.error.http_status, task.error.cli_status) == ("bad", 418, 3)
    assert task.error.http_headers["x-a"] == "1"
    other = InferenceTask()
    other.discard(err_msg="no")
    assert other.error is not None
    assert other.error.http_status == 400


def test_results() -> None:
    """A result is good unless it says otherwise; an error is our fault unless it says otherwise."""
    assert (InferenceResult(data=1).http_status, InferenceResult(data=1).cli_status) == (200, 0)
    assert (InferenceError(err_msg="x").http_status, InferenceError(err_msg="x").cli_status) == (500, 1)
    assert (InferenceResult(data=None, err_msg="x").text, InferenceResult().text) == ("x", None)
    assert InferenceTask(data=1) != InferenceTask(data=1)


def test_a_file() -> None:
    """A file is bytes with a name."""
    file = FileLike(b"abc", "a.txt", "text/plain")
    assert (file.read(1), file.bytes_, file.name, file.content_type) == (b"a", b"abc", "a.txt", "text/plain")


@pytest.mark.parametrize(
    ("event", "data"),
    [
        pytest.param({"body": "[1]", "headers": {"Content-Type": "application/json"}}, [1], id="JSON"),
        pytest.param({"body": base64.b64encode(b"[1]").decode(), "isBase64Encoded": True}, [1], id="base64"),
        pytest.param({"body": "[1]", "headers": None, "httpMethod": "GET"}, [1], id="without headers"),
    ],
)
def test_an_event_of_lambda(event: dict[str, Any], data: Any) -> None:
    """An event of API Gateway is a request."""
    task = JsonInput().from_aws_lambda_event(event)
    assert (task.data, task.is_discarded, task.aws_lambda_event) == (data, False, event)
    assert task.http_method == event.get("httpMethod", "POST")


def test_a_wrong_event() -> None:
    """A body that is not what it says is the caller's mistake."""
    with pytest.raises(InvalidInput, match="must be base64"):
        JsonInput().from_aws_lambda_event({"body": "%", "isBase64Encoded": True})
    task = JsonInput().from_aws_lambda_event({"body": None})
    assert task.is_discarded


def test_tasks_of_a_program() -> None:
    """A program's inputs are tasks, too."""
    (task,) = JsonInput().from_inference_job([{"a": 1}], batch=3)
    assert (task.data, task.inference_job_args) == ({"a": 1}, {"batch": 3})


def test_arguments_of_tasks() -> None:
    """Several tasks give the function one list, or one frame and to each task its number of rows."""
    plain = [InferenceTask(data="a"), InferenceTask(data="b")]
    assert StringInput().extract_user_func_args(plain) == (["a", "b"],)
    adapter = DataframeInput()
    rows = [adapter.from_http_request(HTTPRequest(body=body)) for body in (b"[[1]]", b"[[2], [3]]")]
    (frame,) = adapter.extract_user_func_args(rows)
    assert (frame[0].tolist(), [task.batch for task in rows]) == ([1, 2, 3], [1, 2])


def test_an_adapter_of_one_s_own() -> None:
    """A subclass is known to see requests itself as soon as it brings one of the methods."""

    class Reads(BaseInputAdapter):
        def from_http_request(self, req: HTTPRequest) -> InferenceTask:
            return InferenceTask(data=req.body)

    class Extracts(JsonInput):
        def extract_user_func_args(self, tasks: Iterable[InferenceTask]) -> tuple[Any, ...]:
            return ([task.data for task in tasks],)

    class Named(JsonInput):
        """Only another name."""

    assert [inputs.is_custom(kind()) for kind in (Reads, Extracts, Named, JsonInput)] == [True, True, False, False]
    assert Reads(mine=1).config == {"mine": 1}
    (task,) = Reads().from_cli(["--input", "x"])
    assert (task.data, task.cli_args) == (b"x", ("--input", "x"))
    assert BaseInputAdapter().pip_dependencies == []


def test_a_schema_of_one_s_own() -> None:
    """The schema that an adapter tells stands in the docs of its API."""

    class Told(BaseInputAdapter):
        @property
        def request_schema(self) -> dict[str, Any]:
            return {"application/xml": {"schema": {"type": "string"}}, "multipart/form-data": {"schema": {}}}

        def from_http_request(self, req: HTTPRequest) -> InferenceTask:
            return InferenceTask(data=req.body)

    (parameter,) = Told().whole().parameters
    (note,) = parameter.hint.__metadata__
    assert note.leaf.media_types == ("application/xml", "*/*")
    assert note.leaf.schema() == {"type": "string"}


def test_names_of_then() -> None:
    """The handlers of old are adapters; one that is gone says what to write instead."""
    assert handlers.DataframeHandler is DataframeInput
    assert set(types.__all__) == set(dir(types)) & set(types.__all__)
    with pytest.raises(AttributeError, match="write `ImageHandler`"):
        _ = handlers.LegacyImageHandler
    with pytest.raises(AttributeError, match="has no `Nothing`"):
        _ = handlers.Nothing
    with pytest.raises(AttributeError, match="write `JsonOutput`"):
        _ = bentoml.adapters.JsonSerializableOutput
    with pytest.raises(AttributeError, match="has no `Nothing`"):
        _ = bentoml.adapters.Nothing
