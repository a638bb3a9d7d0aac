"""Pipelines of Diffusers in BentoML's store."""

from typing import Any

from bentoml.faces import checked, getter, loader, saver
from bentoml.front import entered
from bentoml.runners import frameworks as runners
from bentoml.transformers import REFUSED_IMPORT
from ekiben import diffusers as ekiben_diffusers
from ekiben.frameworks.handle import Model

__all__ = ["get", "get_runnable", "import_model", "load_model", "save_model"]

save_model = saver(ekiben_diffusers, "pipeline")
get = getter(ekiben_diffusers)
get_runnable = runners.get_runnable("diffusers")
_load = loader(ekiben_diffusers, idle={"pipeline_class": None})


def load_model(bento_model: Any, device_id: Any = "cpu", **options: Any) -> Any:
    """Load the pipeline stored under a tag.

    Args:
        bento_model: the stored model, or its tag.
        device_id: where its weights go; None is the CPU.
        options: `torch_dtype`, `scheduler_class`, `lora_weights`, `enable_attention_slicing`,
            `enable_model_cpu_offload`.

    Raises:
        NotFound: there is no such model, or another framework saved it.
        ConfigError: an option is not taken here.
    """
    told = {key: value for key, value in options.items() if value not in (None, False)}
    if "scheduler_class" in told:
        told["scheduler"] = name_of(told.pop("scheduler_class"))
    if "torch_dtype" in told:
        told["torch_dtype"] = str(told["torch_dtype"]).removeprefix("torch.")
    return _load(bento_model, device_id or "cpu", **told)


@entered
def import_model(name: Any, model_name_or_path: Any, **options: Any) -> Model:
    """Save the pipeline in a folder, or what Hugging Face has under a name.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model_name_or_path: a folder, or such as `owner/model`.
        options: `revision`, `variant`, `pipeline_class`, `labels`, `metadata`.

    Raises:
        ConfigError: it cannot be read or fetched, or an option is not taken here.
    """
    told = {key: value for key, value in options.items() if value not in (None, False)}
    if "pipeline_class" in told:
        told["pipeline_class"] = name_of(told["pipeline_class"])
    checked(ekiben_diffusers, ekiben_diffusers.import_model, told, REFUSED_IMPORT)
    return ekiben_diffusers.import_model(name, model_name_or_path, **told)


def name_of(kind: Any) -> str:
    """Name a class, which may be named already."""
    return kind if isinstance(kind, str) else str(kind.__name__)
