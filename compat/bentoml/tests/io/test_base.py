"""A descriptor can be a user's own, and reads a request or makes a response itself."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import pytest
from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.io import JSON, IODescriptor, NumpyNdarray, Text, from_spec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from compat.bentoml.tests.io.codecs import codec_of
from ekiben.core.context import Context
from ekiben.schema.content import Upload
from tests.house.tree import ROOT

SOURCES = ROOT / "compat" / "bentoml" / "src"


class Shout(IODescriptor[str], descriptor_id="tests.Shout", proto_fields=("text",)):
    """Text in capital letters, read and written by hand."""

    def __init__(self, mark: str = "!") -> None:
        self.mark = mark

    async def from_http_request(self, request: Request) -> str:
        return (await request.body()).decode().upper()

    async def to_http_response(self, obj: str, ctx: Any = None) -> Response:
        return PlainTextResponse(obj + self.mark)

    def openapi_schema(self) -> dict[str, Any]:
        return {"type": "string", "description": "loud"}

    def _spec_args(self) -> dict[str, Any]:
        return {"mark": self.mark}


class Rows(NumpyNdarray):
    """Arrays whose request is read by hand, with what the parent does."""

    async def from_http_request(self, request: Request) -> Any:
        return (await super().from_http_request(request)) + 1


class Told(JSON):
    """JSON whose documents alone are its own."""

    def openapi_schema(self) -> dict[str, Any]:
        return {"type": "object", "title": "Told"}


async def asked(descriptor: IODescriptor[Any], content: bytes, media: str) -> httpx.Response:
    """Let a descriptor read a request and answer with what it read."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        context = Context()
        context.response.headers["x-mark"] = "yes"
        value = await descriptor.from_http_request(Request(scope, receive))
        await (await descriptor.to_http_response(value, context))(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return await client.post("/", content=content, headers={"content-type": media})


@pytest.mark.parametrize(
    ("descriptor", "reads", "writes"),
    [
        pytest.param(Shout(), True, True, id="both"),
        pytest.param(Rows(), True, False, id="requests alone"),
        pytest.param(Told(), False, False, id="documents are nobody's business"),
        pytest.param(NumpyNdarray(), False, False, id="one of ours"),
    ],
)
def test_whose_code_it_is(descriptor: IODescriptor[Any], reads: bool, writes: bool) -> None:
    """Overriding a method makes a descriptor a custom one."""
    assert (descriptor.reads_requests, descriptor.writes_responses) == (reads, writes)
    assert descriptor.is_custom == (reads or writes)


def test_a_custom_one_takes_every_body() -> None:
    """What reads requests itself is handed a body of any type, and tells its own schema."""
    codec = codec_of(Shout())
    assert codec.input_media == codec.raw_media == ("*/*",)
    upload = Upload(b"[1]", "application/json")
    assert codec.from_raw(upload) == ((upload,), {})
    assert codec.input_schema["description"] == "loud"
    assert codec_of(Rows()).input_schema["format"] == "binary"
    assert codec_of(Shout()).output_schema == {"type": "string", "description": "loud"}


async def test_by_hand() -> None:
    """A user's methods read and write what they like."""
    answer = await asked(Shout(mark="?"), b"abc", "image/png")
    assert answer.text == "ABC?"


@pytest.mark.parametrize(
    ("descriptor", "content", "media", "body"),
    [
        pytest.param(Rows(), b"[[1, 2]]", "application/json", b"[[2,3]]", id="the parent's work and one's own"),
        pytest.param(JSON(), b'{"a": 1}', "text/plain", b'{"a":1}', id="JSON"),
        pytest.param(Text(), b"abc", "application/json", b"abc", id="Text"),
    ],
)
async def test_ours_can_be_asked(descriptor: IODescriptor[Any], content: bytes, media: str, body: bytes) -> None:
    """Each of ours reads a Starlette request and makes a response, with what the context adds."""
    answer = await asked(descriptor, content, media)
    assert (answer.content, answer.headers["x-mark"], answer.status_code) == (body, "yes", 200)


async def test_a_stream_of_ours() -> None:
    """A generator becomes a response in pieces."""

    async def pieces() -> AsyncIterator[str]:
        yield "a"
        yield "b"

    response = await Text().to_http_response(pieces())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(response), base_url="http://test") as client:
        assert (await client.get("/")).text == "ab"


def test_documents_of_ones_own() -> None:
    """A schema that a subclass writes stands in the service's documents."""
    assert codec_of(Told()).input_schema == {"type": "object", "title": "Told"}


def test_by_its_id() -> None:
    """`from_spec` finds a user's descriptor by its id, and says which ids there are."""
    again = from_spec(Shout(mark="?").to_spec())
    assert isinstance(again, Shout)
    assert again.mark == "?"
    with pytest.raises(InvalidArgument, match=r"`id` must be one of .*tests\.Shout.*: 'None'"):
        from_spec({"id": "None"})


def test_samples_are_one_thing() -> None:
    """`from_sample` takes one sample, by place or by either of its names."""
    array = np.array([1])
    for made in (NumpyNdarray.from_sample(sample=array), NumpyNdarray.from_sample(sample_input=array)):
        assert made.sample is array
    for given, named in (((), {}), ((1, 2), {}), ((1,), {"sample": 1})):
        with pytest.raises(InvalidArgument, match="takes one sample"):
            NumpyNdarray.from_sample(*given, **named)


async def test_what_is_not_here() -> None:
    """What gRPC needs is refused by name, and so is a descriptor that can do nothing."""
    for method in (NumpyNdarray().from_proto, NumpyNdarray().to_proto):
        with pytest.raises(BentoMLException, match="not served by gRPC"):
            await method(None)
    for refuse in (JSON().spark_schema, lambda: JSON().from_arrow(None), lambda: JSON().to_arrow(None)):
        with pytest.raises(BentoMLException, match="Spark is not driven from here"):
            refuse()
    with pytest.raises(BentoMLException, match="cannot read requests"):
        IODescriptor().parameter_hint()
    with pytest.raises(BentoMLException, match="cannot make responses"):
        IODescriptor().answer_hint()
    with pytest.raises(InvalidArgument, match="`IODescriptor` has no option of this name: x"):
        IODescriptor(x=1)


def test_importing_is_light() -> None:
    """The descriptors load no library of the values that they describe."""
    heavy = "{'numpy', 'pandas', 'PIL', 'pyarrow', 'uvicorn', 'httpx'}"
    code = f"import sys, bentoml.io\nprint({heavy} & set(sys.modules))"
    env = {**os.environ, "PYTHONPATH": str(SOURCES)}
    said = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.strip() == "set()"
