"""A `BentoService` becomes a service of Ekiben's, whose engine joins the requests of its APIs."""

import asyncio
import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bentoml
import httpx
import numpy as np
import pandas as pd
import pytest
from bentoml.adapters import DataframeInput, JsonInput
from bentoml.bundles.bind import bind, rebatched
from bentoml.front import STYLE_OF_BUNDLES

from compat.bentoml.tests.bundles import flowers
from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.core.spec import Convention
from ekiben.engine.messages import Call
from ekiben.http.app import App
from ekiben.tools.batch.endpoint import started
from tests.house.tree import ROOT
from tests.servers import Running, serving

TARGET = "compat.bentoml.tests.bundles.flowers:Flowers"
SOURCES = {"PYTHONPATH": str(ROOT / "compat" / "bentoml" / "src")}


def test_the_spec() -> None:
    """Each API is an endpoint by POST and GET, with its convention, its batches and its words."""
    spec = bind(flowers.Flowers()).spec
    found = {endpoint.name: endpoint for endpoint in spec.endpoints}
    assert (spec.name, spec.version, spec.doc) == ("Flowers", "20261121_ABC", "Say things of flowers.")
    assert spec.style == STYLE_OF_BUNDLES
    predict = found["predict"]
    assert (predict.route, predict.methods, predict.doc) == ("/predict", ("POST", "GET"), "Sum each row.")
    assert predict.convention is Convention.STACKED
    assert predict.batch is not None
    assert (predict.batch.max_size, predict.batch.max_latency, predict.batch.max_wait) == (4000, 20.0, 0.0)
    assert found["sizes"].convention is Convention.LISTED
    assert found["picky"].convention is Convention.LISTED  # a function that takes tasks sees requests, not rows
    assert (found["one"].convention, found["one"].batch) == (Convention.ONE_VALUE, None)
    assert found["elsewhere"].route == "/v1/there"
    assert [name for name, endpoint in found.items() if endpoint.methods == ("GET",)] == ["metadata"]


def test_a_class_is_made_when_it_starts() -> None:
    """Of a class, the instance is made by the server, once."""
    made = []

    class Late:
        def __init__(self) -> None:
            made.append(self)

        @bentoml.api(input=JsonInput())
        def say(self, value: Any) -> Any:
            return value

    bound = bind(Late)
    assert (made, bound.spec.name, bound.spec.version) == ([], "Late", None)
    assert bound.create({}).call_say(3) == 3
    assert len(made) == 1


def test_what_cannot_be_bound() -> None:
    """A class without APIs, and two APIs in one place, are refused with words."""

    class Empty:
        """Do nothing."""

    with pytest.raises(ServiceLoadError, match="`Empty` has no inference API"):
        bind(Empty)

    class Twice:
        @bentoml.api(input=JsonInput(), route="same")
        def first(self, value: Any) -> Any:
            return value

        @bentoml.api(input=JsonInput(), route="/same")
        def second(self, value: Any) -> Any:
            return value

    with pytest.raises(ConfigError, match="has the route of the endpoint"):
        bind(Twice)

    class Taken:
        @bentoml.api(input=JsonInput(), route="metrics")
        def first(self, value: Any) -> Any:
            return value

    with pytest.raises(ConfigError, match="has the route of the metrics"):
        bind(Taken)


def test_other_limits() -> None:
    """The limits of batches can be set from outside; what does not batch is let be."""
    bound = rebatched(bind(flowers.Flowers()), 10, 500)
    batches = [endpoint.batch for endpoint in bound.spec.endpoints if endpoint.batch is not None]
    assert {(batch.max_size, batch.max_latency) for batch in batches} == {(10, 0.5)}
    assert next(endpoint for endpoint in bound.spec.endpoints if endpoint.name == "one").batch is None
    same = rebatched(bind(flowers.Flowers()))
    assert same.spec == bind(flowers.Flowers()).spec


async def submit_together(name: str, values: list[Any], *, bound: Any = None) -> list[Any]:
    """Submit calls that wait while one is inside; give their answers, the first one's left out."""
    flowers.HELD.clear()
    flowers.INSIDE.clear()
    async with started(bound or bind(flowers.Flowers())) as dispatcher:
        first = asyncio.create_task(dispatcher.submit(Call(name, (values[0],), {})))
        await asyncio.to_thread(flowers.INSIDE.wait, 30)
        rest = [asyncio.create_task(dispatcher.submit(Call(name, (value,), {}))) for value in values[1:]]
        await asyncio.sleep(0)
        flowers.HELD.set()
        await first
        return list(await asyncio.gather(*rest))


def frame(rows: int, columns: str = "ab") -> pd.DataFrame:
    """Make a frame of zeros."""
    return pd.DataFrame(np.zeros((rows, len(columns))), columns=list(columns))


