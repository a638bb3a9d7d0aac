"""Artifacts take what their library makes, write it, and give it again in another process."""

import json
import sys
import types
from pathlib import Path
from typing import Any

import bentoml.artifact
import numpy as np
import pytest
from bentoml.artifact import BentoServiceArtifact, JSONArtifact, PickleArtifact, TextFileArtifact
from bentoml.bundles.artifact import load_into, pack_into
from bentoml.frameworks.lightgbm import LightGBMModelArtifact
from bentoml.frameworks.onnx import OnnxModelArtifact
from bentoml.frameworks.sklearn import SklearnModelArtifact
from bentoml.frameworks.xgboost import XgboostModelArtifact
from sklearn.svm import SVC

from ekiben.exceptions import ConfigError, EkibenError, InvalidInput, MissingLibrary, StoreError

X, Y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
GONE = {"Fastai1ModelArtifact": "fastai 1", "GluonModelArtifact": "MXNet", "OnnxMlirModelArtifact": "compiler"}


def through(artifact: BentoServiceArtifact, fresh: BentoServiceArtifact, folder: Path) -> Any:
    """Save an artifact, and give what another one loads."""
    artifact.save(str(folder))
    return load_into(fresh, folder, {}).get()


class Words(BentoServiceArtifact):
    """An artifact of a user's own, written as for 0.13: its `pack` knows no metadata."""

    def pack(self, words: list[str]) -> "Words":
        self.words = words
        return self

    def save(self, dst: str) -> None:
        Path(self._file_path(dst) + ".words").write_text(" ".join(self.words))

    def load(self, path: str) -> "Words":
        return self.pack(Path(self._file_path(path) + ".words").read_text().split())

    def get(self) -> list[str]:
        return self.words


@pytest.mark.parametrize("name", bentoml.artifact.FRAMEWORKS)
def test_every_artifact_is_there(name: str) -> None:
    """Each class is found by its name and under its framework, and needs no library to be imported."""
    found = getattr(bentoml.artifact, name)
    if name in GONE:
        with pytest.raises(ConfigError, match=GONE[name]):
            found("model")
    else:
        assert issubclass(found, BentoServiceArtifact)
        assert found("model").name == "model"
    assert name in dir(bentoml.artifact)


def test_a_name_that_is_none() -> None:
    """`bentoml.artifact` refuses other names."""
    with pytest.raises(AttributeError, match="has no `Nothing`"):
        _ = bentoml.artifact.Nothing


@pytest.mark.parametrize("name", ["two words", "1st", "", "../up", 3])
def test_names_are_identifiers(name: Any) -> None:
    """An artifact's name names an attribute and a file, so it can be nothing else."""
    with pytest.raises(ConfigError, match="must be a Python identifier"):
        PickleArtifact(name)


def test_sklearn(tmp_path: Path) -> None:
    """An estimator comes back as it was."""
    artifact = SklearnModelArtifact("model").pack(SVC().fit(X, Y), metadata={"accuracy": 1.0})
    assert through(artifact, SklearnModelArtifact("model"), tmp_path).predict([[2.5]]).tolist() == [1]
    assert (tmp_path / "model.pkl").is_file()
    assert artifact.metadata == {"accuracy": 1.0}


def test_xgboost(tmp_path: Path) -> None:
    """A booster comes back; an estimator is refused, with the booster in it as the hint."""
    import xgboost

    booster = xgboost.XGBClassifier(n_estimators=3).fit(X, Y)
    with pytest.raises(InvalidInput, match=r"xgboost\.Booster.*XGBClassifier") as caught:
        XgboostModelArtifact("model").pack(booster)
    assert "get_booster" in str(caught.value.hint)
    held = XgboostModelArtifact("model").pack(booster.get_booster())
    again = through(held, XgboostModelArtifact("model"), tmp_path)
    expected = booster.get_booster().predict(xgboost.DMatrix(X))
    assert again.predict(xgboost.DMatrix(X)).tolist() == expected.tolist()


def test_lightgbm(tmp_path: Path) -> None:
    """A booster of LightGBM comes back; anything else is refused."""
    lightgbm = pytest.importorskip("lightgbm", reason="an extra of the development environment")
    data = lightgbm.Dataset(np.arange(60.0).reshape(-1, 1), np.arange(60) > 30)
    booster = lightgbm.train({"objective": "binary", "verbose": -1}, data, 2)
    again = through(LightGBMModelArtifact("m").pack(booster), LightGBMModelArtifact("m"), tmp_path)
    assert again.predict([[50.0]]).tolist() == booster.predict([[50.0]]).tolist()
    with pytest.raises(InvalidInput, match=r"lightgbm\.Booster"):
        LightGBMModelArtifact("m").pack(SVC())


