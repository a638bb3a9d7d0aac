"""A bad value is answered with every wrong place, what must be there, and what was."""

import datetime as dt
import json
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, Field, field_validator

from ekiben.core.errors import InvalidInput
from ekiben.schema.problems import MOST
from ekiben.validators import DataframeSchema, DType, Shape
from tests.schema.endpoints import codec_of
from tests.schema.samples import Color, Measured, Outer, Point, WithArray


class Even(BaseModel):
    """A model with a rule of its own."""

    n: int

    @field_validator("n")
    @classmethod
    def is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        return value


NO_IMAGE = "must be an uploaded image, or base64 text of one (addresses are not fetched)"
MALFORMED = [
    (int, b"", ["x: is required"]),
    (int, b"{}", ["x: is required"]),
    (int, b'{"y":1}', ["x: is required", "y: there is no parameter of this name"]),
    (int, b"[1]", ["must be an object, not a list"]),
    (int, b'"a"', ["must be an object, not 'a'"]),
    (int, b'{"x":1', ["is not JSON: EOF while parsing an object at line 1 column 6"]),
    (int, b"\xff\xfe", ["is not JSON: expected value at line 1 column 1"]),
    (int, b"not json", ["is not JSON: expected ident at line 1 column 2"]),
    (int, b"[" * 1000, ["is not JSON: recursion limit exceeded at line 1 column 202"]),
    (int, b'{"x":"a"}', ["x: must be a valid integer, not 'a'"]),
    (int, b'{"x":1.5}', ["x: must be a valid integer, not 1.5"]),
    (int, b'{"x":null}', ["x: must be a valid integer, not null"]),
    (int, b'{"x":[1]}', ["x: must be a valid integer, not a list"]),
    (int, b'{"x":"' + b"a" * 9999 + b'"}', ["x: must be a valid integer, not '" + "a" * 58 + "…"]),
    (bool, b'{"x":"maybe"}', ["x: must be a valid boolean, not 'maybe'"]),
    (Color, b'{"x":"green"}', ["x: must be 'red' or 'blue', not 'green'"]),
    (Literal["a", "b"], b'{"x":true}', ["x: must be 'a' or 'b', not true"]),
    (dt.datetime, b'{"x":"yesterday"}', ["x: must be a valid datetime or date, not 'yesterday'"]),
    (Annotated[int, Field(ge=3)], b'{"x":2}', ["x: must be greater than or equal to 3, not 2"]),
    (Annotated[str, Field(min_length=3)], b'{"x":"b"}', ["x: must have at least 3 characters, not 'b'"]),
    (tuple[int, int], b'{"x":[1]}', ["x[1]: is required"]),
    (tuple[int, int], b'{"x":[1,2,3]}', ["x: must have at most 2 items, not 3"]),
    (
        list[int],
        b'{"x":["a",1,{}]}',
        ["x[0]: must be a valid integer, not 'a'", "x[2]: must be a valid integer, not an object"],
    ),
    (dict[int, int], b'{"x":{"a":1}}', ["x.a[key]: must be a valid integer, not 'a'"]),
    (
        int | list[int],
        b'{"x":["a"]}',
        ["x: must be a valid integer, not a list", "x[0]: must be a valid integer, not 'a'"],
    ),
    (
        Outer,
        b'{"x":{"name":"a","inner":[{"n":1},{"n":"q"},{}]}}',
        [
            "x.name: must have at least 2 characters, not 'a'",
            "x.inner[1].n: must be a valid integer, not 'q'",
            "x.inner[2].n: is required",
        ],
    ),
    (Outer | Point, b'{"x":{"name":"a"}}', ["x.name: must have at least 2 characters, not 'a'", "x.x: is required"]),
    (Even, b'{"x":{"n":3}}', ["x.n: must be even"]),
    (
        Measured,
        b'{"x":{"values":[1,2.5],"unit":3}}',
        ["x.values[1]: must be a whole number (int64), not 2.5", "x.unit: must be a valid string, not 3"],
    ),
    (Measured, b'{"x":3}', ["x: must be an object, not 3"]),
    (WithArray, b'{"x":{"x":[[1,2],[3]]}}', ["x.x[1]: must have as many items as its neighbours (2), not 1"]),
    (np.ndarray, b'{"x":[[1,2],[3]]}', ["x[1]: must have as many items as its neighbours (2), not 1"]),
    (np.ndarray, b'{"x":[[[1]],[[1,2]]]}', ["x[1]: must be of the same shape as its neighbours ((1, 1)), not (1, 2)"]),
    (np.ndarray, b'{"x":[[1],2]}', ["x[1]: must have as many items as its neighbours (1), not a single number"]),
    (np.ndarray, b'{"x":[[0,1],[2,null]]}', ["x[1][1]: must be a number, not null"]),
    (np.ndarray, b'{"x":[1,"1"]}', ["x[1]: must be a number, not '1'"]),
    (np.ndarray, b'{"x":[1,{}]}', ["x[1]: must be a number, not an object"]),
    (np.ndarray, b'{"x":{}}', ["x: must be an array as nested lists of numbers, not an object"]),
    (
        np.ndarray,
        b'{"x":[1,99999999999999999999]}',
        ["x[1]: must be a number of at most 64 bits, not 99999999999999999999"],
    ),
    (np.ndarray, b'{"x":' + b"[" * 99 + b"]" * 99 + b"}", ["x: must be an array of at most 64 dimensions"]),
    (NDArray[np.uint8], b'{"x":[[1,256]]}', ["x[0][1]: must be a number from 0 to 255 (uint8), not 256"]),
    (NDArray[np.uint8], b'{"x":[-1]}', ["x[0]: must be a number from 0 to 255 (uint8), not -1"]),
    (NDArray[np.int64], b'{"x":[1,NaN]}', ["x[1]: must be a whole number (int64), not nan"]),
    (NDArray[np.bool_], b'{"x":[1,2]}', ["x[1]: must be true or false, not 2"]),
    (NDArray[np.float32], b'{"x":[1e300]}', ["x: must hold numbers that fit into float32"]),
    (Annotated[np.ndarray, DType("U2")], b'{"x":["abc"]}', ["x: must hold texts of at most 2 characters"]),
    (Annotated[np.ndarray, DType("U2")], b'{"x":["a",1]}', ["x[1]: must be text, not 1"]),
    (Annotated[np.ndarray, Shape((2, -1))], b'{"x":[[1],[2],[3]]}', ["x: must be of shape (2, any), not (3, 1)"]),
    (pd.DataFrame, b'{"x":[{"a":1},3]}', ["x[1]: must be an object with a value for each column, not 3"]),
    (pd.DataFrame, b'{"x":{"a":3}}', ["x.a: must be a list of the column's values, not 3"]),
    (
        pd.DataFrame,
        b'{"x":{"a":[1],"b":[1,2]}}',
        ["x.b: must have as many values as the other columns, under the same labels"],
    ),
    (
        Annotated[pd.DataFrame, DataframeSchema(columns=["a", "b"])],
        b'{"x":[{"a":1}]}',
        ["x: must have the columns a, b; missing: b"],
    ),
    (
        Annotated[pd.DataFrame, DataframeSchema("columns")],
        b'{"x":[]}',
        ["x: must be a table as an object with a list for each column, not a list"],
    ),
    (list[Image.Image], b'{"x":["file:///etc/passwd"]}', [f"x[0]: {NO_IMAGE}: 'file:///etc/passwd'"]),
    (bytes, b'{"x":"!"}', ["x: must be an upload, or base64 text: '!'"]),
]


