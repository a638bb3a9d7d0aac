"""What every descriptor is: the input or the output of an API, as an object.

In: what its user says of the value. Out: hints for `ekiben.schema`, documents, and two methods that read a request and
make a response, which a user's own descriptor may bring instead.
"""

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.front import STYLE_OF_RUNNERS
from bentoml.io.notes import REQUEST, Described
from ekiben.core.spec import EndpointSpec
from ekiben.http import handed
from ekiben.schema import openapi
from ekiben.schema.codec import Codec, plan
from ekiben.schema.components import Components
from ekiben.schema.signature import EMPTY, Parameter, Signature, check, check_answer

Value = TypeVar("Value")
NO_PARTS: Mapping[str, Any] = MappingProxyType({})
REGISTRY: dict[str, type["IODescriptor[Any]"]] = {}  # descriptors by their ids, for `from_spec`


class IODescriptor(Generic[Value]):
    """Describes the input or the output of an API.

    A subclass that brings its own `from_http_request` reads the Starlette request itself, one that brings
    `to_http_response` makes the Starlette response itself.
    """

    descriptor_id: ClassVar[str | None] = None
    sample: Any = None
    _told: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})

    def __init_subclass__(cls, *, descriptor_id: str | None = None, proto_fields: Any = None, **rest: Any) -> None:
        """Remember a descriptor by its id; *proto_fields* belong to gRPC, which is not served here."""
        super().__init_subclass__(**rest)
        if descriptor_id is not None:
            cls.descriptor_id = descriptor_id
            REGISTRY[descriptor_id] = cls

    def __new__(cls, *args: Any, **options: Any) -> Self:
        """Remember what was given, for `repr`."""
        made = super().__new__(cls)
        made._told = (args, options)
        return made

    def __init__(self, **options: Any) -> None:
        if options:
            raise InvalidArgument(f"`{type(self).__name__}` has no option of this name: {next(iter(options))}")

    def __repr__(self) -> str:
        args, options = self._told
        words = [repr(value) for value in args] + [f"{name}={value!r}" for name, value in options.items()]
        return f"{type(self).__name__}({', '.join(words)})"

    # --- what a service is made of ----------------------------------------------------------------------------------

    @property
    def reads_requests(self) -> bool:
        """Whether the user's own code reads the request."""
        return type(self).from_http_request is not IODescriptor.from_http_request

    @property
    def writes_responses(self) -> bool:
        """Whether the user's own code makes the response."""
        return type(self).to_http_response is not IODescriptor.to_http_response

    @property
    def is_custom(self) -> bool:
        """Whether the user's own code does either."""
        return self.reads_requests or self.writes_responses

    @property
    def parts(self) -> "Mapping[str, IODescriptor[Any]]":
        """The descriptors of a form's parts, by the function's keywords; empty where the body is one value."""
        return NO_PARTS

    def parameter_hint(self) -> Any:
        """Give the hint of the value as an input, which is the whole body."""
        return self._described(REQUEST if self.reads_requests else self._input_hint())

    def answer_hint(self) -> Any:
        """Give the hint of the value as an answer."""
        return self._described(Any if self.writes_responses else self._output_hint())

    def _input_hint(self) -> Any:
        raise BentoMLException(
            f"`{type(self).__name__}` cannot read requests",
            hint="write its `async def from_http_request(self, request)`",
        )

    def _output_hint(self) -> Any:
        raise BentoMLException(
            f"`{type(self).__name__}` cannot make responses",
            hint="write its `async def to_http_response(self, obj, ctx=None)`",
        )

    @property
    def _has_own_schema(self) -> bool:
        return type(self).openapi_schema is not IODescriptor.openapi_schema

    def _described(self, hint: Any) -> Any:
        return Annotated[hint, Described(schema=dict(self.openapi_schema()))] if self._has_own_schema else hint

    # --- one request, one response ----------------------------------------------------------------------------------

    async def from_http_request(self, request: Any) -> Any:
        """Read the value from a Starlette request.

        Raises:
            InvalidInput: the body is no such value.
        """
        if self.parts:
            _, kwargs = await handed.read(request, self._codec())
            return kwargs
        (value,), _ = await handed.read(request, self._codec(self._described(self._input_hint())))
        return value

    async def to_http_response(self, obj: Any, ctx: Any = None) -> Any:
        """Make a Starlette response of the value, with what *ctx* adds to it."""
        is_stream = inspect.isgenerator(obj) or inspect.isasyncgen(obj)
        codec = self._codec(given=self._described(self._output_hint()), is_stream=is_stream)
        return handed.respond(obj, codec, None if ctx is None else ctx.response)

    async def from_proto(self, field: Any) -> Any:
        """Say that there is no gRPC here."""
        raise BentoMLException("services are not served by gRPC here", hint="call them by HTTP")

    async def to_proto(self, obj: Any) -> Any:
        """Say that there is no gRPC here."""
        raise BentoMLException("services are not served by gRPC here", hint="call them by HTTP")

    def from_arrow(self, batch: Any) -> Any:
        """Say what reads tables without a server."""
        raise BentoMLException(
            "Spark is not driven from here", hint="write `ekiben run TARGET ENDPOINT --input-file F`"
        )

    def to_arrow(self, obj: Any, ctx: Any = None) -> Any:
        """Say what writes tables without a server."""
        raise BentoMLException("Spark is not driven from here", hint="write `ekiben run TARGET ENDPOINT -o F`")

    def spark_schema(self) -> Any:
        """Say what stands in its place."""
        raise BentoMLException("Spark is not driven from here", hint="`openapi_schema()` describes the value")

    def _codec(self, taken: Any = None, given: Any = EMPTY, *, is_stream: bool = False) -> Codec:
        where = f"`{type(self).__name__}`"
        hints = {"value": taken} if taken is not None else {name: p.parameter_hint() for name, p in self.parts.items()}
        parameters = tuple(Parameter(name, check(hint, where, is_input=True)) for name, hint in hints.items())
        returns = EMPTY if given is EMPTY else check_answer(given, where)
        is_root = taken is not None
        signature = Signature(parameters, returns=returns, is_root=is_root, is_stream=is_stream, passes_over=True)
        return plan(signature, STYLE_OF_RUNNERS)

    def _input_codec(self) -> Codec:
        return self._codec() if self.parts else self._codec(self.parameter_hint())

    def _output_codec(self) -> Codec:
        return self._codec(given=self.answer_hint())

    # --- documents --------------------------------------------------------------------------------------------------

    @property
    def mime_type(self) -> str:
        """The media type of a value as an answer."""
        return self._output_codec().output_media.partition(";")[0]

    def input_type(self) -> Any:
        """Give the type of the values."""
        return Any

    def openapi_schema(self) -> dict[str, Any]:
        """Give the schema of the value; what it refers to is in `openapi_components`."""
        return Components().hoist(self._input_codec().input_schema)

    def openapi_components(self) -> dict[str, Any] | None:
        """Give what the schema refers to, as components of OpenAPI; None where it refers to nothing."""
        components = Components()
        components.hoist(self._input_codec().input_schema)
        return {"schemas": components.schemas} if components.schemas else None

    def openapi_example(self) -> Any:
        """Give the sample as JSON; None where there is none."""
        return None

    def openapi_request_body(self) -> dict[str, Any]:
        """Describe the body of a request."""
        body = openapi.request_body(self._input_codec(), Components())
        return {**body, "x-bentoml-io-descriptor": self.to_spec()}

    def openapi_responses(self) -> dict[str, Any]:
        """Describe the response."""
        endpoint = EndpointSpec("value", "/value")
        answer = openapi.answer(endpoint, self._output_codec(), Components())
        return {**answer, "x-bentoml-io-descriptor": self.to_spec()}

    # --- from samples and to data -----------------------------------------------------------------------------------

    @classmethod
    def from_sample(cls, *given: Any, **options: Any) -> Self:
        """Make a descriptor of values like a sample, which becomes the documents' example.

        Args:
            given: the sample; also by the keyword `sample`, or `sample_input` as in 1.0.
            options: the descriptor's.

        Raises:
            InvalidArgument: the sample is not of the descriptor's type.
        """
        names = [name for name in ("sample", "sample_input") if name in options]
        if len(given) + len(names) != 1:
            raise InvalidArgument(f"`{cls.__name__}.from_sample` takes one sample: {len(given) + len(names)} given")
        sample = given[0] if given else options.pop(names[0])
        found = cls._options_of(sample)
        if options.get("enforce_dtype"):  # else a sample of whole numbers would cut off the fractions of others
            found.setdefault("dtype", cls._dtype_of(sample))
        made = cls(**{**found, **options})
        made.sample = made._from_sample(sample)
        return made

    @classmethod
    def _options_of(cls, sample: Any) -> dict[str, Any]:
        return {}

    @classmethod
    def _dtype_of(cls, sample: Any) -> Any:
        return None

    def _from_sample(self, sample: Any) -> Any:
        return sample

    def to_spec(self) -> dict[str, Any]:
        """Describe the descriptor as data."""
        return {"id": self.descriptor_id, "args": self._spec_args()}

    def _spec_args(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> "IODescriptor[Any]":
        """Make a descriptor again from what `to_spec` gave.

        Raises:
            InvalidArgument: it is no such data, or of a descriptor that is not loaded.
        """
        found = REGISTRY.get(str(spec.get("id")))
        if found is None:
            raise InvalidArgument(f"`id` must be one of {', '.join(sorted(REGISTRY))}: {spec.get('id')!r}")
        return found._of_spec(dict(spec.get("args", {})))

    @classmethod
    def _of_spec(cls, args: dict[str, Any]) -> "IODescriptor[Any]":
        return cls(**args)


def from_spec(spec: Mapping[str, Any]) -> IODescriptor[Any]:
    """Make a descriptor again from what its `to_spec` gave."""
    return IODescriptor.from_spec(spec)
