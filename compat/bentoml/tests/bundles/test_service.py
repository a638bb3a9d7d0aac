"""The base class: decorators say what it is packed with, instances are packed, versioned and served."""

import re
from pathlib import Path
from typing import Any

import bentoml
import httpx
import pytest
from bentoml.adapters import JsonInput
from bentoml.artifact import JSONArtifact, PickleArtifact
from bentoml.bundles.description import Bundle
from bentoml.bundles.loading import load_from_dir

from compat.bentoml.tests.bundles.projects import packed
from ekiben import testing
from ekiben.exceptions import ConfigError, InvalidInput, NotFound, ServiceLoadError, WrongState
from tests.servers import free_port


@bentoml.ver(major=1, minor=4)
@bentoml.env(pip_packages=["attrs"])
@bentoml.artifacts([PickleArtifact("f"), JSONArtifact("names")])
class Twice(bentoml.BentoService):
    """Doubles."""

    @bentoml.api(input=JsonInput())
    def double(self, value: Any) -> Any:
        """Give it twice."""
        return self.artifacts.f(value)


class Bare(bentoml.BentoService):
    """Has nothing to be packed with."""

    @bentoml.api(input=JsonInput())
    def same(self, value: Any) -> Any:
        return value


def test_packing() -> None:
    """`pack` gives the service back; each instance has artifacts of its own."""
    one, two = Twice(), Twice()
    assert one.pack("f", lambda x: x + x, metadata={"by": "hand"}) is one
    assert one.artifacts.f(2) == 4
    assert one.artifacts["f"].metadata == {"by": "hand"}
    assert (one.artifacts["f"].packed, two.artifacts["f"].packed) == (True, False)
    with pytest.raises(WrongState, match="the artifact `f` of `Twice` is not packed"):
        _ = two.artifacts.f
    with pytest.raises(InvalidInput, match="`Twice` declares no artifact `g`; there are: f, names"):
        one.pack("g", 1)
    with pytest.raises(AttributeError, match="declares no artifact `g`"):
        _ = one.artifacts.g
    assert list(one.artifacts) == ["f", "names"]
    assert {"f", "names", "pack"} <= set(dir(one.artifacts))


def test_packing_again(caplog: pytest.LogCaptureFixture) -> None:
    """A second object takes the place of the first, and that is said."""
    service = Twice().pack("names", [1]).pack("names", [2])
    assert service.artifacts.names == [2]
    assert "is packed again" in caplog.text


def test_versions() -> None:
    """`@ver` stands before every version; a version is made once, and may be set."""
    service = Twice()
    assert re.fullmatch(r"1\.4\.20\d{12}_[0-9A-F]{6}", service.version)
    assert service.version == service.version
    assert service.tag == f"Twice:{service.version}"
    assert service.set_version("rc1") == service.version == "1.4.rc1"
    assert Bare().set_version("x") == "x"
    for bad in ("../x", "", "a b", "latest", 3):
        with pytest.raises(InvalidInput, match="version of a bundle"):
            Bare().set_version(bad)  # type: ignore[arg-type]

    class Numbered(Bare):
        def versioneer(self) -> str:
            return "seven"

    assert Numbered().version == "seven"


def test_what_it_says_of_itself() -> None:
    """Name, APIs, environment and description are those of the class."""
    service = Twice()
    assert service.name == "Twice"
    assert [each.name for each in service.inference_apis] == ["double"]
    assert service.get_inference_api("double").doc == "Give it twice."
    with pytest.raises(NotFound, match="`Twice` has no API `duble`") as caught:
        service.get_inference_api("duble")
    assert "double" in str(caught.value.hint)
    assert service.env.options.pip_packages == ("attrs",)
    assert [each["name"] for each in service.describe()["artifacts"]] == ["f", "names"]


