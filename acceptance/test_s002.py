"""S002, the iris service of 0.13: its files as they stand, packed, saved, and used where its sources are not."""

import json
import re
import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

from acceptance.documents import Document
from acceptance.iris import HEADER, ROWS, Packed, commands, file_of
from acceptance.network import Network
from acceptance.shell import Person

ROOT = Path(__file__).parents[1]
VERSION = r"20\d{12}_[0-9A-F]{6}"
WORDS = """
import bentoml
from bentoml import BentoService, api, artifacts, env
from bentoml.adapters import DataframeInput, JsonInput
from bentoml.artifact import PickleArtifact
"""


def test_S002_01_the_requirements_of_the_example(person: Person) -> None:
    """Where the drop-in is installed, all that our example of this project asks for is there."""
    asked = ROOT / "examples" / "bento_deploy" / "requirements.txt"
    assert {"bentoml", "pandas", "scikit-learn"} == set(asked.read_text().split())
    assert "Would install" not in person.run(f"pip install --dry-run --no-index --requirement {asked}").stdout


def test_S002_03_the_training_script(s002: Document, person: Person) -> None:
    """train.py runs as it stands."""
    (person.folder / "train.py").write_text(file_of(s002, "train.py"))
    assert person.python("import train\nprint(train.clf.gamma)\n").stdout == "scale\n"


def test_S002_04_the_four_names(s002: Document, person: Person) -> None:
    """The line of the document imports them; `api` is there for classes of 1.4 too."""
    (line,) = commands(s002, "from bentoml import")
    person.python(f"{line}\nimport bentoml\n@bentoml.service\nclass A:\n    @api\n    def f(self) -> int: return 1\n")


def test_S002_05_every_adapter(s002: Document, person: Person) -> None:
    """The document's line and every other adapter of 0.13 are imported."""
    (line,) = commands(s002, "from bentoml.adapters")
    names = (
        "DataframeInput TfTensorInput JsonInput StringInput ImageInput MultiImageInput FileInput MultiFileInput "
        "AnnotatedImageInput ClipperBytesInput ClipperDoublesInput ClipperFloatsInput ClipperIntsInput "
        "ClipperStringsInput DefaultOutput JsonOutput DataframeOutput TfTensorOutput"
    )
    person.python(f"{line}\nfrom bentoml.adapters import {', '.join(names.split())}\n")


def test_S002_06_artefacts_without_their_libraries(s002: Document, person: Person) -> None:
    """Every artefact is imported without its library, and only using it says what is missing."""
    (line,) = commands(s002, "from bentoml.frameworks")
    said = person.python(
        f"import sys\nsys.modules.update(dict.fromkeys(['sklearn', 'torch', 'xgboost', 'spacy']))\n{line}\n"
        "import bentoml.artifact\n"
        "for name in bentoml.artifact.__all__: getattr(bentoml.artifact, name)\n"
        "try: bentoml.artifact.XgboostModelArtifact('m').pack(1)\n"
        "except bentoml.exceptions.MissingDependencyException as error: print(error)\n"
    )
    assert "the artifact `m` needs the library `xgboost`, which is not installed" in said.stdout


def test_S002_07_packages_are_found_and_pinned(packed: Packed) -> None:
    """requirements.txt asks for what the service imports, as installed, and for nothing of Python's or its own."""
    lines = (packed.path / "requirements.txt").read_text().split()
    assert sorted(lines) == [f"pandas=={version('pandas')}", f"scikit-learn=={version('scikit-learn')}"]


def test_S002_08_names_of_artefacts_differ(person: Person) -> None:
    """Two of one name, and a name that is none, are refused where the decorator stands."""
    twice = f"{WORDS}artifacts([PickleArtifact('model'), PickleArtifact('model')])\n"
    assert "two are called `model`" in person.python(twice, code=1).stderr
    assert "must be a Python identifier" in person.python(f"{WORDS}PickleArtifact('my model')\n", code=1).stderr


def test_S002_09_the_class_and_its_words(s002: Document, packed: Packed) -> None:
    """The service's name is the class's, and its docstring opens the bundle's README and its page."""
    (line,) = re.findall(r'class IrisClassifier\(BentoService\):\n    """\n    (.*)\n', s002.text)
    assert line in (packed.path / "README.md").read_text()
    assert json.loads((packed.path / "docs.json").read_text())["info"]["description"] == line
    assert packed.tag.startswith("IrisClassifier:")


def test_S002_11_the_method_s_words(s002: Document, packed: Packed) -> None:
    """The method's docstring is the description of its operation."""
    (line,) = re.findall(r"^ +(An inference API named `predict`.*)$", s002.text, re.MULTILINE)
    described = json.loads((packed.path / "docs.json").read_text())["paths"]["/predict"]["post"]
    assert line in json.dumps(described)


