"""The steps are drawn as a picture, or it is said why not."""

import sys
from pathlib import Path

import pytest

from ekiben.core.errors import ConfigError, MissingLibrary
from ekiben.tools.bench.plot import draw
from ekiben.tools.bench.report import Row

ROWS = [Row(n, None, 1.0, 100.0 * n, 0.01, 0.02, 0.03, 100) for n in (1, 2)]


def test_draw(tmp_path: Path) -> None:
    """The file's name says its format."""
    draw(ROWS, tmp_path / "a.png", "title")
    draw(ROWS, tmp_path / "a.svg", "title")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize("name", ["gone/a.png", "a.nope"])
def test_no_picture(tmp_path: Path, name: str) -> None:
    """A folder that is not there, or a format that nobody knows, is told."""
    with pytest.raises(ConfigError, match="`--plot` must name a picture that can be written"):
        draw(ROWS, tmp_path / name, "title")


def test_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where matplotlib is not installed the command to install it is told."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.figure", raising=False)
    with pytest.raises(MissingLibrary, match="`--plot` needs the library"):
        draw(ROWS, tmp_path / "a.png", "title")
