"""Say what the service in a folder of code is, by asking a process of its own.

In: a folder, a target in it. Out: a `Description`: plain data, whatever the code does while it is imported.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ekiben.core import errors
from ekiben.core.errors import EkibenError, ServiceLoadError
from ekiben.core.front import EKIBEN, front
from ekiben.core.paths import home

LINES = 20  # of what a process wrote before it died


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of a service without running it."""

    name: str
    doc: str
    services: tuple[Mapping[str, Any], ...]  # what it depends on first, itself last
    models: tuple[str, ...]  # exact tags that its code asks for
    entry: str | None  # its file, from the folder
    openapi: Mapping[str, Any]

    @property
    def spec(self) -> Mapping[str, Any]:
        """The spec of the service itself."""
        found: Mapping[str, Any] = self.services[-1]["spec"]
        return found


def describe(
    folder: Path, service: str, roots: Sequence[str], aliases: Mapping[str, str], *, shown: Path, scratch: Path
) -> Description:
    """Load the service in *folder*, elsewhere, and describe it.

    Args:
        folder: the code, as the bento will have it; a real path.
        service: a target in it.
        roots: folders of it that imports start from.
        aliases: models by the names that the service has for them.
        shown: the folder that errors speak of in place of *folder*.
        scratch: a folder for the answer, which goes with the build whatever happens.

    Raises:
        ServiceLoadError: it cannot be loaded, or the process that loads it dies.
        ConfigError: its options are wrong.
    """
    request = {
        "service": service,
        "roots": [str((folder / root).resolve()) for root in roots],
        "aliases": dict(aliases),
    }
    place = str(home())
    environ = {
        **os.environ,
        EKIBEN.home_variable: place,
        front().home_variable: place,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    answer = scratch / "description.json"
    command = [sys.executable, "-P", "-m", "ekiben.bundle.reader", json.dumps(request), str(answer)]
    done = subprocess.run(command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if not answer.is_file():
        told = (done.stderr + done.stdout).decode(errors="replace").splitlines()[-LINES:]
        raise ServiceLoadError(
            "\n".join([f"the process that loads `{service}` ended with {done.returncode}", *told]),
            hint="serve it first: what ends it now would end the server, too",
        )
    text = answer.read_text("utf-8")
    found = json.loads(text)
    if "error" in found:
        kind = getattr(errors, found["kind"], ServiceLoadError)
        made = kind if isinstance(kind, type) and issubclass(kind, EkibenError) else ServiceLoadError
        hint = found["hint"]
        raise made(_at(found["error"], folder, shown), hint=None if hint is None else _at(hint, folder, shown))
    # What the code says of its own place, such as a default made of `__file__`, is not known before it is stored.
    found = json.loads(text.replace(json.dumps(str(folder))[1:-1], "."))
    return Description(
        name=found["name"],
        doc=found["doc"],
        services=tuple(found["services"]),
        models=tuple(found["models"]),
        entry=found["entry"],
        openapi=found["openapi"],
    )


def _at(text: str, folder: Path, shown: Path) -> str:
    """Write the folder that the user knows in place of ours."""
    return text.replace(str(folder), str(shown))
