"""A head that two readers could understand in two ways is refused, with words that say what is wrong."""

import pytest

from ekiben.exceptions import HeadersTooLarge, InvalidInput
from ekiben.http import head


@pytest.mark.parametrize(
    ("value", "good"),
    [
        (b"example.org", True), (b"localhost:3000", True), (b"[::1]:3000", True), (b"127.0.0.1", True), (b"", True),
        (b"a b", False), (b"a/b", False), (b"a,b", True), (b"a@b", False), (b"[::1", False), (b"a:b", False),
        (b"a:1:2", False), (b'a"b', False), (b"\xff", False),
    ],
)  # fmt: skip
def test_host(value: bytes, good: bool) -> None:
    if good:
        head.check_marked(b"host", value)
        return
    with pytest.raises(InvalidInput, match="`host` must be a name and a port"):
        head.check_marked(b"host", value)


def test_transfer_encoding() -> None:
    """What is not chunked and nothing else is named, cut and in quotation marks."""
    head.check_marked(b"transfer-encoding", b"Chunked ")
    with pytest.raises(InvalidInput, match=r"must be chunked: 'gzip, chunked'"):
        head.check_marked(b"transfer-encoding", b"gzip, chunked")
    with pytest.raises(InvalidInput) as caught:
        head.check_marked(b"transfer-encoding", b"x" * 5000)
    assert len(str(caught.value)) < 100


@pytest.mark.parametrize(
    ("version", "marked", "words"),
    [
        ("1.1", [], "one header `host`: 0"),
        ("1.1", [b"host", b"host"], "one header `host`: 2"),
        ("1.0", [b"host", b"host"], "one header `host`: 2"),
        ("1.0", [b"transfer-encoding"], "HTTP/1.0 has no `transfer-encoding`"),
        ("0.9", [b"host"], "only HTTP/1.0 and HTTP/1.1 are spoken here: 0.9"),
        ("2.0", [b"host"], "spoken here: 2.0"),
    ],
)
def test_version(version: str, marked: list[bytes], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        head.check(b"GET", version, marked)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_no_tunnel(version: str) -> None:
    """CONNECT is refused whatever it names; what follows it would not be HTTP."""
    with pytest.raises(InvalidInput, match="this is no proxy"):
        head.check(b"CONNECT", version, [b"host"])


@pytest.mark.parametrize(
    ("version", "header", "words"),
    [
        ("1.0", (b"host", b"x"), "needs HTTP/1.1: 1.0"),
        ("1.1", (b"content-length", b"1"), "must have no body"),
        ("1.1", (b"content-length", b"00"), "must have no body"),
        ("1.1", (b"transfer-encoding", b"chunked"), "must have no body"),
    ],
)
def test_what_opens_no_websocket(version: str, header: tuple[bytes, bytes], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        head.check_opening(version, [(b"upgrade", b"websocket"), header])


def test_what_opens_a_websocket() -> None:
    head.check_opening("1.1", [(b"host", b"x"), (b"upgrade", b"websocket"), (b"content-length", b"0")])


def test_versions_that_are_spoken() -> None:
    head.check(b"GET", "1.1", [b"expect", b"host", b"transfer-encoding"])
    head.check(b"GET", "1.0", [])


@pytest.mark.parametrize(
    ("target", "path", "host"),
    [
        (b"http://a.example/x?y=1", b"/x?y=1", b"a.example"),
        (b"HTTPS://a.example:8443", b"/", b"a.example:8443"),
        (b"http://[::1]:3000/x", b"/x", b"[::1]:3000"),
    ],
)
def test_absolute_targets(target: bytes, path: bytes, host: bytes) -> None:
    """The path is what counts, and the target's host stands in place of the header's."""
    headers = [(b"host", b"other"), (b"x", b"1")]
    assert head.origin_form(b"GET", target, headers) == path
    assert headers == [(b"x", b"1"), (b"host", host)]


@pytest.mark.parametrize("target", [b"ftp://a/x", b"a.example:443", b"http://me:word@a/x", b"file:///etc/passwd"])
def test_targets_that_are_no_address(target: bytes) -> None:
    headers = [(b"host", b"other")]
    with pytest.raises(Exception, match=r"must be a path, or a URL|invalid url"):
        head.origin_form(b"GET", target, headers)
    assert headers == [(b"host", b"other")]


def test_asterisk() -> None:
    assert head.origin_form(b"OPTIONS", b"*", []) == b"*"
    with pytest.raises(InvalidInput, match="only OPTIONS"):
        head.origin_form(b"GET", b"*", [])


def test_size() -> None:
    """A head is counted by what is kept of it, and the words name the limit."""
    assert head.size(b"/abc", [(b"a", b"bc"), (b"d", b"")]) == 8
    assert isinstance(head.too_long(10), HeadersTooLarge)
    assert str(head.too_many(101, 100)) == "a request must have at most 100 headers: 101"
