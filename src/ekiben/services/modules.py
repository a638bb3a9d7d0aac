"""Find and import the user's modules, whatever they are called.

In: a dotted name or the path of a file. Out: the imported module; what fails is shown at the user's line.
A module that lies in the user's folder is that file, even if Python or Ekiben has one of that name (`http`, `queue`).
Importing writes nothing into the user's folder.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from ekiben.core.errors import EkibenError, ServiceLoadError
from ekiben.core.optional import DISTRIBUTIONS
from ekiben.core.trace import explain
from ekiben.services.near import near_hint
from ekiben.services.quiet import QuietLoader, keep_clean


@dataclass(frozen=True, slots=True)
class Module:
    """A module that has not been imported yet."""

    name: str  # dotted, from `root`
    written: str  # as the user wrote it
    file: Path | None = None  # None: it is installed
    root: Path | None = None  # the folder that imports start from


def at(path: Path) -> Module:
    """Name the module in a file, within the packages that the file lies in.

    Raises:
        ServiceLoadError: there is no such file.
    """
    path = path.resolve()
    if not path.is_file():
        hint = near_hint(path.name, [file.name for file in path.parent.glob("*.py")])
        raise ServiceLoadError(f"there is no file {path}", hint=hint)
    name, root = path.stem, path.parent
    while (root / "__init__.py").is_file():
        name, root = f"{root.name}.{name}", root.parent
    return Module(name, path.name, path, root)


def find(name: str, folder: Path) -> Module | None:
    """Find a module by its dotted name, in *folder* or installed; import nothing."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    base = folder.joinpath(*parts)
    for file in (base.with_suffix(".py"), base / "__init__.py"):
        if file.is_file():
            return Module(name, name, file.resolve(), folder)
    if parts[0] in sys.stdlib_module_names:
        return None
    try:
        installed = importlib.util.find_spec(parts[0])
    except ValueError:  # `__main__`, and modules made by hand
        return None
    return None if installed is None or installed.origin is None else Module(name, name)


def enter_roots(roots: Sequence[Path]) -> None:
    """Let imports start from *roots*, in their order, and write nothing there."""
    for root in reversed(roots):
        keep_clean(root)
        if str(root) in sys.path:
            sys.path.remove(str(root))
        sys.path.insert(0, str(root))
    importlib.invalidate_caches()


@contextmanager
def apart(roots: Sequence[Path], target: str) -> Iterator[None]:
    """Import from *roots* for this block, whatever other modules bear the names.

    Modules of other folders, which this process has already, are put back afterwards; the one of *target* itself needs
    no care, as `load_file` finds another name for it.
    """
    enter_roots(roots)
    own = {entry.stem for root in roots for entry in root.iterdir() if entry.suffix == ".py" or entry.is_dir()}
    own.discard(target.partition(":")[0].removesuffix(".py").partition(".")[0])
    aside = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
        is_theirs = file is not None and not any(Path(file).resolve().is_relative_to(root) for root in roots)
        if name.partition(".")[0] in own - sys.stdlib_module_names and is_theirs:
            aside[name] = sys.modules.pop(name)
    try:
        yield
    finally:
        sys.modules.update(aside)


def load(module: Module) -> ModuleType:
    """Import a module of the user's.

    Raises:
        ServiceLoadError: its code raised something; the error says what, and at which line.
    """
    if module.root is not None:
        keep_clean(module.root)
        if str(module.root) not in sys.path:
            sys.path.insert(0, str(module.root))
            importlib.invalidate_caches()
    try:
        return importlib.import_module(module.name) if module.file is None else load_file(module, module.file)
    except ServiceLoadError:
        raise
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise ServiceLoadError(
            f"`{module.written}` cannot be imported: {explain(error)}", hint=hint_of(error)
        ) from error


def load_file(module: Module, file: Path) -> ModuleType:
    """Import *file*, under its own name unless that belongs to another module already."""
    known = sys.modules.get(module.name)
    if known is not None and is_from(known, file):
        return known
    top, dot, _ = module.name.partition(".")
    if dot:
        package = sys.modules.get(top)
        if package is not None and not is_below(package, file):
            raise ServiceLoadError(
                f"`{module.name}` cannot be imported, as another module is called `{top}`: {place_of(package)}",
                hint="rename the folder",
            )
        return importlib.import_module(module.name)
    name = module.name
    if known is not None or name in sys.stdlib_module_names:
        name = f"{name}@{file.parent}"
        known = sys.modules.get(name)
        if known is not None:
            return known
    spec = importlib.util.spec_from_file_location(name, file, loader=QuietLoader(name, str(file)))
    assert spec is not None  # a loader was given
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    try:
        spec.loader.exec_module(made)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return made


def is_from(module: ModuleType, file: Path) -> bool:
    """Say whether *module* was imported from *file*."""
    place = getattr(module, "__file__", None)
    return place is not None and Path(place).resolve() == file


def is_below(package: ModuleType, file: Path) -> bool:
    """Say whether *file* lies in the folder of *package*."""
    return any(file.is_relative_to(Path(folder).resolve()) for folder in getattr(package, "__path__", ()))


def place_of(module: ModuleType) -> str:
    """Say where a module comes from."""
    return getattr(module, "__file__", None) or "it is built into Python"


def hint_of(error: BaseException) -> str | None:
    """Give one thing to do about what an import raised."""
    if isinstance(error, EkibenError):
        return error.hint
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        return f"pip install {DISTRIBUTIONS.get(top, top)}, or run in the folder that has `{top}`"
    if isinstance(error, ImportError) and "relative import" in str(error):
        return "import by the full name, or name the target with its package: `package.module:NAME`"
    return None
