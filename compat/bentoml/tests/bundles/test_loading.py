"""Bundles are loaded from folders, archives and tags; a hostile one writes nothing elsewhere."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest
from bentoml.bundles.description import Bundle
from bentoml.bundles.loading import among, find_bundle, load_bundle, load_from_dir

from compat.bentoml.tests.bundles.projects import SOURCES, imported, packed
from ekiben.exceptions import CorruptArchive, CorruptItem, NotFound, ServiceLoadError, StoreError, UnsafeArchive


def test_every_way_to_name_it(folder: Path, bundle: Bundle) -> None:
    """A folder, a tag, `latest`, and an archive of the folder name the same bundle."""
    archive = folder / "adder.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(bundle.path, arcname="adder")
    for target in (str(bundle.path), str(bundle.tag), "Adder:latest", "Adder", str(archive)):
        found = find_bundle(target)
        assert found is not None
        assert load_bundle(found).add([1]) == [8]
    assert find_bundle("Adder:nothing") is None
    assert find_bundle("no tag at all") is None
    with pytest.raises(NotFound, match="there is no bundle in"):
        load_from_dir(str(folder))


def test_artifacts_are_read_when_they_are_asked_for(bundle: Bundle) -> None:
    """Loading reads no artifact; the first use reads them all."""
    shutil.rmtree(bundle.code / "artifacts")
    service = load_bundle(bundle)
    assert [each.name for each in service.inference_apis] == ["add"]
    with pytest.raises(Exception, match="the artifact `add` is not in its bundle"):
        _ = service.artifacts.add


def test_a_bundle_that_was_removed(bundle: Bundle) -> None:
    """Whoever removes a bundle between its loading and the first use is told so in a sentence."""
    service = load_bundle(bundle)
    shutil.rmtree(bundle.path)
    with pytest.raises(StoreError, match="was removed before its artifacts were read"):
        _ = service.artifacts.add


def test_its_own_init_may_use_them(folder: Path) -> None:
    """A class with an `__init__` of its own, which never heard of ours, finds its artifacts there."""
    with imported(folder / "own", "adder_with_init") as module:
        file = Path(module.__file__)
    file.write_text(file.read_text().replace("    @api", "    def __init__(self):\n        self.n = 1\n\n    @api", 1))
    sys.path.insert(0, str(file.parent))
    try:
        import adder_with_init  # type: ignore[import-not-found]

        path = packed(adder_with_init).save()
    finally:
        sys.path.remove(str(file.parent))
        for name in ("adder_with_init", "adder_with_init_words"):
            sys.modules.pop(name, None)
    code = Path(path) / "Adder" / "adder_with_init.py"
    code.write_text(code.read_text().replace("self.n = 1", "self.n = self.artifacts.add.number"))
    assert load_from_dir(path).n == 3


def test_two_bundles_with_modules_of_one_name(folder: Path) -> None:
    """Each has its own code, though both call it the same."""
    paths = []
    for number in (1, 2):
        with imported(folder / str(number), "adder_twin") as module:
            path = Path(packed(module, 0).save(version=str(number)))
        code = path / "Adder" / "adder_twin_words.py"
        code.write_text(code.read_text().replace("2 * x", f"{number} * x"))
        paths.append(path)
    first, second = (load_from_dir(str(path)) for path in paths)
    assert (first.add([10]), second.add([10])) == ([10], [20])


def test_pickles_of_two_bundles_with_modules_of_one_name(folder: Path) -> None:
    """A pickle finds the class of its own bundle, whichever is read first, and it is the class that the code has."""
    paths = []
    for number in (1, 2):
        with imported(folder / str(number), "adder_pair") as module:
            path = Path(packed(module, number).save(version=str(number)))
        code = path / "Adder" / "adder_pair_words.py"
        code.write_text(code.read_text().replace("self.number = number", f"pass\n    where = {number}"))
        paths.append(path)
    first, second = (load_from_dir(str(path)) for path in paths)
    before = sys.modules["adder_pair_words"]
    for service, number in ((second, 2), (first, 1)):
        held = service.artifacts.add
        assert (held.where, held.number) == (number, number)
        assert type(held) is type(service).add.__globals__["twice"].__globals__["Number"]
    assert sys.modules["adder_pair_words"] is before


def test_names_of_modules_mean_one_bundle_at_a_time(bundle: Bundle) -> None:
    """While the artifacts of one bundle are read, another thread waits with those of its own."""
    begun = threading.Event()
    order: list[str] = []

    def read() -> None:
        begun.set()
        with among(bundle.code, {}):
            order.append("other")

    other = threading.Thread(target=read)
    with among(bundle.code, {}):
        other.start()
        assert begun.wait(20)
        other.join(0.2)
        order.append("own")
    other.join(20)
    assert order == ["own", "other"]


def test_a_bundle_whose_module_has_a_name_of_pythons(folder: Path) -> None:
    """A service in `queue.py` is loaded and read, and Python's own `queue` stays what it was."""
    with imported(folder / "project", "adder_here") as module:
        path = Path(packed(module).save())
    (path / "Adder" / "adder_here.py").rename(path / "Adder" / "queue.py")
    for file in (path / "bentoml.yml", path / "Adder" / "bentoml.yml"):
        file.write_text(file.read_text().replace("adder_here.py", "queue.py").replace("adder_here\n", "queue\n"))
    before = sys.modules["queue"]
    service = load_from_dir(str(path))
    assert sys.modules["queue"] is before
    assert service.add([1]) == [8]
    assert sys.modules["queue"] is before


