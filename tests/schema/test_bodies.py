"""What a body may be follows from the types, and from what `ContentType` adds for a whole body."""

from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import pytest
from pydantic import BaseModel

from ekiben.core.errors import InvalidInput
from ekiben.schema.annotations import ContentType
from ekiben.schema.codec import plan
from ekiben.schema.content import FORM, JSON, OCTETS, URLENCODED, Upload
from ekiben.schema.hints import LeafNote
from ekiben.schema.values.record import RecordLeaf
from ekiben.schema.wire.raw import NPY
from tests.schema.endpoints import codec_of, signature_of


class Row(BaseModel):
    a: int


ANY_TEXT = Annotated[str, ContentType("*/*")]
ANY_ROW = Annotated[Row, ContentType("*/*")]


@pytest.mark.parametrize(
    ("hint", "reads", "raw", "more"),
    [
        pytest.param(str, (JSON, FORM, URLENCODED, "text/*"), ("text/*",), (), id="text is also JSON and a form"),
        pytest.param(ANY_TEXT, ("*/*",), ("*/*",), (), id="text of any type is the body as it came"),
        pytest.param(Row, (JSON, FORM, URLENCODED), (), (), id="a model is JSON or a form"),
        pytest.param(ANY_ROW, (JSON, FORM), (), ("*/*",), id="a model of any type: what curl calls a form is JSON"),
        pytest.param(np.ndarray, (JSON, FORM, URLENCODED, NPY, OCTETS), (NPY, OCTETS), (), id="an array"),
        pytest.param(bytes, ("*/*", JSON, FORM), ("*/*",), (), id="bytes are also base64 within JSON"),
    ],
)
def test_what_a_root_reads(hint: Any, reads: tuple[str, ...], raw: tuple[str, ...], more: tuple[str, ...]) -> None:
    codec = codec_of(hint, str, root=True)
    assert (codec.input_media, codec.raw_media, codec.json_media) == (reads, raw, more)


def test_only_a_whole_body_comes_under_other_types() -> None:
    """A parameter beside others is found by its name, so its JSON comes as JSON."""
    codec = codec_of(ANY_ROW, str)
    assert (codec.input_media, codec.json_media) == ((JSON, FORM, URLENCODED), ())


def test_text_in_its_charset() -> None:
    """A body of text is read in the charset that its sender names; JSON is text like any other."""
    codec = codec_of(ANY_TEXT, str, root=True)
    assert codec.from_raw(Upload("señal".encode("latin-1"), "text/plain; charset=ISO-8859-1")) == (("señal",), {})
    assert codec.from_raw(Upload(b'{"a": 1}', JSON)) == (('{"a": 1}',), {})
    with pytest.raises(InvalidInput, match="must be text in UTF-8"):
        codec.from_raw(Upload(b"\xff", "text/plain"))


def test_a_leaf_of_ones_own() -> None:
    """A hint may carry a leaf of its author's, which says by which types its JSON comes."""

    class Doubled(RecordLeaf):
        json_media = ("text/x-doubled",)

        def decode(self, raw: Any) -> Any:
            if not isinstance(raw, int):
                raise ValueError("must be a whole number")
            return raw * 2

    codec = codec_of(Annotated[Any, LeafNote(Doubled())], int, root=True)
    assert codec.json_media == ("text/x-doubled",)
    assert codec.from_json(b"4") == ((8,), {})
    assert "x-kind" not in codec.input_schema
    with pytest.raises(InvalidInput, match="must be a whole number"):
        codec.from_json(b'"4"')


def test_what_is_sent_beside_the_parameters() -> None:
    """It is refused by its name; a signature may pass it over, as another dialect does."""
    signature = signature_of(int)
    with pytest.raises(InvalidInput, match="y: there is no parameter of this name"):
        plan(signature).from_json(b'{"x": 1, "y": 2}')
    lenient = plan(replace(signature, passes_over=True))
    assert lenient.from_json(b'{"x": 1, "y": 2}') == ((), {"x": 1})
    assert lenient.from_fields([("x", "1"), ("y", "2")]) == ((), {"x": 1})
    with pytest.raises(InvalidInput, match="x: is required"):
        lenient.from_json(b'{"y": 2}')
