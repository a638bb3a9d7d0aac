"""Pin packages to what is installed here, where no index can be asked.

In: requirements, the wheels that travel, what markers see on the target. Out: `name==version` for them and all that
they need, and what is not installed.
Source: PEP 508 (extras and markers); `importlib.metadata`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ekiben.bundle.wheels import Carried


@dataclass(frozen=True, slots=True)
class Pins:
    """What is installed of what is needed."""

    versions: Mapping[str, str]  # by the package's normal name
    missing: tuple[Requirement, ...]  # not installed, or in a version that does not do


def pin_installed(wanted: Iterable[Requirement], carried: Mapping[str, Carried], markers: Mapping[str, str]) -> Pins:
    """Find the installed versions of requirements, and of what those require.

    Args:
        wanted: the requirements.
        carried: wheels that travel, by their names; they count before what is installed.
        markers: what a marker sees where it will run.
    """
    versions: dict[str, str] = {}
    missing: dict[str, Requirement] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [each for each in wanted if applies(each, "", markers)]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        found = find(name, carried)
        if found is None or not requirement.specifier.contains(found[0], prereleases=True):
            missing.setdefault(str(requirement), requirement)
            continue
        versions[name] = found[0]
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                waiting += [each for each in found[1] if applies(each, extra, markers)]
    bad = {canonicalize_name(each.name) for each in missing.values()}
    pinned = {name: version for name, version in sorted(versions.items()) if name not in bad}
    return Pins(pinned, tuple(each for _, each in sorted(missing.items())))


def find(name: str, carried: Mapping[str, Carried]) -> tuple[str, tuple[Requirement, ...]] | None:
    """Give version and requirements of a package; None if it is not there."""
    if name in carried:
        return carried[name].version, carried[name].requires
    found = find_distribution(name)
    return None if found is None else (found.version, tuple(Requirement(each) for each in found.requires or ()))


def find_distribution(name: str) -> Distribution | None:
    """Give an installed distribution; None if there is none of this name."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def applies(requirement: Requirement, extra: str, markers: Mapping[str, str]) -> bool:
    """Say whether a requirement holds on the target, for *extra* of who requires it."""
    return requirement.marker is None or requirement.marker.evaluate({**markers, "extra": extra})
