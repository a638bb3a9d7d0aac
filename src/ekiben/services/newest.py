"""Find the models that a service has as the newest, and try one out.

In: a bound service. Out: versions by name, of the models that it asks for without naming a version; what speaks
against one of them.
"""

import gc
import logging
from collections.abc import Collection

from ekiben.core.errors import ConfigError, NotFound, ServiceLoadError
from ekiben.core.front import front
from ekiben.core.spec import BoundService, ModelRef
from ekiben.core.tag import Tag
from ekiben.core.trace import explain
from ekiben.frameworks.api import model_store, try_methods
from ekiben.frameworks.handle import Model
from ekiben.frameworks.sample import read
from ekiben.frameworks.table import framework
from ekiben.services.configure import every

log = logging.getLogger("ekiben")


def follows(ref: ModelRef) -> bool:
    """Say whether a model of the store was asked for as the newest of its name."""
    return ref.registry is None and ref.resolved is not None and not Tag.parse(ref.tag).is_exact


def newest(bound: BoundService, option: str) -> dict[str, str]:
    """Give the versions that a service has as the newest, by name.

    Those of the services that it depends on count too.

    Args:
        bound: the service.
        option: that asks for it, as the user writes it.

    Raises:
        ConfigError: there is no such model, or it is in another home.
    """
    refs = [ref for one in every(bound) for ref in one.spec.models]
    found = dict(_version(ref) for ref in refs if follows(ref))
    if not found:
        exact = ", ".join(ref.tag for ref in refs if ref.registry is None)
        raise ConfigError(
            f"`{option}` needs a model that is asked for as `latest`, and `{bound.spec.name}` "
            + (f"names exact versions: {exact}" if exact else "names no stored model as an attribute of its class"),
            hint=f'write `model = {front().program}.models.get("NAME:latest")` in the class, or leave `{option}` out; '
            "a bento has its models for good",
        )
    for name, version in found.items():
        try:
            model_store().get(Tag(name, version))
        except NotFound as error:
            raise ConfigError(
                f"`{option}` watches the store of the home, and {name}:{version} is in another", hint=error.hint
            ) from error
    return found


def _version(ref: ModelRef) -> tuple[str, str]:
    tag = Tag.parse(ref.resolved or "")
    return tag.name, tag.version or ""


def try_models(bound: BoundService, names: Collection[str]) -> None:
    """Let models answer their stored samples, before a service is made of them.

    A model that is served as it is answers when the service starts. One that its framework does not load without
    options is left to the service's own code.

    Args:
        bound: the service.
        names: of the models to try.

    Raises:
        ServiceLoadError: a method failed that had answered the sample when the model was saved.
    """
    seen = set()
    for one in every(bound):
        for ref in one.spec.models:
            if ref.resolved not in seen and not one.samples and follows(ref) and _version(ref)[0] in names:
                seen.add(ref.resolved)
                try_model(model_store().get(ref.resolved or ""))
    gc.collect()  # the service is about to load them again


def try_model(model: Model) -> None:
    """Let one model answer its stored sample; raises ServiceLoadError if it does not."""
    sample = model.info.sample or {}
    described = {name: each for name, each in model.info.signatures.items() if name in sample.get("outputs", {})}
    if not described or not model.info.module:
        log.info("%s has no stored sample to try it with", model.tag)
        return
    try:
        loaded, value = model.load_model(), read(model.path, sample["input"])
    except Exception as error:  # noqa: BLE001 - a border: any library; the service's own code has the last word
        log.info("%s is not tried with its stored sample: %s", model.tag, explain(error))
        return
    try:
        try_methods(framework(model.info.module), loaded, described, value)
    except Exception as error:
        cause = error.__cause__ or error
        raise ServiceLoadError(f"the stored sample does not pass {model.tag}: {explain(cause)}") from error