def test_S002_15_artefacts_of_deep_learning(person: Person) -> None:
    """A Keras model goes through its artefact, as one file and as JSON and weights; the others where they are here."""
    said = person.python(
        "import numpy as np, pathlib, keras\n"
        "from bentoml.frameworks.keras import KerasModelArtifact\n"
        "model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])\n"
        "x = np.ones((1, 3), 'float32')\n"
        "for number, options in enumerate([{}, {'store_as_json_and_weights': True}]):\n"
        "    folder = pathlib.Path(f'kept{number}'); folder.mkdir()\n"
        "    KerasModelArtifact('m', **options).pack(model).save(str(folder))\n"
        "    again = KerasModelArtifact('m', **options).load(str(folder)).get()\n"
        "    np.testing.assert_allclose(again.predict(x), model.predict(x, verbose=0), rtol=1e-5)\n"
        "    print(sorted(each.name for each in folder.iterdir()))\n",
        timeout=400,
    )
    assert said.stdout.splitlines()[-2:] == ["['m.h5']", "['m.json', 'm.weights.h5']"]


def test_S002_16_the_rest_of_the_environment(person: Person) -> None:
    """Each option of `@env` stands in a file of the bundle."""
    (person.folder / "needs.txt").write_text("attrs==25.1.0\n")
    (person.folder / "own.py").write_text(
        f"{WORDS}"
        "@env(pip_packages=['numpy>=1.26'], requirements_txt_file='needs.txt', conda_channels=['conda-forge'],\n"
        "     conda_dependencies=['h2o'], setup_sh='#!/bin/sh\\necho ready\\n', docker_base_image='python:3.12-slim')\n"
        "class Own(BentoService):\n"
        "    @api(input=JsonInput())\n"
        "    def same(self, value): return value\n"
    )
    path = Path(person.python("import own\nprint(own.Own().save())\n").stdout.split()[-1])
    assert (path / "requirements.txt").read_text() == "numpy>=1.26\nattrs==25.1.0\n"
    conda = (path / "environment.yml").read_text()
    assert "- conda-forge\n" in conda
    assert "- h2o\n" in conda
    assert "echo ready" in (path / "setup.sh").read_text()
    assert "FROM python:3.12-slim\n" in (path / "Dockerfile").read_text()