def test_onnx(tmp_path: Path) -> None:
    """A model in the ONNX format, as a proto or a file, is given as a session."""
    onnx = pytest.importorskip("onnx", reason="an extra of the development environment")
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["x", "x"], ["y"])],
        "twice",
        [onnx.helper.make_tensor_value_info("x", kind, [2])],
        [onnx.helper.make_tensor_value_info("y", kind, [2])],
    )
    proto = onnx.helper.make_model(graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid("", 13)])
    value = {"x": np.array([1, 2], np.float32)}
    artifact = OnnxModelArtifact("twice").pack(proto)
    assert artifact.get().run(None, value)[0].tolist() == [2, 4]
    assert through(artifact, OnnxModelArtifact("twice"), tmp_path).run(None, value)[0].tolist() == [2, 4]
    from_file = OnnxModelArtifact("twice").pack(str(tmp_path / "twice.onnx"))
    (tmp_path / "again").mkdir()
    assert through(from_file, OnnxModelArtifact("twice"), tmp_path / "again").run(None, value)[0].tolist() == [2, 4]
    with pytest.raises(InvalidInput, match="a file that is there"):
        OnnxModelArtifact("twice").pack("nowhere.onnx")
    with pytest.raises(ConfigError, match="`backend` must be one of"):
        OnnxModelArtifact("twice", backend="tensorrt")


def test_pickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any object comes back, by the pickle module that was named; one setting forbids it."""
    held = PickleArtifact("f").pack(lambda x: x + 1)
    assert through(held, PickleArtifact("f"), tmp_path)(1) == 2
    assert through(PickleArtifact("d", pickle_module="pickle").pack({"a": 1}), PickleArtifact("d"), tmp_path) == {
        "a": 1
    }
    with pytest.raises(ConfigError, match="`pickle_module` must be a module"):
        PickleArtifact("x", pickle_module="no_such_module_here")
    with pytest.raises(InvalidInput, match="cannot be pickled"):
        PickleArtifact("lock").pack(sys._getframe()).save(str(tmp_path))
    monkeypatch.setenv("EKIBEN_FORBID_UNPICKLING", "1")
    for artifact in (PickleArtifact("f"), SklearnModelArtifact("f")):
        with pytest.raises(StoreError, match="EKIBEN_FORBID_UNPICKLING forbids"):
            artifact.load(str(tmp_path))


def test_json_and_text(tmp_path: Path) -> None:
    """Data and text come back, in the encoding that was named; what is neither is refused."""
    data = {"classes": ["setosa", "ø"]}
    assert through(JSONArtifact("c").pack(data, ensure_ascii=False, indent=1), JSONArtifact("c"), tmp_path) == data
    assert (tmp_path / "c.json").read_text("utf-8").splitlines()[1] == ' "classes": ['
    with pytest.raises(InvalidInput, match="what JSON holds"):
        JSONArtifact("c").pack({1, 2})
    words = TextFileArtifact("t", file_extension=".md", encoding="utf-16").pack("grüezi")
    fresh = TextFileArtifact("t", file_extension=".md", encoding="utf-16")
    assert through(words, fresh, tmp_path) == "grüezi"
    assert (tmp_path / "t.md").is_file()
    with pytest.raises(InvalidInput, match="must be packed with text: int"):
        TextFileArtifact("t").pack(3)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="the artifact `t` must be text that ascii has"):
        TextFileArtifact("t", encoding="ascii").pack("ü")
    (tmp_path / "t.txt").write_bytes(b"\xff")
    with pytest.raises(InvalidInput, match="the artifact `t` must be text in utf8"):
        TextFileArtifact("t").load(str(tmp_path))
    for wrong in ("nothing", "zlib", 3):
        with pytest.raises(ConfigError, match="`encoding` must be one that Python has for text"):
            TextFileArtifact("t", encoding=wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="the ending of a file"):
        TextFileArtifact("t", file_extension="/../../etc/x")


def test_an_artifact_of_ones_own(tmp_path: Path) -> None:
    """A subclass written for 0.13 works, and metadata is kept for it though its `pack` takes none."""
    artifact = Words("words")
    pack_into(artifact, (["a", "b"],), {"metadata": {"lang": "en"}})
    assert (artifact.packed, artifact.is_ready, artifact.metadata) == (True, True, {"lang": "en"})
    assert through(artifact, Words("words"), tmp_path) == ["a", "b"]
    for bad in ("text", [1], {1: 2}):
        with pytest.raises(InvalidInput, match="`metadata` of the artifact `words` must be a mapping"):
            pack_into(artifact, ([],), {"metadata": bad})
    for verb, given in (("pack", (1,)), ("load", (".",)), ("save", (".",)), ("get", ())):
        with pytest.raises(ConfigError, match=f"does not define `{verb}`"):
            getattr(BentoServiceArtifact("bare"), verb)(*given)


@pytest.mark.parametrize(
    ("name", "library", "command"),
    [
        ("CatBoostModelArtifact", "catboost", "pip install catboost"),
        ("CoreMLModelArtifact", "coremltools", "pip install coremltools"),
        ("EasyOCRArtifact", "easyocr", "pip install easyocr"),
        ("EvalMLModelArtifact", "evalml", "pip install evalml"),
        ("FastaiModelArtifact", "fastai", "pip install fastai"),
        ("KerasModelArtifact", "keras", "pip install 'ekiben[keras]'"),
        ("PaddlePaddleModelArtifact", "paddle", "pip install paddlepaddle"),
        ("PytorchLightningModelArtifact", "torch", "pip install torch"),
        ("PytorchModelArtifact", "torch", "pip install torch"),
        ("SpacyModelArtifact", "spacy", "pip install spacy"),
        ("TensorflowSavedModelArtifact", "tensorflow", "pip install tensorflow"),
    ],
)
def test_a_library_that_is_not_here(name: str, library: str, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only using an artifact needs its library, and the error, one line, says how to install it."""
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingLibrary, match=r"the artifact `model` needs the library `.+`, which is not") as caught:
        getattr(bentoml.artifact, name)("model").pack(object())
    assert "\n" not in caught.value.message
    assert caught.value.hint == command


