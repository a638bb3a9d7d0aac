"""Let whatever takes a target take a bundle: a folder, an archive, `Name:version` or `Name:latest`.

In: the text that was typed, the folder it is seen from. Out: a `BoundService`, or None where it names no bundle. What
stands in the store under exactly this tag comes before the repository.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from bentoml.bundles.bind import rebatched
from bentoml.bundles.description import FILE, Bundle, open_bundle
from bentoml.bundles.loading import ENDINGS, load_bundle, unpack_bundle
from bentoml.bundles.repository import repository
from bentoml.bundles.tags import BundleTag
from ekiben.core.errors import ConfigError, InvalidInput, NotFound, ServiceLoadError
from ekiben.core.paths import home
from ekiben.core.spec import BoundService
from ekiben.frameworks.api import model_store
from ekiben.services import modules
from ekiben.services.near import near_hint
from ekiben.store.bentos import bento_store

PREFIX = "bundle:"  # names nothing else
SIZE, LATENCY = "BENTOML_MB_MAX_BATCH_SIZE", "BENTOML_MB_MAX_LATENCY"


def read(target: str, folder: Path) -> BoundService | None:
    """Read a target as a bundle.

    Args:
        target: as it was typed.
        folder: where paths are seen from.

    Raises:
        ServiceLoadError: it is the tag of a bundle, and neither store nor repository has it.
        CorruptItem: it is a bundle that cannot be read.
    """
    bundle = find(target, folder)
    return None if bundle is None else bind_bundle(bundle)


def find(target: str, folder: Path) -> Bundle | None:
    """Find the bundle that a target names; None where it is nothing of ours."""
    if target.startswith(PREFIX):
        return repository().get(target.removeprefix(PREFIX))
    place = folder / target
    if (place / FILE).is_file():
        return open_bundle(place.resolve())
    if target.lower().endswith(ENDINGS):
        return unpack_bundle(str(place)) if place.is_file() else None
    try:
        tag = BundleTag.parse(target)
    except InvalidInput:
        return None
    if is_stored(target):
        return None
    found = repository().find(tag)
    if found is None and tag.version is not None and looks_like_ours(tag, folder):
        raise nowhere(tag)
    return found


def is_stored(target: str) -> bool:
    """Say whether the store has a bento or a model under exactly this tag."""
    if target != target.lower():
        return False
    for store in (bento_store(), model_store()):
        try:
            store.get(target)
        except (NotFound, InvalidInput):
            continue
        return True
    return False


def looks_like_ours(tag: BundleTag, folder: Path) -> bool:
    """Say whether a tag can mean a bundle alone: its name is one's, or has a capital and is no module's."""
    if tag.name in repository().names():
        return True
    return tag.name != tag.name.lower() and modules.find(tag.name, folder) is None and not is_stored(str(tag).lower())


def nowhere(tag: BundleTag) -> ServiceLoadError:
    """Make the error that names both places."""
    there = repository()
    lacking = there.lacking(tag)
    stores = f"the store ({home() / 'bentos'}, {home() / 'models'})"
    if lacking is not None:
        return ServiceLoadError(f"{lacking}, and {stores} has no `{tag}`", hint=lacking.hint)
    return ServiceLoadError(
        f"`{tag}` is neither in {stores} nor in the repository ({there.root})",
        hint=near_hint(tag.name, there.names()) or "`bentoml list` shows what is there",
    )


def bind_bundle(bundle: Bundle, environ: Mapping[str, str] = os.environ) -> BoundService:
    """Make a service of a bundle, with the limits of batches that the environment sets.

    Raises:
        ConfigError: a limit is no number.
    """
    bound: BoundService = load_bundle(bundle).__ekiben_service__()
    size, latency = (read_number(name, environ) for name in (SIZE, LATENCY))
    return rebatched(bound, size=size, latency_ms=latency)


def read_number(name: str, environ: Mapping[str, str]) -> int | None:
    """Read a variable that holds a whole number above 0; raises ConfigError."""
    told = environ.get(name)
    if not told:
        return None
    if not told.isdecimal() or int(told) < 1:
        raise ConfigError(f"`{name}` must be a whole number above 0: {told!r}")
    return int(told)


def is_bundle(target: str, folder: Path) -> bool:
    """Say whether a target names a bundle, without unpacking an archive; raises as `find`."""
    if target.lower().endswith(ENDINGS):
        return (folder / target).is_file()
    return find(target, folder) is not None
