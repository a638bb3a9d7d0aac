"""What tests of images share: a stored bento with a model, made without a build."""

import datetime
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ekiben
from ekiben.core.spec import ServiceSpec
from ekiben.core.tag import Tag
from ekiben.store.bento_info import BentoInfo, CarriedModel
from ekiben.store.bentos import Bento, bento_store
from tests.images.containers import Room, open_room

MakeBento = Callable[..., Bento]
WHEEL = "ekiben-0.1.0-py3-none-any.whl"
LOCK = "ekiben==0.1.0 \\\n    --hash=sha256:00\nnumpy==2.0.0 \\\n    --hash=sha256:01\n"


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """Give engines with storage of their own and the base image in it, which takes long to fill."""
    with open_room(tmp_path_factory.mktemp("engines")) as room:
        yield room


@pytest.fixture
def make_bento() -> MakeBento:
    """Give a function that stores a bento: keywords change its `BentoInfo`, *files* what lies in it."""

    def make(files: dict[str, str | None] | None = None, **changes: Any) -> Bento:
        with ekiben.models.create("digits") as model:
            (model.path / "weights").write_text("3")
        stored = ekiben.models.get("digits")
        info = BentoInfo(
            tag=Tag("iris", "v1"),
            creation_time=datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
            service="service:Iris",
            description="# Names flowers\n\nby their measures",
            labels={"owner": "own"},
            models=(CarriedModel(stored.tag, stored.digest),),
            services=({"name": "Iris", "spec": ServiceSpec("Iris").to_json()},),
            environment={"python_version": "3.11.7", "platform": "linux/amd64", "locked": "hashes"},
        )
        texts: dict[str, str | None] = {
            "src/service.py": "x = 1\n",
            "README.md": "hello\n",
            "env/python/requirements.txt": "ekiben\nnumpy\n",
            "env/python/requirements.lock.txt": LOCK,
            "env/python/version.txt": "3.11.7\n",
            **(files or {}),
        }
        with bento_store().create() as draft:
            for path, text in texts.items():
                if text is not None:
                    place = draft.path / path
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_text(text)
            wheels = draft.path / "env/python/wheels"
            wheels.mkdir(parents=True)
            with zipfile.ZipFile(wheels / WHEEL, "w") as wheel:
                wheel.writestr("ekiben/__init__.py", "")
            return draft.finish(replace(info, **changes))

    return make


@pytest.fixture
def bento(make_bento: MakeBento) -> Bento:
    """Give a stored bento."""
    return make_bento()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Give a function that puts programs on the path, and no others: each notes its words, and leaves with a code."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    shell = shutil.which("sh", path="/bin:/usr/bin")

    def put(**codes: int) -> Path:
        for name, code in codes.items():
            place = folder / name
            place.write_text(
                f'#!{shell}\nfor word in "$@"; do printf "%s\\n" "$word"; done >{tmp_path}/{name}.words\n'
                f"echo said by {name}\nexit {code}\n"
            )
            place.chmod(0o755)
        return tmp_path

    return put
