"""The docs hold: links lead somewhere, and Python examples are pieces of files that tests run.

A fence such as ```` ```python examples/iris/service.py ```` names the file in which the example stands, word for word.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.house.tree import ROOT, tracked

PAGES = [path for path in tracked() if path.suffix == ".md"]
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^(?P<marks>`{3,})(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=marks)\s*$", re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    """Give a page's text without its code."""
    return re.sub(r"`[^`\n]+`", lambda code: "`" * len(code[0]), FENCE.sub("", (ROOT / page).read_text()))


def anchors(page: Path) -> set[str]:
    """List the anchors of a page's headings.

    Source: GitHub's rule: lower case, no punctuation, a hyphen for each space, `-1` at a repeated one.
    """
    text = FENCE.sub("", (ROOT / page).read_text())
    found: set[str] = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))
    for heading in re.findall(r"^#{1,6} +(.+?)\s*#*$", text, re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        count = next(n for n in range(100) if (f"{slug}-{n}" if n else slug) not in found)
        found.add(f"{slug}-{count}" if count else slug)
    return found


def links(page: Path) -> Iterator[str]:
    """Walk over the links of a page that stay in the repository."""
    for target in LINK.findall(prose(page)):
        if not re.match(r"[a-z][a-z+.-]*:", target):
            yield target


def is_good(page: Path, target: str) -> bool:
    """Say whether a link leads to a tracked file or folder and, with `#`, to a heading in it."""
    name, _, anchor = unquote(target).partition("#")
    there = (ROOT / page.parent / name).resolve() if name else ROOT / page
    if not there.is_relative_to(ROOT):
        return False
    path = there.relative_to(ROOT)
    if not (path in tracked() or any(path in file.parents for file in tracked())):
        return False
    return not anchor or (path.suffix == ".md" and anchor in anchors(path))


def is_piece(example: str, text: str) -> bool:
    """Say whether an example stands in a file, line by line; it may be indented there, and spaced otherwise."""
    lines, whole = ([line for line in code.splitlines() if line.strip()] for code in (example, text))
    joined = "\n".join(["", *whole, ""])
    return any("\n".join(["", *(" " * indent + line for line in lines), ""]) in joined for indent in (0, 4, 8))


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link leads to a file of the repository, each anchor to a heading."""
    assert [target for target in links(page) if not is_good(page, target)] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_python_examples_are_files(page: Path) -> None:
    """Each Python example stands, word for word, in the file that its fence names."""
    odd = []
    for fence in FENCE.finditer((ROOT / page).read_text()):
        language, _, name = fence["info"].strip().partition(" ")
        if language in {"python", "py"}:
            held = Path(name) in tracked() and is_piece(fence["text"], (ROOT / name).read_text())
            odd += [] if held else [fence["info"]]
    assert odd == []


def test_reference_is_reached() -> None:
    """Each page of docs/ is linked from README or from another page."""
    linked = {(ROOT / page.parent / target.partition("#")[0]).resolve() for page in PAGES for target in links(page)}
    assert [str(page) for page in PAGES if page.parts[0] == "docs" and ROOT / page not in linked] == []


@pytest.mark.parametrize(
    ("example", "piece"),
    [
        pytest.param("import a\n\n\nb = 1\n", True, id="lines that follow each other, but for blank ones"),
        pytest.param("def f():\n    return 2\n", True, id="a method, without the indent of its class"),
        pytest.param("import a\nclass C:\n", False, id="lines that do not follow each other"),
        pytest.param("return 2\n    return 3\n", False, id="a line that is not there"),
        pytest.param("b =", False, id="half a line"),
    ],
)
def test_is_piece(example: str, piece: bool) -> None:
    """An example is a piece of a file when its lines stand there, one after the other."""
    text = "import a\n\nb = 1\n\n\nclass C:\n    def f():\n        return 2\n"
    assert is_piece(example, text) is piece


@pytest.mark.parametrize(
    ("target", "good"),
    [
        pytest.param("docs/concepts.md", True, id="a page"),
        pytest.param("docs", True, id="a folder"),
        pytest.param("docs/concepts.md#what-runs", True, id="a heading of a page"),
        pytest.param("docs/concepts.md#what-walks", False, id="a heading that is not there"),
        pytest.param("docs/nowhere.md", False, id="a page that is not there"),
        pytest.param("../elsewhere.md", False, id="a file outside the repository"),
        pytest.param("LICENSE#anything", False, id="an anchor in a file without headings"),
    ],
)
def test_is_good(target: str, good: bool) -> None:
    """A link is good when it leads to a tracked file, and its anchor to a heading."""
    assert is_good(Path("CONTRIBUTING.md"), target) is good
