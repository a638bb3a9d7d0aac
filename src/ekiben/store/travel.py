"""Pack a bento with its models into one archive, and take both out of one again.

In: a bento and a destination; or an archive that anyone may have made. Out: the archive, or the bento and its models in
two stores, everything checked before anything is kept. In the archive the models lie below `models/`, each with its own
manifest, so that each can be verified alone.
"""

import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ekiben.core.errors import AlreadyExists, CorruptItem
from ekiben.core.paths import sync_tree
from ekiben.core.tag import LATEST, Tag, is_part
from ekiben.store.archive import BENTO
from ekiben.store.bentos import MODELS, Bento, BentoStore, beside
from ekiben.store.digest import Manifest, Progress
from ekiben.store.exports import export_item
from ekiben.store.imports import Draft, admit, check_content, examine, find_inside, named, settle_existing, unpack_into
from ekiben.store.models import ModelStore, StoredModel
from ekiben.store.staging import stage


def export_bento(
    bento: Bento,
    destination: str | os.PathLike[str],
    *,
    output_format: str | None = None,
    with_models: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> str:
    """Write *bento* to one file or one folder, its models inside.

    Args:
        bento: what.
        destination: a path or URL, as for `export_item`; the ending where there is none is `.bento`.
        output_format: a key of `archive.ENDINGS`; None goes by the ending.
        with_models: without them it can be imported only where they are.
        storage_options: of the URL's file system, for fsspec.
        progress: called with the bytes packed so far and in all.

    Returns:
        The path or URL that was written; what was there before is replaced as a whole.

    Raises:
        NotFound: a model of the bento is not there.
        CorruptItem: a file is not what was saved, or a model is not that of the build.
        StoreError: the destination cannot be written; what was there before is still there.
    """
    models = bento.find_models() if with_models else ()
    return export_item(
        bento,
        destination,
        output_format=output_format,
        storage_options=storage_options,
        progress=progress,
        native=BENTO,
        parts={f"{MODELS}/{model.tag.name}/{model.tag.version}": model for model in models},
    )


def import_bento(
    store: BentoStore,
    source: str | os.PathLike[str],
    *,
    skip_existing: bool = False,
    max_size: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Bento:
    """Put the bento that *source* holds into *store*, its models beside.

    Args:
        store: where to.
        source: a path or URL; the kind of archive is told from its content.
        skip_existing: give the bento that is there under the same tag, if its content is the same.
        max_size: bytes that it may unpack to; None allows 1 GiB, and 200 times its own size.
        storage_options: of the URL's file system, for fsspec.
        progress: called with the bytes checked so far and in all.

    Raises:
        NotFound: there is nothing at *source*, or a model is neither in it nor in the store.
        AlreadyExists: a tag is taken: the bento's, or that of a model with other content.
        CorruptArchive: it is damaged, cut short, no bento, or its models are not those it names.
        UnsafeArchive: it would write outside its folder, holds more than files, or unpacks to too much.
        StoreError: a store cannot be written. Whatever is raised, both stores are as they were.
    """
    models = beside(store.root)
    with ExitStack() as opened:
        folder, aside = opened.enter_context(stage(store.root)), opened.enter_context(stage(models.root))
        with named(os.fspath(source)):
            unpack_into(folder, os.fspath(source), max_size, storage_options or {})
            drafted = examine_bento(store, folder, aside, progress)
        return admit_bento(store, drafted, skip_existing=skip_existing)


@dataclass(frozen=True, slots=True)
class DraftedBento:
    """A bento and its models, unpacked and checked, and not yet in their stores."""

    draft: Draft[Bento]
    models: list[tuple[StoredModel, Manifest]]


def examine_bento(store: BentoStore, folder: Path, aside: Path, progress: Progress | None = None) -> DraftedBento:
    """Find the bento in *folder* and check it; its models are moved to *aside*.

    Args:
        store: where the bento is to go.
        folder: a place of `stage(store.root)`.
        aside: a place of `stage`, of the store of models beside it.
        progress: called with the bytes checked so far and in all.

    Raises:
        CorruptArchive: there is no bento.
        CorruptItem: it is damaged, or its models are not those it names.
    """
    carried = take_models(find_inside(folder, store), aside, beside(store.root))
    draft = examine(store, folder, progress)
    checked = [(model, check_content(model.path, progress)) for model in carried]
    check_named(draft.item, checked)
    return DraftedBento(draft, checked)


def admit_bento(store: BentoStore, drafted: DraftedBento, *, skip_existing: bool) -> Bento:
    """Put a checked bento and its models into their stores; raises as `import_bento`."""
    models, bento = beside(store.root), drafted.draft.item
    if (store.root / bento.tag.name / str(bento.tag.version)).is_dir():
        found = settle_existing(store, bento, drafted.draft.manifest, skip_existing=skip_existing)
        put_models(models, drafted.models)
        return found
    new = put_models(models, drafted.models)
    try:
        bento.find_models(models)
        return admit(store, drafted.draft, skip_existing=skip_existing)
    except BaseException:
        for tag in new:
            models.delete(tag)
        raise


def put_models(models: ModelStore[StoredModel], checked: list[tuple[StoredModel, Manifest]]) -> list[Tag]:
    """Put models into their store; give the tags of those that were not there.

    Raises:
        AlreadyExists: one is there with other content; none of these is kept.
    """
    new: list[Tag] = []
    try:
        for model, content in checked:
            sync_tree(model.path)
            try:
                models.put(model.path, model.tag, model.creation_time)
                new.append(model.tag)
            except AlreadyExists:
                settle_existing(models, model, content, skip_existing=True)
    except BaseException:
        for tag in new:
            models.delete(tag)
        raise
    return new


def take_models(folder: Path, aside: Path, models: ModelStore[StoredModel]) -> list[StoredModel]:
    """Move what lies in `models/` of an unpacked bento out of it.

    Raises:
        CorruptItem: it is something else than models under their tags.
    """
    inside = folder / MODELS
    found = []
    for place in sorted(inside.glob("*/*")) if inside.is_dir() else []:
        name, version = place.parts[-2:]
        if version == LATEST and place.is_file():
            continue  # BentoML packs it, too
        if not (is_part(name) and is_part(version) and place.is_dir()):
            raise CorruptItem(f"`{MODELS}` of the bento must hold models only: {name + '/' + version!r}")
        there = aside / name / version
        there.parent.mkdir(exist_ok=True)
        shutil.move(place, there)
        model = models.open_item(there)
        if model.tag != Tag(name, version):
            raise CorruptItem(f"the model in {MODELS}/{name}/{version} calls itself {model.tag}")
        found.append(model)
    if inside.is_dir():
        rest = [place.name for place in sorted(inside.iterdir()) if not place.is_dir()]
        if rest:
            raise CorruptItem(f"`{MODELS}` of the bento must hold models only: {rest[0]!r}")
        shutil.rmtree(inside)
    return found


def check_named(bento: Bento, models: list[tuple[StoredModel, Manifest]]) -> None:
    """Hold the models of an archive against those that its bento names.

    Raises:
        CorruptItem: one is not named, or has other content.
    """
    known = {each.tag: each.digest for each in bento.info.models}
    for model, manifest in models:
        if model.tag not in known:
            raise CorruptItem(f"the bento {bento.tag} brings the model {model.tag}, which it does not name")
        if known[model.tag] not in (None, manifest.digest):
            raise CorruptItem(f"the model {model.tag} has other content than the bento {bento.tag} was built with")