@pytest.mark.parametrize(
    "name", ["", "artifacts", "web_static_content", "zipimport_archives", "zipimport_archives/a.zip"]
)
def test_folders_outside_of_the_bundle(folder: Path, bundle: Bundle, name: str) -> None:
    """No folder of a bundle is a link to another place: its code, its artifacts, what it serves, what it imports."""
    place = bundle.code / name if name else bundle.code
    elsewhere = folder / "elsewhere"
    if place.exists():
        place.rename(elsewhere)
    else:
        elsewhere.mkdir()
        place.parent.mkdir(exist_ok=True)
    place.symlink_to(elsewhere)
    with pytest.raises(CorruptItem, match="leads it out"):
        load_from_dir(str(bundle.path))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"adder_service.py": None}, CorruptItem, "has no code: there is no Adder/adder_service.py"),
        ({"adder_service.py": "x = 1\n"}, CorruptItem, "has no `BentoService` called `Adder`"),
        ({"adder_service.py": "class Adder: pass\n"}, CorruptItem, "has no `BentoService` called `Adder`"),
        ({"adder_service.py": "1 / 0\n"}, ServiceLoadError, "ZeroDivisionError"),
    ],
)
def test_damaged_code(bundle: Bundle, change: dict[str, str | None], error: type[Exception], words: str) -> None:
    """Code that is missing, is no service or fails is told, and nothing else happens."""
    for name, text in change.items():
        (bundle.code / name).unlink() if text is None else (bundle.code / name).write_text(text)
    with pytest.raises(error, match=words):
        load_from_dir(str(bundle.path))


def test_code_outside_of_the_bundle(folder: Path, bundle: Bundle) -> None:
    """A link in the bundle does not lead to code elsewhere."""
    (folder / "evil.py").write_text("raise SystemExit('ran')\n")
    (bundle.code / "adder_service.py").unlink()
    os.symlink(folder / "evil.py", bundle.code / "adder_service.py")
    with pytest.raises(CorruptItem, match="leads it out"):
        load_from_dir(str(bundle.path))


def tar_of(folder: Path, *members: tarfile.TarInfo) -> str:
    """Write an archive of hostile members."""
    place = folder / "evil.tar.gz"
    with tarfile.open(place, "w:gz") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return str(place)


def member(name: str, **told: Any) -> tarfile.TarInfo:
    """Make a member of an archive."""
    info = tarfile.TarInfo(name)
    for key, value in {"size": 1, **told}.items():
        setattr(info, key, value)
    return info


@pytest.mark.parametrize(
    "evil",
    [
        member("../../pwned"),
        member("/tmp/pwned"),
        member("a/../../pwned"),
        member("link", type=tarfile.SYMTYPE, linkname="/etc/passwd", size=0),
        member("link", type=tarfile.LNKTYPE, linkname="../../etc/passwd", size=0),
        member("pipe", type=tarfile.FIFOTYPE, size=0),
        member("c:\\pwned"),
    ],
    ids=lambda info: info.name,
)
def test_hostile_archives(folder: Path, evil: tarfile.TarInfo) -> None:
    """An archive that would write or point elsewhere is refused whole."""
    with pytest.raises(UnsafeArchive):
        find_bundle(tar_of(folder, evil))
    assert not list(folder.parent.rglob("pwned"))


def test_an_archive_of_something_else(folder: Path) -> None:
    """An archive without a bundle, or a damaged one, says so."""
    with pytest.raises(CorruptArchive, match="holds no bundle"):
        find_bundle(tar_of(folder, member("readme")))
    (folder / "cut.tar.gz").write_bytes(b"\x1f\x8b\x08 no archive")
    with pytest.raises(CorruptArchive):
        find_bundle(str(folder / "cut.tar.gz"))


UNPACK = """
import os, signal, sys
from bentoml.bundles.loading import unpack_bundle
print(unpack_bundle(sys.argv[1]).path, flush=True)
if len(sys.argv) > 2:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_unpacked_is_removed(folder: Path, bundle: Bundle) -> None:
    """An unpacked archive goes with its process; what a killed one left goes with the next, or disks would fill."""
    archive = folder / "adder.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(bundle.path, arcname="adder")

    def unpacked(*more: str) -> Path:
        words = [sys.executable, "-c", UNPACK, str(archive), *more]
        environ = {**os.environ, "PYTHONPATH": str(SOURCES)}
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=environ)
        assert done.stdout, done.stderr
        return Path(done.stdout.strip())

    left = unpacked("killed")
    assert left.is_dir()
    assert not unpacked().exists()
    assert not left.exists()


def test_a_refused_archive_leaves_nothing(folder: Path) -> None:
    """What was unpacked of an archive without a bundle is gone at once."""
    archive = folder / "none.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(__file__, arcname="x.py")
    with pytest.raises(CorruptArchive, match="holds no bundle"):
        find_bundle(str(archive))
    assert list((folder / "home" / "tmp").iterdir()) == []
