"""`bentoml.yml` may come from anyone: what leads elsewhere, or is none, is refused by name."""

import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from bentoml.bundles.description import FILE, BundleInfo, open_bundle

from ekiben.exceptions import CorruptItem

METADATA = {
    "created_at": "2020-09-22 21:52:02.190013",
    "service_name": "Iris",
    "service_version": "20200922215202_A1B2C3",
    "module_name": "iris_service",
    "module_file": "iris_service.py",
}


def written(folder: Path, **changes: Any) -> Path:
    """Write a description with changes, as BentoML 0.13 writes it."""
    told = {"version": "0.13.1", "kind": "BentoService", "metadata": {**METADATA, **changes.pop("metadata", {})}}
    (folder / FILE).write_text(yaml.safe_dump({**told, **changes}))
    return folder


def test_what_bentoml_wrote_is_read(tmp_path: Path) -> None:
    """A description of BentoML's own is read; its times are in UTC."""
    bundle = open_bundle(written(tmp_path, env={"python_version": "3.7.3"}, apis=[{"name": "predict"}]))
    assert str(bundle.tag) == "Iris:20200922215202_A1B2C3"
    assert bundle.creation_time == datetime.datetime(2020, 9, 22, 21, 52, 2, 190013, tzinfo=datetime.UTC)
    assert (bundle.info.python, bundle.info.apis[0]["name"]) == ("3.7.3", "predict")
    assert bundle.code == tmp_path
    (tmp_path / "Iris").mkdir()
    assert bundle.code == tmp_path / "Iris"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """All that is known goes through the file."""
    now = datetime.datetime.now(datetime.UTC)
    info = BundleInfo("Iris", "1", now, "pkg.iris", "pkg/iris.py", {"a": "b"}, {"infer_pip_packages": True})
    info.write(tmp_path)
    found = open_bundle(tmp_path).info
    assert (found.created, found.module, found.file, found.labels) == (now, "pkg.iris", "pkg/iris.py", {"a": "b"})
    assert found.to_plain() == {**info.to_plain(), "env": {**info.to_plain()["env"]}}
    assert open_bundle(tmp_path).size > 100


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "Bento"}, "`kind` must be BentoService"),
        ({"metadata": {"service_name": "../Iris"}}, "must be that of a class"),
        ({"metadata": {"service_version": "../../x"}}, "the version of a bundle"),
        ({"metadata": {"service_version": None}}, "the version of a bundle"),
        ({"metadata": {"service_version": "latest"}}, "which names the newest"),
        ({"metadata": {"module_file": "../iris.py"}}, "`module_file` must be a Python file of the bundle"),
        ({"metadata": {"module_file": "/etc/iris.py"}}, "`module_file`"),
        ({"metadata": {"module_file": "iris.so"}}, "`module_file`"),
        ({"metadata": {"module_name": "os; evil"}}, "`module_name` must be the name of a module"),
        ({"metadata": {"module_name": ["os"]}}, "`module_name`"),
        ({"metadata": {"created_at": "yesterday"}}, "`created_at` must be a time"),
        ({"metadata": {"labels": {"a": 1}}}, "`labels` must be text by text"),
        ({"apis": {"name": "x"}}, "`apis` must be a list"),
        ({"artifacts": ["x"]}, r"`artifacts\[0\]` must be a mapping"),
        ({"env": []}, "`env` must be a mapping"),
    ],
)
def test_hostile_descriptions(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    """No name in it leads out of the folder, and each wrong value is told by its key."""
    with pytest.raises(CorruptItem, match=words):
        open_bundle(written(tmp_path, **changes))


def test_no_bundle(tmp_path: Path) -> None:
    """A folder without the file, and a file that builds objects or multiplies itself, are no bundles."""
    with pytest.raises(CorruptItem, match=r"no bundle in .*: it has no bentoml\.yml"):
        open_bundle(tmp_path)
    (tmp_path / FILE).write_text("!!python/object/apply:os.system ['touch pwned']\n")
    with pytest.raises(CorruptItem, match="not a YAML document"):
        open_bundle(tmp_path)
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
    )
    (tmp_path / FILE).write_text(bomb)
    with pytest.raises(CorruptItem):
        open_bundle(tmp_path)
