"""A token is known by its digest, and no error shows one."""

import hashlib

import pytest

from ekiben.core.token import bearer, digest
from ekiben.exceptions import ConfigError

GOOD = "abcdefgh-._~+/12=="


def test_digest() -> None:
    assert digest(GOOD, "here") == hashlib.sha256(GOOD.encode()).digest()


@pytest.mark.parametrize(
    "token", ["", "short", "x" * 15, "with a blank inside it", "ünïcödé-ünïcödé-ü", "a" * 20 + "\n"]
)
def test_bad_tokens_are_not_shown(token: str) -> None:
    """What is too short, or cannot be sent, is refused by its length alone, with how to make a good one."""
    with pytest.raises(ConfigError, match=r"HERE must hold a token of 16 or more .* it has \d+") as caught:
        digest(token, "HERE")
    assert not token or token not in str(caught.value)
    assert "secrets.token_urlsafe" in str(caught.value.hint)


def test_bearer() -> None:
    assert bearer("x") == "Bearer x"
    for token in ("", "a b", "a\r\nx: y", "ä"):
        with pytest.raises(ConfigError, match="`token` must be letters") as caught:
            bearer(token)
        assert not token or token not in str(caught.value)
