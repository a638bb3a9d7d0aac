"""Models named by a service's class: of the store, and at Hugging Face."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

import ekiben
import ekiben.models
from ekiben.core.errors import ConfigError, InvalidInput, MissingLibrary, NotFound, StoreError
from ekiben.core.spec import ServiceSpec
from ekiben.frameworks.references import BentoModel, HuggingFaceModel
from ekiben.services.newest import newest
from tests.servers import free_port, serve_to_end, serving

COMMIT = "a" * 40
FILES = {"config.json": b'{"size": 3}', "model.safetensors": b"numbers", "model.bin": b"a pickle"}


class Hub(BaseHTTPRequestHandler):
    """A small server that speaks as Hugging Face does; it counts what it sends."""

    sent: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == f"/api/models/team/tiny/revision/{self.revision(path)}" and self.revision(path) in ("main", COMMIT):
            listed = {"id": "team/tiny", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]}
            return self.answer(200, json.dumps(listed).encode(), "application/json")
        if path.startswith(f"/api/models/team/tiny/tree/{COMMIT}"):
            tree = [{"type": "file", "path": name, "size": len(FILES[name]), "oid": "b" * 40} for name in FILES]
            return self.answer(200, json.dumps(tree).encode(), "application/json")
        if path.startswith(f"/team/tiny/resolve/{COMMIT}/"):
            name = path.rpartition("/")[2]
            return self.answer(200, FILES[name], "application/octet-stream", ETag=f'"{name}"')
        kind = "RevisionNotFound" if path.startswith("/api/models/team/tiny/") else "RepoNotFound"
        return self.answer(503 if "/broken/" in path else 404, b"{}", "application/json", **{"X-Error-Code": kind})

    def do_HEAD(self) -> None:
        self.do_GET()

    def revision(self, path: str) -> str:
        return path.rpartition("/")[2]

    def answer(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in (
            {"Content-Type": kind, "Content-Length": str(len(body)), "X-Repo-Commit": COMMIT} | headers
        ).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.sent.append(self.path)
            self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    """Give the address of a hub."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(30)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a cache of its own."""
    constants = pytest.importorskip("huggingface_hub.constants", reason="huggingface_hub is not installed")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def make(name: str, text: str) -> ekiben.Model:
    with ekiben.models.create(name) as model:
        (model.path / "text").write_text(text)
    return model


def spec_of(cls: Any) -> ServiceSpec:
    spec: ServiceSpec = cls.__ekiben_service__().spec
    return spec


def test_a_stored_model() -> None:
    """An instance has the stored model, once and the same; the class has the reference, the spec what it stands for."""

    @ekiben.service
    class Reader:
        words = ekiben.models.BentoModel("words:latest")

        @ekiben.api
        def read(self) -> str:
            return (self.words.path / "text").read_text()

    first = make("words", "a")
    assert repr(Reader.words) == 'BentoModel("words:latest")'
    assert isinstance(Reader.words, BentoModel)
    instance = Reader()
    assert instance.words.tag == first.tag
    assert instance.words is instance.words
    [ref] = spec_of(Reader).models
    assert (ref.attribute, ref.tag, ref.resolved, ref.digest, ref.registry) == (
        ("words", "words:latest", str(first.tag), first.digest, None)
    )
    second = make("words", "b")
    assert spec_of(Reader).models[0].resolved == str(second.tag)
    assert instance.read() == "a"
    assert Reader().read() == "b"
    assert newest(Reader.__ekiben_service__(), "--watch-models") == {"words": second.tag.version}  # type: ignore[attr-defined]


def test_a_model_that_is_not_there() -> None:
    """The class can be made before its model; serving it then says what is missing."""

    @ekiben.service
    class Early:
        words = ekiben.models.BentoModel("words")

        @ekiben.api
        def read(self) -> str:
            return str(self.words.tag)

    for ask in (lambda: spec_of(Early), lambda: Early().read()):
        with pytest.raises(NotFound, match="words"):
            ask()
    make("words", "a")
    assert Early().read() == spec_of(Early).models[0].resolved
    with pytest.raises(InvalidInput):
        ekiben.models.BentoModel("no tag:")


