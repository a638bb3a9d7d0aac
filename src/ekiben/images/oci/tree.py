"""Learn what is in a base image, without unpacking it.

In: its layers, in a layout, of unknown origin. Out: a `Tree`: where its Python is, who its users are.
Each layer is held against the digest of what it unpacks to, and none may unpack to more than is allowed. Nothing is
written.
Source: the OCI image specification 1.1, "Image Layer Filesystem Changeset" (whiteouts).
"""

import io
import posixpath
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ekiben.core.errors import ConfigError, CorruptArchive, UnsafeArchive
from ekiben.images.oci.base import Base
from ekiben.images.oci.layers import WHITEOUT
from ekiben.images.oci.layout import CHUNK, Layout
from ekiben.store.remotes.oci.documents import new_hash
from ekiben.store.streams import Budget, Guarded, inflate

OPAQUE = ".wh..wh..opq"  # all that lower layers have in this folder is gone
USERS, GROUPS = "etc/passwd", "etc/group"
MAX_TEXT = 1024 * 1024  # bytes of either
MAX_SIZE = 256 * 1024**3  # bytes that all layers unpack to
MOST_ENTRIES = 2_000_000
MAX_PATH = 4096  # bytes of a path, as in Linux
MAX_NAMES = 256 * 1024**2  # letters that are kept of all paths together
MOST_LINKS = 40  # on the way to one file, as in Linux
_BROKEN = (tarfile.TarError, ValueError, IndexError, OverflowError, UnicodeError)


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a path: a link, a program, or a text that we asked for."""

    link: str | None = None  # where it leads
    text: bytes | None = None


@dataclass(slots=True)
class Tree:
    """The links and programs of an image, and a few texts."""

    entries: dict[str, Found] = field(default_factory=dict)
    letters: int = 0  # of all paths that were ever kept

    def keep(self, path: str, found: Found) -> None:
        """Note a path; raises UnsafeArchive where there are too many."""
        self.letters += len(path) + len(found.link or "")
        if self.letters > MAX_NAMES:
            raise UnsafeArchive(f"the base image is refused: its paths have more than {MAX_NAMES} letters")
        self.entries[path] = found

    def resolve(self, path: str) -> str:
        """Follow links; none leads out of the image.

        Raises:
            CorruptArchive: they go round in a circle.
        """
        left, done, hops = path.split("/")[::-1], "", 0
        while left:
            part = left.pop()
            if part in ("", "."):
                continue
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            here = f"{done}/{part}" if done else part
            link = self.entries[here].link if here in self.entries else None
            if link is None:
                done = here
                continue
            hops += 1
            if hops > MOST_LINKS:
                raise CorruptArchive(f"the links of the base image go round in a circle: {path}")
            done = "" if link.startswith("/") else done
            left += link.split("/")[::-1]
        return done

    def find_python(self, folders: Sequence[str], minor: str) -> str:
        """Find the `python3.X` in the first of *folders* that has one.

        Args:
            folders: those of PATH.
            minor: 3.11.

        Returns:
            Its path, with a slash before it.

        Raises:
            ConfigError: there is none.
        """
        for folder in folders:
            place = self.resolve(f"{folder}/python{minor}")
            if folder.startswith("/") and place in self.entries:
                return f"/{place}"
        others = sorted({name for name in map(posixpath.basename, self.entries) if name.startswith("python3.")})
        has = f"it has {', '.join(others[:5])}" if others else "it has no Python that PATH finds"
        raise ConfigError(
            f"the base image must have Python {minor}, which the packages of the bento are locked for: {has}",
            hint=f"name another one: `--base python:{minor}-slim`",
        )

    @property
    def is_musl(self) -> bool:
        """Whether its C library is musl, which wheels for glibc do not run on."""
        return any(path.startswith("lib/ld-musl-") for path in self.entries)


def read_tree(base: Base, layout: Layout, *, max_size: int = MAX_SIZE) -> Tree:
    """Read the layers of a base image.

    Raises:
        CorruptArchive: one is damaged, or not what the config of the image says.
        UnsafeArchive: they unpack to more than *max_size* bytes, or a path leads out of the image.
        MissingLibrary: one is packed by zstd, and that library is not installed.
    """
    tree, budget = Tree(), Budget(max_size, MOST_ENTRIES)
    for layer, diff_id in zip(base.layers, base.diff_ids, strict=True):
        with layout.open(layer.digest) as file:
            _add_layer(tree, inflate(file, budget), budget, diff_id)
    return tree


def _add_layer(tree: Tree, stream: Guarded, budget: Budget, diff_id: str) -> None:
    """Lay a layer over those below it."""
    gone: list[str] = []
    fresh: dict[str, Found | None] = {}
    hashed = _Hashed(stream, new_hash(diff_id))
    try:
        with tarfile.TarFile(fileobj=hashed, mode="r") as tar:
            while (info := tar.next()) is not None:
                budget.spend_member()
                path = _path_of(info.name)
                folder, name = posixpath.split(path)
                if name == OPAQUE:
                    gone.append(f"{folder}/")
                elif name.startswith(WHITEOUT):
                    gone.append(posixpath.join(folder, name.removeprefix(WHITEOUT)))
                elif (found := _look(tar, info, path)) or path in tree.entries:
                    fresh[path] = found
                tar.members.clear()  # type: ignore[attr-defined] # the list grows, and nobody reads it
        while hashed.read(CHUNK):
            pass
    except UnsafeArchive as error:
        raise UnsafeArchive(f"the base image is refused: {error}") from error
    except _BROKEN as error:
        raise CorruptArchive(f"a layer of the base image is not a tar, or damaged: {error}") from error
    if hashed.digest != diff_id.partition(":")[2]:
        raise CorruptArchive(f"a layer of the base image unpacks to other bytes than its config says: {diff_id}")
    _remove(tree, gone)
    for path, found in fresh.items():
        if found is None:
            tree.entries.pop(path, None)
        else:
            tree.keep(path, found)


def _remove(tree: Tree, gone: Sequence[str]) -> None:
    """Take away paths and what lies below; with a slash behind, only that."""
    if not gone:
        return
    whole = {path for path in gone if not path.endswith("/")}
    emptied = {path.rstrip("/") for path in gone}
    for path in list(tree.entries):
        above = path
        is_gone = path in whole
        while not is_gone and (above := posixpath.dirname(above)):
            is_gone = above in emptied
        if is_gone or (path != "" and "" in emptied):
            del tree.entries[path]


def _path_of(name: str) -> str:
    """Give a path of a layer as it lies in the image."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in name or len(name) > MAX_PATH:
        raise UnsafeArchive(f"a path leads out of it: {name[:200]!r}")
    return "/".join(parts)


