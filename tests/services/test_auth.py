"""`auth` works or is refused, and what it holds is never shown."""

import hashlib
import json
from typing import Any

import pytest

import ekiben
from ekiben.core.spec import AuthSpec, TokenSpec
from ekiben.exceptions import ConfigError
from ekiben.services.auth import read_auth
from ekiben.services.options import read_options

SECRET = "s3cret-s3cret-s3cret"
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, ()),
        ({"tokens": None}, ()),
        ({"tokens": SECRET}, (TokenSpec("auth.tokens[0]", digest=DIGEST),)),
        ({"tokens": [SECRET]}, (TokenSpec("auth.tokens[0]", digest=DIGEST),)),
        ({"tokens": ["$ONE", "${TWO}"]},
         (TokenSpec("auth.tokens[0]", env="ONE"), TokenSpec("auth.tokens[1]", env="TWO"))),
        ({"tokens": [{"file": "/run/secrets/t", "name": "staff"}]}, (TokenSpec("staff", file="/run/secrets/t"),)),
        ({"tokens": [{"env": "ONE", "endpoints": ["look"]}]},
         (TokenSpec("auth.tokens[0]", env="ONE", endpoints=("look",)),)),
    ],
)  # fmt: skip
def test_forms(given: Any, found: tuple[TokenSpec, ...]) -> None:
    assert read_auth(given) == AuthSpec(found)


def test_metrics() -> None:
    assert read_auth(None) is None
    assert read_auth({"metrics": True}) == AuthSpec(metrics=True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (SECRET, "`auth` must be a mapping: str"),
        ([SECRET], "`auth` must be a mapping: list"),
        ({"token": SECRET}, "there is no option `auth.token`"),
        ({"tokens": 5}, "`auth.tokens` must be a list of tokens: int"),
        ({"tokens": [[SECRET]]}, r"`auth.tokens\[0\]` must be text or a mapping: list"),
        ({"tokens": [{"token": SECRET, "env": "A"}]}, "must have one of `token`, `env` and `file`: token and env"),
        ({"tokens": [{"name": "x"}]}, "`file`: none"),
        ({"tokens": [{"token": 5}]}, r"`auth.tokens\[0\].token` must be text: int"),
        ({"tokens": ["short"]}, r"`auth.tokens\[0\]` must hold a token of 16 or more"),
        ({"tokens": ["$" + SECRET]}, "`auth.tokens.0..env` must be the name of an environment variable"),
        ({"tokens": [{"token": SECRET, "endpoints": 5}]}, "must be a list of text"),
        ({"tokens": [SECRET], "metrics": "yes"}, "`auth.metrics` must be True or False"),
    ],
)
def test_refused(given: Any, words: str) -> None:
    """What is wrong is named by its place; the token is in no error."""
    with pytest.raises(ConfigError, match=words) as caught:
        read_options({"auth": given})
    assert SECRET not in str(caught.value) + str(caught.value.hint)


def test_nothing_shows_a_token() -> None:
    """A spec holds a digest, in no form the token."""

    @ekiben.service(auth={"tokens": [SECRET, {"token": SECRET, "name": "two"}]})  # type: ignore[list-item]
    class Kept:
        """Guarded."""

        @ekiben.api
        def look(self) -> int:
            return 1

    spec = Kept.__ekiben_service__().spec  # type: ignore[attr-defined]
    assert SECRET not in repr(spec)
    assert SECRET not in json.dumps(spec.to_json())
    assert DIGEST in json.dumps(spec.to_json())
