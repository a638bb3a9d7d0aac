"""A service may change the text of its metrics, and may not break the page by it."""

import threading
from typing import Any

import pytest

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.core.spec import BoundService, Layout
from ekiben.engine.layout import choose
from ekiben.http.app import App
from ekiben.http.pages import changer
from ekiben.testing import client


def made(method: Any, **options: Any) -> Any:
    """Make a service whose metrics are changed by *method*."""
    body = {"x": ekiben.api(batchable=True)(double), "__metrics__": method}
    return ekiben.service(name="own", **options)(type("Own", (), body))


def double(self: Any, x: list[int]) -> list[int]:
    return [2 * each for each in x]


ran_in: list[str] = []


def added(self: Any, text: str) -> str:
    ran_in.append(threading.current_thread().name)
    assert "ekiben_request_total" in text
    return text + "mine 1.0\n"


async def replaced(self: Any, text: str) -> str:
    return "only 2.0\n"


def fails(self: Any, text: str) -> str:
    raise RuntimeError("broken")


def test_a_method_changes_the_text() -> None:
    """What the method gives is shown; a plain one runs on a thread, an async one on the loop."""
    with client(made(added)) as found:
        found.x(x=[1])
        text = found.request("GET", "/metrics").text
        assert text.endswith("mine 1.0\n")
        assert "MainThread" not in ran_in
    with client(made(replaced)) as found:
        assert found.request("GET", "/metrics").text == "only 2.0\n"


def test_a_method_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A method that raises costs the page, is logged, and leaves the service as it was."""
    with client(made(fails)) as found:
        assert found.request("GET", "/metrics").status_code == 500
        assert found.x(x=[2]) == [4]
    assert "broken" in caplog.text


@pytest.mark.parametrize("method", [None, "x", lambda self: "", lambda self, a, b: a], ids=["none", "text", "0", "2"])
def test_a_method_of_another_form(method: Any) -> None:
    """What is no method of one text is refused when the class is decorated."""
    with pytest.raises(ConfigError, match=r"`Own.__metrics__` must be a method that takes one text"):
        made(method)


def test_the_instance_has_to_be_there() -> None:
    """Workers keep whole processes for it, and `apart` is refused."""
    bound: BoundService = made(added, workers=2).__ekiben_service__()
    assert choose(bound.spec, 2, "linux", mounts=bool(bound.hooks.metrics)) is Layout.REPLICAS
    assert choose(bound.spec, 2, "linux") is Layout.APART
    with pytest.raises(ConfigError, match="`layout: apart` keeps out of the process that answers"):
        changer(bound, Elsewhere())
    assert changer(made(added).__ekiben_service__(), App(bound).dispatcher) is not None


class Elsewhere:
    """A dispatcher whose instance is in another process."""

    is_ready = True

    async def ask(self, what: str) -> bool:
        return True
