"""The list of rooms is that of the modules."""

import importlib.util
from types import ModuleType

from tests.house.tree import ROOT


def script() -> ModuleType:
    """Load docs/write_rooms.py."""
    spec = importlib.util.spec_from_file_location("write_rooms", ROOT / "docs/write_rooms.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rooms_are_written_from_the_modules() -> None:
    """docs/rooms.md is what `make docs` writes; a new module needs it again."""
    assert (ROOT / "docs/rooms.md").read_text() == script().write()


def test_every_module_is_a_room() -> None:
    """Each module of the package stands there, but for the doors of folders."""
    page = script().write()
    for path in (ROOT / "src/ekiben").rglob("*.py"):
        parts = path.relative_to(ROOT / "src/ekiben").with_suffix("").parts
        if parts[-1] != "__init__":
            assert f"| `{'/'.join(parts[1:] or parts)}` |" in page, path
