"""The commands of the store of bentos do what they say, and nothing unasked."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ekiben import bentos, models
from ekiben.bundle.bento import build
from ekiben.cli.bentos import tags
from ekiben.cli.short import short
from ekiben.core.errors import NotFound
from ekiben.store.bentos import Bento
from tests.cli.conftest import Command

SERVICE = "import ekiben\n@ekiben.service\nclass Iris:\n    @ekiben.api\n    def call(self) -> None: ...\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a model."""
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / "bentofile.yaml").write_text("models: [flowers]\npython: {lock_packages: false}\n")
    with models.create("flowers:v1") as model:
        (model.path / "w.bin").write_bytes(bytes(3000))
    return tmp_path


def make(project: Path, *versions: str, labels: dict[str, str] | None = None) -> list[str]:
    return [str(build(build_ctx=project, version=each, labels=labels, tell=lambda _: None).tag) for each in versions]


def test_list(ekiben: Command, project: Path) -> None:
    """The table has a bento's size and that of its models; JSON and YAML have the same rows, in bytes."""
    make(project, "v1", labels={"team": "a"})
    make(project, "v2")
    header, *rows = ekiben("list").out.splitlines()
    assert header.split() == ["Tag", "Size", "Model", "Size", "Creation", "Time"]
    assert [row.split()[0] for row in rows] == ["iris:v2", "iris:v1"]
    data = json.loads(ekiben("list", "iris", "-l", "team=a", "-o", "json").out)
    assert data == yaml.safe_load(ekiben("list", "-l", "team=a", "-o", "yaml").out)
    assert (data[0]["tag"], data[0]["labels"]) == ("iris:v1", {"team": "a"})
    assert data[0]["model_size_bytes"] == models.get("flowers").size > 3000
    models.delete("flowers:v1")
    assert json.loads(ekiben("list", "-o", "json").out)[0]["model_size_bytes"] == 0


def test_an_empty_store_says_so(ekiben: Command, home: Path) -> None:
    """Without bentos there is a header on stdout and a sentence on stderr."""
    ran = ekiben("list")
    assert (ran.code, ran.out) == (0, " Tag  Size  Model Size  Creation Time\n")
    assert str(home) in ran.err


def test_get(ekiben: Command, project: Path) -> None:
    """A bento is shown as its description, as a row, or as the path of its folder."""
    make(project, "v1")
    shown = yaml.safe_load(ekiben("get", "iris", "-o", "yaml").out)
    assert shown == json.loads(ekiben("get", "iris:latest", "-o", "json").out)
    assert (shown["name"], shown["digest"]) == ("iris", bentos.get("iris").digest)
    assert ekiben("get", "iris", "-o", "tag").out == "iris:v1\n"
    assert ekiben("get", "iris:v1", "-o", "path").out == f"{bentos.get('iris').path}\n"
    assert "iris:v1" in ekiben("get", "iris", "-o", "table").out
    assert "there is no bento 'rose'" in ekiben("get", "rose").err


def test_get_in_short(ekiben: Command, project: Path) -> None:
    """Without an option a bento is told in a few lines, which are YAML still, and stderr says how to see all."""
    make(project, "v1", labels={"team": "a"})
    ran = ekiben("get", "iris")
    told = yaml.safe_load(ran.out)
    assert (told["tag"], told["service"], told["labels"]) == ("iris:v1", "service.py", {"team": "a"})
    assert told["endpoints"] == ["POST /call"]
    assert told["models"] == ["flowers:v1"]
    assert told["digest"] == bentos.get("iris").digest
    assert told["path"] == str(bentos.get("iris").path)
    assert "services" not in told
    assert len(ran.out.splitlines()) < 20
    assert "`ekiben get iris:v1 -o yaml` shows all of it." in ran.err


def test_short_of_what_another_wrote(project: Path) -> None:
    """A description whose parts are missing, or of another type, is told as far as it goes."""
    make(project, "v1")
    found = bentos.get("iris")
    for services in ((), ({"spec": None},), ({"spec": {"endpoints": [None, {"route": "/x"}], "http": []}},)):
        told = short(Bento(found.path, replace(found.info, services=services)))
        assert "endpoints" not in told or told["endpoints"][-1] == "POST /x"
        assert told["tag"] == "iris:v1"


def test_delete(ekiben: Command, project: Path) -> None:
    """A version goes after a yes, a bare name only with --all, and models stay."""
    make(project, "v1", "v2", "v3")
    ran = ekiben("delete", "iris:v1")
    assert ran.code == 1
    assert len(bentos.list()) == 3, "nobody said yes"
    assert ekiben("delete", "iris", "-y").code == 1
    assert ekiben("delete", "iris:v1", "-y").out == "deleted iris:v1\n"
    assert [row["tag"] for row in json.loads(ekiben("delete", "iris", "--all", "-y", "-o", "json").out)] == [
        "iris:v3", "iris:v2",
    ]  # fmt: skip
    assert bentos.list() == []
    assert models.get("flowers:v1")


