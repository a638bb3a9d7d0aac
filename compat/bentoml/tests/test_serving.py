"""A server that a script starts works in BentoML's home, its workers too."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import httpx

import bentoml


def double(x):
    return [2 * one for one in x]


if __name__ == "__main__":
    bentoml.picklable_model.save_model("double", double, signatures={"__call__": {"batchable": False}})
    with bentoml.serve("double:latest", port=0, api_workers=2) as server:
        print(httpx.post(f"{server.url}/predict", json=[1, 2], trust_env=False).text)
"""


def test_workers_find_what_is_stored(tmp_path: Path) -> None:
    """A stored model of BentoML's home is served by several processes."""
    (tmp_path / "script.py").write_text(SCRIPT)
    sources = Path(__file__).parents[1] / "src"
    env = {"PYTHONPATH": str(sources), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.splitlines()[-1:] == ["[2,4]"], done.stderr
    assert (tmp_path / "bentoml" / "models" / "double").is_dir()
