"""The repository as data: its files, and the functions in them.

In: nothing but the checkout. Out: paths, syntax trees, text.
"""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("src", "compat")
TESTS = ("tests", "acceptance")

Function = ast.FunctionDef | ast.AsyncFunctionDef
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file, parsed."""

    path: Path  # from the root
    text: str
    tree: ast.Module

    def __str__(self) -> str:
        return str(self.path)


@cache
def tracked() -> tuple[Path, ...]:
    """List the files that git tracks or would track, from the root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    return tuple(sorted(Path(name) for name in set(names.split("\0")) if name and (ROOT / name).is_file()))


@cache
def python_files(*folders: str) -> tuple[Source, ...]:
    """Parse every tracked Python file below *folders*; tests of the drop-ins count as tests."""
    return tuple(
        Source(path, text, ast.parse(text))
        for path in tracked()
        if path.suffix == ".py" and _folder(path) in folders
        for text in [(ROOT / path).read_text()]
    )


def functions(tree: ast.AST) -> Iterator[Function]:
    """Walk over every function and method, inner ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def depth(node: ast.AST) -> int:
    """Count how many blocks stand in each other at the deepest place; an inner function is counted by itself."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, SCOPES):
            continue
        below = depth(child)
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        deepest = max(deepest, below + (isinstance(child, BLOCKS) and not is_elif))
    return deepest


def parameters(function: Function) -> list[str]:
    """Name what a caller may pass, without `self` and `cls`."""
    given = function.args
    every = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    names = [argument.arg for argument in every if argument is not None]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def is_command(function: Function) -> bool:
    """Say whether the CLI calls the function, an option a parameter."""
    return any(
        getattr(node, "attr", "") in {"command", "group", "option", "argument"}
        for decorator in function.decorator_list
        for node in ast.walk(decorator)
    )


def _folder(path: Path) -> str:
    return "tests" if "tests" in path.parts else path.parts[0]
