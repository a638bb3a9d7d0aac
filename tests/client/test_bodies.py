"""Arrays, frames and files are sent as they are where the endpoint reads them so, everything else as JSON."""

import io
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ekiben.client.base import read_routes
from ekiben.client.bodies import Body, write
from ekiben.core.errors import InvalidInput

ARRAY = {"type": "array", "x-kind": "ndarray"}
IMAGE = {"type": "string", "x-kind": "image", "contentMediaType": "image/jpeg"}
NPY, ARROW, FORM, JSON = (
    "application/x-npy",
    "application/vnd.apache.arrow.stream",
    "multipart/form-data",
    "application/json",
)


def body(properties: dict[str, Any], value: Any, *, reads: tuple[str, ...] = (JSON, FORM, NPY)) -> Body:
    """Write the body for an endpoint with these parameters."""
    given = {"type": "object", "properties": properties}
    route = {"name": "f", "route": "/f", "reads": reads, "input": given, "output": {}}
    with ExitStack() as opened:
        return write(read_routes({"routes": [route]})["f"], value, opened)


def root(schema: dict[str, Any], value: Any, *, reads: tuple[str, ...]) -> Body:
    """Write the body for an endpoint whose one parameter is the body."""
    route = {"name": "f", "route": "/f", "root_input": True, "reads": reads, "input": schema, "output": {}}
    with ExitStack() as opened:
        return write(read_routes({"routes": [route]})["f"], value, opened)


def shape(made: Body) -> str | dict[str, list[str]]:
    """Say of which types the parts are."""
    if made.whole is not None:
        return made.whole.media
    return {"files": [blob.media for _, blob in made.files], "fields": sorted(made.fields)}


X = np.zeros((2, 2))


@pytest.mark.parametrize(
    ("properties", "value", "expected"),
    [
        pytest.param({"x": ARRAY}, {"x": X}, NPY, id="an array alone is the whole body"),
        pytest.param(
            {"x": ARRAY, "n": {}}, {"x": X, "n": 1}, {"files": [NPY], "fields": ["n"]}, id="beside others a part"
        ),
        pytest.param({"x": ARRAY}, {"x": [[1.0]]}, JSON, id="a list stays JSON"),
        pytest.param({"x": ARRAY}, {"x": np.array([None])}, JSON, id="an array of objects stays JSON"),
        pytest.param({"x": {"type": "array"}}, {"x": X}, JSON, id="an array where a list is asked is JSON"),
        pytest.param(
            {"x": {"anyOf": [ARRAY, {"type": "null"}]}}, {"x": X}, NPY, id="an array that may be missing is an array"
        ),
        pytest.param({"n": {}}, {"n": 1}, JSON, id="plain values are JSON"),
        pytest.param({"n": {}}, {}, JSON, id="no argument is an empty object"),
    ],
)
def test_forms(properties: dict[str, Any], value: Any, expected: object) -> None:
    """The form of a body follows from the kinds of its values."""
    assert shape(body(properties, value)) == expected


def test_an_endpoint_that_reads_json_only() -> None:
    """What an endpoint does not read is not sent to it."""
    assert shape(body({"x": ARRAY}, {"x": X}, reads=(JSON,))) == JSON
    assert shape(root(ARRAY, X, reads=(JSON,))) == JSON


def test_a_root_text() -> None:
    """Text goes as it is to an endpoint that reads text and no JSON."""
    for reads, media in ((("text/plain", "*/*"), "text/plain"), (("text/*",), "text/plain")):
        made = root({"type": "string"}, 'Ada "é"', reads=reads)
        assert made.whole is not None
        assert (made.whole.content, made.whole.media) == ('Ada "é"'.encode(), f"{media}; charset=utf-8")
    assert shape(root({"type": "string"}, "Ada", reads=(JSON, "text/plain"))) == JSON
    assert shape(root({}, {"a": 1}, reads=("text/plain", "*/*"))) == JSON


