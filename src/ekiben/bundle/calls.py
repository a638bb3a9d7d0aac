"""Find the models that code asks for by name, before it runs.

In: imported modules. Out: the tags that they write down: `ekiben.sklearn.load_model("iris:latest")`, in any method.
A call counts where the function is ours, or could be; a name of the module stands for its text. Whether there is such
a model is for the store to say.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.tag import is_part

ASKING = ("load_model", "get")
OURS = ("ekiben", "bentoml")  # whose functions count


def asked_tags(modules: Iterable[ModuleType]) -> list[str]:
    """List the tags in the calls of *modules*, each once, in their order."""
    found: dict[str, None] = {}
    for module in modules:
        path = Path(getattr(module, "__file__", None) or "")
        if path.suffix != ".py" or not path.is_file():
            continue
        for tag in tags_of(ast.parse(path.read_bytes()), vars(module)):
            found[tag] = None
    return list(found)


def tags_of(tree: ast.AST, names: dict[str, Any]) -> Iterator[str]:
    """Walk over the tags that calls in *tree* are given first."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and is_asking(node.func, names):
            tag = text_of(node.args[0], names)
            if tag is not None and all(map(is_part, tag.lower().split(":", 1))):
                yield tag


def is_asking(function: ast.expr, names: dict[str, Any]) -> bool:
    """Say whether a call gives a stored model, as far as its name tells."""
    path = dotted(function)
    if path is None:
        return False
    value: Any = names.get(path[0])
    if value is None:  # imported where it is used
        return path[-1] == "load_model" or path[-2:] == ["models", "get"]
    for step in path[1:]:
        value = getattr(value, step, None)
    is_ours = str(getattr(value, "__module__", "")).partition(".")[0] in OURS
    return is_ours and getattr(value, "__name__", "") in ASKING


def dotted(node: ast.expr) -> list[str] | None:
    """Give the steps of `a.b.c`; None for anything else."""
    steps: list[str] = []
    while isinstance(node, ast.Attribute):
        steps.append(node.attr)
        node = node.value
    return [node.id, *reversed(steps)] if isinstance(node, ast.Name) else None


def text_of(node: ast.expr, names: dict[str, Any]) -> str | None:
    """Give the text that an argument is, or that a name of the module stands for."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    value = names.get(node.id) if isinstance(node, ast.Name) else None
    return value if isinstance(value, str) else None