def test_libraries_that_reading_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle that is loaded where its library is missing says how to install it."""
    for name, library, file in (
        ("TransformersModelArtifact", "transformers", "m"),
        ("OnnxModelArtifact", "onnxruntime", "m.onnx"),
    ):
        (tmp_path / file).write_text("")
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(MissingLibrary, match="the artifact `m` needs the library") as caught:
            getattr(bentoml.artifact, name)("m").load(str(tmp_path)).get()
        assert caught.value.hint == f"pip install {library}"


def test_a_missing_file(tmp_path: Path) -> None:
    """A bundle without an artifact's file is told by its name."""
    with pytest.raises(StoreError, match=r"the artifact `model` is not in its bundle: there is no model\.pkl"):
        SklearnModelArtifact("model").load(str(tmp_path))


# --- libraries that this environment has not: small stand-ins that keep their contract -------------------------------


class Kept:
    """A model that writes itself to a file or into a folder, as many libraries' do."""

    def __init__(self, text: str = "") -> None:
        self.text = text

    def save_model(self, path: str) -> None:
        Path(path).write_text(self.text)

    save = to_disk = save_model

    @classmethod
    def load(cls, path: Any) -> "Kept":
        return cls(Path(path).read_text())


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    """Put a module of this name into the process, until the test ends."""
    module = types.ModuleType(name)
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)


def test_libraries_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """fastText, spaCy, Core ML, EvalML and PaddlePaddle write by their own functions, and read by them."""
    stand_in(monkeypatch, "fasttext", load_model=Kept.load)
    stand_in(monkeypatch, "spacy", load=Kept.load, language=types.SimpleNamespace(Language=Kept))
    stand_in(monkeypatch, "coremltools", models=None)
    stand_in(monkeypatch, "coremltools.models", MLModel=type("MLModel", (Kept,), {"__init__": read_or_keep}))
    stand_in(monkeypatch, "evalml", pipelines=None)
    stand_in(monkeypatch, "evalml.pipelines", PipelineBase=Kept)
    jit = types.SimpleNamespace(save=lambda model, path: model.save(path), load=Kept.load)
    stand_in(monkeypatch, "paddle", jit=jit, nn=types.SimpleNamespace(Layer=Kept))
    for name in ("Fasttext", "Spacy", "EvalML", "PaddlePaddle"):
        kind = getattr(bentoml.artifact, f"{name}ModelArtifact")
        assert through(kind(name).pack(Kept(name)), kind(name), tmp_path).text == name
    core = sys.modules["coremltools.models"].MLModel
    kind = bentoml.artifact.CoreMLModelArtifact
    assert through(kind("core").pack(core("text of a model")), kind("core"), tmp_path).text == "text of a model"
    with pytest.raises(InvalidInput, match="a pipeline of spaCy"):
        bentoml.artifact.SpacyModelArtifact("s").pack(3)


def read_or_keep(self: Kept, told: str) -> None:
    """Make a model of a file, or of a text."""
    self.text = Path(told).read_text() if Path(told).is_file() else told


