"""What a method is given of its call."""

import tempfile
from pathlib import Path

import pytest

from ekiben.core.context import OWNER, Context, prefix, remove_folders


def test_progress_is_told() -> None:
    """Whoever listens hears the fraction and the words, not more than 1000 letters of them."""
    told: list[tuple[float, str]] = []
    context = Context(_report=lambda *found: told.append(found))
    context.progress(1, "x" * 2000)
    context.progress(0.5)
    assert told == [(1.0, "x" * 1000), (0.5, "")]


def test_progress_outside_of_a_task() -> None:
    """Nobody listens, and nothing happens: the same method can be called in both ways."""
    Context().progress(0.5, "half")


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan"), 40])
def test_wrong_progress(fraction: float) -> None:
    """A fraction is a number from 0 to 1, also where nobody listens."""
    with pytest.raises(ValueError, match=r"`fraction` must be a number from 0\.0 to 1\.0"):
        Context().progress(fraction)


def test_folders_of_a_killed_process_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed process left goes, what others hold stays, and no link leads out of the temporary folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv(OWNER, "dead")
    left = Context()
    (left.temp_path / "upload").write_bytes(b"x")
    monkeypatch.setenv(OWNER, "alive")
    held = Context()
    (held.temp_path / "upload").write_bytes(b"x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / f"{prefix('dead')}link").symlink_to(outside)
    remove_folders("dead")
    assert not Path(left.temp_dir).exists()
    assert Path(held.temp_dir, "upload").exists()
    assert outside.exists()
    left.close()
    held.close()
