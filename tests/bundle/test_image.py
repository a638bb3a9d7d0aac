"""What a service says of its image goes into its bento, held to what a bentofile is held to."""

from pathlib import Path
from typing import Any

import pytest

import ekiben
from ekiben.bundle.bento import build
from ekiben.bundle.image import with_image
from ekiben.bundle.options import BuildOptions, DockerOptions, PythonOptions, Steps
from ekiben.core.errors import ConfigError
from ekiben.core.spec import plain
from ekiben.services.image import Image
from ekiben.store.bentos import Bento
from tests.images.test_dockerfile import NASTY

SERVICE = """
import ekiben

image = (
    ekiben.Image()
    .system_packages("libgomp1")
    .run("echo before > note")
    .run_script("fetch.sh")
    .python_packages("click")
    .run("cat data/words.txt")
    .build_include("data/*.txt")
)


@ekiben.service(image=image, envs=[{"name": "STAGE", "value": "x", "stage": "build"}])
class Imaged:
    @ekiben.api
    def call(self) -> int:
        return 1
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """The folder of a project."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "words.txt").write_text("a\n")
    (folder / "fetch.sh").write_text("echo fetched\n")
    (folder / "wanted.txt").write_text("numpy\n")
    (folder / "pyproject.toml").write_text("[project]\nname = 'p'\ndependencies = ['pandas>=2', 'attrs']\n")
    return folder.resolve()


def told(image: Image, context: Path, options: BuildOptions = BuildOptions()) -> BuildOptions:
    """Lay an image into options."""
    spec = plain({**image.spec().__class__.__dataclass_fields__, **as_plain(image)})
    return with_image(options, {key: spec[key] for key in as_plain(image)}, context)


def as_plain(image: Image) -> dict[str, Any]:
    """Give the spec of an image as a bento has it."""
    spec = image.spec()
    return {
        "base": spec.base,
        "python_version": spec.python_version,
        "steps": [[verb, list(words)] for verb, words in spec.steps],
        "lock_packages": spec.lock_packages,
        "pack_git_packages": spec.pack_git_packages,
    }


def test_no_image_changes_nothing(context: Path) -> None:
    """Without an image the options are the very same."""
    options = BuildOptions()
    assert with_image(options, None, context) is options


def test_each_step_has_its_place(context: Path) -> None:
    """Packages go to the lock, those of the system to apt-get, commands before and after the packages."""
    image = Image(python_version="3.12", lock_python_packages=False).run("echo 1").run_script("fetch.sh")
    image.python_packages("attrs").run("echo 2").pyproject_toml().requirements_file("wanted.txt")
    found = told(image.system_packages("curl").run("echo 3").build_include("data/"), context)
    assert found.python == PythonOptions(
        packages=("attrs", "pandas>=2", "attrs"), requirements_txt="wanted.txt", lock_packages=False
    )
    assert found.docker == DockerOptions(python_version="3.12", system_packages=("curl",))
    before = (("run", "echo 1"), ("run_script", "fetch.sh"))
    assert found.steps == Steps(before, (("run", "echo 2"), ("run", "echo 3")), ("data/words.txt",))


def test_settings_stand_over_the_code(context: Path) -> None:
    """A bentofile's values count over the image's, and its lists are joined with it."""
    own = BuildOptions(
        python=PythonOptions(packages=("click",)),
        docker=DockerOptions(python_version="3.11", system_packages=("git", "curl"), base_image="mine:1"),
    )
    found = told(
        Image("theirs:1", python_version="3.12").system_packages("curl").python_packages("attrs"), context, own
    )
    assert found.docker == DockerOptions(python_version="3.11", system_packages=("curl", "git"), base_image="mine:1")
    assert found.python.packages == ("attrs", "click")


