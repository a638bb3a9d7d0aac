"""Decide what a bento's environment consists of, before and after uv is asked.

In: what a project asks for, wheels that travel, models, imports. Out: lines for uv, and packages pinned by it or by
what is installed here. Whatever is added is said in one line.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from ekiben.bundle.carry import Wheelhouse, drop_ins, installed_from_folders
from ekiben.bundle.frameworks import needed_by_models
from ekiben.bundle.imports import Imported
from ekiben.bundle.installed import applies, find_distribution, pin_installed
from ekiben.bundle.requirements import Asked
from ekiben.bundle.resolve import Pinned, compile_lock
from ekiben.bundle.target import Target
from ekiben.bundle.wheels import Carried
from ekiben.core.errors import ConfigError
from ekiben.core.front import EKIBEN, front
from ekiben.core.uv import Unreachable, has_uv
from ekiben.store.info import ModelInfo

FROM_FOLDER = "it is installed from a folder"
OPEN = "versions are those installed here, without hashes"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what is asked for."""

    requirement: Requirement | None
    text: str = ""  # of a git address that stays one
    hashes: tuple[str, ...] = ()
    comment: str = ""  # why it is there

    def for_uv(self, carried: Mapping[str, Carried]) -> str:
        """Give what uv reads; a wheel that travels is named by its place."""
        if self.requirement is None:
            return self.text
        name = canonicalize_name(self.requirement.name)
        if name not in carried:
            return " ".join((str(self.requirement), *(f"--hash={each}" for each in self.hashes)))
        extras = f"[{','.join(sorted(self.requirement.extras))}]" if self.requirement.extras else ""
        marker = f" ; {self.requirement.marker}" if self.requirement.marker else ""
        return f"{name}{extras} @ {carried[name].wheel.resolve().as_uri()}{marker}"

    def opened(self) -> "Line":
        """Give the same for any version."""
        return self if self.requirement is None else replace(self, requirement=Requirement(self.requirement.name))

    def __str__(self) -> str:
        told = self.text if self.requirement is None else str(self.requirement)
        told = " ".join((told, *(f"--hash={each}" for each in self.hashes)))
        return f"{told}  # {self.comment}" if self.comment else told


