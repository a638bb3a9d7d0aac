"""`@service` keeps the class as it is, and reads it: inheritance, models, dependencies, hooks."""

import inspect
from dataclasses import dataclass
from typing import Any

import cloudpickle
import pytest

import ekiben
from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.core.spec import BoundService, Dependency
from ekiben.services.load import load


def bound(cls: Any) -> BoundService:
    found: BoundService = cls.__ekiben_service__()
    return found


def routes(cls: Any) -> list[str]:
    return [endpoint.name for endpoint in bound(cls).spec.endpoints]


@ekiben.service
class Base:
    """A service to inherit from."""

    factor = 2

    @property
    def never(self) -> int:
        raise AssertionError("a property was called")

    @ekiben.api(route="/scaled", timeout=7)
    def scale(self, number: int) -> int:
        return number * self.factor

    @ekiben.api
    def other(self) -> str:
        return "base"


def test_the_class_stays() -> None:
    """A decorated class is the same class: made, called and looked at as before."""

    class Plain:
        @ekiben.api
        def run(self, a: int) -> int:
            return a

    assert ekiben.service(Plain) is Plain
    assert ekiben.service()(Plain) is Plain
    assert Plain().run(3) == 3
    assert str(inspect.signature(Plain.run)) == "(self, a: int) -> int"


def test_pickling() -> None:
    """A service's instance travels by cloudpickle, and a class of `__main__` by value."""
    copy = cloudpickle.loads(cloudpickle.dumps(Base()))
    assert copy.scale(4) == 8


def test_inheriting() -> None:
    """A service that inherits has its base's endpoints; an overriding method stands in the place of its base's."""

    @ekiben.service
    class Child(Base):
        factor = 3

        def scale(self, number: int, plus: int = 1) -> int:
            return super().scale(number) + plus

        other = None  # type: ignore[assignment]  # takes the endpoint away

        @ekiben.api
        def more(self) -> int:
            return 1

    assert routes(Child) == ["scale", "more"]
    scale = bound(Child).spec.endpoints[0]
    assert (scale.route, scale.timeout, list(scale.input["properties"])) == ("/scaled", 7, ["number", "plus"])
    assert bound(Child).create({}).scale(2) == 7
    assert routes(Base) == ["scale", "other"]


def test_an_heir_is_no_service_yet() -> None:
    """A class that merely inherits from a service is not served as its base."""

    class Child(Base):
        pass

    with pytest.raises(ServiceLoadError, match="`Child` inherits from the service `Base`"):
        load(Child)
    with pytest.raises(ConfigError, match="takes a class decorated with `@service`"):
        ekiben.depends(Child)


def test_dataclasses() -> None:
    """A dataclass with slots is a service where `@service` stands above; below, the error says so."""

    @ekiben.service
    @dataclass(slots=True)
    class Above:
        a: int = 1

        @ekiben.api
        def run(self) -> int:
            return self.a

    assert bound(Above).create({}).run() == 1

    @dataclass(slots=True)
    @ekiben.service
    class Below:
        a: int = 1

        @ekiben.api
        def run(self) -> int:
            return self.a

    with pytest.raises(ServiceLoadError, match="is a copy that another class decorator made") as caught:
        load(Below)
    assert caught.value.hint == "write `@ekiben.service` above the other decorators"


@ekiben.service(cmd=["serve"])
class Foreign:
    """A server of another program."""


class Needs:
    def __init__(self, path: str, size: int = 1) -> None:
        self.path = path


class Slots:
    __slots__ = ()
    base = ekiben.depends(Base)


class BadHook:
    @ekiben.on_startup
    def begin(self, what: int) -> None:
        """Take too much."""


class BadDeployment:
    @ekiben.on_deployment
    def prepare(self) -> None:
        """Need an instance."""


class BadProbe:
    __is_ready__ = True


class BadCommand:
    def __command__(self, port: int) -> list[str]:
        return ["serve"]


class OnCommand:
    foreign = ekiben.depends(Foreign)


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (Needs, "`Needs` must be made without arguments; its `__init__` needs `path`"),
        (Slots, "`Slots` has `__slots__` and no room for `base`"),
        (BadHook, "`BadHook.begin` is a hook and must take no parameter: `what`"),
        (BadDeployment, "`BadDeployment.prepare` runs before there is an instance and must be static"),
        (BadProbe, "`BadProbe.__is_ready__` must be a method without parameters: True"),
        (BadCommand, "`BadCommand.__command__` must be a method without parameters"),
        (OnCommand, "`OnCommand.foreign` depends on `Foreign`, whose command needs a server of its own"),
        (3, "`@service` takes a class: 3"),
    ],
    ids=str,
)
def test_what_cannot_be_a_service(cls: Any, words: str) -> None:
    """A class that cannot be served is refused where it stands, by the member that is wrong."""
    with pytest.raises(ConfigError) as caught:
        ekiben.service()(cls)
    assert words in str(caught.value)


def test_models_and_dependencies() -> None:
    """Stored models and other services among the attributes are part of the spec, by exact tag and digest."""
    with ekiben.models.create("words") as model:
        (model.path / "words.txt").write_text("a b")

    @ekiben.service
    class Reader:
        words = ekiben.models.get("words:latest")
        base = ekiben.depends(Base)
        far = ekiben.depends(url="http://localhost:3001")

        @ekiben.api
        def run(self) -> int:
            return self.base.scale(2)

    spec = bound(Reader).spec
    [ref] = spec.models
    assert (ref.attribute, ref.resolved, ref.digest) == ("words", str(model.tag), model.digest)
    assert spec.dependencies == (
        Dependency("base", service="Base"), Dependency("far", url="http://localhost:3001"),
    )  # fmt: skip
    assert Reader().run() == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "takes either a service class or `url`"),
        ({"on": Base, "url": "http://x"}, "takes either a service class or `url`"),
        ({"on": int}, "takes a class decorated with `@service`: <class 'int'>"),
        ({"url": "localhost:3001"}, "`url` must be the address of a server: 'localhost:3001'"),
        ({"url": "ftp://x"}, "`url` must be the address of a server: 'ftp://x'"),
        ({"url": "http://"}, "`url` must be the address of a server: 'http://'"),
    ],
    ids=str,
)
def test_wrong_dependencies(arguments: dict[str, Any], words: str) -> None:
    """What cannot be depended on is refused at once."""
    with pytest.raises(ConfigError) as caught:
        ekiben.depends(**arguments)
    assert words in str(caught.value)


def test_a_method_without_self_is_refused() -> None:
    """A method that forgets its instance is refused at once, not served without its first parameter."""
    with pytest.raises(ConfigError, match=r"must take its instance first") as caught:

        @ekiben.service
        class Forgetful:
            @ekiben.api
            def double(x: int) -> int:  # noqa: N805 - the mistake under test
                return x * 2

    assert caught.value.hint == "write `self` as the first parameter"
