"""One little service in four dialects is one service: equal specs, equal answers, equal OpenAPI paths."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import httpx
import pytest

from compat.bentoml.tests.same_service import bundles, classes, native, runners
from ekiben.core.spec import BatchSpec, BoundService, EndpointSpec
from ekiben.testing import client

DIALECTS = {"classes": classes, "runners": runners, "bundles": bundles}
BATCHING = ("PLAIN", "BATCHED")
# What a dialect shows on the wire; 1.0 had no docs of a service, as many workers as cores, and threads for
# functions that are not async; 0.13 gave each service a version before it was built, and listened on port 5000.
FREE = {
    "style": {"classes", "runners", "bundles"},
    "doc": {"runners"},
    "workers": {"runners"},
    "threads": {"runners"},
    "version": {"bundles"},
    "http": {"bundles"},
}
# 0.13 answers GET too, and its adapters take other forms of an array than we do, which their schemas say; a frame is
# joined as frames are. Its `/metadata` and `/feedback` were part of each service.
FREE_OF_ENDPOINT = {"bundles": {"input", "output", "methods", "convention"}}
OWN_ENDPOINTS = {"bundles": {"metadata", "feedback"}}
# In 1.0 it is the runner that batches, a service behind the service.
BATCHES_BEHIND = {"runners"}

REQUESTS = [
    pytest.param("[[1, 2], [3, 4]]", 200, [[2, 4], [6, 8]], id="whole numbers"),
    pytest.param("[[0.5, -1.25]]", 200, [[1.0, -2.5]], id="fractions"),
    pytest.param("[[1], [2], [3]]", 200, [[2], [4], [6]], id="one column"),
    pytest.param("[[1, 2", 400, None, id="no JSON"),
]


def bound(dialect: Any, batching: str) -> BoundService:
    found: BoundService = getattr(dialect, batching).__ekiben_service__()
    return found


def endpoint(service: BoundService) -> EndpointSpec:
    return next(each for each in service.spec.endpoints if each.name == "double")


def plain(spec: EndpointSpec, name: str) -> dict[str, Any]:
    """Give what has to be equal of an endpoint."""
    free = FREE_OF_ENDPOINT.get(name, set()) | ({"batch"} if name in BATCHES_BEHIND else set())
    return {key: value for key, value in asdict(spec).items() if key not in free}


@pytest.mark.parametrize("batching", BATCHING)
@pytest.mark.parametrize("name", DIALECTS)
def test_equal_specs(name: str, batching: str) -> None:
    """The spec is that of the native service, but for names, style and what the dialect itself had more."""
    ours, theirs = bound(native, batching), bound(DIALECTS[name], batching)
    free = {key for key, dialects in FREE.items() if name in dialects} | {"endpoints", "dependencies"}
    first, second = asdict(ours.spec), asdict(theirs.spec)
    assert {key for key in first if first[key] != second[key] and key not in free} == set()
    assert plain(endpoint(theirs), name) == {
        key: value for key, value in asdict(endpoint(ours)).items() if key in plain(endpoint(theirs), name)
    }
    assert {each.name for each in theirs.spec.endpoints} == {"double", *OWN_ENDPOINTS.get(name, ())}


@pytest.mark.parametrize("name", ["native", *DIALECTS])
def test_equal_batches(name: str) -> None:
    """Batching means the same: sizes, waits and axes."""
    service = bound({"native": native, **DIALECTS}[name], "BATCHED")
    if name in BATCHES_BEHIND:
        [bind] = service.dependencies.values()
        service = bind()
    assert endpoint(service).batch == BatchSpec(max_size=16, max_wait=0.0, max_latency=5.0, in_axis=0, out_axis=0)
    assert endpoint(bound({"native": native, **DIALECTS}[name], "PLAIN")).batch is None


@pytest.mark.parametrize("batching", BATCHING)
@pytest.mark.parametrize("name", ["native", *DIALECTS])
def test_equal_paths(name: str, batching: str) -> None:
    """OpenAPI has the same paths with the same words, and besides them only what the dialect itself had."""
    documents = {}
    for each, module in (("ours", native), ("theirs", {"native": native, **DIALECTS}[name])):
        with client(getattr(module, batching)) as asked:
            documents[each] = asked.request("GET", "/docs.json").json()["paths"]
    own = {f"/{each}" for each in OWN_ENDPOINTS.get(name, ())}
    assert documents["theirs"].keys() - own == documents["ours"].keys()
    ours, theirs = (documents[each]["/double"]["post"] for each in ("ours", "theirs"))
    assert (theirs.get("summary"), theirs.get("description")) == (ours.get("summary"), ours.get("description"))


@pytest.mark.parametrize(("body", "status", "expected"), REQUESTS)
@pytest.mark.parametrize("batching", BATCHING)
@pytest.mark.parametrize("name", ["native", *DIALECTS])
def test_equal_answers(name: str, batching: str, body: str, status: int, expected: Any) -> None:
    """The same request has the same answer."""
    with client(getattr({"native": native, **DIALECTS}[name], batching)) as asked:
        answer = send(asked, body)
    assert answer.status_code == status
    assert expected is None or answer.json() == expected


@pytest.mark.parametrize("batching", BATCHING)
@pytest.mark.parametrize("name", ["native", *DIALECTS])
def test_each_call_gets_its_own(name: str, batching: str) -> None:
    """Calls that come together are answered each with its own rows, whether they were joined or not."""
    with client(getattr({"native": native, **DIALECTS}[name], batching)) as asked, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: send(asked, f"[[{n}, {n + 1}]]").json(), range(40)))
    assert answers == [[[2 * n, 2 * n + 2]] for n in range(40)]


def send(asked: Any, body: str) -> httpx.Response:
    answer: httpx.Response = asked.request(
        "POST", "/double", content=body, headers={"content-type": "application/json"}
    )
    return answer
