"""Put the drop-in on the path, so that its tests import it as its users do."""

import sys
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src"

sys.path.insert(0, str(SOURCES))
