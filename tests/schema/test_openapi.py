"""The OpenAPI document is valid, complete, and says the same as the codec does."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import orjson
import pandas as pd
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from PIL.Image import Image
from pydantic import BaseModel, Field

import ekiben
from ekiben.core.spec import EndpointSpec, HttpSpec, ServiceSpec, Style
from ekiben.engine.tasks.record import State
from ekiben.schema import openapi, routes
from ekiben.schema.codec import plan
from ekiben.schema.signature import read
from ekiben.validators import ContentType, DataframeSchema, DType, Shape


class Row(BaseModel):
    """One row."""

    n: int
    below: list["Row"] = []


class Deep(BaseModel):
    rows: dict[str, Row]
    either: Row | int = Field(description="a row or a number")


@dataclass
class Boxed:
    box: np.ndarray


def other_row() -> Any:
    """Give another class of the same name."""

    class Row(BaseModel):
        m: str

    class Deep(BaseModel):
        row: Row

    return Deep


Other = other_row()


class Service:
    def planets(
        self, image: Annotated[Image, ContentType("image/jpeg")] = Field(description="Planet image to analyze")
    ) -> Annotated[str, ContentType("application/json")]:
        """Say which planet it is.

        By its picture.
        """

    def numbers(self, x: Annotated[np.ndarray, Shape((-1, 4)), DType("float32")], n: int = 3) -> np.ndarray: ...
    def nested(self, deep: Deep, rows: list[Row]) -> Row: ...
    def clash(self, deep: Other) -> Other: ...
    def clash_again(self, deep: Other, row: Row) -> list[Row]: ...
    def boxed(self, box: Boxed, maybe: Boxed | None = None) -> Boxed: ...
    def files(self, paths: list[Path], one: Path | None = None, raw: bytes = b"x") -> Path: ...
    def root(self, row: Row, /) -> Row: ...
    def root_array(self, x: np.ndarray, /) -> Annotated[np.ndarray, ContentType("application/x-npy")]: ...
    def root_file(self, file: Path, /) -> Annotated[Image, ContentType("image/webp")]: ...
    def table(self, frame: Annotated[pd.DataFrame, DataframeSchema(columns=["a", "b"])]) -> pd.DataFrame: ...
    def text(self, text: str) -> str: ...
    def nothing(self) -> None: ...
    def anything(self, x, y=None): ...  # type: ignore[no-untyped-def]


NAMES = [name for name in vars(Service) if not name.startswith("_")]
CODECS = {name: plan(read(getattr(Service, name))) for name in NAMES}


def spec_of(**options: Any) -> ServiceSpec:
    """Describe the service."""
    endpoints = tuple(EndpointSpec(name, f"/{name}", doc=getattr(Service, name).__doc__ or "") for name in NAMES)
    return ServiceSpec("planets", endpoints, doc="All of it.", **options)


DOCUMENT = openapi.document(spec_of(), CODECS)


def body_of(name: str) -> Any:
    """Give the contents of an endpoint's body, by content type."""
    return DOCUMENT["paths"][f"/{name}"]["post"]["requestBody"]["content"]


@pytest.mark.parametrize("style", ["problem", "object", "string", "text"])
@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_valid(style: str, prefix: str) -> None:
    """The document is OpenAPI 3.1 as a validator knows it, and JSON."""
    document = openapi.document(spec_of(style=Style(error_style=style)), CODECS, prefix=prefix)
    OpenAPIV31SpecValidator(document).validate()
    assert orjson.loads(orjson.dumps(document)) == document
    assert f"{prefix}/text" in document["paths"]


def every(found: Any, key: str) -> list[Any]:
    """Find all values of *key*, however deep."""
    if isinstance(found, list):
        return [value for item in found for value in every(item, key)]
    if not isinstance(found, dict):
        return []
    own = [found[key]] if key in found else []
    return own + [value for item in found.values() for value in every(item, key)]


def test_every_reference_leads_somewhere() -> None:
    """No `$ref` points outside of the document or to nothing in it."""
    references = every(DOCUMENT["paths"], "$ref") + every(DOCUMENT["components"], "$ref")
    assert any(reference.endswith("/Row") for reference in references)
    for reference in references:
        place = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    assert not every(DOCUMENT, "$defs")


def test_classes_of_one_name_are_told_apart() -> None:
    """Two classes named alike, and those that refer to them, have names of their own."""
    schemas = DOCUMENT["components"]["schemas"]
    fields = {name: sorted(schema["properties"]) for name, schema in schemas.items() if name.startswith("Row")}
    assert fields == {"Row": ["below", "n"], "Row2": ["m"]}
    assert every(schemas["Deep"], "$ref") != every(schemas["Deep2"], "$ref")


