"""Tiny base images, made by hand: right ones, and wrong ones. Apart from what writes and reads them."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
PASSWD = b"root:x:0:0:root:/root:/bin/sh\n"

Content = bytes | str | None  # of a file; where a link leads; None: a folder

PYTHON: dict[str, Content] = {
    "etc": None,
    "etc/passwd": PASSWD,
    "etc/group": b"root:x:0:\n",
    "usr/local/bin/python3.11": b"\x7fELF",
    "usr/local/bin/python3": "python3.11",
    "bin": "usr/bin",
    "usr/bin/sh": b"\x7fELF",
}


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_tar(entries: Mapping[str, Content]) -> bytes:
    """Make a layer: files may be run, unless they lie in etc."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in entries.items():
            info = tarfile.TarInfo(path)
            info.mode = 0o644 if path.startswith("etc/") else 0o755
            if content is None:
                info.type = tarfile.DIRTYPE
                tar.addfile(info)
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def describe(data: bytes, kind: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest(data), "size": len(data), **more}


@dataclass
class MadeBase:
    """An image as blobs, and the documents above them; a test may change any before it is written."""

    layers: Sequence[Mapping[str, Content]] = (PYTHON,)
    config: dict[str, Any] = field(default_factory=dict)
    platform: tuple[str, str] = ("linux", "amd64")
    kind: str = GZIP
    packed: Sequence[bytes] | None = None  # instead of what the layers pack to

    def __post_init__(self) -> None:
        self.tars = [make_tar(entries) for entries in self.layers]
        packed = self.packed or [gzip.compress(each, mtime=0) for each in self.tars]
        system, processor = self.platform
        whole = {
            "os": system,
            "architecture": processor,
            "config": {"Env": ["PATH=/usr/local/bin:/usr/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(each) for each in self.tars]},
            **self.config,
        }
        self.config_data = json.dumps(whole).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": describe(self.config_data, CONFIG),
            "layers": [describe(each, self.kind) for each in packed],
        }
        self.manifest = json.dumps(manifest).encode()
        self.blobs = [self.config_data, *packed, self.manifest]
        self.descriptor = describe(self.manifest, MANIFEST, platform={"os": system, "architecture": processor})

    def files(self, index: Any = None, *others: bytes) -> dict[str, bytes]:
        """Give the files of a layout."""
        top = index or {"schemaVersion": 2, "mediaType": INDEX, "manifests": [self.descriptor]}
        blobs = {f"blobs/sha256/{digest(blob)[7:]}": blob for blob in (*self.blobs, *others)}
        return {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": json.dumps(top).encode(), **blobs}

    def saved(self) -> dict[str, bytes]:
        """Give the files of an archive as `docker save` wrote it for long."""
        layers = {f"{number}/layer.tar": each for number, each in enumerate(self.tars)}
        listed = [{"Config": "config.json", "RepoTags": ["base:latest"], "Layers": list(layers)}]
        return {"config.json": self.config_data, "manifest.json": json.dumps(listed).encode(), **layers}


def write_files(files: Mapping[str, bytes], folder: Path) -> Path:
    for path, data in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return folder


def write_archive(files: Mapping[str, Content], path: Path) -> Path:
    path.write_bytes(make_tar(files))
    return path


def write_base(folder: Path, **changes: Any) -> Path:
    """Write a layout."""
    return write_files(MadeBase(**changes).files(), folder)
