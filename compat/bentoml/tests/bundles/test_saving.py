"""A service is saved whole or not at all, with its code, and works where its sources are not."""

import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from bentoml.bundles import saving
from bentoml.bundles.description import Bundle, open_bundle
from bentoml.bundles.loading import load_from_dir, save, save_to_dir

from compat.bentoml.tests.bundles.projects import SOURCES, imported, packed
from ekiben.exceptions import AlreadyExists, ConfigError, InvalidInput, WrongState


def files(folder: Path) -> set[str]:
    """List the files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_a_bundle_holds(folder: Path, bundle: Bundle) -> None:
    """All files of 0.13's layout are there, below the repository of the home, and two of our wheels."""
    assert bundle.path.parent == folder / "home" / "repository" / "Adder"
    assert re.fullmatch(r"20\d{12}_[0-9A-F]{6}", bundle.path.name)
    found = files(bundle.path)
    wheels = {each for each in found if each.startswith("bundled_pip_dependencies/")}
    assert {each.partition("/")[2].partition("-")[0] for each in wheels} == {"ekiben", "bentoml"}
    assert found - wheels == {
        "bentoml.yml", "README.md", "Dockerfile", "docker-entrypoint.sh", "bentoml-init.sh", "requirements.txt",
        "environment.yml", "python_version", "setup.py", "MANIFEST.in", "docs.json", "Adder/__init__.py",
        "Adder/bentoml.yml", "Adder/adder_service.py", "Adder/adder_service_words.py", "Adder/artifacts/add.pkl",
        "Adder/artifacts/add.yml", "Adder/artifacts/names.json", "Adder/artifacts/names.yml",
    }  # fmt: skip
    assert (bundle.path / "bentoml-init.sh").stat().st_mode & 0o111
    assert (bundle.path / "python_version").read_text() == ".".join(map(str, sys.version_info[:3])) + "\n"
    assert not list((folder / "home" / "tmp").iterdir())


def test_what_is_known_of_it(bundle: Bundle) -> None:
    """The description tells class, module, APIs, artifacts with their metadata, labels and packages."""
    info = bundle.info
    assert (info.name, info.module, info.file) == ("Adder", "adder_service", "adder_service.py")
    assert (info.labels, info.env["infer_pip_packages"]) == ({"team": "sums"}, True)
    assert [(each["name"], each["input_type"], each["docs"]) for each in info.apis] == [
        ("add", "JsonInput", "Add to each.")
    ]
    assert [(each["name"], each["artifact_type"], each["metadata"]) for each in info.artifacts] == [
        ("add", "PickleArtifact", {"exact": True}),
        ("names", "JSONArtifact", {}),
    ]
    lines = (bundle.path / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if line.startswith("click==")] == lines, "neither Python's, nor ours, nor its own"
    described = json.loads((bundle.path / "docs.json").read_text())
    assert "/add" in described["paths"]
    assert "Adds a number." in (bundle.path / "README.md").read_text()


