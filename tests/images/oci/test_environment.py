"""The environment of an image has the packages of the lock for its platform, and nothing of this machine."""

import marshal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ekiben.core.errors import ConfigError
from ekiben.images.oci.environment import install_packages, list_environment
from ekiben.images.oci.layers import Entry
from ekiben.images.plan import Packages
from ekiben.store.remotes.oci.documents import Platform

AMD, ARM = Platform("linux", "amd64"), Platform("linux", "arm64")
VENV = "/opt/ekiben/venv"
SITE = "opt/ekiben/venv/lib/python3.11/site-packages"
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"

MakePackages = Callable[..., Packages]


def install(packages: Packages, folder: Path, platform: Platform = AMD) -> dict[str, Entry]:
    """Make an environment, and give its entries by their paths."""
    folder.mkdir()
    made = install_packages(packages, platform, folder, VENV)
    found = list(list_environment(made, VENV, "/usr/local/bin/python3.11"))
    assert len({each.path for each in found}) == len(found)
    return {each.path: each for each in found}


def content(entry: Entry) -> bytes:
    assert entry.source is not None
    return entry.source if isinstance(entry.source, bytes) else entry.source.read_bytes()


def plain(entries: dict[str, Entry]) -> Iterator[tuple[str, int, str, bytes]]:
    """Give all that a layer has of entries."""
    for path, each in sorted(entries.items()):
        yield path, each.mode, each.link, b"" if each.source is None else content(each)


def test_what_is_in_it(make_packages: MakePackages, tmp_path: Path) -> None:
    """Packages lie where the base's Python looks for them, beside the program that serves; the Python is the base's."""
    found = install(make_packages(), tmp_path / "venv")
    assert content(found[f"{SITE}/fast.so"]) == b"machine code"
    assert {f"{SITE}/ekiben.py", f"{SITE}/ekiben-0.1.0.dist-info/METADATA", f"{SITE}/fast.py"} <= found.keys()
    top = "opt/ekiben/venv"
    assert content(found[f"{top}/pyvenv.cfg"]).decode().splitlines()[0] == "home = /usr/local/bin"
    assert found[f"{top}/bin/python"].link == "/usr/local/bin/python3.11"
    assert found[f"{top}/bin/python3"].link == found[f"{top}/bin/python3.11"].link == "python"
    assert found[f"{top}/bin/ekiben"].mode == 0o755
    programs = {path.rpartition("/")[2] for path in found if path.startswith(f"{top}/bin/")}
    assert programs == {"python", "python3", "python3.11", "ekiben"}
    assert all(each.source is None for path, each in found.items() if path in (top, SITE, f"{top}/bin"))


def test_nothing_of_this_machine(make_packages: MakePackages, tmp_path: Path) -> None:
    """No path of this machine is in it: not in programs, notes, lists of files or compiled modules."""
    found = install(make_packages(version=THIS), tmp_path / "venv")
    for path, each in found.items():
        if each.source is not None:
            assert str(tmp_path).encode() not in content(each), path
            assert sys.prefix.encode() not in content(each), path
    assert not any(path.endswith(("direct_url.json", "uv_cache.json", "REQUESTED", ".lock")) for path in found)
    record = content(found[f"{SITE.replace('3.11', THIS)}/ekiben-0.1.0.dist-info/RECORD"]).decode()
    assert "direct_url" not in record
    assert "../../../bin/ekiben," in record


def test_same_each_time(make_packages: MakePackages, tmp_path: Path) -> None:
    """Two folders and two times give the same environment, compiled modules included."""
    one = install(make_packages("one", version=THIS), tmp_path / "a")
    two = install(make_packages("two", version=THIS), tmp_path / "longer name")
    assert list(plain(one)) == list(plain(two))


def test_compiled(make_packages: MakePackages, tmp_path: Path) -> None:
    """For this Python modules are compiled, and know their place in the image; for another one they are not."""
    found = install(make_packages(version=THIS), tmp_path / "venv")
    caches = {path: each for path, each in found.items() if path.endswith(".pyc")}
    assert len(caches) == 2
    for path, each in caches.items():
        data = content(each)
        assert int.from_bytes(data[4:8], "little") == 1, "unchecked, by its hash"
        name = path.rpartition("/")[2].partition(".")[0]
        assert marshal.loads(data[16:]).co_filename == f"{VENV}/lib/python{THIS}/site-packages/{name}.py"
    other = "3.12" if THIS == "3.11" else "3.11"
    tag = f"cp{other.replace('.', '')}"
    packages = make_packages("other", version=other, tag=f"{tag}-{tag}-manylinux_2_17_x86_64")
    found = install(packages, tmp_path / "other venv")
    assert not any(path.endswith(".pyc") for path in found)
    assert f"opt/ekiben/venv/lib/python{other}/site-packages/fast.py" in found


def test_platform(make_packages: MakePackages, tmp_path: Path) -> None:
    """Wheels are those of the image's platform, whatever machine this is; without one it is refused."""
    arm = make_packages("arm", tag="cp311-cp311-manylinux_2_17_aarch64")
    assert f"{SITE}/fast.so" in install(arm, tmp_path / "arm venv", ARM)
    with pytest.raises(ConfigError, match="fast"):
        install(arm, tmp_path / "amd")
    with pytest.raises(ConfigError, match="must be linux/amd64 or linux/arm64: 'linux/s390x'"):
        install_packages(arm, Platform("linux", "s390x"), tmp_path, VENV)


def test_other_bytes(make_packages: MakePackages, tmp_path: Path) -> None:
    """A wheel that is not the one of the lock is refused."""
    packages = make_packages()
    lock = packages.requirements
    lock.write_text(lock.read_text().replace("fast==2.0 --hash=sha256:", "fast==2.0 --hash=sha256:0")[:-2] + "\n")
    with pytest.raises(ConfigError, match=r"(?i)hash"):
        install(packages, tmp_path / "venv")


def test_without_hashes(make_packages: MakePackages, tmp_path: Path) -> None:
    """Where the lock has versions alone, the wheels that travel are those that are installed."""
    packages = make_packages(has_hashes=False)
    packages.requirements.write_text("--no-index\nekiben==0.1.0\n")
    assert f"{SITE}/fast.py" in install(packages, tmp_path / "venv")


def test_no_source_is_built(make_packages: MakePackages, tmp_path: Path) -> None:
    """What would have to be built, by running its code here, is refused."""
    packages = make_packages(has_hashes=False)
    project = tmp_path / "project"
    project.mkdir()
    (project / "setup.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    packages.requirements.write_text(f"{project}\n")
    with pytest.raises(ConfigError, match=r"(?i)build"):
        install(packages, tmp_path / "venv")
    assert not (tmp_path / "ran").exists()


def test_replaced(make_packages: MakePackages, tmp_path: Path) -> None:
    """A package cannot take the place of the environment's Python, nor say where that is."""
    found = install(make_packages("data", files={"fast-2.0.data/data/pyvenv.cfg": "home = /tmp\n"}), tmp_path / "venv")
    assert b"/tmp" not in content(found["opt/ekiben/venv/pyvenv.cfg"])
    script = {"fast-2.0.data/scripts/python3.11": "#!python\n"}
    with pytest.raises(ConfigError, match=r"python3\.11"):
        install(make_packages("script", files=script), tmp_path / "other venv")
