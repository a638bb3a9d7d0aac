"""S004, chapter 3.1 of the MLOps guide: save, export, import, load, all through its own pipeline."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from acceptance.attacks import ATTACKS, write_archive
from acceptance.documents import Document
from acceptance.network import Network
from acceptance.planets import ARCHIVE, MODEL, Project
from acceptance.shell import Output, Person

ROOT = Path(__file__).parents[1]
SCRIPTS = Path(__file__).with_name("scripts")
VERSION = "[a-z2-7]{16}"
SKIPPED = "Model already exists in the model store - skipping import."


def digest(file: Path) -> str:
    """Hash a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_S004_01_the_whole_pipeline(project: Project) -> None:
    """Save, export, import and load run in one `dvc repro`."""
    said = project.said["repro"].all
    assert (project.folder / ARCHIVE).is_file()
    assert f"Model saved at {project.folder / 'model'}" in said
    assert f"Evaluation metrics and plot files saved at {project.folder / 'evaluation'}" in said


def test_S004_02_evaluate_on_a_clean_machine(project: Project, clone: tuple[Person, Output]) -> None:
    """With an empty store and the pulled file, evaluating alone gives the same metrics."""
    other, _ = clone
    said = other.run("python src/evaluate.py model data/prepared")
    assert SKIPPED not in said.all, "the store of a fresh home is empty"
    assert metrics(other.folder) == pytest.approx(metrics(project.folder), abs=1e-4)


def test_S004_03_the_pinned_bentoml_is_ours(s004: Document, person: Person) -> None:
    """Pip takes the wheel of the wheelhouse for the document's line, though the registry has its own."""
    (line,) = [line for line in s004.file("requirements.txt").splitlines() if line.startswith("bentoml")]
    said = person.run(f"pip install --dry-run --ignore-installed --no-deps --find-links {ROOT / 'wheelhouse'} '{line}'")
    assert f"Would install {line.replace('==', '-')}+ekiben" in said.stdout


def test_S004_06_it_installs_beside_tensorflow_and_dvc(s004: Document, person: Person) -> None:
    """The whole requirements file is satisfied by what is installed, and nothing contradicts anything."""
    pins = ROOT / ".venvs" / "acceptance-requirements.txt"
    said = person.run(f"pip install --dry-run --no-index --requirement {pins}")
    assert "Would install" not in said.stdout
    assert "No broken requirements found" in person.run("pip check").stdout


def test_S004_07_one_line_of_the_frozen_list(project: Project) -> None:
    """The frozen list names our distribution once, with its version."""
    lines = (project.folder / "requirements-freeze.txt").read_text().splitlines()
    assert [line for line in lines if line.startswith("bentoml")] == ["bentoml==1.4.17+ekiben"]


def test_S004_08_the_home_folder(project: Project, person: Person, tmp_path: Path) -> None:
    """The store is `~/bentoml`, or where BENTOML_HOME says, and an error names a home that cannot be used."""
    save = "import bentoml\nwith bentoml.models.create('thing') as model: pass\n"
    assert (project.person.home / "bentoml" / "models" / MODEL).is_dir()
    person.python(save)
    assert (person.home / "bentoml" / "models" / "thing" / "latest").is_file()
    assert (person.home / "bentoml").stat().st_mode & 0o777 in (0o700, 0o755)
    person.python(save, BENTOML_HOME=str(tmp_path / "other"))
    assert (tmp_path / "other" / "models" / "thing").is_dir()
    said = person.python(save, BENTOML_HOME="/sys/bentoml", code=1)
    assert re.search(r"(StoreError|BentoMLException): .*/sys/bentoml", said.stderr)


def test_S004_09_the_usage_error_of_train(project: Project) -> None:
    """Without arguments the script says how it is used and leaves with 1."""
    assert "Arguments error. Usage:" in project.person.run("python src/train.py", code=1).stdout


def test_S004_10_train_on_planets(project: Project) -> None:
    """The script reads parameters and data, builds the model of the document, and trains it."""
    said = project.said["repro"].all
    assert "821,387" in said, "the summary counts the parameters of the document's model"
    assert len(np.load(project.folder / "model" / "history.npy", allow_pickle=True).item()["loss"]) == 10


def test_S004_13_functions_of_main_travel_by_value(elsewhere: dict) -> None:
    """What `main()` defined works in another process and folder, without the training's modules."""
    assert elsewhere["sources"] == []
    assert list(elsewhere["answer"]["probabilities"].values()) == pytest.approx(elsewhere["softmax"])
    assert elsewhere["answer"]["prediction"] in elsewhere["answer"]["probabilities"]