def test_it_works_without_its_sources(folder: Path, bundle: Bundle) -> None:
    """Another process, which cannot see the project, loads the bundle; its pickles find the classes of its code."""
    code = (
        "import sys, bentoml\n"
        f"service = bentoml.load_from_dir({str(bundle.path)!r})\n"
        "print(service.add([1, 2]), service.tag, service.artifacts['add'].metadata, service.labels)\n"
        "print(sys.modules['adder_service'].__file__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == f"[8, 10] {bundle.tag} {{'exact': True}} {{'team': 'sums'}}"
    assert second == str(bundle.path / "Adder" / "adder_service.py")


def test_a_killed_save_leaves_nothing(folder: Path, project: Any) -> None:
    """A process that is killed while it writes leaves no bundle, and the next save sweeps away what it began."""
    code = (
        "import os, signal, sys\n"
        f"sys.path.insert(0, {str(folder / 'project')!r})\n"
        "import adder_service, adder_service_words\n"
        "from bentoml.bundles import saving\n"
        "saving.write_texts = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "service = adder_service.Adder().pack('add', adder_service_words.Number(1)).pack('names', [])\n"
        "service.save()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not list((folder / "home" / "repository").glob("*/*"))
    assert list((folder / "home" / "tmp").iterdir()), "it had begun"
    packed(project).save()
    assert not list((folder / "home" / "tmp").iterdir())


def test_a_save_that_fails_leaves_nothing(folder: Path, project: Any) -> None:
    """Where an artifact is not packed, or its metadata cannot be kept, there is an error and no bundle."""
    with pytest.raises(WrongState, match="the artifact `add` of `Adder` is not packed, so nothing was saved"):
        project.Adder().save()
    service = packed(project)
    service.artifacts["names"]._metadata = {"x": object()}
    with pytest.raises(InvalidInput, match="metadata of names"):
        service.save()
    with pytest.raises(InvalidInput, match="metadata of names"):
        service.save_to_dir(str(folder / "out"))
    assert not list((folder / "home" / "repository").glob("*/*"))
    assert not list(folder.glob("out*")) + list(folder.glob(".out*"))


def test_where_it_is_saved(folder: Path, project: Any) -> None:
    """A version, a base folder and an empty folder can be named; nothing is written over."""
    service = packed(project)
    path = Path(service.save(version="1.0-rc", base_path=str(folder / "base")))
    assert path == folder / "base" / "Adder" / "1.0-rc"
    assert open_bundle(path).info.version == "1.0-rc"
    with pytest.raises(AlreadyExists, match="exists already"):
        service.save(base_path=str(folder / "base"))
    service.save()
    with pytest.raises(AlreadyExists, match=r"Adder:1\.0-rc"):
        service.save()
    (folder / "empty").mkdir()
    save_to_dir(service, str(folder / "empty"), version="2")
    assert load_from_dir(str(folder / "empty")).tag == "Adder:2"
    with pytest.raises(AlreadyExists, match="needs a folder that is empty"):
        service.save_to_dir(str(folder / "empty"))
    assert Path(save(packed(project), version="3", labels={"a": "b"})).name == "3"
    for bad in ("../up", "a/b", ".."):
        with pytest.raises(InvalidInput, match="version of a bundle"):
            service.save(version=bad)
    with pytest.raises(ConfigError, match="there is no Yatai server"):
        service.save(yatai_url="http://localhost:50051")
    for labels in ({"a": 1}, ["a"], {"": "b"}):
        with pytest.raises(InvalidInput, match="`labels` must be text by text"):
            service.save(version="4", labels=labels)


def test_a_service_in_a_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules of a package keep their places, and relative imports hold."""
    place = folder / "src" / "shop_package"
    place.mkdir(parents=True)
    (place / "__init__.py").write_text("")
    (place / "unused.py").write_text("raise SystemExit\n")
    (place / "sums.py").write_text("def plus(x):\n    return x + 1\n")
    (place / "service.py").write_text(
        "from bentoml import BentoService, api\nfrom bentoml.adapters import JsonInput\nfrom .sums import plus\n"
        "class Shop(BentoService):\n    @api(input=JsonInput())\n"
        "    def buy(self, value):\n        return plus(value)\n"
    )
    monkeypatch.syspath_prepend(str(folder / "src"))
    from shop_package.service import Shop  # type: ignore[import-not-found]

    path = Path(Shop().save())
    code = files(path / "Shop")
    assert {"shop_package/__init__.py", "shop_package/sums.py", "shop_package/service.py"} <= code
    assert not any("unused" in each for each in code)
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop_package"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.undo()
    loaded = load_from_dir(str(path))
    assert loaded.buy(1) == 2
    assert type(loaded) is not Shop


def test_a_class_that_cannot_be_saved(project: Any) -> None:
    """A class inside of a function, or in no file, is refused with what to do."""

    class Inner(project.BentoService):  # type: ignore[misc]
        pass

    with pytest.raises(ConfigError, match="must stand at the top of its module"):
        saving.find_code(Inner)
    Inner.__module__ = "nowhere_at_all"
    with pytest.raises(ConfigError, match="stands in no file") as caught:
        saving.find_code(Inner)
    assert "write the class into a module" in str(caught.value.hint)


def test_the_environment_in_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every option of `@env` stands in a file of the bundle; a script may be given as a file or as text."""
    monkeypatch.chdir(folder)
    (folder / "needs.txt").write_text("# what else\nattrs\nrich>=13\n")
    (folder / "conda.yml").write_text("name: own\n")
    (folder / "prepare.sh").write_text("echo prepared\n")
    with zipfile.ZipFile(folder / "lib.zip", "w") as archive:
        archive.writestr("from_a_zip_file.py", "VALUE = 7\n")
    more = (
        ', pip_packages=["numpy", "pyyaml>=6"], requirements_txt_file="needs.txt", conda_channels=["conda-forge"]'
        ', conda_dependencies=["h2o"], conda_override_channels=True, setup_sh="prepare.sh"'
        ', docker_base_image="python:3.12-slim", zipimport_archives=["lib.zip"]'
        ', pip_index_url="https://packages.example.org/simple"'
    )
    with imported(folder / "more", "adder_of_more", more) as module:
        path = Path(packed(module).save())
    lines = (path / "requirements.txt").read_text().splitlines()
    assert lines[0] == "--index-url https://packages.example.org/simple"
    assert {line.partition("=")[0].partition(">")[0] for line in lines[1:]} == {
        "numpy",
        "pyyaml",
        "attrs",
        "rich",
        "click",
    }
    assert {"pyyaml>=6", "rich>=13"} <= set(lines)
    conda = (path / "environment.yml").read_text()
    assert all(word in conda for word in ("- conda-forge\n", "- nodefaults\n", "- h2o\n"))
    assert (path / "setup.sh").read_text() == "echo prepared\n"
    assert "FROM python:3.12-slim\n" in (path / "Dockerfile").read_text()
    load_from_dir(str(path))
    import from_a_zip_file  # type: ignore[import-not-found]

    assert from_a_zip_file.VALUE == 7
    with imported(
        folder / "file", "adder_of_file", ', conda_env_yml_file="conda.yml", setup_sh="#!/bin/sh\\nls\\n"'
    ) as one:
        path = Path(packed(one).save())
    assert (path / "environment.yml").read_text() == "name: own\n"
    assert (path / "setup.sh").read_text() == "#!/bin/sh\nls\n"
    for option in ("requirements_txt_file", "conda_env_yml_file", "setup_sh"):
        with imported(folder / option, f"adder_{option}", f', {option}="nowhere.x"') as one:
            with pytest.raises(ConfigError, match=f"`{option}` names no file"):
                packed(one).save()


def test_pip_installs_it(folder: Path, bundle: Bundle) -> None:
    """A wheel of the bundle has the module, its artifacts, and a command named after the service."""
    out = folder / "out"
    done = subprocess.run(
        [sys.executable, "setup.py", "-q", "bdist_wheel", "--dist-dir", str(out)],
        cwd=bundle.path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (wheel,) = out.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
        entry = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "Adder = Adder:cli" in archive.read(entry).decode()
    code = "import Adder\nprint(Adder.load().add([1]))\nimport sys\nsys.argv[1:] = ['--help']\nAdder.cli()\n"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCES), str(folder / "site")])},
    )  # fmt: skip
    assert ran.stdout.startswith("[8]\n"), ran.stderr
    assert "serve" in ran.stdout
