"""Answers become values or errors, whatever a server sends; nothing leaves the client's folder."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ekiben.client.answers import BY_STATUS, Downloads, Head, accept, error_of, is_file, read
from ekiben.client.base import Route, read_routes
from ekiben.core import errors
from ekiben.core.errors import EkibenError, InvalidInput, Problem, ServerError

ARRAY: dict[str, Any] = {"type": "array", "x-kind": "ndarray"}


def route(output: dict[str, Any]) -> Route:
    """Make a route with this answer."""
    told = {"name": "f", "route": "/f", "input": {}, "output": output}
    return read_routes({"routes": [told]})["f"]


def value(output: dict[str, Any], content: bytes, media: str = "application/json") -> Any:
    """Read an answer."""
    return read(route(output), Head(200, {"content-type": media}), content)


def test_arrays() -> None:
    """An array is one again: by the declared dtype, with NaN for null, also within lists and objects."""
    assert value({**ARRAY, "x-dtype": "float32"}, b"[1, 2]").dtype == np.float32
    np.testing.assert_array_equal(value(ARRAY, b"[1, null]"), [1, np.nan])
    assert isinstance(value(ARRAY, b"3"), np.ndarray)
    assert [type(item) for item in value({"type": "array", "items": ARRAY}, b"[[1], [2]]")] == [np.ndarray] * 2
    nested = {"$defs": {"B": {"properties": {"x": ARRAY}}}, "properties": {"b": {"$ref": "#/$defs/B"}}}
    assert isinstance(value(nested, b'{"b": {"x": [1]}}')["b"]["x"], np.ndarray)


def test_tables() -> None:
    """A table is a frame, from JSON and from CSV."""
    frame = pd.DataFrame({"a": [1, 2]})
    pd.testing.assert_frame_equal(value({"x-kind": "dataframe"}, b'[{"a": 1}, {"a": 2}]'), frame)
    pd.testing.assert_frame_equal(value({"x-kind": "dataframe"}, b"a\n1\n2\n", "text/csv"), frame)
    assert isinstance(value({"x-kind": "series"}, b"[1, 2]"), pd.Series)


@pytest.mark.parametrize(
    ("output", "content", "media", "expected"),
    [
        pytest.param({"type": "array"}, b"[1]", "application/json", [1], id="a list stays one"),
        pytest.param({}, b"[1, NaN]", "application/json", "nan", id="NaN of an older server"),
        pytest.param({}, b"", "application/json", None, id="nothing"),
        pytest.param(ARRAY, b"null", "application/json", None, id="no array"),
        pytest.param({}, "é".encode(), "text/plain; charset=utf-8", "é", id="text"),
        pytest.param({}, b"\0\1", "application/octet-stream", b"\0\1", id="bytes"),
        pytest.param({}, b"\0\1", "", b"\0\1", id="bytes of no type"),
    ],
)
def test_plain(output: dict[str, Any], content: bytes, media: str, expected: Any) -> None:
    """What is none of our kinds is read by its content type."""
    found = value(output, content, media)
    assert (str(found[1]) if expected == "nan" else found) == expected


@pytest.mark.parametrize(
    ("content", "media"),
    [
        pytest.param(b"{", "application/json", id="broken JSON"),
        pytest.param(b"\x93NUMPY", "application/x-npy", id="a cut array"),
        pytest.param(b"\xff\xff\xff\xff\x10", "application/vnd.apache.arrow.stream", id="a cut table"),
        pytest.param(b"\x89PNG", "image/png", id="a cut image"),
        pytest.param(b"\xff", "text/plain", id="text that is not UTF-8"),
        pytest.param(b'["a"]', "application/json", id="an array of text where numbers are declared"),
    ],
)
def test_damaged_answers(content: bytes, media: str) -> None:
    """An answer that cannot be read is a ServerError that names the endpoint."""
    with pytest.raises(ServerError, match="answer of `f` cannot be read"):
        value({**ARRAY, "x-dtype": "float32"} if media == "application/json" else {}, content, media)


def test_a_pickled_array_is_not_loaded(tmp_path: Path) -> None:
    """An array that would need unpickling is refused."""
    np.save(tmp_path / "x.npy", np.array([Path("x")], dtype=object), allow_pickle=True)
    with pytest.raises(ServerError):
        value(ARRAY, (tmp_path / "x.npy").read_bytes(), "application/x-npy")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        pytest.param('attachment; filename="result.csv"', "result.csv", id="a plain name"),
        pytest.param("attachment; filename=\"a?\"; filename*=UTF-8''%C3%B6.txt", "ö.txt", id="any letter"),
        pytest.param('attachment; filename="../../etc/passwd"', None, id="a way up"),
        pytest.param('attachment; filename="/etc/passwd"', None, id="an absolute path"),
        pytest.param("attachment; filename*=UTF-8''..%2F..%2Fx", None, id="a way up in disguise"),
        pytest.param('attachment; filename=".bashrc"', None, id="a hidden file"),
        pytest.param('attachment; filename=".."', None, id="the folder above"),
        pytest.param('attachment; filename="a\\\\..\\\\b"', None, id="another system's separators"),
        pytest.param(f'attachment; filename="{"x" * 300}"', None, id="too long"),
        pytest.param("attachment; filename*=UTF-8''a%00b%0A", None, id="control characters"),
        pytest.param("attachment", None, id="no name"),
    ],
)  # fmt: skip
def test_names_of_files(header: str, name: str | None) -> None:
    """A server's file name is kept where it is a plain one; no file is written outside the client's folder."""
    downloads = Downloads()
    head = Head(200, {"content-type": "text/csv", "content-disposition": header})
    with downloads.new(head.filename, head.media) as (path, _):
        assert path.name == (name or "answer.csv")
        root = path.parents[1]
        assert root.name.startswith("ekiben-client-")
    assert path.resolve().is_relative_to(root.resolve())
    downloads.close()
    assert not root.exists()
    downloads.close()


def test_the_folder_ends_with_its_owner() -> None:
    """Files go when nobody holds the client any more."""
    downloads = Downloads()
    with downloads.new("a.txt", "text/plain") as (path, _):
        pass
    del downloads
    assert not path.exists()


@pytest.mark.parametrize(
    ("output", "headers", "expected"),
    [
        pytest.param({"x-kind": "file"}, {"content-type": "text/csv"}, True, id="a declared file"),
        pytest.param({"x-kind": "file"}, {"content-type": "application/json"}, False, id="null in place of a file"),
        pytest.param({}, {"content-disposition": 'attachment; filename="a"'}, True, id="an undeclared one"),
        pytest.param({}, {"content-type": "text/csv"}, False, id="text"),
        pytest.param({"x-kind": "image"}, {"content-disposition": 'inline; filename="a"'}, False, id="an image"),
    ],
)
def test_is_file(output: dict[str, Any], headers: dict[str, str], expected: bool) -> None:
    """An answer is kept as a file where the schema or its name says so, and never where it is an error."""
    assert is_file(route(output), Head(200, headers)) is expected
    assert not is_file(route(output), Head(400, headers))


def test_accept() -> None:
    """Binary forms are asked for where the answer is known to have one."""
    assert accept(route(ARRAY)).startswith("application/x-npy, application/json")
    assert accept(route({"x-kind": "dataframe"})).startswith("application/vnd.apache.arrow.stream")
    assert accept(route({"type": "array", "items": ARRAY})) == accept(route({})) == "*/*"


@pytest.mark.parametrize("status", BY_STATUS)
def test_every_status_is_one_of_ours(status: int) -> None:
    """Each status that our servers answer is the same class of error for a client."""
    found = error_of(Head(status, {}), b'{"detail": "the words", "hint": "do this"}')
    assert type(found) is BY_STATUS[status]
    assert (found.status, str(found), found.hint) == (status, "the words", "do this")


def test_no_caller_error_is_forgotten() -> None:
    """Every error class with a status below 500 stands in the table."""
    found: list[type[EkibenError]] = []
    left = [EkibenError]
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        found += [kind] if kind.status < 500 and kind.__module__ == errors.__name__ else []
    assert {kind.status for kind in found} <= BY_STATUS.keys()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b'{"detail": "d", "error": "e"}', "d", id="a problem document"),
        pytest.param(b'{"error": "e"}', "e", id="an error member"),
        pytest.param(b'"text"', "text", id="a JSON string, as BentoML 1.0 answers"),
        pytest.param(b"<html>Bad gateway</html>", "<html>Bad gateway</html>", id="a proxy's page"),
        pytest.param(b"", "the server answered with status 418", id="nothing"),
        pytest.param(b"\xff\xfe", "��", id="bytes"),
    ],
)
def test_words_of_an_error(content: bytes, words: str) -> None:
    """An error says what the server said, in whatever form it did."""
    found = error_of(Head(418, {}), content)
    assert type(found) is InvalidInput
    assert str(found) == words


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"detail": "d", "errors": [{"path": "x[1]", "message": "no"}]}', id="RFC 9457"),
        pytest.param(b'{"error": "d", "detail": [{"loc": ["x[1]"], "msg": "no"}]}', id="BentoML 1.4"),
    ],
)
def test_problems(content: bytes) -> None:
    """Every wrong place is there as data."""
    found = error_of(Head(400, {}), content)
    assert isinstance(found, InvalidInput)
    assert found.problems == (Problem("x[1]", "no"),)


def test_a_failed_server() -> None:
    """Any other status from 500 is a ServerError that knows it."""
    found = error_of(Head(502, {}), b"")
    assert isinstance(found, ServerError)
    assert found.answered == 502
