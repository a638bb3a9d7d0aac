"""The files that hold Keras models.

In: a stored model's folder, or a `.keras` file. Out: which file is the model, what it says of itself, and the same file
without the optimizer's state. Keras itself is not needed here.
Source: the `.keras` format (a zip of `config.json`, `metadata.json` and `model.weights.h5`, or a folder of these).
"""

import json
import tempfile
import zipfile
from pathlib import Path

from ekiben.core.errors import StoreError
from ekiben.core.front import command
from ekiben.core.optional import need

FILE = "saved_model.keras"
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
HDF5 = (".h5", ".hdf5")


def find_file(folder: Path, tag: str) -> Path:
    """Find what holds the model: one `.keras` or HDF5 file, or BentoML 1.4's folder."""
    if (folder / FILE).is_file():
        return folder / FILE
    found = sorted(file for file in folder.iterdir() if file.suffix in (".keras", *HDF5) and file.name != WEIGHTS)
    if len(found) == 1:
        return found[0]
    if (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file():
        return folder
    names = ", ".join(file.name for file in found) or "none"
    raise StoreError(f"{tag} must hold one .keras or HDF5 file: {names}")


def read_config(file: Path) -> str:
    """Give the model's JSON description; empty for HDF5, which says too little."""
    if file.is_dir():
        return (file / CONFIG).read_text()
    if file.suffix in HDF5:
        return ""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.read(CONFIG).decode()
    except (zipfile.BadZipFile, KeyError) as error:
        raise StoreError(f"{file} is damaged: {error}", hint=f"ask {command('models verify')}") from error


def holds_code(file: Path) -> bool:
    """Say whether an HDF5 file describes a lambda, which is code.

    Raises:
        ValueError: its description is no JSON.
    """
    with need("h5py", "reading an HDF5 file").File(file) as archive:
        told = [archive.attrs.get(name) for name in ("model_config", "training_config")]
    return any('"__lambda__"' in json.dumps(json.loads(each)) for each in told if each is not None)  # as it is read


def has_foreign(config: str) -> bool:
    """Say whether a description names what is not Keras's own; unknown counts as yes."""
    if not config:
        return True
    todo = [json.loads(config)]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            if "class_name" in item and not str(item.get("module", "")).startswith("keras"):
                return True
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return False


def drop_optimizer(file: Path) -> None:
    """Write a `.keras` file again without the optimizer's state."""
    with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
        slim = Path(scratch, "slim.keras")
        with zipfile.ZipFile(file) as source, zipfile.ZipFile(slim, "w") as target:
            for member in source.infolist():
                if member.filename == WEIGHTS:
                    target.write(without_group(Path(source.extract(member, scratch)), "optimizer"), WEIGHTS)
                else:
                    target.writestr(member, source.read(member))
        slim.replace(file)


def without_group(file: Path, left_out: str) -> Path:
    """Copy an HDF5 file without one group, as deleting that would free no space."""
    h5py = need("h5py", "saving a Keras model")
    slim = file.with_name(f"slim.{file.name}")
    with h5py.File(file) as whole, h5py.File(slim, "w") as kept:
        kept.attrs.update(whole.attrs)
        for name in whole:
            if name != left_out:
                whole.copy(name, kept)
    return slim
