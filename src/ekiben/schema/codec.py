"""Settle at start how one endpoint's arguments are read and its answers written.

In: a `Signature`. Out: a `Codec`, whose functions do on each request only what depends on it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Annotated, Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import SchemaValidator

from ekiben.core.errors import InvalidInput, Problem, UnsupportedMediaType
from ekiben.core.spec import JsonSchema, Style
from ekiben.schema import accept, answers, bodies, forms, structures
from ekiben.schema.content import JSON, Encoded, Upload
from ekiben.schema.describe import Describer
from ekiben.schema.hints import batch_leaf, only_leaf
from ekiben.schema.pieces import Pieces
from ekiben.schema.problems import invalid
from ekiben.schema.signature import EMPTY, Parameter, Signature
from ekiben.schema.values.base import Leaf
from ekiben.schema.wire import json as wire_json
from ekiben.schema.wire import multipart as wire_multipart
from ekiben.schema.wire.multipart import Fields

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

TWICE = "stands beside the parameter of this name"
LONG = 256 * 1024  # bytes of JSON beyond which each list in it tells its first wrong item only


@dataclass(frozen=True, slots=True)
class Codec:
    """One endpoint's reading and writing, planned.

    The three readers raise `InvalidInput` with every wrong place, or `UnsupportedMediaType`.
    """

    from_json: Callable[[bytes], Arguments]
    from_fields: Callable[[Fields], Arguments]
    from_raw: Callable[[Upload], Arguments]
    encode: Callable[[Any], Encoded]  # of a stream, one piece
    input_schema: JsonSchema
    output_schema: JsonSchema
    input_media: tuple[str, ...]  # media types that a body may have; globs
    raw_media: tuple[str, ...]  # those of them that `from_raw` takes
    json_media: tuple[str, ...]  # globs of more types that JSON may come under
    output_media: str
    leaf: Leaf | None  # of the parameter that batches or travels raw
    output_leaf: Leaf | None
    is_root: bool = False
    is_shallow: bool = False  # the schema bounds the depth of JSON, so that nobody needs to count it
    encoders: Mapping[str, Callable[[Any], Encoded]] = field(default_factory=dict)  # all forms of an answer
    pieces: Pieces | None = None  # of an answer that is a stream
    url: "Codec | None" = None  # reads what stands in the URL, by `from_fields`; all else here is of the body then
    in_path: tuple[str, ...] = ()
    in_query: tuple[str, ...] = ()
    has_body: bool = True
    all_schema: JsonSchema | None = None  # of all arguments, where some stand in the URL

    @property
    def arguments_schema(self) -> JsonSchema:
        """The schema of all arguments, wherever they stand."""
        return self.input_schema if self.all_schema is None else self.all_schema

    def encoder_for(self, accepted: str) -> Callable[[Any], Encoded]:
        """Choose how to write by an `Accept` header; else the usual way."""
        if not accepted or len(self.encoders) < 2:
            return self.encode
        media = accept.choose(accepted, tuple(self.encoders))
        return self.encode if media is None or media == self.output_media else self.encoders[media]


def plan(signature: Signature, style: Style = Style()) -> Codec:
    """Plan the codec of one endpoint."""
    if signature.in_url or not signature.has_body:
        return plan_split(signature, style)
    adapter: TypeAdapter[Any] = TypeAdapter(arguments_hint(signature))
    raw = bodies.raw_parameter(signature)
    raw_media = () if raw is None else bodies.raw_media(raw)
    answer = answers.plan(signature, style.nan_style, style.stream_style)
    from_json, from_data = readers(adapter, signature)
    schema = adapter.json_schema(mode="validation", schema_generator=Describer)
    return Codec(
        from_json=from_json,
        from_fields=fields_reader(signature, from_data),
        from_raw=raw_reader(signature, raw, from_data),
        encode=answer.encode,
        input_schema=schema,
        output_schema=answer.schema,
        input_media=bodies.input_media(signature, raw_media),
        raw_media=raw_media,
        json_media=bodies.json_media(signature),
        output_media=answer.media,
        leaf=leaf_of_batch(signature),
        output_leaf=answer.leaf,
        is_root=signature.is_root,
        is_shallow=is_shallow(schema),
        encoders=answer.encoders,
        pieces=answer.pieces,
    )


def leaf_of_batch(signature: Signature) -> Leaf | None:
    """Give the leaf by which values of the batched parameter are joined."""
    parameters = [p for p in signature.parameters if signature.batched in (None, p.name)]
    return batch_leaf(parameters[0].hint) if parameters else None


def plan_split(signature: Signature, style: Style) -> Codec:
    """Plan the codec of an endpoint with arguments in its URL."""
    plain = replace(signature, in_path=(), in_query=(), has_body=True)
    names = signature.in_url
    url = plan(replace(plain, parameters=tuple(p for p in signature.parameters if p.name in names)), style)
    body = plan(replace(plain, parameters=tuple(p for p in signature.parameters if p.name not in names)), style)
    return replace(
        body,
        url=url,
        in_path=signature.in_path,
        in_query=signature.in_query,
        has_body=signature.has_body,
        input_media=body.input_media if signature.has_body else (),
        all_schema=plan(plain, style).input_schema,
    )


def arguments_hint(signature: Signature) -> Any:
    """Give the hint of all arguments: an object by name, or a root endpoint's value."""
    if signature.is_root:
        (parameter,) = signature.parameters
        info = parameter.default if isinstance(parameter.default, FieldInfo) else None
        if info is None:
            return parameter.hint
        return Annotated[(parameter.hint, *info.metadata, structures.described(info))]
    if signature.whole is not None:
        return signature.whole
    parts = {p.name: structures.Field(p.hint, structures.EMPTY if p.default is EMPTY else p.default)
             for p in signature.parameters}  # fmt: skip
    return Annotated[dict, structures.ObjectNote("Arguments", parts, forbid=not signature.passes_over)]


