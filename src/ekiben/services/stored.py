"""Serve a stored model without any code.

In: a model from the store. Out: a `BoundService` whose endpoints are the model's own methods.
The body is the value itself, typed by the stored sample; calls are joined along the batch axis. A value that the model
refuses is the caller's mistake, and is answered with the model's words.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from ekiben.core.errors import InvalidInput, ServiceLoadError
from ekiben.core.front import front
from ekiben.core.optional import need
from ekiben.core.spec import BatchSpec, BoundService, Convention, EndpointSpec, ServiceSpec
from ekiben.frameworks import sample as samples
from ekiben.frameworks.base import Framework, method_of
from ekiben.frameworks.handle import Model
from ekiben.frameworks.table import framework
from ekiben.schema.codec import plan
from ekiben.schema.hints import settle
from ekiben.schema.signature import EMPTY, Parameter, Signature
from ekiben.services.endpoints import check_routes
from ekiben.services.members import model_ref
from ekiben.store.info import MethodSignature
from ekiben.store.models import StoredModel

OPEN = ("picklable_model",)  # frameworks whose models may take anything


class Served:
    """A loaded model, with a function for each endpoint."""

    def __init__(self, model: Any, methods: Mapping[str, str], verbs: Framework) -> None:
        self.model = model
        for name, attribute in methods.items():
            method = method_of(verbs, model, attribute)
            setattr(self, name, guarded(method.of(model, attribute), method.refusals))


def bind_model(stored: StoredModel) -> BoundService:
    """Make a service of *stored*.

    Raises:
        ServiceLoadError: the model names no method that could be served.
    """
    model = stored if isinstance(stored, Model) else Model(stored.path, stored.info)
    if not model.info.signatures:
        raise ServiceLoadError(f"the model {model.tag} names no method to serve", hint="save it with `signatures=`")
    methods = {endpoint_name(name, model.info.signatures): name for name in model.info.signatures}
    value = stored_sample(model)
    signatures = {
        name: Signature(
            (Parameter("value", input_hint(model, value, model.info.signatures[attribute])),),
            returns=output_hint(model, attribute),
            is_root=True,
        )
        for name, attribute in methods.items()
    }
    spec = ServiceSpec(
        name=model.tag.name,
        endpoints=tuple(describe(model, name, attribute, signatures[name]) for name, attribute in methods.items()),
        models=(model_ref("model", model),),
        style=front().style,
        version=model.tag.version,
        doc=f"The stored model {model.tag}.",
    )
    check_routes(spec, model.tag.name)
    return BoundService(
        spec=spec,
        create=lambda handles: create(model, methods),
        signatures=signatures,
        samples={} if value is None else dict.fromkeys(methods, value),
        origin=f"model:{model.tag}",
    )


def create(stored: Model, methods: Mapping[str, str]) -> Served:
    """Load the model, and bind its methods as its framework calls them."""
    return Served(stored.load_model(), methods, framework(stored.info.module))


def endpoint_name(method: str, methods: Mapping[str, Any]) -> str:
    """Name the endpoint of a method; the call itself is `predict`, `call` beside one."""
    if method == "__call__":
        return "call" if "predict" in methods else "predict"
    return method.strip("_")


def describe(model: Model, name: str, attribute: str, signature: Signature) -> EndpointSpec:
    """Settle one endpoint."""
    options: MethodSignature = model.info.signatures[attribute]
    codec = plan(signature)
    batch = BatchSpec(in_axis=options.batch_dim[0], out_axis=options.batch_dim[1]) if options.batchable else None
    return EndpointSpec(
        name=name,
        route=f"/{name}",
        input=codec.input_schema,
        output=codec.output_schema,
        convention=Convention.ONE_VALUE if batch is None else Convention.STACKED,
        batch=batch,
        isolate=batch is not None,
        doc=f"Call `{attribute}` of the stored model {model.tag}.",
    )


def stored_sample(model: Model) -> Any:
    """Read the stored input; None where there is none."""
    described = (model.info.sample or {}).get("input")
    return None if described is None else samples.read(model.path, described)


def input_hint(model: Model, value: Any, options: MethodSignature) -> Any:
    """Give the type of the body: the sample's, with an open length along the batch."""
    described = (model.info.sample or {}).get("input")
    if described is None:
        is_open = model.info.module.rpartition(".")[2] in OPEN
        return Any if is_open else settle(need("numpy", "a stored model").ndarray)
    if described["kind"] == "ndarray":
        axis = options.batch_dim[0]
        shape = [int(length) for length in value.shape]
        if -len(shape) <= axis < len(shape):
            shape[axis] = -1
        return settle(samples.hint({**described, "shape": shape}))
    if described["kind"] == "dataframe":
        return settle(Annotated[samples.hint(described), AfterValidator(caster(described["dtypes"]))])
    return settle(samples.hint(described))


def output_hint(model: Model, method: str) -> Any:
    """Give the type of the answer, where that to the sample tells it."""
    described = (model.info.sample or {}).get("outputs", {}).get(method)
    if described is None or described["kind"] == "other":
        return EMPTY
    if described["kind"] == "ndarray" and model.info.signatures[method].batch_dim[1] != 0:
        return EMPTY
    return settle(samples.hint(described))


def caster(dtypes: Mapping[str, str]) -> Callable[[Any], Any]:
    """Make the function that gives a frame's columns the dtypes of the sample's."""
    wanted = dict(dtypes)

    def cast(frame: Any) -> Any:
        if {name: str(dtype) for name, dtype in frame.dtypes.items()} == wanted:
            return frame
        for name, dtype in wanted.items():
            if str(frame[name].dtype) == dtype:
                continue
            try:
                frame = frame.assign(**{name: frame[name].astype(dtype)})
            except (ValueError, TypeError, OverflowError) as error:
                raise ValueError(f"column `{name}` must hold {dtype}: {error}") from error
        return frame

    return cast


def guarded(method: Callable[..., Any], refusals: tuple[type[Exception], ...] = ()) -> Callable[[Any], Any]:
    """Call a method; a value that it refuses is the caller's mistake.

    A sparse answer becomes an array.

    Args:
        method: of a model.
        refusals: the errors by which its library refuses a value, beside ValueError and TypeError.
    """
    refused: tuple[type[Exception], ...] = (ValueError, TypeError, *refusals)

    @functools.wraps(method, updated=())
    def call(value: Any) -> Any:
        try:
            answer = method(value)
        except refused as error:
            raise InvalidInput(f"the model does not take this value: {error}") from error
        return answer.toarray() if hasattr(answer, "toarray") else answer

    return call
