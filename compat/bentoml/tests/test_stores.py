"""The stores take BentoML's arguments, work in its home, and lose nothing by a short word."""

import logging
from pathlib import Path
from typing import Any

import bentoml
import pytest
from bentoml.places import read_place

from ekiben import exceptions
from ekiben.core.errors import ConfigError, InvalidInput, StoreError


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """BentoML's home."""
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def save(name: str = "thing", **described: Any) -> Any:
    with bentoml.models.create(name, **described) as model:
        (model.path / "weights").write_text("1")
    return model


def test_a_model_is_made_with_all_that_bentoml_says() -> None:
    """Each argument of `models.create` stands in `model.yaml`; None says nothing."""
    made = save(
        module="bentoml.sklearn",
        api_version="v2",
        signatures={"predict": {"batchable": True, "batch_dim": (0, 1)}, "call": bentoml.models.ModelSignature()},
        labels={"a": "b"},
        options={"x": 1},
        custom_objects={"half": 0.5},
        external_modules=None,
        metadata={"rows": 3},
        context=bentoml.models.ModelContext("sklearn", {"scikit-learn": "1.5"}),
    )
    info = bentoml.models.get(made.tag).info
    assert (info.module, info.api_version, info.labels, info.options) == (
        "bentoml.sklearn", "v2", {"a": "b"}, {"x": 1},
    )  # fmt: skip
    assert (info.signatures["predict"].batch_dim, info.signatures["call"].batchable) == ((0, 1), False)
    assert (info.metadata, info.context["framework_name"]) == ({"rows": 3}, "sklearn")
    assert info.context["framework_versions"] == {"scikit-learn": "1.5"}
    assert made.custom_objects["half"] == 0.5
    assert isinstance(made, bentoml.Model)
    assert made.path_of("weights").read_text() == "1"


def test_an_alias_stands_for_a_model() -> None:
    """A name of the aliases is looked up by what it stands for."""
    made = save()
    assert bentoml.models.get("scorer", _model_aliases={"scorer": "thing:latest"}).tag == made.tag
    with pytest.raises(exceptions.NotFound):
        bentoml.models.get("scorer")


def test_a_bare_name_deletes_nothing() -> None:
    """A name without a version is refused, so that nobody loses every version by it."""
    first, second = save(), save()
    with pytest.raises(InvalidInput, match="version"):
        bentoml.models.delete("thing")
    assert {each.tag for each in bentoml.models.list("thing")} == {first.tag, second.tag}
    bentoml.models.delete("thing", all=True)
    assert bentoml.models.list() == []


@pytest.mark.parametrize(
    ("told", "place", "options"),
    [
        ({"path": "/a/b"}, "/a/b", {}),
        ({"path": "/a/", "subpath": "/c"}, "/a/c", {}),
        ({"path": "osfs:///a/b"}, "/a/b", {}),
        ({"path": "/a/b.tar", "protocol": "tar"}, "/a/b.tar", {}),
        ({"path": "zip:///a/b.zip"}, "/a/b.zip", {}),
        ({"path": "s3://bucket/x", "params": {"key": "k"}}, "s3://bucket/x", {"key": "k"}),
        ({"path": "bucket/x", "protocol": "s3", "subpath": "y"}, "s3://bucket/x/y", {}),
        (
            {"path": "host/x", "protocol": "ftp", "user": "me", "passwd": "secret"},
            "ftp://host/x",
            {"username": "me", "password": "secret"},
        ),
    ],
)
def test_places(told: dict[str, Any], place: str, options: dict[str, Any]) -> None:
    """Protocol, login, parameters and a path below make one URL and the options of its file system."""
    assert read_place(**told) == (place, options)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"path": "s3://x", "protocol": "s3"}, "`protocol` must be left out"),
        ({"path": "/x", "user": "me"}, "are for a URL, and this is a path: '/x'"),
        ({"path": "x", "protocol": "osfs", "params": {"a": 1}}, "are for a URL"),
    ],
)
def test_places_that_lead_nowhere(told: dict[str, Any], words: str) -> None:
    """What contradicts itself is refused, and no password is shown."""
    with pytest.raises(InvalidInput, match=words):
        read_place(**told)


