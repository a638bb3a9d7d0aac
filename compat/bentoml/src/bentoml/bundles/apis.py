"""Mark a method of a `BentoService` as an inference API.

In: `@api(input=…, output=…, batch=…)` of 0.13. Out: the same method with an `InferenceAPI` as its note, by which
`bind` makes an endpoint of it.
"""

import inspect
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bentoml.bundles.inputs import BaseInputAdapter
from bentoml.bundles.outputs import BaseOutputAdapter, DefaultOutput
from ekiben.core.errors import ConfigError
from ekiben.services.checks import block, flag, number, text, url_path, whole

log = logging.getLogger("ekiben")

NOTE = "__bentoml_inference_api__"
OPTIONS = ("input", "output", "api_name", "route", "api_doc", "batch", "mb_max_batch_size", "mb_max_latency")
MAX_BATCH_SIZE = 4000  # items
MAX_LATENCY = 20_000  # milliseconds
# What every service has already.
RESERVED = ("docs", "feedback", "healthz", "index", "livez", "metadata", "metrics", "readyz", "static", "swagger")
MOVED = {
    "handler": "write `input=DataframeInput()`, or the adapter of your kind of input",
    "is_batch_input": "write `batch=True` in `@api`",
    "handler_name": "write `api_name=`",
}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class InferenceAPI:
    """One inference API of a service, as its decorator describes it."""

    name: str
    function: Callable[..., Any]  # as it stands in the class
    input_adapter: BaseInputAdapter
    output_adapter: BaseOutputAdapter
    route: str
    doc: str = ""
    batch: bool = False
    mb_max_batch_size: int = MAX_BATCH_SIZE  # items
    mb_max_latency: float = MAX_LATENCY  # milliseconds
    tasks: str | None = None  # the parameter that takes the inference tasks, if there is one
    attribute: str = ""  # of the class, by which the function is found; empty: the function's own name
    service: Any = field(default=None, repr=False, compare=False)  # whose method it is, where one was made

    @property
    def user_func(self) -> Callable[..., Any]:
        """The user's function, bound to the service where there is one."""
        if self.service is None:
            return self.function
        found: Callable[..., Any] = getattr(self.service, self.attribute or self.function.__name__)
        return found

    @property
    def request_schema(self) -> Mapping[str, Any]:
        """What a request's body may be, by media type, as OpenAPI has it."""
        return self.input_adapter.request_schema

    def of(self, service: Any) -> "InferenceAPI":
        """Give the API of one instance."""
        return replace(self, service=service)

    def describe(self) -> dict[str, Any]:
        """Give what a bundle's description says of the API, as plain data."""
        return {
            "name": self.name,
            "route": self.route.lstrip("/"),
            "docs": self.doc,
            "input_type": type(self.input_adapter).__name__,
            "input_config": plain(self.input_adapter.config),
            "output_type": type(self.output_adapter).__name__,
            "output_config": plain(self.output_adapter.config),
            "batch": self.batch,
            "mb_max_batch_size": self.mb_max_batch_size,
            "mb_max_latency": self.mb_max_latency,
        }


def inference_api(function: Any = None, /, **options: Any) -> Any:
    """Make a method an inference API of its `BentoService`.

    Args:
        function: nothing; 0.12 took a handler's class here.
        options: `input`, an adapter, must be there; `output` (default: by what is returned), `batch` (False: the
            function takes one input; True: a list of several), `api_name` (default: the function's), `api_doc`
            (default: its docstring), `route` (default: `/` + the name), `mb_max_batch_size` (items, default 4000) and
            `mb_max_latency` (milliseconds, default 20000), in which a call has to be answered.

    Raises:
        ConfigError: an option is wrong, or the input does not go with `batch`.
    """
    if function is not None:
        raise ConfigError(
            f"`@api` takes its input by keyword: {function!r}", hint=f"write `@api(input={kind_of(function)}(), …)`"
        )
    given = block(options, "", OPTIONS, MOVED)
    source = read_input(given.get("input"))
    output = read_output(given.get("output"))
    is_batch = flag(given.get("batch", False), "batch")
    check_mode(source, is_batch)
    size = whole(given.get("mb_max_batch_size", MAX_BATCH_SIZE), "mb_max_batch_size", "items")
    latency = number(given.get("mb_max_latency", MAX_LATENCY), "mb_max_latency", "milliseconds", example=MAX_LATENCY)
    idle = [name for name in ("mb_max_batch_size", "mb_max_latency") if name in given and not is_batch]

    def mark(target: Any) -> Any:
        if not inspect.isfunction(target):
            raise ConfigError(f"`@api` takes a method: {target!r}")
        name = read_name(given.get("api_name"), target)
        if idle:
            log.warning("`%s` of the API `%s` changes nothing without `batch=True`", idle[0], name)
        doc = given.get("api_doc")
        note = InferenceAPI(
            name,
            target,
            source,
            output,
            read_route(given.get("route"), name),
            inspect.getdoc(target) or "" if doc is None else text(doc, "api_doc"),
            is_batch,
            size,
            latency,
            tasks_parameter(target, is_batch),
        )
        setattr(target, NOTE, note)
        return target

    return mark


