"""Find who we are at a registry, where `docker login` keeps it.

In: a host. Out: `Credentials`, or None. Read is `config.json` in the folder that DOCKER_CONFIG names, else in
`~/.docker`, and asked are the helper programs that it names. Nothing is written, and no secret stands in an error.
Source: Docker's `config.json` and the protocol of docker-credential-helpers.
"""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ekiben.core.errors import ConfigError
from ekiben.store.remotes.oci.places import HUB

HUB_KEY = "https://index.docker.io/v1/"  # what `docker login` writes for Docker Hub
_MAX_FILE = 8 * 1024 * 1024  # bytes
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HELPER_SECONDS = 60.0  # a helper may have to ask the user
_NOT_FOUND = ("credentials not found", "no credentials", "not found in native keychain", "no such host")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password, or a token that stands for them; never shown."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)  # buys tokens (OAuth 2, RFC 6749)
    registry_token: str = field(default="", repr=False)  # is one

    @property
    def basic(self) -> str:
        """The value of `Authorization` by RFC 7617."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def find_credentials(
    host: str, repository: str = "", *, folder: Path | None = None, env: Mapping[str, str] = os.environ
) -> Credentials | None:
    """Look up who we are at *host*.

    A helper for the host counts first, then what the file says, then the helper for all hosts. What is said of a
    folder of the registry (`host/team`) counts before what is said of all of it.

    Args:
        host: with its port.
        repository: what is asked for there.
        folder: of `config.json`; None goes by DOCKER_CONFIG, else `~/.docker`.
        env: the environment.

    Raises:
        ConfigError: the file cannot be read, or a helper failed.
    """
    path = (folder or Path(env.get("DOCKER_CONFIG") or "~/.docker").expanduser()) / "config.json"
    config = _read(path)
    helpers, auths = _mapping(config, "credHelpers", path), _mapping(config, "auths", path)
    for key in _keys(host, repository):
        if key in helpers:
            return _ask_helper(str(helpers[key]), key, path, env)
    for key in _keys(host, repository):
        entry = auths.get(key)
        if isinstance(entry, dict) and (found := _read_entry(entry, key, path)):
            return found
    if config.get("credsStore"):
        return _ask_helper(str(config["credsStore"]), HUB_KEY if host == HUB else host, path, env)
    return None


def _keys(host: str, repository: str) -> list[str]:
    """List the names under which the host may stand, the nearest first."""
    parts = repository.split("/") if repository else []
    folders = [f"{host}/{'/'.join(parts[:count])}" for count in range(len(parts), 0, -1)]
    whole = [
        host,
        f"https://{host}",
        f"https://{host}/",
        f"https://{host}/v1/",
        f"https://{host}/v2/",
        f"http://{host}",
    ]
    return [*folders, *([HUB_KEY, "index.docker.io"] if host == HUB else []), *whole]


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        config = json.loads(text[:_MAX_FILE]) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} must be JSON, as `docker login` writes it") from error
    if not isinstance(config, dict):
        raise ConfigError(f"{path} must be a JSON object, as `docker login` writes it")
    return config


def _mapping(config: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    value = config.get(key) or {}
    if not isinstance(value, dict):
        raise ConfigError(f"`{key}` in {path} must be an object")
    return value


def _read_entry(entry: Mapping[str, Any], key: str, path: Path) -> Credentials | None:
    """Read one of `auths`; None where it says only that there was a login."""
    words = {name: entry.get(name) or "" for name in ("auth", "username", "password", "identitytoken", "registrytoken")}
    if not all(isinstance(word, str) for word in words.values()):
        raise ConfigError(f"`auths.{key}` in {path} must hold text")
    user, password = words["username"], words["password"]
    if words["auth"]:
        try:
            user, colon, password = base64.b64decode(words["auth"], validate=True).decode().partition(":")
        except ValueError as error:
            raise ConfigError(f"`auths.{key}.auth` in {path} must be base64 of USER:PASSWORD") from error
        if not colon:
            raise ConfigError(f"`auths.{key}.auth` in {path} must be base64 of USER:PASSWORD")
    found = Credentials(user, password.rstrip("\0"), words["identitytoken"], words["registrytoken"])
    return found if any((found.user, found.identity_token, found.registry_token)) else None


def _ask_helper(name: str, key: str, path: Path, env: Mapping[str, str]) -> Credentials | None:
    """Ask `docker-credential-NAME get`; None where it knows nothing of the host."""
    if not _HELPER.fullmatch(name):
        raise ConfigError(f"a credential helper in {path} must be a plain name such as 'pass': {name!r}")
    command = f"docker-credential-{name}"
    program = shutil.which(command, path=env.get("PATH"))
    if program is None:
        hint = f"install it, or log in again: `docker login {key}`"
        raise ConfigError(f"{path} names the credential helper {command}, which is not installed", hint=hint)
    try:
        done = subprocess.run(
            [program, "get"],
            input=key.encode(),
            capture_output=True,
            timeout=_HELPER_SECONDS,
            check=False,
            env=dict(env),
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"{command} did not answer within {_HELPER_SECONDS:g} s") from error
    except OSError as error:
        raise ConfigError(f"{command} cannot be run: {error.strerror or error}") from error
    said = done.stdout.decode(errors="replace").strip()
    if done.returncode != 0:
        if any(words in f"{said} {done.stderr.decode(errors='replace')}".lower() for words in _NOT_FOUND):
            return None
        hint = f"try it yourself: `echo {key} | {command} get`"
        raise ConfigError(f"{command} failed with exit code {done.returncode}", hint=hint)
    try:
        answer = json.loads(said)
        user, secret = answer["Username"], answer["Secret"]
    except (ValueError, KeyError, TypeError, RecursionError):
        user = secret = None
    if not isinstance(user, str) or not isinstance(secret, str):
        raise ConfigError(f"{command} must answer with `Username` and `Secret`, and does not")
    if user == "<token>":
        return Credentials(identity_token=secret)
    return Credentials(user, secret) if user or secret else None
