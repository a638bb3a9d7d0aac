"""Say what is known of a model, in the words of `model.yaml`.

In: keywords at a save, plain data from a file. Out: `ModelInfo`, frozen, and plain data again.
Keys that BentoML 1.x writes keep their names and meaning, so that each reads what the other wrote.
"""

import datetime
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata as distributions
from typing import Any, Self, TypedDict, Unpack

from ekiben.core.errors import CorruptItem, InvalidInput
from ekiben.core.tag import Tag
from ekiben.store.document import make_plain

# The release whose model.yaml we write, for readers that look at this key.
BENTOML_VERSION = "1.4.17"


@dataclass(frozen=True, slots=True)
class MethodSignature:
    """How a method of the model takes calls."""

    batchable: bool = False
    batch_dim: tuple[int, int] = (0, 0)  # the axis of the batch, in and out
    input_spec: Any = None
    output_spec: Any = None

    @classmethod
    def parse(cls, value: Any, field_name: str) -> Self:
        """Read a signature as users and `model.yaml` write it: a mapping with these keys.

        Raises:
            InvalidInput: a key is unknown or a value is not of its type.
        """
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping) or not value.keys() <= {
            "batchable",
            "batch_dim",
            "input_spec",
            "output_spec",
        }:
            raise InvalidInput(f"`{field_name}` must be a mapping with `batchable` and `batch_dim`: {value!r}")
        dim = value.get("batch_dim", 0)
        pair = (dim, dim) if isinstance(dim, int) else tuple(dim) if isinstance(dim, Sequence) else ()
        if len(pair) != 2 or not all(isinstance(axis, int) for axis in pair):
            raise InvalidInput(
                f"`{field_name}.batch_dim` must be an axis, or one for input and one for output: {dim!r}"
            )
        if not isinstance(value.get("batchable", False), bool):
            raise InvalidInput(f"`{field_name}.batchable` must be true or false: {value['batchable']!r}")
        return cls(value.get("batchable", False), (pair[0], pair[1]), value.get("input_spec"), value.get("output_spec"))

    def to_plain(self) -> dict[str, Any]:
        """Give the mapping for `model.yaml`."""
        plain: dict[str, Any] = {"batchable": self.batchable, "batch_dim": list(self.batch_dim)}
        specs = {"input_spec": self.input_spec, "output_spec": self.output_spec}
        return plain | {key: value for key, value in specs.items() if value is not None}