async def test_rows_that_wait_are_joined() -> None:
    """Rows of requests that wait together are one frame; each request gets its own results back."""
    found = await submit_together("together", [frame(1), frame(1), frame(3), frame(2)])
    assert found == [[6], [6, 6, 6], [6, 6]]


async def test_rows_that_differ_run_apart() -> None:
    """Rows of other columns, and requests without rows, go by themselves."""
    found = await submit_together("together", [frame(1), frame(2, "xy"), frame(0), frame(1)])
    assert found == [[2, 2], [], [1]]


async def test_a_batch_is_no_larger_than_allowed() -> None:
    """`mb_max_batch_size` counts rows."""
    bound = rebatched(bind(flowers.Flowers()), 4)
    found = await submit_together("together", [frame(1), frame(3), frame(3), frame(1)], bound=bound)
    assert max(max(part) for part in found) <= 4
    assert [len(part) for part in found] == [3, 3, 1]


async def test_a_large_request_is_cut() -> None:
    """A request of more rows than a batch may have runs in pieces, and is answered as a whole."""
    async with started(rebatched(bind(flowers.Flowers()), 4)) as dispatcher:
        assert await dispatcher.submit(Call("together", (frame(10),), {})) == [4, 4, 4, 4, 4, 4, 4, 4, 2, 2]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serving(TARGET, "--workers", "2", cwd=ROOT, env=SOURCES) as found:
        yield found


def test_served_by_several_processes(running: Running) -> None:
    """Two workers answer requests at the same time, rows and tasks alike."""

    def predict(row: int) -> httpx.Response:
        return httpx.post(f"{running.url}/predict", json=[[row, 1]] * (row % 4), timeout=60, trust_env=False)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(predict, range(40)))
    assert [answer.json() for answer in found] == [[row + 1] * (row % 4) for row in range(40)]
    assert found[0].headers["server"] == "BentoML Service/Flowers"
    answer = running.http.post("/single", json=1, headers={"x-user": "me"})
    assert answer.json() == ["POST", "me", "application/json"]
    refused = [running.http.post("/judged", json=value) for value in (-1, 2)]
    assert [(each.status_code, each.text) for each in refused] == [(418, "-1 is below nothing"), (200, "4")]
    shouted = running.http.post("/shout?x=2", content=b"hi", headers={"x-who": "you"})
    assert (shouted.status_code, shouted.text) == (201, "<a>HI from you x=2</a>")
    assert running.http.request("GET", "/predict", content=b"[[1, 1]]").json() == [2]
    assert running.http.get("/metadata").json()["name"] == "Flowers"
    assert running.http.post("/feedback", json={"a": 1}).text == "success"
    broken = running.http.post("/predict", content=b"[", headers={"content-type": "application/json"})
    assert (broken.status_code, broken.headers["content-type"].partition(";")[0]) == (400, "text/plain")


def test_metrics_have_the_names_of_then(running: Running) -> None:
    """Metrics begin with BENTOML and the service's name."""
    running.http.post("/predict", json=[[1]])
    text = running.http.get("/metrics").text
    assert 'BENTOML_Flowers_request_total{endpoint="/predict"' in text


def test_a_row_api_of_a_joined_series() -> None:
    """`typ="series"` joins single values."""

    class Series:
        @bentoml.api(input=DataframeInput(typ="series"), batch=True)
        def double(self, values: pd.Series) -> Any:
            return values * 2

    bound = bind(Series)
    made = bound.create({})
    assert list(made.call_double(pd.Series([1, 2]))) == [2, 4]
    assert made.call_double(pd.Series([], dtype=object)) == []


def test_names_that_we_use_ourselves() -> None:
    """An API may be named as what holds it here; a decorator of the user's below or above it is kept."""

    def louder(function: Any) -> Any:
        def call(self: Any, value: Any) -> Any:
            return [function(self, value)]

        return call

    def kept(function: Any) -> Any:
        @functools.wraps(function)
        def call(self: Any, value: Any) -> Any:
            return {"kept": function(self, value)}

        return call

    class Odd:
        @bentoml.api(input=JsonInput())
        def service(self, value: Any) -> Any:
            return value

        @bentoml.api(input=JsonInput(), api_name="apis")
        @louder
        def below(self, value: Any) -> Any:
            return value

        @kept
        @bentoml.api(input=JsonInput())
        def above(self, value: Any) -> Any:
            return value

    bound = bind(Odd)
    made = bound.create({})
    found = {name: getattr(made, bound.methods[name])(1) for name in ("service", "apis", "above")}
    assert found == {"service": 1, "apis": [1], "above": {"kept": 1}}


def test_values_go_the_fast_lane() -> None:
    """Nothing keeps plain APIs off the fast lane; those that see whole requests go through the app."""
    app = App(bind(flowers.Flowers()))
    assert app.obstacle is None
    assert {b"/predict", b"/one", b"/files", b"/shapes"} <= set(app.routes)
    assert {b"/picky", b"/shout", b"/feedback", b"/metadata"}.isdisjoint(app.routes)
