"""Run uv, which resolves, builds and installs packages.

In: words for its command line, variables. Out: what it printed, or an error in its words without ours or passwords.
Words go to uv as a list; no shell reads them.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ekiben.core.errors import ConfigError, MissingLibrary
from ekiben.core.optional import is_installed, need

# How uv says that it could not ask an index at all.
UNREACHABLE = (
    "error sending request",
    "dns error",
    "tcp connect error",
    "operation timed out",
    "client error (Connect)",
    "the network was disabled",
    "Network connectivity is disabled",
    "502 Bad Gateway",
    "503 Service Unavailable",
    "504 Gateway Timeout",
    "not found in the cache",
)
LONGEST = 2000  # letters of what uv says; the reason stands last
PASSWORD = re.compile(r"(://)[^/\s]+@")  # to the last one before the host: passwords may have some


class Unreachable(ConfigError):
    """No index answered, so that nothing can be said of the packages."""


def has_uv() -> bool:
    """Say whether uv can be run."""
    return is_installed("uv") or shutil.which("uv") is not None


def find_uv(why: str) -> str:
    """Give the path of uv: that of the installed package, else the one of this shell.

    Raises:
        MissingLibrary: there is none.
    """
    if is_installed("uv"):
        try:
            return str(need("uv", why, extra="build").find_uv_bin())
        except FileNotFoundError:  # a package whose program was taken away
            pass
    found = shutil.which("uv")
    if found is None:
        raise MissingLibrary(
            f"{why} needs the program `uv`, which is not installed", hint="pip install 'ekiben[build]'"
        )
    return found


def run_uv(
    words: Sequence[str], *, why: str, cwd: Path, environ: Mapping[str, str] | None = None, show: bool = False
) -> str:
    """Run uv and give its stdout.

    Args:
        words: its arguments.
        why: what needs it, as the subject of a sentence: "locking packages".
        cwd: its working directory, above which it looks for settings.
        environ: its variables; None means those of this process.
        show: let it draw its progress on the terminal.

    Raises:
        Unreachable: no index answered.
        ConfigError: uv failed, for a reason that it gives.
    """
    command = [find_uv(why), *words]
    variables = {**(os.environ if environ is None else environ), "UV_PYTHON_DOWNLOADS": "never"}
    if not show:
        variables["NO_COLOR"] = "1"
    done = subprocess.run(
        command,
        cwd=cwd,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if show else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    if show:
        raise ConfigError(f"{why} failed, and uv says why above (exit code {done.returncode})")
    said = explain(done.stderr, cwd)
    if any(words in said for words in UNREACHABLE):
        raise Unreachable(f"{why}: no index of packages can be reached: {said}")
    raise ConfigError(f"{why} failed, and uv says: {said or f'nothing (exit code {done.returncode})'}")


def explain(said: str, cwd: Path) -> str:
    """Make one line of uv's words, without passwords and without the folder it ran in."""
    bare = PASSWORD.sub(r"\1****@", said.replace(f"{cwd}/", ""))
    parts = (re.sub(r"^(error|cause|×|╰─▶|├─▶|│|warning|hint):?\s*", "", line.strip()) for line in bare.splitlines())
    return " ".join(part for part in parts if part)[-LONGEST:]
