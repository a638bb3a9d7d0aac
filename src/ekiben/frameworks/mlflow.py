"""MLflow models of any flavour, imported as they are and run through `pyfunc`.

In: the folder of an MLflow model, or a URI that MLflow downloads. Out: a copy of that folder. What a flavour reads is
mostly a pickle, and a model may bring code, so that loading one always counts as unpickling.
Source: the MLflow model format: a folder with a file `MLmodel`.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ekiben.core.errors import ConfigError, InvalidInput, StoreError
from ekiben.core.front import command
from ekiben.core.optional import need
from ekiben.core.paths import disk_errors
from ekiben.frameworks.base import Method, Saved
from ekiben.store.info import ModelInfo
from ekiben.store.pickles import check_unpickling

NAME = "mlflow"
LIBRARY = "mlflow"
ITSELF = frozenset({"mlflow", "mlflow-skinny"})  # each is enough to load a model
PACKAGES = ("mlflow", "mlflow-skinny", "pandas")
FOLDER = "mlflow_model"  # as BentoML names it
INDEX, NEEDS = "MLmodel", "requirements.txt"
MAX_NEEDS = 100_000  # bytes that are read of what a model says it needs


@dataclass(frozen=True, slots=True)
class Source:
    """What is imported: a folder, or a URI such as `models:/iris/3`."""

    uri: str


def owns(model: Any) -> bool:
    """Say whether *model* names an MLflow model; live ones are other libraries'."""
    return isinstance(model, Source)


def save(model: Source, folder: Path, *, by_value: Sequence[ModuleType] = ()) -> Saved:
    """Copy an MLflow model.

    Raises:
        ConfigError: there is none at that place.
        StoreError: it cannot be downloaded or copied.
    """
    local = Path(model.uri.removeprefix("file://"))
    if local.is_dir():
        copy(local, folder / FOLDER)
    elif ":" not in model.uri:
        raise ConfigError(
            f"`model_uri` must be the folder of an MLflow model, or a URI that MLflow knows: {model.uri!r}"
        )
    else:
        with TemporaryDirectory(dir=folder) as scratch:
            copy(download(model.uri, scratch), folder / FOLDER)
    return Saved("mlflow", needs_unpickling=True, versions=dict(read_needs(folder / FOLDER / NEEDS)))


def read_needs(file: Path) -> Iterator[tuple[str, str]]:
    """List the distributions that a model's flavour needs, with their versions.

    One that the file does not pin has the version that is installed here; where there is none, it is left out. So is
    MLflow where it is installed.

    Args:
        file: `requirements.txt` of the model, which need not be there.
    """
    if not file.is_file():
        return
    with disk_errors(f"cannot read {file}"), file.open("rb") as opened:
        text = opened.read(MAX_NEEDS).decode("utf-8", "replace")
    is_here = any(installed_version(name) for name in ITSELF)
    for line in text.splitlines():
        try:
            wanted = Requirement(line.partition(" #")[0].partition(" --hash")[0].strip())
            is_meant = wanted.marker is None or wanted.marker.evaluate()
        except InvalidRequirement:  # an option of pip, a path, a comment
            continue
        except (UndefinedComparison, UndefinedEnvironmentName):  # a marker that no machine can answer
            continue
        name = canonicalize_name(wanted.name)
        if wanted.url or (is_here and name in ITSELF) or not is_meant:
            continue
        exact = [each.version for each in wanted.specifier if each.operator == "==" and "*" not in each.version]
        found = exact[0] if exact else installed_version(name)
        if found is not None:
            yield name, found


def installed_version(name: str) -> str | None:
    """Give the version of an installed distribution; None where there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def download(uri: str, scratch: str) -> Path:
    """Let MLflow bring a model here.

    Raises:
        StoreError: it cannot.
    """
    library = need("mlflow", "importing an MLflow model", extra="mlflow")
    try:
        return Path(library.artifacts.download_artifacts(artifact_uri=uri, dst_path=scratch))
    except Exception as error:  # of MLflow, or of whatever client it takes for this kind of URI
        raise StoreError(
            f"MLflow cannot bring the model {uri!r}: {error}", hint="is MLFLOW_TRACKING_URI set, and the name right?"
        ) from error


def copy(source: Path, target: Path) -> None:
    """Copy the folder of a model, which must hold files only.

    Raises:
        ConfigError: it is no MLflow model, or has a link in it.
        StoreError: it cannot be copied.
    """
    if not (source / INDEX).is_file():
        raise ConfigError(f"`model_uri` must be the folder of an MLflow model, with a file {INDEX}: {str(source)!r}")
    with disk_errors(f"cannot copy {source}"):
        for path in (source, *source.rglob("*")):
            if path.is_symlink() and path != source:
                raise ConfigError(
                    f"`model_uri` must be a folder without links, as they may lead anywhere: {str(path)!r}"
                )
        shutil.copytree(source, target)


def load(folder: Path, info: ModelInfo) -> Any:
    """Read a model as a `PyFuncModel`.

    Raises:
        StoreError: it is missing or damaged, or unpickling is forbidden.
    """
    tag = str(info.tag)
    if not (folder / FOLDER / INDEX).is_file():
        raise StoreError(f"{tag} must hold {FOLDER}/{INDEX}, and does not")
    check_unpickling(tag)
    return open_folder(folder / FOLDER, tag)


def open_folder(folder: Path, tag: str) -> Any:
    """Let MLflow load a folder.

    Raises:
        StoreError: MLflow cannot.
    """
    pyfunc = need("mlflow.pyfunc", "loading an MLflow model", extra="mlflow")
    try:
        return pyfunc.load_model(str(folder))
    except ModuleNotFoundError as error:
        raise StoreError(
            f"{tag} cannot be loaded without the module `{error.name}`, which is not here",
            hint=f"install what {FOLDER}/requirements.txt asks for",
        ) from error
    except Exception as error:
        raise StoreError(
            f"{tag} cannot be loaded by MLflow: {error}", hint=f"ask {command('models verify')}"
        ) from error


def methods(model: Any) -> Mapping[str, Method]:
    """Serve `predict`, row by row."""
    return {"predict": Method(batchable=True, call=predict)}


def predict(model: Any, value: Any) -> Any:
    """Predict for an array, a frame or plain data, by the model's own signature.

    Raises:
        InvalidInput: the value does not fit that signature.
    """
    if isinstance(model, Source):
        with TemporaryDirectory() as scratch:
            save(model, Path(scratch))
            return predict(open_folder(Path(scratch, FOLDER), "`model_uri`"), value)
    refusal = need("mlflow.exceptions", "an MLflow model", extra="mlflow").MlflowException
    try:
        answer = model.predict(named(model, value))
    except refusal as error:
        raise InvalidInput(f"the model does not take this value: {error}") from error
    return answer.to_numpy() if type(answer).__name__ == "Series" else answer


def named(model: Any, value: Any) -> Any:
    """Give bare rows the columns that the model's signature names."""
    schema = model.metadata.get_input_schema()
    numpy = need("numpy", "an MLflow model")
    if schema is None or schema.is_tensor_spec() or not isinstance(value, list | numpy.ndarray):
        return value
    rows, names = numpy.asarray(value), schema.input_names()
    if rows.ndim != 2 or rows.shape[1] != len(names):
        return value
    return need("pandas", "an MLflow model", extra="pandas").DataFrame(rows, columns=names)