def test_a_picture_in_a_form() -> None:
    """A picture is a file of a form, of the declared type, described and required."""
    form = body_of("planets")["multipart/form-data"]
    assert form["encoding"] == {"image": {"contentType": "image/jpeg"}}
    assert form["schema"]["required"] == ["image"]
    assert form["schema"]["properties"]["image"] == {
        "title": "Image",
        "description": "Planet image to analyze",
        "type": "string",
        "format": "binary",
    }
    assert list(body_of("planets")) == [
        "multipart/form-data",
        "application/json",
        "image/*",
        "application/octet-stream",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_content_type_is_listed(name: str) -> None:
    """What an endpoint reads is what its description lists."""
    assert tuple(body_of(name)) == CODECS[name].input_media


@pytest.mark.parametrize(
    ("name", "media", "schema"),
    [
        ("planets", "application/json", {}),
        ("numbers", "application/json", {"type": "array", "items": {}, "x-kind": "ndarray"}),
        ("root_array", "application/x-npy", {"type": "string", "format": "binary"}),
        ("root_file", "image/webp", {"type": "string", "format": "binary"}),
        ("files", "application/octet-stream", {"type": "string", "format": "binary"}),
        ("text", "text/plain", {"type": "string"}),
        ("nothing", "application/json", {"type": "null"}),
        ("anything", "application/json", {}),
        ("root", "application/json", {"$ref": "#/components/schemas/Row"}),
    ],
)
def test_answers(name: str, media: str, schema: dict[str, Any]) -> None:
    """An answer is described by its type as it leaves."""
    content = DOCUMENT["paths"][f"/{name}"]["post"]["responses"]["200"]["content"]
    assert next(iter(content)) == media
    assert content[media]["schema"].items() >= schema.items()


def test_other_forms_of_an_answer() -> None:
    """What a caller may ask for by `Accept` is listed."""
    content = DOCUMENT["paths"]["/table"]["post"]["responses"]["200"]["content"]
    assert {"application/json", "text/csv", "application/vnd.apache.arrow.stream"} <= set(content)


def test_files_in_a_form() -> None:
    """Lists of files are repeated file parts; what may be left out is not required."""
    schema = body_of("files")["multipart/form-data"]["schema"]
    assert schema["properties"]["paths"]["items"] == {"type": "string", "format": "binary"}
    assert schema["properties"]["one"]["format"] == "binary"
    assert schema["required"] == ["paths"]
    assert "application/json" not in body_of("files")


def test_structured_parts_are_json() -> None:
    """Arrays, frames and objects are JSON within a form."""
    for name, parts in (("numbers", ["x"]), ("nested", ["deep", "rows"]), ("table", ["frame"]), ("boxed", ["box"])):
        encoding = body_of(name)["multipart/form-data"]["encoding"]
        for part in parts:
            assert encoding[part] == {"contentType": "application/json"}


def test_what_a_body_must_be() -> None:
    """A body is required where a parameter is."""
    paths = DOCUMENT["paths"]
    required = {name: paths[f"/{name}"]["post"]["requestBody"]["required"] for name in NAMES}
    assert required == {name: name not in ("nothing",) for name in NAMES}


def test_words() -> None:
    """The first line of a docstring is the summary, and all of it the description."""
    operation = DOCUMENT["paths"]["/planets"]["post"]
    assert operation["summary"] == "Say which planet it is."
    assert operation["description"].endswith("By its picture.")
    assert DOCUMENT["info"] == {"title": "planets", "version": "0", "description": "All of it."}


def test_errors_and_probes() -> None:
    """Each endpoint tells its errors by one schema; probes and metrics are there."""
    answers = DOCUMENT["paths"]["/text"]["post"]["responses"]
    assert {"200", "400", "413", "415", "500", "503", "504"} <= set(answers)
    problem = DOCUMENT["components"]["responses"]["400"]["content"]
    assert problem == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in ("/livez", "/readyz", "/healthz", "/metrics"):
        assert "get" in DOCUMENT["paths"][path]


def test_probes_by_the_spec() -> None:
    """Renamed probes are described under their names, and metrics only where there are any."""
    http = HttpSpec(livez="/alive", readyz="/go")
    paths = openapi.document(spec_of(http=http), CODECS)["paths"]
    assert {"/alive", "/go", "/healthz"} <= set(paths)
    assert "/livez" not in paths


def test_routes_document() -> None:
    """A client learns by `/schema.json` what it sends and reads."""
    document = routes.document(spec_of(), CODECS, prefix="/v1")
    assert orjson.loads(orjson.dumps(document)) == document
    assert {key: document[key] for key in ("name", "type", "description")} == {
        "name": "planets",
        "type": "service",
        "description": "All of it.",
    }
    by_name = {route["name"]: route for route in document["routes"]}
    planets = by_name["planets"]
    assert planets["route"] == "/v1/planets"
    assert planets["input"]["properties"]["image"]["x-kind"] == "image"
    assert planets["output"]["media_type"] == "application/json"
    assert not planets["output"]["is_stream"]
    assert not planets["batchable"]
    assert not planets["is_task"]
    assert by_name["root"]["root_input"]
    assert by_name["numbers"]["input"]["properties"]["x"]["x-dtype"] == "float32"
    assert by_name["table"]["input"]["properties"]["frame"]["x-columns"] == ["a", "b"]


def test_streams() -> None:
    """A stream is described in each form that it has, by one of its pieces."""

    @ekiben.service
    class Streams:
        """Streams."""

        @ekiben.api
        def rows(self) -> Iterator[dict[str, int]]:
            """Give records."""
            yield {"a": 1}

        @ekiben.api
        def tokens(self) -> Iterator[str]:
            """Give text."""
            yield "a"

    bound = Streams.__ekiben_service__()  # type: ignore[attr-defined]
    found = openapi.document(bound.spec, {name: plan(signature) for name, signature in bound.signatures.items()})
    rows = found["paths"]["/rows"]["post"]["responses"]["200"]
    assert rows["description"] == "The answer, in pieces as they are made."
    piece = {"type": "object", "additionalProperties": {"type": "integer"}}
    line = {"type": "string", "contentMediaType": "application/x-ndjson", "contentSchema": piece}
    assert rows["content"]["application/x-ndjson"]["schema"] == line
    assert list(rows["content"]) == ["application/x-ndjson", "application/jsonl", "text/event-stream"]
    tokens = found["paths"]["/tokens"]["post"]["responses"]["200"]["content"]
    assert list(tokens) == ["text/plain", "application/x-ndjson", "application/jsonl", "text/event-stream"]
    assert tokens["text/plain"]["schema"] == {"type": "string"}
    OpenAPIV31SpecValidator(found).validate()


class TestTasks:
    """The routes of a task are described, each by its own operation."""

    @staticmethod
    def made(style: Style = Style()) -> dict[str, Any]:
        def train(self: Any, x: int) -> str: ...

        endpoint = EndpointSpec("train", "/train", task=True)
        spec = ServiceSpec("tasks", (endpoint,), style=style, http=HttpSpec(path_prefix="/v1"))
        return openapi.document(spec, {"train": plan(read(train))})

    def test_is_valid(self) -> None:
        """The document is OpenAPI 3.1, with all routes below the prefix, and no operation named twice."""
        document = self.made()
        OpenAPIV31SpecValidator(document).validate()
        paths = {path: sorted(found) for path, found in document["paths"].items() if "train" in path}
        assert paths == {
            "/v1/train": ["post"],
            "/v1/train/submit": ["post"],
            "/v1/train/status": ["get"],
            "/v1/train/get": ["get"],
            "/v1/train/retry": ["post"],
            "/v1/train/cancel": ["post", "put"],
        }
        names = [found["operationId"] for path in document["paths"].values() for found in path.values()]
        assert len(names) == len(set(names))

    def test_says_what_is_sent_and_answered(self) -> None:
        """`submit` takes the body, `get` gives the answer, the others tell of the task and its states."""
        paths = self.made()["paths"]
        assert paths["/v1/train/submit"]["post"]["requestBody"] == paths["/v1/train"]["post"]["requestBody"]
        plain = paths["/v1/train"]["post"]["responses"]["200"]
        assert paths["/v1/train/get"]["get"]["responses"]["200"] == plain
        told = paths["/v1/train/status"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert told == {"$ref": "#/components/schemas/Task"}
        states = self.made()["components"]["schemas"]["Task"]["properties"]["status"]["enum"]
        assert states == [str(state) for state in State]
        names = [each["name"] for each in paths["/v1/train/status"]["get"]["parameters"]]
        assert names == ["task_id", "wait"]

    @pytest.mark.parametrize(
        ("style", "status"), [(Style(), "409"), (Style(error_statuses=(("WrongState", 400),)), "400")]
    )
    def test_says_how_it_refuses(self, style: Style, status: str) -> None:
        """An answer that is not there yet has the status of the style."""
        refused = self.made(style)["paths"]["/v1/train/get"]["get"]["responses"]
        assert {"404", status} <= refused.keys()
        assert ("409" in refused) is (status == "409")