class Plan:
    """What is to be locked, as it grows."""

    def __init__(self, asked: Asked, house: Wheelhouse, target: Target) -> None:
        self.asked, self.house, self.target, self.say = asked, house, target, house.tell
        self.lines: list[Line] = []
        self.added: list[Line] = []
        self.saved: list[Line] = []  # for models: their versions give way where nothing else goes
        self.is_offline = False

    @property
    def requirements(self) -> list[Requirement]:
        """What the project asks for itself, where it holds on the target."""
        found = [each.requirement for each in self.lines if each.requirement is not None]
        return [each for each in found if applies(each, "", self.target.markers())]

    def take_sources(self, context: Path, *, pack_git: bool) -> None:
        """Read what the project asks for; what has sources becomes a wheel."""
        for wanted in self.asked.wanted:
            if wanted.requirement is not None:
                self.lines.append(Line(wanted.requirement, hashes=wanted.hashes))
            elif wanted.git is not None and not pack_git:
                self.lines.append(Line(None, text=str(wanted)))
            else:
                found = self.house.add_source(wanted, context)
                self.lines.append(Line(found.requirement(wanted.extras), comment=found.origin))

    def take_own(self, imported: Sequence[Imported]) -> None:
        """Take what runs here from a folder: Ekiben always, others where needed."""
        names = {canonicalize_name(each.name) for each in self.requirements if each.url is None}
        brought = {name for each in imported for name in each.distributions}
        own = {EKIBEN.distribution: "the bento is served by what built it"}
        wanted = names | brought | {front().distribution}
        own |= {name: "it stands in for another" for name in drop_ins() if name in wanted}
        own |= dict.fromkeys(installed_from_folders(names - own.keys()), FROM_FOLDER)
        for name, why in sorted(own.items()):
            found = self.house.carried.get(name) or self.house.add_installed(name, why)
            against = [each for each in self.requirements if canonicalize_name(each.name) == name]
            for each in against:
                if not each.specifier.contains(found.version, prereleases=True):
                    self.say(f"{name} {found.version} travels, though {str(each)!r} is asked for: it is what runs here")
            if not against:
                self.added.append(Line(found.requirement(), comment=why))

    def add_frameworks(self, models: Sequence[ModelInfo]) -> None:
        """Add the packages by which the models were saved."""
        found, told = needed_by_models(models, self.requirements)
        for line in told:
            self.say(line)
        for each in found:
            self.say(f"{each.requirement} is added: {each.reason}")
            self.saved.append(Line(each.requirement, comment=each.reason))

    def add_imported(self, imported: Sequence[Imported], pinned: Sequence[Pinned] | None) -> bool:
        """Add what the service imports and nothing else brings; say whether there was any."""
        if pinned is None:
            there = set(pin_installed(self.all_requirements(), self.house.carried, self.target.markers()).versions)
            there |= {canonicalize_name(each.name) for each in self.all_requirements()}
        else:
            there = {each.name for each in pinned}
        before = len(self.added)
        for each in imported:
            if each.distributions and not there & set(each.distributions):
                self._add_import(each)
            elif not each.distributions and not self.house.brings(each.module):
                self.say(f"`{each.module}` is not installed here, and {each.place} imports it")
        return len(self.added) > before

    def _add_import(self, each: Imported) -> None:
        [name, *_] = each.distributions
        why = f"{each.place} imports {each.module}"
        if installed_from_folders([name]):
            self.added.append(Line(self.house.add_installed(name, why).requirement(), comment=why))
            return
        there = find_distribution(name)
        requirement = Requirement(f"{name}=={Version(there.version).public}" if there else name)
        self.say(f"{requirement} is added: {why}")
        self.added.append(Line(requirement, comment=why))

    def all_requirements(self) -> list[Requirement]:
        """What is asked for and what was added."""
        return [each.requirement for each in (*self.lines, *self.added, *self.saved) if each.requirement is not None]

    def settle(self) -> tuple[Pinned, ...]:
        """Lock by the index; where none answers, by what is installed."""
        if self.is_offline:
            return self.pin_here()
        if not has_uv():
            self.is_offline = True
            self.say(f"uv is not installed, so {OPEN}: pip install 'ekiben[build]'")
            return self.pin_here()
        try:
            return self.compile(self.saved)
        except Unreachable:
            self.is_offline = True  # and is not asked again
            self.say(f"no index of packages can be reached, so {OPEN}")
            return self.pin_here()
        except ConfigError:
            if not self.saved:
                raise
        pinned = self.compile([each.opened() for each in self.saved])
        self.say("the versions by which the models were saved do not go with the rest, so others were locked")
        self.saved = [each.opened() for each in self.saved]
        return pinned

    def compile(self, saved: Sequence[Line]) -> tuple[Pinned, ...]:
        """Lock by the index."""
        with tempfile.TemporaryDirectory(dir=self.house.folder) as scratch:
            return compile_lock(
                [each.for_uv(self.house.carried) for each in (*self.lines, *self.added, *saved)],
                constraints=self.asked.constraints,
                choices=self.asked.choices,
                carried=self.house.carried,
                target=self.target,
                folder=Path(scratch),
                environ=self.house.environ,
            )

    def pin_here(self) -> tuple[Pinned, ...]:
        """Lock by what is installed."""
        pins = pin_installed(self.all_requirements(), self.house.carried, self.target.markers())
        for name in installed_from_folders(set(pins.versions) - self.house.carried.keys()):
            self.house.add_installed(name, FROM_FOLDER)
        found = [Pinned(name, version, f"{name}=={version}") for name, version in pins.versions.items()]
        for each in pins.missing:
            self.say(f"{each} is not installed here, so it stays as it is asked for")
            found.append(Pinned(canonicalize_name(each.name), None, str(each)))
        found += [Pinned("", None, each.text) for each in self.lines if each.text]
        return tuple(found)
