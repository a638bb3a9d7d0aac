"""`WWW-Authenticate` is taken apart, whoever wrote it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.store.remotes.oci.challenge import Challenge, parse_challenges


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param(
            'Bearer realm="https://auth.example.com/token",service="r",scope="repository:a/b:pull,push"',
            [
                (
                    "bearer",
                    {"realm": "https://auth.example.com/token", "service": "r", "scope": "repository:a/b:pull,push"},
                )
            ],
            id="commas in quotes do not part",
        ),
        pytest.param('Basic realm="a"', [("basic", {"realm": "a"})], id="basic"),
        pytest.param("Basic", [("basic", {})], id="nothing but a scheme"),
        pytest.param("BASIC REALM = x", [("basic", {"realm": "x"})], id="capitals and blanks"),
        pytest.param(
            'Basic realm="a", Bearer realm="b"', [("basic", {"realm": "a"}), ("bearer", {"realm": "b"})], id="two"
        ),
        pytest.param(r'Basic realm="a\"b"', [("basic", {"realm": 'a"b'})], id="quotes in quotes"),
        pytest.param('Bearer realm="a", realm="b"', [("bearer", {"realm": "a"})], id="the first of two counts"),
        pytest.param('Bearer realm="a", broken="', [("bearer", {"realm": "a"})], id="what is broken ends it"),
        pytest.param("", [], id="nothing"),
        pytest.param('realm="a"', [], id="a parameter of no scheme"),
    ],
)
def test_challenges(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    """Schemes and their parameters, in their order."""
    assert parse_challenges(header) == [Challenge(*one) for one in expected]


@given(st.text(st.sampled_from('Bearer realm="\\,= \tx'), max_size=60))
def test_anything_is_read(header: str) -> None:
    """No header is an error."""
    assert all(one.scheme == one.scheme.lower() for one in parse_challenges(header))


@pytest.mark.parametrize(
    "header", [" " * 100_000 + "\x00", "a" * 100_000, "a=" * 50_000, '"' * 100_000, "a ," * 40_000]
)
def test_a_hostile_header_costs_little(header: str) -> None:
    """A long header is read in no more time than its length asks for."""
    before = time.process_time()
    parse_challenges("Bearer " + header)
    assert time.process_time() - before < 5.0
