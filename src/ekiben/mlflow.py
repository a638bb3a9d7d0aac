"""Import MLflow models, and load them."""

import os
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from ekiben.core.tag import Tag
from ekiben.frameworks import api
from ekiben.frameworks.handle import Model
from ekiben.frameworks.mlflow import Source

__all__ = ["get", "import_model", "load_model"]


def import_model(
    name: str | Tag,
    model_uri: str | os.PathLike[str],
    *,
    signatures: Mapping[str, Any] | Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    external_modules: Sequence[ModuleType] = (),
    sample: Any = None,
) -> Model:
    """Import an MLflow model as it is; without *sample* none of its code is run.

    Args:
        name: a name, which gets a new version, or `name:version`.
        model_uri: the folder of a model, or a URI that MLflow downloads: `models:/iris/3`, `runs:/…/model`, `s3://…`.
        signatures: which methods are served; by default `predict`, as `{"predict": {"batchable": True}}`.
        labels: text by text, kept with the model.
        metadata: plain data, kept with the model.
        custom_objects: any Python objects kept with the model, pickled by value.
        external_modules: modules whose code is kept with the custom objects.
        sample: a few input rows; types, documents and warms up the served endpoint. The model is loaded to try it.

    Raises:
        ConfigError: there is no model at that place, or it holds links.
        StoreError: it cannot be downloaded, or the store cannot be written; nothing is left behind.
    """
    return api.save_model(
        "mlflow",
        name,
        Source(os.fspath(model_uri)),
        signatures=signatures,
        labels=labels,
        metadata=metadata,
        custom_objects=custom_objects,
        external_modules=external_modules,
        sample=sample,
    )


def load_model(tag: str | Tag | Model) -> Any:
    """Load a stored model as a `PyFuncModel`, which runs code of whoever made it.

    Args:
        tag: `name:version`, or the newest by `name`.

    Raises:
        NotFound: there is no such model, or another framework saved it.
        StoreError: it is damaged, lacks a module, or EKIBEN_FORBID_UNPICKLING is set.
    """
    return api.load_model("mlflow", tag)


def get(tag: str | Tag | Model) -> Model:
    """Give the stored model without loading it."""
    return api.get("mlflow", tag)
