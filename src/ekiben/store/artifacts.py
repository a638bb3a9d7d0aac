"""Lay an item out for a registry, and read such a layout again.

In: an item and its manifest. Out: a config, layers and annotations as an OCI artifact has them; and the way back.

    artifact type   application/vnd.ekiben.model.v1
    config          what the item is: tag, digest, size, labels, as JSON
    layer           all small files, as the archive that an export writes: tar in gzip
    layers          each large file by itself, as it is, so that versions that share it send it once
    layers          the same of each model of a bento, marked with the folder that it has in the bento's archive

Source: the OCI image specification 1.1, "Guidelines for Artifact Usage" and "Pre-Defined Annotation Keys".
"""

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ekiben.core.errors import CorruptArchive, EkibenError, InvalidInput
from ekiben.core.tag import Tag
from ekiben.store.digest import Manifest
from ekiben.store.items import Item
from ekiben.store.remotes.oci import documents
from ekiben.store.remotes.oci.documents import Descriptor, describe, write_json
from ekiben.store.remotes.oci.places import HUB, Place

LARGE = 8 * 1024 * 1024  # bytes from which a file is a layer of its own
MOST_LAYERS = 256  # of large files; the rest goes into the archive
MAX_CONFIG = 1024 * 1024  # bytes

SMALL_FILES = "application/vnd.ekiben.files.v1.tar+gzip"
ONE_FILE = "application/vnd.ekiben.file.v1"

TITLE = "org.opencontainers.image.title"  # of a layer: its path, where other tools write it to
DIGEST = "dev.ekiben.digest"  # of the content, as `verify` gives it
EXECUTABLE = "dev.ekiben.executable"
FOLDER = "dev.ekiben.folder"  # of a layer: below which its files lie


@dataclass(frozen=True, slots=True)
class Config:
    """What is said of an item beside its files."""

    kind: str  # "model"
    tag: Tag
    digest: str  # of the content
    size: int  # bytes of all files
    created: str  # ISO 8601
    framework: str = ""
    labels: Mapping[str, str] | None = None
    parts: Mapping[str, str] = field(default_factory=dict)  # digests of the items in it, by their folder

    def to_bytes(self) -> bytes:
        """Give the config blob; the same for the same item."""
        return write_json(
            {
                "schema": 1,
                "kind": self.kind,
                "name": self.tag.name,
                "version": self.tag.version,
                "digest": self.digest,
                "size": self.size,
                "created": self.created,
                "framework": self.framework,
                "labels": dict(self.labels or {}),
                **({"parts": dict(self.parts)} if self.parts else {}),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "Config":
        """Read a config blob that anyone may have written.

        Raises:
            CorruptArchive: it is none.
        """
        try:
            plain: dict[str, Any] = json.loads(data)
            tag = Tag(plain["name"], plain["version"])
            kind, digest, size, created = (plain[key] for key in ("kind", "digest", "size", "created"))
            parts = dict(plain.get("parts") or {})
        except (ValueError, KeyError, TypeError, RecursionError, EkibenError) as error:
            raise CorruptArchive(f"the config of the artifact cannot be read: {error}") from error
        words = (kind, digest, created, *parts, *parts.values())
        if not all(isinstance(word, str) for word in words) or not isinstance(size, int) or not tag.is_exact:
            raise CorruptArchive("the config of the artifact cannot be read: a value is not of its type")
        return cls(kind, tag, digest, size, created, parts=parts)


def config_of(
    item: Item, manifest: Manifest, kind: str, framework: str = "", parts: Mapping[str, Manifest] | None = None
) -> Config:
    """Say what *item* is, and which items lie in it, by their folder."""
    inner = {folder: part.digest for folder, part in (parts or {}).items()}
    created = item.creation_time.isoformat()
    return Config(kind, item.tag, manifest.digest, manifest.size, created, framework, dict(item.labels), inner)


def repository_of(place: Place, kind: str, name: str) -> str:
    """Give the repository of an item: `models/iris`, on Docker Hub `models-iris`.

    Each kind has its own, beside the images of a place, so that a bento and its model may have one name. Docker Hub has
    no folders below a user.

    Raises:
        InvalidInput: no repository can be called so.
    """
    return place.repository(f"{kind}s{'-' if place.host == HUB else '/'}{name}")


def artifact_type(kind: str) -> str:
    """Name the type of an artifact that is such a kind of item."""
    return f"application/vnd.ekiben.{kind}.v1"


def config_type(kind: str) -> str:
    """Name the media type of its config."""
    return f"application/vnd.ekiben.{kind}.config.v1+json"


def large_files(manifest: Manifest) -> list[str]:
    """List the files that are layers of their own, by path."""
    large = [(-entry.size, path) for path, entry in manifest.files.items() if entry.size >= LARGE]
    return sorted(path for _, path in sorted(large)[:MOST_LAYERS])


def describe_file(item: Path, path: str, manifest: Manifest, folder: str = "") -> Descriptor:
    """Give the descriptor of a large file; its digest is the one of its save.

    Args:
        item: where the item lies.
        path: of the file, in the item.
        manifest: of the item.
        folder: where the item lies in the artifact.
    """
    entry = manifest.files[path]
    is_executable = (item / path).stat().st_mode & 0o100
    notes = {TITLE: f"{folder}/{path}" if folder else path} | ({EXECUTABLE: "true"} if is_executable else {})
    notes |= {FOLDER: folder} if folder else {}
    return Descriptor(ONE_FILE, f"sha256:{entry.sha256}", entry.size, notes)


def make_manifest(config: Config, layers: Sequence[Descriptor]) -> documents.Manifest:
    """Join what was sent to one artifact."""
    notes = {
        "org.opencontainers.image.title": config.tag.name,
        "org.opencontainers.image.version": config.tag.version or "",
        "org.opencontainers.image.created": config.created,
        "dev.ekiben.kind": config.kind,
        "dev.ekiben.framework": config.framework,
        DIGEST: config.digest,
    }
    described = describe(config.to_bytes(), config_type(config.kind))
    return documents.Manifest(described, layers, artifact_type(config.kind), {k: v for k, v in notes.items() if v})


def kind_of(document: documents.Manifest | documents.Index) -> str | None:
    """Say which kind of item an artifact is; None if it is none of ours."""
    if isinstance(document, documents.Index):
        return None
    for kind in ("model", "bento"):
        if artifact_type(kind) == document.artifact_type or document.config.media_type == config_type(kind):
            return kind
    return None


def check_kind(document: documents.Manifest | documents.Index, kind: str, place: str) -> documents.Manifest:
    """Give *document* back if it is an artifact of this kind.

    Raises:
        InvalidInput: it is something else.
    """
    found = kind_of(document)
    if found != kind or isinstance(document, documents.Index):
        is_what = f"a {found}" if found else "an image, or another thing that is not ours"
        raise InvalidInput(f"{place} must be a {kind}, and is {is_what}")
    return document


def moment(text: str) -> datetime.datetime:
    """Read a time of creation; one that cannot be read is before all others."""
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        found = datetime.datetime.min
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
