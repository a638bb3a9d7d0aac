"""Several services become one stall: each at a place of its own, and the server's options as all agree."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ekiben
from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.core.spec import BoundService, Layout, Style
from ekiben.services.depends import in_order
from ekiben.services.load import load
from ekiben.services.stall import Stand, check_server, join, named, stands


@ekiben.service
class Ham:
    """Salty."""

    @ekiben.api
    def eat(self) -> str:
        return "ham"


@ekiben.service(name="egg", path_prefix="/v1", traffic={"max_concurrency": 3})
class Egg:
    ham = ekiben.depends(Ham)

    @ekiben.api
    def eat(self) -> str:
        return "egg"


def made(**options: Any) -> Any:
    """Make a service with options, whose name is `made`."""

    @ekiben.service(name="made", **options)
    class Made:
        @ekiben.api
        def eat(self) -> str:
            return ""

    return Made


def prefixes(bound: BoundService) -> dict[str, str]:
    return {one.spec.name: one.spec.http.path_prefix for one in bound.services}


def test_a_list() -> None:
    """Each service stands below its name, and below that a prefix of its own; all else of it stays."""
    stall = load([Ham, Egg])
    assert prefixes(stall) == {"Ham": "/Ham", "egg": "/egg/v1"}
    assert [one.spec.http.place for one in stall.services] == ["/Ham", "/egg"]
    assert (stall.spec.name, stall.spec.endpoints) == ("Ham, egg", ())
    egg = stall.services[1]
    assert egg.spec.limits.max_concurrency == 3
    assert "/egg/v1/metrics" in egg.spec.http.access.skip_paths
    assert load(Egg).spec.http.path_prefix == "/v1"


def test_a_dict() -> None:
    """A name that is given is the service's name everywhere, so that one may stand there twice."""
    stall = load({"a": Ham, "b": Ham, "c": Egg})
    assert prefixes(stall) == {"a": "/a", "b": "/b", "c": "/c/v1"}


def test_one_in_a_list() -> None:
    """A list of one is a stall too, so that a second one changes no address."""
    assert prefixes(load([Ham])) == {"Ham": "/Ham"}
    assert load(Ham).services == ()


def test_dependencies() -> None:
    """What several depend on is listed once, before the stall, even by the name of one that is served."""
    stall = load({"Ham": Egg, "other": Egg})
    assert [one.spec.name for one in in_order(stall)] == ["Ham", "Ham, other"]
    assert [one.spec.name for one in in_order(load({"Ham": Egg}))] == ["Ham", "Ham"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param("a=x:A", ("a", "x:A"), id="a name and a target"),
        pytest.param("v1.2=iris:1", ("v1.2", "iris:1"), id="a name may have dots"),
        pytest.param("x:A", (None, "x:A"), id="a target alone has no name"),
        pytest.param("a/b=x:A", (None, "a/b=x:A"), id="a path is no name"),
        pytest.param("a=", (None, "a="), id="nothing is no target"),
        pytest.param("=x:A", (None, "=x:A"), id="nothing is no name"),
        pytest.param("odd=name.py:A", (None, "odd=name.py:A"), id="a file that is there is not taken apart"),
        pytest.param(Ham, (None, Ham), id="a class has no name before it"),
    ],
)
def test_named(tmp_path: Path, target: Any, expected: tuple[str | None, Any]) -> None:
    """`NAME=TARGET` is read by its first sign."""
    (tmp_path / "odd=name.py").touch()
    assert named(target, tmp_path) == expected


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        pytest.param([Ham, Ham], "two services would stand at /Ham: `Ham` and `Ham`.*NAME=Ham", id="one name twice"),
        pytest.param({"Ham": Egg, "b": Ham, "docs": Ham}, "cannot stand at /docs.*my-docs=Ham", id="a page's name"),
        pytest.param({"a b": Ham}, "must be letters, digits, .*: 'a b'", id="a blank"),
        pytest.param({"a/b": Ham}, "must be letters, digits, .*: 'a/b'", id="two segments"),
        pytest.param({"..": Ham}, "must be letters, digits, .*: '\\.\\.'", id="a way up"),
        pytest.param({"": Ham}, "must be letters, digits, .*: ''", id="no letter"),
        pytest.param({"{x}": Ham}, "must be letters, digits, .*: '{x}'", id="a parameter"),
    ],
)
def test_places(targets: Any, words: str) -> None:
    """A name that is no place of its own is refused, with what to write."""
    with pytest.raises(ConfigError) as caught:
        load(targets)
    assert re.search(words, f"{caught.value} {caught.value.hint}")


@pytest.mark.parametrize("targets", [[], {}, ()])
def test_nothing(targets: Any) -> None:
    """An empty list is refused."""
    with pytest.raises(ServiceLoadError, match="no target is given"):
        load(targets)


