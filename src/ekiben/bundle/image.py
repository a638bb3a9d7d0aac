"""Lay what a service says of its image into the options of its build.

In: options, as the project's settings have them, and the `ImageSpec` of the service as plain data. Out: options. Values
of the settings stand over those of the code, lists are joined, and all are held to what a bentofile's are held to.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ekiben.bundle.files import choose_files
from ekiben.bundle.options import BuildOptions, Steps, read_docker, read_python
from ekiben.bundle.values import check_letters, read_file, texts
from ekiben.core.errors import ConfigError
from ekiben.core.uv import run_uv

UV_LOCK = "uv.lock"
# What `uv export` is told: the project itself is in the bento already.
EXPORT = (
    "export",
    "--frozen",
    "--quiet",
    "--no-dev",
    "--no-hashes",
    "--no-emit-project",
    "--no-header",
    "--no-annotate",
)
PACKAGES = (
    "python_packages",
    "requirements_file",
    "pyproject_toml",
    "uv_lock",
)  # steps after which commands come later


def with_image(options: BuildOptions, image: Mapping[str, Any] | None, context: Path) -> BuildOptions:
    """Give the options of a build with what the service says of its image.

    Args:
        options: of the project.
        image: of the service's spec.
        context: the folder of the project.

    Raises:
        ConfigError: a step names what the project does not have, or a value is none of its kind.
    """
    if image is None:
        return options
    steps = [(str(verb), [str(word) for word in words]) for verb, words in image["steps"]]
    check_letters([*steps, image["base"] or "", image["python_version"] or ""], "image")
    said = collect(steps, context)
    python = read_python({"packages": said["packages"], "requirements_txt": said["requirements"]}, context)
    docker = read_docker(
        {"base_image": image["base"], "python_version": image["python_version"], "system_packages": said["system"]},
        context,
    )
    own, usual = options.docker, options.python
    if python.requirements_txt and usual.requirements_txt not in (None, python.requirements_txt):
        raise ConfigError(
            f"`python.requirements_txt` and the service's image name two files: {usual.requirements_txt!r}, "
            f"{python.requirements_txt!r}",
            hint="let one name the other: `-r other.txt`",
        )
    return replace(
        options,
        python=replace(
            usual,
            packages=(*python.packages, *usual.packages),
            requirements_txt=usual.requirements_txt or python.requirements_txt,
            lock_packages=usual.lock_packages and bool(image.get("lock_packages", True)),
            pack_git_packages=usual.pack_git_packages and bool(image.get("pack_git_packages", True)),
        ),
        docker=replace(
            own,
            base_image=own.base_image or (None if own.cuda_version else docker.base_image),
            python_version=own.python_version or docker.python_version,
            system_packages=tuple(dict.fromkeys((*docker.system_packages, *own.system_packages))),
        ),
        steps=read_steps(steps, said["include"], context),
    )


def collect(steps: list[tuple[str, list[str]]], context: Path) -> dict[str, Any]:
    """Gather what is installed, by its kind; raises as `with_image`."""
    found: dict[str, Any] = {"packages": [], "system": [], "include": [], "requirements": None}
    for verb, words in steps:
        if verb == "python_packages":
            found["packages"] += words
        elif verb == "system_packages":
            found["system"] += words
        elif verb == "build_include":
            found["include"] += words
        elif verb == "pyproject_toml":
            found["packages"] += dependencies(context / read_file(words[0], "pyproject_toml", context=context))
        elif verb == "uv_lock":
            found["packages"] += exported(context)
        elif verb == "requirements_file":
            if found["requirements"] not in (None, words[0]):
                raise ConfigError(
                    f"`requirements_file` of an image must be said once: {words[0]!r}",
                    hint="let one file name the other: `-r other.txt`",
                )
            found["requirements"] = words[0]
        elif verb not in ("run", "run_script"):
            raise ConfigError(f"an image has no step `{verb}`")
    return found


def read_steps(steps: list[tuple[str, list[str]]], patterns: list[str], context: Path) -> Steps:
    """Give the commands before and after the Python packages.

    A script is a path in the project.
    """
    before: list[tuple[str, str]] = []
    after: list[tuple[str, str]] = []
    current = before
    for verb, words in steps:
        if verb in PACKAGES:
            current = after
        elif verb == "run":
            current.append((verb, words[0]))
        elif verb == "run_script":
            current.append((verb, read_file(words[0], verb, context=context)))
    include = tuple(sorted(choose_files(context, patterns))) if patterns else ()
    if patterns and not include:
        raise ConfigError(f"`build_include` of an image names no file of the project: {', '.join(patterns)}")
    return Steps(tuple(before), tuple(after), include)


def dependencies(path: Path) -> tuple[str, ...]:
    """Give `project.dependencies` of a pyproject.toml; raises ConfigError."""
    try:
        project = tomllib.loads(path.read_text("utf-8")).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is not TOML that can be read: {error}: {path}") from error
    if not isinstance(project, Mapping) or "dependencies" in project.get("dynamic", ()):
        raise ConfigError(f"{path.name}: `project.dependencies` must be written there: {path}")
    return texts(project.get("dependencies", []), f"{path.name}: project.dependencies")


def exported(context: Path) -> Iterator[str]:
    """Give what the project's uv.lock has settled, a requirement each.

    Raises ConfigError where there is none.
    """
    if not (context / UV_LOCK).is_file():
        raise ConfigError(f"`uv_lock` of an image needs the project's {UV_LOCK}: {context}", hint="run `uv lock` there")
    told = run_uv(EXPORT, why=f"reading {UV_LOCK}", cwd=context)
    return (line.strip() for line in told.splitlines() if line.strip() and not line.lstrip().startswith("#"))
