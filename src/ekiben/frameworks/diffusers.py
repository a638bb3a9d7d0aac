"""Pipelines of Diffusers.

In: a pipeline. Out: what `save_pretrained` writes, in `diffusion_model/`: safetensors and JSON. Nothing is fetched: a
name on a hub is looked up by `import_model` only, and pickled weights are not read.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError, StoreError
from ekiben.core.front import command
from ekiben.core.optional import need
from ekiben.frameworks.base import Method, Saved
from ekiben.frameworks.torch_file import find_device
from ekiben.store.info import ModelInfo

NAME = "diffusers"
LIBRARY = "diffusers"
PACKAGES = ("diffusers", "torch", "safetensors", "transformers")
FOLDER = "diffusion_model"
ROOT = "DiffusionPipeline"


def owns(model: Any) -> bool:
    """Say whether *model* is a pipeline."""
    return is_pipeline(type(model))


def is_pipeline(kind: Any) -> bool:
    """Say whether a class is that of a pipeline."""
    return isinstance(kind, type) and any(
        each.__name__ == ROOT and each.__module__.partition(".")[0] == LIBRARY for each in kind.__mro__
    )


def save(model: Any, folder: Path, *, by_value: Sequence[ModuleType] = ()) -> Saved:
    """Write *model* as Diffusers does.

    Raises:
        ConfigError: its class is not one of Diffusers.
    """
    library = need("diffusers", "saving a pipeline of Diffusers", extra="diffusers")
    name = type(model).__name__
    if getattr(library, name, None) is not type(model):
        raise ConfigError(f"`model` must be of a class of Diffusers: {type(model).__module__}.{name}")
    model.save_pretrained(folder / FOLDER, safe_serialization=True)
    return Saved("diffusers", needs_unpickling=False, options={"class": name})


def load(
    folder: Path,
    info: ModelInfo,
    *,
    device_id: Any = "cpu",
    torch_dtype: str | None = None,
    scheduler: str | None = None,
    lora_weights: str | None = None,
    enable_attention_slicing: bool = False,
    enable_model_cpu_offload: bool = False,
) -> Any:
    """Read a pipeline.

    Args:
        folder: the stored model's.
        info: what is known of it.
        device_id: where its weights go, such as `cpu` or `cuda:0`.
        torch_dtype: of its weights, such as `float16`; None is as they were saved.
        scheduler: the name of another scheduler of Diffusers, which takes the settings of the stored one.
        lora_weights: a folder or file of safetensors with LoRA weights.
        enable_attention_slicing: slower, with less memory.
        enable_model_cpu_offload: parts wait on the CPU until they are needed; takes accelerate and a GPU.

    Raises:
        StoreError: files are missing or damaged.
        ConfigError: there is no such device, dtype or scheduler.
    """
    why, tag = "loading a pipeline of Diffusers", str(info.tag)
    library, torch = need("diffusers", why, extra="diffusers"), need("torch", why, extra="diffusers")
    device = find_device(torch, device_id)
    dtype = getattr(torch, str(torch_dtype), None)
    if torch_dtype is not None and not isinstance(dtype, torch.dtype):
        raise ConfigError(f"`torch_dtype` must be one of PyTorch's, such as 'float16': {torch_dtype!r}")
    name = str(info.options.get("class", ROOT))
    kind = getattr(library, name, None)
    if not is_pipeline(kind):
        raise StoreError(f"{tag} needs a pipeline that this version of Diffusers does not have: {name!r}")
    more = {} if dtype is None else {"torch_dtype": dtype}
    made = read(kind, folder / FOLDER, tag, more)
    if scheduler is not None:
        made.scheduler = find_scheduler(library, scheduler).from_config(made.scheduler.config)
    if lora_weights is not None:
        made.load_lora_weights(lora_weights, use_safetensors=True, local_files_only=True)
    if enable_attention_slicing:
        made.enable_attention_slicing()
    if enable_model_cpu_offload:
        made.enable_model_cpu_offload(device=device)
        return made
    return made.to(device)


def read(kind: Any, folder: Path, tag: str, more: Mapping[str, Any]) -> Any:
    """Read a pipeline from local files, weights from safetensors only."""
    if not (folder / "model_index.json").is_file():
        raise StoreError(f"{tag} must hold {FOLDER}/model_index.json, and does not")
    try:
        return kind.from_pretrained(str(folder), local_files_only=True, use_safetensors=True, **more)
    except Exception as error:
        words = " ".join(str(error).split())
        raise StoreError(
            f"{tag} cannot be read by Diffusers: {words}", hint=f"ask {command('models verify')}"
        ) from error


def find_scheduler(library: ModuleType, name: str) -> Any:
    """Give a scheduler's class by name.

    Raises:
        ConfigError: there is none.
    """
    found = getattr(library, name, None) if str(name).endswith("Scheduler") else None
    if not isinstance(found, type) or not hasattr(found, "from_config"):
        raise ConfigError(f"`scheduler` must be the name of a scheduler of Diffusers, like 'DDIMScheduler': {name!r}")
    return found


def methods(model: Any) -> Mapping[str, Method]:
    """Serve the call, one at a time."""
    return {"__call__": Method(call=run)}


def run(pipeline: Any, value: Any) -> Any:
    """Make pictures.

    Args:
        pipeline: of Diffusers.
        value: a prompt, or a mapping of arguments.

    Returns:
        The picture, or an array of several.
    """
    numpy = need("numpy", "a pipeline of Diffusers")
    pipeline.set_progress_bar_config(disable=True)
    answer = pipeline(**value) if isinstance(value, Mapping) else pipeline(value)
    images = getattr(answer, "images", None)
    if images is None:
        return answer[0] if isinstance(answer, tuple) else answer
    if len(images) == 1:
        return images[0]
    return numpy.stack([numpy.asarray(image) for image in images])


def fetch(source: str, pipeline_class: str, revision: str | None, variant: str | None) -> Any:
    """Read a pipeline from a folder, or by its name on a hub.

    Raises:
        ConfigError: it cannot be had, or there is no such class.
    """
    library = need("diffusers", "importing a pipeline of Diffusers", extra="diffusers")
    kind = getattr(library, pipeline_class, None)
    if not is_pipeline(kind):
        raise ConfigError(f"`pipeline_class` must be a pipeline of Diffusers: {pipeline_class!r}")
    named = {"revision": revision, "variant": variant}
    try:
        return kind.from_pretrained(  # type: ignore[union-attr]  # `is_pipeline` said so
            source, use_safetensors=True, **{key: value for key, value in named.items() if value is not None}
        )
    except (OSError, ValueError) as error:
        words = " ".join(str(error).split())
        raise ConfigError(f"`source` must be a folder or a name that the hub knows: {source!r}: {words}") from error
