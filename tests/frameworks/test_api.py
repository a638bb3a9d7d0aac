"""What every framework's `save_model` and `load_model` promise."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

import ekiben.models
import ekiben.picklable_model
import ekiben.sklearn
from ekiben.core.errors import ConfigError, EkibenError, InvalidInput, NotFound
from ekiben.core.front import EKIBEN, enter
from ekiben.frameworks import api
from ekiben.frameworks.table import FRAMEWORKS, framework
from ekiben.models import Model


def test_a_model_comes_back_the_same(classifier, rows) -> None:
    """`load_model` gives what `save_model` took, by name, by tag and by the stored model itself."""
    saved = ekiben.sklearn.save_model("iris", classifier)
    for handle in ("iris", "iris:latest", saved.tag, saved):
        assert (ekiben.sklearn.load_model(handle).predict(rows[0]) == classifier.predict(rows[0])).all()


def test_what_is_kept_beside_it(classifier, rows) -> None:
    """Labels, metadata, versions of the libraries and the methods stand in model.yaml."""
    saved = ekiben.sklearn.save_model("iris", classifier, labels={"team": "x"}, metadata={"score": 0.97})
    info = ekiben.sklearn.get("iris").info
    assert (info.module, info.labels, info.metadata) == ("ekiben.sklearn", {"team": "x"}, {"score": 0.97})
    assert {"scikit-learn", "skops"} <= info.context["framework_versions"].keys()
    assert set(info.signatures) == {"predict", "decision_function"}
    assert all(signature.batchable for signature in info.signatures.values())
    assert isinstance(saved, Model)
    assert ekiben.models.get("iris").load_model().predict(rows[0][:1]).shape == (1,)


def test_signatures_by_options(classifier) -> None:
    """Options are kept as they are given."""
    saved = ekiben.sklearn.save_model(
        "iris", classifier, signatures={"predict": {"batchable": True, "batch_dim": (0, 0)}}
    )
    assert list(saved.info.signatures) == ["predict"]
    assert saved.info.signatures["predict"].batchable


def test_signatures_by_name(classifier) -> None:
    """Names alone take the framework's defaults."""
    saved = ekiben.sklearn.save_model("iris", classifier, signatures=["decision_function", "get_params"])
    batchable = {name: signature.batchable for name, signature in saved.info.signatures.items()}
    assert batchable == {"decision_function": True, "get_params": False}


@pytest.mark.parametrize(
    ("signatures", "message", "hint"),
    [
        pytest.param({"predikt": {}}, "predikt", "did you mean 'predict'?", id="a slip of the pen"),
        pytest.param({"classes_": {}}, "classes_", "serves predict", id="an attribute that is no method"),
        pytest.param(["generate"], "generate", "serves predict", id="a method of other models"),
        pytest.param("predict", "list methods", None, id="a text instead of a list"),
        pytest.param({"predict": {"batchabel": True}}, "signatures.predict", None, id="an unknown option"),
        pytest.param({"predict": {"batch_dim": "x"}}, "signatures.predict.batch_dim", None, id="no axis"),
    ],
)
def test_wrong_signatures(classifier, signatures, message: str, hint: str | None) -> None:
    """A signature that cannot be served is refused before anything is stored."""
    with pytest.raises(EkibenError, match=message) as caught:
        ekiben.sklearn.save_model("iris", classifier, signatures=signatures)
    assert hint is None or hint in (caught.value.hint or "")
    assert ekiben.models.list() == []


def test_a_wrong_object_is_named() -> None:
    """The error says what came, what is taken, and who takes it."""
    with pytest.raises(ConfigError, match=r"object of sklearn: it is a builtins\.dict") as caught:
        ekiben.sklearn.save_model("iris", {"a": 1})
    assert caught.value.hint == "save it with `ekiben.picklable_model.save_model`"
    assert ekiben.models.list() == []


def test_save_picks_the_framework(classifier) -> None:
    """`models.save` finds whose object it is."""
    assert ekiben.models.save("iris", classifier).info.module == "ekiben.sklearn"


def test_save_names_the_choices() -> None:
    """An object of no library is not pickled unasked; the error names every framework."""
    with pytest.raises(ConfigError, match=r"builtins\.dict") as caught:
        ekiben.models.save("thing", {"a": 1})
    assert all(name in str(caught.value) for name in FRAMEWORKS)
    assert "picklable_model" in (caught.value.hint or "")


def test_a_wrong_option_is_named(classifier) -> None:
    """An option that the framework does not have is refused with those that it has, and nothing is stored."""
    with pytest.raises(ConfigError, match="`include_optimizer` is not an option of sklearn") as caught:
        ekiben.models.save("iris", classifier, include_optimizer=True)
    assert caught.value.hint == "its options are: format"
    assert ekiben.models.list() == []
    with pytest.raises(ConfigError, match="`device_name` is not an option of sklearn"):
        ekiben.sklearn.save_model("iris", classifier).load_model(device_name="cpu")


def test_another_framework_saved_it(classifier) -> None:
    """A model is not loaded by a framework that did not save it; the error says who did."""
    ekiben.sklearn.save_model("iris", classifier)
    with pytest.raises(NotFound, match="saved with sklearn, not with picklable_model") as caught:
        ekiben.picklable_model.load_model("iris")
    assert caught.value.hint == "use `ekiben.sklearn.load_model`"


def test_a_model_without_framework() -> None:
    """A model of files alone says where they are."""
    with ekiben.models.create("files") as model:
        (model.path / "a.txt").write_text("x")
    with pytest.raises(NotFound, match="without a framework") as caught:
        ekiben.models.get("files").load_model()
    assert str(model.path) in (caught.value.hint or "")


