"""Wheels are made of what is installed and of folders; the same content gives the same bytes."""

import os
import subprocess
import sys
import time
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest

from ekiben.bundle.wheels import (
    build_once,
    build_wheel,
    has_backend,
    is_editable,
    local_source,
    pack_distribution,
    read_wheel,
    repack,
    settle,
    state_of,
)
from ekiben.core.errors import ConfigError
from tests.bundle.index import make_wheel

HATCH = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'


def make_project(folder: Path, backend: str = HATCH, *, needs: str = "") -> Path:
    """Write a project whose package lies in `src`."""
    (folder / "src/mylib").mkdir(parents=True)
    (folder / "src/mylib/__init__.py").write_text("VALUE = 7\n")
    (folder / "pyproject.toml").write_text(
        f'{backend}[project]\nname = "mylib"\nversion = "0.2"\ndependencies = [{needs}]\n'
        '[project.scripts]\nmylib = "mylib:main"\n'
    )
    return folder


def install(wheel: Path, place: Path) -> Distribution:
    """Install a wheel into a folder of its own; give what is installed there."""
    words = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(place), str(wheel)]
    subprocess.run([sys.executable, *words], check=True, capture_output=True, timeout=60)
    [found] = list(Distribution.discover(path=[str(place)]))
    return found


def test_build_wheel(tmp_path: Path) -> None:
    """A folder with a `src` layout becomes a wheel, without a trace in the folder."""
    source = make_project(tmp_path / "lib", needs='"tiny>=1"')
    before = sorted(source.rglob("*"))
    out = tmp_path / "out"
    out.mkdir()
    wheel = build_wheel(source, out)
    found = read_wheel(wheel, "here")
    assert (found.name, found.version, [str(each) for each in found.requires]) == ("mylib", "0.2", ["tiny>=1"])
    assert "mylib/__init__.py" in zipfile.ZipFile(wheel).namelist()
    assert sorted(source.rglob("*")) == before
    assert list(out.iterdir()) == [wheel]


@pytest.mark.parametrize("backend", [pytest.param(HATCH, id="hatchling"), pytest.param(SETUPTOOLS, id="setuptools")])
def test_build_wheel_is_reproducible(backend: str, tmp_path: Path) -> None:
    """Built again from files of another date, in another folder, a wheel has the same bytes."""
    wheels = []
    for name, age in (("one", 0), ("two", 10**7)):
        source = make_project(tmp_path / name / "lib", backend)
        for path in source.rglob("*"):
            os.utime(path, (time.time() - age,) * 2)
        (tmp_path / name / "out").mkdir()
        wheels.append(build_wheel(source, tmp_path / name / "out"))
        assert not (source / "build").exists()
        assert list(source.glob("src/*.egg-info")) == []
    assert wheels[0].read_bytes() == wheels[1].read_bytes()


def test_build_wheel_refuses(tmp_path: Path) -> None:
    """A folder that is no package, or whose backend fails, is an error that names it."""
    (tmp_path / "out").mkdir()
    (tmp_path / "lib").mkdir()
    with pytest.raises(ConfigError, match=r"must have a pyproject\.toml, and this has none: lib"):
        build_wheel(tmp_path / "lib", tmp_path / "out")
    (tmp_path / "lib/pyproject.toml").write_text(f'{HATCH}[project]\nname = "a b"\nversion = "1"\n')
    with pytest.raises(ConfigError, match=r"building a wheel of lib failed, and uv says: .*`name`|project\.name"):
        build_wheel(tmp_path / "lib", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(HATCH, True, id="installed here"),
        pytest.param('[build-system]\nrequires = ["hatchling>=999"]\n', False, id="installed in another version"),
        pytest.param('[build-system]\nrequires = ["no-such-backend"]\n', False, id="not installed"),
        pytest.param("[build-system]\nrequires = [\"x; os_name == 'nt'\"]\n", True, id="not needed here"),
        pytest.param('[build-system]\nrequires = ["a b"]\n', False, id="no requirement"),
        pytest.param("[build-system]\nrequires = 3\n", False, id="no list"),
        pytest.param("[build-system\n", False, id="no TOML"),
    ],
)
def test_has_backend(text: str, expected: bool, tmp_path: Path) -> None:
    """What builds a folder is looked for among what is installed."""
    (tmp_path / "pyproject.toml").write_text(text)
    assert has_backend(tmp_path) is expected


def test_repack(tmp_path: Path) -> None:
    """An installed distribution becomes the wheel again that it was installed from."""
    (tmp_path / "out").mkdir()
    built = build_wheel(make_project(tmp_path / "lib"), tmp_path / "out")
    (tmp_path / "again").mkdir()
    found = install(built, tmp_path / "site")
    assert any("__pycache__" in str(file) for file in found.files or ())
    wheel = repack(found, tmp_path / "again")
    assert wheel.name == built.name
    with zipfile.ZipFile(built) as one, zipfile.ZipFile(wheel) as other:
        assert {name: other.read(name) for name in other.namelist() if not name.endswith("RECORD")} == {
            name: one.read(name) for name in one.namelist() if not name.endswith("RECORD")
        }
        assert sorted(other.read("mylib-0.2.dist-info/RECORD").split()) == sorted(
            one.read("mylib-0.2.dist-info/RECORD").split()
        )
    assert install(wheel, tmp_path / "third").version == "0.2"


def test_repack_of_a_local_version(tmp_path: Path) -> None:
    """A version with `+` in it, as a drop-in has, keeps its name."""
    wheel = make_wheel(tmp_path, "standin", "1.4.17+ekiben", tag="py2.py3-none-any")
    (tmp_path / "again").mkdir()
    again = repack(install(wheel, tmp_path / "site"), tmp_path / "again")
    assert again.name == "standin-1.4.17+ekiben-py2.py3-none-any.whl" or again.name.endswith("py3-none-any.whl")
    assert read_wheel(again, "here").version == "1.4.17+ekiben"