def test_out_and_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A model goes to a place below a path, and comes back from it; its format is told from the content."""
    monkeypatch.setattr("bentoml.words._said", set())
    made = save()
    file = bentoml.models.export_model(made.tag, str(tmp_path / "out"), "gz", subpath="thing.tar.gz")
    assert Path(file) == tmp_path / "out" / "thing.tar.gz"
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "other"))
    with caplog.at_level(logging.WARNING):
        again = bentoml.models.import_model(str(tmp_path / "out"), "gz", subpath="thing.tar.gz")
    assert again.tag == made.tag
    assert "`input_format='gz'` changes nothing" in caplog.text
    with pytest.raises(InvalidInput, match="`input_format` must be one of bento"):
        bentoml.models.import_model(file, "rar")
    assert bentoml.models.import_model(file, skip_existing=True).tag == made.tag


@pytest.mark.parametrize("module", [bentoml.models, bentoml.bentos], ids=["models", "bentos"])
def test_nothing_stored_is_overwritten(module: Any) -> None:
    """`pull(force=True)` is refused, and so is a bento without its models."""
    with pytest.raises(ConfigError, match="`force` must be False"):
        module.pull("thing:v1", force=True)
    with pytest.raises(ConfigError, match="`with_models` must be True"):
        bentoml.bentos.pull("thing:v1", with_models=False)


def project(folder: Path) -> Path:
    folder.mkdir()
    (folder / "service.py").write_text(
        "import bentoml\n\nargs = bentoml.use_arguments()\n\n\n"
        "@bentoml.service(name=getattr(args, 'called', 'plain'))\n"
        "class Packed:\n    @bentoml.api\n    def x(self) -> int:\n        return 7\n"
    )
    (folder / "bentofile.yaml").write_text("service: service:Packed\nlabels: {from: file}\n")
    return folder


def test_a_project_is_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`build` and `build_bentofile` take what BentoML's take; arguments reach the module, then and later."""
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(bentoml.__file__).parents[1]))
    folder = project(tmp_path / "project")
    built = bentoml.bentos.build_bentofile(str(folder / "bentofile.yaml"), build_ctx=str(folder), labels={"b": "c"})
    assert (built.tag.name, built.info.labels) == ("plain", {"from": "file", "b": "c"})
    other = bentoml.build(build_ctx=str(folder), args={"called": "other"}, version="v1", bare=False, reload=False)
    assert str(other.tag) == "other:v1"
    assert bentoml.load("other:v1").name == "other"
    for name in ("bare", "reload"):
        with pytest.raises(ConfigError, match=f"`{name}` must be False"):
            bentoml.bentos.build(build_ctx=str(folder), **{name: True})
    file = bentoml.export_bento("other:v1", str(tmp_path), subpath="x.bento")
    assert bentoml.delete("other:v1") == [other.tag]
    assert bentoml.import_bento(file).tag == other.tag
    text = bentoml.container.get_containerfile(other)
    assert text is not None
    assert text.startswith(("FROM", "#"))
    assert bentoml.container.get_containerfile("other:v1", str(tmp_path / "Dockerfile")) is None
    assert (tmp_path / "Dockerfile").read_text() == text
    with pytest.raises(StoreError, match="cannot write /nothing/at/all"):
        bentoml.container.get_containerfile("other:v1", "/nothing/at/all")
    for wrong, words in (({"features": ["grpc"]}, "`features` must be"), ({"enable_buildkit": False}, "must be True")):
        with pytest.raises(ConfigError, match=words):
            bentoml.container.get_containerfile("other:v1", **wrong)


def test_an_image_is_asked_for_in_bentomls_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Options of an engine become its words; what no image has is refused before anything is built."""
    monkeypatch.setenv("PATH", str(tmp_path))  # no engine
    with pytest.raises(ConfigError, match=r"`features` must be left out.*'grpc'"):
        bentoml.container.build("thing:v1", features=["grpc"])
    for wrong in ("TOKEN", ["A=1", "=secret"]):
        with pytest.raises(ConfigError, match="`build_arg` must be NAME=VALUE") as caught:
            bentoml.container.build("thing:v1", build_arg=wrong)
        assert "secret" not in str(caught.value)
    with pytest.raises(exceptions.NotFound):
        bentoml.bentos.containerize("thing:v1", "podman", label=["a=b", "c=d"], progress="plain", squash=True)
    assert bentoml.container.health("docker") is False
    with pytest.raises(ConfigError, match="`backend` must be one of docker"):
        bentoml.container.health("rkt")


def test_flags() -> None:
    """An option is written once for each of its values, and one that is off is not."""
    assert bentoml.container.flags_of("add_host", ["a:1", "b:2"]) == ["add-host=a:1", "add-host=b:2"]
    assert bentoml.container.flags_of("squash", True) == ["squash"]
    assert bentoml.container.flags_of("squash", False) == bentoml.container.flags_of("target", None) == []
