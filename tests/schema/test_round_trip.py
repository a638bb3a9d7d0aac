"""Every type travels there and back: as JSON, in a form, at the root and as a parameter."""

import datetime as dt
import decimal
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Optional, Union

import numpy as np
import orjson
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from ekiben.schema.content import JSON
from ekiben.validators import DataframeSchema, DType, Shape
from tests.schema.endpoints import codec_of
from tests.schema.samples import (
    Color,
    Inner,
    Level,
    Measured,
    Outer,
    Pair,
    Pixels,
    Point,
    Renamed,
    Row,
    UserId,
    WithArray,
    same,
)

RED = Image.new("RGB", (4, 3), (200, 10, 10))
FRAME = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": ["x", "y"]})

TABLE = [
    pytest.param(str, "héllo", id="str"),
    pytest.param(int, 5, id="int"),
    pytest.param(int, 2**80, id="an int over 64 bits"),
    pytest.param(float, 0.1, id="float"),
    pytest.param(bool, True, id="bool"),
    pytest.param(None, None, id="None"),
    pytest.param(int | None, None, id="int | None, null"),
    pytest.param(Optional[int], 3, id="Optional"),  # noqa: UP045 - the old spelling is what is tested
    pytest.param(Union[int, str], "three", id="Union"),  # noqa: UP007 - the old spelling is what is tested
    pytest.param(int | list[int], [1, 2], id="a union with a list"),
    pytest.param(Literal["a", "b"], "b", id="Literal"),
    pytest.param(Literal[1, 2], 2, id="Literal of numbers"),
    pytest.param(Color, Color.BLUE, id="Enum"),
    pytest.param(Level, Level.HIGH, id="IntEnum"),
    pytest.param(dt.datetime, dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), id="datetime"),
    pytest.param(dt.date, dt.date(2026, 1, 2), id="date"),
    pytest.param(dt.time, dt.time(3, 4, 5), id="time"),
    pytest.param(dt.timedelta, dt.timedelta(hours=3), id="timedelta"),
    pytest.param(decimal.Decimal, decimal.Decimal("1.10"), id="Decimal"),
    pytest.param(uuid.UUID, uuid.UUID(int=7), id="UUID"),
    pytest.param(list[int], [1, 2, 3], id="list"),
    pytest.param(list[int], [], id="an empty list"),
    pytest.param(list[list[float]], [[1.0], [2.0, 3.0]], id="list of lists"),
    pytest.param(tuple[int, str], (1, "a"), id="tuple"),
    pytest.param(set[int], {1, 2}, id="set"),
    pytest.param(dict[str, int], {"a": 1}, id="dict"),
    pytest.param(dict[int, str], {1: "a"}, id="dict with numbers as keys"),
    pytest.param(Mapping[str, list[int]], {"a": [1]}, id="Mapping"),
    pytest.param(Sequence[int], [1], id="Sequence"),
    pytest.param(Any, {"a": [1, None, "x"]}, id="Any"),
    pytest.param(dict, {"a": [1]}, id="bare dict"),
    pytest.param(list, [1, "a"], id="bare list"),
    pytest.param(UserId, 4, id="NewType"),
    pytest.param(Annotated[int, Field(ge=3)], 4, id="a constraint"),
    pytest.param(Outer, Outer(name="ab", inner=[Inner(n=1, when=dt.date(2026, 1, 2))]), id="pydantic model"),
    pytest.param(list[Outer], [Outer(name="ab")], id="list of models"),
    pytest.param(Renamed, Renamed.model_validate({"Given Name": 3}), id="model with an alias"),
    pytest.param(Point, Point(1.5, tags=["a"]), id="dataclass"),
    pytest.param(list[Point], [Point(1.0)], id="list of dataclasses"),
    pytest.param(Row, {"a": 1}, id="TypedDict of typing"),
    pytest.param(np.ndarray, np.array([[5.1, 3.5], [1.4, 0.2]]), id="array"),
    pytest.param(np.ndarray, np.array([1, 2]), id="array of whole numbers"),
    pytest.param(np.ndarray, np.array([True, False]), id="array of booleans"),
    pytest.param(np.ndarray, np.zeros((0,)), id="empty array"),
    pytest.param(NDArray[np.float32], np.array([[0.1, 1e30]], "f4"), id="NDArray of float32"),
    pytest.param(NDArray[np.float16], np.array([0.1], "f2"), id="NDArray of float16"),
    pytest.param(NDArray[np.uint8], np.array([[255, 0]], "u1"), id="NDArray of uint8"),
    pytest.param(NDArray[np.bool_], np.array([[True]]), id="NDArray of bool"),
    pytest.param(NDArray[np.str_], np.array(["a", "bc"]), id="NDArray of text"),
    pytest.param(
        Annotated[np.ndarray, Shape((-1, 2)), DType("float32")], np.ones((3, 2), "f4"), id="array with shape and dtype"
    ),
    pytest.param(np.ndarray | None, None, id="array or None"),
    pytest.param(list[np.ndarray], [np.array([1]), np.array([1.5, 2.5])], id="list of arrays"),
    pytest.param(dict[str, np.ndarray], {"a": np.array([1])}, id="dict of arrays"),
    pytest.param(Measured, Measured(np.array([1, 2]), "km"), id="frozen dataclass with an array"),
    pytest.param(list[Measured], [Measured(np.array([1]))], id="list of dataclasses with arrays"),
    pytest.param(WithArray, WithArray(x=np.ones((1, 2), "f4")), id="model with an array"),
    pytest.param(Pair, Pair("a", np.array([1, 2])), id="NamedTuple with an array"),
    pytest.param(Pixels, {"image": RED, "scale": 2.0}, id="TypedDict with an image"),
    pytest.param(pd.DataFrame, FRAME, id="frame"),
    pytest.param(Annotated[pd.DataFrame, DataframeSchema("columns")], FRAME, id="frame by columns"),
    pytest.param(Annotated[pd.DataFrame, DataframeSchema(columns=["a", "b", "c"])], FRAME, id="frame of known columns"),
    pytest.param(pd.Series, pd.Series([1, 2]), id="series"),
    pytest.param(list[pd.DataFrame], [FRAME], id="list of frames"),
    pytest.param(Image.Image | None, None, id="image or None"),
    pytest.param(list[Image.Image], [RED, RED], id="list of images"),
    pytest.param(dict[str, Image.Image], {"a": RED}, id="dict of images"),
    pytest.param(list[bytes], [b"\x00\xff"], id="list of bytes"),
    pytest.param(bytes | None, None, id="bytes or None"),
]


