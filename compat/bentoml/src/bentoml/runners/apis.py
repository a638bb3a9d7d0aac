"""Make an endpoint of a function and two descriptors.

In: a function, what describes its input and its output. Out: a `Signature`, an `EndpointSpec`, and what the engine
calls. The function's own hints say nothing about what is sent: the descriptors do.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from types import GenericAlias
from typing import Any

from starlette.responses import StreamingResponse

from bentoml.front import STYLE_OF_RUNNERS
from bentoml.io.text import Text
from bentoml.runners.arguments import hints_of
from ekiben.core.context import Context
from ekiben.core.errors import ConfigError
from ekiben.core.spec import Convention, EndpointSpec
from ekiben.schema.codec import plan
from ekiben.schema.signature import CONTEXT_NAMES, EMPTY, Parameter, Signature, check, is_stream
from ekiben.services.methods import read_route

RESERVED = ("index", "swagger", "docs", "metrics", "feedback", "healthz", "livez", "readyz")
CONTEXT = "ctx"  # how the call is handed over where the function does not ask for it
LOOSE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class InferenceAPI:
    """One function of a service, with what describes its input and output."""

    name: str
    route: str
    input: Any
    output: Any
    func: Callable[..., Any]
    doc: str
    context: str | None  # its parameter for the running call
    is_stream: bool

    @property
    def is_async(self) -> bool:
        """Whether it runs on the event loop."""
        return inspect.iscoroutinefunction(self.func) or inspect.isasyncgenfunction(self.func)

    @property
    def reads_requests(self) -> bool:
        """Whether the user's own descriptor reads the request."""
        return bool(getattr(self.input, "reads_requests", False))

    @property
    def writes_responses(self) -> bool:
        """Whether the user's own descriptor makes the response."""
        return bool(getattr(self.output, "writes_responses", False))

    @property
    def is_custom(self) -> bool:
        """Whether the user's own descriptors do either."""
        return self.reads_requests or self.writes_responses

    @property
    def parts(self) -> Mapping[str, Any]:
        """The descriptors of the fields, where the input is a form."""
        found: Mapping[str, Any] = getattr(self.input, "parts", {})
        return found


def make(
    function: Callable[..., Any],
    given: tuple[Any, Any],
    *,
    name: str | None,
    doc: str | None,
    route: str | None,
) -> InferenceAPI:
    """Check what `Service.api` was given.

    Args:
        function: the user's.
        given: the descriptors of its input and its output.
        name: the function's by default.
        doc: the function's by default.
        route: `/` and the name by default; the slash may be left out.

    Raises:
        ConfigError: a name, a route or a parameter cannot be served.
    """
    if not callable(function):
        raise ConfigError(f"`svc.api(…)` takes a function: {function!r}")
    named = name or function.__name__
    if not named.isidentifier() or named in RESERVED:
        raise ConfigError(
            f"the name of an API must be a Python name and none of {', '.join(RESERVED)}: {named!r}",
            hint='write `@svc.api(…, name="predict")`',
        )
    for which, descriptor in zip(("input", "output"), given, strict=True):
        if isinstance(descriptor, type) or not hasattr(descriptor, "parameter_hint"):
            raise ConfigError(
                f"`{which}` of `{named}` must be a descriptor of `bentoml.io`: {descriptor!r}",
                hint=f"write `{descriptor.__name__}()`"
                if isinstance(descriptor, type)
                else "write `bentoml.io.JSON()`",
            )
    if "{" in (route or ""):
        raise ConfigError(f"`route` of `{named}` must be a plain path, as a function takes one value: {route!r}")
    api = InferenceAPI(
        name=named,
        route=read_route("/" + (route or named).lstrip("/")),
        input=given[0],
        output=given[1],
        func=function,
        doc=(inspect.getdoc(function) or "") if doc is None else doc,
        context=context_of(function),
        is_stream=streams(function),
    )
    check_parameters(api)
    return api


def context_of(function: Callable[..., Any]) -> str | None:
    """Name the parameter that takes the running call, by its name or its hint."""
    hints = hints_of(function)
    found = (name for name in inspect.signature(function).parameters if is_context(name, hints.get(name)))
    return next(found, None)


def is_context(name: str, hint: Any) -> bool:
    """Say whether a parameter takes the running call."""
    return name in CONTEXT_NAMES or (isinstance(hint, type) and issubclass(hint, Context))


def streams(function: Callable[..., Any]) -> bool:
    """Say whether a function answers in pieces: it is a generator, or says so."""
    is_generator = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    return is_generator or is_stream(hints_of(function).get("return", inspect.Parameter.empty))


