"""Settle at start how one endpoint's arguments are read and its answers written.

In: a `Signature`. Out: a `Codec`, whose functions do on each request only what depends on it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, RootModel, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo

from ekiben.core.errors import InvalidInput, Problem, UnsupportedMediaType
from ekiben.core.spec import JsonSchema, Style
from ekiben.schema.annotations import ContentType
from ekiben.schema.content import FORM, JSON, OCTETS, TEXT, UPLOADS, URLENCODED, Encoded, Upload
from ekiben.schema.hints import leaves, only_leaf
from ekiben.schema.signature import EMPTY, Parameter, Signature
from ekiben.schema.values.base import Leaf
from ekiben.schema.wire import json as wire_json
from ekiben.schema.wire import multipart as wire_multipart

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Codec:
    """One endpoint's reading and writing, planned."""

    from_json: Callable[[bytes], Arguments]
    from_fields: Callable[[Sequence[tuple[str, str | Upload]]], Arguments]
    from_raw: Callable[[Upload], Arguments]
    encode: Callable[[Any], Encoded]
    input_schema: JsonSchema
    output_schema: JsonSchema
    input_media: tuple[str, ...]  # media types that a body may have; globs
    raw_media: tuple[str, ...]  # those of them that `from_raw` takes
    output_media: str
    leaf: Leaf | None  # of the parameter that batches or travels raw
    output_leaf: Leaf | None
    is_root: bool = False


def plan(signature: Signature, style: Style = Style()) -> Codec:
    """Plan the codec of one endpoint."""
    model, rename = arguments_model(signature)
    raw = raw_parameter(signature)
    raw_leaf = None if raw is None else only_leaf(raw.hint)

    def bind(values: BaseModel) -> Arguments:
        if signature.is_root:
            return (values.root,), {}  # type: ignore[attr-defined]  # a RootModel, by arguments_model
        fields = values.__dict__
        return (), {rename.get(name, name): value for name, value in fields.items()} if rename else dict(fields)

    def from_json(body: bytes) -> Arguments:
        if not body and not signature.is_root:
            body = b"{}"
        try:
            return bind(model.model_validate_json(body))
        except ValidationError as error:
            raise invalid(error) from error

    def from_fields(fields: Sequence[tuple[str, str | Upload]]) -> Arguments:
        try:
            return bind(model.model_validate(wire_multipart.gather(fields, signature)))
        except ValidationError as error:
            raise invalid(error) from error

    def from_raw(content: Upload) -> Arguments:
        if raw is None:
            raise UnsupportedMediaType(f"this endpoint does not read {content.media_type}", hint=f"send {JSON}")
        try:
            return bind(model.model_validate(content if signature.is_root else {raw.name: content}))
        except ValidationError as error:
            raise invalid(error) from error

    output_leaf = None if signature.returns is EMPTY else only_leaf(signature.returns)
    encode, output_media = plan_output(signature.returns, output_leaf, style)
    raw_media = () if raw_leaf is None else raw_leaf.media_types
    return Codec(
        from_json=from_json,
        from_fields=from_fields,
        from_raw=from_raw,
        encode=encode,
        input_schema=model.model_json_schema(mode="validation"),
        output_schema=describe_output(signature.returns),
        input_media=input_media(signature, raw_media),
        raw_media=raw_media,
        output_media=output_media,
        leaf=raw_leaf if raw_leaf is not None else first_leaf(signature),
        output_leaf=output_leaf,
        is_root=signature.is_root,
    )


def input_media(signature: Signature, raw_media: tuple[str, ...]) -> tuple[str, ...]:
    """List what a body may be: forms first where there are uploads, JSON unless a file is required."""
    kinds = {parameter.name: {leaf.kind for leaf in leaves(parameter.hint)} for parameter in signature.parameters}
    has_uploads = any(found & UPLOADS for found in kinds.values())
    needs_file = any(
        "file" in kinds[parameter.name] and parameter.is_required and type(None) not in get_args(parameter.hint)
        for parameter in signature.parameters
    )
    forms = () if signature.is_root else (FORM,) if has_uploads else (FORM, URLENCODED)
    json = () if needs_file else (JSON,)
    return (*forms, *json, *raw_media) if has_uploads else (*json, *forms, *raw_media)


