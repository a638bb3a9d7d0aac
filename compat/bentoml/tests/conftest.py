"""Put the drop-in on the path, so that its tests import it as its users do."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src"

sys.path.insert(0, str(SOURCES))


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the drop-in into a folder, as its wheel is, entry points and all, for processes that tests start."""
    place = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place / "wheels")]
    subprocess.run(command, cwd=SOURCES.parent, check=True, capture_output=True, timeout=120)
    [wheel] = (place / "wheels").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "packages")
    return place / "packages"
