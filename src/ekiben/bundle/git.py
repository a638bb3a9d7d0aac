"""Fetch one commit of a git repository.

In: an address with a ref, as a requirement has it. Out: a folder with its files, and the commit. Passwords that stand
in variables go to git by its environment: not on a command line, not into the clone, not into an error.
Source: git-config(1), GIT_CONFIG_COUNT and url.*.insteadOf; git(1), GIT_ALLOW_PROTOCOL.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ekiben.bundle.indexes import VARIABLE, expand
from ekiben.core.errors import ConfigError, MissingLibrary
from ekiben.core.uv import PASSWORD

TIMEOUT = 900.0  # seconds for one command of git
FRAGMENT = re.compile(r"(?:^|&)subdirectory=([^&]+)")


@dataclass(frozen=True, slots=True)
class Fetched:
    """The files of one commit."""

    folder: Path
    commit: str  # 40 hexadecimal digits


def fetch(address: str, folder: Path, environ: Mapping[str, str] = os.environ) -> Fetched:
    """Clone a repository and check out what its address names.

    Args:
        address: `https://host/repository@ref#subdirectory=path`; without a ref, its default branch.
        folder: an empty folder.
        environ: where variables of the address are looked up.

    Raises:
        MissingLibrary: git is not installed.
        ConfigError: the repository cannot be read, or has no such ref or folder.
    """
    if shutil.which("git") is None:
        raise MissingLibrary(f"a package of git needs the program `git`, which is not installed: {address}")
    bare, _, fragment = address.partition("#")
    url, ref = split_ref(bare)
    shown = VARIABLE.sub("****", url)
    variables = settle_environment(url, environ)
    run(["clone", "--quiet", "--no-checkout", "--", plain(url), str(folder)], variables, shown)
    inside = ["-C", str(folder)]
    commit = resolve(ref, inside, variables, shown)
    run([*inside, "checkout", "--quiet", "--detach", commit], variables, shown)
    run([*inside, "submodule", "--quiet", "update", "--init", "--recursive"], variables, shown)
    named = FRAGMENT.search(fragment)
    place = folder / named[1] if named else folder
    if not place.resolve().is_relative_to(folder.resolve()) or not place.is_dir():
        raise ConfigError(f"the repository {shown} must have the folder that its address names: {named and named[1]!r}")
    return Fetched(place, commit)


def split_ref(bare: str) -> tuple[str, str]:
    """Take the ref from an address; an `@` before a host is none."""
    scheme, _, rest = bare.partition("://")
    host, slash, path = rest.partition("/")
    path, _, ref = path.partition("@")
    return f"{scheme}://{host}{slash}{path}", ref


def resolve(ref: str, inside: list[str], environ: Mapping[str, str], shown: str) -> str:
    """Give the commit that *ref* names: a branch, a tag, a commit."""
    names = [f"refs/remotes/origin/{ref}", f"refs/tags/{ref}", ref] if ref else ["HEAD"]
    for name in names:
        words = [*inside, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"]
        found = run(words, environ, shown, check=False)
        if re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", found):
            return found
    raise ConfigError(f"the repository {shown} must have the branch, tag or commit that is asked for: {ref!r}")


def plain(url: str) -> str:
    """Give an address without the variables before its host."""
    return re.sub(r"://[^/@]*\$\{[^/@]*@", "://", url)


def settle_environment(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Give git's variables: no questions, few protocols, passwords apart."""
    scheme = url.partition("://")[0]
    found = {
        **environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": ":".join(sorted({"https", "ssh", scheme})),
    }
    if plain(url) != url:
        count = int(environ.get("GIT_CONFIG_COUNT", "0"))
        found |= {
            "GIT_CONFIG_COUNT": str(count + 1),
            f"GIT_CONFIG_KEY_{count}": f"url.{expand(url, environ)}.insteadOf",
            f"GIT_CONFIG_VALUE_{count}": plain(url),
        }
    return found


def run(words: list[str], environ: Mapping[str, str], shown: str, *, check: bool = True) -> str:
    """Run git and give what it printed, without its last line break."""
    try:
        done = subprocess.run(
            ["git", *words],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"the repository {shown} did not come in {TIMEOUT:g} s") from error
    if check and done.returncode:
        said = " ".join(PASSWORD.sub(r"\1****@", done.stderr).split())[-500:]
        raise ConfigError(f"the repository {shown} cannot be read, and git says: {said}")
    return done.stdout.strip()
