"""`model.yaml` says what is known of a model, in words that BentoML reads too."""

import datetime
from typing import Any

import pytest

from ekiben.core.errors import CorruptItem, InvalidInput
from ekiben.core.tag import Tag
from ekiben.store.document import parse_document, write_document
from ekiben.store.info import MethodSignature, ModelInfo

TAG = Tag("iris", "v1")

# As BentoML 1.4.39 writes it.
THEIRS = """
name: iris_clf
version: bt7aksxfjkanmax4
module: bentoml.sklearn
labels: {owner: me}
options: {}
metadata: {acc: 0.5, arr: [1, 2], d: 2020-01-01}
context:
  framework_name: sklearn
  framework_versions: {scikit-learn: 1.9.1}
  bentoml_version: 1.4.39
  python_version: 3.11.7
signatures:
  predict: {batchable: true, batch_dim: [0, 1]}
api_version: v1
creation_time: '2026-11-21T01:22:43.352576+00:00'
"""


def test_everything_survives_the_file() -> None:
    """What is said at a save is what is known after a load."""
    info = ModelInfo.new(
        TAG,
        module="ekiben.sklearn",
        labels={"a": "b"},
        options={"n": (1, 2)},
        metadata={"acc": 0.5},
        context={"framework_name": "sklearn", "framework_versions": {"scikit-learn": "1.9"}},
        signatures={"predict": {"batchable": True, "batch_dim": 1}},
        api_version="v2",
        format="skops",
        needs_unpickling=False,
        sample={"input": {"type": "array"}},
    )
    again = ModelInfo.from_plain(parse_document(write_document(info.to_plain()), "model.yaml"))
    assert again == info
    assert again.signatures["predict"] == MethodSignature(batchable=True, batch_dim=(1, 1))
    assert (again.name, again.version, again.options) == ("iris", "v1", {"n": [1, 2]})


def test_keys_are_those_of_bentoml_and_three_more() -> None:
    """The keys of BentoML stand first, under their names; ours are left out where nothing is said."""
    theirs = list(parse_document(THEIRS.encode(), "m"))
    assert list(ModelInfo.new(TAG).to_plain()) == theirs
    ours = list(ModelInfo.new(TAG, format="x", needs_unpickling=True, sample={}).to_plain())
    assert ours == [*theirs, "format", "needs_unpickling", "sample"]
    assert {"framework_name", "framework_versions", "bentoml_version", "python_version"} <= ModelInfo.new(
        TAG
    ).context.keys()


def test_what_bentoml_wrote_is_read() -> None:
    """A model.yaml of BentoML 1.4 is read, and says nothing of what it does not know."""
    info = ModelInfo.from_plain(parse_document(THEIRS.encode(), "m"))
    assert str(info.tag) == "iris_clf:bt7aksxfjkanmax4"
    assert info.creation_time == datetime.datetime(2026, 11, 21, 1, 22, 43, 352576, datetime.UTC)
    assert info.signatures["predict"].batch_dim == (0, 1)
    assert info.metadata["d"] == datetime.date(2020, 1, 1)
    assert (info.format, info.needs_unpickling, info.sample) == (None, None, None)
    assert info.context["bentoml_version"] == "1.4.39"


def test_a_time_without_a_zone_is_utc() -> None:
    """Older files hold times without a zone, which mean UTC; a YAML time is read as well as text."""
    for value in ("2022-07-01T12:00:00", datetime.datetime(2022, 7, 1, 12)):
        info = ModelInfo.from_plain({"name": "a", "version": "b", "creation_time": value})
        assert info.creation_time == datetime.datetime(2022, 7, 1, 12, tzinfo=datetime.UTC)


def test_creation_time_is_now_with_a_zone() -> None:
    """A new model's time of creation is aware and is now."""
    now = datetime.datetime.now(datetime.UTC)
    created = ModelInfo.new(TAG).creation_time
    assert datetime.timedelta() <= created - now < datetime.timedelta(minutes=10)


GOOD: dict[str, Any] = {"name": "a", "version": "b", "creation_time": "2022-07-01T12:00:00"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"name": None}, "`name` must be text: None", id="no name"),
        pytest.param({"name": "../x"}, "'../x'", id="a name that is a path"),
        pytest.param({"version": "latest"}, "`version` must be exact: 'latest'", id="a version that is none"),
        pytest.param({"version": "../../y"}, "'../../y'", id="a version that is a path"),
        pytest.param({"version": ["b"]}, "`version` must be text", id="a version that is a list"),
        pytest.param({"creation_time": "yesterday"}, "ISO 8601: 'yesterday'", id="a time that is none"),
        pytest.param({"creation_time": None}, "`creation_time` must be a time: None", id="no time"),
        pytest.param({"labels": ["a"]}, "`labels` must be a mapping: ['a']", id="labels that are a list"),
        pytest.param({"module": 3}, "`module` must be text: 3", id="a module that is a number"),
        pytest.param({"signatures": {"f": 3}}, "`signatures.f` must be a mapping", id="a signature that is a number"),
        pytest.param({"needs_unpickling": "no"}, "must be true or false: 'no'", id="text for a truth value"),
        pytest.param({"sample": [1]}, "`sample` must be a mapping", id="a sample that is a list"),
        pytest.param({"context": "x"}, "`context` must be a mapping", id="a context that is text"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_the_key(change: dict[str, Any], words: str) -> None:
    """Whatever stands in model.yaml, it is a model's or an error that names the key."""
    with pytest.raises(CorruptItem) as caught:
        ModelInfo.from_plain(GOOD | change)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("described", "words"),
    [
        pytest.param({"labels": {"a": 1}}, "`labels` must map text to text: {'a': 1}", id="a label that is a number"),
        pytest.param({"labels": "a=b"}, "`labels` must be a mapping: 'a=b'", id="labels as text"),
        pytest.param({"metadata": {"a": [object]}}, "`metadata.a[0]` must hold", id="metadata that YAML cannot hold"),
        pytest.param(
            {"signatures": {"f": {"batch": True}}}, "`signatures.f` must be a mapping with", id="an unknown key"
        ),
        pytest.param(
            {"signatures": {"f": {"batchable": 1}}}, "`signatures.f.batchable` must be", id="a number for truth"
        ),
        pytest.param({"signatures": {"f": {"batch_dim": "0"}}}, "`signatures.f.batch_dim` must", id="an axis as text"),
        pytest.param(
            {"signatures": {"f": {"batch_dim": [0]}}}, "`signatures.f.batch_dim` must", id="one axis in a list"
        ),
    ],
)
def test_a_wrong_word_is_an_error_at_the_save(described: dict[str, Any], words: str) -> None:
    """What the user says wrongly is refused at the save, and the place is named."""
    with pytest.raises(InvalidInput) as caught:
        ModelInfo.new(TAG, **described)
    assert words in str(caught.value)


def test_an_unknown_word_is_refused() -> None:
    """A keyword that means nothing is never accepted and ignored."""
    with pytest.raises(TypeError, match="colour"):
        ModelInfo.new(TAG, colour="red")  # type: ignore[call-arg]


def test_a_file_from_later_is_read() -> None:
    """A key that a later release writes is left out, not refused."""
    assert ModelInfo.from_plain(GOOD | {"colour": "red"}).name == "a"


def test_none_means_nothing_said() -> None:
    """`labels=None` and its like are as if they were not given."""
    info = ModelInfo.new(TAG, labels=None, metadata=None, options=None, signatures=None)  # type: ignore[arg-type]
    assert (info.labels, info.metadata, info.options, info.signatures) == ({}, {}, {}, {})
