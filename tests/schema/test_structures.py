"""Classes whose fields are ours are read field by field, and become real instances of themselves."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from typing import Annotated, Any, Generic, NamedTuple, NotRequired, Required, TypedDict, TypeVar

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from ekiben.core.errors import ConfigError, InvalidInput
from ekiben.schema.hints import settle
from ekiben.validators import DType, Shape
from tests.schema.endpoints import codec_of

ARRAYS = ConfigDict(arbitrary_types_allowed=True)
Item = TypeVar("Item")


@dataclass
class Box:
    x: NDArray[np.float32]
    names: list[str] = field(default_factory=list)
    total: float = field(init=False)

    def __post_init__(self) -> None:
        if not self.x.size:
            raise ValueError("a box must not be empty")
        self.total = float(self.x.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    x: np.ndarray
    n: int = 3


@dataclass
class Tree:
    x: np.ndarray
    children: list[Tree] = field(default_factory=list)


@dataclass
class Odd:
    x: np.ndarray
    scale: InitVar[float] = 1.0


class Model(BaseModel):
    model_config = ARRAYS

    x: Annotated[np.ndarray, Shape((-1, 2)), DType("float32")] = Field(description="rows of two")
    given: int = Field(3, ge=1, alias="Given")
    _seen: int = PrivateAttr(default=7)

    @field_validator("x")
    @classmethod
    def is_finite(cls, value: Any) -> Any:
        if not np.isfinite(value).all():
            raise ValueError("must be finite")
        return value

    @model_validator(mode="after")
    def fits(self) -> Model:
        if len(self.x) > self.given:
            raise ValueError("more rows than given")
        return self


class Node(BaseModel):
    model_config = ARRAYS

    x: np.ndarray
    next: Node | None = None


class Chain(BaseModel):
    value: int
    next: Chain | None = None


@dataclass
class Wrapped:
    box: Box
    models: dict[str, Model] = field(default_factory=dict)


class Thing:
    """A class that nobody can make from JSON."""


@dataclass
class Held:
    thing: Thing
    x: np.ndarray


class HeldByModel(BaseModel):
    model_config = ARRAYS

    thing: Thing


class Generic1(BaseModel, Generic[Item]):
    model_config = ARRAYS

    item: Item


class Base(TypedDict):
    x: np.ndarray


class Partial(Base, total=False):
    n: int
    must: Required[int]


class Loose(TypedDict):
    n: int
    may: NotRequired[str]


class Pair(NamedTuple):
    x: np.ndarray
    n: int


def read(hint: Any, body: str) -> Any:
    """Read the value of `x` in a JSON body."""
    return codec_of(hint, Any).from_json(f'{{"x":{body}}}'.encode())[1]["x"]


def test_dataclass() -> None:
    """A dataclass is itself: its init, its defaults and what it does after init."""
    box = read(Box, '{"x":[1,2]}')
    assert type(box) is Box
    assert (box.x.dtype, box.names, box.total) == (np.float32, [], 3.0)
    assert read(Sealed, '{"x":[1]}').n == 3


def test_what_a_dataclass_refuses_is_the_callers_error() -> None:
    """A ValueError after init is told at the place of the object."""
    with pytest.raises(InvalidInput, match=r"x: a box must not be empty"):
        read(Box, '{"x":[]}')


def test_an_init_only_field_is_refused_at_start() -> None:
    """An `InitVar` beside an array is refused, by name."""
    with pytest.raises(ConfigError, match="InitVar"):
        codec_of(Odd)


def test_model() -> None:
    """A pydantic model is itself: its class, validators, private attributes and aliases."""
    model = read(Model, '{"x":[[1,2]],"Given":2}')
    assert type(model) is Model
    assert (model.x.dtype, model.given, model._seen) == (np.float32, 2, 7)
    assert model.model_fields_set == {"x", "given"}
    assert read(Model, '{"x":[[1,2]]}').given == 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"x":[[1]]}', r"x\.x: must be of shape \(any, 2\), not \(1, 1\)"),
        ('{"x":[[1,NaN]]}', r"x\.x: must be finite"),
        ('{"x":[[1,2],[3,4]],"Given":1}', r"x: more rows than given"),
        ('{"x":[[1,2]],"Given":0}', r"x\.Given: must be greater than or equal to 1, not 0"),
        ("{}", r"x\.x: is required"),
    ],
)
def test_rules_of_a_model_hold(body: str, words: str) -> None:
    """Field rules, validators and model validators of the user's run on decoded values."""
    with pytest.raises(InvalidInput, match=f"^{words}$"):
        read(Model, body)


