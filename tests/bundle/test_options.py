"""Each key of a build works or is refused with its path, and no value can carry more than it says."""

from pathlib import Path
from typing import Any

import pytest

from ekiben.bundle.options import BuildOptions, DockerOptions, ModelOptions, PythonOptions, read_options
from ekiben.core.errors import ConfigError


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A project with the files that options may name."""
    for name in ("requirements.txt", "setup.sh", "README.md", "wheels/own-1.0-py3-none-any.whl"):
        place = tmp_path / "project" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("# text\n")
    (tmp_path / "outside.txt").write_text("secret\n")
    (tmp_path / "project" / "link.txt").symlink_to(tmp_path / "outside.txt")
    return tmp_path / "project"


def test_nothing_said(context: Path) -> None:
    """Without keys everything is included, packages are locked, and the name is the service's."""
    assert read_options({}, context) == BuildOptions()
    assert BuildOptions().include == ("*",)
    assert BuildOptions().python.lock_packages


ALL_OF_THEM = {
    "service": "service:Iris",
    "name": "iris",
    "version": "v1",
    "description": "file: README.md",
    "labels": {"team": "ñandú"},
    "include": "*.py",
    "exclude": ["tests/"],
    "models": ["flowers:latest", {"tag": "fraud:v2", "alias": "scorer"}],
    "envs": [{"name": "TOKEN", "stage": "runtime"}],
    "python": {
        "requirements_txt": "./requirements.txt",
        "packages": ["scikit-learn", "pandas>=2"],
        "lock_packages": False,
        "pack_git_packages": False,
        "index_url": "https://packages.example.org/simple",
        "extra_index_url": "https://other.example.org/simple",
        "find_links": ["wheels", "https://links.example.org"],
        "no_index": True,
        "trusted_host": ["packages.example.org"],
        "pip_args": "--pre --only-binary=:all: --no-binary numpy",
        "wheels": ["wheels/own-1.0-py3-none-any.whl"],
        "is_src_layout": True,
    },
    "docker": {
        "distro": "debian",
        "python_version": "3.12",
        "cuda_version": "12.4.1",
        "system_packages": ["libgomp1", "curl=8.0-1", "libc6:i386"],
        "setup_script": "setup.sh",
        "env": {"LEVEL": "3"},
    },
}


def test_all_of_them(context: Path) -> None:
    """Each key arrives; a text stands for a list of one, and paths are relative to the project."""
    read = read_options(ALL_OF_THEM, context)
    assert read == BuildOptions(
        service="service:Iris",
        name="iris",
        version="v1",
        description="# text\n",
        labels={"team": "ñandú"},
        include=("*.py",),
        exclude=("tests/",),
        models=(ModelOptions("flowers:latest"), ModelOptions("fraud:v2", "scorer")),
        envs=({"name": "TOKEN", "stage": "runtime"},),
        python=PythonOptions(
            requirements_txt="requirements.txt",
            packages=("scikit-learn", "pandas>=2"),
            lock_packages=False,
            pack_git_packages=False,
            index_url="https://packages.example.org/simple",
            extra_index_url=("https://other.example.org/simple",),
            find_links=("wheels", "https://links.example.org"),
            no_index=True,
            trusted_host=("packages.example.org",),
            pip_args=("--pre", "--only-binary", ":all:", "--no-binary", "numpy"),
            wheels=("wheels/own-1.0-py3-none-any.whl",),
            is_src_layout=True,
        ),
        docker=DockerOptions(
            python_version="3.12",
            cuda_version="12.4.1",
            system_packages=("libgomp1", "curl=8.0-1", "libc6:i386"),
            setup_script="setup.sh",
            env={"LEVEL": "3"},
        ),
    )


@pytest.mark.parametrize(
    "image",
    ["python:3.12-slim", "registry.example.org:5000/team/base:1.0", "docker.io/library/debian@sha256:" + "a" * 64],
)
def test_base_image(image: str, context: Path) -> None:
    """An image is named as engines name it: host, path, tag, digest."""
    assert read_options({"docker": {"base_image": image}}, context).docker.base_image == image


