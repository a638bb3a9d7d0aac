"""Say what is served, and from which folder, as it was typed.

In: the words of `ekiben serve`. Out: what `services/load` is given, once the folder was entered.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Targets, seen from a folder."""

    targets: tuple[str, ...]  # at least one
    working_dir: str | None = None

    def enter(self) -> Any:
        """Stand in the project's folder; give the target, or the list of several.

        Raises:
            ConfigError: the working folder is none.
        """
        from ekiben.cli.project import enter

        if self.is_several():
            enter(".", self.working_dir or ".")
            return list(self.targets)
        return enter(self.targets[0], self.working_dir)

    def is_several(self) -> bool:
        """Say whether each target stands below a name: there are several, or it is named."""
        from ekiben.services.stall import named

        return len(self.targets) > 1 or named(self.targets[0], Path(self.working_dir or "."))[0] is not None

    def source_folder(self) -> Path:
        """Say which folder holds the code, before it is entered."""
        from ekiben.cli.project import source_folder

        return source_folder("." if self.is_several() else self.targets[0], self.working_dir)
