"""Push a bento with its models to a registry, and pull both from there.

In: a bento and a place, or a tag and a place. Out: artifacts, one for the bento and one for each model; or the bento
and its models in their stores. A bento's artifact holds its models too, so that it is whole wherever it is copied; in
one registry the two share their blobs.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ekiben.core.errors import EkibenError, NotFound
from ekiben.core.tag import LATEST, Tag
from ekiben.store.artifacts import Config, repository_of
from ekiben.store.bentos import MODELS, Bento, BentoStore, beside
from ekiben.store.digest import Progress
from ekiben.store.models import StoredModel
from ekiben.store.pulls import Unpacked, pull_item
from ekiben.store.pushes import Pushed, push_item
from ekiben.store.remotes.oci.places import Place
from ekiben.store.remotes.oci.registry import open_registry
from ekiben.store.staging import stage
from ekiben.store.travel import admit_bento, examine_bento

OnItem = Callable[[Tag], Progress | None]  # told what is pushed now; gives what is told of its bytes


def push_model(
    model: StoredModel, place: Place, *, force: bool = False, progress: Progress | None = None, **options: Any
) -> Pushed:
    """Push a model; see `push_item`."""
    framework = model.info.module
    return push_item(model, place, kind="model", framework=framework, force=force, progress=progress, **options)


def push_bento(
    bento: Bento, place: Place, *, force: bool = False, on_item: OnItem = lambda tag: None, **options: Any
) -> Pushed:
    """Push a bento, after each of its models.

    Args:
        bento: what.
        place: where.
        force: replace what is under a tag there with other content.
        on_item: told what is pushed now; gives what is called with the bytes that are there so far and in all.
        options: of `registry.open_registry`.

    Returns:
        What is there of the bento; `sent` counts the bytes of its models too.

    Raises:
        NotFound: a model of it is not here.
        CorruptItem: a file is not what was saved, or a model is not that of the build.
        AlreadyExists, EkibenError: as `push_item`.
    """
    models, sent = bento.find_models(), 0
    for model in models:
        sent += push_model(model, place, force=force, progress=on_item(model.tag), **options).sent
    parts = {f"{MODELS}/{model.tag.name}/{model.tag.version}": model for model in models}
    told = on_item(bento.tag)
    pushed = push_item(bento, place, kind="bento", force=force, parts=parts, progress=told, **options)
    return replace(pushed, sent=pushed.sent + sent)


def pull_bento(store: BentoStore, tag: str | Tag, place: Place, **options: Any) -> Bento:
    """Pull a bento into *store*, and those of its models that are not here beside it.

    Args:
        store: where to.
        tag: a bare name is what `latest` names there.
        place: where from.
        options: of `pull_item`: `max_size`, `progress`, and what the registry is opened with.

    Returns:
        The bento in the store; the one that was there, if it is the same and has its models.

    Raises:
        NotFound, CorruptArchive, UnsafeArchive, StoreError, EkibenError: as `pull_item`.
        AlreadyExists: a tag is taken here by other content: the bento's, or that of a model. Whatever is raised, both
            stores are as they were.
    """
    models = beside(store.root)

    def has(config: Config, folder: str) -> bool:
        try:
            model = models.get(_tag_of(folder))
        except EkibenError:
            return False
        return model.digest == config.parts[folder]

    def keep(unpacked: Unpacked) -> Bento:
        with stage(models.root) as aside:
            drafted = examine_bento(store, unpacked.folder, aside)
            unpacked.check(drafted.draft.item, drafted.draft.manifest)
            return admit_bento(store, drafted, skip_existing=True)

    return pull_item(store, tag, place, keep, has=has, **options)


def find_kind(tag: str | Tag, place: Place, **options: Any) -> str:
    """Say whether a registry has a bento under *tag*, or else a model.

    Raises:
        NotFound: it has neither.
    """
    wanted = Tag.parse(tag)
    with open_registry(place, **options) as registry:
        for kind in ("bento", "model"):
            if registry.find(repository_of(place, kind, wanted.name), wanted.version or LATEST):
                return kind
    raise NotFound(f"there is no bento and no model {str(wanted)!r} in {place}")


def _tag_of(folder: str) -> Tag:
    """Read the tag from `models/<name>/<version>`; raises InvalidInput."""
    return Tag(*folder.removeprefix(f"{MODELS}/").split("/", 1))
