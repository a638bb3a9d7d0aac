"""The measures of the house: nothing in it is too long, too deep or too wide."""

import ast
import re

import pytest

from ekiben.frameworks.table import FRAMEWORKS
from tests.house.tree import SOURCES, TESTS, Source, depth, functions, is_command, parameters, python_files

FILE_LINES = 400
FUNCTION_LINES = 60
NESTING = 4
PARAMETERS = 8
DOCSTRING_LETTERS = 80
# Calls of the public face whose options users know by these names from elsewhere.
WIDE = {f"src/ekiben/{face}.py save_model" for face in (*FRAMEWORKS, "frameworks/api")}


def test_no_file_is_too_long() -> None:
    """No file passes 400 lines, tests included."""
    lengths = {str(file): len(file.text.splitlines()) for file in python_files(*SOURCES, *TESTS)}
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES} == {}


def test_no_function_is_too_long() -> None:
    """No function passes 60 lines, its docstring included."""
    assert _odd_functions(lambda function: 1 + (function.end_lineno or 0) - function.lineno, FUNCTION_LINES) == {}


def test_no_function_is_too_deep() -> None:
    """No function has more than four levels of nesting."""
    assert _odd_functions(depth, NESTING) == {}


def test_no_function_takes_too_much() -> None:
    """No function takes more than eight parameters, but for CLI commands and the calls of `WIDE`."""
    wide = _odd_functions(lambda function: 0 if is_command(function) else len(parameters(function)), PARAMETERS)
    assert {re.sub(r":\d+ ", " ", name) for name in wide} - WIDE == set()


def test_there_are_as_many_test_lines() -> None:
    """There are at least as many lines of tests as of sources."""
    sources, tests = (
        sum(len(file.text.splitlines()) for file in python_files(*folders)) for folders in (SOURCES, TESTS)
    )
    assert tests >= sources


@pytest.mark.parametrize("file", python_files("src"), ids=str)
def test_docstrings_start_short(file: Source) -> None:
    """A docstring's first line has at most 80 letters, so that it can be read in a list."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = (node for node in ast.walk(file.tree) if isinstance(node, documented))
    first_lines = [(ast.get_docstring(node) or "").partition("\n")[0] for node in nodes]
    assert [line for line in first_lines if len(line) > DOCSTRING_LETTERS] == []


@pytest.mark.parametrize(
    ("source", "levels"),
    [
        pytest.param("x = 1", 0, id="a statement is no level"),
        pytest.param("if a:\n if b:\n  c", 2, id="a block in a block is two"),
        pytest.param("if a:\n b\nelif c:\n d\nelif e:\n f", 1, id="an elif is beside its if"),
        pytest.param("if a:\n b\nelse:\n for c in d:\n  e", 2, id="a loop in an else is below it"),
        pytest.param("try:\n a\nexcept E:\n with b:\n  c", 2, id="a handler is inside its try"),
        pytest.param("if a:\n def f():\n  if b:\n   c", 1, id="an inner function is counted by itself"),
    ],
)
def test_depth(source: str, levels: int) -> None:
    """Levels are counted as a reader would."""
    assert depth(ast.parse(source)) == levels


def _odd_functions(measure, limit: int) -> dict[str, int]:
    return {
        f"{file}:{function.lineno} {function.name}": measure(function)
        for file in python_files(*SOURCES, *TESTS)
        for function in functions(file.tree)
        if measure(function) > limit
    }