class Described(TypedDict, total=False):
    """What may be said of a model when it is saved."""

    module: str
    labels: Mapping[str, str]
    options: Mapping[str, Any]
    metadata: Mapping[str, Any]
    context: Mapping[str, Any]
    signatures: Mapping[str, Any]
    api_version: str
    format: str | None
    needs_unpickling: bool | None
    sample: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a model.

    `module` is the framework's public module (`ekiben.sklearn`); `options` are its own; `metadata` and `labels` are
    the user's; `context` holds versions of Python and of libraries; `format` names how the files were written;
    `needs_unpickling` is None where nobody said; `sample` holds the schemas of input and output, as plain data.
    """

    tag: Tag
    creation_time: datetime.datetime
    module: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    signatures: Mapping[str, MethodSignature] = field(default_factory=dict)
    api_version: str = "v1"
    format: str | None = None
    needs_unpickling: bool | None = None
    sample: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """The tag's name."""
        return self.tag.name

    @property
    def version(self) -> str:
        """The tag's version."""
        return self.tag.version or ""

    @classmethod
    def new(cls, tag: Tag, **described: Unpack[Described]) -> Self:
        """Describe a model that is being saved now.

        Raises:
            InvalidInput: a value cannot be written down; the error names the field.
        """
        return cls(tag, datetime.datetime.now(datetime.UTC)).changed(**({"context": {}} | described))

    def changed(self, **changes: Unpack[Described]) -> Self:
        """Give the same with other values, each checked and made plain."""
        plain: dict[str, Any] = dict(changes)
        for key in ("options", "metadata", "sample"):
            if plain.get(key) is not None:
                plain[key] = make_plain(_mapping(plain[key], key), key)
        if "labels" in plain:
            plain["labels"] = _labels(plain["labels"])
        if "context" in plain:
            plain["context"] = _context() | make_plain(_mapping(plain["context"], "context"), "context")
        if "signatures" in plain:
            given = _mapping(plain["signatures"], "signatures")
            plain["signatures"] = {
                name: MethodSignature.parse(value, f"signatures.{name}") for name, value in given.items()
            }
        return replace(self, **{key: {} if value is None and key in _EMPTY else value for key, value in plain.items()})

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `model.yaml` holds; keys that are not known are left out.

        Raises:
            CorruptItem: a key is missing or its value is of another type.
        """
        try:
            tag = Tag(_text(plain, "name"), _text(plain, "version"))
            if not tag.is_exact:
                raise InvalidInput(f"`version` must be exact: {tag.version!r}")
            info = cls(
                tag=tag,
                creation_time=read_time(plain.get("creation_time")),
                module=_text(plain, "module", ""),
                api_version=_text(plain, "api_version", "v1"),
                format=None if plain.get("format") is None else _text(plain, "format"),
                needs_unpickling=_flag(plain, "needs_unpickling"),
                labels={str(key): str(value) for key, value in _mapping(plain.get("labels"), "labels").items()},
                context=_mapping(plain.get("context"), "context"),
            )
            return info.changed(
                options=plain.get("options") or {},
                metadata=plain.get("metadata") or {},
                signatures=plain.get("signatures") or {},
                sample=plain.get("sample"),
            )
        except InvalidInput as error:
            raise CorruptItem(f"model.yaml cannot be used: {error}") from error

    def to_plain(self) -> dict[str, Any]:
        """Give what `model.yaml` holds."""
        plain: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "module": self.module,
            "labels": dict(self.labels),
            "options": dict(self.options),
            "metadata": dict(self.metadata),
            "context": dict(self.context),
            "signatures": {name: signature.to_plain() for name, signature in self.signatures.items()},
            "api_version": self.api_version,
            "creation_time": self.creation_time.isoformat(),
        }
        ours = {"format": self.format, "needs_unpickling": self.needs_unpickling, "sample": self.sample}
        return plain | {key: value for key, value in ours.items() if value is not None}


_EMPTY = ("labels", "options", "metadata", "context", "signatures")


def _context() -> dict[str, Any]:
    return {
        "framework_name": "",
        "framework_versions": {},
        "ekiben_version": _version(),
        "bentoml_version": BENTOML_VERSION,
        "python_version": platform.python_version(),
    }


def _version() -> str:
    try:
        return distributions.version("ekiben")
    except distributions.PackageNotFoundError:  # run from a folder of sources
        return "unknown"


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput(f"`{name}` must be a mapping: {value!r}")
    return value


def _labels(value: Any) -> dict[str, str]:
    labels: Mapping[Any, Any] = _mapping(value, "labels")
    for key, text in labels.items():
        if not isinstance(key, str) or not isinstance(text, str):
            raise InvalidInput(f"`labels` must map text to text: {{{key!r}: {text!r}}}")
    return dict(labels)


def _text(plain: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = plain.get(key, default)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and key == "version":
        value = str(value)  # an unquoted version of digits
    if not isinstance(value, str):
        raise InvalidInput(f"`{key}` must be text: {value!r}")
    return value


def _flag(plain: Mapping[str, Any], key: str) -> bool | None:
    value = plain.get(key)
    if value is not None and not isinstance(value, bool):
        raise InvalidInput(f"`{key}` must be true or false: {value!r}")
    return value


def read_time(value: Any) -> datetime.datetime:
    """Read a time; one without a zone is UTC, as BentoML means it."""
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError as error:
            raise InvalidInput(f"`creation_time` must be a time in ISO 8601: {value!r}") from error
    if not isinstance(value, datetime.datetime):
        raise InvalidInput(f"`creation_time` must be a time: {value!r}")
    return value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
