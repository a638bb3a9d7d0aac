"""Several values in one body: `multipart/form-data`, as an input and as an answer.

In: descriptors by name. Out: a keyword argument each; and of a dict of values one form.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any

from bentoml.exceptions import InvalidArgument
from bentoml.front import STYLE_OF_RUNNERS
from bentoml.io.base import IODescriptor
from ekiben.schema import answers
from ekiben.schema.content import FORM, Encoded
from ekiben.schema.hints import LeafNote
from ekiben.schema.signature import Signature, check_answer
from ekiben.schema.structures import Field, ObjectNote
from ekiben.schema.values.base import Encoder
from ekiben.schema.values.record import RecordLeaf
from ekiben.schema.wire.multipart import write


@dataclass(frozen=True, slots=True)
class FormLeaf(RecordLeaf):
    """An answer of several parts."""

    parts: Mapping[str, Encoder] = field(default_factory=dict)
    output_media: str = FORM

    def __post_init__(self) -> None:
        """Write answers by the leaf itself."""
        object.__setattr__(self, "encoders", {FORM: self.write})

    def write(self, value: Any) -> Encoded:
        """Write a part for each value that has a descriptor; raises TypeError where one is missing."""
        if not isinstance(value, Mapping):
            raise TypeError(f"the answer must be a dict of the parts {', '.join(self.parts)}: {type(value).__name__}")
        if missing := [name for name in self.parts if name not in value]:
            raise TypeError(f"the answer must have the parts {', '.join(self.parts)}; missing: {', '.join(missing)}")
        return write({name: encode(value[name]) for name, encode in self.parts.items()})


class FormNote(LeafNote):
    """Lets the fields beside it describe the answer."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Leave the value to the fields."""
        return handler(source)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """Describe the fields."""
        found: dict[str, Any] = handler(schema)
        return found


class Multipart(IODescriptor[dict[str, Any]], descriptor_id="bentoml.io.Multipart"):
    """Describes a form; a function takes its parts by keyword, and returns a dict of them.

    Args:
        inputs: the descriptors of the parts, by name.

    Raises:
        InvalidArgument: a part is no descriptor, another form, or one that reads the request itself.
    """

    def __init__(self, **inputs: Any) -> None:
        if not inputs:
            raise InvalidArgument("`Multipart` must have parts: write `Multipart(image=Image(), words=JSON())`")
        for name, part in inputs.items():
            if not isinstance(part, IODescriptor) or isinstance(part, Multipart):
                raise InvalidArgument(f"the part `{name}` must be a descriptor, and no `Multipart`: {part!r}")
            if part.is_custom:
                raise InvalidArgument(
                    f"the part `{name}` must be one of `bentoml.io`: {type(part).__name__} takes the request whole",
                    hint="let a descriptor of your own be the whole input, and read the form in it",
                )
        self._inputs = MappingProxyType(inputs)

    @property
    def parts(self) -> Mapping[str, IODescriptor[Any]]:
        """The descriptors of the parts."""
        return self._inputs

    def parameter_hint(self) -> Any:
        """Say that there is none: each part has its own."""
        raise InvalidArgument("a form has no one value", hint="take the `parameter_hint()` of each of its `parts`")

    def _output_hint(self) -> Any:
        hints = {name: check_answer(part.answer_hint(), f"the part `{name}`") for name, part in self._inputs.items()}
        encoders = {
            name: answers.plan(Signature((), returns=hint), STYLE_OF_RUNNERS.nan_style).encode
            for name, hint in hints.items()
        }
        fields = {name: Field(hint) for name, hint in hints.items()}
        return Annotated[dict, ObjectNote("Form", fields), FormNote(FormLeaf(parts=encoders))]

    def input_type(self) -> Any:
        """Give the type of each part."""
        return {name: part.input_type() for name, part in self._inputs.items()}

    def openapi_example(self) -> Any:
        """Give the samples of the parts that have one."""
        found = {name: part.openapi_example() for name, part in self._inputs.items() if part.sample is not None}
        return found or None

    @classmethod
    def from_sample(cls, *given: Any, **options: Any) -> "Multipart":
        """Make a form of parts that were made of samples.

        Args:
            given: a dict of descriptors by name; also by keyword.
            options: descriptors by name.

        Raises:
            InvalidArgument: something is no descriptor.
        """
        parts = dict(given[0]) if len(given) == 1 and isinstance(given[0], Mapping) else {}
        if given and not parts:
            raise InvalidArgument(
                "`Multipart.from_sample` takes descriptors by name",
                hint="write `Multipart(rows=NumpyNdarray.from_sample(rows), words=JSON.from_sample(words))`",
            )
        return cls(**parts, **options)

    def _spec_args(self) -> dict[str, Any]:
        return {name: part.to_spec() for name, part in self._inputs.items()}

    @classmethod
    def _of_spec(cls, args: dict[str, Any]) -> "Multipart":
        return cls(**{name: IODescriptor.from_spec(spec) for name, spec in args.items()})
