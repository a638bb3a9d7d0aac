"""Whatever takes a target takes a bundle; the store comes first, and an error names both places."""

import tarfile
from pathlib import Path

import bentoml
import pytest
from bentoml.bundles import targets
from bentoml.bundles.console import words_of
from bentoml.bundles.description import Bundle

from ekiben.core.front import enter
from ekiben.exceptions import ConfigError, NotFound, ServiceLoadError


@pytest.fixture(autouse=True)
def home(folder: Path) -> Path:
    """An empty home."""
    return folder


def test_every_way_to_name_it(folder: Path, bundle: Bundle) -> None:
    """A tag, `latest`, a bare name, a folder, an archive and the prefix give the same service."""
    with tarfile.open(folder / "adder.tar.gz", "w:gz") as tar:
        tar.add(bundle.path, arcname="Adder")
    words = (str(bundle.tag), "Adder:latest", "Adder", str(bundle.path), "adder.tar.gz", f"bundle:{bundle.tag}")
    for target in words:
        bound = targets.read(target, folder)
        assert bound is not None
        assert (bound.spec.name, bound.spec.version, bound.spec.http.port) == ("Adder", bundle.info.version, 5000)
    assert targets.read(".", bundle.path) is not None


@pytest.mark.parametrize(
    "target", ["service:Svc", "service.py:Svc", ".", "iris:latest", "a b", "nothing.tar.gz", "Nobody"]
)
def test_what_is_not_ours(folder: Path, target: str) -> None:
    """What names no bundle is left to others."""
    (folder / "Nobody.py").write_text("")
    assert targets.read(target, folder) is None


def test_the_store_comes_first(folder: Path, project: object) -> None:
    """What stands in the store under exactly this tag is not looked for in the repository."""
    with bentoml.models.create("lower"):
        pass
    assert targets.is_stored("lower:latest")
    assert not targets.is_stored("Lower:latest")
    assert targets.read("lower:latest", folder) is None


def test_an_error_names_both_places(folder: Path, bundle: Bundle) -> None:
    """A version that is nowhere is told with store, repository and what there is."""
    with pytest.raises(
        ServiceLoadError, match=r"`Adder` has no version `v9` in .*repository, and the store .*bentos.* has no"
    ) as one:
        targets.read("Adder:v9", folder)
    assert str(bundle.tag) in str(one.value.hint)
    with pytest.raises(ServiceLoadError, match="neither in the store") as far:
        targets.read("Nobody:latest", folder)
    assert far.value.hint == "`bentoml list` shows what is there"
    with pytest.raises(ServiceLoadError, match="neither in the store") as near:
        targets.read("Ader:latest", folder)
    assert near.value.hint == "did you mean `Adder`?", "a typing error is told with the nearest name"
    (folder / "Nobody.py").write_text("")
    assert targets.read("Nobody:latest", folder) is None, "a module may have a name with a capital, too"
    with pytest.raises(NotFound):
        targets.read("bundle:Nobody", folder)


def test_limits_of_batches(folder: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of 0.13 change size and latency of every batch; what is no number is refused."""
    monkeypatch.setenv("BENTOML_MB_MAX_BATCH_SIZE", "7")
    monkeypatch.setenv("BENTOML_MB_MAX_LATENCY", "1500")
    with enter(bentoml.front.FRONT):
        bound = targets.read("Adder", folder)
    assert bound is not None
    batch = next(each.batch for each in bound.spec.endpoints if each.name == "add")
    assert batch is not None
    assert (batch.max_size, batch.max_latency) == (7, 1.5)
    for bad in ("0", "-1", "ten"):
        monkeypatch.setenv("BENTOML_MB_MAX_LATENCY", bad)
        with pytest.raises(ConfigError, match="`BENTOML_MB_MAX_LATENCY` must be a whole number above 0"):
            targets.read("Adder", folder)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["serve", "--port", "1"], ["serve", "PATH", "--port", "1"]),
        (["run", "add", "--input", "1"], ["run", "PATH", "add", "--input", "1"]),
        (["add", "--input", "1"], ["run", "PATH", "add", "--input", "1"]),
        (["info"], ["info", "PATH"]),
        ([], ["--help"]),
        (["models", "list"], ["models", "list"]),
    ],
)
def test_the_command_of_a_bundle(bundle: Bundle, typed: list[str], expected: list[str]) -> None:
    """Words behind a service's name are those of `bentoml` for this one bundle; an API's name runs it."""
    assert words_of(bundle, typed) == [str(bundle.path) if word == "PATH" else word for word in expected]
