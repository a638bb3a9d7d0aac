"""Whatever stands in a bentofile or a bento.yaml, it is read or refused in words; nothing else happens."""

import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ekiben.bundle.options import BuildOptions, DockerOptions, PythonOptions, read_options
from ekiben.bundle.settings import read_build
from ekiben.bundle.values import walk
from ekiben.core.errors import ConfigError, CorruptItem
from ekiben.store.bento_info import BentoInfo
from ekiben.store.document import parse_document

TEXT = st.one_of(
    st.sampled_from(["iris", "iris:v1", "a.txt", "file:a.txt", "A=b", "3.12", "../x", "$(id)", "a\nb"]),
    st.text(max_size=8),
)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT, st.dates(), st.binary(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
KEYS = [
    *BuildOptions.__dataclass_fields__,
    *PythonOptions.__dataclass_fields__,
    *DockerOptions.__dataclass_fields__,
    "tag",
    "alias",
]
SECTIONS = st.dictionaries(st.sampled_from(KEYS), PLAIN, max_size=4)
BENTOFILES = st.dictionaries(
    st.sampled_from(list(BuildOptions.__dataclass_fields__)), st.one_of(PLAIN, SECTIONS), max_size=5
)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one file."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "a.txt").write_text("A=b\n")
    return folder


@settings(max_examples=400)
@given(options=BENTOFILES)
def test_options(options: dict[str, Any], context: Path) -> None:
    """Plain data is taken or refused as a ConfigError; what is taken holds no control character but in one text."""
    try:
        read = read_options(options, context)
    except ConfigError:
        return
    told = {key: getattr(read, key) for key in ("service", "name", "version", "labels", "include", "exclude", "envs")}
    told |= {"python": [getattr(read.python, key) for key in PythonOptions.__dataclass_fields__]}
    told |= {"docker": [getattr(read.docker, key) for key in DockerOptions.__dataclass_fields__]}
    assert all(text.isprintable() or not any(ord(letter) < 32 for letter in text) for _, text in walk(told, ""))


@settings(max_examples=200)
@given(text=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_bentofiles(text: bytes, context: Path) -> None:
    """Bytes are a bentofile or a ConfigError that names it."""
    (context / "some.yaml").write_bytes(text)
    try:
        assert isinstance(read_build(context, context / "some.yaml"), BuildOptions)
    except ConfigError as error:
        said = str(error)
    else:
        return
    assert "some.yaml" in said or "must be said once" in said


DESCRIBED = {
    "name": "iris", "version": "v1", "service": "a:B", "creation_time": "2026-01-01T00:00:00+00:00", "labels": {},
    "models": [{"tag": "m:v1"}], "services": [], "envs": [], "import_roots": ["."], "environment": {}, "docker": {},
    "description": "", "entry_service": "B", "ekiben_version": "1",
}  # fmt: skip


@settings(max_examples=400)
@given(
    changed=st.dictionaries(
        st.sampled_from(list(DESCRIBED)), st.one_of(PLAIN, st.lists(SECTIONS, max_size=2)), max_size=3
    )
)
def test_descriptions(changed: dict[str, Any]) -> None:
    """A bento.yaml is read or a CorruptItem; what is read has an exact tag and roots below its code."""
    try:
        info = BentoInfo.from_plain({**DESCRIBED, **changed})
    except CorruptItem:
        return
    assert info.tag.is_exact
    assert isinstance(info.creation_time, datetime.datetime)
    assert all(".." not in root.split("/") and not root.startswith("/") for root in info.import_roots)
    assert all(model.tag.is_exact for model in info.models)


@settings(max_examples=200)
@given(plain=PLAIN)
def test_documents(plain: Any) -> None:
    """What YAML can write, our reader reads as the same plain data, or refuses."""
    text = yaml.safe_dump({"a": plain}, allow_unicode=True).encode("utf-8", "surrogatepass")
    try:
        assert repr(parse_document(text, "x.yaml")) == repr(yaml.safe_load(text))
    except CorruptItem:
        return
