"""A tag names one model for ever, sorts, and is safe as the name of a folder."""

import logging
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ekiben.core.errors import InvalidInput
from ekiben.core.tag import Tag, is_part, make_version


@pytest.mark.parametrize(
    ("text", "name", "version", "is_exact"),
    [
        pytest.param("iris", "iris", None, False, id="a bare name has no version"),
        pytest.param("iris:latest", "iris", "latest", False, id="latest is a version, but not an exact one"),
        pytest.param("iris:v1.2", "iris", "v1.2", True, id="any other version is exact"),
        pytest.param("a", "a", None, False, id="one letter is enough"),
        pytest.param("my_model-2.x:0", "my_model-2.x", "0", True, id="dashes, dots and underscores stand inside"),
        pytest.param("x" * 63 + ":" + "9" * 63, "x" * 63, "9" * 63, True, id="63 letters fit"),
    ],
)
def test_parse_reads(text: str, name: str, version: str | None, is_exact: bool) -> None:
    """A tag is read from text, and its text is the same again."""
    tag = Tag.parse(text)
    assert (tag.name, tag.version, tag.is_exact, str(tag)) == (name, version, is_exact, text)
    assert Tag.parse(tag) == tag


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "''", id="nothing"),
        pytest.param("iris:", "version after its colon: 'iris:'", id="a colon without a version"),
        pytest.param(":v1", "name", id="a version without a name"),
        pytest.param("a:b:c", "'b:c'", id="two colons"),
        pytest.param("-iris", "'-iris'", id="a dash first"),
        pytest.param("iris.", "'iris.'", id="a dot last"),
        pytest.param("..", "'..'", id="the folder above"),
        pytest.param("a/b", "'a/b'", id="a path"),
        pytest.param("iris:../../x", "'../../x'", id="a path as version"),
        pytest.param("ir is", "'ir is'", id="a space"),
        pytest.param("iris\n", r"'iris\n'", id="a line break at the end"),
        pytest.param("é", "'é'", id="a letter beyond ASCII"),
        pytest.param("x" * 64, "at most 63 letters, not 64", id="64 letters"),
        pytest.param("\x00", r"'\x00'", id="a zero byte"),
    ],
)
def test_parse_refuses(text: str, words: str) -> None:
    """What breaks the grammar is an error that ends with what was given."""
    with pytest.raises(InvalidInput) as caught:
        Tag.parse(text)
    assert words in str(caught.value)


def test_parse_refuses_other_types() -> None:
    """A tag is never made from something that is not text."""
    with pytest.raises(InvalidInput, match="must be text such as 'iris:latest': 7"):
        Tag.parse(7)  # type: ignore[arg-type]


def test_hint_is_a_tag_that_works() -> None:
    """The hint for a wrong name is a name that is right."""
    with pytest.raises(InvalidInput) as caught:
        Tag.parse("my model!")
    assert caught.value.hint == "write 'my-model'"


def test_capitals_are_lowered_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Capitals do not fail, do not stay, and do not go unsaid."""
    with caplog.at_level(logging.WARNING, "ekiben"):
        tag = Tag.parse("Iris:V1")
    assert str(tag) == "iris:v1"
    assert "'Iris'" in caplog.text
    assert "'iris'" in caplog.text


def test_a_tag_is_a_value() -> None:
    """Equal tags are one key; a tag cannot be changed; with_version leaves it alone."""
    tag = Tag("iris", "v1")
    assert {tag: 1}[Tag.parse("iris:v1")] == 1
    with pytest.raises(AttributeError):
        tag.version = "v2"  # type: ignore[misc]
    assert (tag.with_version(None), tag) == (Tag("iris"), Tag("iris", "v1"))


def test_tags_sort_by_name_then_version() -> None:
    """A tag without a version sorts before every version of its name."""
    texts = ["b:1", "a:2", "a", "a:1", "b"]
    assert [str(tag) for tag in sorted(Tag.parse(text) for text in texts)] == ["a", "a:1", "a:2", "b", "b:1"]
    assert Tag("a") <= Tag("a") < Tag("b")
    with pytest.raises(TypeError):
        assert Tag("a") < "b"


def test_versions_are_unique_and_in_order() -> None:
    """10 000 versions in a loop differ, and sort in the order in which they were made."""
    versions = [make_version() for _ in range(10_000)]
    assert len(set(versions)) == 10_000
    assert versions == sorted(versions)
    assert all(len(version) == 16 and set(version) <= set("abcdefghijklmnopqrstuvwxyz234567") for version in versions)


def test_versions_are_unique_over_processes() -> None:
    """Eight processes at once never make the same version."""
    program = "from ekiben.core.tag import make_version\nfor _ in range(2000): print(make_version())"
    processes = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(8)]
    versions = [version for process in processes for version in process.communicate(timeout=60)[0].split()]
    assert len(versions) == len(set(versions)) == 16_000


def test_a_clock_that_goes_back_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version made after the clock was set back still sorts after the earlier one."""
    first = make_version()
    monkeypatch.setattr("time.time_ns", lambda: 0)
    assert first < make_version()


def test_fresh_gives_an_exact_tag() -> None:
    """A fresh tag is exact, and the grammar takes it."""
    tag = Tag.fresh("iris")
    assert tag.is_exact
    assert Tag.parse(str(tag)) == tag


@given(st.text(max_size=70))
def test_every_text_is_a_plain_name_or_refused(text: str) -> None:
    """Whatever is parsed is a single folder name on every system."""
    try:
        tag = Tag.parse(text)
    except InvalidInput:
        return
    for part in filter(None, (tag.name, tag.version)):
        assert is_part(part)
        assert not set(part) & set('/\\:\0\n*?"<>| ')
        assert part not in (".", "..")


def test_older_names() -> None:
    """What BentoML's users call reads tags as `parse` does, and makes versions as `fresh` does."""
    assert Tag.from_taglike("iris:v1") == Tag.from_str("iris:v1") == Tag("iris", "v1")
    assert Tag.from_taglike(Tag("iris")) == Tag("iris")
    made = Tag("iris", "v1").make_new_version()
    assert (made.name, made.is_exact, made == Tag("iris", "v1")) == ("iris", True, False)
    with pytest.raises(InvalidInput, match="must have a version after its colon"):
        Tag.from_str("iris:")
