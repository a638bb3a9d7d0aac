"""A signature says what a function takes; what cannot be served is refused at start, by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pytest
from PIL.Image import Image
from pydantic import BaseModel, Field

from ekiben.core.context import Context
from ekiben.core.errors import ConfigError
from ekiben.schema.signature import EMPTY, read
from ekiben.validators import ContentType, DataframeSchema, DType, Shape

if TYPE_CHECKING:
    from fractions import Fraction


class Opaque:
    """A class that nobody can make from JSON."""


class Holder(BaseModel):
    path: Path


class Lazy(BaseModel):
    pieces: dict[str, Generator[int, None, None]]


class Service:
    def strings(self, x: np.ndarray, when: dt.date | None = None) -> Image: ...
    def bare(self, a, b=3): ...  # type: ignore[no-untyped-def]
    def root(self, value: int, /) -> int: ...
    def with_ctx(self, x: int, ctx: Any) -> int: ...
    def with_context(self, x: int, given: Context) -> int: ...
    async def coroutine(self, x: int) -> int: ...
    def pieces(self, x: int) -> Generator[str, None, None]:
        yield ""

    async def async_pieces(self, x: int) -> AsyncGenerator[bytes, None]:
        yield b""

    def returns_pieces(self, x: int) -> Iterator[str]: ...
    def returns_async_pieces(self, x: int) -> AsyncIterator[str]: ...
    def noted_pieces(self, x: int) -> Annotated[Iterator[str], ContentType("text/plain")]: ...


def test_string_annotations() -> None:
    """Annotations may be strings, as `from __future__ import annotations` makes them all."""
    found = read(Service.strings)
    assert [parameter.name for parameter in found.parameters] == ["x", "when"]
    assert found.returns is not EMPTY


def test_without_hints() -> None:
    """A parameter without a hint takes any JSON, and a default makes it optional."""
    first, second = read(Service.bare).parameters
    assert first.hint is Any
    assert first.is_required
    assert not second.is_required


def test_root() -> None:
    """A lone positional-only parameter is the whole body."""
    assert read(Service.root).is_root
    assert not read(Service.bare).is_root


@pytest.mark.parametrize(("function", "name"), [(Service.with_ctx, "ctx"), (Service.with_context, "given")])
def test_context(function: Any, name: str) -> None:
    """The context is found by its name or by its type, and is no parameter."""
    found = read(function)
    assert found.context == name
    assert [parameter.name for parameter in found.parameters] == ["x"]


@pytest.mark.parametrize(
    ("function", "is_async", "is_stream"),
    [
        (Service.root, False, False),
        (Service.coroutine, True, False),
        (Service.pieces, False, True),
        (Service.async_pieces, True, True),
        (Service.returns_pieces, False, True),
        (Service.returns_async_pieces, False, True),
        (Service.noted_pieces, False, True),
    ],
)
def test_how_it_runs(function: Any, is_async: bool, is_stream: bool) -> None:
    """Coroutines and generators are known, also by what they say they return."""
    found = read(function)
    assert (found.is_async, found.is_stream) == (is_async, is_stream)


def test_names_from_around_the_class() -> None:
    """A class inside a function may use the names of that function."""

    class Local(BaseModel):
        n: int

    class Inner:
        def f(self, x: Local) -> list[Local]: ...

    assert read(Inner.f, names=locals()).parameters[0].hint is Local


class Refused:
    """Methods that cannot be served."""

    def unknown(self, x: Nowhere) -> None: ...  # noqa: F821
    def only_checked(self, x: Fraction) -> None: ...
    def misspelt(self, x: np.ndarrray) -> None: ...
    def opaque(self, x: Opaque) -> None: ...
    def opaque_list(self, x: list[Opaque]) -> None: ...
    def opaque_answer(self) -> Opaque: ...
    def two_roots(self, x: int, y: int, /) -> None: ...
    def root_and_more(self, x: int, /, y: int) -> None: ...
    def nested_file(self, x: dict[str, Path]) -> None: ...
    def file_in_model(self, x: Holder) -> None: ...
    def bad_dtype(self, x: Annotated[np.ndarray, DType("flaot32")]) -> None: ...
    def misplaced_shape(self, x: Annotated[int, Shape((1,))]) -> None: ...
    def misplaced_schema(self, x: Annotated[np.ndarray, DataframeSchema()]) -> None: ...
    def bad_rule(self, x: Annotated[np.ndarray, Field(ge=3)]) -> None: ...
    def bad_default(self, x: np.ndarray = Field(le=3)) -> None: ...
    def iterator(self, x: Iterator[int]) -> None: ...
    def generator(self, x: Generator[int, None, None]) -> None: ...
    def bare_generator(self, x: Generator) -> None: ...
    def async_generator(self, x: AsyncGenerator[int, None]) -> None: ...
    def async_iterator(self, x: AsyncIterator[int]) -> None: ...
    def async_iterable(self, x: AsyncIterable[int]) -> None: ...
    def nested_generator(self, x: dict[str, Generator[int, None, None]] | None = None) -> None: ...
    def iterable_of_iterators(self, x: Iterable[Iterator[int]]) -> None: ...
    def iterator_in_model(self, x: Lazy) -> None: ...
    def noted_iterable(self, x: Annotated[Iterable[int], Shape((1,))]) -> None: ...
    def bad_image(self) -> Annotated[Image, ContentType("text/plain")]: ...


REFUSED = {
    "unknown": "parameter `x` of .* cannot be resolved: name 'Nowhere' is not defined",
    "only_checked": "parameter `x` of .* cannot be resolved: name 'Fraction'",
    "misspelt": "parameter `x` of .* cannot be resolved: module 'numpy' has no attribute",
    "opaque": "parameter `x` of `.*opaque` has a type that cannot be served: Opaque",
    "opaque_list": r"parameter `x` of .* cannot be served: list\[.*Opaque\]",
    "opaque_answer": "the return value of .* cannot be served: Opaque",
    "two_roots": "positional-only parameter beside others: `x`",
    "root_and_more": "positional-only parameter beside others: `x`",
    "nested_file": "parameter `x` of .* holds a file within another value",
    "file_in_model": "parameter `x` of .* holds a file within another value",
    "bad_dtype": "parameter `x` of .*: `DType` must be a NumPy dtype: 'flaot32'",
    "misplaced_shape": "parameter `x` of .*: `Shape` says nothing about this type",
    "misplaced_schema": "parameter `x` of .*: `DataframeSchema` says nothing about this type",
    "bad_rule": r"parameter `x` of .*: `Ge\(ge=3\)` cannot be checked on this type",
    "bad_default": r"parameter `x` of .*: `Le\(le=3\)` cannot be checked on this type",
    "iterator": r"parameter `x` of .*iterator`: an iterator cannot be sent by a caller: .*Iterator\[int\]",
    "generator": "parameter `x` of .*generator`: an iterator cannot be sent by a caller: .*Generator",
    "bare_generator": "parameter `x` of .*: an iterator cannot be sent by a caller: .*Generator",
    "async_generator": "parameter `x` of .*: an iterator cannot be sent by a caller: .*AsyncGenerator",
    "async_iterator": "parameter `x` of .*: an iterator cannot be sent by a caller: .*AsyncIterator",
    "async_iterable": "parameter `x` of .*: an iterator cannot be sent by a caller: .*AsyncIterable",
    "nested_generator": "parameter `x` of .*: an iterator cannot be sent by a caller: .*Generator",
    "iterable_of_iterators": "parameter `x` of .*: an iterator cannot be sent by a caller: .*Iterator",
    "iterator_in_model": "parameter `x` of .*: field `pieces` of `Lazy`: an iterator cannot be sent by a caller",
    "noted_iterable": "parameter `x` of .*: `Shape` says nothing about this type",
    "bad_image": "the return value of .*: `ContentType` of an image must be",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_at_start(name: str) -> None:
    """What cannot be served fails when the class is made, and names the parameter."""
    with pytest.raises(ConfigError, match=REFUSED[name]):
        read(getattr(Refused, name))
