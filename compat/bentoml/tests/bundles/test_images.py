"""The image of a bundle is made of checked values, serves on 5000, and has our wheels whoever saved the bundle."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from bentoml.bundles.description import FILE, Bundle, open_bundle
from bentoml.bundles.images import BundleImage

from compat.bentoml.tests.bundles.installed import Terminal
from ekiben.exceptions import ConfigError
from ekiben.images.dockerfile import write_dockerfile
from ekiben.images.image import image_names, write_context_of


def changed(bundle: Bundle, **env: Any) -> Bundle:
    """Change what a bundle says of its environment."""
    told = yaml.safe_load((bundle.path / FILE).read_text())
    told["env"] |= env
    (bundle.path / FILE).write_text(yaml.safe_dump(told))
    return open_bundle(bundle.path)


def test_the_parts(bundle: Bundle) -> None:
    """Base, port, program, labels and wheels are those of a bundle."""
    parts = BundleImage(bundle).image_parts(["TOKEN"])
    text = write_dockerfile(parts.plan)
    assert "EXPOSE 5000\n" in text
    assert 'BENTOML_HOST="0.0.0.0"' in text
    assert "USER 1034:1034\n" in text
    assert '"/opt/ekiben/venv/bin/bentoml", "/opt/ekiben/bento"]' in text
    assert "ARG TOKEN\n" in text
    assert f'"bentoml.bundle"="{bundle.tag}"' in text
    assert parts.packages.names == {"ekiben", "bentoml"}
    assert image_names(parts.bento.tag, ["iris-classifier"]) == ("iris-classifier:latest",)


def test_the_context(folder: Path, bundle: Bundle) -> None:
    """The context holds the bundle, its packages and our programs; its own Dockerfile is not what is built."""
    (bundle.path / "Dockerfile").write_text("FROM evil\n")
    (bundle.path / "setup.sh").write_text("echo ready\n")
    place = write_context_of(BundleImage(open_bundle(bundle.path)), folder / "context")
    assert "evil" not in (place / "Dockerfile").read_text()
    assert (place / "setup_script").read_text() == "echo ready\n"
    assert "run-setup" in (place / "Dockerfile").read_text()
    assert (place / "bento" / "Adder" / "adder_service.py").is_file()
    assert (place / "python" / "requirements.txt").read_text().startswith("click==")
    assert len(list((place / "python" / "wheels").glob("*.whl"))) == 2


def test_a_bundle_that_bentoml_saved(bundle: Bundle) -> None:
    """One without our wheels, which asks for BentoML itself, gets ours in its place."""
    shutil.rmtree(bundle.path / "bundled_pip_dependencies")
    (bundle.path / "requirements.txt").write_text("bentoml==0.13.1\nBentoML\nclick>=8\n")
    parts = BundleImage(changed(bundle, python_version="3.11.2")).image_parts()
    assert parts.packages.names == {"ekiben", "bentoml"}
    assert parts.packages.requirements.read_text() == "click>=8\n"


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"docker_base_image": "python\nRUN evil"}, "docker.base_image"),
        ({"docker_base_image": ["python"]}, "docker.base_image"),
        ({"python_version": "3.11; evil"}, "python_version"),
        ({"python_version": "2.7.1"}, "python_version"),
        ({"conda_dependencies": ["h2o"]}, "needs conda, which our images have not: `conda_dependencies`"),
        ({"conda_env_yml_file": "x.yml"}, "needs conda"),
    ],
)
def test_hostile_bundles(bundle: Bundle, env: dict[str, Any], words: str) -> None:
    """A value that would be more than a value in a Dockerfile is refused; so is conda, which we have not."""
    with pytest.raises(ConfigError, match=words):
        BundleImage(changed(bundle, **env)).image_parts()


@pytest.mark.parametrize("line", ["--index-url https://me:secret@example.org/simple", "-r ../../etc/passwd", "a b c"])
def test_hostile_requirements(bundle: Bundle, line: str) -> None:
    """A line of a stranger's requirements that holds a password, leads elsewhere or is none is refused."""
    (bundle.path / "requirements.txt").write_text(line + "\n")
    with pytest.raises(ConfigError) as caught:
        BundleImage(bundle).image_parts()
    assert "secret" not in str(caught.value)


def test_no_folder_is_left(folder: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of an image's packages go with the parts, not with the process; one that is refused leaves none."""
    (folder / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder / "scratch"))
    parts = BundleImage(bundle).image_parts()
    assert parts.packages.requirements.is_file()
    del parts
    assert list((folder / "scratch").iterdir()) == []
    (bundle.path / "requirements.txt").write_text("a b c\n")
    with pytest.raises(ConfigError):
        BundleImage(bundle).image_parts()
    assert list((folder / "scratch").iterdir()) == []


def test_the_command_writes_a_context(folder: Path, bundle: Bundle) -> None:
    """`containerize --dry-run` takes a bundle by its tag; for a bento it is what it was."""
    (folder / "work").mkdir()
    terminal = Terminal(folder / "work", folder / "home")
    said = terminal.run("containerize", "Adder:latest", "--tag", "adder", "--dry-run", "-o", "out").stdout
    assert "Wrote the context to" in said
    assert "EXPOSE 5000" in (folder / "work" / "out" / "Dockerfile").read_text()
    assert "nobody" in terminal.run("containerize", "nobody", "--dry-run", "-o", "other", code=1).stderr