@pytest.mark.parametrize(
    ("image", "words"),
    [
        pytest.param(Image().run_script("../x.sh"), "inside the project", id="a script outside"),
        pytest.param(Image().run_script("/etc/passwd"), "inside the project", id="a script at the root"),
        pytest.param(Image().run_script("nothing.sh"), "there is none", id="no script"),
        pytest.param(Image().requirements_file("../x.txt"), "inside the project", id="requirements outside"),
        pytest.param(Image().pyproject_toml("data"), "there is none", id="a folder"),
        pytest.param(Image().pyproject_toml("fetch.sh"), "not TOML", id="no TOML"),
        pytest.param(Image().uv_lock(), "needs the project's uv.lock", id="no lock"),
        pytest.param(Image().build_include("*.nothing"), "names no file", id="files that are not there"),
        pytest.param(Image().build_include("../*"), "out of the project|inside the project|`..`", id="files outside"),
        pytest.param(Image().system_packages("curl; id"), "Debian package", id="a shell's word as package"),
        pytest.param(Image().system_packages("-o=x"), "Debian package", id="an option as package"),
        pytest.param(Image("x y"), "name of an image", id="no name of an image"),
        pytest.param(Image(python_version="3"), "version of Python", id="no version"),
        pytest.param(Image().requirements_file("wanted.txt").requirements_file("b.txt"), "said once", id="two files"),
    ],
)
def test_what_is_refused(image: Image, words: str, context: Path) -> None:
    """What the project does not have, or leads out of it, is refused before anything is built."""
    with pytest.raises(ConfigError, match=words):
        told(image, context)


@pytest.mark.parametrize("text", [text for text in NASTY if "\n" in text or "\x00" in text])
def test_a_spec_of_somebody_else(text: str, context: Path) -> None:
    """A spec that was not made by `Image` is held to the same: no control character passes."""
    spec = {"base": None, "python_version": None, "steps": [["run", [f"x{text}"]]]}
    with pytest.raises(ConfigError, match=r"control characters|one line"):
        with_image(BuildOptions(), spec, context)


def test_a_step_that_is_none(context: Path) -> None:
    """A step by another name is refused."""
    with pytest.raises(ConfigError, match="no step `copy`"):
        with_image(BuildOptions(), {"base": None, "python_version": None, "steps": [["copy", ["/", "/"]]]}, context)


def test_a_lock_of_uv(context: Path) -> None:
    """What uv.lock has settled becomes requirements, each with its version."""
    (context / "pyproject.toml").write_text("[project]\nname = 'p'\nversion = '1'\nrequires-python = '>=3.11'\n")
    (context / "uv.lock").write_text(
        'version = 1\nrequires-python = ">=3.11"\n\n'
        '[[package]]\nname = "p"\nversion = "1"\nsource = { virtual = "." }\n'
    )
    assert told(Image().uv_lock(), context).python.packages == ()


@pytest.fixture
def bento(context: Path, monkeypatch: pytest.MonkeyPatch) -> Bento:
    """A bento of a service with an image."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    (context / "pyproject.toml").unlink()
    (context / "service.py").write_text(SERVICE)
    return build(build_ctx=context, tell=lambda _: None)


def test_what_is_in_the_bento(bento: Bento) -> None:
    """The bento holds commands in their order, scripts as files, and which files commands find beside them."""
    docker = bento.info.docker
    assert docker["commands"] == ["echo before > note", {"script": "env/docker/scripts/0"}]
    assert docker["post_commands"] == ["cat data/words.txt"]
    assert docker["build_include"] == ["data/words.txt"]
    assert docker["system_packages"] == ["libgomp1"]
    assert bento.path_of("env/docker/scripts/0").read_text() == "echo fetched\n"
    assert "click" in bento.path_of("env/python/requirements.txt").read_text()


def test_the_context_runs_them(bento: Bento, tmp_path: Path) -> None:
    """The Dockerfile runs the commands around the packages; files, scripts and variables of the build are there."""
    from ekiben.images.image import write_context_of

    folder = write_context_of(bento, tmp_path / "context")
    lines = (folder / "Dockerfile").read_text().splitlines()
    wanted = [
        "ARG STAGE=",
        '"include/"',
        "echo before > note",
        '"scripts/0"',
        "run-setup",
        "install-python",
        "cat data",
    ]
    places = [next(index for index, line in enumerate(lines) if word in line) for word in wanted]
    assert places == sorted(places)
    assert (folder / "include/data/words.txt").read_text() == "a\n"
    assert (folder / "scripts/0").read_text() == "echo fetched\n"
    assert (folder / "bin/run-step").is_file()


def test_without_an_engine_it_is_refused(bento: Bento, tmp_path: Path) -> None:
    """The engine that runs nothing refuses commands, with the reason, and leaves nothing."""
    with pytest.raises(ConfigError, match="runs nothing in the image"):
        ekiben.containerize(bento, engine="oci", output=tmp_path / "image", show=False, tell=lambda _: None)
    assert not (tmp_path / "image").exists()
