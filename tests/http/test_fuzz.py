"""Whatever is sent, the service answers with words and never fails itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error

from tests.http.real import server
from tests.servers import serving

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[2] / "examples"
SERVED = {"greeter": "services/greeter.py:Greeter", "lunch": "types/service.py:Lunch"}
MEDIA = [
    "application/json",
    "application/json; charset=latin-1",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=B",
    "multipart/form-data",
    "application/x-npy",
    "application/octet-stream",
    "image/png",
    "text/csv",
    "text/plain",
    ";",
    "",
]
CODINGS = ["", "gzip", "deflate", "br"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abxfiles") | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)
BODIES = st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60).map(
    lambda part: b'--B\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n' + part + b"\r\n--B--\r\n"
)  # fmt: skip


@pytest.mark.parametrize("name", SERVED)
def test_schemathesis(name: str) -> None:
    """Requests that follow the description, and such that break it, find no 500 in the examples."""
    with serving(SERVED[name], "--no-access-log", cwd=EXAMPLES) as running:
        schema = schemathesis.openapi.from_url(f"{running.url}/docs.json")
        operations = [found.ok() for found in schema.get_all_operations()]
        assert operations
        for operation in operations:

            @given(case=operation.as_strategy())
            @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            def ask(case: Any) -> None:
                case.call_and_validate(checks=[not_a_server_error])

            ask()


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with server() as running:
        running.wait_until_ready()
        yield running.http


PATHS = ["/add", "/double", "/scale", "/measure", "/gather", "/keep", "/echo", "/count", "/docs", "/livez", "/nowhere"]


@given(
    path=st.sampled_from(PATHS),
    method=st.sampled_from(["POST", "GET", "PUT", "HEAD", "OPTIONS"]),
    body=BODIES,
    media=st.sampled_from(MEDIA),
    coding=st.sampled_from(CODINGS),
    origin=st.sampled_from(["", "null", "http://evil.example", "http://[", "http://localhost:3000"]),
    accept=st.sampled_from(["", "*/*", "application/x-npy", "image/*;q=0", ";;,="]),
)
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_anything(client: httpx.Client, path: str, method: str, body: bytes, **headers: str) -> None:
    """Any method, path, body and headers are answered below 500, and a refusal is a problem with a reason."""
    names = {"media": "content-type", "coding": "content-encoding"}
    sent = {names.get(name, name): value for name, value in headers.items() if value}
    answer = client.request(method, path, content=body, headers=sent, follow_redirects=False)
    assert answer.status_code < 500, answer.text
    assert answer.headers["x-request-id"]
    if answer.status_code >= 400 and method != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["error"]