def check_parameters(api: InferenceAPI) -> None:
    """Hold a function to take its input: one value, or a form's fields by their names.

    Raises:
        ConfigError: it takes something else.
    """
    own = [p for name, p in inspect.signature(api.func).parameters.items() if name != api.context]
    plain = [p for p in own if p.kind not in LOOSE]
    needed = [p.name for p in plain if p.default is inspect.Parameter.empty]
    if not api.parts:
        if not own or len(needed) > 1:
            raise ConfigError(
                f"`{api.name}` must take one value, and `ctx` beside it where it wants the call: it takes"
                f" {', '.join(needed) or 'nothing'}",
                hint="several values are the fields of `bentoml.io.Multipart`",
            )
        return
    names, takes_more = [p.name for p in plain], any(p.kind is inspect.Parameter.VAR_KEYWORD for p in own)
    odd = [name for name in needed if name not in api.parts]
    odd += [name for name in api.parts if name not in names and not takes_more]
    if odd:
        raise ConfigError(
            f"`{api.name}` and its `Multipart` must name the same fields: `{odd[0]}` is in one only",
            hint=f"write `def {api.name}({', '.join(api.parts)})`",
        )


def signature_of(api: InferenceAPI) -> Signature:
    """Say what is sent and what comes back, by the descriptors; raises ConfigError."""
    where = f"of `{api.name}`"
    if api.parts:
        own = inspect.signature(api.func).parameters
        parameters = tuple(
            Parameter(
                name,
                check(part.parameter_hint(), f"the field `{name}` {where}", is_input=True),
                own[name].default if name in own else EMPTY,
            )
            for name, part in api.parts.items()
        )
    else:
        parameters = (Parameter("value", check(api.input.parameter_hint(), f"the input {where}", is_input=True)),)
    answer, is_stream = api.output.answer_hint(), api.is_stream and not api.writes_responses
    return Signature(
        parameters,
        returns=check(GenericAlias(AsyncIterator, (answer,)) if is_stream else answer, f"the output {where}"),
        is_root=not api.parts,
        context=api.context or (CONTEXT if api.is_custom else None),
        is_async=api.is_async or api.is_custom,
        is_stream=is_stream,
        passes_over=True,
    )


def describe(api: InferenceAPI, signature: Signature) -> EndpointSpec:
    """Settle the endpoint of a function."""
    codec = plan(signature, STYLE_OF_RUNNERS)
    return EndpointSpec(
        name=api.name,
        route=api.route,
        input=codec.arguments_schema,
        output=codec.output_schema,
        convention=Convention.KEYWORDS if api.parts else Convention.ONE_VALUE,
        stream=signature.is_stream,
        doc=api.doc,
    )


def called(api: InferenceAPI, state: MutableMapping[str, Any]) -> Callable[..., Any]:
    """Settle how a function is called.

    Args:
        api: the function.
        state: what `ctx.state` is, in every call and in the hooks.
    """
    if api.is_custom:
        return called_around(api, state)
    function = passing_pieces_on(api)
    if api.context is None:
        return function
    context = api.context

    def call(*args: Any, **kwargs: Any) -> Any:
        kwargs[context].state = state
        return function(*args, **kwargs)

    return call


def passing_pieces_on(api: InferenceAPI) -> Callable[..., Any]:
    """Let a plain function give a stream, such as a runner's, whose pieces are sent as they come."""
    if api.is_stream or not isinstance(api.output, Text):
        return api.func
    media = api.output.mime_type

    def passed(value: Any) -> Any:
        return StreamingResponse(value, media_type=media) if isinstance(value, AsyncIterator | Iterator) else value

    def call(*args: Any, **kwargs: Any) -> Any:
        return passed(api.func(*args, **kwargs))

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        return passed(await api.func(*args, **kwargs))

    return call_async if api.is_async else call


def called_around(api: InferenceAPI, state: MutableMapping[str, Any]) -> Callable[..., Any]:
    """Settle how a function is called around which the user's descriptors work."""
    name = api.context or CONTEXT

    async def call(*args: Any, **kwargs: Any) -> Any:
        context = kwargs.pop(name)
        context.state = state
        if api.reads_requests:
            args = (await api.input.from_http_request(context.request),)
        if api.context is not None:
            kwargs[name] = context
        if api.is_async:
            value = api.func(*args, **kwargs)
            value = await value if inspect.isawaitable(value) else value  # else pieces
        else:
            value = await asyncio.to_thread(api.func, *args, **kwargs)
        return await api.output.to_http_response(value, context) if api.writes_responses else value

    return call


def hook(function: Callable[..., Any], state: MutableMapping[str, Any]) -> Callable[[], Any]:
    """Make a hook without parameters of one that may take a context."""
    takes = bool(inspect.signature(function).parameters)

    def call() -> Any:
        return function(Context(state=state)) if takes else function()

    async def call_async() -> Any:
        return await call()

    return call_async if inspect.iscoroutinefunction(function) else call