def readers(
    adapter: TypeAdapter[Any], signature: Signature
) -> tuple[Callable[[bytes], Arguments], Callable[[Any, int], Arguments]]:
    """Make the two ways into pydantic: from bytes of JSON, from data of a known size."""
    full = adapter.validator
    brief = brief_validator(adapter)
    is_root = signature.is_root
    default = root_default(signature)

    bind = binder(signature)
    from_text, name = text_reader(signature)

    def from_json(body: bytes) -> Arguments:
        if from_text is not None and (value := from_text(body, name)) is not None:
            return bind(value if name is None else {name: value})
        if not body:
            if not is_root:
                body = b"{}"
            elif default is EMPTY:
                raise InvalidInput(problems=[Problem("", "is required: the body is empty")])
            else:
                return bind(default)
        try:
            return bind((full if len(body) <= LONG else brief).validate_json(body))
        except ValidationError as error:
            raise invalid(error, readable(body), is_root=is_root) from error

    def from_data(data: Any, size: int) -> Arguments:
        try:
            return bind((full if size <= LONG else brief).validate_python(data))
        except ValidationError as error:
            raise invalid(error, data, is_root=is_root) from error

    return from_json, from_data


def text_reader(signature: Signature) -> tuple[Callable[[bytes, str | None], Any] | None, str | None]:
    """Find what reads the only parameter from JSON without pydantic, and its name.

    It gives None for whatever needs a second look, so that every error is told by pydantic.
    """
    only = signature.parameters[0] if len(signature.parameters) == 1 and signature.whole is None else None
    if only is None or only.stars or isinstance(only.default, FieldInfo) or get_origin(only.hint) is not Annotated:
        return None, None
    kind, *notes = get_args(only.hint)
    if kind is not Any or len(notes) != 1 or (leaf := only_leaf(only.hint)) is None:
        return None, None
    return getattr(leaf, "from_text", None), None if signature.is_root else only.name


def value_reader(signature: Signature) -> Callable[[Any], Arguments]:
    """Make the reader of arguments that are values: an object by name, or one.

    It raises InvalidInput as the other readers do.
    """
    _, from_data = readers(TypeAdapter(arguments_hint(signature)), signature)
    return lambda data: from_data(data, 0)


