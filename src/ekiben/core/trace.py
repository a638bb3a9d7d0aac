"""Show where in the user's own code something went wrong.

In: an exception that the user's code raised, or that importing it raised. Out: a few lines: what it was, and the
places in the user's files that led to it, without the frames of Ekiben, of Python and of libraries.
"""

import sysconfig
import traceback
from pathlib import Path

PACKAGE = str(Path(__file__).parents[1])
LIBRARIES = tuple(dict.fromkeys(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")))
MOST = 6  # frames; the last ones are nearest to the fault


def explain(error: BaseException) -> str:
    """Say what *error* is and where the user's code raised it.

    Returns:
        One line, or that line and, after an empty one, each place with its line of source, the fault last.
    """
    words = str(error)
    name = type(error).__name__
    module = type(error).__module__
    if isinstance(error, SyntaxError):
        shown = "".join(traceback.format_exception_only(error)).rstrip().removesuffix(f"{name}: {error.msg}").rstrip()
        return f"{name}: {error.msg}\n\n{shown}" if shown else f"{name}: {error.msg}"
    said = words if module.startswith("ekiben.") else f"{name}: {words}" if words else name
    places = frames(error)
    return f"{said}\n\n" + "\n".join(places) if places else said


def frames(error: BaseException) -> list[str]:
    """List the places in the user's code that *error* came through, the deepest last."""
    found = []
    for frame in traceback.extract_tb(error.__traceback__):
        if is_users(frame.filename):
            line = f'  File "{near(frame.filename)}", line {frame.lineno}, in {frame.name}'
            found.append(f"{line}\n    {frame.line}" if frame.line else line)
    return found[-MOST:]


def is_users(filename: str) -> bool:
    """Say whether a file is the user's: not ours, not Python's, not a library's."""
    if filename.startswith("<") and not filename.startswith(("<stdin", "<ipython", "<string")):
        return False
    return not filename.startswith((PACKAGE, *LIBRARIES))


def near(filename: str) -> str:
    """Write a path as it looks from the current folder, where it lies below that."""
    try:
        return str(Path(filename).relative_to(Path.cwd()))
    except (ValueError, OSError):  # it lies elsewhere, or the folder we stood in is gone
        return filename
