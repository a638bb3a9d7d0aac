"""Say which packages the models and the options of a bento's services need.

In: what is known of stored models and of services, what the project asks for itself. Out: requirements to add, each
with its reason. A model is loaded by the versions that saved it; where the project asks for others, the project counts.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ekiben.bundle.imports import Imported
from ekiben.store.info import ModelInfo

HUGGINGFACE = "huggingface"  # the registry of a `ModelRef`
# Distributions that hold the same modules: one of each row at most.
SAME = (
    frozenset({"tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-intel", "tensorflow-macos", "tf-nightly"}),
    frozenset({"onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml"}),
    frozenset({"xgboost", "xgboost-cpu"}),
    frozenset({"mlflow", "mlflow-skinny"}),
)
RUNTIMES = {"onnx": "onnxruntime"}  # by framework: what runs a model that another library is enough to save


@dataclass(frozen=True, slots=True)
class Added:
    """A requirement that nobody wrote, and why it is there."""

    requirement: Requirement
    reason: str  # "the model iris:v1 was saved with it"


def needed_by_models(models: Collection[ModelInfo], asked: Sequence[Requirement]) -> tuple[list[Added], list[str]]:
    """List the packages that the models were saved with.

    Args:
        models: of the bento.
        asked: what the project asks for.

    Returns:
        What is to be added, by name; and a line for each model that will be loaded by other versions.
    """
    found: dict[str, tuple[Version, ModelInfo]] = {}
    notes: list[str] = []
    for model in models:
        versions = model.context.get("framework_versions")
        for name, told in sorted(versions.items() if isinstance(versions, Mapping) else ()):
            version = read_version(name, told)
            if version is None:
                notes.append(f"the model {model.tag} was saved with {name!r} {told!r}, which is no version")
                continue
            key, newer = canonicalize_name(name), (version, model)
            older = found.setdefault(key, newer)
            if older[0] != version:
                older, newer = sorted((older, newer), key=lambda each: each[0])
                notes.append(f"{key} {newer[0]} counts ({newer[1].tag}), not {older[0]} ({older[1].tag})")
                found[key] = newer
    added = list(runtimes(models, {*found, *(canonicalize_name(each.name) for each in asked)}))
    for name, (version, model) in sorted(found.items()):
        others = [each for each in asked if is_same(name, canonicalize_name(each.name))]
        against = [each for each in others if each.url or not each.specifier.contains(version, prereleases=True)]
        if against:
            notes.append(f"the model {model.tag} was saved with {name} {version}, and {str(against[0])!r} counts")
        elif not others or any(canonicalize_name(each.name) == name for each in others):
            added.append(Added(Requirement(f"{name}=={version.public}"), f"the model {model.tag} was saved with it"))
    return added, notes


def runtimes(models: Iterable[ModelInfo], there: Iterable[str]) -> Iterator[Added]:
    """List what runs models that were saved without it, in any version.

    Args:
        models: of the bento.
        there: distributions that it has already.
    """
    needed = {RUNTIMES.get(str(model.context.get("framework_name"))): model for model in models}
    for name, model in needed.items():
        if name is not None and not any(is_same(name, each) for each in there):
            yield Added(Requirement(name), f"the model {model.tag} runs on it")


def needed_by_services(services: Iterable[Mapping[str, Any]]) -> Iterator[Imported]:
    """List what services need for their options, though no line of theirs imports it.

    Args:
        services: as `bento.yaml` has them, each with its `spec`.
    """
    for each in services:
        spec = each["spec"]
        for ref in spec.get("models") or ():
            if ref.get("registry") == HUGGINGFACE:
                place = f"{each['name']}.{ref['attribute']} ({ref['tag']})"
                yield Imported("huggingface_hub", place, ("huggingface-hub",))
        if spec.get("tracing") is not None:
            yield Imported("opentelemetry", f"`tracing` of {each['name']}", ("opentelemetry-api",))


def read_version(name: object, told: object) -> Version | None:
    """Give a recorded version; None where name or version is none."""
    try:
        if Requirement(str(name)).name != name:
            return None
        return Version(str(told))
    except (InvalidRequirement, InvalidVersion):
        return None


def is_same(one: str, other: str) -> bool:
    """Say whether two distributions hold the same modules."""
    return one == other or any(one in row and other in row for row in SAME)