def test_a_stored_file_cannot_name_a_module(classifier) -> None:
    """What model.yaml calls the framework is looked up in a table, and never imported."""
    with ekiben.models.create("evil", module="os.path") as model:
        (model.path / "a.txt").write_text("x")
    with pytest.raises(NotFound, match=r"no framework `os\.path`"):
        ekiben.models.get("evil").load_model()


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_every_framework_has_the_verbs(name: str) -> None:
    """Each file of a framework offers the same names."""
    verbs = framework(name)
    assert name == verbs.NAME
    assert isinstance(verbs.LIBRARY, str)
    assert all(isinstance(package, str) for package in verbs.PACKAGES)
    assert all(callable(getattr(verbs, verb)) for verb in ("owns", "save", "load", "methods"))


def test_a_failing_save_leaves_nothing(classifier, home: Path) -> None:
    """A sample that the model refuses stops the save; no version and no scrap stays."""
    with pytest.raises(InvalidInput, match="`sample` must be an input of the model's `predict`") as caught:
        ekiben.sklearn.save_model("iris", classifier, sample=[[1.0, 2.0]])
    assert caught.value.hint == "give a few rows, such as X[:3]"
    assert ekiben.models.list() == []
    assert [path for path in home.rglob("*") if path.is_file() and path.name != ".lock"] == []


def test_the_sample_describes_input_and_output(classifier, rows) -> None:
    """model.yaml holds the schemas of the sample and of what each method gives for it."""
    saved = ekiben.sklearn.save_model("iris", classifier, sample=rows[0][:3])
    assert saved.info.sample == {
        "input": {"kind": "ndarray", "dtype": "float64", "shape": [-1, 4], "file": "sample.npy"},
        "outputs": {
            "predict": {"kind": "ndarray", "dtype": "int64", "shape": [-1]},
            "decision_function": {"kind": "ndarray", "dtype": "float64", "shape": [-1, 3]},
        },
    }


def test_one_value_is_no_batch() -> None:
    """A sample of one text or one record is served call by call, and cannot be asked to be joined."""
    saved = ekiben.picklable_model.save_model("upper", str.upper, sample="a")
    assert not saved.info.signatures["__call__"].batchable
    with pytest.raises(ConfigError, match=r"`signatures\.__call__\.batchable` must be false"):
        ekiben.picklable_model.save_model("upper", str.upper, sample="a", signatures={"__call__": {"batchable": True}})


def test_the_log_line(classifier, caplog: pytest.LogCaptureFixture) -> None:
    """Where logging is set up, saving is one record of level INFO that names the tag."""
    with caplog.at_level(logging.INFO, logger="ekiben"):
        saved = ekiben.sklearn.save_model("iris", classifier)
    assert [record.getMessage() for record in caplog.records] == [f'ekiben saved model: Model(tag="{saved.tag}")']


TRAIN = """
import sys
from sklearn.datasets import load_iris
from sklearn.svm import SVC
import ekiben.sklearn
{setup}
model = ekiben.sklearn.save_model("flower_model", SVC().fit(*load_iris(return_X_y=True)))
print(f"Bento model tag = {{model.tag}}")
"""


def test_a_plain_script_shows_one_line(python) -> None:
    """Without any logging set-up stderr shows the tag, and stdout is the script's own."""
    done = python(TRAIN.format(setup=""))
    assert done.stdout.startswith("Bento model tag = flower_model:")
    assert done.stdout.count("\n") == 1
    tag = done.stdout.split(" = ")[1].strip()
    assert done.stderr == f'ekiben saved model: Model(tag="{tag}")\n'


MISSING = """
import sys
sys.modules["keras"] = None  # as if it were not installed
import ekiben.keras, ekiben.exceptions
for act in (
    lambda: ekiben.keras.save_model("a", {}),
    lambda: ekiben.keras.save_model("a", sys.argv[1]),
    lambda: ekiben.keras.load_model("a"),
):
    try:
        act()
    except ekiben.exceptions.MissingLibrary as error:
        print(error, "|", error.hint)
"""


def test_a_missing_library_is_one_line(python, tmp_path: Path) -> None:
    """Without the library, every door says which command installs it."""
    with ekiben.models.create("a", module="ekiben.keras") as model:
        (model.path / "saved_model.keras").write_bytes(b"x")
    (tmp_path / "a.keras").write_bytes(b"x")
    said = [line.split(" needs ") for line in python(MISSING, str(tmp_path / "a.keras")).stdout.splitlines()]
    assert [who for who, _ in said] == ["ekiben.keras", "reading a Keras file", "loading a Keras model"]
    assert {what for _, what in said} == {"the library `keras`, which is not installed | pip install 'ekiben[keras]'"}


def test_describe_methods_keeps_plain_data(classifier) -> None:
    """What goes into model.yaml is plain, whatever form the user gave."""
    described = api.describe_methods(framework("sklearn"), classifier, {"predict": {"batch_dim": 1}}, None)
    assert described == {"predict": {"batchable": False, "batch_dim": [1, 1]}}


class Special(Model):
    """What another front's stored models are."""

    __slots__ = ()


def test_a_front_may_have_models_of_its_own(classifier) -> None:
    """What is saved, found and listed is of the class that the front names; nothing else changes."""
    with enter(replace(EKIBEN, model_class=f"{__name__}:Special")):
        saved = ekiben.sklearn.save_model("iris", classifier)
        found = [saved, ekiben.models.get("iris"), *ekiben.models.list()]
        assert [type(model) for model in found] == [Special] * 3
        assert (ekiben.sklearn.load_model(saved).predict([[1.0] * 4]) >= 0).all()
    assert type(ekiben.models.get("iris")) is Model
