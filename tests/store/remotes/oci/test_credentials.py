"""Who we are is what `docker login` wrote, and no secret is ever shown."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ekiben.core.errors import ConfigError
from ekiben.store.remotes.oci.credentials import Credentials, find_credentials


def encoded(words: str) -> str:
    return base64.b64encode(words.encode()).decode()


def write(folder: Path, config: Any) -> None:
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))


@pytest.fixture
def helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder for helper programs, which is all of PATH but the shell's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def make_helper(folder: Path, name: str, script: str) -> None:
    program = folder / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("config", "host", "repository", "expected"),
    [
        pytest.param({"auths": {"x.io": {"auth": encoded("me:a:b")}}}, "x.io", "", ("me", "a:b"), id="a login"),
        pytest.param(
            {"auths": {"https://x.io": {"auth": encoded("me:pw")}}}, "x.io", "", ("me", "pw"), id="an old one"
        ),
        pytest.param(
            {"auths": {"https://x.io/v1/": {"username": "me", "password": "pw"}}},
            "x.io",
            "",
            ("me", "pw"),
            id="in words",
        ),
        pytest.param({"auths": {"x.io:5000": {"auth": encoded("me:pw")}}}, "x.io", "", None, id="of another port"),
        pytest.param({"auths": {"evil.x.io": {"auth": encoded("me:pw")}}}, "x.io", "", None, id="of another host"),
        pytest.param({"auths": {"x.io": {}}}, "x.io", "", None, id="an empty one"),
        pytest.param(
            {"auths": {"https://index.docker.io/v1/": {"auth": encoded("me:pw")}}},
            "docker.io",
            "",
            ("me", "pw"),
            id="Docker Hub's",
        ),
        pytest.param(
            {"auths": {"x.io": {"auth": encoded("a:1")}, "x.io/team": {"auth": encoded("b:2")}}},
            "x.io",
            "team/ml",
            ("b", "2"),
            id="the nearest folder's",
        ),
        pytest.param({}, "x.io", "", None, id="no login at all"),
        pytest.param("", "x.io", "", None, id="an empty file"),
    ],
)
def test_the_file(docker_config: Path, config: Any, host: str, repository: str, expected: Any) -> None:
    """`auths` holds logins by host."""
    write(docker_config, config)
    found = find_credentials(host, repository)
    assert (found and (found.user, found.password)) == expected


def test_no_file() -> None:
    """Without a file there are no credentials, and that is no error."""
    assert find_credentials("x.io") is None


def test_the_home_without_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without DOCKER_CONFIG the file is the one in the home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_CONFIG")
    (tmp_path / ".docker").mkdir()
    write(tmp_path / ".docker", {"auths": {"x.io": {"auth": encoded("me:pw")}}})
    assert find_credentials("x.io") == Credentials("me", "pw")


@pytest.mark.parametrize(
    "config",
    [
        pytest.param("{", id="no JSON"),
        pytest.param([], id="a list"),
        pytest.param({"auths": [1]}, id="auths that are no object"),
        pytest.param({"auths": {"x.io": {"auth": "§§"}}}, id="no base64"),
        pytest.param({"auths": {"x.io": {"auth": encoded("hunter2")}}}, id="no colon"),
        pytest.param({"auths": {"x.io": {"auth": 7}}}, id="a number"),
        pytest.param({"credHelpers": {"x.io": "../../bin/evil"}}, id="a helper that is a path"),
        pytest.param({"credHelpers": {"x.io": "a; rm -rf"}}, id="a helper that is a command"),
        pytest.param({"credsStore": "not-installed-anywhere"}, id="a helper that is missing"),
    ],
)
def test_a_broken_file(docker_config: Path, config: Any) -> None:
    """A file that cannot be read is an error that names it, without its secrets."""
    write(docker_config, config)
    with pytest.raises(ConfigError, match=r"config\.json") as broken:
        find_credentials("x.io")
    assert "hunter2" not in str(broken.value)


def test_a_helper(docker_config: Path, helpers: Path) -> None:
    """A helper is asked for the host by its standard input, and by nothing else."""
    write(docker_config, {"credHelpers": {"x.io": "fake"}, "auths": {"x.io": {"auth": encoded("file:pw")}}})
    make_helper(
        helpers, "fake", f'cat > {helpers}/asked; echo $@ >> {helpers}/asked; echo \'{{"Username":"me","Secret":"s"}}\''
    )
    assert find_credentials("x.io") == Credentials("me", "s")
    assert (helpers / "asked").read_text() == "x.ioget\n"


def test_a_helper_for_all(docker_config: Path, helpers: Path) -> None:
    """`credsStore` is asked where the file itself knows nothing, for Docker Hub by its old name."""
    write(docker_config, {"credsStore": "all", "auths": {"x.io": {}}})
    make_helper(helpers, "all", 'read host; echo "{\\"Username\\":\\"$host\\",\\"Secret\\":\\"s\\"}"')
    assert find_credentials("x.io") == Credentials("x.io", "s")
    assert find_credentials("docker.io") == Credentials("https://index.docker.io/v1/", "s")


def test_a_helper_gives_an_identity_token(docker_config: Path, helpers: Path) -> None:
    """The user `<token>` says that the secret buys tokens."""
    write(docker_config, {"credsStore": "all"})
    make_helper(helpers, "all", 'echo \'{"Username":"<token>","Secret":"identity"}\'')
    assert find_credentials("x.io") == Credentials(identity_token="identity")


def test_a_helper_that_knows_nothing(docker_config: Path, helpers: Path) -> None:
    """A helper that has no login for the host is no error."""
    write(docker_config, {"credsStore": "all"})
    make_helper(helpers, "all", "echo credentials not found in native keychain; exit 1")
    assert find_credentials("x.io") is None


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("echo hunter2 >&2; exit 3", id="fails"),
        pytest.param("echo hunter2", id="answers no JSON"),
        pytest.param('echo \'{"Username":"hunter2"}\'', id="answers half"),
        pytest.param('echo \'{"Username":1,"Secret":"hunter2"}\'', id="answers a number"),
    ],
)
def test_a_helper_that_fails(docker_config: Path, helpers: Path, script: str) -> None:
    """A helper that fails is an error that repeats nothing of what it said."""
    write(docker_config, {"credsStore": "all"})
    make_helper(helpers, "all", script)
    with pytest.raises(ConfigError, match="docker-credential-all") as failed:
        find_credentials("x.io")
    assert "hunter2" not in f"{failed.value} {failed.value.hint} {failed.value.__cause__}"


def test_credentials_are_never_shown() -> None:
    """A password does not stand in what a log or a traceback shows."""
    shown = repr(Credentials("me", "hunter2", "hunter2", "hunter2"))
    assert "me" in shown
    assert "hunter2" not in shown