def test_repack_notices_a_missing_file(tmp_path: Path) -> None:
    """An installation with a hole in it does not travel."""
    found = install(make_wheel(tmp_path, "tiny", "1.0"), tmp_path / "site")
    (tmp_path / "site/tiny.py").unlink()
    with pytest.raises(ConfigError, match=r"`tiny` cannot travel: tiny\.py of it is gone"):
        repack(found, tmp_path)


def test_pack_ekiben(tmp_path: Path) -> None:
    """Ekiben as it is installed here becomes a wheel, twice the same, with all of its modules."""
    (tmp_path / "two").mkdir()
    wheel = pack_distribution("ekiben", tmp_path)
    assert pack_distribution("ekiben", tmp_path / "two").read_bytes() == wheel.read_bytes()
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"ekiben/bundle/wheels.py", "ekiben/py.typed"} <= names
    assert not any("__pycache__" in name for name in names)
    found = read_wheel(wheel, "here")
    assert (found.name, found.version) == ("ekiben", distribution("ekiben").version)
    code = "import sys, ekiben; assert ekiben.__file__.startswith(sys.path[0]), ekiben.__file__"
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(wheel)!r}); {code}"], timeout=60)
    assert done.returncode == 0


def test_state(tmp_path: Path) -> None:
    """A changed, new or lost file changes the state of a folder; what Python compiles does not."""
    source = make_project(tmp_path / "lib")
    states = [state_of(source)]
    (source / "src/mylib/__pycache__").mkdir()
    (source / "src/mylib/__pycache__/x.pyc").touch()
    assert state_of(source) == states[0]
    for change in (
        lambda: (source / "src/mylib/__init__.py").write_text("VALUE = 8  # longer\n"),
        lambda: os.utime(source / "src/mylib/__init__.py", (1, 1)),
        lambda: (source / "src/mylib/more.py").touch(),
        lambda: (source / "pyproject.toml").unlink(),
    ):
        change()
        states.append(state_of(source))
    assert len(set(states)) == 5


def test_built_again_after_a_change(tmp_path: Path) -> None:
    """A wheel is built once for a state of its sources, and again for the next."""
    source = make_project(tmp_path / "lib")
    name, data = build_once(source, state_of(source))
    assert build_once(source, state_of(source))[1] is data
    (source / "src/mylib/__init__.py").write_text("VALUE = 8  # longer\n")
    again, other = build_once(source, state_of(source))
    assert again == name
    assert other != data


def test_pack_what_is_not_there(tmp_path: Path) -> None:
    """What is not installed cannot travel."""
    with pytest.raises(ConfigError, match="`no-such-thing` must be installed to travel"):
        pack_distribution("no-such-thing", tmp_path)


def test_settle(tmp_path: Path) -> None:
    """Order, dates and compression of a wheel do not show in its bytes; programs stay programs."""
    contents = {"a.py": "A", "a-1.data/scripts/run": "#!python", "a-1.dist-info/METADATA": "Name: a"}
    made = []
    for number, names in enumerate([sorted(contents), sorted(contents, reverse=True)]):
        place = tmp_path / str(number) / "a-1-py3-none-any.whl"
        place.parent.mkdir()
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED if number else zipfile.ZIP_STORED) as archive:
            for name in names:
                entry = zipfile.ZipInfo(name, (2001 + number, 2, 3, 4, 5, 6))
                entry.external_attr = (0o100755 if "scripts" in name else 0o100600 + 0o44 * number) << 16
                archive.writestr(entry, contents[name])
        (place.parent / "out").mkdir()
        made.append(settle(place, place.parent / "out"))
    assert made[0].read_bytes() == made[1].read_bytes()
    modes = {each.filename: each.external_attr >> 16 & 0o777 for each in zipfile.ZipFile(made[0]).infolist()}
    assert modes == {"a.py": 0o644, "a-1.data/scripts/run": 0o755, "a-1.dist-info/METADATA": 0o644}


@pytest.mark.parametrize(
    ("name", "metadata"),
    [
        pytest.param("tiny.whl", "Name: tiny\nVersion: 1", id="a name without its parts"),
        pytest.param("tiny-1.0-py3-none-any.whl", "Name: other\nVersion: 1", id="another's metadata"),
        pytest.param("tiny-1.0-py3-none-any.whl", None, id="no metadata"),
        pytest.param("tiny-1.0-py3-none-any.whl", "Name: tiny\nRequires-Dist: a b", id="a requirement that is none"),
    ],
)
def test_read_wheel_refuses(name: str, metadata: str | None, tmp_path: Path) -> None:
    """What is not a wheel is refused by its name."""
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        if metadata is not None:
            archive.writestr("tiny-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\n{metadata}\n")
    with pytest.raises(ConfigError, match=f"`{name}` must be a wheel"):
        read_wheel(tmp_path / name, "here")


def test_read_wheel_refuses_other_bytes(tmp_path: Path) -> None:
    """A file that is no archive is no wheel."""
    (tmp_path / "tiny-1.0-py3-none-any.whl").write_bytes(b"not a zip")
    with pytest.raises(ConfigError, match="must be a wheel"):
        read_wheel(tmp_path / "tiny-1.0-py3-none-any.whl", "here")


def test_local_source() -> None:
    """What is installed from a folder is told from what came from an index."""
    assert local_source(distribution("packaging")) is None
    assert not is_editable(distribution("packaging"))
