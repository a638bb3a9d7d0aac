"""The examples of docs/types.md run, with curl against a served service."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.house.tree import ROOT
from tests.servers import serving

FOLDER = ROOT / "examples/types"


def write_files(folder: Path) -> None:
    """Write what the script sends."""
    np.save(folder / "rows.npy", np.array([[5, 3, 1, 0], [1, 1, 1, 1]], "f4"))
    Image.new("RGB", (8, 6), (255, 255, 255)).save(folder / "photo.jpg")
    (folder / "one.txt").write_text("one two")
    (folder / "two.txt").write_text("three")
    (folder / "table.csv").write_text("petal,sepal,more\n2,1,9\n4,3,9\n")


@pytest.mark.slow
def test_asking(tmp_path: Path) -> None:
    """Each request gets the answer that the page shows."""
    write_files(tmp_path)
    with serving("service:Lunch", cwd=FOLDER) as server:
        command = ["sh", FOLDER / "ask.sh", server.url, tmp_path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
        lines = done.stdout.replace("\r", "").splitlines()
        assert lines[:-1] == [
            '{"unagi":2}',
            '{"unagi":1}',
            "[9.0]",
            "[9.0,4.0]",
            "40.0",
            "[2,1]",
            '[{"sepal":2.0,"petal":3.0}]',
            '[{"sepal":2.0,"petal":3.0}]',
            "sepal,petal",
            "2.0,3.0",
            "",
            "BENTO",
            '{"dish": "ekiben"}',
        ]
        for name in ("inverted.png", "again.png"):
            with Image.open(tmp_path / name) as picture:
                assert (picture.format, picture.size, picture.getpixel((0, 0))) == ("PNG", (8, 6), (0, 0, 0))
        assert json.loads(lines[-1])["errors"] == [
            {"path": "orders[1].dish", "message": "must have at least 2 characters, not 'x'"},
            {"path": "orders[1].count", "message": "must be a valid integer, not 'many'"},
        ]
        assert server.http.post("/menu").content == b"%PDF-1.7"


def test_the_page_shows_the_script() -> None:
    """Each line that the page shows of the script stands in it."""
    page = (ROOT / "docs/types.md").read_text()
    script = (FOLDER / "ask.sh").read_text()
    shown = [block.partition("```")[0] for block in page.split("```sh examples/types/ask.sh\n")[1:]]
    assert len(shown) > 5
    assert all(block.strip() in script for block in shown)
