"""Write docs/rooms.md from the doors of the modules; `make docs` runs it, and a test says when it is stale.

In: the sources of the package. Out: one Markdown page: every module with the first line of its docstring.
"""

import ast
from collections import defaultdict
from pathlib import Path

PAGE = Path(__file__).with_name("rooms.md")
SOURCES = Path(__file__).parents[1] / "src/ekiben"
HEAD = """\
# Rooms

<!-- Written by docs/write_rooms.py from the modules' docstrings: change those, then run `make docs`. -->

Every module with the first line of its docstring, wing by wing. What a wing may import, and why the house is
built so, says the [architecture](architecture.md).
"""


def write() -> str:
    """Give the page."""
    wings: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in sorted(SOURCES.rglob("*.py")):
        place = path.relative_to(SOURCES)
        wing = place.parts[0] if len(place.parts) > 1 else ""
        words = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
        room = "/".join(place.with_suffix("").parts[1:] if wing else place.with_suffix("").parts)
        if words and place.name != "__init__.py":
            wings[wing].append((room, words.replace("|", "\\|")))
    return "\n".join([HEAD, *(section(wing, rooms) for wing, rooms in sorted(wings.items()))])


def section(wing: str, rooms: list[tuple[str, str]]) -> str:
    """Give the table of one wing."""
    title = f"`{wing}/`" if wing else "On the roof"
    rows = "\n".join(f"| `{room}` | {words} |" for room, words in rooms)
    return f"## {title}\n\n| room | what it does |\n| --- | --- |\n{rows}\n"


if __name__ == "__main__":
    PAGE.write_text(write())