def test_prune_environments(ekiben: Command, home: Path) -> None:
    """Environments go by how long ago they were wanted; bentos stay."""
    assert "no environment is unused for 30 days" in ekiben("prune", "--environments", "30").err
    place = home / "environments" / ("a" * 64)
    (place / "venv").mkdir(parents=True)
    assert "removed the environment aaaaaaaaaaaa\n" in ekiben("prune", "--environments", "30").err
    assert not (place / "venv").exists()
    assert "what stays" in ekiben("prune").err
    assert "leave the name out" in ekiben("prune", "iris", "--environments", "30").err


def test_prune(ekiben: Command, project: Path) -> None:
    """The newest versions of each bento stay."""
    make(project, "v1", "v2", "v3")
    assert "no bento has more than 3 versions" in ekiben("prune", "--keep", "3").out
    assert ekiben("prune", "--keep", "0").code == 2
    assert ekiben("prune").code == 2
    assert ekiben("prune", "--keep", "1").code == 1, "nobody said yes"
    assert ekiben("prune", "iris", "--keep", "2", "-y").out == "deleted iris:v1\n"
    assert ekiben("prune", "--keep", "5", "-o", "json").out == "[]\n"
    assert [str(tag) for tag in bentos.prune(1)] == ["iris:v2"]
    assert [str(bento.tag) for bento in bentos.list()] == ["iris:v3"]


def test_verify(ekiben: Command, project: Path) -> None:
    """Whole bentos are ok; a changed file of one, or of its model, ends with code 1 and its path."""
    make(project, "v1")
    assert ekiben("verify").out.splitlines()[1].split() == ["iris:v1", "ok"]
    (bentos.get("iris").source / "service.py").write_text("")
    ran = ekiben("verify", "iris:v1")
    assert ran.code == 1
    assert "src/service.py" in ran.out
    assert "1 of 1 bentos are damaged" in ran.err
    make(project, "v2")
    (models.get("flowers").path / "w.bin").write_bytes(b"")
    assert "models/flowers/v1/w.bin: has 0 bytes" in ekiben("verify", "iris:v2").out
    models.delete("flowers:v1")
    ran = ekiben("verify", "iris:v2", "-o", "json")
    assert (ran.code, json.loads(ran.out)[0]["state"]) == (1, "damaged")


def test_carry(ekiben: Command, project: Path, tmp_path: Path) -> None:
    """An exported bento comes into another home with its models, and says so."""
    make(project, "v1")
    out = tmp_path / "out"
    out.mkdir()
    assert ekiben("export", "iris", str(out)).out == f"exported iris:v1 to {out}/iris-v1.bento\n"
    there = str(tmp_path / "there")
    ran = ekiben("--home", there, "import", str(out / "iris-v1.bento"))
    assert ran.out == "imported iris:v1\nwith the model flowers:v1\n"
    assert ekiben("--home", there, "verify").code == 0
    assert ekiben("--home", there, "import", str(out / "iris-v1.bento")).code == 1
    again = ekiben("--home", there, "import", str(out / "iris-v1.bento"), "--skip-existing", "-o", "json")
    assert json.loads(again.out)["tag"] == "iris:v1"
    assert ekiben("export", "iris", str(tmp_path / "small"), "--without-models", "-f", "tar").code == 0
    ran = ekiben("--home", str(tmp_path / "empty"), "import", str(tmp_path / "small"))
    assert (ran.code, "needs the model flowers:v1" in ran.err) == (1, True)


def test_python_twins(project: Path, tmp_path: Path) -> None:
    """What the commands do, `ekiben.bentos` does."""
    make(project, "v1", "v2")
    assert [str(bento.tag) for bento in bentos.list("iris")] == ["iris:v2", "iris:v1"]
    place = bentos.export_bento("iris:v1", tmp_path / "x.zip")
    with bentos.use_home(tmp_path / "there"):
        bento = bentos.import_bento(place)
        assert bentos.verify(bento.tag).files
        assert bentos.get("iris") == bento
        assert [str(tag) for tag in bentos.delete("iris", all=True)] == ["iris:v1"]
        with pytest.raises(NotFound):
            bentos.get("iris")


def test_tags_complete(project: Path) -> None:
    """The shell completes the tags of bentos, for `serve` too."""
    make(project, "v1", "v2")
    assert tags("iris:") == ["iris:v1", "iris:v2"]
    assert tags("x") == []


def test_a_version_that_is_not_there(ekiben: Command, project: Path) -> None:
    """Wherever a bento is named, an unknown version of a known name is told with the newest that there are."""
    make(project, "v1", "v2")
    for words in (["get"], ["delete", "-y"], ["list"], ["export"], ["containerize"], ["verify"], ["serve"]):
        ran = ekiben(*words, "iris:nope")
        assert (ran.code, ran.out) == (1, ""), ran.err
        assert "the bento 'iris' has no version 'nope' in " in ran.err
        assert ran.err.endswith("\n\nhint: newest first, there is iris:v2, iris:v1\n")