@pytest.mark.parametrize(
    ("decorate", "words"),
    [
        (lambda: bentoml.artifacts([PickleArtifact("a"), JSONArtifact("a")]), "two are called `a`"),
        (lambda: bentoml.artifacts(PickleArtifact("a")), "takes a list of artifacts"),
        (lambda: bentoml.artifacts([PickleArtifact]), "takes artifacts, and this is none"),
        (lambda: bentoml.artifacts([PickleArtifact("items")]), "cannot be called `items`"),
        (lambda: bentoml.artifacts([])(dict), "inherits from `BentoService`"),
        (lambda: bentoml.env(infer_pip_packages=True)(print), "inherits from `BentoService`"),
        (lambda: bentoml.env(python="3.8"), "`@env` has no option `python`"),
        (lambda: bentoml.ver(1, "4"), "`minor` of `@ver` must be a whole number"),
        (lambda: bentoml.ver(-1, 4), "`major` of `@ver`"),
        (lambda: bentoml.web_static_content(""), "takes a folder"),
    ],
)
def test_decorators_refuse(decorate: Any, words: str) -> None:
    """What a decorator cannot mean is refused where it stands."""
    with pytest.raises(ConfigError, match=words):
        decorate()


def test_serving_an_instance() -> None:
    """An instance is a service; so is a class without artifacts, and no other class."""
    with testing.client(Twice().pack("f", lambda x: [x, x])) as found:
        assert found.request("POST", "/double", json=3).json() == [3, 3]
        assert found.request("GET", "/metadata").json()["name"] == "Twice"
    with testing.client(Bare) as found:
        assert found.request("POST", "/same", json={"a": 1}).json() == {"a": 1}
    with pytest.raises(ServiceLoadError, match="`Twice` has artifacts to be packed") as caught:
        Twice.__ekiben_service__()
    assert "Twice:latest" in str(caught.value.hint)


def test_the_spec_of_a_bundle(bundle: Bundle) -> None:
    """A loaded service has the version, labels and port of its bundle, and 0.13's style."""
    spec = load_from_dir(str(bundle.path)).__ekiben_service__().spec
    assert (spec.name, spec.version, spec.labels) == ("Adder", bundle.info.version, {"team": "sums"})
    assert (spec.http.port, spec.style.default_port, spec.style.metrics_prefix) == (5000, 5000, "BENTOML_{service}")


def test_files_beside_the_apis(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is served below `/static`, also from a bundle; nothing outside of it is given."""
    (folder / "ui").mkdir()
    (folder / "ui" / "index.html").write_text("<p>hello</p>")
    (folder / "secret.txt").write_text("of nobody else")
    (folder / "ui" / "link").symlink_to(folder / "secret.txt")
    (folder / "page_service.py").write_text(
        "from bentoml import BentoService, api, web_static_content\nfrom bentoml.adapters import JsonInput\n"
        "@web_static_content('./ui')\nclass Page(BentoService):\n"
        "    @api(input=JsonInput())\n    def same(self, value):\n        return value\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    from page_service import Page  # type: ignore[import-not-found]

    path = Page().save()
    for service in (Page(), load_from_dir(path)):
        with testing.client(service) as found:
            assert found.request("GET", "/static/index.html").text == "<p>hello</p>"
            for evil in ("/static/../secret.txt", "/static/%2e%2e/secret.txt", "/static/link"):
                assert "nobody" not in found.request("GET", evil).text
            assert found.request("POST", "/same", json=1).json() == 1
    assert sorted(each.name for each in (Path(path) / "Page" / "web_static_content").iterdir()) == ["index.html"]


def test_the_dev_server(project: Any) -> None:
    """It serves from a thread until it is stopped; what it cannot do is refused."""
    service = packed(project)
    with pytest.raises(ConfigError, match="there is none here"):
        service.start_dev_server(enable_ngrok=True)
    with pytest.raises(ConfigError, match="`enable_microbatch=False` is not here"):
        service.start_dev_server(enable_microbatch=False)
    port = free_port()
    service.start_dev_server(port=port)
    try:
        answer = httpx.post(f"http://127.0.0.1:{port}/add", json=1, timeout=30, trust_env=False)
        assert answer.json() == 8
        with pytest.raises(ConfigError, match="this service is served at"):
            service.start_dev_server(port=port)
    finally:
        service.stop_dev_server()
    service.stop_dev_server()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5, trust_env=False)


def test_metadata_is_silent_on_how_packages_are_found() -> None:
    """`describe`, which `/metadata` gives, has what was asked for, and not the switch that looked for more."""

    @bentoml.env(infer_pip_packages=True, pip_packages=["pandas"])
    class Plain(bentoml.BentoService):
        @bentoml.api(input=bentoml.adapters.JsonInput(), batch=False)
        def echo(self, value: object) -> object:
            return value

    assert Plain().describe()["env"] == {"pip_packages": ["pandas"]}
    assert Plain().env.infer_pip_packages
