"""Compile a model of Keras 2 with Keras 3.

Keras 3's own reader stumbles over most losses and metrics of then.
In: the `training_config` of an HDF5 file. Out: what `compile` of Keras 3 takes; the optimizer begins anew.
Source: the attributes of HDF5 files that `tf.keras` 2 writes.
"""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.optional import need


def read_training(file: Path) -> tuple[str, dict[str, Any] | None]:
    """Give the version of Keras that wrote a file, and how it compiled the model."""
    with need("h5py", "reading an HDF5 file").File(file) as archive:
        version, config = archive.attrs.get("keras_version", "2"), archive.attrs.get("training_config")
    return str(version), None if config is None else json.loads(config)


def translate(keras: ModuleType, config: Mapping[str, Any]) -> dict[str, Any]:
    """Give the arguments of `compile`.

    Raises:
        AttributeError, TypeError, ValueError, KeyError: Keras 3 knows no such loss, metric or optimizer.
    """
    optimizer = config.get("optimizer_config")
    metrics = each(keras.metrics, config.get("metrics"))
    if isinstance(metrics, list) and len(metrics) == 1 and isinstance(metrics[0], list):
        metrics = metrics[0]  # one output, whose metrics Keras 3 takes as they are
    return {
        "optimizer": one(keras.optimizers, optimizer) if optimizer else "rmsprop",
        "loss": each(keras.losses, config.get("loss")),
        "metrics": metrics,
        "loss_weights": config.get("loss_weights"),
    }


def each(family: ModuleType, described: Any) -> Any:
    """Translate what stands for one output, or for several in a list or by name."""
    if isinstance(described, list):
        return [each(family, inner) for inner in described]
    if isinstance(described, Mapping) and "class_name" not in described:
        return {name: each(family, inner) for name, inner in described.items()}
    return one(family, described)


def one(family: ModuleType, described: Any) -> Any:
    """Make one loss, metric or optimizer, by the options that Keras 3 still knows."""
    if not isinstance(described, Mapping):
        return described
    options = dict(described["config"])
    if described["class_name"] == "MeanMetricWrapper":
        return options["fn"]
    kind = getattr(family, described["class_name"].rpartition(">")[2])
    if isinstance(options.get("learning_rate"), Mapping):
        options["learning_rate"] = family.schedules.deserialize(options["learning_rate"])
    if options.get("reduction") == "auto":
        del options["reduction"]
    known = inspect.signature(kind).parameters
    return kind(**{name: value for name, value in options.items() if name in known and value is not None})
