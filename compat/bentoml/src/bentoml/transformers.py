"""Pipelines and pretrained objects of Transformers in BentoML's store."""

from typing import Any

from bentoml.faces import checked, getter, loader, saver
from bentoml.front import entered
from bentoml.runners import frameworks as runners
from ekiben import transformers as ekiben_transformers
from ekiben.frameworks.handle import Model

__all__ = ["get", "get_runnable", "import_model", "load_model", "save_model"]

TASKS = "a pipeline is saved with its own task; one of a class of yours keeps its code by `external_modules`"
HUB = "`huggingface_hub` is asked as its own variables and login say"
REFUSED_SAVE = dict.fromkeys(("task_name", "task_definition"), TASKS)
REFUSED_IMPORT = {
    **dict.fromkeys(("proxies", "force_download", "resume_download", "clone_repository"), HUB),
    "trust_remote_code": "no code of a hub is run",
    "sync_with_hub_version": "a version is made by the store; name one by `name:version`",
}
ALIASES = {"pretrained_or_pipeline", "pipeline", "pretrained"}

load_model = loader(ekiben_transformers)
get = getter(ekiben_transformers)
get_runnable = runners.get_runnable("transformers")
_save = saver(ekiben_transformers, refused=REFUSED_SAVE)


def save_model(name: Any, *given: Any, **options: Any) -> Model:
    """Save a pipeline or a pretrained object; the arguments are BentoML's and Ekiben's."""
    told = {"model" if key in ALIASES else key: value for key, value in options.items()}
    return _save(name, *given, **told)


@entered
def import_model(name: Any, model_name_or_path: Any, **options: Any) -> Model:
    """Save what lies in a folder, or what Hugging Face has under a name.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model_name_or_path: a folder, or such as `owner/model`.
        options: `revision`, `labels`, `metadata`, and what `ekiben.transformers.import_model` has.

    Raises:
        ConfigError: it cannot be read or fetched, or an option is not taken here.
    """
    told = {key: value for key, value in options.items() if value not in (None, False)}
    checked(ekiben_transformers, ekiben_transformers.import_model, told, REFUSED_IMPORT)
    return ekiben_transformers.import_model(name, model_name_or_path, **told)
