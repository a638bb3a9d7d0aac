"""Settle which packages a bento's environment has, so that it starts.

In: what a project says of its packages, the models of the bento, a target. Out: a `Lock`: requirements as asked and as
locked, and the wheels that travel.

To what the project asks for are added: the Ekiben that builds (as a wheel), the packages by which the models were
saved, and what the service imports and nothing else brings. Each addition is said in one line. Where no index answers,
versions are those installed here. Nothing in a lock names a place of this machine, and no password is in it.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ekiben.bundle.carry import Wheelhouse, carry_links
from ekiben.bundle.frameworks import needed_by_services
from ekiben.bundle.imports import find_imports
from ekiben.bundle.indexes import Indexes
from ekiben.bundle.options import PythonOptions
from ekiben.bundle.plan import Plan
from ekiben.bundle.requirements import Asked, Wanted, join_project, read_file, read_line, read_words
from ekiben.bundle.resolve import Pinned
from ekiben.bundle.target import Target
from ekiben.core.front import front
from ekiben.store.info import ModelInfo

Tell = Callable[[str], None]

# Of the folder `env/python` of a bento.
ASKED, LOCKED, VERSION, WHEELS = "requirements.txt", "requirements.lock.txt", "version.txt", "wheels"


@dataclass(frozen=True, slots=True)
class Lock:
    """The packages of a bento, for `env/python`."""

    asked: str  # requirements.txt: what the project says, and what was added
    locked: str | None  # requirements.lock.txt; None where `lock_packages` is off
    has_hashes: bool  # each line of `locked` has the hashes of its files
    wheels: tuple[Path, ...]  # that travel, beside each other
    target: Target
    notes: tuple[str, ...]  # what was said

    def write(self, folder: Path) -> None:
        """Write the texts into *folder*, `env/python` of a bento, which has the wheels."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ASKED).write_text(self.asked, "utf-8", newline="\n")
        if self.locked is not None:
            (folder / LOCKED).write_text(self.locked, "utf-8", newline="\n")

    def describe(self) -> dict[str, Any]:
        """Give what `bento.yaml` says of it under `environment`."""
        how = None if self.locked is None else "hashes" if self.has_hashes else "versions"
        return {"platform": self.target.platform, "locked": how}


def lock(
    python: PythonOptions,
    *,
    context: Path,
    models: Sequence[ModelInfo],
    wheels: Path,
    target: Target | None = None,
    entry: Path | None = None,
    services: Sequence[Mapping[str, Any]] = (),
    tell: Tell,
) -> Lock:
    """Lock the packages of a project.

    Args:
        python: what the project says.
        context: the project's folder.
        models: those of the bento.
        wheels: a folder, empty or not there yet, for the wheels that travel; uv looks for its settings above it.
        target: where the bento will run; None is this machine's processor and Python, on Linux.
        entry: the file of the service, whose imports are followed.
        services: those of the bento, as `bento.yaml` has them.
        tell: gets each line that a person should read.

    Raises:
        ConfigError: a requirement is none, leads out of the project or holds a password; or nothing goes together.
        MissingLibrary: a local package has to be built, and uv is not installed.
    """
    target = target or Target.parse()
    notes: list[str] = []

    def say(line: str) -> None:
        if line not in notes:
            notes.append(line)
            tell(line)

    asked = read_asked(python, context)
    wheels.mkdir(parents=True, exist_ok=True)
    house = Wheelhouse(wheels, asked.indexes.variables(os.environ), say)
    imported = (*(find_imports(entry, context) if entry else ()), *needed_by_services(services))
    plan = Plan(asked, house, target)
    plan.take_sources(context, pack_git=python.pack_git_packages)
    plan.take_own(imported)
    plan.add_frameworks(models)
    pinned = plan.settle() if python.lock_packages else None
    if plan.add_imported(imported, pinned) and pinned is not None:
        pinned = plan.settle()
    if pinned is not None:
        carry_links(pinned, links(asked, house.environ), target, wheels)
    has_hashes = pinned is not None and all(each.hashes for each in pinned)
    if pinned is not None:
        how = "with hashes" if has_hashes else "without hashes"
        tell(f"Locked {len(pinned)} packages for {target}, {how}.")
    return Lock(
        asked=write_asked(plan),
        locked=None if pinned is None else write_locked(plan, pinned, has_hashes=has_hashes),
        has_hashes=has_hashes,
        wheels=tuple(sorted(wheels.iterdir())),
        target=target,
        notes=tuple(notes),
    )


def read_asked(python: PythonOptions, context: Path) -> Asked:
    """Read what a project says of its packages.

    Raises:
        ConfigError: a requirement is none, leads out of the project, or holds a password.
    """
    asked = Asked()
    if python.requirements_txt is not None:
        path = join_project(python.requirements_txt, "`python.requirements_txt`", context)
        asked = read_file(path, context)
    places = ((f"`python.packages[{index}]`", line) for index, line in enumerate(python.packages))
    wanted = [read_line(line, place, context) for place, line in places]
    for index, text in enumerate(python.wheels):
        place = f"`python.wheels[{index}]`"
        wanted.append(Wanted(place, path=join_project(text, place, context)))
    return asked.plus(Asked(tuple(wanted), indexes=read_indexes(python, context))).plus(
        read_words(python.pip_args, "`python.pip_args`", context)
    )


def read_indexes(python: PythonOptions, context: Path) -> Indexes:
    """Read where packages come from."""
    keys = {
        "index_url": [python.index_url] if python.index_url else [],
        "extra_index_url": python.extra_index_url,
        "find_links": python.find_links,
        "trusted_host": python.trusted_host,
    }
    found = Indexes(no_index=python.no_index)
    for key, values in keys.items():
        option = f"--{key.replace('_', '-')}"
        found = found.plus(Indexes.read({option: values}, f"`python.{key}`", context))
    return found


def write_asked(plan: Plan) -> str:
    """Give the text of requirements.txt."""
    lines = [*settings(plan.asked), *map(str, plan.lines)]
    added = [*plan.added, *plan.saved]
    if added:
        lines += ["", f"# Added by `{front().program} build`.", *map(str, added)]
    return "\n".join(lines) + "\n"


def write_locked(plan: Plan, pinned: Sequence[Pinned], *, has_hashes: bool) -> str:
    """Give the text of requirements.lock.txt.

    pip asks for all hashes where it sees one, so there are all or none.
    """
    found = [each if has_hashes else Pinned(each.name, each.version, each.requirement) for each in pinned]
    head = [f"# Locked by `{front().program} build` for {plan.target}; wheels without an index lie in `wheels/`."]
    return "\n".join([*head, *settings(plan.asked), *map(str, sorted(found, key=lambda each: each.name))]) + "\n"


def settings(asked: Asked) -> Iterator[str]:
    """Give the lines of a requirements file that say where packages come from."""
    yield from asked.indexes.lines
    yield from (each for each in asked.choices if each.startswith(("--no-binary", "--only-binary")))


def links(asked: Asked, environ: Mapping[str, str]) -> list[Path]:
    """List the folders with wheels: the project's and the machine's."""
    ours = [Path(each) for each in environ.get("UV_FIND_LINKS", "").split(",") if each and "://" not in each]
    return [each for each in dict.fromkeys((*asked.indexes.folders, *ours)) if each.is_dir()]
