"""One OpenAPI document tells of several services, and mixes nothing up."""

import json
from typing import Any, Literal

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field

import ekiben
from ekiben.core.spec import BoundService
from ekiben.schema import openapi, together
from ekiben.schema.codec import plan
from ekiben.services.load import load


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    friend: "Dog | None" = None


@ekiben.service
class Zoo:
    """Knows animals."""

    @ekiben.api
    def tell(self, animal: Cat | Dog = Field(discriminator="kind")) -> str:
        return animal.kind


def other_cat() -> Any:
    class Cat(BaseModel):
        name: str

    @ekiben.service(name="Home")
    class Home:
        @ekiben.api
        def tell(self, animal: Cat) -> str:
            return animal.name

        @ekiben.task
        def feed(self, animal: Cat) -> str:
            return animal.name

    return Home


def described(bound: BoundService, *, guarded: bool = False) -> dict[str, Any]:
    codecs = {e.name: plan(bound.signatures[e.name], bound.spec.style) for e in bound.spec.endpoints}
    return openapi.document(bound.spec, codecs, guarded=guarded)


@pytest.fixture
def whole() -> dict[str, Any]:
    """The document of two services, of which the second is guarded."""
    stall = load([Zoo, other_cat()])
    zoo, home = stall.services
    return together.document(described(stall), {"Zoo": described(zoo), "Home": described(home, guarded=True)})


def test_valid(whole: dict[str, Any]) -> None:
    """It is a valid document, in which no operation's id is there twice."""
    OpenAPIV31SpecValidator(whole).validate()
    ids = [each["operationId"] for operations in whole["paths"].values() for each in operations.values()]
    assert len(ids) == len(set(ids))
    assert {"Zoo.tell", "Home.tell", "Home.metrics", "metrics"} <= set(ids)


def test_components(whole: dict[str, Any]) -> None:
    """Records of one name stay apart, and all references lead somewhere."""
    schemas = whole["components"]["schemas"]
    assert set(schemas["Zoo.Cat"]["properties"]) == {"kind", "lives"}
    assert set(schemas["Home.Cat"]["properties"]) == {"name"}
    text = json.dumps(whole)
    for kind, part in {tuple(found.split('"')[0].split("/")) for found in text.split("#/components/")[1:]}:
        assert part in whole["components"][kind], f"{kind}/{part}"
    assert "#/components/schemas/Zoo.Dog" in text


def test_tags(whole: dict[str, Any]) -> None:
    """Endpoints are sorted by service, with its words; what watches over the server is by itself."""
    assert whole["tags"][0] == {"name": "Zoo", "description": "Knows animals."}
    assert [tag["name"] for tag in whole["tags"]] == ["Zoo", "Home", "operation"]
    assert whole["paths"]["/Zoo/tell"]["post"]["tags"] == ["Zoo"]
    assert whole["paths"]["/readyz"]["get"]["tags"] == ["operation"]


def test_tokens(whole: dict[str, Any]) -> None:
    """Only what is guarded asks for a token."""
    assert "security" not in whole
    assert whole["paths"]["/Home/tell"]["post"]["security"] == [{"bearer": []}]
    assert whole["paths"]["/Home/livez"]["get"]["security"] == []
    assert "security" not in whole["paths"]["/Zoo/tell"]["post"]
    assert set(whole["components"]["securitySchemes"]) == {"bearer"}


def test_parts_stay(whole: dict[str, Any]) -> None:
    """The documents that went in are as they were, and text that looks like a reference is text."""
    one = {"info": {}, "paths": {}, "components": {}, "words": ["#/components/schemas/A"]}
    assert together.renamed(one, "x") == one
    assert together.renamed({"$ref": "#/components/schemas/A"}, "x") == {"$ref": "#/components/schemas/x.A"}
    assert together.renamed({"$ref": "#/$defs/A"}, "x") == {"$ref": "#/$defs/A"}
