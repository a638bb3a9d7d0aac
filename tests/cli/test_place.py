"""What was typed is one target or several, seen from the right folder."""

from pathlib import Path

import pytest

from ekiben.cli.place import Place
from ekiben.core.errors import ConfigError


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        pytest.param(("iris",), False, id="one target stands at the root"),
        pytest.param(("a=iris",), True, id="one with a name stands below it"),
        pytest.param(("iris", "digits"), True, id="of several each stands below its name"),
    ],
)
def test_several(targets: tuple[str, ...], expected: bool) -> None:
    assert Place(targets).is_several() is expected


def test_enter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several are seen from the working folder, and no folder among them is entered; one that is a folder is."""
    for name in ("src", "more"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "service.py").touch()
    monkeypatch.chdir(tmp_path)
    assert Place(("src", "more")).enter() == ["src", "more"]
    assert Path.cwd() == tmp_path
    assert Place(("src",)).source_folder() == tmp_path / "src"
    assert Place(("src", "more")).source_folder() == tmp_path
    assert Place(("a=service", "b=service"), "src").source_folder() == tmp_path / "src"
    assert Place(("a=service", "b=service"), "src").enter() == ["a=service", "b=service"]
    assert Path.cwd() == tmp_path / "src"
    with pytest.raises(ConfigError, match="`--working-dir` must be a folder: 'none'"):
        Place(("a", "b"), "none").enter()


def test_a_file_with_a_sign(tmp_path: Path) -> None:
    """A file whose name has the sign is one target, seen from the working folder."""
    (tmp_path / "a=b.py").touch()
    assert not Place(("a=b.py:X",), str(tmp_path)).is_several()
    assert Place(("a=b.py:X",)).is_several()
