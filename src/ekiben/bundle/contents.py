"""Write what stands in a bento beside its code.

In: what a build found out. Out: files of the folders `env` and `apis`, the same for the same input.
"""

import json
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from ekiben.bundle.description import Description
from ekiben.bundle.lock import VERSION, WHEELS, lock
from ekiben.bundle.options import BuildOptions, DockerOptions
from ekiben.bundle.target import Target
from ekiben.store.models import StoredModel

SCRIPTS = "docker/scripts"  # in `env`: those of the service's image, by their place
SETUP = "docker/setup_script"  # in `env`, whatever it is called in the project


def write_text(place: Path, text: str) -> None:
    """Write a file, and the folders above it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, "utf-8", newline="\n")


def write_environment(
    folder: Path,
    context: Path,
    options: BuildOptions,
    models: Sequence[StoredModel],
    *,
    target: Target,
    described: Description,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Lock the packages of the bento, and write what its environment is made from.

    Args:
        folder: `env` of the bento.
        context: the project's folder.
        options: of the build.
        models: of the bento.
        target: where it will run.
        described: the service.
        tell: gets each line that a person should read.

    Returns:
        What `bento.yaml` says of it.

    Raises:
        ConfigError: a requirement is none, or the packages do not go together.
    """
    python = options.docker.python_version or platform.python_version()
    place = folder / "python"
    write_text(place / VERSION, python + "\n")
    if options.python.lock_packages:
        tell("Locking PyPI package versions.")
    locked = lock(
        options.python,
        context=context,
        models=[model.info for model in models],
        wheels=place / WHEELS,
        target=target,
        entry=context / described.entry if described.entry else None,
        services=described.services,
        tell=tell,
    )
    locked.write(place)
    if options.docker.system_packages:
        write_text(folder / "system_packages.txt", "\n".join(options.docker.system_packages) + "\n")
    if options.docker.setup_script:
        (folder / SETUP).parent.mkdir(parents=True)
        shutil.copy(context / options.docker.setup_script, folder / SETUP)
    for number, path in enumerate(scripts_of(options)):
        (folder / SCRIPTS).mkdir(parents=True, exist_ok=True)
        shutil.copy(context / path, folder / SCRIPTS / str(number))
    return {"python_version": python, **locked.describe()}


def scripts_of(options: BuildOptions) -> list[str]:
    """List the scripts of the service's image, each once."""
    told = [word for verb, word in (*options.steps.before, *options.steps.after) if verb == "run_script"]
    return list(dict.fromkeys(told))


def commands(steps: Sequence[tuple[str, str]], scripts: Sequence[str]) -> list[Any]:
    """Give commands as `bento.yaml` has them.

    Each is text, or says where a script lies in the bento.
    """
    return [
        {"script": f"env/{SCRIPTS}/{scripts.index(word)}"} if verb == "run_script" else word for verb, word in steps
    ]


def write_apis(folder: Path, described: Description) -> None:
    """Write what clients read: OpenAPI, and the schema of each endpoint."""
    text = yaml.safe_dump(dict(described.openapi), sort_keys=False, allow_unicode=True)
    write_text(folder / "openapi.yaml", text)
    schema = {"name": described.name, "endpoints": described.spec["endpoints"]}
    write_text(folder / "schema.json", json.dumps(schema, indent=1, ensure_ascii=False) + "\n")


def docker_of(options: BuildOptions) -> Mapping[str, Any]:
    """Give the options of the image that differ from the defaults, as plain data."""
    given, usual = asdict(options.docker), asdict(DockerOptions())
    found = {key: value for key, value in given.items() if value != usual[key]}
    if options.docker.setup_script:
        found["setup_script"] = f"env/{SETUP}"
    scripts, steps = scripts_of(options), options.steps
    run = {"commands": commands(steps.before, scripts), "post_commands": commands(steps.after, scripts)}
    found |= {key: value for key, value in {**run, "build_include": list(steps.include)}.items() if value}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in found.items()}