def arguments_model(signature: Signature) -> tuple[type[BaseModel], dict[str, str]]:
    """Make the pydantic model of all arguments, and say which fields bear another name inside."""
    if signature.is_root:
        (parameter,) = signature.parameters
        default = {} if parameter.default is EMPTY else {"root": (parameter.hint, parameter.default)}
        return create_model("Body", __base__=RootModel[parameter.hint], **default), {}  # type: ignore[call-overload,name-defined]
    fields: dict[str, Any] = {}
    rename: dict[str, str] = {}
    for parameter in signature.parameters:
        inside = parameter.name
        hint = parameter.hint
        if hasattr(BaseModel, inside) or inside.startswith(("_", "model_")):
            inside = f"field_{inside}"
            rename[inside] = parameter.name
        default = ... if parameter.default is EMPTY else parameter.default
        if inside in rename:
            fields[inside] = (hint, aliased(default, parameter.name))
        else:
            fields[inside] = (hint, default)
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
    return create_model("Arguments", __config__=config, **fields), rename


def aliased(default: Any, name: str) -> Any:
    """Give a field default that is read under *name*."""
    if isinstance(default, FieldInfo):
        return FieldInfo.merge_field_infos(default, alias=name, validation_alias=name, serialization_alias=name)
    return Field(default, alias=name)


def raw_parameter(signature: Signature) -> Parameter | None:
    """Find the parameter that a whole binary body can be: the only one, or the only one without a default."""
    candidates = [p for p in signature.parameters if (leaf := only_leaf(p.hint)) is not None and leaf.media_types]
    others = [p for p in signature.parameters if p not in candidates and p.is_required]
    return candidates[0] if len(candidates) == 1 and not others else None


def first_leaf(signature: Signature) -> Leaf | None:
    """Give the leaf of the first parameter."""
    return only_leaf(signature.parameters[0].hint) if signature.parameters else None


def invalid(error: ValidationError) -> InvalidInput:
    """Turn pydantic's report into ours: every wrong place, as the caller wrote it."""
    problems = []
    for detail in error.errors(include_url=False, include_input=False):
        message = detail["msg"]
        if detail["type"] == "extra_forbidden":
            message = "there is no parameter of this name"
        problems.append(Problem(path_of(detail["loc"]), message[:1].lower() + message[1:]))
    return InvalidInput(problems=problems)


def path_of(place: Sequence[int | str]) -> str:
    """Write a place as `x[3][1].name`."""
    path = ""
    for step in place:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path


def plan_output(returns: Any, leaf: Leaf | None, style: Style) -> tuple[Callable[[Any], Encoded], str]:
    """Choose how answers are written, and their media type."""
    dump = wire_json.dumper(style.nan_style)
    note = next((n.content_type for n in notes_of(returns) if isinstance(n, ContentType)), None)
    target = get_args(returns)[0] if get_origin(returns) is Annotated else returns
    if leaf is not None:
        return leaf_encoder(leaf, dump), leaf.output_media
    if target is str:
        media = note or TEXT
        return lambda value: Encoded(value.encode() if isinstance(value, str) else dump(value), media), media
    if target in (bytes, bytearray):
        media = note or OCTETS
        return lambda value: Encoded(bytes(value), media), media
    return open_encoder(dump), note or JSON


def leaf_encoder(leaf: Leaf, dump: Callable[[Any], bytes]) -> Callable[[Any], Encoded]:
    """Write by a leaf; what it leaves as data becomes JSON."""

    def encode(value: Any) -> Encoded:
        given = leaf.encode(value) if value is not None else None
        return given if isinstance(given, Encoded) else Encoded(dump(given), JSON)

    return encode


def open_encoder(dump: Callable[[Any], bytes]) -> Callable[[Any], Encoded]:
    """Write a value whose type shows only when it is there."""

    def encode(value: Any) -> Encoded:
        if type(value) is str:
            return Encoded(value.encode(), TEXT)
        if isinstance(value, bytes | bytearray):
            return Encoded(bytes(value), OCTETS)
        return Encoded(dump(value), JSON)

    return encode


def notes_of(hint: Any) -> tuple[Any, ...]:
    """Give the annotations of an `Annotated` hint."""
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def is_text(hint: Any) -> bool:
    """Say whether *hint* is a plain string."""
    return (get_args(hint)[0] if get_origin(hint) is Annotated else hint) is str


def describe_output(returns: Any) -> dict[str, Any]:
    """Give the JSON Schema of an answer; open where the function does not say."""
    if returns is EMPTY or returns is Any:
        return {}
    if is_text(returns) and any(
        isinstance(note, ContentType) and JSON in note.content_type for note in notes_of(returns)
    ):
        return {}  # the text is JSON already: its schema is not known
    return TypeAdapter(returns).json_schema(mode="serialization")
