"""Text is read in the charset that its sender names, if that is one of texts."""

import encodings

import pytest

from ekiben.schema.wire.text import charset_of, decode


@pytest.mark.parametrize(
    ("media", "charset"),
    [
        ("text/plain", ""),
        ("text/plain; charset=utf-8", "utf-8"),
        ('text/plain;  Charset = "latin-1" ; x=y', "latin-1"),
        ("text/plain; charset", ""),
    ],
)
def test_charset_of(media: str, charset: str) -> None:
    assert charset_of(media) == charset


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", "utf-16", "utf-16le", "gb18030", "utf-32"])
def test_every_letter(charset: str) -> None:
    """A charset of all letters gives them back."""
    assert decode("aß漢".encode(charset), f"text/plain; charset={charset}") == "aß漢"


@pytest.mark.parametrize("charset", ["windows-1252", "iso-8859-1", "iso8859-15", "latin1", "cp1252", "macintosh"])
def test_of_the_west(charset: str) -> None:
    """Old charsets are read too."""
    assert decode("señal".encode(charset), f"text/csv;charset={charset}") == "señal"


@pytest.mark.parametrize(
    "charset",
    ["zip", "bz2", "hex", "rot13", "base64", "idna", "punycode", "unicode_escape", "utf-7", "undefined", "x" * 999],
)
def test_what_is_no_charset(charset: str) -> None:
    """Python's other codecs are never run, nor kept in its table of names."""
    before = set(encodings._cache)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="another charset that is known here"):
        decode(b"x", f"text/plain; charset={charset}")
    assert set(encodings._cache) == before  # type: ignore[attr-defined]


def test_a_charset_with_a_number_that_none_has() -> None:
    with pytest.raises(ValueError, match="known here, not 'iso-8859-77'"):
        decode(b"x", "text/plain; charset=iso-8859-77")


def test_bytes_that_are_not_of_it() -> None:
    with pytest.raises(ValueError, match="must be text in UTF-8"):
        decode(b"\xff\xfe")
    with pytest.raises(ValueError, match="must be text in ASCII"):
        decode("ä".encode(), "text/plain; charset=ascii")
