"""Take a base image into a layout, for one platform.

In: an image by its name, a layout, an archive. Out: a `Base`, whose config and layers are in the layout, each held
against its digest.

An index is followed two steps down at most, to the one manifest that is for the platform. A layer that is not in the
image itself is refused.
Source: the OCI image specification 1.1; Docker's image specification 1.2 (`docker save`).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ekiben.core.errors import ConfigError, CorruptArchive, NotFound, UnsafeArchive
from ekiben.images.oci.layout import INDEX_FILE, Layout
from ekiben.images.oci.sources import SAVED, Files, Pulled, Source, open_files
from ekiben.store.remotes.oci.documents import (
    INDEX,
    MAX_DOCUMENT,
    Descriptor,
    Index,
    Manifest,
    Platform,
    digest_of,
    new_hash,
    read_document,
)
from ekiben.store.remotes.oci.places import ImageName
from ekiben.store.remotes.oci.registry import open_registry

MOST_LAYERS = 500
MAX_LAYERS = 64 * 1024**3  # bytes of all layers of a base together
MAX_CONFIG = 4 * 1024 * 1024  # bytes
DEPTH = 3  # documents from `index.json` down to a manifest
TAR, TAR_GZIP, TAR_ZSTD = (f"application/vnd.oci.image.layer.v1.tar{end}" for end in ("", "+gzip", "+zstd"))
# What a layer may be, and what we call it: the bytes are the same.
KINDS = {
    TAR: TAR,
    TAR_GZIP: TAR_GZIP,
    TAR_ZSTD: TAR_ZSTD,
    "application/vnd.docker.image.rootfs.diff.tar": TAR,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": TAR_GZIP,
}


@dataclass(frozen=True, slots=True)
class Base:
    """A base image, as it is in a layout now."""

    name: str  # as it was asked for
    digest: str  # of its manifest; of its config where it has none
    config: Mapping[str, Any]  # its document, as a stranger wrote it
    layers: tuple[Descriptor, ...]
    diff_ids: tuple[str, ...]  # what each unpacks to


def take_base(name: str, platform: Platform, layout: Layout, *, ca_file: str | None = None) -> Base:
    """Take the base image *name* into *layout*.

    Args:
        name: a folder with an image layout, an archive, or an image of a registry: `python:3.12-slim`.
        platform: of the image.
        layout: gets its layers.
        ca_file: certificates to trust besides the system's.

    Raises:
        NotFound: there is no such image, or none for the platform.
        CorruptArchive: it is damaged, or other than its digests say.
        UnsafeArchive: it is larger than a base may be, or leads out of itself.
        ConfigError: it is of a kind that we do not read.
        EkibenError: what the registry said.
    """
    path = Path(name).expanduser()
    if name.startswith(("/", "./", "../", "~")) or path.exists():
        with open_files(path) as files:
            if files.has(INDEX_FILE):
                return _take(name, files, _find(files, platform), platform, layout)
            return _take_saved(name, files, platform, layout)
    image = ImageName.parse(name)
    with open_registry(image.place(ca_file=ca_file)) as registry:
        manifest, found = registry.find_image(image.repository, image.reference, platform)
        return _take(name, Pulled(registry, image.repository), (manifest, found.digest), platform, layout)


def _find(files: Files, platform: Platform) -> tuple[Manifest, str]:
    """Find the one manifest for a platform."""
    top = read_document(json.dumps(files.read_json(INDEX_FILE, MAX_DOCUMENT)).encode(), INDEX)
    if not isinstance(top, Index):
        raise CorruptArchive(f"{INDEX_FILE} in {files.name} must be an index")
    fit: dict[str, Manifest] = {}
    others = []
    for manifest, digest in _walk(files, top, DEPTH):
        found = _read_config(files, manifest)
        if _is_for(found, platform):
            fit[digest] = manifest
        else:
            others.append(f"{found.get('os')}/{found.get('architecture')}"[:80])
    if not fit:
        hint = f"there is one for {', '.join(sorted(set(others))) or 'no platform'}"
        raise NotFound(f"there is no image for {platform} in {files.name}", hint=hint)
    if len(fit) > 1:
        raise ConfigError(
            f"the base must be one image for {platform}, and {files.name} holds {len(fit)}",
            hint="copy the one that you mean: skopeo copy",
        )
    digest, manifest = fit.popitem()
    return manifest, digest


def _walk(source: Source, index: Index, depth: int) -> Iterator[tuple[Manifest, str]]:
    """Give the manifests of images below an index, once each."""
    if depth == 0:
        raise CorruptArchive(f"an index of the base image stands more than {DEPTH} deep")
    if len(index.manifests) > MOST_LAYERS:
        raise UnsafeArchive(f"an index of the base image names more than {MOST_LAYERS} manifests")
    for one in index.manifests:
        if one.platform is not None and one.platform.os == "unknown":  # what is said of an image, such as a signature
            continue
        document = read_document(source.read(one, MAX_DOCUMENT), one.media_type)
        if isinstance(document, Index):
            yield from _walk(source, document, depth - 1)
        elif not document.artifact_type:
            yield document, one.digest


def _read_config(source: Source, manifest: Manifest) -> dict[str, Any]:
    try:
        found = json.loads(source.read(manifest.config, MAX_CONFIG))
    except (ValueError, RecursionError) as error:
        raise CorruptArchive(f"the config of the base image is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise CorruptArchive("the config of the base image must be a JSON object")
    return found


def _is_for(config: Mapping[str, Any], platform: Platform) -> bool:
    variant = config.get("variant") or ""
    is_same = (config.get("os"), config.get("architecture")) == (platform.os, platform.architecture)
    return is_same and (not platform.variant or not variant or variant == platform.variant)


def _take(name: str, source: Source, found: tuple[Manifest, str], platform: Platform, layout: Layout) -> Base:
    """Copy the layers that a manifest names."""
    manifest, digest = found
    config = _read_config(source, manifest)
    diff_ids = _check_config(config, platform, len(manifest.layers), name)
    if sum(layer.size for layer in manifest.layers) > MAX_LAYERS:
        raise UnsafeArchive(f"the layers of the base image have more than {MAX_LAYERS} bytes: {name}")
    layers = []
    for layer in manifest.layers:
        kind = KINDS.get(layer.media_type)
        if kind is None:
            raise ConfigError(f"a layer of the base image is of a kind that is not read: {layer.media_type!r}")
        source.copy(layer, layout)
        layers.append(Descriptor(kind, layer.digest, layer.size))
    return Base(name, digest, config, tuple(layers), diff_ids)


def _check_config(config: Mapping[str, Any], platform: Platform, layers: int, name: str) -> tuple[str, ...]:
    """Hold the config of a base against its layers, and give their `diff_ids`."""
    if not _is_for(config, platform):
        is_for = f"{config.get('os')}/{config.get('architecture')}"[:80]
        raise NotFound(f"there is no image for {platform}: {name} is for {is_for}")
    rootfs = config.get("rootfs")
    found = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise CorruptArchive(f"the config of the base image must list its layers in `rootfs.diff_ids`: {name}")
    if len(found) != layers:
        raise CorruptArchive(f"the base image has {layers} layers, and its config speaks of {len(found)}: {name}")
    if layers > MOST_LAYERS:
        raise UnsafeArchive(f"the base image has more than {MOST_LAYERS} layers: {name}")
    for each in found:
        new_hash(each)
    return tuple(found)


def _take_saved(name: str, files: Files, platform: Platform, layout: Layout) -> Base:
    """Take what `docker save` wrote before it wrote layouts, plain layers."""
    listed = files.read_json(SAVED, MAX_DOCUMENT)
    if not isinstance(listed, list) or len(listed) != 1 or not isinstance(listed[0], dict):
        raise ConfigError(f"{SAVED} in {name} must name one image", hint="save the one that you mean: docker save")
    path, layers = listed[0].get("Config"), listed[0].get("Layers")
    if not isinstance(path, str) or not isinstance(layers, list) or not all(isinstance(each, str) for each in layers):
        raise CorruptArchive(f"{SAVED} in {name} must name a `Config` and `Layers`")
    config = files.read_json(path, MAX_CONFIG)
    if not isinstance(config, dict):
        raise CorruptArchive("the config of the base image must be a JSON object")
    diff_ids = _check_config(config, platform, len(layers), name)
    taken = tuple(_take_layer(files, each, wanted, layout) for each, wanted in zip(layers, diff_ids, strict=True))
    with files.open(path) as file:
        return Base(name, digest_of(file.read(MAX_CONFIG)), config, taken, diff_ids)


def _take_layer(files: Files, path: str, wanted: str, layout: Layout) -> Descriptor:
    """Copy a plain tar, which must be what the config says."""
    with files.open(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        if size > MAX_LAYERS:
            raise UnsafeArchive(f"a layer of the base image has more than {MAX_LAYERS} bytes: {path}")
        found = Descriptor(TAR, wanted, size)
        layout.take(file, found)
    return found