def binder(signature: Signature) -> Callable[[Any], Arguments]:
    """Make the function that turns what was read into the arguments of a call."""
    if signature.is_root:
        return lambda value: ((value,), {})
    if signature.whole is not None:
        names = [parameter.name for parameter in signature.parameters]
        return lambda model: ((), {name: getattr(model, name) for name in names})
    if not any(parameter.stars for parameter in signature.parameters):
        return lambda values: ((), values)
    ahead = list(takewhile(lambda parameter: parameter.stars != "*", signature.parameters))
    has_star = len(ahead) < len(signature.parameters)

    def bind(values: dict[str, Any]) -> Arguments:
        args, kwargs = [], dict(values)
        if has_star:
            args = [kwargs.pop(parameter.name) for parameter in ahead]
            args += kwargs.pop(signature.parameters[len(ahead)].name)
        for parameter in signature.parameters:
            if parameter.stars == "**":
                more = kwargs.pop(parameter.name)
                if clash := sorted(kwargs.keys() & more.keys()):
                    raise InvalidInput(problems=[Problem(f"{parameter.name}.{name}", TWICE) for name in clash])
                kwargs |= more
        return tuple(args), kwargs

    return bind


def root_default(signature: Signature) -> Any:
    """Give a root endpoint's value for an empty body; EMPTY where it must have one."""
    if not signature.is_root or signature.parameters[0].is_required:
        return EMPTY
    default = signature.parameters[0].default
    return default.get_default(call_default_factory=True) if isinstance(default, FieldInfo) else default


def readable(body: bytes) -> Any:
    """Read a body that was refused, to tell its fields by; None where it is no JSON."""
    try:
        return wire_json.load(body)
    except ValueError:
        return None


def brief_validator(adapter: TypeAdapter[Any]) -> Any:
    """Give a validator that leaves each list at its first wrong item.

    Millions of errors would fill the memory.
    """
    schema = adapter.core_schema
    brief = briefly(schema)
    return adapter.validator if brief == schema else SchemaValidator(brief)


def briefly(schema: Any) -> Any:
    """Copy a core schema, telling every list in it to fail fast."""
    if isinstance(schema, list | tuple):
        return type(schema)(briefly(part) for part in schema)
    if not isinstance(schema, dict):
        return schema
    copy = {key: part if key in KEPT else briefly(part) for key, part in schema.items()}
    if schema.get("type") in ("list", "tuple", "set", "frozenset"):
        copy["fail_fast"] = True
    return copy


KEPT = frozenset({"default", "expected", "members", "metadata", "serialization", "config"})


def fields_reader(signature: Signature, from_data: Callable[[Any, int], Arguments]) -> Callable[[Fields], Arguments]:
    """Make the reader of form fields."""
    found = {
        structures.alias_of(parameter.default) or parameter.name: forms.form_of(parameter.hint)
        for parameter in signature.parameters
    }
    whole = forms.object_forms(signature.parameters[0].hint) if signature.is_root else None

    def from_fields(fields: Fields) -> Arguments:
        size = sum(len(value) for _, value in fields if isinstance(value, str))
        if not signature.is_root:
            return from_data(wire_multipart.gather(fields, found), size)
        if whole is not None:
            return from_data(wire_multipart.gather(fields, whole), size)
        (form,) = found.values()
        if not fields:
            raise InvalidInput("the form has no field; send the value as its only one")
        return from_data(wire_multipart.gather_one(fields, form), size)

    return from_fields


def raw_reader(
    signature: Signature, raw: Parameter | None, from_data: Callable[[Any, int], Arguments]
) -> Callable[[Upload], Arguments]:
    """Make the reader of a whole body that is one value."""
    is_text = raw is not None and only_leaf(raw.hint) is None

    def from_raw(content: Upload) -> Arguments:
        if raw is None:
            raise UnsupportedMediaType(f"this endpoint does not read {content.media_type}", hint=f"send {JSON}")
        value: Any = content
        if is_text:
            try:
                value = wire_multipart.text_of(content)
            except ValueError as error:
                raise InvalidInput(str(error)) from error
        return from_data(value if signature.is_root else {structures.alias_of(raw.default) or raw.name: value}, 0)

    return from_raw


def is_shallow(schema: Any) -> bool:
    """Say whether *schema* itself bounds how deep a value may nest."""
    if not isinstance(schema, dict) or "$ref" in schema:
        return False
    if schema.get("x-kind") in ("ndarray", "tensor", "image", "bytes", "file"):
        return True
    if "anyOf" in schema:
        return all(is_shallow(part) for part in schema["anyOf"])
    kind = schema.get("type")
    if kind == "array":
        return is_shallow(schema.get("items"))
    if kind == "object":
        parts = list(schema.get("properties", {}).values())
        rest = schema.get("additionalProperties", True)
        return (rest is False or is_shallow(rest)) and all(is_shallow(part) for part in parts)
    return kind in ("string", "number", "integer", "boolean", "null")