def test_names_are_text() -> None:
    """A name that is a number is refused."""
    with pytest.raises(ServiceLoadError, match="must be text: 1"):
        stands({1: Ham}, Path())  # type: ignore[dict-item]  # that is the point


def test_a_wrong_one() -> None:
    """What is wrong with one of several is said of that one."""
    with pytest.raises(ServiceLoadError, match="`nowhere:A` is neither"):
        load([Ham, "nowhere:A"])
    with pytest.raises(ServiceLoadError, match=r"a service, a stored model or text .*: 3"):
        load([Ham, 3])


class TestOfTheServer:
    """What is of the server as a whole is what all say that say something."""

    def test_agreed(self) -> None:
        one, other = made(workers=2, http={"port": 5000}), made(layout="replicas", http={"port": 5000})
        spec = load({"a": one, "b": other, "c": Ham}).spec
        assert (spec.workers, spec.layout, spec.http.port, spec.http.host) == (2, Layout.REPLICAS, 5000, None)
        assert (load([Ham, Egg]).spec.workers, load([Ham, Egg]).spec.layout) == (1, None)

    @pytest.mark.parametrize(
        ("one", "other", "words", "hint"),
        [
            pytest.param({"workers": 2}, {"workers": 1}, "`workers` is of the whole", "--workers", id="workers"),
            pytest.param({"http": {"port": 1}}, {"http": {"port": 2}}, "`http.port` is of", "--port", id="port"),
            pytest.param(
                {"layout": "inline"}, {"layout": "replicas"}, "`layout` is of the whole", "--layout", id="layout"
            ),
        ],
    )
    def test_differ(self, one: dict[str, Any], other: dict[str, Any], words: str, hint: str) -> None:
        """An app for tests is not asked, and so the first counts; whatever listens refuses it."""
        stall = load({"a": made(**one), "b": made(**other)})
        with pytest.raises(ConfigError, match=words) as caught:
            check_server(stall)
        assert "`a` and `b` differ" in str(caught.value)
        assert hint in str(caught.value.hint)

    def test_typed(self) -> None:
        """What changes each service, as an option of the command line does, settles what they differ in."""
        one, other = made(workers=2), made(workers=3)
        four = load({"a": one, "b": other}, change=lambda bound: replace(bound, spec=replace(bound.spec, workers=4)))
        check_server(four)
        assert four.spec.workers == 4

    def test_tls(self) -> None:
        """Certificates must be the same wherever they are served."""
        one, other = (made(ssl={"enabled": True, "certfile": name}) for name in ("a.pem", "b.pem"))
        assert load({"a": one, "b": one, "c": Ham}).spec.http.tls is not None
        with pytest.raises(ConfigError, match="`ssl` is of the whole server"):
            load({"a": one, "b": other})

    def test_apart(self) -> None:
        with pytest.raises(ConfigError, match=r"must be inline or replicas for several services.*'apart'"):
            check_server(load([Ham, made(layout="apart")]))
        check_server(load(made(layout="apart")))

    def test_limits_and_gpus(self) -> None:
        """Heads may be as long as the most patient service takes; a worker sees as many GPUs as the greediest asks."""
        one = made(resources={"gpu": 1}, traffic={"kill_after": 9})
        other = made(resources={"gpu": 2})
        spec = load({"a": one, "b": other}).spec
        assert (spec.resources, spec.limits.kill_after) == ({"gpu": 2}, 9)
        assert (spec.limits.max_headers, spec.limits.max_header_size) == (100, 64 * 1024)

    def test_style(self) -> None:
        """Services of one style are answered in it as a whole, others in ours."""
        old = replace(load(Ham), spec=replace(load(Ham).spec, style=Style(server_header="old")))
        both = [Stand("a", Ham, old), Stand("b", Ham, old)]
        assert join(both).spec.style == Style(server_header="old")
        assert join([*both, Stand("c", Ham, load(Ham))]).spec.style == Style()

    def test_environment(self) -> None:
        """One process has one environment: a variable that two want differently is refused."""
        one, other = made(envs=[{"name": "SPEED", "value": "1"}]), made(envs=[{"name": "SPEED", "value": "2"}])
        assert load({"a": one, "b": one}).services
        with pytest.raises(ConfigError, match="`a` and `b` set the variable SPEED differently"):
            load({"a": one, "b": other})


def test_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File and environment speak of all, or of one by the name of its class."""
    (tmp_path / "ekiben.yaml").write_text("traffic: {timeout: 5}\nservices: {egg: {threads: 2}, Ham: {threads: 3}}\n")
    monkeypatch.setenv("EKIBEN_SERVICES__HAM__TRAFFIC__TIMEOUT", "7")
    ham, egg = load({"a": Ham, "b": Egg}, folder=tmp_path).services
    assert (ham.spec.threads, ham.spec.limits.timeout) == (3, 7)
    assert (egg.spec.threads, egg.spec.limits.timeout) == (2, 5)
