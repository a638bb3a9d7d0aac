"""A server is asked for its endpoints, one request is tried, and what goes over the wire is a request."""

from collections.abc import Iterator

import pytest

import ekiben
from ekiben.core.errors import ConfigError, ServerError
from ekiben.tools.bench.ask import Body, Endpoint, Server, batch_counts
from tests.servers import free_port


@ekiben.service(path_prefix="/v1")
class Two:
    """Two endpoints below a prefix."""

    @ekiben.api(batchable=True)
    def double(self, x: list[int]) -> list[int]:
        return [2 * each for each in x]

    @ekiben.api
    def fail(self) -> None:
        raise RuntimeError("inside")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ekiben.serve(Two) as server:
        yield server.url


@pytest.fixture
def asked(url: str) -> Iterator[Server]:
    server = Server(url, {"X-Team": "nlp"})
    yield server
    server.close()


def test_choose(asked: Server) -> None:
    """An endpoint is found by its name or its path; a slip gets the nearest name."""
    assert asked.choose("double") == asked.choose("/v1/double")
    assert (asked.choose("double").path, asked.choose("double").batches) == ("/v1/double", True)
    with pytest.raises(ConfigError, match="`--endpoint` must name one of: double, fail"):
        asked.choose(None)
    with pytest.raises(ConfigError) as caught:
        asked.choose("doubel")
    assert caught.value.hint == "did you mean `double`?"


def test_attempt(asked: Server) -> None:
    """A body that is refused is told with the service's words before anything is loaded; so is a failure."""
    asked.attempt(asked.choose("double"), Body(b'{"x": [1]}'))
    with pytest.raises(ConfigError, match=r"^/v1/double answers 400: x\[0\]: ") as refused:
        asked.attempt(asked.choose("double"), Body(b'{"x": ["a"]}'))
    assert "--body" in (refused.value.hint or "")
    with pytest.raises(ConfigError, match="/v1/double answers 415: this endpoint does not read text/csv"):
        asked.attempt(asked.choose("double"), Body(b"x", "text/csv"))
    with pytest.raises(ServerError, match="/v1/fail answers 500: "):
        asked.attempt(asked.choose("fail"), Body(b"{}"))


def test_counts(asked: Server) -> None:
    """The batches of an endpoint are counted, also below a prefix; those of others are not."""
    endpoint = asked.choose("double")
    before = asked.counts(endpoint).get("_adaptive_batch_size_sum", 0.0)
    asked.attempt(endpoint, Body(b'{"x": [1, 2, 3]}'))
    assert asked.counts(endpoint)["_adaptive_batch_size_sum"] == before + 3
    assert set(asked.counts(asked.choose("fail"))) == {"_model_seconds_sum"}, "it does not batch"


def test_request(asked: Server, url: str) -> None:
    """The bytes are one whole request with the headers that were given."""
    found = asked.request(asked.choose("double"), Body(b'{"x": [1]}', "application/json"))
    head, _, body = found.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /v1/double HTTP/1.1"
    assert {f"host: {url.removeprefix('http://')}", "content-length: 10", "x-team: nlp"} <= set(lines)
    assert body == b'{"x": [1]}'


@pytest.mark.parametrize(("name", "value"), [("X-A\r\nX-B", "1"), ("X-A", "1\r\nX-B: 2"), ("", "1"), ("X A", "1")])
def test_no_header_breaks_out(name: str, value: str) -> None:
    """A header cannot hold another one."""
    with pytest.raises(ConfigError, match="`--header` must be a name and a value"):
        Server("http://localhost", {name: value})


def test_no_service() -> None:
    """Where nobody listens, or nobody serves a service, it is said so."""
    server = Server(f"http://127.0.0.1:{free_port()}", {})
    with pytest.raises(ServerError, match="there is no server at http://127"):
        server.endpoints()
    assert server.counts(Endpoint("p", "/p", {}, ())) == {}
    server.close()


def test_tokens() -> None:
    """A server that asks for a token is told of with the option that gives one, and is loaded with it."""

    @ekiben.service(auth={"tokens": ["s3cret-s3cret-s3cret-s3cret"]})
    class Closed:
        @ekiben.api
        def f(self) -> int:
            return 1

    with ekiben.serve(Closed) as running:
        server = Server(running.url, {})
        with pytest.raises(ServerError, match=r"/schema\.json answers 401") as caught:
            server.choose(None)
        assert "Bearer" in (caught.value.hint or "")
        with pytest.raises(ConfigError, match="/f answers 401"):
            server.attempt(Endpoint("f", "/f", {}, ()), Body(b"{}"))
        server.close()
        server = Server(running.url, {"Authorization": "Bearer s3cret-s3cret-s3cret-s3cret"})
        endpoint = server.choose(None)
        server.attempt(endpoint, Body(b"{}"))
        assert b"authorization: Bearer s3cret" in server.request(endpoint, Body(b"{}"))
        server.close()


def test_one_of_several() -> None:
    """A service among several is asked at its place, by the address that clients are given."""
    with ekiben.serve({"a": Two, "b": Two}) as running:
        for url in (f"{running.url}/b", f"{running.url}/b/"):
            server = Server(url, {})
            endpoint = server.choose("double")
            server.attempt(endpoint, Body(b'{"x": [1]}'))
            assert server.request(endpoint, Body(b"{}")).startswith(b"POST /b/v1/double HTTP/1.1\r\n")
            server.close()


def test_batch_counts() -> None:
    """The series of all workers are added up; those of other methods and metrics are left out."""
    text = """
# TYPE x_adaptive_batch_size histogram
x_adaptive_batch_size_bucket{method_name="p",worker="1",le="+Inf"} 2
x_adaptive_batch_size_count{method_name="p",worker="1"} 2
x_adaptive_batch_size_sum{method_name="p",worker="1"} 10
x_adaptive_batch_size_bucket{method_name="p",worker="2",le="+Inf"} 1
x_adaptive_batch_size_count{method_name="p",worker="2"} 1
x_adaptive_batch_size_sum{method_name="p",worker="2"} 5
x_adaptive_batch_size_bucket{method_name="q",worker="2",le="+Inf"} 1
x_adaptive_batch_size_count{method_name="q",worker="2"} 1
x_adaptive_batch_size_sum{method_name="q",worker="2"} 7
"""
    assert batch_counts(text, "p") == {"_adaptive_batch_size_count": 3.0, "_adaptive_batch_size_sum": 15.0}