def test_a_snapshot(hub: str, cache: Path) -> None:
    """Nothing is downloaded before an instance asks; then once, into the cache, and the spec knows the commit."""

    @ekiben.service
    class Chat:
        folder = ekiben.models.HuggingFaceModel("team/tiny", endpoint=hub, exclude="*.bin")

        @ekiben.api
        def files(self) -> list[str]:
            return sorted(path.name for path in Path(self.folder).iterdir())

    Hub.sent.clear()
    [ref] = spec_of(Chat).models
    assert (ref.tag, ref.resolved, ref.registry) == ("team/tiny@main", None, "huggingface")
    assert Hub.sent == []
    instance = Chat()
    assert isinstance(instance.folder, str)
    assert instance.files() == ["config.json", "model.safetensors"]
    assert Path(instance.folder).is_relative_to(cache)
    assert json.loads(Path(instance.folder, "config.json").read_bytes()) == {"size": 3}
    assert spec_of(Chat).models[0].resolved == f"team/tiny@{COMMIT}"
    downloads = [path for path in Hub.sent if "/resolve/" in path]
    assert Chat().files() == instance.files()
    assert [path for path in Hub.sent if "/resolve/" in path] == downloads
    with pytest.raises(ConfigError, match="names no stored model"):
        newest(Chat.__ekiben_service__(), "--watch-models")  # type: ignore[attr-defined]


def test_the_cache_is_enough(hub: str) -> None:
    """What is in the cache is given although its server is gone."""
    reference = HuggingFaceModel("team/tiny", endpoint=hub, include=["config.json"])
    path = reference.resolve()
    gone = HuggingFaceModel("team/tiny", endpoint=f"http://127.0.0.1:{free_port()}", include=["config.json"])
    assert gone.resolve() == path
    assert [file.name for file in Path(path).iterdir()] == ["config.json"]


def test_what_is_not_there(hub: str) -> None:
    """An unknown model or revision, a server that is gone or broken: one error that names the model."""
    with pytest.raises(NotFound, match="no model team/other of revision main") as caught:
        HuggingFaceModel("team/other", endpoint=hub).resolve()
    assert caught.value.hint == "set HF_TOKEN if you may read it"
    with pytest.raises(NotFound, match="no model team/tiny of revision v9"):
        HuggingFaceModel("team/tiny", "v9", endpoint=hub).resolve()
    with pytest.raises(NotFound, match="not in the cache of Hugging Face, and its server cannot be reached") as caught:
        HuggingFaceModel("team/tiny", endpoint=f"http://127.0.0.1:{free_port()}").resolve()
    assert caught.value.hint == "where there is a network: `hf download team/tiny --revision main`"
    with pytest.raises((StoreError, NotFound), match="broken/model"):
        HuggingFaceModel("broken/model", endpoint=hub).resolve()


@pytest.mark.parametrize(
    ("words", "options", "told"),
    [
        pytest.param("a/b/c", {}, "`model_id` must be", id="three parts"),
        pytest.param("../secret", {}, "`model_id` must be", id="a way out"),
        pytest.param("a b", {}, "`model_id` must be", id="a blank"),
        pytest.param("a/b", {"revision": "../x"}, "`revision` must be", id="a way out of the revisions"),
        pytest.param("a/b", {"revision": "a b"}, "`revision` must be", id="a blank in the revision"),
        pytest.param("a/b", {"endpoint": "file:///etc"}, "`endpoint` must be", id="an address of files"),
        pytest.param("a/b", {"include": 3}, "`include` must be", id="a number for patterns"),
        pytest.param("a/b", {"exclude": [3]}, "`exclude` must be", id="numbers for patterns"),
    ],
)
def test_wrong_names(words: str, options: dict[str, Any], told: str) -> None:
    """What cannot be a name is refused where it stands."""
    with pytest.raises(ConfigError, match=told):
        HuggingFaceModel(words, **options)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says how to install it, when a model is needed; a spec does without."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    reference = HuggingFaceModel("team/tiny")
    assert reference.ref("folder").resolved is None
    with pytest.raises(MissingLibrary, match="the model team/tiny needs the library `huggingface_hub`") as caught:
        reference.resolve()
    assert caught.value.hint == "pip install 'ekiben[huggingface]'"


SERVICE = """
import ekiben

@ekiben.service
class Reader:
    words = ekiben.models.BentoModel("words:latest")

    @ekiben.api
    def read(self) -> str:
        return (self.words.path / "text").read_text()
"""


def test_a_real_server(tmp_path: Path) -> None:
    """A service whose class names a model is served; without the model it does not start, and says which."""
    (tmp_path / "service.py").write_text(SERVICE)
    refused = serve_to_end("service:Reader", cwd=tmp_path)
    assert refused.returncode != 0
    assert "error: " in refused.stderr
    assert "words" in refused.stderr
    assert "Traceback" not in refused.stderr
    make("words", "hello")
    with serving("service:Reader", cwd=tmp_path) as server:
        assert server.http.post("/read").text == "hello"
