"""Read and write what a registry keeps: descriptors, manifests, indexes.

In: bytes of a stranger, or our own values. Out: frozen values, or bytes, the same for the same value. Pure.
Source: the OCI image specification 1.1 (descriptor, manifest, image index); Docker's image manifest 2, schema 2.
"""

import hashlib
import json
import platform as machine
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from ekiben.core.errors import CorruptArchive, InvalidInput, NotFound

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
ACCEPTED = (MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_INDEX)
MAX_DOCUMENT = 4 * 1024 * 1024  # bytes of a manifest, which the distribution specification asks registries to take
_DIGEST = re.compile(r"(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128})")
_LAYERS = 10_000
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


@dataclass(frozen=True, slots=True)
class Platform:
    """For what machine an image is: `linux/arm64`, `linux/arm/v7`."""

    os: str = "linux"
    architecture: str = "amd64"
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `linux/amd64`.

        Raises:
            InvalidInput: it is not a platform.
        """
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(re.fullmatch(r"[a-z0-9._-]{1,40}", part) for part in parts):
            raise InvalidInput(f"`platform` must be such as 'linux/amd64': {text!r}")
        return cls(*parts)

    @classmethod
    def here(cls) -> Self:
        """Give Linux on this machine's processor."""
        found = machine.machine().lower()
        return cls("linux", _MACHINES.get(found, found))

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A blob or a document by its content: what it is, its digest, its size."""

    media_type: str
    digest: str  # `sha256:` and 64 hexadecimal digits
    size: int  # bytes
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Platform | None = None
    artifact_type: str = ""

    def to_plain(self) -> dict[str, Any]:
        """Give what stands in a document."""
        plain: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.artifact_type:
            plain["artifactType"] = self.artifact_type
        if self.annotations:
            plain["annotations"] = dict(self.annotations)
        if self.platform:
            words = {"os": self.platform.os, "architecture": self.platform.architecture}
            plain["platform"] = words | ({"variant": self.platform.variant} if self.platform.variant else {})
        return plain

    @classmethod
    def from_plain(cls, value: Any) -> Self:
        """Read what stands in a document.

        Raises:
            CorruptArchive: it is not a descriptor.
        """
        found = _mapping(value, "a descriptor")
        size, digest = found.get("size"), found.get("digest")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise CorruptArchive(f"the size of a blob must be a number of bytes: {_short(size)}")
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise CorruptArchive(f"the digest of a blob must be 'sha256:' and 64 hexadecimal digits: {_short(digest)}")
        where = found.get("platform")
        wanted = None
        if where is not None:
            words = _mapping(where, "a platform")
            wanted = Platform(*(_text(words.get(key, "")) for key in ("os", "architecture", "variant")))
        notes = _annotations(found.get("annotations"))
        return cls(_text(found.get("mediaType", "")), digest, size, notes, wanted, _text(found.get("artifactType", "")))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one image or artifact consists of."""

    config: Descriptor
    layers: Sequence[Descriptor]
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    media_type: str = MANIFEST

    def to_bytes(self) -> bytes:
        """Give the document; equal manifests give equal bytes."""
        plain: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": self.config.to_plain(),
            "layers": [layer.to_plain() for layer in self.layers],
        }
        if self.artifact_type:
            plain["artifactType"] = self.artifact_type
        if self.annotations:
            plain["annotations"] = dict(self.annotations)
        return write_json(plain)


@dataclass(frozen=True, slots=True)
class Index:
    """Manifests of one image for several platforms."""

    manifests: Sequence[Descriptor]
    annotations: Mapping[str, str] = field(default_factory=dict)
    media_type: str = INDEX

    def to_bytes(self) -> bytes:
        """Give the document; equal indexes give equal bytes."""
        plain: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "manifests": [one.to_plain() for one in self.manifests],
        }
        return write_json(plain | ({"annotations": dict(self.annotations)} if self.annotations else {}))

    def choose(self, wanted: Platform) -> Descriptor:
        """Find the manifest for a platform; one without a variant stands for any.

        Raises:
            NotFound: there is none; the error lists which there are.
        """
        for exactly in (True, False):
            for one in self.manifests:
                found = one.platform
                if found is None or (found.os, found.architecture) != (wanted.os, wanted.architecture):
                    continue
                if found.variant == wanted.variant or (not exactly and not (wanted.variant and found.variant)):
                    return one
        known = sorted({str(one.platform) for one in self.manifests if one.platform and one.platform.os != "unknown"})
        raise NotFound(f"there is no image for {wanted}", hint=f"there is one for {', '.join(known) or 'no platform'}")


def read_document(data: bytes, said: str = "") -> Manifest | Index:
    """Read a manifest or an index.

    Args:
        data: what the registry sent.
        said: the `Content-Type` of its answer, which counts where the document does not say what it is.

    Raises:
        CorruptArchive: it is neither.
    """
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptArchive(f"the registry's answer is not a manifest: {error}") from error
    found = _mapping(plain, "a manifest")
    kind = found.get("mediaType") or said.partition(";")[0].strip()
    if found.get("schemaVersion") != 2 or kind not in ACCEPTED:
        raise CorruptArchive(f"the registry's answer is not a manifest that we read: {_short(kind)}")
    notes = _annotations(found.get("annotations"))
    if kind in (INDEX, DOCKER_INDEX):
        listed = _list(found.get("manifests"), "manifests")
        return Index([Descriptor.from_plain(one) for one in listed], notes, kind)
    layers = [Descriptor.from_plain(one) for one in _list(found.get("layers"), "layers")]
    config = Descriptor.from_plain(found.get("config"))
    return Manifest(config, layers, _text(found.get("artifactType", "")), notes, kind)


def describe(data: bytes, media_type: str, **more: Any) -> Descriptor:
    """Give the descriptor of *data*."""
    return Descriptor(media_type, digest_of(data), len(data), **more)


def digest_of(data: bytes) -> str:
    """Give the digest of *data* as registries write it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def new_hash(digest: str) -> Any:
    """Give an empty hash of the kind that *digest* is of.

    Raises:
        CorruptArchive: it is no digest, or of a kind that nobody should trust.
    """
    if not _DIGEST.fullmatch(digest):
        raise CorruptArchive(f"a digest must be 'sha256:' and 64 hexadecimal digits: {_short(digest)}")
    return hashlib.new(digest.partition(":")[0])


def write_json(plain: Mapping[str, Any]) -> bytes:
    """Give *plain* as JSON, in one way."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CorruptArchive(f"{what} must be a JSON object: {_short(value)}")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > _LAYERS:
        raise CorruptArchive(f"`{what}` of a manifest must be a list of at most {_LAYERS}: {_short(value)}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise CorruptArchive(f"a manifest holds something else where text must stand: {_short(value)}")
    return value


def _annotations(value: Any) -> dict[str, str]:
    return {key: _text(text) for key, text in _mapping({} if value is None else value, "`annotations`").items()}


def _short(value: Any) -> str:
    return repr(value)[:200]
