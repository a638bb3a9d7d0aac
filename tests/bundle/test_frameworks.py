"""A bento gets the packages by which its models were saved, unless the project asks for others."""

from typing import Any

import pytest
from packaging.requirements import Requirement

from ekiben.bundle.frameworks import needed_by_models
from ekiben.core.tag import Tag
from ekiben.store.info import ModelInfo


def model(tag: str, **versions: Any) -> ModelInfo:
    """Give a model that was saved with these versions."""
    recorded = {name.replace("_", "-"): version for name, version in versions.items()}
    return ModelInfo.new(Tag.parse(tag), context={"framework_versions": recorded})


def added(models: list[ModelInfo], *asked: str) -> list[str]:
    """Give what is added."""
    return [str(each.requirement) for each in needed_by_models(models, [Requirement(line) for line in asked])[0]]


def test_versions_of_the_model() -> None:
    """What the bentofile does not name is added in the version that saved the model, with the reason."""
    found, notes = needed_by_models([model("mnist:v1", keras="3.15.1", tensorflow_cpu="2.21.0")], [])
    assert [str(each.requirement) for each in found] == ["keras==3.15.1", "tensorflow-cpu==2.21.0"]
    assert {each.reason for each in found} == {"the model mnist:v1 was saved with it"}
    assert notes == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param("scikit-learn", ["scikit-learn==1.9.1"], id="any version is asked for: the model's"),
        pytest.param("Scikit_Learn>=1.4", ["scikit-learn==1.9.1"], id="its version is allowed: the model's"),
        pytest.param("scikit-learn<1.9", [], id="another version is asked for: that"),
        pytest.param("scikit-learn @ https://x.example/a.whl", [], id="a file is asked for: that"),
        pytest.param("pandas", ["scikit-learn==1.9.1"], id="something else is asked for"),
    ],
)
def test_the_project_counts(asked: str, expected: list[str]) -> None:
    """What the project asks for stands above what saved the model."""
    assert added([model("iris:v1", scikit_learn="1.9.1")], asked) == expected


def test_the_project_counts_aloud() -> None:
    """A model that will be loaded by another version is named."""
    asked = [Requirement("scikit-learn<1.9")]
    _, notes = needed_by_models([model("iris:v1", scikit_learn="1.9.1")], asked)
    assert notes == ["the model iris:v1 was saved with scikit-learn 1.9.1, and 'scikit-learn<1.9' counts"]


def test_two_models() -> None:
    """Of two versions the newer counts, and it is said."""
    models = [model("a:v1", keras="3.15.1"), model("b:v1", keras="3.9.0")]
    found, notes = needed_by_models(models, [])
    assert [(str(each.requirement), each.reason) for each in found] == [
        ("keras==3.15.1", "the model a:v1 was saved with it")
    ]
    assert notes == ["keras 3.15.1 counts (a:v1), not 3.9.0 (b:v1)"]


@pytest.mark.parametrize(
    ("versions", "asked", "expected"),
    [
        pytest.param({"onnx": "1.19.0"}, [], ["onnxruntime", "onnx==1.19.0"], id="saved where nothing runs it"),
        pytest.param({"onnxruntime_gpu": "1.23.0"}, [], ["onnxruntime-gpu==1.23.0"], id="saved beside one that does"),
        pytest.param({"onnx": "1.19.0"}, ["onnxruntime-openvino"], ["onnx==1.19.0"], id="the project has one"),
    ],
)
def test_what_runs_a_model(versions: dict[str, str], asked: list[str], expected: list[str]) -> None:
    """A model that was saved by one library and is run by another brings the other too."""
    recorded = {name.replace("_", "-"): version for name, version in versions.items()}
    context = {"framework_name": "onnx", "framework_versions": recorded}
    found, notes = needed_by_models(
        [ModelInfo.new(Tag.parse("net:v1"), context=context)], [Requirement(line) for line in asked]
    )
    assert ([str(each.requirement) for each in found], notes) == (expected, [])


def test_same_modules() -> None:
    """TensorFlow under another name is not installed over the one that is asked for."""
    assert added([model("mnist:v1", tensorflow_cpu="2.21.0")], "tensorflow") == []
    assert added([model("mnist:v1", tensorflow_cpu="2.21.0")], "tensorflow-cpu") == ["tensorflow-cpu==2.21.0"]


def test_local_versions() -> None:
    """A build of one index (`2.9.0+cpu`) is asked for as what all indexes have."""
    assert added([model("net:v1", torch="2.9.0+cpu")]) == ["torch==2.9.0"]


@pytest.mark.parametrize(
    "versions",
    [
        pytest.param({"keras": "unknown"}, id="no version"),
        pytest.param({"keras --pre": "1.0"}, id="an option behind a name"),
        pytest.param({"keras\n--index-url=x": "1.0"}, id="a second line"),
        pytest.param({"keras": "1.0\n--index-url=x"}, id="a second line in a version"),
        pytest.param({"keras @ https://evil.example/a.whl #": "1"}, id="an address as a name"),
        pytest.param({"keras": ["3"]}, id="a list"),
    ],
)
def test_forged(versions: dict[str, Any]) -> None:
    """What a forged model.yaml records as a version adds nothing, and is said."""
    forged = ModelInfo.new(Tag.parse("a:v1"), context={"framework_versions": versions})
    found, notes = needed_by_models([forged], [])
    assert found == []
    assert len(notes) == 1
    assert len(notes[0].splitlines()) == 1


@pytest.mark.parametrize("context", [{}, {"framework_versions": None}, {"framework_versions": "keras"}])
def test_nothing_recorded(context: dict[str, Any]) -> None:
    """A model whose context says nothing adds nothing."""
    assert needed_by_models([ModelInfo.new(Tag.parse("a:v1"), context=context)], []) == ([], [])