def test_a_root_array() -> None:
    """The one value of a root endpoint is the body, in `.npy`."""
    made = root(ARRAY, X, reads=(JSON, NPY))
    assert made.whole is not None
    assert made.whole.media == NPY
    np.testing.assert_array_equal(np.load(io.BytesIO(made.whole.content)), X)  # type: ignore[arg-type]


def test_frames_are_arrow() -> None:
    """A frame is an Arrow stream; one that Arrow cannot hold is JSON."""
    schema = {"x-kind": "dataframe"}
    reads = (JSON, FORM, ARROW, "text/csv")
    assert shape(body({"f": schema}, {"f": pd.DataFrame({"a": [1]})}, reads=reads)) == ARROW
    assert shape(body({"f": schema}, {"f": pd.DataFrame({"a": [1, "x"]})}, reads=reads)) == JSON
    assert shape(body({"f": schema}, {"f": [{"a": 1}]}, reads=reads)) == JSON


@pytest.mark.parametrize(
    ("name", "reads", "media"),
    [
        pytest.param("a.png", (FORM, "image/*", "application/octet-stream"), "image/png", id="by the name"),
        pytest.param("a", (FORM, "image/*", "application/octet-stream"), "application/octet-stream", id="openly"),
        pytest.param("a", (FORM, "image/jpeg"), "image/jpeg", id="as declared"),
        pytest.param("a.txt", (FORM, "image/jpeg"), "image/jpeg", id="as declared, whatever the name says"),
    ],
)
def test_types_of_files(tmp_path: Path, name: str, reads: tuple[str, ...], media: str) -> None:
    """A file's type is what its name says, as far as the endpoint reads it."""
    (tmp_path / name).write_bytes(b"x")
    assert shape(body({"image": IMAGE}, {"image": tmp_path / name}, reads=reads)) == media


def test_fields_of_a_form() -> None:
    """In a form text is sent as it is where text is meant, as JSON where anything may be; the rest is JSON."""
    properties = {"image": IMAGE, "text": {"type": "string"}, "open": {}, "flag": {"type": "boolean"}, "none": {}}
    made = body(properties, {"image": b"x", "text": "3", "open": "3", "flag": True, "none": None})
    assert made.fields == {"text": ["3"], "open": ['"3"'], "flag": ["true"], "none": ["null"]}


def test_forms_where_json_is_not_read() -> None:
    """An endpoint that reads forms only gets a form, also without a file."""
    made = body({"image": IMAGE, "n": {}}, {"n": 1}, reads=(FORM,))
    assert made.whole is None
    assert made.fields == {"n": ["1"]}


def test_a_list_of_files() -> None:
    """A list of files is a part each; an empty list is the text of one."""
    schema = {"type": "array", "items": IMAGE}
    made = body({"images": schema}, {"images": [b"a", b"b"]}, reads=(FORM,))
    assert [(name, blob.content) for name, blob in made.files] == [("images", b"a"), ("images", b"b")]
    assert body({"images": schema}, {"images": []}, reads=(FORM,)).fields == {"images": ["[]"]}


def test_a_reference_is_followed() -> None:
    """A kind behind a `$ref` is found."""
    given = {"$defs": {"A": ARRAY}, "properties": {"x": {"$ref": "#/$defs/A"}}}
    route = {"name": "f", "route": "/f", "reads": [JSON, NPY], "input": given, "output": {}}
    with ExitStack() as opened:
        assert shape(write(read_routes({"routes": [route]})["f"], {"x": X}, opened)) == NPY


def test_json_of_arrays_and_images() -> None:
    """Within JSON an array is nested lists."""
    made = body({"o": {"type": "object"}}, {"o": {"x": X, "n": np.float32(1.5)}})
    assert made.whole is not None
    assert json.loads(made.whole.content) == {"o": {"x": [[0.0, 0.0], [0.0, 0.0]], "n": 1.5}}  # type: ignore[arg-type]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """What cannot be read is said with the argument's name and the system's words."""
    with pytest.raises(InvalidInput, match="`image` must be a file that can be read"):
        body({"image": IMAGE}, {"image": tmp_path})
