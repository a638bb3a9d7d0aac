"""Where packages come from is said without passwords, and is given to uv where nobody sees it."""

from pathlib import Path

import pytest

from ekiben.bundle.indexes import Indexes, check_secrets, expand
from ekiben.core.errors import ConfigError

URL = "https://${NAME}:${TOKEN}@packages.example.org/simple"
PLACE = "`python.index_url`"


def test_variables(project: Path) -> None:
    """To uv addresses go by its environment, with the variables in them filled in."""
    (project / "wheels").mkdir()
    found = Indexes.read(
        {
            "--index-url": [URL],
            "--extra-index-url": ["https://a.example/simple", "http://b.example:8080/simple"],
            "--find-links": ["wheels", "https://c.example/files"],
            "--trusted-host": ["b.example:8080"],
        },
        PLACE,
        project,
    )
    environ = {"NAME": "me", "TOKEN": "hunter2", "UV_INDEX_URL": "https://other.example", "PATH": "/bin"}
    assert found.variables(environ) == {
        "NAME": "me",
        "TOKEN": "hunter2",
        "PATH": "/bin",
        "UV_DEFAULT_INDEX": "https://me:hunter2@packages.example.org/simple",
        "UV_INDEX": "https://a.example/simple http://b.example:8080/simple",
        "UV_FIND_LINKS": f"{project}/wheels,https://c.example/files",
        "UV_INSECURE_HOST": "b.example:8080",
    }
    assert found.folders == (project / "wheels",)


def test_variables_of_the_machine() -> None:
    """Where a project says nothing, the machine's own settings hold."""
    environ = {"UV_INDEX_URL": "https://mine.example/simple", "UV_FIND_LINKS": "/wheels"}
    assert Indexes().variables(environ) == environ
    both = Indexes(find_links=("https://c.example/files",), no_index=True).variables(environ)
    assert both["UV_FIND_LINKS"] == "https://c.example/files,/wheels"
    assert both["UV_NO_INDEX"] == "true"


def test_lines(project: Path) -> None:
    """A requirements file gets the addresses with their variables, and no folder of this machine."""
    (project / "wheels").mkdir()
    options = {"--index-url": [URL], "--extra-index-url": ["https://a.example/simple"], "--find-links": ["wheels"]}
    found = Indexes.read(options, PLACE, project)
    assert found.lines == (f"--index-url {URL}", "--extra-index-url https://a.example/simple")
    assert Indexes(no_index=True, find_links=("https://c.example/f",), trusted=("c.example",)).lines == (
        "--no-index",
        "--trusted-host c.example",
        "--find-links https://c.example/f",
    )


def test_plus() -> None:
    """Of two places the latter's index counts; the rest is joined, each once."""
    one = Indexes("https://a.example", ("https://b.example",), trusted=("b",))
    other = Indexes("https://c.example", ("https://b.example", "https://d.example"), no_index=True)
    expected = Indexes("https://c.example", ("https://b.example", "https://d.example"), trusted=("b",), no_index=True)
    assert one.plus(other) == expected
    assert one.plus(Indexes()) == one


@pytest.mark.parametrize(
    ("option", "value"),
    [
        pytest.param("--index-url", "packages.example.org", id="no scheme"),
        pytest.param("--index-url", "file:///etc", id="a place of this machine"),
        pytest.param("--index-url", "https://a.example/simple --pre", id="an option behind it"),
        pytest.param("--index-url", "https://a.example/\n--pre", id="a second line"),
        pytest.param("--index-url", "https://a.example/simple?token=abc", id="a query, where tokens hide"),
        pytest.param("--index-url", "https://", id="no host"),
        pytest.param("--index-url", "https://me:hunter2@a.example/simple", id="a password"),
        pytest.param("--index-url", "HTTPS://me:hunter2@a.example/simple", id="a password, in capitals"),
        pytest.param("--extra-index-url", "https://ghp_hunter2@a.example/simple", id="a token as the name"),
        pytest.param("--find-links", "https://me:hunter2@a.example/files", id="a password for links"),
        pytest.param("--find-links", "../wheels", id="links outside of the project"),
        pytest.param("--find-links", "nothing", id="links that are not there"),
        pytest.param("--find-links", "file:///etc", id="links anywhere"),
        pytest.param("--trusted-host", "a.example\n--pre", id="a host with a second line"),
        pytest.param("--trusted-host", "https://a.example", id="a host with a scheme"),
    ],
)
def test_read_refuses(option: str, value: str, project: Path) -> None:
    """What is no address, or holds a password, is refused and not repeated."""
    with pytest.raises(ConfigError, match=r"`python\.index_url` must") as caught:
        Indexes.read({option: [value]}, PLACE, project)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "https://${A}:${B}@x.example",
        "https://${A}@x.example",
        "git+ssh://git@x.example",
        "a @ https://x.example/@scope",
    ],
)
def test_check_secrets(text: str) -> None:
    """Variables, the name of an ssh user and an `@` in a path are no passwords."""
    check_secrets(text, PLACE)


def test_expand_names_the_variable() -> None:
    """An address whose variable is not set says which."""
    assert expand(URL, {"NAME": "a", "TOKEN": "b"}) == "https://a:b@packages.example.org/simple"
    with pytest.raises(ConfigError, match="variable TOKEN, which is not set"):
        expand(URL, {"NAME": "a"})
