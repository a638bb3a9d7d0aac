"""S003, the guide in Spanish: saving to the store and listing what is there; building, serving and moving a bento.

What it says of serving stands in `test_s003_serving.py`, of containers in `test_s003_containers.py`.
"""

import json
import re
import shutil
import signal
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from acceptance.bentos import Built, newcomer
from acceptance.documents import Document
from acceptance.guide import VERSION, Guide
from acceptance.network import Network


def test_S003_08_the_saving_script(guide: Guide) -> None:
    """The script, as it stands in the document, saves the HDF5 model to the store."""
    (entry,) = json.loads(guide.person.run("bentoml models list flower_model -o json").stdout)
    assert entry["module"] == "bentoml.keras"


def test_S003_09_its_one_line_of_output(guide: Guide) -> None:
    """On stdout stands the tag, and nothing else."""
    assert re.fullmatch(f"Bento model tag = flower_model:{VERSION}\n", guide.said.stdout)


def test_S003_10_the_list_of_models(guide: Guide, s003: Document, tmp_path: Path) -> None:
    """Of three versions the newest stands first, in the document's columns."""
    person = replace(newcomer(tmp_path), home=Path(shutil.copytree(guide.person.home, tmp_path / "copy")))
    create = "import bentoml\nwith bentoml.models.create('flower_model') as model: pass\nprint(model.tag)\n"
    newest_first = [person.python(create).stdout.split()[-1] for _ in range(2)][::-1]
    newest_first.append(guide.tag)
    head, *rows = [line for line in person.run(s003.command("bentoml models list")).stdout.splitlines() if line.strip()]
    assert re.split(r"\s{2,}", head.strip()) == ["Tag", "Module", "Size", "Creation Time"]
    assert [row.split()[0] for row in rows] == newest_first


# What Python offers beside the commands.
MOVING = """
import sys
import bentoml

tag, place = sys.argv[1], sys.argv[2]
built = bentoml.get(tag)
file = bentoml.export_bento(tag, "moved.bento")
pushed = bentoml.push(tag, place)
with_home = [str(bento.tag) for bento in bentoml.list("clasificador_iris")]
assert with_home == [tag], with_home
assert pushed.startswith(f"{place}/bentos/clasificador_iris:"), pushed
bentoml.delete(tag)
assert bentoml.list() == []
assert bentoml.import_bento(file).digest == built.digest
bentoml.delete(tag)
assert bentoml.pull(tag, place).digest == built.digest
again = bentoml.build("service:svc", build_ctx=sys.argv[3], labels={"by": "hand"})
assert bentoml.get("clasificador_iris").tag == again.tag
assert again.info.labels["by"] == "hand", again.info.labels
"""


def test_S003_31_moving_bentos(bento: Built, network: Network, tmp_path: Path) -> None:
    """Each command, and each function beside it, finds, carries, shares and removes a bento."""
    if shutil.which("docker-registry") is None:
        pytest.skip("not installed: apt-get install docker-registry")
    other, tag, place = newcomer(tmp_path), bento.tag, "localhost:5000"
    (other.folder / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path}/registry}}}}\nhttp: {{addr: '{place}'}}\n"
    )
    (entry,) = json.loads(bento.person.run("bentoml list -o json").stdout)
    assert entry["tag"] == tag
    bento.person.run(f"bentoml export {tag} {other.folder / 'iris.bento'}")
    registry = replace(other.start("docker-registry serve config.yml", network), url=f"http://{place}")
    try:
        registry.wait("/v2/")
        other.run("bentoml import iris.bento")
        with network.inside():
            other.run(f"bentoml push {tag} {place}")
        for command in (f"bentoml delete {tag} -y", "bentoml models delete flower_model --all -y"):
            other.run(command)
        assert json.loads(other.run("bentoml list -o json").stdout) == []
        with network.inside():
            other.run(f"bentoml pull {tag} {place}")
            assert json.loads(other.run(f"bentoml get {tag} -o json").stdout)["digest"] == digest(bento)
            (other.folder / "moving.py").write_text(MOVING)
            other.run(f"python moving.py {tag} {place} {bento.person.folder}", UV_OFFLINE="1")
    finally:
        registry.stop(signal.SIGTERM)


def digest(bento: Built) -> str:
    """Give the digest of a bento, as its builder sees it."""
    return json.loads(bento.person.run(f"bentoml get {bento.tag} -o json").stdout)["digest"]


def test_S003_32_the_build_file(bento: Built, tmp_path: Path) -> None:
    """The file, comments in Spanish and all, is read as it stands; a key that is misspelt is refused."""
    about = yaml.safe_load((bento.folder / "bento.yaml").read_text())
    told = yaml.safe_load((bento.folder / "src" / "bentofile.yaml").read_text(encoding="utf-8"))
    assert (about["service"], about["labels"]) == (told["service"], told["labels"])
    packed = {file.name for file in (bento.folder / "src").iterdir()}
    assert {"service.py", "modeltobento.py", "bentofile.yaml"} <= packed
    assert "final_iris_model.h5" not in packed
    asked = (bento.folder / "env/python/requirements.txt").read_text().splitlines()
    assert asked[: len(told["python"]["packages"])] == told["python"]["packages"]
    shutil.copytree(bento.folder / "src", tmp_path / "misspelt")
    with (tmp_path / "misspelt" / "bentofile.yaml").open("a") as file:
        file.write("labelx: {}\n")
    said = bento.person.at(tmp_path / "misspelt").run("bentoml build", code=1)
    assert re.search("^error: .*labelx", said.stderr, re.MULTILINE)
    assert "labels" in said.stderr


def test_S003_33_building_without_a_network(bento: Built, guide: Guide) -> None:
    """The lines of the picture come in its order; without an index, installed versions are locked, and it is said."""
    expected = [
        f'Building BentoML service "{bento.tag}" from build context "{bento.person.folder}".',
        f'Packing model "{guide.tag}"',
        "Locking PyPI package versions.",
        "no index of packages can be reached, so versions are those installed here, without hashes",
        f'Successfully built Bento(tag="{bento.tag}").',
        "Possible next steps:",
    ]
    assert [line for line in bento.lines if line in expected] == expected
    steps = bento.said.stdout.partition("Possible next steps:")[2]
    for command in ("containerize", "push"):
        assert re.search(rf"\$ bentoml {command} {bento.tag}( |$)", steps, re.MULTILINE)
    locked = (bento.folder / "env/python/requirements.lock.txt").read_text().splitlines()
    assert {f"{name}=={version(name)}" for name in ("scikit-learn", "pandas", "keras", "tensorflow")} <= set(locked)


def test_S003_34_serve_in_production(bento: Built, s003: Document, network: Network, tmp_path: Path) -> None:
    """The document's command, with our version, serves from any folder, and the page bears the version."""
    command = s003.command("bentoml serve clasificador_iris:")
    command = re.sub(f"clasificador_iris:{VERSION}", bento.tag, command)
    assert "--production" in command
    server = bento.person.at(tmp_path).start(command, network)
    try:
        answer = server.wait().post("/classify", json=[[5.1, 3.5, 1.4, 0.2]])
        assert answer.text == '"setosa"'
        assert f"<title>{bento.tag}</title>" in server.get("/docs").text
        assert server.get("/docs.json").json()["info"]["version"] == bento.version
        assert "--production changes nothing" in server.log
    finally:
        server.stop()