def test_h2o(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """H2O names its file itself; ours has one name, and H2O is started before it is read."""
    started = []

    def save_model(model: Kept, path: str, force: bool) -> str:
        place = Path(path, "GBM_model_python_17")
        model.save(str(place))
        return str(place)

    stand_in(monkeypatch, "h2o", save_model=save_model, load_model=Kept.load, init=lambda: started.append(1))
    kind = bentoml.artifact.H2oModelArtifact
    assert through(kind("h").pack(Kept("trees")), kind("h"), tmp_path).text == "trees"
    assert started == [1]


def test_easyocr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks of a reader are copied, and the loaded reader downloads nothing."""

    class Reader:
        def __init__(self, lang_list: list[str], **options: Any) -> None:
            self.lang_list, self.options = lang_list, options
            self.model_storage_directory = options["model_storage_directory"]

    stand_in(monkeypatch, "easyocr", Reader=Reader)
    (tmp_path / "networks").mkdir()
    for name in ("craft_mlt_25k", "english_g2"):
        (tmp_path / "networks" / f"{name}.pth").write_text(name)
    reader = Reader(["en"], model_storage_directory=str(tmp_path / "networks"))
    kind = bentoml.artifact.EasyOCRArtifact
    again = through(kind("ocr").pack(reader), kind("ocr"), tmp_path)
    assert (again.lang_list, again.options["download_enabled"], again.options["gpu"]) == (["en"], False, False)
    assert Path(again.model_storage_directory, "english_g2.pth").read_text() == "english_g2"
    with pytest.raises(ConfigError, match="`recog_network` must be the name of a network"):
        kind("ocr").pack(reader, recog_network="../../secret")
    with pytest.raises(InvalidInput, match=r"has no network other\.pth"):
        kind("two").pack(reader, recog_network="other").save(str(tmp_path))
    (tmp_path / "ocr" / "reader.json").write_text("[]")
    with pytest.raises(StoreError, match="is damaged"):
        kind("ocr").load(str(tmp_path))


def test_detectron(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights and configuration are written; the model is built from both, on the CPU."""

    class Module:
        text = ""

        def eval(self) -> "Module":
            return self

    class Checkpointer:
        def __init__(self, model: Module, save_dir: str = "") -> None:
            self.model, self.folder = model, save_dir

        def save(self, name: str) -> None:
            Path(self.folder, f"{name}.pth").write_text(self.model.text)

        def load(self, path: str) -> None:
            self.model.text += Path(path).read_text()

    class Config:
        MODEL = types.SimpleNamespace(DEVICE="cuda")

        def merge_from_file(self, path: str) -> None:
            self.text = Path(path).read_text()

    def build_model(config: Config) -> Module:
        made = Module()
        made.text = f"{config.text} {config.MODEL.DEVICE} "
        return made

    stand_in(monkeypatch, "torch", nn=types.SimpleNamespace(Module=Module))
    stand_in(monkeypatch, "detectron2")
    stand_in(monkeypatch, "detectron2.checkpoint", DetectionCheckpointer=Checkpointer)
    stand_in(monkeypatch, "detectron2.config", get_cfg=Config)
    stand_in(monkeypatch, "detectron2.modeling", build_model=build_model)
    model = Module()
    model.text = "numbers"
    (tmp_path / "told.yaml").write_text("LAYERS")
    kind = bentoml.artifact.DetectronModelArtifact
    with pytest.raises(InvalidInput, match="`input_model_yaml` must be the file"):
        kind("d").pack(model)
    held = kind("d").pack(model, input_model_yaml=str(tmp_path / "told.yaml"))
    assert through(held, kind("d"), tmp_path).text == "LAYERS cpu numbers"


def test_transformers_loads_no_other_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hostile bundle cannot name anything of the library but models and tokenizers."""

    class Model(Kept):
        def save_pretrained(self, place: Path) -> None:
            self.save(str(place))

        @classmethod
        def from_pretrained(cls, place: Any, **_: Any) -> Kept:
            return cls.load(place)

    stand_in(
        monkeypatch, "transformers", PreTrainedModel=Model, PreTrainedTokenizerBase=Model, Model=Model, system=print,
        Other=Kept,
    )  # fmt: skip
    kind = bentoml.artifact.TransformersModelArtifact
    found = through(kind("t").pack({"model": Model("m"), "tokenizer": Model("w")}), kind("t"), tmp_path)
    assert {name: part.text for name, part in found.items()} == {"model": "m", "tokenizer": "w"}
    for evil in ("system", "Other", "os.system", "__class__", 3, None):
        (tmp_path / "t" / "classes.json").write_text(json.dumps({"model": evil, "tokenizer": "Model"}))
        with pytest.raises(EkibenError, match="is damaged"):
            kind("t").load(str(tmp_path))
    with pytest.raises(InvalidInput, match="`model` and `tokenizer`"):
        kind("t").pack({"model": Model()})
