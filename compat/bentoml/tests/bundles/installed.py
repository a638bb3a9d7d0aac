"""Run `bentoml` as where it is installed: with its entry points, in a process of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from compat.bentoml.tests.bundles.projects import SOURCES

ENTRY_POINTS = "[ekiben.targets]\nbentoml = bentoml.bundles.targets:read\n"
METADATA = "Metadata-Version: 2.1\nName: bentoml\nVersion: 1.4.17+ekiben\n"


@dataclass(frozen=True, slots=True)
class Terminal:
    """Somebody in a folder, with a home."""

    folder: Path
    home: Path

    @property
    def environ(self) -> dict[str, str]:
        """The variables that a command sees."""
        site = self.folder.parent / "site"
        info = site / "bentoml-1.4.17+ekiben.dist-info"
        if not info.is_dir():
            info.mkdir(parents=True)
            (info / "entry_points.txt").write_text(ENTRY_POINTS)
            (info / "METADATA").write_text(METADATA)
        path = os.pathsep.join([str(SOURCES), str(site)])
        cleared = {name: value for name, value in os.environ.items() if not name.endswith("PORT")}
        return {**cleared, "PYTHONPATH": path, "BENTOML_HOME": str(self.home), "NO_COLOR": "1"}

    def run(self, *words: str, code: int | None = 0, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run `bentoml` with *words* to its end, which must be *code*."""
        done = subprocess.run(
            self.command(*words), cwd=self.folder, env={**self.environ, **env},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done

    def command(self, *words: str) -> list[str]:
        """Give the command line of `bentoml` with *words*."""
        return [sys.executable, "-W", "ignore", "-m", "bentoml", *words]
