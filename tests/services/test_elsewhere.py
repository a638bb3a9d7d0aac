"""A service and what it depends on can be served apart, from the same code."""

from pathlib import Path

import pytest

import ekiben
from ekiben.core.errors import ConfigError
from ekiben.services.elsewhere import parted
from tests.servers import free_port, serve_to_end, serving

CODE = """
import ekiben


@ekiben.service
class Words:
    @ekiben.api
    def count(self, text: str) -> int:
        return len(text.split())


@ekiben.service(name="pages")
class Pages:
    words = ekiben.depends(Words)

    @ekiben.api
    def count(self, texts: list[str]) -> int:
        return sum(self.words.count(text=text) for text in texts)


@ekiben.service
class Book:
    pages = ekiben.depends(Pages)

    @ekiben.api
    def count(self, text: str) -> int:
        return self.pages.count(texts=text.split("|"))
"""


@ekiben.service
class Inner:
    """Called."""


@ekiben.service
class Middle:
    """Calls one, and is called."""

    inner = ekiben.depends(Inner)


@ekiben.service
class Outer:
    """Calls."""

    middle = ekiben.depends(Middle)
    inner = ekiben.depends(Inner)


def test_nothing_asked_changes_nothing() -> None:
    """Without a name or an address the service is the same."""
    bound = Outer.__ekiben_service__()
    assert parted(bound, None, {}) is bound


def test_one_of_several() -> None:
    """The service that is named is served alone, with what it depends on."""
    found = parted(Outer.__ekiben_service__(), "Middle", {})
    assert (found.spec.name, list(found.dependencies)) == ("Middle", ["inner"])


def test_an_address_in_place_of_a_service() -> None:
    """Who depends on what is elsewhere asks the address, at every depth, and nothing of it is made here."""
    found = parted(Outer.__ekiben_service__(), None, {"Inner": "http://127.0.0.1:9"})
    assert [(each.attribute, each.url) for each in found.spec.dependencies] == [
        ("middle", None),
        ("inner", "http://127.0.0.1:9"),
    ]
    middle = found.dependencies["middle"]()
    assert (middle.spec.dependencies[0].url, dict(middle.dependencies)) == ("http://127.0.0.1:9", {})
    assert "inner" not in found.dependencies


@pytest.mark.parametrize(
    ("only", "urls", "words"),
    [
        pytest.param("Other", {}, "`--only` must name one of Outer, Middle, Inner", id="no such service"),
        pytest.param(None, {"Other": "http://x"}, "`--depends` must name a service", id="nobody depends on it"),
        pytest.param(None, {"Outer": "http://x"}, "`--depends` must name a service", id="the service itself"),
        pytest.param(None, {"Inner": "file:///etc/passwd"}, "address of a server", id="a file"),
        pytest.param(None, {"Inner": "x:1"}, "address of a server", id="no address"),
        pytest.param("Inner", {"Middle": "http://x"}, "it depends on|`--depends`", id="who calls it"),
    ],
)
def test_what_is_refused(only: str | None, urls: dict[str, str], words: str) -> None:
    """A name that is none of theirs, or no address, is refused before anything is served."""
    with pytest.raises(ConfigError, match=words):
        parted(Outer.__ekiben_service__(), only, urls)


def test_three_servers_from_one_file(tmp_path: Path) -> None:
    """Each of three services in a server of its own answers through the others."""
    (tmp_path / "book.py").write_text(CODE)
    with serving("book:Book", "--only", "Words", cwd=tmp_path) as words:
        options = ["--only", "pages", "--depends", f"Words={words.url}"]
        with serving("book:Book", *options, cwd=tmp_path) as pages:
            env = {"EKIBEN_DEPENDS": f"pages={pages.url}"}
            with serving("book:Book", cwd=tmp_path, env=env) as book:
                answer = book.http.post("/count", json={"text": "a b|c d e"})
                assert (answer.status_code, answer.json()) == (200, 5)
                assert pages.http.post("/count", json={"texts": ["a b"]}).json() == 2
            assert "/count" in pages.log


def test_a_wrong_name_is_one_error(tmp_path: Path) -> None:
    """The command says which names there are, and ends."""
    (tmp_path / "book.py").write_text(CODE)
    done = serve_to_end("book:Book", "--only", "Chapter", "--port", str(free_port()), cwd=tmp_path)
    assert done.returncode == 1
    assert "must name one of Book, pages, Words" in done.stderr
