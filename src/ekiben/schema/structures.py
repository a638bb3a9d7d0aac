"""Settle the fields of classes that hold our kinds, such as dataclasses.

In: a class and the function that settles a hint. Out: the class itself where no field is ours, otherwise a hint by
which pydantic makes real instances of that class: its own `__init__`, validators and `__post_init__` run.
"""

import dataclasses
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from types import GenericAlias
from typing import Annotated, Any, NotRequired, Required, get_args, get_origin, get_type_hints, is_typeddict

from pydantic import AfterValidator, BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter, create_model
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticUndefined, core_schema

from ekiben.core.errors import ConfigError

Settle = Callable[[Any], Any]
EMPTY: Any = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object, settled."""

    hint: Any
    default: Any = EMPTY  # a value, a FieldInfo, or EMPTY
    factory: Callable[[], Any] | None = None
    required: bool = True

    @property
    def alias(self) -> str | None:
        """The name that it has on the wire, where that is another."""
        return alias_of(self.default)


@dataclass(frozen=True, slots=True, eq=False)
class ObjectNote:
    """Lets pydantic read a JSON object by *fields*, and *make* something of it."""

    name: str
    fields: Mapping[str, Field]
    make: Callable[[dict[str, Any]], Any] | None = None
    forbid: bool = False  # refuse fields that are not known
    doc: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate by the fields."""
        parts = {name: field_schema(part, handler) for name, part in self.fields.items()}
        schema: CoreSchema = core_schema.typed_dict_schema(parts, extra_behavior="forbid" if self.forbid else "ignore")
        if self.make is not None:
            schema = core_schema.no_info_after_validator_function(self.make, schema)
        return schema

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Describe the fields, under the object's name."""
        described = handler.resolve_ref_schema(handler(schema))
        described.setdefault("title", self.name)
        if self.doc:
            described.setdefault("description", self.doc)
        return described


@dataclass(eq=False, slots=True)
class AgainNote:
    """Stands for a class inside itself, which is settled only when its outside is."""

    name: str
    is_used: bool = False
    adapter: TypeAdapter[Any] | None = field(default=None)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate by the whole, once it is there."""
        return core_schema.no_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Name the class."""
        return {"type": "object", "title": self.name, **handler(core_schema.any_schema())}

    def validate(self, raw: Any) -> Any:
        """Read one more level."""
        assert self.adapter is not None  # set before the first value comes
        return self.adapter.validate_python(raw)


@dataclass(frozen=True, slots=True, eq=False)
class RestoreNote:
    """Gives an instance of a settled model its user's class back.

    `type()` and `==` are then what they were.
    """

    model: type[BaseModel]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate by the settled model, then restore."""
        return core_schema.no_info_after_validator_function(self.restore, handler(source))

    def restore(self, value: Any) -> Any:
        """Change the class of *value*, which adds nothing to the user's."""
        object.__setattr__(value, "__class__", self.model)
        return value


def field_schema(part: Field, handler: GetCoreSchemaHandler) -> core_schema.TypedDictField:
    """Give pydantic's schema of one field, with default, alias and description."""
    info = part.default if isinstance(part.default, FieldInfo) else None
    if info is None:
        schema = handler.generate_schema(part.hint)
        return optional(schema, part.default, part.factory, required=part.required)
    notes = (*info.metadata, described(info))
    schema = handler.generate_schema(Annotated[(part.hint, *notes)])
    default = EMPTY if info.default is PydanticUndefined or info.default is Ellipsis else info.default
    found = optional(
        schema, default, info.default_factory, required=part.required, validate=bool(info.validate_default)
    )
    if part.alias is not None:
        found["validation_alias"] = part.alias
    return found


def alias_of(default: Any) -> str | None:
    """Give the alias that a default, if it is a FieldInfo, names."""
    alias = default.validation_alias if isinstance(default, FieldInfo) else None
    return alias if isinstance(alias, str) else None


def aliases_of(cls: type) -> dict[str, str]:
    """Give the aliases of a class's fields, by field."""
    if not issubclass(cls, BaseModel):
        return {}
    return {name: alias for name, info in cls.model_fields.items() if (alias := alias_of(info)) is not None}


def described(info: FieldInfo) -> FieldInfo:
    """Give the part of *info* that only documents or discriminates."""
    return FieldInfo(
        title=info.title,
        description=info.description,
        examples=info.examples,
        deprecated=info.deprecated,
        json_schema_extra=info.json_schema_extra,
        discriminator=info.discriminator,
    )


def optional(
    schema: CoreSchema, default: Any, factory: Any, *, required: bool, validate: bool = False
) -> core_schema.TypedDictField:
    """Add the default, if there is one."""
    if default is EMPTY and factory is None:
        return core_schema.typed_dict_field(schema, required=required)
    wrapped = (
        core_schema.with_default_schema(schema, validate_default=validate, default=default)
        if factory is None
        else core_schema.with_default_schema(schema, validate_default=validate, default_factory=factory)
    )
    return core_schema.typed_dict_field(wrapped, required=False)


