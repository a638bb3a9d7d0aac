"""S001, the page of UnionML on serving: the rows of its bento.

The template that the page starts from is not built yet; a project of ours (`services/digits`) stands in for it, with
the same name and the same roundabout way to its model.
"""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from sklearn.datasets import load_digits

from acceptance.bentos import SUCCESS, Built, build, newcomer
from acceptance.conftest import own_network, someone
from acceptance.documents import Document
from acceptance.network import Network
from acceptance.shell import Person

DIGITS = Path(__file__).with_name("services") / "digits"
VERSION = "[a-z2-7]{16}"
PACKAGES = {"bentoml", "ekiben", "pandas", "scikit-learn"}


@pytest.fixture(scope="session")
def digits(s001: Document, tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, str]:
    """The bento of the project, and the tag of the model that it was to find."""
    person = someone(tmp_path_factory.mktemp("digits"))
    shutil.copytree(DIGITS, person.folder, dirs_exist_ok=True)
    model = person.run("python app.py").stdout.strip()
    with own_network() as network:
        return build(person, s001.command("bentoml build"), network), model


def check_answers(person: Person, command: str, network: Network) -> None:
    """Serve by a command line, and hold what it answers against five digits that the model has seen."""
    features, targets = load_digits(return_X_y=True, as_frame=True)
    server = person.start(command, network)
    try:
        answer = server.wait().post("/predict", json=features.head(5).to_dict("records"))
        assert answer.json() == targets.head(5).tolist(), answer.text
    finally:
        server.stop()


def test_S001_32_what_a_bento_holds(digits: tuple[Built, str]) -> None:
    """Code, data, model, environment and description are in it, each file by its digest."""
    bento, model = digits
    for name in ("app.py", "service.py", "data/about.json", "bentofile.yaml"):
        assert (bento.folder / "src" / name).read_bytes() == (DIGITS / name).read_bytes()
    about = yaml.safe_load((bento.folder / "bento.yaml").read_text())
    assert (about["name"], about["version"]) == tuple(bento.tag.split(":"))
    assert (about["labels"], [one["tag"] for one in about["models"]]) == ({"stage": "dev"}, [model])
    locked = (bento.folder / "env/python/requirements.lock.txt").read_text()
    assert set(re.findall("^(bentoml|ekiben|pandas|scikit-learn)==", locked, re.MULTILINE)) == PACKAGES
    assert "/predict" in yaml.safe_load((bento.folder / "apis/openapi.yaml").read_text())["paths"]
    listed = json.loads((bento.folder / "manifest.json").read_text())["files"]
    for name, told in listed.items():
        assert hashlib.sha256((bento.folder / name).read_bytes()).hexdigest() == told["sha256"]
    found = {file.relative_to(bento.folder).as_posix() for file in bento.folder.rglob("*") if file.is_file()}
    assert found - listed.keys() == {"manifest.json"}


def test_S001_36_the_first_line(digits: tuple[Built, str]) -> None:
    """A build begins by saying what is built, and from where."""
    bento, _ = digits
    assert bento.lines[0] == f'Building BentoML service "{bento.tag}" from build context "{bento.person.folder}".'


def test_S001_37_models_are_found(digits: tuple[Built, str], network: Network, tmp_path: Path) -> None:
    """The model that an object loads under a name put together is packed, travels, and answers in another home."""
    bento, model = digits
    assert f'Packing model "{model}"' in bento.lines
    (packed,) = yaml.safe_load((bento.folder / "bento.yaml").read_text())["models"]
    saved = bento.person.python(f"import bentoml\nprint(bentoml.models.get('{model}').digest)\n").stdout.strip()
    assert (packed["tag"], packed["digest"]) == (model, saved)
    other = newcomer(tmp_path)
    bento.person.run(f"bentoml export {bento.tag} {other.folder / 'digits.bento'}")
    said = other.run("bentoml import digits.bento").stdout
    assert said.splitlines() == [f"imported {bento.tag}", f"with the model {model}"]
    check_answers(other, f"bentoml serve {bento.tag}", network)


def test_S001_39_the_last_line(digits: tuple[Built, str]) -> None:
    """A build ends with the tag; a banner of our own stands before it, unless only the tag is wanted."""
    bento, _ = digits
    assert f'Successfully built Bento(tag="{bento.tag}").' in bento.lines
    assert re.fullmatch(f"digits_classifier:{VERSION}", bento.tag)
    banner, _, _ = bento.said.stdout.partition("Successfully built")
    assert "e k i b e n" in banner
    quiet = bento.person.run("bentoml build -o tag", UV_OFFLINE="1")
    assert re.fullmatch(f"__tag__:digits_classifier:{VERSION}\n", quiet.stdout)  # as BentoML marks it for programs
    assert not SUCCESS.search(quiet.all)
    assert "e k i b e n" not in quiet.all
    bento.person.run(f"bentoml delete {quiet.stdout.strip().removeprefix('__tag__:')} -y")


def test_S001_41_serve_by_tag(digits: tuple[Built, str], s001: Document, network: Network, tmp_path: Path) -> None:
    """The document's command, with our version, serves the bento's own code, whatever the project became since."""
    bento, _ = digits
    shutil.copytree(bento.person.folder, tmp_path / "changed")
    for name in ("app.py", "service.py"):
        (tmp_path / "changed" / name).write_text("raise SystemExit('this is not what was built')\n")
    command = re.sub(f"digits_classifier:{VERSION}", bento.tag, s001.command("bentoml serve digits_classifier:"))
    check_answers(bento.person.at(tmp_path / "changed"), command, network)
