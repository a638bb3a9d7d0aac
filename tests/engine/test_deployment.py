"""What runs once before several workers, and the service that they get then."""

import os

import pytest

import ekiben
from ekiben.core.errors import ServiceLoadError
from ekiben.engine.deployment import deploy, without_deployment
from ekiben.engine.instance import deployment_hooks

NOTES: list[str] = []


@ekiben.service
class Inner:
    @ekiben.on_deployment
    @staticmethod
    def prepare() -> None:
        NOTES.append("inner")

    @ekiben.api
    def one(self) -> int:
        return 1


@ekiben.service(envs=[{"name": "DEPLOYED_WITH", "value": "it"}])
class Outer:
    inner = ekiben.depends(Inner)

    @ekiben.on_deployment
    @staticmethod
    async def prepare() -> None:
        NOTES.append(f"outer with {os.environ['DEPLOYED_WITH']}")

    @ekiben.api
    def two(self) -> int:
        return 2


@ekiben.service
class Broken:
    @ekiben.on_deployment
    @staticmethod
    def prepare() -> None:
        raise KeyError("no bucket")

    @ekiben.api
    def one(self) -> int:
        return 1


def test_hooks_run_once() -> None:
    """Hooks run, sync and async, those of dependencies first, with the service's variables; workers have none left."""
    NOTES.clear()
    bound = Outer.__ekiben_service__()
    deploy(bound)
    assert NOTES == ["inner", "outer with it"]
    assert "DEPLOYED_WITH" not in os.environ
    assert len(list(deployment_hooks(bound))) == 2
    assert list(deployment_hooks(without_deployment(bound))) == []
    deploy(without_deployment(bound))
    assert NOTES == ["inner", "outer with it"]


def test_a_hook_that_fails() -> None:
    """What a hook raises is told as any failure of the start is."""
    with pytest.raises(ServiceLoadError, match="`Broken` cannot start: KeyError: 'no bucket'"):
        deploy(Broken.__ekiben_service__())