@pytest.mark.parametrize(
    ("options", "path", "hint"),
    [
        pytest.param({"servce": "x"}, "`servce`", "did you mean `service`?", id="a key that is misspelled"),
        pytest.param({"python": {"pakages": []}}, "`python.pakages`", "`packages`", id="one within a section"),
        pytest.param({"docker": {"base_imag": "x"}}, "`docker.base_imag`", "`base_image`", id="and in another"),
        pytest.param({"models": [{"tags": "x"}]}, "`models[0].tags`", "`tag`", id="and in a list"),
        pytest.param({"envs": [{"nam": "x"}]}, "`envs[0].nam`", "`name`", id="and in the list of variables"),
        pytest.param({"conda": {"channels": []}}, "`conda`", "leave", id="conda is known, and not supported"),
        pytest.param({"docker": {"dockerfile_template": "D"}}, "`docker.dockerfile_template`", "", id="and templates"),
        pytest.param({"models": [{"tag": "a", "filter": "x"}]}, "`models[0].filter`", "", id="and filters of models"),
        pytest.param({"python": []}, "`python`", "its options are", id="a section must be a mapping"),
        pytest.param({"service": 3}, "`service`", None, id="a number is no target"),
        pytest.param({"version": 1.0}, "`version`", None, id="nor a version, unless in quotes"),
        pytest.param({"name": "no spaces"}, "`name`", "'no-spaces'", id="a name goes by the rules of tags"),
        pytest.param({"version": "../up"}, "`version`", None, id="so does a version"),
        pytest.param({"labels": {"a": 1}}, "`labels`", None, id="labels are text"),
        pytest.param({"labels": ["a"]}, "`labels`", None, id="by text"),
        pytest.param({"include": {"a": 1}}, "`include`", None, id="patterns are a list"),
        pytest.param({"include": ["*.py", 3]}, "`include[1]`", None, id="of text"),
        pytest.param({"exclude": [""]}, "`exclude[0]`", None, id="that is not empty"),
        pytest.param({"models": "iris"}, "`models`", "- iris:latest", id="models are a list"),
        pytest.param({"models": ["iris:"]}, "`models[0].tag`", None, id="of tags"),
        pytest.param({"models": [{"alias": "x"}]}, "`models[0].tag`", None, id="and none without a tag"),
        pytest.param({"models": [7]}, "`models[0]`", None, id="a number is no tag"),
        pytest.param(
            {"models": [{"tag": "a", "alias": "x"}, {"tag": "b", "alias": "X"}]},
            "`models[1].alias`",
            None,
            id="one name is of one model",
        ),
        pytest.param({"python": {"lock_packages": "no"}}, "`python.lock_packages`", None, id="a flag is no text"),
        pytest.param({"python": {"packages": 3}}, "`python.packages`", None, id="packages are a list"),
        pytest.param({"python": {"index_url": "pypi"}}, "`python.index_url`", None, id="an index is a URL"),
        pytest.param({"python": {"index_url": "https://a b"}}, "`python.index_url`", None, id="of one word"),
        pytest.param({"python": {"extra_index_url": ["x"]}}, "`python.extra_index_url`", None, id="each of them"),
        pytest.param(
            {"python": {"pip_args": "--target /"}}, "`python.pip_args`", "keys of their own", id="not any arg"
        ),
        pytest.param({"python": {"pip_args": "'"}}, "`python.pip_args`", None, id="words need their quotes"),
        pytest.param({"python": {"pip_args": "--no-binary --pre"}}, "`python.pip_args`", None, id="and values"),
        pytest.param({"docker": {"distro": "alpine"}}, "`docker.distro`", "`base_image`", id="one system is packed"),
        pytest.param({"docker": {"python_version": 3.1}}, "`docker.python_version`", '"3.12"', id="3.10 is not 3.1"),
        pytest.param({"docker": {"python_version": "2.7"}}, "`docker.python_version`", None, id="Python is of today"),
        pytest.param({"docker": {"cuda_version": "x"}}, "`docker.cuda_version`", None, id="CUDA has numbers"),
        pytest.param(
            {"docker": {"cuda_version": "12.4", "base_image": "x"}}, "`docker.cuda_version`", "leave", id="one says it"
        ),
        pytest.param({"docker": {"env": 3}}, "`docker.env`", None, id="variables are a mapping"),
        pytest.param({"docker": {"env": {"A": 3}}}, "`docker.env.A`", None, id="of text"),
        pytest.param({"docker": {"env": ["A"]}}, "`docker.env`", None, id="or lines with a value"),
    ],
)
def test_refused(options: dict[str, Any], path: str, hint: str | None, context: Path) -> None:
    """A key that is unknown or ill-typed is refused with its path and one hint."""
    with pytest.raises(ConfigError) as caught:
        read_options(options, context)
    assert path in caught.value.message
    assert (hint or "") in (caught.value.hint or "")