def test_S004_14_an_image_size_that_is_a_list(elsewhere: dict) -> None:
    """The list from the YAML file sizes pictures of every mode."""
    assert set(map(tuple, elsewhere["shapes"].values())) == {(1, 32, 32)}
    assert 0.1 < elsewhere["largest"] <= 1.0


def test_S004_15_save_model(elsewhere: dict, person: Person) -> None:
    """Saving returns a handle with labels and metadata; a crash in the middle leaves no version."""
    assert re.fullmatch(f"whole:{VERSION}", elsewhere["tag"])
    assert (elsewhere["labels"], elsewhere["metadata"]) == ({"a": "b"}, {"c": 1})
    person.python(
        "import bentoml, os, pathlib\n"
        "with bentoml.models.create('half') as model:\n"
        "    pathlib.Path(model.path_of('weights.txt')).write_text('some')\n"
        "    os._exit(9)\n",
        code=9,
    )
    assert json.loads(person.run("bentoml models list -o json").stdout) == []


def test_S004_16_the_optimizer_is_saved_or_left_out(elsewhere: dict) -> None:
    """With the optimizer the model is three times as large, and training goes on as if uninterrupted."""
    assert elsewhere["sizes"]["whole"] == pytest.approx(9.43, abs=0.15)
    assert elsewhere["sizes"]["bare"] == pytest.approx(3.15, abs=0.15)
    assert elsewhere["loss continued"] == pytest.approx(elsewhere["loss uninterrupted"], rel=1e-4)
    assert elsewhere["steps"] == 41 * 10


def test_S004_18_export_replaces_its_file(project: Project, tmp_path: Path) -> None:
    """A second export to a relative path replaces the first; the folder need not exist."""
    person = project.person.at(tmp_path)
    export = f"import bentoml\nprint(bentoml.models.export_model('{MODEL}:latest', 'model/x.bentomodel'))\n"
    for _ in range(2):
        printed = Path(person.python(export).stdout.splitlines()[-1])
        assert (tmp_path / printed).resolve() == tmp_path / "model" / "x.bentomodel"
    fresh = Person(tmp_path / "home", tmp_path)
    fresh.home.mkdir()
    fresh.run("bentoml models import model/x.bentomodel")
    assert sorted(file.name for file in (tmp_path / "model").iterdir()) == ["x.bentomodel"]


def test_S004_21_custom_objects_of_any_kind(person: Person) -> None:
    """Arrays, dicts, classes and functions come back in another process."""
    person.python(
        "import bentoml, numpy as np\n"
        "class Scaler:\n"
        "    by = 3\n"
        "    def __call__(self, x): return x * self.by\n"
        "array = np.arange(6).reshape(2, 3)\n"
        "things = {'array': array, 'dict': {'a': [1, None]}, 'object': Scaler(), 'class': Scaler}\n"
        "bentoml.picklable_model.save_model('thing', lambda x: x + 1, custom_objects=things)\n",
    )
    said = person.python(
        "import bentoml\n"
        "model = bentoml.picklable_model.get('thing:latest')\n"
        "c = model.custom_objects\n"
        "print(c['array'].tolist(), c['dict'], c['object'](2), c['class'].by, model.load_model()(1))\n",
    )
    assert said.stdout.splitlines()[-1] == "[[0, 1, 2], [3, 4, 5]] {'a': [1, None]} 6 3 2"


