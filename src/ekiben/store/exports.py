"""Write an item to a file, a folder or a URL; an older one is replaced whole.

In: an item and a destination. Out: an archive; the same item gives the same bytes.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ekiben.core.errors import CorruptItem, InvalidInput
from ekiben.core.paths import disk_errors, make_folder, sync_folder, sync_tree
from ekiben.store.archive import ENDINGS, NATIVE, Packing, find_format, write_archive, write_folder
from ekiben.store.digest import MANIFEST, Progress, measure, read_manifest, walk_files
from ekiben.store.items import Item
from ekiben.store.remotes import objects

_PART = re.compile(r"models/[^/]+/[^/]+/")  # where a bento's models lie in its export


def export_item(
    item: Item,
    destination: str | os.PathLike[str],
    *,
    output_format: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    native: str = NATIVE,
    parts: Mapping[str, Item] | None = None,
) -> str:
    """Write *item* to one file, or one folder.

    Args:
        item: what.
        destination: a path or URL. A folder (there already, or written with a `/` at its end) receives a file
            `<name>-<version>.<ending>`; an ending that no format has gets `.bentomodel` behind it.
        output_format: a key of `archive.ENDINGS`; None goes by the ending. If it is given, the path is taken as it is.
        storage_options: of the URL's file system, for fsspec.
        progress: called with the bytes packed so far and in all.
        native: the format where nothing says another, `archive.NATIVE` or `archive.BENTO`.
        parts: other items that go into it, by the folder that they lie in.

    Returns:
        The path or URL that was written; what was there before is replaced as a whole.

    Raises:
        InvalidInput: the destination or the format is none.
        CorruptItem: a file of the item is not what was saved.
        StoreError: the destination cannot be written; what was there before is still there.
    """
    target, form = _find_target(item, os.fspath(destination), output_format, native)
    inner = {folder: _packing(part) for folder, part in (parts or {}).items()}
    packing = replace(_packing(item), progress=progress, parts=inner)
    local = objects.local_path(target)
    if local is None:
        with tempfile.TemporaryDirectory(prefix="ekiben-") as folder:
            made = Path(folder) / "item"
            _pack(packing, made, form)
            objects.upload(made, target, storage_options or {})
        return target
    make_folder(local.parent, is_home=False)
    beside = local.with_name(f".{local.name[:200]}.{os.urandom(6).hex()}")
    try:
        _pack(packing, beside, form)
        with disk_errors(f"cannot write {local}", is_home=False):
            _replace(beside, local)
    finally:
        _remove(beside)
    return str(local)


def _packing(item: Item) -> Packing:
    return Packing(item.path, read_manifest(item.path) or measure(item.path), item.creation_time.timestamp())


def _find_target(item: Item, destination: str, asked: str | None, native: str) -> tuple[str, str]:
    """Say where exactly the export goes, and in which format."""
    if not destination:
        raise InvalidInput("`path` must be a path or a URL: ''")
    local = objects.local_path(destination)
    stem = f"{item.tag.name}-{item.tag.version}"
    form = find_format(os.path.basename(destination.rstrip("/")), asked, native)
    is_folder = destination.endswith("/") or (local is not None and os.path.isdir(local))
    if form == "folder":
        if local is not None and os.path.isdir(local) and not _is_export(local):
            return f"{destination.rstrip('/')}/{stem}", form
        return destination.rstrip("/"), form
    if is_folder:
        form = native if asked is None else form
        return f"{destination.rstrip('/')}/{stem}{ENDINGS[form][0]}", form
    has_ending = any(destination.lower().endswith(ending) for ending in ENDINGS[form] if ending)
    return (destination if has_ending or asked else destination + ENDINGS[form][0]), form


def _is_export(folder: Path) -> bool:
    """True if *folder* holds an earlier export and nothing else; it may be replaced."""
    found = {path for path, _ in walk_files(folder)}
    known: set[str] = set()
    for path in (path for path in found if path.rpartition("/")[2] == MANIFEST):
        inner = path.removesuffix(MANIFEST)
        if inner and not _PART.fullmatch(inner):
            continue  # a file of the item's own
        try:
            manifest = read_manifest(folder / inner)
        except CorruptItem:
            return False
        known |= {inner + each for each in (*(manifest.files if manifest else ()), MANIFEST)}
    return bool(found) and MANIFEST in found and found == known


def _pack(packing: Packing, place: Path, form: str) -> None:
    with disk_errors(f"cannot write {place.parent}", is_home=False):
        if form == "folder":
            place.mkdir()
            write_folder(packing, place)
            sync_tree(place)
            return
        with place.open("xb") as file:
            write_archive(packing, file, form)
            file.flush()
            os.fsync(file.fileno())


def _replace(made: Path, place: Path) -> None:
    """Put *made* where *place* is; an old folder steps aside first."""
    if made.is_dir() and place.exists():
        aside = made.with_name(made.name + ".old")
        place.rename(aside)
        made.rename(place)
        shutil.rmtree(aside)
    else:
        made.replace(place)
    sync_folder(place.parent)


def _remove(place: Path) -> None:
    """Remove what a failed export left.

    Where it made nothing, a read-only disk is not asked to remove it.
    """
    if os.path.isdir(place):
        shutil.rmtree(place, ignore_errors=True)
    elif os.path.exists(place):
        place.unlink()