def test_S002_21_numbers_against_flask_and_fastapi(s002: Document) -> None:
    """The report sets one model, with batches here and behind Flask and FastAPI, side by side; batches are ahead."""
    assert "Comparing to a regular flask or FastAPI based model server" in " ".join(s002.text.split())
    report = (ROOT / "docs" / "benchmarks.md").read_text()
    found = {}
    for case in ("iris:", "iris-batched:"):
        table = report.partition(f"## {case}")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| ([\w-]+) \| ([\d,]+) \(", table, re.MULTILINE)
        found[case] = {name: int(number.replace(",", "")) for name, number in rows}
    assert found["iris-batched:"]["ekiben"] > 2 * max(found["iris:"]["flask"], found["iris:"]["fastapi"])


def test_S002_24_the_packing_script(packed: Packed) -> None:
    """The three files of the document run as they stand, and leave a bundle."""
    assert packed.path.is_dir()


def test_S002_25_pack(packed: Packed, person: Person) -> None:
    """`pack` gives the service back, and refuses a name that is not declared."""
    for name in ("bento_service.py", "train.py"):
        shutil.copy(packed.person.folder / name, person.folder)
    start = "from bento_service import IrisClassifier\nfrom train import clf\ns = IrisClassifier()\n"
    assert person.python(f"{start}print(s.pack('model', clf) is s)\n").stdout == "True\n"
    assert "declares no artifact `modell`" in person.python(f"{start}s.pack('modell', clf)\n", code=1).stderr


def test_S002_26_save(packed: Packed, person: Person) -> None:
    """`save` takes labels, a version and a base path; nothing is saved over; `save_to_dir` fills an empty folder."""
    for name in ("bento_service.py", "train.py"):
        shutil.copy(packed.person.folder / name, person.folder)
    start = "from bento_service import IrisClassifier\nfrom train import clf\ns = IrisClassifier().pack('model', clf)\n"
    said = person.python(
        f"{start}print(s.save(version='v1', labels={{'stage': 'dev'}}))\nprint(s.save(base_path='base'))\n"
        "s.save_to_dir('out')\ns.save()\n",
        code=1,
    )
    first, second = map(Path, said.stdout.split())
    assert (first.name, first.is_dir()) == ("v1", True)
    assert (second.is_relative_to(person.folder / "base"), second.is_dir()) == (True, True)
    assert (person.folder / "out" / "bentoml.yml").is_file()
    assert "IrisClassifier:v1` exists already" in said.stderr
    assert json.loads(person.run("bentoml list --labels stage=dev -o json").stdout)[0]["tag"] == "IrisClassifier:v1"


def test_S002_27_the_repository(packed: Packed) -> None:
    """The bundle lies where the document says, `bentoml list` sees it, and models lie beside it in the same home."""
    person = packed.person
    assert packed.path.parent == person.home / "bentoml" / "repository" / "IrisClassifier"
    assert re.fullmatch(VERSION, packed.path.name)
    listed = json.loads(person.run("bentoml list -o json").stdout)
    assert [each["tag"] for each in listed] == [packed.tag]
    person.python("import bentoml\nwith bentoml.models.create('iris') as model: pass\n")
    assert (person.home / "bentoml" / "models" / "iris" / "latest").is_file()
    assert packed.tag in person.run("bentoml list").stdout


def test_S002_28_what_a_bundle_holds(packed: Packed, tmp_path: Path) -> None:
    """All files are there, and it is loaded and used where the sources cannot be seen."""
    names = (
        "bentoml.yml setup.py MANIFEST.in Dockerfile docker-entrypoint.sh bentoml-init.sh requirements.txt "
        "environment.yml README.md docs.json python_version bundled_pip_dependencies IrisClassifier/bento_service.py "
        "IrisClassifier/artifacts/model.pkl"
    )
    assert [name for name in names.split() if not (packed.path / name).exists()] == []
    other = packed.elsewhere(tmp_path / "other")
    said = other.python(f"import bentoml\ns = bentoml.load({str(packed.path)!r})\nprint(s.predict({ROWS}).tolist())\n")
    assert said.stdout == "[0, 2, 1]\n"


def test_S002_28_pip_installs_it(packed: Packed, tmp_path: Path) -> None:
    """`pip install` of the bundle gives a module and a command named after the service."""
    other = packed.elsewhere(tmp_path / "other")
    site = tmp_path / "site"
    other.run(f"python -m pip install -q --no-deps --no-build-isolation --prefix {site} {packed.path}")
    (libraries,) = site.glob("lib/python*/site-packages")
    env = {"PYTHONPATH": str(libraries)}
    command = site / "bin" / "IrisClassifier"
    assert other.run(f"{command} predict --input '[[5.1, 3.5, 1.4, 0.2]]'", **env).stdout == "[0]\n"
    assert '"name": "IrisClassifier"' in other.run(f"{command} info", **env).stdout
    said = other.python("import IrisClassifier\nprint(IrisClassifier.load().tag)\n", **env)
    assert said.stdout.strip() == packed.tag


def test_S002_34_one_name_in_two_stores(packed: Packed, tmp_path: Path, network: Network) -> None:
    """What stands in the store under exactly the typed tag comes first; a tag that is nowhere names both places."""
    other = packed.elsewhere(tmp_path / "other")
    said = other.run("bentoml serve IrisClassifier:v9", code=1).stderr
    assert str(packed.person.home / "bentoml" / "bentos") in said
    assert str(packed.person.home / "bentoml" / "repository") in said
    assert packed.tag in said


def test_S002_39_predict_from_the_command_line(packed: Packed, s002: Document, tmp_path: Path) -> None:
    """The document's command prints the class."""
    command = s002.command("bentoml run IrisClassifier:latest predict --input '")
    assert packed.elsewhere(tmp_path / "other").run(command).stdout == "[0]\n"


@pytest.mark.parametrize("header", [HEADER, "a,b,c,d\n"], ids=["names of columns", "other names"])
def test_S002_40_predict_from_a_file(packed: Packed, s002: Document, tmp_path: Path, header: str) -> None:
    """The document's command reads CSV by its ending, a result a row; also several files, and into a file."""
    other = packed.elsewhere(tmp_path / "other")
    rows = header + "".join(",".join(map(str, row)) + "\n" for row in ROWS)
    (other.folder / "iris_data.csv").write_text(rows)
    (other.folder / "more.txt").write_text(rows)
    command = s002.command("bentoml run IrisClassifier:latest predict --input-file")
    assert other.run(command).stdout == "[0, 2, 1]\n"
    assert other.run(f"{command} --format csv more.txt", code=None).code != 0, "a word that is no option's"
    several = f"{command} more.txt --format csv --max-batch-size 2 -o out.json"
    other.run(several)
    assert (other.folder / "out.json").read_text() == "[0, 2, 1]\n[0, 2, 1]\n"
