"""Make this process one that serves from the user's folder.

In: a target and the folder that was named for it. Out: the target as it reads from there.
For a process of its own only, such as the command line's: it changes the current folder.
"""

import os
import sys
from pathlib import Path

from ekiben.core.errors import ServiceLoadError
from ekiben.services import project


def enter(target: str, folder: str | os.PathLike[str] | None = None) -> str:
    """Go to *folder*, and on into the project where the target is one.

    Modules are looked for there, relative paths of the user's code start there, and no bytecode is written there.

    Args:
        target: what is served; a path in it starts from *folder*.
        folder: the current one if it is None.

    Returns:
        The target, `.` where it was a project's folder.

    Raises:
        ServiceLoadError: *folder* is no folder.
    """
    place = Path(folder or ".").resolve()
    if not place.is_dir():
        raise ServiceLoadError(f"the working folder must be a folder: {str(folder)!r}")
    if target and project.is_project(place / target):
        place, target = (place / target).resolve(), "."
    os.chdir(place)
    sys.dont_write_bytecode = True
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))
    return target
