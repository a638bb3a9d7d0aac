"""Packages of a bundle are pinned to what is installed, and nothing else of this machine is in them."""

from importlib.metadata import version
from pathlib import Path

import pytest
from bentoml.bundles.environment import BentoServiceEnv, read_options
from bentoml.bundles.packages import Packages, carry_ours, settle
from bentoml.frameworks.sklearn import SklearnModelArtifact
from bentoml.frameworks.xgboost import XgboostModelArtifact

from ekiben.bundle.imports import Imported
from ekiben.bundle.wheels import read_wheel
from ekiben.exceptions import ConfigError


def settled(*imported: Imported, **options: object) -> Packages:
    """Settle what options and imports ask for."""
    return settle(BentoServiceEnv(read_options(options)), imported, ())


def test_what_is_imported_is_pinned() -> None:
    """Distributions are found by what the code imports; what is not installed is said, and not asked for."""
    found = settled(
        Imported("sklearn", "service.py:1", ("scikit-learn",)),
        Imported("pandas", "service.py:2", ("pandas",)),
        Imported("bentoml", "service.py:3", ("bentoml",)),
        Imported("nowhere", "service.py:4", ()),
        infer_pip_packages=True,
    )
    assert found.lines == (f"scikit-learn=={version('scikit-learn')}", f"pandas=={version('pandas')}")
    assert found.notes == ("`nowhere` (service.py:4) is imported and not installed, so nothing is asked for",)
    assert settled(Imported("pandas", "service.py:2", ("pandas",))).lines == ()


def test_who_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the user says counts before a file, that before artifacts, those before imports; each package once."""
    (tmp_path / "needs.txt").write_text("Pandas<99\nattrs\ngit+https://example.org/team/lib@v1\n--pre\n")
    env = BentoServiceEnv(
        read_options(
            {
                "pip_packages": ["pandas>=2", "no-such-package-here"],
                "requirements_txt_file": str(tmp_path / "needs.txt"),
                "infer_pip_packages": True,
            }
        )
    )
    SklearnModelArtifact("m").set_dependencies(env)
    found = settle(env, [Imported("pandas", "s.py:1", ("pandas",))], ["numpy"])
    assert found.options == ("--pre",)
    assert found.lines == (
        "pandas>=2",
        "no-such-package-here",
        f"attrs=={version('attrs')}",
        "git+https://example.org/team/lib@v1",
        f"scikit-learn=={version('scikit-learn')}",
        f"numpy=={version('numpy')}",
    )


def test_a_package_under_its_other_name() -> None:
    """Where `xgboost-cpu` is what is installed, that is asked for."""
    env = BentoServiceEnv(read_options({"infer_pip_packages": True}))
    XgboostModelArtifact("m").set_dependencies(env)
    found = settle(env, [Imported("xgboost", "s.py:1", ("xgboost-cpu",))], ())
    assert found.lines == (f"xgboost-cpu=={version('xgboost-cpu')}",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("./lib\n", "names a path of this machine"),
        ("-c other.txt\n", "constraints"),
        ("pandas\\\n --index-url https://evil.example.org\n", "must be a requirement"),
        ("lib @ https://me:secret@example.org/lib.whl\n", "password"),
        ("../../etc/passwd\n", "path"),
    ],
)
def test_hostile_files(tmp_path: Path, text: str, words: str) -> None:
    """A line of a requirements file that carries more than a requirement is refused."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "other.txt").write_text("pandas<3\n")
    (tmp_path / "needs.txt").write_text(text)
    with pytest.raises(ConfigError, match=words):
        settled(requirements_txt_file=str(tmp_path / "needs.txt"))


def test_our_wheels_travel(tmp_path: Path) -> None:
    """Ekiben and the drop-in go with the bundle, as they run here."""
    carried = {found.name: found for found in (read_wheel(each, "here") for each in carry_ours(tmp_path / "wheels"))}
    assert set(carried) == {"ekiben", "bentoml"}
    assert carried["bentoml"].version.endswith("+ekiben")
    assert "ekiben.targets" in entry_points(carried["bentoml"].wheel)


def entry_points(wheel: Path) -> str:
    """Give the text of a wheel's entry points."""
    import zipfile

    with zipfile.ZipFile(wheel) as archive:
        name = next(each for each in archive.namelist() if each.endswith("entry_points.txt"))
        return archive.read(name).decode()
