"""Which models of a service are the newest of their names, and whether one answers as it did when it was saved."""

import logging
from pathlib import Path
from typing import Any

import pytest

import ekiben
from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.core.spec import BoundService
from ekiben.services.load import load
from ekiben.services.newest import newest, try_models


class Odd:
    """A model that a test spoils after it was saved."""

    is_broken = False
    needs: Any = None

    def predict(self, rows: Any) -> list[int]:
        if Odd.is_broken:
            raise ZeroDivisionError("no rows")
        return [1] * len(rows)

    def late(self, rows: Any) -> list[int]:
        return self.predict(rows)

    def __setstate__(self, state: Any) -> None:
        if Odd.needs is not None:
            raise RuntimeError(Odd.needs)

    def __getstate__(self) -> Any:
        return {"a": "state"}


def save(tag: str, sample: Any = None) -> None:
    ekiben.picklable_model.save_model(tag, Odd(), signatures=["predict"], sample=sample)


def bound_of(*tags: str) -> BoundService:
    """Make a service with one model, which depends on one with the others."""

    @ekiben.service
    class Inner:
        pass

    for index, tag in enumerate(tags[1:]):
        setattr(Inner, f"model_{index}", ekiben.models.get(tag))
    inner = ekiben.service(Inner)

    @ekiben.service
    class Outer:
        model = ekiben.models.get(tags[0])
        inner_ = ekiben.depends(inner)

    return load(Outer)


def test_newest() -> None:
    """Names and `latest` count, those of dependencies too; exact versions do not."""
    for tag in ("iris:v1", "iris:v2", "wine:v1", "flowers:v1", "flowers:v2"):
        save(tag)
    assert newest(bound_of("iris", "wine:latest", "flowers:v1"), "--watch-models") == {"iris": "v2", "wine": "v1"}
    assert newest(load("iris:latest"), "--watch-models") == {"iris": "v2"}


def test_none_is_newest() -> None:
    """Where nothing can become newer it is an error, which says what there is."""
    save("iris:v1")
    with pytest.raises(ConfigError, match=r"`watch_models` needs .* `Outer` names exact versions: iris:v1") as caught:
        newest(bound_of("iris:v1"), "watch_models")
    assert "ekiben.models.get" in str(caught.value.hint)
    with pytest.raises(ConfigError, match="`iris` names exact versions: iris:v1"):
        newest(load("iris:v1"), "--watch-models")


def test_named_models() -> None:
    """A model that is only named counts as one that was looked up; one at Hugging Face does not."""
    save("iris:v1")
    save("iris:v2")

    @ekiben.service
    class Named:
        first = ekiben.models.BentoModel("iris:latest")
        second = ekiben.models.HuggingFaceModel("owner/name")

    @ekiben.service
    class Elsewhere:
        second = ekiben.models.HuggingFaceModel("owner/name")

    assert newest(load(Named), "watch_models") == {"iris": "v2"}
    with pytest.raises(ConfigError, match="`Elsewhere` names no stored model"):
        newest(load(Elsewhere), "watch_models")


def test_another_home(tmp_path: Path) -> None:
    """A model of another home is not watched, and that is said."""
    with ekiben.models.use_home(tmp_path):
        save("iris:v1")
        bound = bound_of("iris")
    with pytest.raises(ConfigError, match="watches the store of the home, and iris:v1 is in another"):
        newest(bound, "--watch-models")


def test_a_model_that_answers(caplog: pytest.LogCaptureFixture) -> None:
    """A model that answers its sample passes, and there is nothing to say."""
    caplog.set_level(logging.INFO)
    save("iris:v1", [[1.0]])
    bound = bound_of("iris")
    caplog.clear()
    try_models(bound, ["iris"])
    assert caplog.text == ""


def test_a_model_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that fails with its sample is an error with its words; of a dependency too."""
    save("iris:v1", [[1.0]])
    save("wine:v1", [[1.0]])
    monkeypatch.setattr(Odd, "is_broken", True)
    with pytest.raises(ServiceLoadError, match="the stored sample does not pass iris:v1: ZeroDivisionError: no rows"):
        try_models(bound_of("iris"), ["iris"])
    with pytest.raises(ServiceLoadError, match="does not pass wine:v1"):
        try_models(bound_of("iris", "wine"), ["wine"])


def test_only_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that are not new, and exact versions, are not tried; nor is one that is served as it is."""
    save("iris:v1", [[1.0]])
    save("wine:v1", [[1.0]])
    bounds = [bound_of("iris", "wine:v1"), load("wine")]
    monkeypatch.setattr(Odd, "is_broken", True)
    for bound in bounds:
        try_models(bound, ["wine"])


@pytest.mark.parametrize(
    ("sample", "needs", "words"),
    [
        pytest.param(None, None, "iris:v1 has no stored sample to try it with", id="without a sample"),
        pytest.param(
            [[1.0]], "a key", "iris:v1 is not tried with its stored sample: ", id="not loaded without options"
        ),
    ],
)
def test_not_tried(
    sample: Any, needs: Any, words: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be tried here is left to the service's own code, and the log says so."""
    caplog.set_level(logging.INFO)
    save("iris:v1", sample)
    monkeypatch.setattr(Odd, "needs", needs)
    try_models(bound_of("iris"), ["iris"])
    assert words in caplog.text
