"""S003, the guide in Spanish: the rows of its first part, saving to the store and listing what is there."""

import json
import re
from pathlib import Path

import pytest

from acceptance.conftest import someone
from acceptance.documents import Document
from acceptance.shell import Output, Person

SCRIPT = Path(__file__).with_name("scripts") / "flower.py"
VERSION = "[a-z2-7]{16}"


@pytest.fixture(scope="session")
def saved(s003: Document, tmp_path_factory: pytest.TempPathFactory) -> tuple[Person, Output]:
    """Somebody who ran the document's script on a model of the same shape, and what the script said."""
    person = someone(tmp_path_factory.mktemp("guia"))
    (script,) = [block.text for block in s003.blocks() if "save_model" in block.text and block.language == "python"]
    person.run(f"python {SCRIPT}")
    (person.folder / "modeltobento.py").write_text(script)
    return person, person.run(s003.command("python3 modeltobento.py"))


def test_S003_08_the_saving_script(saved: tuple[Person, Output]) -> None:
    """The script, as it stands in the document, saves the HDF5 model to the store."""
    person, _ = saved
    (entry,) = json.loads(person.run("bentoml models list flower_model -o json").stdout)
    assert entry["module"] == "bentoml.keras"


def test_S003_09_its_one_line_of_output(saved: tuple[Person, Output]) -> None:
    """On stdout stands the tag, and nothing else."""
    _, said = saved
    assert re.fullmatch(f"Bento model tag = flower_model:{VERSION}\n", said.stdout)


def test_S003_10_the_list_of_models(saved: tuple[Person, Output], s003: Document) -> None:
    """Of three versions the newest stands first, in the document's columns."""
    person, said = saved
    create = "import bentoml\nwith bentoml.models.create('flower_model') as model: pass\nprint(model.tag)\n"
    newest_first = [person.python(create).stdout.split()[-1] for _ in range(2)][::-1]
    newest_first.append(said.stdout.split()[-1])
    head, *rows = [line for line in person.run(s003.command("bentoml models list")).stdout.splitlines() if line.strip()]
    assert re.split(r"\s{2,}", head.strip()) == ["Tag", "Module", "Size", "Creation Time"]
    assert [row.split()[0] for row in rows] == newest_first