@pytest.mark.parametrize(("hint", "body", "expected"), MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_json(hint: Any, body: bytes, expected: list[str]) -> None:
    """Each wrong place is told by its path, in words for whoever sent it."""
    with pytest.raises(InvalidInput) as caught:
        codec_of(hint, Any).from_json(body)
    assert [str(problem) for problem in caught.value.problems] == expected
    assert caught.value.status == 400


def test_root_has_no_parameters() -> None:
    """At the root, places begin within the value, and what is unknown there is a field."""
    codec = codec_of(list[Point], Any, root=True)
    for body, expected in (
        (b"", "is required: the body is empty"),
        (b"{}", "must be a valid array, not an object"),
        (b'[{"y":1}]', "[0].x: is required"),
    ):
        with pytest.raises(InvalidInput) as caught:
            codec.from_json(body)
        assert str(caught.value) == expected


def test_a_name_of_a_union_member_is_no_place() -> None:
    """Where a field bears the name that pydantic gives a union's member, the path is still the caller's."""
    with pytest.raises(InvalidInput) as caught:
        codec_of(dict[str, int | list[int]], Any).from_json(b'{"x":{"int":"a"}}')
    assert {problem.path for problem in caught.value.problems} == {"x.int"}


def test_many_problems_are_counted() -> None:
    """A short body tells its first wrong places, and how many more there are."""
    with pytest.raises(InvalidInput) as caught:
        codec_of(list[int], Any).from_json(b'{"x":[' + b'"a",' * 149 + b'"a"]}')
    assert len(caught.value.problems) == MOST + 1
    assert caught.value.problems[-1].message == "and 50 more"


def test_a_long_body_does_not_fill_the_memory_with_problems() -> None:
    """A long body full of wrong items is refused at the first of each list."""
    body = b'{"x":[' + b'["a"],' * 200_000 + b'["a"]]}'
    with pytest.raises(InvalidInput) as caught:
        codec_of(list[list[int]], Any).from_json(body)
    assert [problem.path for problem in caught.value.problems] == ["x[0][0]"]


@pytest.mark.parametrize("hint", [int, list[int], Outer, np.ndarray, pd.DataFrame, Image.Image, bytes, Measured])
def test_wrong_fields_are_named(hint: Any) -> None:
    """A form's wrong field is named as one of JSON is."""
    with pytest.raises(InvalidInput) as caught:
        codec_of(hint, Any).from_fields([("x", '{"nope": ["}'), ("z", "1")])
    paths = {problem.path.partition(".")[0].partition("[")[0] for problem in caught.value.problems}
    assert "x" in paths or hint is bytes


@pytest.mark.parametrize(
    ("shape", "value", "is_hinted"),
    [
        pytest.param((-1, 4), [1, 2, 3, 4], True, id="a row in place of rows"),
        pytest.param((1, 2), [1, 2], True, id="a row where it should be the only one"),
        pytest.param((-1, 1, 2), [[1, 2]], True, id="one item of two dimensions"),
        pytest.param((-1,), 5, True, id="a number in place of a list"),
        pytest.param((-1, 4), [1, 2, 3], False, id="a row of another length"),
        pytest.param((2, 2), [1, 2], False, id="a row where there should be two"),
        pytest.param((-1, 4), [[1, 2, 3]], False, id="rows of another length"),
        pytest.param((-1, 4), [[[1, 2, 3, 4]]], False, id="a list too many"),
    ],
)
@pytest.mark.parametrize("count", [1, 600], ids=["brief", "long"])
def test_one_row_in_place_of_a_list(shape: tuple[int, ...], value: Any, is_hinted: bool, count: int) -> None:
    """Who sends one row alone is told to send a list of rows; other shapes have no such advice."""
    codec = codec_of(Annotated[np.ndarray, Shape(shape)], Any)
    with pytest.raises(InvalidInput, match="x: must be of shape") as caught:
        codec.from_json(json.dumps({"x": value}).encode() + b" " * count)
    assert (caught.value.hint == "send a list of rows, also where there is one only: [[…]]") is is_hinted
    assert caught.value.hint is None or is_hinted
