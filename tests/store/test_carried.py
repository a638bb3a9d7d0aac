"""The code of a bento gets the bento's models, and nobody else does."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ekiben.core.errors import ConfigError, NotFound
from ekiben.core.tag import Tag
from ekiben.store import carried
from ekiben.store.carried import Carried, carried_for, carry, noted
from ekiben.store.models import ModelStore, StoredModel
from tests.store.conftest import Save

Store = ModelStore[StoredModel]


@pytest.fixture(autouse=True)
def _nothing_carried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave nothing for other tests."""
    monkeypatch.setenv(carried.VARIABLE, "")
    before = dict(carried._carried)
    carried._carried.clear()
    yield
    carried._carried.clear()
    carried._carried.update(before)


def code_in(folder: Path) -> Callable[..., StoredModel]:
    """Give a function whose code lies in *folder*."""
    folder.mkdir(exist_ok=True)
    names: dict[str, Callable[..., StoredModel]] = {}
    text = "def ask(store, tag):\n    return store.get(tag)\n"
    exec(compile(text, str(folder / "service.py"), "exec"), names)
    return names["ask"]


def test_latest_is_that_of_the_build(store: Store, save: Save, tmp_path: Path) -> None:
    """For the bento's code `latest` stays what it was; for other code it moves on."""
    old = save("iris:v1")
    ours, theirs = code_in(tmp_path / "src"), code_in(tmp_path / "src-of-another")
    carry(Carried(Tag("b", "v1"), tmp_path / "src", (old.tag,)))
    new = save("iris:v2")
    assert [ours(store, tag).tag for tag in ("iris", "iris:latest", "iris:v1")] == [old.tag] * 3
    assert ours(store, "iris").wanted == old.tag, "nothing takes the place of what a version was named of"
    assert theirs(store, "iris").tag == new.tag
    assert store.get("iris").tag == new.tag


def test_what_is_not_carried(store: Store, save: Save, tmp_path: Path) -> None:
    """A model that the bento does not carry is not given to its code, though it is there."""
    save("iris:v1")
    other = save("flowers:v1")
    ours = code_in(tmp_path / "src")
    carry(Carried(Tag("b", "v1"), tmp_path / "src", (other.tag,)))
    for tag in ("iris", "iris:v1", "flowers:v2"):
        with pytest.raises(
            NotFound, match=f"the bento b:v1 asks for the model '{tag}' and carries flowers:v1"
        ) as error:
            ours(store, tag)
        assert "under `models`" in (error.value.hint or "")


def test_aliases(store: Store, save: Save, tmp_path: Path) -> None:
    """An alias stands for a model of the bento."""
    model = save("iris:v1")
    carry(Carried(Tag("b", "v1"), tmp_path / "src", (model.tag,), {"scorer": model.tag}))
    assert code_in(tmp_path / "src")(store, "scorer:latest").tag == model.tag
    with pytest.raises(NotFound):
        store.get("scorer")


def test_models_inside(store: Store, save: Save, tmp_path: Path) -> None:
    """A bento that has its models inside gives those, not the home's."""
    inside: Store = ModelStore(tmp_path / "bento/models", StoredModel)
    with inside.create("iris:v1") as model:
        (model.path / "x").write_text("inside")
    save("iris:v1")
    carry(Carried(Tag("b", "v1"), tmp_path / "src", (Tag("iris", "v1"),), root=inside.root))
    assert code_in(tmp_path / "src")(store, "iris").path == inside.root / "iris/v1"
    assert store.get("iris").path == store.root / "iris/v1"


def test_while_it_is_built(store: Store, save: Save, tmp_path: Path) -> None:
    """While a bento is built its code gets any model, and what it got is noted."""
    save("iris:v1")
    newest = save("iris:v2")
    carry(Carried(Tag("draft"), tmp_path / "src", (), is_open=True))
    with noted() as asked:
        assert code_in(tmp_path / "src")(store, "iris").tag == newest.tag
        store.get("iris:v1")
        store.get("iris")
    assert asked == [newest.tag, Tag("iris", "v1")]
    store.get("iris")
    assert len(asked) == 2


def test_processes_inherit_it(store: Store, save: Save, tmp_path: Path) -> None:
    """A process that the bento's code starts gets the same models."""
    old = save("iris:v1")
    save("iris:v2")
    (tmp_path / "src").mkdir()
    carry(Carried(Tag("b", "v1"), tmp_path / "src", (old.tag,), {"scorer": old.tag}))
    (tmp_path / "src/child.py").write_text(
        "import sys\nfrom pathlib import Path\nfrom ekiben.store.models import ModelStore, StoredModel\n"
        "store = ModelStore(Path(sys.argv[1]), StoredModel)\nprint(store.get('iris').tag, store.get('scorer').tag)\n"
    )
    command = [sys.executable, str(tmp_path / "src/child.py"), str(store.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout == "iris:v1 iris:v1\n"


@pytest.mark.parametrize("text", ["{", "3", '[{"bento": 1}]', "[3]", json.dumps([{"bento": "../x"}])])
def test_a_variable_that_is_not_ours(text: str, store: Store, save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that somebody else set is refused by its name."""
    save("iris:v1")
    monkeypatch.setenv(carried.VARIABLE, text)
    with pytest.raises(ConfigError, match=carried.VARIABLE):
        store.get("iris")


def test_folders_are_whole_names(tmp_path: Path) -> None:
    """A folder whose name only begins like a bento's is none of it."""
    models = Carried(Tag("b", "v1"), tmp_path / "src", ())
    carry(models)
    assert carried_for(str(tmp_path / "src/a/b.py")) is models
    assert carried_for(str(tmp_path / "src2/b.py")) is None
    assert carried_for(str(tmp_path / "src")) is None
