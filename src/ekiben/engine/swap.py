"""Decide which models the next workers load.

In: what `latest` is of each model that a service uses. Out: what to try next, if anything; what became of each try.
Pure: no store, no process. Models that landed together are tried together, since they may be made for each other; where
that is refused, each is tried alone. What was refused is not tried again until something newer lands.
"""

from collections.abc import Mapping

# In the notes of a worker's place.
MODELS = "models"  # what `latest` stands for: versions by name, and the folder of the store
TRIED = "tried"  # names of models that are newer than those in use
TRIAL = "trial"  # seconds to say that it is ready; a worker with a newer model has to stand a trial

Versions = Mapping[str, str]  # by name of the model


class Swap:
    """The versions in use, and those that were refused.

    Args:
        in_use: versions by name.
    """

    def __init__(self, in_use: Versions) -> None:
        self.in_use = dict(in_use)
        self.swapped = 0
        self.refused = 0
        self._alone: dict[str, str] = {}  # refused, by name
        self._together: dict[str, str] = {}  # refused when all of them were tried at once

    def next(self, latest: Mapping[str, str | None]) -> dict[str, str]:
        """Give the versions to load in place of those in use; none says that all stays.

        Args:
            latest: by name; None where the store has no version of it.
        """
        self._alone = {name: version for name, version in self._alone.items() if latest.get(name) == version}
        found = {
            name: version
            for name, version in sorted(latest.items())
            if version is not None and version not in (self.in_use[name], self._alone.get(name))
        }
        if len(found) > 1 and found == self._together:
            return dict([next(iter(found.items()))])
        return found

    def accept(self, tried: Versions) -> None:
        """Note that workers with these versions have taken over."""
        self.in_use.update(tried)
        self.swapped += 1

    def refuse(self, tried: Versions) -> None:
        """Note that workers with these versions could not take over."""
        self.refused += 1
        if len(tried) == 1:
            self._alone.update(tried)
        else:
            self._together = dict(tried)

    def forget(self) -> None:
        """Let what was refused be tried again."""
        self._alone.clear()
        self._together.clear()


def shown(versions: Versions) -> str:
    """Write versions as tags."""
    return " and ".join(f"{name}:{version}" for name, version in sorted(versions.items()))
