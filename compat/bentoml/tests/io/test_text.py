"""`Text` takes every body as text, and gives text, whole or in pieces."""

import pytest
from bentoml.exceptions import InvalidArgument
from bentoml.io import Text, from_spec

from compat.bentoml.tests.io.codecs import codec_of
from ekiben.core.errors import InvalidInput
from ekiben.schema.content import Upload


@pytest.mark.parametrize(
    ("content", "media", "text"),
    [
        pytest.param(b"hello", "text/plain", "hello", id="plain text"),
        pytest.param(b'{"a": 1}', "application/json", '{"a": 1}', id="JSON stays text"),
        pytest.param(b"a=b", "application/x-www-form-urlencoded", "a=b", id="so does a form"),
        pytest.param("señal".encode(), "", "señal", id="no type at all"),
        pytest.param("señal".encode("latin-1"), "text/plain; charset=iso-8859-1", "señal", id="another charset"),
        pytest.param("漢字".encode("shift_jis"), 'text/plain; charset="Shift_JIS"', "漢字", id="one of Japan"),
        pytest.param(b"", "text/plain", "", id="nothing"),
    ],
)
def test_what_is_read(content: bytes, media: str, text: str) -> None:
    codec = codec_of(Text())
    assert codec.input_media == codec.raw_media == ("text/plain", "*/*")
    assert codec.from_raw(Upload(content, media)) == ((text,), {})


@pytest.mark.parametrize("media", ["text/plain", "text/plain; charset=rot13", "text/plain; charset=ascii"])
def test_bytes_that_are_no_text(media: str) -> None:
    with pytest.raises(InvalidInput, match="must be text in"):
        codec_of(Text()).from_raw(Upload(b"\xff\xfe\xfa", media))


def test_what_is_written() -> None:
    """An answer is text of the type that was declared, in UTF-8."""
    assert codec_of(Text()).encode("día") == ("día".encode(), "text/plain; charset=utf-8", {})
    assert codec_of(Text(content_type="text/html")).encode("<p>").media_type == "text/html; charset=utf-8"


@pytest.mark.parametrize("media", ["text/plain", "text/event-stream"])
def test_a_stream(media: str) -> None:
    """A generator's pieces leave as they are, under the declared type, whatever the caller accepts."""
    codec = codec_of(Text(content_type=media), is_stream=True)
    assert codec.pieces is not None
    form = codec.pieces.choose("application/x-ndjson", "a")
    assert (form.media, form.write("data: é\n\n")) == (f"{media}; charset=utf-8", "data: é\n\n".encode())


def test_wrong_options() -> None:
    with pytest.raises(InvalidArgument, match="`content_type` must be a media type"):
        Text(content_type="plain")


def test_from_a_sample() -> None:
    """A sample is text or bytes of it, and stands in the documents."""
    for sample in ("abc", b"abc"):
        descriptor = Text.from_sample(sample)
        assert (descriptor.sample, descriptor.openapi_example()) == ("abc", "abc")
        assert descriptor.openapi_schema() == {"type": "string", "examples": ["abc"]}
        assert codec_of(descriptor).output_schema["examples"] == ["abc"]
    with pytest.raises(InvalidArgument, match="must be text or bytes of it: int"):
        Text.from_sample(1)


def test_documents() -> None:
    """The documents name the declared type; the id is BentoML's."""
    descriptor = Text(content_type="text/html")
    assert descriptor.openapi_request_body()["content"]["text/html"] == {"schema": {"type": "string"}}
    assert list(descriptor.openapi_responses()["content"]) == ["text/html"]
    assert (descriptor.mime_type, descriptor.input_type()) == ("text/html", str)
    again = from_spec(descriptor.to_spec())
    assert (repr(descriptor), again.to_spec()) == (
        "Text(content_type='text/html')",
        {"id": "bentoml.io.Text", "args": {"content_type": "text/html"}},
    )