def test_S004_24_importing_twice_and_importing_rubbish(project: Project, tmp_path: Path) -> None:
    """What is there already is skipped, as the script prints; a broken file is told apart from that."""
    assert SKIPPED in project.said["repro"].all
    (tmp_path / "rubbish.bentomodel").write_bytes(b"this is no archive")
    cut = (project.folder / ARCHIVE).read_bytes()
    (tmp_path / "cut.bentomodel").write_bytes(cut[: len(cut) // 2])
    said = project.person.at(tmp_path).python(
        "import bentoml\n"
        f"for file in ('{project.folder / ARCHIVE}', 'rubbish.bentomodel', 'cut.bentomodel'):\n"
        "    try:\n"
        "        bentoml.models.import_model(file)\n"
        "    except bentoml.exceptions.BentoMLException as error:\n"
        "        print(type(error).__name__, '|', error)\n",
    )
    there, rubbish, cut_short = said.stdout.splitlines()
    assert MODEL in there
    assert there.split(" | ")[0] not in (rubbish.split(" | ")[0], cut_short.split(" | ")[0])
    assert "rubbish.bentomodel" in rubbish
    assert "cut.bentomodel" in cut_short


@pytest.mark.parametrize("attack", ATTACKS)
def test_S004_25_archives_that_attack(attack: str, person: Person, tmp_path: Path) -> None:
    """An archive that would write elsewhere is refused, and has written nothing."""
    victim = tmp_path / "victim.txt"
    victim.write_text("untouched")
    write_archive(person.folder / "evil.bentomodel", attack, victim)
    said = person.run("bentoml models import evil.bentomodel", code=1)
    assert "Traceback" not in said.all
    assert victim.read_text() == "untouched"
    assert json.loads(person.run("bentoml models list -o json").stdout) == []
    assert [file for file in person.home.rglob("*") if file.is_symlink() or file.name == "evil.txt"] == []


def test_S004_26_load_model_without_a_version(project: Project, elsewhere: dict) -> None:
    """The newest version is loaded, compiled, and can be evaluated."""
    assert elsewhere["handle and function agree"]
    assert elsewhere["compiled"] == ["Adam", "SparseCategoricalCrossentropy"]
    assert re.search(r"Validation accuracy: \d\d\.\d\d%", project.said["repro"].all)


def test_S004_27_latest_is_by_time_of_creation(person: Person, tmp_path: Path) -> None:
    """Importing an older model does not make it the latest."""
    create = "import bentoml\nwith bentoml.models.create('thing') as model: pass\nprint(model.tag)\n"
    elder = Person(tmp_path / "elder", person.folder)
    elder.home.mkdir()
    elder.python(create)
    elder.run("bentoml models export thing:latest old.bentomodel")
    newer = person.python(create).stdout.split()[-1]
    person.run("bentoml models import old.bentomodel")
    latest = person.python("import bentoml\nprint(bentoml.models.get('thing').tag)\n").stdout.split()[-1]
    assert latest == newer
    assert len(json.loads(person.run("bentoml models list thing -o json").stdout)) == 2


def test_S004_28_the_losses_agree(project: Project) -> None:
    """Evaluating gives the loss that the last epoch of training gave."""
    history = np.load(project.folder / "model" / "history.npy", allow_pickle=True).item()
    assert metrics(project.folder)["val_loss"] == pytest.approx(history["val_loss"][-1], rel=1e-3)
    assert f"Validation loss: {history['val_loss'][-1]:.2f}" in project.said["repro"].all


def test_S004_29_the_metrics_file(project: Project) -> None:
    """The file holds the loss and the accuracy, as numbers."""
    assert set(metrics(project.folder)) == {"val_loss", "val_acc"}


def test_S004_30_the_drawings(project: Project) -> None:
    """Three PNG files are drawn."""
    drawn = sorted((project.folder / "evaluation" / "plots").iterdir())
    assert [file.name for file in drawn] == ["confusion_matrix.png", "pred_preview.png", "training_history.png"]
    assert {file.read_bytes()[:8] for file in drawn} == {b"\x89PNG\r\n\x1a\n"}


def test_S004_33_dvc_repro_and_again(project: Project) -> None:
    """The second run finds every stage unchanged."""
    assert project.said["repro"].all.count("Running stage") == 2, "prepare had run before"
    again = project.said["repro again"].all
    assert again.count("didn't change, skipping") == 4, "the data and three stages"


def test_S004_34_one_tag_gives_the_same_bytes(project: Project, tmp_path: Path) -> None:
    """Exporting a tag twice gives equal files, and the file that DVC tracks is one of them."""
    for name in ("one.bentomodel", "two.bentomodel"):
        project.person.at(tmp_path).run(f"bentoml models export {MODEL}:latest {name}")
    assert digest(tmp_path / "one.bentomodel") == digest(tmp_path / "two.bentomodel")
    assert digest(tmp_path / "one.bentomodel") == digest(project.folder / ARCHIVE)


def test_S004_35_the_list_of_models(project: Project) -> None:
    """The table has the document's columns, margins and formats, and can be had as JSON."""
    head, row = [line for line in project.said["list"].stdout.splitlines() if line.strip()]
    assert head.split("  ")[0] == " Tag"
    assert re.split(r"\s{2,}", head.strip()) == ["Tag", "Module", "Size", "Creation Time"]
    date = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(rf" {MODEL}:{VERSION}  bentoml\.keras +9\.4\d MiB  {date} *", row)
    assert head.index("Module") == row.index("bentoml.keras")
    (entry,) = json.loads(project.person.run(f"bentoml models list {MODEL} -o json").stdout)
    assert entry["tag"] == row.split()[0]
    assert entry["module"] == "bentoml.keras"


def test_S004_36_git_status_names_five_files(project: Project, s004: Document) -> None:
    """Only what the chapter changed is changed: no litter."""
    (listed,) = [block.text for block in s004.blocks() if "Changes to be committed" in block.text]
    named = re.findall(r"modified: +(\S+)", listed)
    assert [line.split() for line in project.said["status"].stdout.splitlines()] == [["M", name] for name in named]


def test_S004_37_dvc_push_and_pull_in_a_clone(project: Project, clone: tuple[Person, Output]) -> None:
    """The exported model comes out of the remote as it went in."""
    other, said = clone
    assert "pushed" in project.said["dvc push"].all
    assert "fetched" in said.all
    assert digest(other.folder / ARCHIVE) == digest(project.folder / ARCHIVE)


def test_S004_38_commit_and_push(project: Project) -> None:
    """The remote has the commit."""
    git = ["git", "--git-dir", str(project.remotes / "git.git"), "log", "-5", "--format=%s", "main"]
    assert "save and load the model" in subprocess.run(git, capture_output=True, text=True, check=True).stdout


def test_S004_40_our_quickstart(person: Person, network: Network) -> None:
    """The steps of docs/quickstart.md: train, save, serve the model, ask; serve the class, ask; test it."""
    shutil.copytree(ROOT / "examples" / "iris", person.folder, dirs_exist_ok=True)
    flower = [5.1, 3.5, 1.4, 0.2]
    assert re.fullmatch(f"iris:{VERSION}\n", person.run("python train.py").stdout)
    for target, path, body, answer in (
        ("iris:latest", "/predict", [flower], [0]),
        ("service.py:Iris", "/species", {"flowers": [flower]}, ["setosa"]),
    ):
        server = person.start(f"ekiben serve {target}", network)
        try:
            assert server.wait().post(path, json=body).json() == answer
        finally:
            assert server.stop() == 0
    assert "1 passed" in person.run("python -m pytest -c /dev/null -p no:cacheprovider test_service.py").stdout


def test_S004_40_the_commands_of_our_quickstart(person: Person, network: Network) -> None:
    """The commands of our own quickstart, on its files, give the answer that it shows."""
    shutil.copytree(ROOT / "examples" / "iris", person.folder, dirs_exist_ok=True)
    said = re.findall(r"^\$ (.+)\n(\[.+\])$", (ROOT / "docs" / "quickstart.md").read_text(), re.MULTILINE)
    curl, answer = next(pair for pair in said if pair[0].startswith("curl"))
    assert re.fullmatch(f"iris:{VERSION}\n", person.run("python train.py").stdout)
    server = person.start("ekiben serve iris:latest", network)
    try:
        server.wait()
        with network.inside():
            assert person.run(curl).stdout.strip() == answer
            assert person.run(f"python request.py {server.url}").stdout.strip() == answer
    finally:
        server.stop()


def test_S004_45_help_of_every_command(person: Person) -> None:
    """Each command that the program lists explains itself."""

    def commands(words: str) -> list[str]:
        said = person.run(f"bentoml {words} --help").stdout
        _, _, listed = said.partition("Commands:")
        return [line.split()[0] for line in listed.splitlines() if re.match(r"  \w", line)]

    top = commands("")
    assert {"serve", "models"} <= set(top)
    below = commands("models")
    assert {"list", "get", "delete", "export", "import"} <= set(below)
    for words in (*top, *(f"models {name}" for name in below)):
        said = person.run(f"bentoml {words} --help")
        assert f"Usage: bentoml {words}" in said.stdout
        assert "ekiben" not in said.stdout.lower()


def test_S004_46_eight_processes_save_at_once(person: Person) -> None:
    """Every version is there, whole, and the latest is the newest."""
    savers = [
        subprocess.Popen([sys.executable, str(SCRIPTS / "saver.py"), str(index)], cwd=person.folder, env=person.env)
        for index in range(8)
    ]
    assert [saver.wait(timeout=300) for saver in savers] == [0] * 8
    listed = json.loads(person.run("bentoml models list crowd -o json").stdout)
    assert len({entry["tag"] for entry in listed}) == 160
    latest = person.run("bentoml models get crowd:latest -o json").stdout
    assert json.loads(latest)["version"] == listed[0]["tag"].partition(":")[2]


def metrics(folder: Path) -> dict[str, float]:
    """Read the metrics file of a project."""
    return json.loads((folder / "evaluation" / "metrics.json").read_text())