def _look(tar: tarfile.TarFile, info: tarfile.TarInfo, path: str) -> Found | None:
    """Say what we keep of a member; None where it is nothing that we ask for."""
    if info.issym() and len(info.linkname) <= MAX_PATH:
        return Found(link=info.linkname)
    if path in (USERS, GROUPS) and info.isreg() and info.size <= MAX_TEXT:
        file = tar.extractfile(info)
        return Found(text=file.read() if file else b"")
    is_program = (info.isreg() or info.islnk()) and info.mode & 0o111
    return Found() if is_program else None


class _Hashed(io.RawIOBase):
    """A guarded stream that tells the digest of all that went through."""

    def __init__(self, stream: Guarded, found: Any) -> None:
        self._stream, self._hash = stream, found

    @property
    def digest(self) -> str:
        """Of what was read so far, in hexadecimal digits."""
        return str(self._hash.hexdigest())

    def readable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Give the number of bytes read."""
        return self._stream.tell()

    def read(self, size: int = -1) -> bytes:
        """Give *size* bytes, or fewer at the end."""
        data = self._stream.read(size)
        self._hash.update(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Skip forward to *offset*; raises CorruptArchive where that lies behind."""
        if whence != io.SEEK_SET or offset < self.tell():
            return self._stream.seek(offset, whence)
        while self.tell() < offset and self.read(min(CHUNK, offset - self.tell())):
            pass
        return self.tell()
