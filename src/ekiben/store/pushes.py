"""Push an item to a registry: each blob once, the manifest last.

In: an item and a place. Out: the reference under which anyone can pull it, after the registry has said what it holds.
Nothing is under the tag before all of it is there; a push that fails can be started again, and goes on.
"""

import io
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from ekiben.core.errors import AlreadyExists
from ekiben.core.front import worded
from ekiben.core.paths import disk_errors
from ekiben.core.tag import LATEST
from ekiben.store import artifacts
from ekiben.store.archive import Packing, write_archive
from ekiben.store.artifacts import DIGEST, Config, kind_of, make_manifest, repository_of
from ekiben.store.digest import Progress, measure, read_manifest
from ekiben.store.items import Item
from ekiben.store.remotes.oci import documents
from ekiben.store.remotes.oci.documents import Descriptor, describe, new_hash
from ekiben.store.remotes.oci.places import Place
from ekiben.store.remotes.oci.registry import Registry, open_registry
from ekiben.store.remotes.oci.uploads import Blob

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What is in the registry now."""

    reference: str  # `localhost:5000/team/models/iris:v1`
    digest: str  # of the manifest, which names it for good
    sent: int  # bytes of blobs that were not there before


def push_item(
    item: Item,
    place: Place,
    *,
    kind: str,
    framework: str = "",
    force: bool = False,
    parts: Mapping[str, Item] | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Pushed:
    """Push *item* to `<place>/<kind>s/<name>:<version>`.

    `latest` there follows, if what it names there is ours, of this kind and not newer.

    Args:
        item: what.
        place: where.
        kind: "model" or "bento".
        framework: what made it, for whoever looks at the registry.
        force: replace what is under the tag with other content.
        parts: models that go into it, by the folder that they lie in; what their own repositories have is mounted
            from there.
        progress: called with the bytes that are there so far and in all.
        options: of `registry.open_registry`.

    Raises:
        AlreadyExists: the tag is taken by other content, and *force* is not set.
        CorruptItem: a file of the item is not what was saved.
        InvalidInput: its name is none for a registry.
        EkibenError: what the registry said. The tag is as it was, then.
    """
    packings = {folder: _packing(one) for folder, one in {"": item, **(parts or {})}.items()}
    inner = {folder: packing.manifest for folder, packing in packings.items() if folder}
    config = artifacts.config_of(item, packings[""].manifest, kind, framework, inner)
    others = {folder: repository_of(place, "model", part.tag.name) for folder, part in (parts or {}).items()}
    repository, version = repository_of(place, kind, item.tag.name), item.tag.version or ""
    reference = f"{place.host}/{repository}:{version}"
    with open_registry(place, **options) as registry:
        found = registry.find(repository, version)
        if found and is_same(found[0], config):
            return Pushed(reference, found[1].digest, 0)
        if found and not force:
            what = f"a {kind_of(found[0])} with other content" if kind_of(found[0]) else "something that is not ours"
            hint = f"push under another folder, or replace it with {worded('`force=True`', '`--force`')}"
            raise AlreadyExists(f"{reference} exists already, and is {what}", hint=hint)
        with _layers(packings) as layers:
            blobs = [_of_bytes(config.to_bytes(), artifacts.config_type(kind)), *layers]
            sent = _send(registry, repository, blobs, others, progress)
        document = make_manifest(config, [layer.descriptor for layer in layers])
        written = registry.put(repository, version, document)
        if _is_latest(registry, repository, config):
            registry.put(repository, LATEST, document)
    return Pushed(reference, written.digest, sent)


def is_same(document: documents.Manifest | documents.Index, config: Config) -> bool:
    """Say whether *document* is an artifact of this very content."""
    return kind_of(document) == config.kind and document.annotations.get(DIGEST) == config.digest


def _packing(item: Item) -> Packing:
    manifest = read_manifest(item.path) or measure(item.path)
    large = frozenset(artifacts.large_files(manifest))
    return Packing(item.path, manifest, item.creation_time.timestamp(), without=large)


@contextmanager
def _layers(packings: Mapping[str, Packing]) -> Iterator[Sequence[Blob]]:
    """Give the layers; the archives of small files lie on the disk for this long."""
    layers = []
    with tempfile.TemporaryDirectory(prefix="ekiben-") as place:
        for number, (folder, packing) in enumerate(sorted(packings.items())):
            archive = Path(place) / str(number)
            with disk_errors(f"cannot write {archive}", is_home=False), archive.open("xb") as file:
                write_archive(packing, file, "gz")
            layers.append(Blob(_describe_archive(archive, folder), partial(_open, archive)))
            for path in sorted(packing.without):
                described = artifacts.describe_file(packing.folder, path, packing.manifest, folder)
                layers.append(Blob(described, partial(_open, packing.folder / path)))
        yield layers


def _describe_archive(archive: Path, folder: str) -> Descriptor:
    found = new_hash("sha256:" + "0" * 64)
    with archive.open("rb") as file:
        while chunk := file.read(1024 * 1024):
            found.update(chunk)
    notes = {artifacts.FOLDER: folder} if folder else {}
    return Descriptor(artifacts.SMALL_FILES, f"sha256:{found.hexdigest()}", archive.stat().st_size, notes)


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _of_bytes(data: bytes, media_type: str) -> Blob:
    return Blob(describe(data, media_type), lambda: io.BytesIO(data))


def _send(
    registry: Registry, repository: str, blobs: Sequence[Blob], others: Mapping[str, str], progress: Progress | None
) -> int:
    """Send what is not there, and give the bytes sent."""
    total, done, sent = sum(blob.descriptor.size for blob in blobs), 0, 0
    for blob in blobs:
        note = None if progress is None else partial(_note, progress, done, total)
        folder = blob.descriptor.annotations.get(artifacts.FOLDER)
        mount_from = () if folder is None else (others[folder],)
        if registry.send(repository, blob, mount_from=mount_from, on_bytes=note):
            sent += blob.descriptor.size
        done += blob.descriptor.size
    return sent


def _note(progress: Progress, before: int, total: int, count: int) -> None:
    progress(before + count, total)


def _is_latest(registry: Registry, repository: str, config: Config) -> bool:
    """Say whether `latest` is to name this item: by time of creation, as in the store."""
    found = registry.find(repository, LATEST)
    if found is None:
        return True
    if kind_of(found[0]) != config.kind:
        what = f"a {kind_of(found[0])}" if kind_of(found[0]) else "something that is not ours"
        _log.warning("%s:latest names %s and is left alone: pull this %s by its version", repository, what, config.kind)
        return False
    before = found[0].annotations.get("org.opencontainers.image.created", "")
    return artifacts.moment(before) <= artifacts.moment(config.created)