def collect(cls: type) -> list[InferenceAPI]:
    """List the inference APIs of a class, those of its bases first.

    Raises:
        ConfigError: two have one name.
    """
    found: dict[str, InferenceAPI] = {}
    attributes: dict[str, Any] = {}
    for owner in reversed(cls.__mro__):
        attributes |= vars(owner)
    for attribute, value in attributes.items():
        note = getattr(value, NOTE, None) if inspect.isfunction(value) else None
        if note is None:
            continue
        if note.name in found:
            raise ConfigError(
                f"`{cls.__name__}` has two inference APIs named `{note.name}`", hint="give one `api_name`"
            )
        found[note.name] = replace(note, attribute=attribute)
    return list(found.values())


def read_input(value: Any) -> BaseInputAdapter:
    """Check `input`."""
    if isinstance(value, BaseInputAdapter):
        return value
    if isinstance(value, type) and issubclass(value, BaseInputAdapter):
        raise ConfigError(
            f"`input` must be an adapter, not its class: {value.__name__}", hint=f"write {value.__name__}()"
        )
    what = "is missing" if value is None else f"must be an input adapter: {value!r}"
    raise ConfigError(f"`input` of `@api` {what}", hint="write `@api(input=DataframeInput(), batch=True)`")


def read_output(value: Any) -> BaseOutputAdapter:
    """Check `output`."""
    if value is None:
        return DefaultOutput()
    if isinstance(value, BaseOutputAdapter):
        return value
    name = value.__name__ if isinstance(value, type) else "JsonOutput"
    raise ConfigError(f"`output` must be an output adapter: {value!r}", hint=f"write {name}()")


def check_mode(source: BaseInputAdapter, is_batch: bool) -> None:
    """Hold `batch` to what the input can do."""
    name = type(source).__name__
    if is_batch and not source.BATCH_MODE_SUPPORTED:
        raise ConfigError(f"`{name}` gives one input at a time: batch=True", hint="leave `batch` out")
    if not is_batch and not source.SINGLE_MODE_SUPPORTED:
        raise ConfigError(
            f"`{name}` joins the rows of several requests, and needs `batch=True`: batch=False",
            hint=f"write `@api(input={name}(), batch=True)`",
        )


def read_name(value: Any, function: Callable[..., Any]) -> str:
    """Check `api_name`."""
    name = function.__name__ if value is None else text(value, "api_name")
    if not NAME.fullmatch(name):
        raise ConfigError(f"`api_name` must be a Python name: {name!r}", hint="`route` is free to differ from it")
    if name in RESERVED:
        raise ConfigError(f"an API cannot be named `{name}`, which every service has", hint="give another `api_name`")
    return name


def read_route(value: Any, name: str) -> str:
    """Check `route`; a slash at its beginning may be left out."""
    if value is None:
        return f"/{name}"
    return url_path(f"/{text(value, 'route').removeprefix('/')}", "route", f"/{name}") or "/"


def tasks_parameter(function: Callable[..., Any], is_batch: bool) -> str | None:
    """Find the parameter that takes the inference tasks.

    Raises:
        ConfigError: the function is `async`, or its parameter has the name of the other mode.
    """
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigError(
            f"`{function.__qualname__}` cannot be `async`: it runs in the model's thread", hint="write `def`"
        )
    right, wrong = ("tasks", "task") if is_batch else ("task", "tasks")
    names = list(inspect.signature(function).parameters)
    if right in names:
        return right
    if wrong in names:
        raise ConfigError(
            f"`{function.__qualname__}` takes `{wrong}`, and with batch={is_batch} must take `{right}`",
            hint=f"rename it to `{right}`",
        )
    return None


def kind_of(value: Any) -> str:
    """Name the adapter that was meant by a class."""
    name = getattr(value, "__name__", "")
    return name if name.endswith("Input") else "DataframeInput"


def plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """Give an adapter's options as a description can hold them."""
    return {key: value if is_plain(value) else str(value) for key, value in config.items() if value is not None}


def is_plain(value: Any) -> bool:
    """Say whether a value is JSON."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_plain(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return all(is_plain(inner) for inner in value)
    return value is None or isinstance(value, str | int | float)
