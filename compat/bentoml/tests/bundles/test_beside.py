"""What stands beside the APIs: a description, feedback, and static files that stay in their folder."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bentoml
import pytest
from bentoml.adapters import JsonInput
from bentoml.bundles.beside import describe
from bentoml.bundles.bind import bind

from compat.bentoml.tests.bundles import flowers
from ekiben.client.sync import SyncHTTPClient
from ekiben.core.errors import ConfigError
from ekiben.testing import client


class Plain:
    """A service without a word of itself."""

    @bentoml.api(input=JsonInput())
    def say(self, value: Any) -> Any:
        return value


class Shown(Plain):
    """A service with files."""

    web_static_content: Path | None = None

    @classmethod
    def __ekiben_service__(cls) -> Any:
        return bind(cls)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SyncHTTPClient]:
    """Serve a folder with a page, beside a secret."""
    content = tmp_path / "web"
    (content / "inner").mkdir(parents=True)
    (content / "index.html").write_text("<h1>Hello</h1>")
    (content / "inner" / "a b.css").write_text("p {}")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "web-too").mkdir()
    (tmp_path / "web-too" / "secret.txt").write_text("secret")
    os.symlink(tmp_path / "secret.txt", content / "link.txt")
    os.symlink(tmp_path, content / "up")
    monkeypatch.setattr(Shown, "web_static_content", content)
    with client(Shown) as found:
        yield found


@pytest.mark.parametrize(
    ("path", "words", "media"),
    [
        pytest.param("/static/index.html", "<h1>Hello</h1>", "text/html", id="a file"),
        pytest.param("/static/", "<h1>Hello</h1>", "text/html", id="the folder's page"),
        pytest.param("/static/inner/a%20b.css", "p {}", "text/css", id="a file further down"),
    ],
)
def test_static_files(served: SyncHTTPClient, path: str, words: str, media: str) -> None:
    """A file of the folder is served with its type."""
    answer = served.request("GET", path)
    assert (answer.status_code, answer.text) == (200, words)
    assert answer.headers["content-type"].startswith(media)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static/inner/../../secret.txt",
        "/static/%2e%2e%2f%2e%2e%2fetc/passwd",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/..%5csecret.txt",
        "/static/../web-too/secret.txt",
        "/static/link.txt",
        "/static/up/secret.txt",
        "/static/nothing.txt",
        "/static/index.html%00.txt",
    ],
)
def test_nothing_outside_is_served(served: SyncHTTPClient, path: str) -> None:
    """No way of writing a path, and no link, leads out of the folder."""
    answer = served.request("GET", path)
    assert answer.status_code in (400, 404)
    assert "secret" not in answer.text.replace(path, "").replace("secret.txt", "")


def test_static_files_are_only_read(served: SyncHTTPClient) -> None:
    """Nothing is written there."""
    assert served.request("PUT", "/static/new.txt", content=b"x").status_code == 405
    assert served.request("POST", "/static/index.html", content=b"x").status_code == 405


def test_a_folder_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not there, or a file in its place, is refused before anything is served."""
    for path in (tmp_path / "nowhere", "nowhere"):
        monkeypatch.setattr(Shown, "web_static_content", path)
        with pytest.raises(ConfigError, match="`web_static_content` must be a folder"):
            bind(Shown)


def test_a_folder_beside_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative folder is looked for beside the service's file."""
    monkeypatch.setattr(Shown, "web_static_content", ".")
    (mount,) = bind(Shown).mounts
    assert Path(mount.app.directory) == Path(__file__).parent


def test_without_files() -> None:
    """A service without static content mounts nothing, and keeps its layout free."""
    assert bind(Plain).mounts == ()


def test_a_description() -> None:
    """A service is described by its APIs, or by what it says of itself."""
    told = describe(Plain(), [])
    assert told == {"name": "Plain", "version": None, "apis": []}
    assert describe(flowers.Flowers(), [])["name"] == "Flowers"

    class Own(Plain):
        def describe(self) -> dict[str, Any]:
            return {"mine": 1}

    assert describe(Own(), []) == {"mine": 1}


def test_feedback_cannot_command_a_terminal(caplog: pytest.LogCaptureFixture) -> None:
    """Letters that terminals obey, or that begin a new line for readers of logs, are written as escapes."""
    with client(Shown) as found, caplog.at_level("INFO", "ekiben.feedback"):
        assert found.request("POST", "/feedback", json={"a": "x\x9b31m\u2028y\x7f ü"}).status_code == 200
    assert r'{"a": "x\u009b31m\u2028y\u007f ü"}' in caplog.text
