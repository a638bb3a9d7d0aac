"""Find which packages a service imports, without running it.

In: the file of a service, the project's folder. Out: an `Imported` for each module that is neither Python's nor the
project's, with the installed distributions that bring it. Modules of the project are followed; an import that the
code can do without (under `TYPE_CHECKING`, `__main__`, or with ImportError caught) is left out.
"""

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from ekiben.bundle.installed import find_distribution
from ekiben.bundle.wheels import local_source
from ekiben.core.front import EKIBEN

CAUGHT = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
KNOWN = sys.stdlib_module_names | {EKIBEN.distribution}  # what every environment has
UNSURE = {"TYPE_CHECKING", "__main__"}


@dataclass(frozen=True, slots=True)
class Imported:
    """A module of others that the project imports."""

    module: str  # its dotted name, as imported
    place: str  # `service.py:3`, the first that imports it
    distributions: tuple[str, ...]  # installed ones that bring it, by normal name; none where it is not installed


def find_imports(entry: Path, context: Path) -> tuple[Imported, ...]:
    """List what the file *entry* and the modules of the project that it imports need.

    Args:
        entry: a Python file of the project.
        context: the project's folder; its `src` holds modules too.
    """
    roots = tuple(dict.fromkeys((entry.parent.resolve(), context.resolve(), context.resolve() / "src")))
    return tuple(resolve(follow(entry, roots, context)[1]))


def find_all(entry: Path, roots: Sequence[Path]) -> tuple[dict[Path, Path], tuple[Imported, ...]]:
    """List the modules that a file needs, those of the user's own and those of others.

    Args:
        entry: a Python file.
        roots: folders that imports start from, absolute; the first is that of *entry*.

    Returns:
        Own files, *entry* the first, each by its path below the folder that its import starts from; and what
        `find_imports` gives.
    """
    own, found = follow(entry, roots, roots[0])
    return {file.relative_to(root): file for file, root in own.items()}, tuple(resolve(found))


def follow(entry: Path, roots: Sequence[Path], context: Path) -> tuple[dict[Path, Path], dict[str, str]]:
    """Follow imports through the project.

    Give its files with their roots, and what is imported from elsewhere.
    """
    waiting, seen, found = [(entry.resolve(), roots[0])], dict[Path, Path](), dict[str, str]()
    while waiting:
        file, root = waiting.pop(0)
        if file in seen:
            continue
        seen[file] = root
        for module, line in imports_of(file, roots):
            start, inner = next(((each, own) for each in roots if (own := in_project(module, (each,)))), (root, []))
            waiting += [(path, start) for path in inner if path.suffix == ".py"]
            if not inner and module.partition(".")[0] not in KNOWN:
                shown = file.relative_to(context.resolve()) if file.is_relative_to(context.resolve()) else file.name
                found.setdefault(module, f"{shown}:{line}")
    return seen, found


def imports_of(file: Path, roots: Sequence[Path]) -> Iterator[tuple[str, int]]:
    """List the dotted names that a file imports, with their lines."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):  # whoever imports it gets the error
        return
    root = next((each for each in roots if file.is_relative_to(each)), file.parent)
    package = file.relative_to(root).parent.parts
    for node in walk(tree.body):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
            continue
        base = list(package[: len(package) - node.level + 1]) if node.level else []
        base += [node.module] if node.module else []
        for alias in node.names:
            yield ".".join([*base, *([] if alias.name == "*" else [alias.name])]), node.lineno


def walk(body: Sequence[ast.AST]) -> Iterator[ast.Import | ast.ImportFrom]:
    """List the import statements that are not optional, those in functions too."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and mentions(node.test, UNSURE):
            yield from walk(node.orelse)
        elif isinstance(node, ast.Try) and any(
            each.type is None or mentions(each.type, CAUGHT) for each in node.handlers
        ):
            yield from walk([*node.orelse, *node.finalbody])
        else:
            yield from walk(
                [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt | ast.excepthandler)]
            )


def mentions(node: ast.AST, words: set[str]) -> bool:
    """Say whether an expression names one of *words*, as a name, an attribute or text."""
    return any(
        (isinstance(each, ast.Name) and each.id in words)
        or (isinstance(each, ast.Attribute) and each.attr in words)
        or (isinstance(each, ast.Constant) and each.value in words)
        for each in ast.walk(node)
    )


def in_project(module: str, roots: Sequence[Path]) -> list[Path]:
    """Give the files and folders of the project that importing *module* reads."""
    parts = module.split(".")
    for root in roots:
        found = []
        for count in range(1, len(parts) + 1):
            place = root.joinpath(*parts[:count])
            found += [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()]
            if place.is_dir() and any(place.glob("*.py")):
                found.append(place)
        if found:
            return found
    return []


def resolve(found: dict[str, str]) -> Iterator[Imported]:
    """Say which distributions bring the modules, each distribution once."""
    table = bringing({module.partition(".")[0] for module in found})
    told = set()
    for module, place in found.items():
        top = module.partition(".")[0]
        names = sorted(table[top])
        if not names:
            names = [each for each in (from_folder(top),) if each]
        elif len(names) > 1:
            names = closest(module, names)
        key = (top, tuple(names))
        if key not in told:
            told.add(key)
            yield Imported(module if len(names) > 1 else top, place, tuple(names))


def bringing(tops: set[str]) -> dict[str, set[str]]:
    """Say which installed distributions bring each of some top-level names.

    RECORD is searched as text: parsing all of them takes a second where a hundred are installed.
    Source: the specification of installed projects at packaging.python.org (`NAME-VERSION.dist-info/RECORD`).
    """
    patterns = {
        top: re.compile(rf"^{re.escape(top)}(/|\.py,|\.[^/,]*\.(so|pyd),)".encode(), re.MULTILINE) for top in tops
    }
    found: dict[str, set[str]] = {top: set() for top in tops}
    for record in (each for entry in sys.path for each in Path(entry or ".").glob("*.dist-info/RECORD")):
        text = record.read_bytes()
        for top, pattern in patterns.items():
            if pattern.search(text):
                found[top].add(canonicalize_name(record.parent.name.partition("-")[0]))
    return found


def closest(module: str, names: Sequence[str]) -> list[str]:
    """Choose, of distributions that share a top-level name, those that hold *module*."""
    parts = module.split(".")
    for count in range(len(parts), 1, -1):
        start = "/".join(parts[:count])
        held = [name for name in names if holds(name, start)]
        if held:
            return held
    return list(names)


def holds(name: str, start: str) -> bool:
    """Say whether a distribution has the module or package at the path *start*."""
    found = find_distribution(name)
    files = (file.as_posix() for file in (found.files or ())) if found else ()
    return any(file.startswith((f"{start}/", f"{start}.")) for file in files)


def from_folder(top: str) -> str | None:
    """Name the distribution whose sources hold the module *top*: an editable one."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a module without a spec, such as `__main__`
        return None
    places = [spec.origin] if spec and spec.origin else list(spec.submodule_search_locations or ()) if spec else []
    for said in (each for entry in sys.path for each in Path(entry or ".").glob("*.dist-info/direct_url.json")):
        name = canonicalize_name(said.parent.name.partition("-")[0])
        there = find_distribution(name)
        source = local_source(there) if there else None
        if source and any(Path(place).resolve().is_relative_to(source.resolve()) for place in places):
            return name
    return None
