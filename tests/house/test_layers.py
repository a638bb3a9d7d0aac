"""The house stands as docs/architecture.md draws it: who imports whom, and where an import may be written."""

import ast
import re
import sys
from collections.abc import Iterator

import grimp
import pytest

from tests.house.tree import ROOT, Source, functions, python_files

PACKAGE = "ekiben"
ROW = re.compile(r"^\| `(?P<wing>\w+)/` \| (?P<knows>[^|]+) \|")


def drawn_arrows() -> dict[str, set[str]]:
    """Read the table of wings: what each may import."""
    rows = filter(None, map(ROW.match, (ROOT / "docs/architecture.md").read_text().splitlines()))
    return {row["wing"]: set(re.findall(r"`(\w+)`", row["knows"])) for row in rows}


def actual_arrows() -> Iterator[tuple[str, str]]:
    """Walk over the imports from one wing into another, as `module -> module`."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            yield importer, imported


def wing(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_wing_is_drawn() -> None:
    """A folder of the package is a wing of the table, so that a newcomer finds it there."""
    folders = {path.parent.name for path in (ROOT / "src" / PACKAGE).glob("*/__init__.py")}
    assert folders - drawn_arrows().keys() == set()


def test_every_folder_is_a_package() -> None:
    """A folder with modules has an `__init__.py`: without one, tools that walk the package pass it by."""
    folders = {file.path.parent for file in python_files("src")}
    assert [str(folder) for folder in folders if not (ROOT / folder / "__init__.py").is_file()] == []


def test_arrows_are_as_drawn() -> None:
    """A wing imports only from the wings that its row names; no wing imports a public face."""
    drawn = drawn_arrows()
    odd = [
        f"{importer} -> {imported}"
        for importer, imported in actual_arrows()
        if wing(importer) in drawn and wing(imported) not in drawn[wing(importer)] | {wing(importer)}
    ]
    assert odd == []


@pytest.mark.parametrize("file", python_files("src"), ids=str)
def test_imports_stand_at_the_top(file: Source) -> None:
    """An import stands at the top, but for a library that is loaded on first use, and the body of a CLI command."""
    if "cli" in file.path.parts or file.path.name == "__main__.py":  # the doors of the command line
        return
    inner = [node for function in functions(file.tree) for node in ast.walk(function)]
    ours = {*sys.stdlib_module_names, PACKAGE}
    names = [
        name
        for node in inner
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
        if name.partition(".")[0] in ours or (isinstance(node, ast.ImportFrom) and node.level)
    ]
    assert names == []