def test_schema_of_a_model() -> None:
    """An array within a model is described as one anywhere is, with its description."""
    schema = codec_of(Model).input_schema
    described = schema["$defs"]["Model"]["properties"]
    assert described["x"]["x-kind"] == "ndarray"
    assert described["x"]["description"] == "rows of two"
    assert described["x"]["x-shape"] == [-1, 2]
    assert described["Given"]["default"] == 3


@pytest.mark.parametrize(("cls", "of"), [(Tree, "children"), (Node, "next")])
def test_a_class_within_itself(cls: Any, of: str) -> None:
    """A class that holds itself and an array is read to any depth, and refused with the whole path."""
    inner = '{"x":[2]}'
    body = f'{{"x":[1],"{of}":' + (f"[{inner}]" if cls is Tree else inner) + "}"
    found = read(cls, body)
    below = found.children[0] if cls is Tree else found.next
    assert type(found) is type(below) is cls
    assert below.x.tolist() == [2]
    place = r"x\.children\[0\]\.x" if cls is Tree else r"x\.next\.x"
    with pytest.raises(InvalidInput, match=place):
        read(cls, body.replace("[2]", "[[2],3]"))


def test_classes_within_classes() -> None:
    """A dataclass holds another and models that hold arrays."""
    found = read(Wrapped, '{"box":{"x":[1]},"models":{"a":{"x":[[1,2]]}}}')
    assert type(found) is Wrapped
    assert type(found.box) is Box
    assert type(found.models["a"]) is Model
    with pytest.raises(InvalidInput, match=r"^x\.models\.a\.x\[0\]\[1\]: must be a number, not 'b'$"):
        read(Wrapped, '{"box":{"x":[1]},"models":{"a":{"x":[[1,"b"]]}}}')


def test_generic_model() -> None:
    """A generic model of an array is read."""
    assert read(Generic1[np.ndarray], '{"item":[1]}').item.tolist() == [1]


def test_typed_dicts() -> None:
    """Which keys must be there is said by the class that declares them, or by the key itself."""
    assert read(Partial, '{"x":[1],"must":2}').keys() == {"x", "must"}
    assert read(Loose, '{"n":1}') == {"n": 1}
    for hint, body, place in ((Partial, '{"x":[1]}', "must"), (Partial, '{"must":1}', "x"), (Loose, "{}", "n")):
        with pytest.raises(InvalidInput, match=rf"^x\.{place}: is required$"):
            read(hint, body)


def test_named_tuple() -> None:
    """A named tuple is a list in JSON."""
    found = read(Pair, "[[1,2],3]")
    assert type(found) is Pair
    assert found.n == 3


@pytest.mark.parametrize("hint", [Chain, list[int], dict[str, Chain], int | None, Any, str])
def test_what_is_not_ours_stays(hint: Any) -> None:
    """A hint without any of our kinds is pydantic's alone."""
    assert settle(hint) is hint


def test_a_field_that_cannot_be_served_is_named() -> None:
    """An arbitrary type within a model is refused at start, with its field."""
    for cls in (Held, HeldByModel):
        with pytest.raises(ConfigError, match=f"field `thing` of `{cls.__name__}`: Thing"):
            codec_of(cls)


@dataclass
class Mistyped:
    image: Annotated[Image.Image, Shape((1,))]


def test_a_wrong_annotation_in_a_field_is_named() -> None:
    """An annotation that a field's kind does not have is refused at start, with its field."""
    with pytest.raises(ConfigError, match="field `image` of `Mistyped`: `Shape` says nothing about this type"):
        codec_of(Mistyped)