def parts_of(note: ObjectNote | RestoreNote, settled: Any) -> list[Any]:
    """Give the settled hints of the fields that *note* on *settled* stands for."""
    if isinstance(note, ObjectNote):
        return [part.hint for part in note.fields.values()]
    return [whole_hint(info) for info in settled.model_fields.values()]


def is_structure(hint: Any) -> bool:
    """Say whether *hint* is a class with typed fields."""
    if not isinstance(hint, type):
        return False
    return (
        issubclass(hint, BaseModel)
        or dataclasses.is_dataclass(hint)
        or is_typeddict(hint)
        or (issubclass(hint, tuple) and hasattr(hint, "_fields"))
    )


def hints_of(cls: type) -> dict[str, Any]:
    """Give the resolved hints of a class's fields.

    Raises:
        ConfigError: one of them does not resolve.
    """
    if issubclass(cls, BaseModel):
        cls.model_rebuild(raise_errors=False)
        return {name: whole_hint(info) for name, info in cls.model_fields.items()}
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise ConfigError(f"the annotations of `{cls.__name__}` cannot be resolved: {error}") from error
    if dataclasses.is_dataclass(cls):
        return {part.name: hints[part.name] for part in dataclasses.fields(cls) if part.init}
    return hints


def whole_hint(info: FieldInfo) -> Any:
    """Give a model field's hint with what pydantic took out of its `Annotated`."""
    return Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation


def settle(cls: type, settle_hint: Settle, inside: dict[type, AgainNote]) -> Any:
    """Settle the fields of *cls*, some of which are ours.

    Args:
        cls: a class for which `is_structure` holds.
        settle_hint: settles the hint of a field.
        inside: the classes that are being settled, by which a class inside itself is known.

    Raises:
        ConfigError: a field cannot be settled; it is named.
    """
    if cls in inside:
        inside[cls].is_used = True
        return Annotated[Any, inside[cls]]
    again = inside[cls] = AgainNote(cls.__name__)
    settled = {}
    try:
        for name, hint in hints_of(cls).items():
            try:
                settled[name] = settle_hint(hint)
            except ConfigError as error:
                raise ConfigError(f"field `{name}` of `{cls.__name__}`: {error}", hint=error.hint) from error
    finally:
        del inside[cls]
    whole = rebuild(cls, settled)
    if again.is_used:
        again.adapter = TypeAdapter(whole)
    return whole


def rebuild(cls: type, settled: Mapping[str, Any]) -> Any:
    """Give a hint that reads *settled* fields and makes instances of *cls*."""
    if issubclass(cls, BaseModel):
        return rebuild_model(cls, settled)
    doc = cls.__doc__ or ""
    if dataclasses.is_dataclass(cls):
        if any(is_init_only(hint) for hint in get_type_hints(cls).values()):
            raise ConfigError(f"`{cls.__name__}` has an `InitVar` beside a value that is not JSON")
        parts = {part.name: dataclass_field(part, settled[part.name]) for part in dataclasses.fields(cls) if part.init}
        own = "" if doc.startswith(f"{cls.__name__}(") else doc  # what `dataclass` writes by itself says nothing
        return Annotated[cls, ObjectNote(cls.__name__, parts, make=lambda values: cls(**values), doc=own)]
    if is_typeddict(cls):
        parts = {name: typed_dict_field(cls, name, hint) for name, hint in settled.items()}
        return Annotated[dict, ObjectNote(cls.__name__, parts, doc=doc)]
    row = GenericAlias(tuple, tuple(settled.values()))
    return Annotated[row, AfterValidator(lambda values: cls(*values))]


def rebuild_model(cls: type[BaseModel], settled: Mapping[str, Any]) -> Any:
    """Give a pydantic model's subclass with settled fields; instances become its own."""
    changed: dict[str, Any] = {}
    for name, hint in settled.items():
        info = copy(cls.model_fields[name])
        if hint is whole_hint(info):
            continue
        info.metadata = []
        changed[name] = (hint, info)
    made = create_model(cls.__name__, __base__=cls, __module__=cls.__module__, __doc__=cls.__doc__, **changed)
    return Annotated[made, RestoreNote(cls)]


def dataclass_field(part: Any, hint: Any) -> Field:
    """Read one field of a dataclass."""
    if part.default_factory is not dataclasses.MISSING:
        return Field(hint, factory=part.default_factory)
    return Field(hint) if part.default is dataclasses.MISSING else Field(hint, default=part.default)


def typed_dict_field(cls: Any, name: str, hint: Any) -> Field:
    """Read one field of a `TypedDict`; its own marker goes before the class's total."""
    origin = get_origin(hint)
    if origin in (Required, NotRequired):
        return Field(get_args(hint)[0], required=origin is Required)
    return Field(hint, required=name in cls.__required_keys__)


def is_init_only(hint: Any) -> bool:
    """Say whether *hint* is an `InitVar`."""
    return isinstance(hint, dataclasses.InitVar) or hint is dataclasses.InitVar
