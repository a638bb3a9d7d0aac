"""A folder that is kept clean is imported from as any other."""

import importlib
import sys
import zipfile
from pathlib import Path

import pytest

from ekiben.services.quiet import keep_clean


def test_an_archive_in_a_clean_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules and archives below the folder are imported, and nothing is written there."""
    (tmp_path / "quiet_module.py").write_text("import quiet_in_zip\n")
    with zipfile.ZipFile(tmp_path / "lib.zip", "w") as archive:
        archive.writestr("quiet_in_zip.py", "VALUE = 7\n")
    keep_clean(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.syspath_prepend(str(tmp_path / "lib.zip"))
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("quiet_module")
    assert module.quiet_in_zip.VALUE == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lib.zip", "quiet_module.py"]
