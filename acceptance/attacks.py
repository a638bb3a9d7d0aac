"""Write archives that try to do what an import must not allow.

In: a place, the name of an attack, and a file that must stay as it is. Out: a file that looks like an exported model.
"""

import io
import lzma
import tarfile
from pathlib import Path

ATTACKS = ("climbs out", "absolute path", "link to a file", "link to a folder", "hard link", "device", "bomb", "twice")
MODEL_YAML = b"""\
name: evil
version: abcdefghijklmnop
module: bentoml.picklable_model
labels: {}
options: {}
metadata: {}
context: {framework_name: x, framework_versions: {}, bentoml_version: 1.4.17, python_version: 3.11.0}
signatures: {}
api_version: v1
creation_time: '2024-12-10T10:23:48.000000+00:00'
"""


def write_archive(place: Path, attack: str, victim: Path) -> None:
    """Write an archive that tries *attack* on the file *victim*."""
    if attack == "bomb":
        place.write_bytes(bomb(2 * 2**30))
        return
    with tarfile.open(place, "w:xz", preset=0) as archive:
        add(archive, "model.yaml", MODEL_YAML)
        if attack == "climbs out":
            add(archive, "../" * 12 + str(victim).lstrip("/"), b"evil")
            add(archive, "../evil.txt", b"evil")
        elif attack == "absolute path":
            add(archive, str(victim), b"evil")
        elif attack == "link to a file":
            link(archive, "weights.txt", tarfile.SYMTYPE, str(victim))
            add(archive, "weights.txt", b"evil")
        elif attack == "link to a folder":
            link(archive, "folder", tarfile.SYMTYPE, str(victim.parent))
            add(archive, f"folder/{victim.name}", b"evil")
        elif attack == "hard link":
            link(archive, "weights.txt", tarfile.LNKTYPE, str(victim))
        elif attack == "device":
            link(archive, "null", tarfile.CHRTYPE, "")
        elif attack == "twice":
            add(archive, "model.yaml", MODEL_YAML.replace(b"evil", b"good"))


def bomb(size: int) -> bytes:
    """Make an archive of some kilobytes that unpacks to a file of *size* bytes: one xz stream, many times over."""
    start = io.BytesIO()
    with tarfile.open(fileobj=start, mode="w") as archive:
        add(archive, "model.yaml", MODEL_YAML)
    info = tarfile.TarInfo("weights.bin")
    info.size = size
    head = start.getvalue()[: 2 * tarfile.BLOCKSIZE] + info.tobuf()
    piece = 32 * 2**20
    return lzma.compress(head) + lzma.compress(bytes(piece), preset=0) * (size // piece) + lzma.compress(bytes(1024))


def add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a plain file."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def link(archive: tarfile.TarFile, name: str, kind: bytes, target: str) -> None:
    """Add something that is no plain file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    archive.addfile(info)
