"""An answer leaves as its type says: text, JSON, bytes, files, pictures, pieces of a stream."""

import io
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydantic import BaseModel, Field

from ekiben.schema.content import JSON, OCTETS, TEXT
from ekiben.schema.signature import EMPTY
from ekiben.validators import ContentType, DataframeSchema
from tests.schema.endpoints import codec_of

NPY = "application/x-npy"


class Found(BaseModel):
    label: str = Field(serialization_alias="Label")
    score: float = 1.0


PICTURE = Image.new("RGB", (2, 2), "red")


@pytest.mark.parametrize(
    ("returns", "value", "media", "body"),
    [
        pytest.param(str, "é", TEXT, "é".encode(), id="text"),
        pytest.param(EMPTY, "a", TEXT, b"a", id="text without a hint"),
        pytest.param(Any, "a", TEXT, b"a", id="text as Any"),
        pytest.param(str | None, "a", JSON, b'"a"', id="text or None is JSON"),
        pytest.param(str | None, None, JSON, b"null", id="None"),
        pytest.param(Annotated[str, ContentType(JSON)], '{"a":1}', JSON, b'{"a":1}', id="text that is JSON already"),
        pytest.param(Annotated[str, ContentType("text/html")], "<p>", "text/html; charset=utf-8", b"<p>", id="HTML"),
        pytest.param(EMPTY, {"a": np.float32(0.5)}, JSON, b'{"a":0.5}', id="an object without a hint"),
        pytest.param(EMPTY, np.array([1, 2]), JSON, b"[1,2]", id="an array without a hint"),
        pytest.param(EMPTY, b"\xff", OCTETS, b"\xff", id="bytes without a hint"),
        pytest.param(EMPTY, pd.DataFrame({"a": [1]}), JSON, b'[{"a":1}]', id="a frame without a hint"),
        pytest.param(None, None, JSON, b"null", id="nothing"),
        pytest.param(bytes, b"\xff", OCTETS, b"\xff", id="bytes"),
        pytest.param(Annotated[bytes, ContentType("image/gif")], b"GIF", "image/gif", b"GIF", id="bytes of a type"),
        pytest.param(Found, Found(label="a"), JSON, b'{"Label":"a","score":1.0}', id="a model, by its aliases"),
        pytest.param(Found, {"Label": "a"}, JSON, b'{"Label":"a"}', id="a dict in place of a model"),
        pytest.param(
            list[Found], [Found(label="a", score=float("nan"))], JSON, b'[{"Label":"a","score":null}]', id="NaN"
        ),
        pytest.param(
            Annotated[dict, ContentType("application/geo+json")],
            {"a": 1},
            "application/geo+json",
            b'{"a":1}',
            id="+json",
        ),
        pytest.param(np.ndarray, [1.5], JSON, b"[1.5]", id="a list in place of an array"),
        pytest.param(np.ndarray, np.float32(1.5), JSON, b"1.5", id="a number in place of an array"),
        pytest.param(
            Annotated[pd.DataFrame, DataframeSchema("columns")],
            pd.DataFrame({"a": [1]}),
            JSON,
            b'{"a":{"0":1}}',
            id="columns",
        ),
        pytest.param(
            Annotated[pd.DataFrame, ContentType("text/csv")],
            pd.DataFrame({"a": [1]}),
            "text/csv; charset=utf-8",
            b"a\r\n1\r\n",
            id="CSV",
        ),
        pytest.param(list[bytes], [b"\xff"], JSON, b'["/w=="]', id="bytes within an answer"),
    ],
)
def test_answers(returns: Any, value: Any, media: str, body: bytes) -> None:
    """Each type has its body and its content type."""
    encoded = codec_of(int, returns).encode(value)
    assert (encoded.media_type, encoded.body) == (media, body)


def test_pictures() -> None:
    """A picture is one with a hint and without."""
    for returns in (Image.Image, EMPTY, Image.Image | None):
        encoded = codec_of(int, returns).encode(PICTURE)
        assert isinstance(encoded.body, bytes)
        assert (encoded.media_type, Image.open(io.BytesIO(encoded.body)).size) == ("image/png", (2, 2))