@pytest.mark.parametrize(("hint", "value"), TABLE)
def test_round_trip_by_json(hint: Any, value: Any) -> None:
    """What an endpoint answers as JSON, another endpoint of that type reads as the same value."""
    codec = codec_of(hint)
    encoded = codec.encode(value)
    assert isinstance(encoded.body, bytes)
    body = orjson.dumps(encoded.body.decode()) if hint is str else encoded.body
    assert encoded.media_type.startswith("text/plain" if hint is str else JSON)
    args, kwargs = codec.from_json(b'{"x":' + body + b"}")
    assert args == ()
    assert list(kwargs) == ["x"]
    assert same(value, kwargs["x"])
    args, kwargs = codec_of(hint, root=True).from_json(body)
    assert kwargs == {}
    assert same(value, args[0])


AS_FILES = ("list of images", "list of bytes")  # in a form, they are files: test_uploads


@pytest.mark.parametrize(("hint", "value"), [row for row in TABLE if row.id not in AS_FILES])
def test_round_trip_by_form(hint: Any, value: Any) -> None:
    """What an endpoint answers as JSON can be a text field of a form, but for lists of files."""
    codec = codec_of(hint)
    body = codec.encode(value).body
    assert isinstance(body, bytes)
    text = body.decode()
    if hint not in (str, Any) and text[:1] == '"':
        text = orjson.loads(text)  # in a form, a text is not in quotes
    for reader in (codec, codec_of(hint, root=True)):
        is_whole = reader.is_root and text[:1] == "{" and not isinstance(value, pd.DataFrame) and hint is not Any
        fields = [(key, as_field(item)) for key, item in orjson.loads(text).items()] if is_whole else [("x", text)]
        args, kwargs = reader.from_fields(fields)
        found = args[0] if reader.is_root else kwargs["x"]
        assert same(value, found), (value, found)


def as_field(value: Any) -> str:
    """Write one member of an object as the text of a field."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
