"""Instances and what they depend on: made once, dependencies first, closed in the end."""

import subprocess
import sys
from typing import Any

import pytest

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.engine import instance as instances
from ekiben.engine.remote import connect

made: list[str] = []


@ekiben.service
class Deep:
    """Both others depend on it."""

    def __init__(self) -> None:
        made.append("deep")

    @ekiben.api
    def number(self) -> int:
        return 3


@ekiben.service
class Left:
    deep = ekiben.depends(Deep)

    def __init__(self) -> None:
        made.append("left")

    @ekiben.api
    def double(self) -> int:
        return self.deep.number() * 2


@ekiben.service
class Top:
    left = ekiben.depends(Left)
    deep = ekiben.depends(Deep)

    def __init__(self) -> None:
        made.append("top")
        self.at_start = self.left.double()

    @ekiben.api
    def sum(self) -> int:
        return self.left.double() + self.deep.number()


def bound(cls: Any) -> Any:
    return cls.__ekiben_service__()


def test_diamond() -> None:
    """A service on which two others depend is made once, before them, and is there in their `__init__`."""
    made.clear()
    top = instances.make(bound(Top))
    assert made == ["deep", "left", "top"]
    assert (top.target.at_start, top.target.sum()) == (6, 9)
    assert top.target.deep is top.target.left.deep
    assert [one.bound.spec.name for one in instances.every(top)] == ["Deep", "Left", "Top"]


def test_two_services_of_one_name() -> None:
    """Two different services with one name are refused; the error says where both are."""

    @ekiben.service(name="Deep")
    class Other:
        @ekiben.api
        def call(self) -> None:
            """Do nothing."""

    @ekiben.service
    class Both:
        one = ekiben.depends(Deep)
        two = ekiben.depends(Other)

    with pytest.raises(ConfigError, match=r"two services are called `Deep`: .*:Deep and .*Other"):
        instances.make(bound(Both))


def test_remote() -> None:
    """A dependency at an address is a client, which is closed with the instance."""

    @ekiben.service
    class Far:
        other = ekiben.depends(url="http://localhost:9")

    instance = instances.make(bound(Far))
    [client] = instance.clients
    assert instance.target.other is client.handle
    assert client.is_ready() is False
    instances.close(instance)
    with pytest.raises(RuntimeError):
        client.is_ready()


def test_remote_scheme() -> None:
    """Only servers that speak HTTP are reached."""
    with pytest.raises(ConfigError, match="`url` must begin with http:// or https://: 'ftp://x'"):
        connect("ftp://x")


def test_no_client_without_need() -> None:
    """A service that calls no other server does not load an HTTP client."""
    script = "import sys, ekiben.engine.local, ekiben.services.load; print('httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