@pytest.mark.parametrize("value", ["../outside.txt", "/etc/passwd", "link.txt", "a\\b", "no/such/file", "wheels"])
@pytest.mark.parametrize(
    "key", ["python.requirements_txt", "docker.setup_script", "python.wheels", "description", "docker.env"]
)
def test_paths_stay_in_the_project(key: str, value: str, context: Path) -> None:
    """No key reads a file outside of the project, not by `..` and not by a link; CVE-2026-24123 was this."""
    section, _, name = key.rpartition(".")
    told: Any = f"file:{value}" if key == "description" else [value] if name == "wheels" else value
    with pytest.raises(ConfigError, match=key.replace(".", r"\.")):
        read_options({section: {name: told}} if section else {name: told}, context)


def test_links_to_wheels_stay_in_the_project(context: Path) -> None:
    """A folder of wheels is one of the project, too."""
    with pytest.raises(ConfigError, match="find_links"):
        read_options({"python": {"find_links": ["../wheels"]}}, context)


INJECTED = ["a\nRUN id", "a\rb", "a\0b", "a\x1b[31m", "a\x85b", "a\u2028b", "a\ud800b", "a\x7fb"]
PLACES = [
    "service", "name", "version", "labels.a", "include", "exclude", "models", "envs", "python.packages",
    "python.index_url", "python.find_links", "python.trusted_host", "python.pip_args", "python.requirements_txt",
    "docker.base_image", "docker.system_packages", "docker.env.A", "docker.python_version", "docker.setup_script",
]  # fmt: skip


@pytest.mark.parametrize("text", INJECTED, ids=ascii)
@pytest.mark.parametrize("place", PLACES)
def test_no_control_characters(place: str, text: str, context: Path) -> None:
    """Nothing that could begin another line is taken, whichever key it stands in."""
    told: Any = text
    for key in reversed(place.split(".")):
        told = {key: told}
    for options in (told, {place.partition(".")[0]: [{text: "x"}]}, {"labels": {text: "x"}}):
        with pytest.raises(ConfigError):
            read_options(options, context)


def test_a_description_has_lines(context: Path) -> None:
    """The one text that is longer than a line may be."""
    assert read_options({"description": "# Iris\n\nFlowers."}, context).description == "# Iris\n\nFlowers."
    with pytest.raises(ConfigError, match="description"):
        read_options({"description": "bell\a"}, context)


@pytest.mark.parametrize(
    "package",
    ["curl; id", "$(id)", "`id`", "a && b", "-o=x", "a b", "A", "'", '"', "curl=1.0;id", "curl=$(id)", "--allow"],
)
def test_system_packages_are_names(package: str, context: Path) -> None:
    """A package of the system has the grammar of Debian; CVE-2026-33744 was a package that was a command."""
    with pytest.raises(ConfigError, match=r"docker\.system_packages\[0\]"):
        read_options({"docker": {"system_packages": [package]}}, context)


@pytest.mark.parametrize("image", ["a b", "a:b c", "a/B", "x@sha256:1", "-x", "$X", "a'b", "a" * 2000, "a//b", "a..b/"])
def test_base_images_are_names(image: str, context: Path) -> None:
    """A base image is the name of one, and nothing else."""
    with pytest.raises(ConfigError, match=r"docker\.base_image"):
        read_options({"docker": {"base_image": image}}, context)


def test_files_of_variables(context: Path) -> None:
    """A file gives variables a line each, quotes and comments as shells have them."""
    (context / "dev.env").write_text("# comment\n\nexport A=1\nB='two words'\nC=\"x=y\"\nD=\n")
    read = read_options({"docker": {"env": "dev.env"}}, context)
    assert read.docker.env == {"A": "1", "B": "two words", "C": "x=y", "D": ""}
    assert read_options({"docker": {"env": ["A=1", "B=2"]}}, context).docker.env == {"A": "1", "B": "2"}
    for text in (b"A=\x1b[31m\n", b"A B=1\n", b"A=\xff\n", b"word\n"):
        (context / "dev.env").write_bytes(text)
        with pytest.raises(ConfigError, match=r"docker\.env"):
            read_options({"docker": {"env": "dev.env"}}, context)


def test_a_description_must_be_text(context: Path) -> None:
    """A file that is not text is no description."""
    (context / "README.md").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_options({"description": "file:README.md"}, context)
