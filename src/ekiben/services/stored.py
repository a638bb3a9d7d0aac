"""Serve a stored model without any code.

In: a model from the store. Out: a `BoundService` whose endpoints are the model's own methods.
The body is the value itself, typed by the stored sample; calls are joined along the first axis.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ekiben.core.errors import ServiceLoadError
from ekiben.core.spec import BatchSpec, BoundService, Convention, EndpointSpec, ModelRef, ServiceSpec
from ekiben.frameworks import sample as samples
from ekiben.frameworks.handle import Model
from ekiben.schema.codec import plan
from ekiben.schema.hints import settle
from ekiben.schema.signature import Parameter, Signature
from ekiben.store.models import StoredModel


def bind_model(stored: StoredModel) -> BoundService:
    """Make a service of *stored*.

    Raises:
        ServiceLoadError: the model names no method that could be served.
    """
    model = stored if isinstance(stored, Model) else Model(stored.path, stored.info)
    if not model.info.signatures:
        raise ServiceLoadError(f"the model {model.tag} names no method to serve", hint="save it with `signatures=`")
    endpoints, signatures = [], {}
    for name, options in model.info.signatures.items():
        signature = Signature((Parameter("value", input_hint(model)),), is_root=True)
        codec = plan(signature)
        axes = options.batch_dim
        endpoints.append(
            EndpointSpec(
                name=name.strip("_"),
                route="/" + name.strip("_"),
                input=codec.input_schema,
                output=codec.output_schema,
                convention=Convention.STACKED,
                batch=BatchSpec(in_axis=axes[0], out_axis=axes[1]) if options.batchable else None,
                isolate=True,
                doc=f"`{name}` of the stored model {model.tag}.",
            )
        )
        signatures[name.strip("_")] = signature
    spec = ServiceSpec(
        name=model.tag.name,
        endpoints=tuple(endpoints),
        models=(ModelRef("model", str(model.tag), resolved=str(model.tag)),),
        version=model.tag.version,
        doc=f"The stored model {model.tag}.",
    )
    return BoundService(
        spec=spec,
        create=lambda handles: model.load_model(),
        signatures=signatures,
        methods={name.strip("_"): name for name in model.info.signatures},
        samples=stored_samples(model, signatures),
        origin=f"model:{model.tag}",
    )


def input_hint(model: Model) -> Any:
    """Give the type of the body, from the sample where there is one."""
    described = (model.info.sample or {}).get("input")
    if described is None:
        return settle(np.ndarray)
    return settle(samples.hint(described))


def stored_samples(model: Model, signatures: Mapping[str, Signature]) -> dict[str, Any]:
    """Read the stored input once for each endpoint."""
    described = (model.info.sample or {}).get("input")
    if described is None:
        return {}
    value = samples.read(model.path, described)
    return dict.fromkeys(signatures, value)
