"""Say which packages a bundle needs, pinned to what is installed here.

In: the environment of a service, the file of its class. Out: the lines of requirements.txt, each a requirement that was
parsed and written again, and the wheels that travel with it: what is asked for here and has no index is not lost.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import bentoml
from bentoml.bundles.environment import BentoServiceEnv, read_requirement
from ekiben.bundle.carry import drop_ins
from ekiben.bundle.frameworks import SAME
from ekiben.bundle.imports import Imported
from ekiben.bundle.installed import find_distribution
from ekiben.bundle.requirements import Asked, read_file
from ekiben.bundle.wheels import build_once, pack_distribution, state_of
from ekiben.core.errors import ConfigError
from ekiben.core.front import EKIBEN

OURS = (EKIBEN.distribution, "bentoml")


@dataclass(frozen=True, slots=True)
class Packages:
    """What is to be installed before a bundle can be loaded."""

    lines: tuple[str, ...]  # requirements, one each
    options: tuple[str, ...]  # of pip: where packages come from
    notes: tuple[str, ...]  # what could not be pinned, for whoever saves

    @property
    def text(self) -> str:
        """The text of requirements.txt."""
        return "\n".join((*self.options, *self.lines)) + "\n"


def settle(env: BentoServiceEnv, imported: Sequence[Imported], adapters: Iterable[str]) -> Packages:
    """Settle the packages of a bundle.

    Args:
        env: what the service asks for; artifacts have added theirs.
        imported: what the code imports, from `bundle/imports`.
        adapters: packages that the kinds of input need.

    Raises:
        ConfigError: a requirements file is not there, or a line of it is none that a bundle can hold.
    """
    asked, notes = read_asked(env.options.requirements_txt_file), list[str]()
    lines: dict[str, str] = {}
    for number, line in enumerate(env.options.pip_packages):
        add(lines, pinned(read_requirement(line, f"`pip_packages[{number}]`")))
    for wanted in asked.wanted:
        if wanted.requirement is None:
            lines.setdefault(str(wanted), str(wanted))
        else:
            add(lines, pinned(wanted.requirement))
    for line in env.added:
        add(lines, pinned(read_requirement(line, "a package of an artifact")))
    if env.infer_pip_packages:
        for line in adapters:
            add(lines, pinned(read_requirement(line, "a package of an adapter")))
        for each in imported:
            for name in each.distributions:
                add(lines, pinned(Requirement(name)))
            if not each.distributions:
                notes.append(f"`{each.module}` ({each.place}) is imported and not installed, so nothing is asked for")
    for name in OURS:
        lines.pop(name, None)
    indexes = env.options.indexes(Path.cwd()).plus(asked.indexes)
    return Packages(tuple(lines.values()), (*indexes.lines, *asked.choices), tuple(notes))


def read_asked(file: str | None) -> Asked:
    """Read the file that `requirements_txt_file` names; raises ConfigError."""
    if file is None:
        return Asked()
    place = Path(file)
    if not place.is_file():
        raise ConfigError(f"`requirements_txt_file` names no file: {file!r}")
    asked = read_file(place, place.resolve().parent)
    for wanted in asked.wanted:
        if wanted.path is not None:
            raise ConfigError(
                f"{wanted.place} names a path of this machine, which a bundle cannot hold: {wanted.path.name!r}",
                hint="name the package, or put its code beside the service",
            )
    if asked.constraints:
        raise ConfigError(f"{place.name} names constraints, which a bundle cannot hold", hint="pin the packages")
    return asked


def add(lines: dict[str, str], requirement: Requirement) -> None:
    """Add a requirement, unless its package is asked for already, perhaps by the other name that it has."""
    name = canonicalize_name(requirement.name)
    beside = next((row for row in SAME if name in row), frozenset({name}))
    if not beside & set(lines):
        lines[name] = str(requirement)


def pinned(requirement: Requirement) -> Requirement:
    """Give a bare name the version that is installed; what says more stays as it is."""
    if requirement.specifier or requirement.url is not None:
        return requirement
    name = stand_in(requirement.name)
    if name is None:
        return requirement
    found = find_distribution(name)
    version = Version(found.version).public if found is not None else ""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f"; {requirement.marker}" if requirement.marker else ""
    shown = requirement.name if canonicalize_name(requirement.name) == name else name
    return Requirement(f"{shown}{extras}=={version}{marker}")


def stand_in(name: str) -> str | None:
    """Name the installed distribution that brings the modules of *name*; None where there is none."""
    normal: str = canonicalize_name(name)
    rows = [row for row in SAME if normal in row]
    for each in (normal, *(sorted(rows[0] - {normal}) if rows else ())):
        if find_distribution(each) is not None:
            return str(each)
    return None


def carry_ours(folder: Path) -> list[Path]:
    """Write the wheels of what serves bundles into *folder*: Ekiben, and this drop-in.

    Raises:
        ConfigError: one of them cannot be made into a wheel here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = [pack_distribution(EKIBEN.distribution, folder)]
    if "bentoml" in drop_ins():
        return [*made, pack_distribution("bentoml", folder)]
    source = Path(str(bentoml.__file__)).resolve().parents[2]  # run from its sources
    if not (source / "pyproject.toml").is_file():
        raise ConfigError("`bentoml`, as Ekiben stands in for it, must be installed to travel with a bundle")
    name, data = build_once(source, state_of(source))
    (folder / name).write_bytes(data)
    return [*made, folder / name]
