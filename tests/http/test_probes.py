"""Probes tell the truth about process and service, and the user's own say is heard without the event loop."""

import asyncio
import threading
from typing import Any

import httpx
import pytest

import ekiben
from ekiben.core.spec import Style
from ekiben.http.app import App
from tests.http.within import asking, bound, started


def made(alive: Any = None, ready: Any = None) -> Any:
    """Make a service class with health methods."""

    class Own:
        @ekiben.api
        def one(self) -> int:
            return 1

    if alive is not None:
        Own.__is_alive__ = alive  # type: ignore[attr-defined]
    if ready is not None:
        Own.__is_ready__ = ready  # type: ignore[attr-defined]
    return ekiben.service(name="own")(Own)


def fails(self: Any) -> bool:
    raise RuntimeError("broken")


async def later(self: Any) -> bool:
    await asyncio.sleep(0)
    return False


@pytest.mark.parametrize(
    ("service", "alive", "ready"),
    [
        pytest.param(made(), 200, 200, id="a service that says nothing is well"),
        pytest.param(made(alive=lambda self: False), 503, 200, id="its own method can deny life"),
        pytest.param(made(ready=lambda self: None), 200, 503, id="its own method can deny readiness"),
        pytest.param(made(alive=fails, ready=fails), 503, 503, id="a method that raises says no"),
        pytest.param(made(ready=later), 200, 503, id="it may be async"),
    ],
)
async def test_probes(service: Any, alive: int, ready: int) -> None:
    async with asking(service) as client:
        answers = [await client.get(path) for path in ("/livez", "/healthz", "/readyz")]
    assert [answer.status_code for answer in answers] == [alive, alive, ready]
    assert {answer.text for answer in answers} == {"\n"}


@pytest.mark.parametrize(
    ("style", "healthz"),
    [
        pytest.param(Style(), 200, id="of being alive"),
        pytest.param(Style(healthz="readyz"), 503, id="of being ready, where there was no other"),
    ],
)
async def test_healthz_is_another_name(style: Style, healthz: int) -> None:
    """`/healthz` says what the style makes it another name of, and OpenAPI says which."""
    app = App(bound(made(ready=lambda self: False), style=style))
    async with started(app):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            answers = [(await client.get(path)).status_code for path in ("/livez", "/healthz", "/readyz")]
            paths = (await client.get("/openapi.json")).json()["paths"]
    assert answers == [200, healthz, 503]
    same = "/readyz" if healthz == 503 else "/livez"
    assert paths["/healthz"]["get"]["summary"] == paths[same]["get"]["summary"]


async def test_the_users_method_runs_off_the_loop() -> None:
    """A sync health method runs in a thread, so that one that hangs stops nobody."""
    ran_in: list[threading.Thread] = []
    async with asking(made(ready=lambda self: ran_in.append(threading.current_thread()) or True)) as client:
        assert (await client.get("/readyz")).status_code == 200
    assert ran_in[0] is not threading.main_thread()


async def test_health_answers_while_the_model_computes() -> None:
    """Twenty health answers arrive before one slow predict does."""
    release = threading.Event()

    class Busy:
        @ekiben.api
        def predict(self) -> str:
            release.wait(60)
            return "done"

    async with started(App(bound(ekiben.service(name="busy")(Busy)))) as app:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x", timeout=60) as client:
            predict = asyncio.create_task(client.post("/predict"))
            for _ in range(20):
                assert (await client.get("/readyz")).status_code == 200
                assert not predict.done()
            release.set()
            assert (await predict).text == "done"


@pytest.mark.parametrize(
    ("healthz", "before"),
    [pytest.param("livez", 200, id="of the process"), pytest.param("readyz", 503, id="of the service")],
)
async def test_what_healthz_asks(healthz: str, before: int) -> None:
    """`/healthz` is the probe that the style says: of the process, or of the service, which still starts here."""
    release = threading.Event()

    @ekiben.service(name="slow")
    class Slow:
        def __init__(self) -> None:
            release.wait(60)

        @ekiben.api
        def one(self) -> int:
            return 1

    failures: list[BaseException] = []
    ready = asyncio.Event()
    service = bound(Slow, style=Style(healthz=healthz))
    async with started(App(service, on_failure=failures.append, on_ready=ready.set)) as app:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:3000") as client:
            found = [(await client.get(path)).status_code for path in ("/healthz", "/livez", "/readyz")]
            release.set()
            async with asyncio.timeout(60):
                await ready.wait()
            after = [(await client.get(path)).status_code for path in ("/healthz", "/livez", "/readyz")]
            described = (await client.get("/docs.json")).json()["paths"]
    assert (found, after, failures) == ([before, 200, 503], [200, 200, 200], [])
    other = described[f"/{healthz}"]["get"]["summary"]
    assert described["/healthz"]["get"]["summary"] == other
