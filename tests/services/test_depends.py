"""A service that is reached by its address may ask for a token, which nothing shows."""

from typing import Any

import pytest

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.services.load import load

SECRET = "a-token-of-more-than-sixteen-letters"


@ekiben.service(auth={"tokens": [SECRET]})
class Guarded:
    """Answers those that have the token."""

    @ekiben.api
    def double(self, number: int) -> int:
        """Double a number."""
        return 2 * number


def outer(url: str, token: str | None) -> Any:
    @ekiben.service
    class Outer:
        inner = ekiben.depends(url=url) if token is None else ekiben.depends(url=url, token=token)

        @ekiben.api
        def ask(self, number: int) -> int:
            found: int = self.inner.double(number=number)
            return found

    return Outer


@pytest.mark.slow
def test_a_token_opens_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the token, given as text or by a variable, the other answers; without it or with another one it does not."""
    monkeypatch.setenv("INNER_TOKEN", SECRET + "\n")
    monkeypatch.setenv("OTHER_TOKEN", "another-token-of-many-letters")
    with ekiben.serve(Guarded) as inner:
        for token in (SECRET, "$INNER_TOKEN"):
            with ekiben.serve(outer(inner.url, token)) as server, server.client() as client:
                assert client.ask(number=4) == 8
        for token in (None, "$OTHER_TOKEN"):
            with ekiben.serve(outer(inner.url, token)) as server, server.client() as client:
                with pytest.raises(Exception, match="token"):
                    client.ask(number=4)


def test_a_variable_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The start says which variable it lacks."""
    monkeypatch.delenv("INNER_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="the variable `INNER_TOKEN` must hold the token for http://localhost:9"):
        ekiben.serve(outer("http://localhost:9", "$INNER_TOKEN"))


def test_nothing_shows_the_token() -> None:
    """Neither the spec, which is stored and shown, nor the text of the bound service holds it."""
    bound = load(outer("http://localhost:9", SECRET))
    assert SECRET not in repr(bound)
    assert SECRET not in repr(bound.spec)
    assert bound.tokens == {"inner": SECRET}


@pytest.mark.parametrize(
    ("token", "words"),
    [
        pytest.param("with a blank", "`token` must be letters", id="no token"),
        pytest.param("line\r\nx-evil: 1", "`token` must be letters", id="a header of its own"),
        pytest.param("$NOT-A-NAME", "`token` must name a variable", id="no name"),
        pytest.param("$", "`token` must name a variable", id="an empty name"),
        pytest.param(5, "`token` must be text: int", id="no text"),
    ],
)
def test_what_is_no_token_is_refused(token: Any, words: str) -> None:
    """A wrong token is refused where it is written, and not shown."""
    with pytest.raises(ConfigError, match=words) as caught:
        ekiben.depends(url="http://localhost:9", token=token)
    assert "evil" not in str(caught.value)


def test_a_class_needs_no_token() -> None:
    """A service of our own processes is not asked over HTTP."""
    with pytest.raises(ConfigError, match="`token` is for a server that is named by `url`"):
        ekiben.depends(Guarded, token=SECRET)  # type: ignore[call-overload]  # what is refused
