"""Settle how answers are written.

In: what an endpoint returns, and the spec's style. Out: an `Answer`: a function from value to body, its media type,
its schema. A plain `str` is text; `Annotated[str, ContentType("application/json")]` is a body that is JSON already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args, get_origin

from pydantic import TypeAdapter

from ekiben.schema import pieces
from ekiben.schema.annotations import ContentType
from ekiben.schema.content import JSON, OCTETS, TEXT, Encoded, essence
from ekiben.schema.describe import Describer
from ekiben.schema.hints import leaves, members_of, only_leaf
from ekiben.schema.open import OpenLeaf, leaf_of, to_plain
from ekiben.schema.pieces import Pieces
from ekiben.schema.signature import EMPTY, STREAMS, Signature
from ekiben.schema.values.base import Encoder, Leaf
from ekiben.schema.wire import json as wire_json
from ekiben.schema.wire.events import Event

OPEN = OpenLeaf()


@dataclass(frozen=True, slots=True)
class Answer:
    """How one endpoint's answers are written and described."""

    encode: Encoder
    media: str
    schema: Mapping[str, Any]
    leaf: Leaf  # by which an answered batch is split
    encoders: Mapping[str, Encoder] = field(default_factory=dict)  # every form that a caller may ask for
    pieces: Pieces | None = None  # of a stream


def plan(signature: Signature, nan_style: str, stream_style: str = "framed") -> Answer:
    """Settle how what *signature* returns is written; of a stream, how each piece is."""
    returns = signature.returns
    note, target = declared(returns)
    if signature.is_stream:
        return stream_answer(note, target, nan_style, stream_style)
    dump = wire_json.dumper(nan_style, to_plain)
    leaf = only_leaf(returns)
    if leaf is not None:
        return leaf_answer(leaf, dump, describe(returns, None))
    if target is str:
        media = pieces.with_charset(note) if note else TEXT
        return Answer(text_encoder(dump, media), media, describe(target, note), OPEN)
    if target is EMPTY or target is Any:
        return Answer(open_encoder(dump, note), note or JSON, {}, OPEN)
    return Answer(data_encoder(target, dump, note or JSON), note or JSON, describe(target, None), OPEN)


def stream_answer(note: str | None, target: Any, nan_style: str, stream_style: str) -> Answer:
    """Settle how the pieces of a stream are written, from the hint of the whole."""
    if get_origin(target) in STREAMS:
        inner, target = declared(get_args(target)[0])
        note = note or inner
    elif target in STREAMS:
        target = EMPTY
    leaf = only_leaf(target)
    if note is None and leaf is not None and leaf.kind == "bytes" and leaf.output_media != OCTETS:
        note = leaf.output_media
    found = pieces.plan(target, note, nan_style, stream_style)
    is_event = any(member is Event for member in members_of(target))
    schema = pieces.describe_event() if is_event else describe(target, note)
    usual = next(iter(found.forms.values()))
    return Answer(lambda piece: Encoded(usual.write(piece), usual.media), found.media, schema, OPEN, pieces=found)


def declared(hint: Any) -> tuple[str | None, Any]:
    """Take the content type off a hint, and give what is left."""
    if get_origin(hint) is not Annotated:
        return None, hint
    inner, *notes = get_args(hint)
    media = next((note.content_type for note in notes if isinstance(note, ContentType)), None)
    rest = [note for note in notes if not isinstance(note, ContentType)]
    return media, Annotated[(inner, *rest)] if rest else inner


def leaf_answer(leaf: Leaf, dump: Any, schema: Mapping[str, Any]) -> Answer:
    """Write by a leaf: as JSON, or in the one of its forms that is declared."""

    def to_json(value: Any) -> Encoded:
        return Encoded(dump(None if value is None else leaf.to_json(value)), JSON)

    special = leaf.encoders.get(leaf.output_media)

    def encode(value: Any) -> Encoded:
        return to_json(value) if value is None or special is None else special(value)

    encoders = {leaf.output_media: encode, **leaf.encoders}
    if leaf.kind in ("ndarray", "tensor", "dataframe"):
        encoders.setdefault(JSON, to_json)
    return Answer(to_json if special is None else encode, leaf.output_media, schema, leaf, encoders)


def text_encoder(dump: Any, media: str) -> Encoder:
    """Write text as it is."""

    def encode(value: Any) -> Encoded:
        return Encoded(value.encode() if isinstance(value, str) else dump(value), media)

    return encode


def open_encoder(dump: Any, note: str | None) -> Encoder:
    """Write a value whose type shows only when it is there."""

    def encode(value: Any) -> Encoded:
        if isinstance(value, str):
            return Encoded(value.encode(), note or TEXT)
        if isinstance(value, bytes | bytearray):
            return Encoded(bytes(value), note or OCTETS)
        leaf = leaf_of(value)
        special = None if leaf is None else leaf.encoders.get(leaf.output_media)
        return Encoded(dump(value), note or JSON) if special is None else special(value)

    return encode


def data_encoder(target: Any, dump: Any, media: str) -> Encoder:
    """Write JSON; the content of files within the answer goes there as base64."""
    if all(leaf.kind != "file" for leaf in leaves(target)):
        return lambda value: Encoded(dump(value), media)
    adapter: TypeAdapter[Any] = TypeAdapter(target)
    return lambda value: Encoded(dump(adapter.dump_python(value, by_alias=True, warnings=False)), media)


def describe(target: Any, note: str | None) -> dict[str, Any]:
    """Give the JSON Schema of an answer; open where the hint does not say."""
    if target is EMPTY or target is Any or (target is str and note is not None and essence(note) == JSON):
        return {}
    return TypeAdapter(target).json_schema(mode="serialization", schema_generator=Describer)
