"""Custom objects come back in a process that has none of the training's sources, if unpickling is allowed."""

import pickle
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ekiben.core.errors import InvalidInput, StoreError
from ekiben.store.pickles import CustomObjects, check_unpickling, dump_objects, load_objects

TRAIN = """
    import sys
    from pathlib import Path
    from ekiben.store.pickles import dump_objects

    sys.path.insert(0, str(Path(__file__).parent))
    import features
    SCALE = 2

    class Tokens:
        def __init__(self, words): self.words = words
        def count(self): return len(self.words)

    def main(by_value):
        offset = 1
        def prepare(x):
            import math
            return math.floor(x) * SCALE + offset + features.bonus()
        objects = {"prepare": prepare, "tokens": Tokens(["a", "b"])}
        dump_objects(objects, [features] if by_value else [], Path("objects.pkl"))

    main("value" in sys.argv)
"""


class Evil:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """Give a folder with a training script and a module of its own."""
    folder = tmp_path / "training"
    folder.mkdir()
    (folder / "train.py").write_text(textwrap.dedent(TRAIN))
    (folder / "features.py").write_text("def bonus(): return 10\n")
    return folder


def test_functions_of_main_load_elsewhere(training: Path, tmp_path: Path) -> None:
    """A nested function with its locals and globals, and a class, work where the sources are gone (S004-13)."""
    subprocess.run([sys.executable, training / "train.py", "value"], cwd=tmp_path, check=True, timeout=60)
    (training / "train.py").unlink()
    (training / "features.py").unlink()
    objects = load_objects(tmp_path / "objects.pkl", "iris:v1")
    assert objects["prepare"](3.7) == 17
    assert objects["tokens"].count() == 2


def test_a_missing_module_is_named(training: Path, tmp_path: Path) -> None:
    """A module that went by reference and is not here is named, with what to do about it."""
    subprocess.run([sys.executable, training / "train.py"], cwd=tmp_path, check=True, timeout=60)
    with pytest.raises(StoreError, match="iris:v1 cannot be unpickled without the module `features`") as caught:
        load_objects(tmp_path / "objects.pkl", "iris:v1")
    assert caught.value.hint is not None
    assert "external_modules=[features]" in caught.value.hint


def test_registering_a_module_is_undone(tmp_path: Path) -> None:
    """A module goes by value for this one file, not for the rest of the process."""
    import colorsys

    import cloudpickle

    dump_objects({"f": colorsys.rgb_to_hsv}, [colorsys], tmp_path / "o.pkl")
    assert "colorsys" not in cloudpickle.list_registry_pickle_by_value()
    assert b"rgb_to_hsv" in (tmp_path / "o.pkl").read_bytes()


def test_the_mapping_reads_on_first_use(tmp_path: Path) -> None:
    """Nothing is unpickled before an object is asked for; then the file is read once."""
    path = tmp_path / "o.pkl"
    objects = CustomObjects(path, "iris:v1")
    dump_objects({"a": 1, "b": [2]}, [], path)
    assert "not read yet" in repr(objects)
    assert (objects["a"], list(objects), len(objects)) == (1, ["a", "b"], 2)
    path.unlink()
    assert objects["b"] is objects["b"]
    assert "a, b" in repr(objects)
    with pytest.raises(KeyError):
        objects["c"]


def test_no_file_is_no_objects(tmp_path: Path) -> None:
    """A model without custom objects has an empty mapping."""
    assert dict(CustomObjects(tmp_path / "none.pkl", "iris:v1")) == {}


def test_an_object_that_cannot_be_pickled_is_named(tmp_path: Path) -> None:
    """The error names the object, and no file is left."""
    with pytest.raises(InvalidInput, match=r"`custom_objects\['lock'\]` cannot be pickled"):
        dump_objects({"fine": 1, "lock": (i for i in range(3))}, [], tmp_path / "o.pkl")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("objects", "modules", "words"),
    [
        pytest.param({1: 2}, [], "the keys of `custom_objects` must be text: 1", id="a key that is a number"),
        pytest.param({"a": 1}, ["os"], "`external_modules` must be a list of modules: 'os'", id="a module's name"),
    ],
)
def test_wrong_arguments_are_named(
    tmp_path: Path, objects: dict[str, object], modules: list[object], words: str
) -> None:
    """Names are text and modules are modules."""
    with pytest.raises(InvalidInput) as caught:
        dump_objects(objects, modules, tmp_path / "o.pkl")  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_forbidden_means_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the setting, not one byte is unpickled: a file that would leave a mark leaves none."""
    mark = tmp_path / "mark"
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil(mark)))
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    with pytest.raises(StoreError, match="EKIBEN_FORBID_UNPICKLING forbids"):
        CustomObjects(tmp_path / "evil.pkl", "iris:v1")["x"]
    assert not mark.exists()
    monkeypatch.delenv("EKIBEN_FORBID_UNPICKLING")
    with pytest.raises(StoreError, match="must be a mapping"):
        CustomObjects(tmp_path / "evil.pkl", "iris:v1")["x"]
    assert mark.exists(), "the file must be able to leave a mark, or this test says nothing"


@pytest.mark.parametrize(
    ("value", "is_forbidden"), [("", False), ("0", False), ("false", False), ("1", True), ("yes", True)]
)
def test_check_unpickling_reads_the_setting(value: str, is_forbidden: bool) -> None:
    """Only a value that says yes forbids."""
    if is_forbidden:
        with pytest.raises(StoreError, match="iris:v1 must be unpickled"):
            check_unpickling("iris:v1", {"EKIBEN_FORBID_UNPICKLING": value})
    else:
        check_unpickling("iris:v1", {"EKIBEN_FORBID_UNPICKLING": value})


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x80\x05K\x01."])
def test_damaged_objects_are_an_error(tmp_path: Path, data: bytes) -> None:
    """Whatever stands in the file, the error names the model."""
    (tmp_path / "o.pkl").write_bytes(data)
    with pytest.raises(StoreError, match="custom objects of iris:v1"):
        load_objects(tmp_path / "o.pkl", "iris:v1")