def test_files(tmp_path: Path) -> None:
    """A path is sent as the file that it is, with a hint and without; within an answer it is its content."""
    (tmp_path / "a.csv").write_bytes(b"a")
    for returns in (Path, EMPTY):
        encoded = codec_of(int, returns).encode(tmp_path / "a.csv")
        assert (encoded.media_type, encoded.body) == ("text/csv", tmp_path / "a.csv")
    assert codec_of(int, list[Path]).encode([tmp_path / "a.csv"]).body == b'["YQ=="]'


def test_nan_style() -> None:
    """NaN is null, or a literal where a dialect asks for it, in arrays too."""
    for returns in (dict, np.ndarray, EMPTY):
        value = np.array([np.nan, 1]) if returns is np.ndarray else {"a": np.array([np.nan, 1])}
        found = [codec_of(int, returns, nan=style).encode(value).body for style in ("null", "literal")]
        assert [body.count(b"null") for body in found] == [1, 0]  # type: ignore[union-attr]
        assert [body.count(b"NaN") for body in found] == [0, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("accepted", "media"),
    [("", JSON), ("*/*", JSON), (NPY, NPY), (f"{NPY}, */*;q=0.1", NPY), ("image/png", JSON), (OCTETS, OCTETS)],
)
def test_forms_by_accept(accepted: str, media: str) -> None:
    """A caller may ask for an array in binary."""
    codec = codec_of(int, np.ndarray)
    assert codec.encoder_for(accepted)(np.array([1.5])).media_type == media


def test_json_by_accept() -> None:
    """A caller may ask for JSON where binary is the default."""
    codec = codec_of(int, Annotated[np.ndarray, ContentType(NPY)])
    assert codec.output_media == NPY
    assert codec.encoder_for(JSON)(np.array([1.5])).body == b"[1.5]"
    assert codec.encode(np.array([1.5])).media_type == NPY


@pytest.mark.parametrize(
    ("returns", "media", "schema", "piece", "body"),
    [
        (Generator[str, None, None], "text/plain; charset=utf-8", {"type": "string"}, "é", "é".encode()),
        (AsyncGenerator[bytes, None], "application/octet-stream", None, b"\xff", b"\xff"),
        (Iterator[dict[str, int]], "application/x-ndjson", None, {"a": np.int64(1)}, b'{"a":1}\n'),
        (Annotated[Iterator[str], ContentType("text/csv")], "text/csv; charset=utf-8", {"type": "string"}, "1", b"1"),
        (Iterator[Annotated[str, ContentType("text/event-stream")]], "text/event-stream", None, "a", b"data: a\n\n"),
    ],
)
def test_streams(returns: Any, media: str, schema: Any, piece: Any, body: bytes) -> None:
    """A stream has the type of its pieces, and one piece of it is encoded in the usual form."""
    codec = codec_of(int, returns)
    assert codec.output_media == media
    assert schema is None or codec.output_schema == schema
    assert codec.encode(piece).body == body


def test_a_method_that_answers_something_else() -> None:
    """A value that is not what the hint says, and cannot be taken for it, is the method's mistake."""
    for returns, value in (
        (Image.Image, "a"),
        (Path, "/etc/passwd"),
        (bytes, "a"),
        (pd.DataFrame, [1]),
        (dict, {1: object()}),
    ):
        with pytest.raises(TypeError):
            codec_of(int, returns).encode(value)


def test_no_library_is_loaded_for_nothing() -> None:
    """The wing loads neither NumPy nor pandas, Pillow, PyArrow nor a tensor library by itself."""
    heavy = ["numpy", "pandas", "PIL", "pyarrow", "torch", "tensorflow"]
    code = (
        "import sys; from ekiben.schema.signature import read; from ekiben.schema.codec import plan\n"
        "def f(self, a: int, b: dict[str, list[str]] = {}) -> dict: ...\n"
        "codec = plan(read(f)); codec.encode(codec.from_json(b'{\"a\": 1}'))\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
