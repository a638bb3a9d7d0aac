"""Keep an image as files: an OCI image layout, in a folder or in a tar.

In: bytes and streams. Out: blobs that are what their digest says, `index.json` that names the image.

    oci-layout
    index.json            names the manifest
    blobs/sha256/...      manifest, config, layers

The same image gives the same files, and the same tar.
Source: the OCI image specification 1.1, "Image Layout Specification".
"""

import os
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, BinaryIO

from ekiben.core.errors import CorruptArchive
from ekiben.core.paths import disk_errors
from ekiben.store.remotes.oci.documents import Descriptor, Index, describe, new_hash
from ekiben.store.remotes.oci.uploads import Blob

MARK, INDEX_FILE, BLOBS = "oci-layout", "index.json", "blobs"
VERSION = b'{"imageLayoutVersion":"1.0.0"}'
NAME = "org.opencontainers.image.ref.name"  # of a manifest in index.json, for skopeo and umoci
CHUNK = 1024 * 1024  # bytes


class Layout:
    """An image layout that is being filled.

    Args:
        folder: empty, or not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with disk_errors(f"cannot write {folder}", is_home=False):
            (folder / BLOBS / "sha256").mkdir(parents=True, exist_ok=True)

    def place(self, digest: str) -> Path:
        """Give the place of a blob; raises CorruptArchive for what is no digest."""
        new_hash(digest)
        place = self.folder.joinpath(BLOBS, *digest.split(":"))
        place.parent.mkdir(exist_ok=True)
        return place

    def open(self, digest: str) -> BinaryIO:
        """Open a blob that is there."""
        return self.place(digest).open("rb")

    def put(self, data: bytes, media_type: str) -> Descriptor:
        """Write a small blob."""
        found = describe(data, media_type)
        with disk_errors(f"cannot write {self.folder}", is_home=False):
            self.place(found.digest).write_bytes(data)
        return found

    def take(self, source: IO[bytes], wanted: Descriptor) -> None:
        """Copy a blob of unknown origin.

        Raises:
            CorruptArchive: it is longer, shorter or other than *wanted* says; there is no file then.
        """
        place, found, size = self.place(wanted.digest), new_hash(wanted.digest), 0
        try:
            with disk_errors(f"cannot write {place}", is_home=False), place.open("wb") as file:
                while size <= wanted.size and (chunk := source.read(min(CHUNK, wanted.size + 1 - size))):
                    size += len(chunk)
                    found.update(chunk)
                    file.write(chunk)
            if size != wanted.size or found.hexdigest() != wanted.digest.partition(":")[2]:
                raise CorruptArchive(f"the base image holds other bytes than {wanted.digest}")
        except BaseException:
            place.unlink(missing_ok=True)
            raise

    def adopt(self, file: Path, wanted: Descriptor) -> Descriptor:
        """Move a file of ours, on the same disk, to its place."""
        with disk_errors(f"cannot write {self.folder}", is_home=False):
            file.replace(self.place(wanted.digest))
        return wanted

    def blob(self, wanted: Descriptor) -> Blob:
        """Give a blob as it is pushed."""
        return Blob(wanted, lambda: self.open(wanted.digest))

    def finish(self, manifest: Descriptor, names: Sequence[str]) -> None:
        """Write what makes the folder a layout.

        Args:
            manifest: of the image.
            names: of the image; each names the manifest once.
        """
        named = [replace(manifest, annotations={NAME: name}) for name in names]
        with disk_errors(f"cannot write {self.folder}", is_home=False):
            (self.folder / INDEX_FILE).write_bytes(Index(named or [manifest]).to_bytes())
            (self.folder / MARK).write_bytes(VERSION)


def write_tar(folder: Path, target: Path) -> None:
    """Put a finished layout into a tar, beside its place first.

    Raises:
        StoreError: the disk is full, or the folder may not be written.
    """
    beside = target.with_name(f".{target.name}.{os.urandom(6).hex()}")
    with disk_errors(f"cannot write {target}", is_home=False):
        try:
            _pack(folder, beside)
            beside.replace(target)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def _pack(folder: Path, target: Path) -> None:
    """Write the files of a layout in one order, without times and owners."""
    with tarfile.open(target, "x", format=tarfile.PAX_FORMAT) as tar:
        for path in [folder / MARK, folder / INDEX_FILE, *sorted((folder / BLOBS).rglob("*"))]:
            info = tarfile.TarInfo(path.relative_to(folder).as_posix())
            if path.is_dir():
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
                continue
            info.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(info, file)
