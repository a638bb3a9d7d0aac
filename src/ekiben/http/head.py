"""Hold a request's head to the rules that keep two readers of it in agreement.

In: a method, a target, header lines. Out: the target as a path, the headers that count; or what is wrong.
llhttp itself refuses conflicting and repeated lengths, folded lines, bare line feeds and control characters; here is
what it lets pass. tests/http/test_strict.py sends both kinds.
Source: RFC 9112, 3.2 (target, Host), 6.1 (Transfer-Encoding), 6.3 (length), 7.1.2 (trailers); RFC 6455, 4.2.1.
"""

import re
from typing import Any

import httptools

from ekiben.core.errors import HeadersTooLarge, InvalidInput

Headers = list[tuple[bytes, bytes]]

HOST = re.compile(rb"([A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?")
SCHEMES = (b"http", b"https")
MARKED = frozenset({b"host", b"expect", b"transfer-encoding", b"upgrade"})  # headers that must be known of
FRAMING = (b"content-length", b"transfer-encoding")


def check_marked(name: bytes, value: bytes) -> None:
    """Hold one marked header to its form; raises InvalidInput."""
    if name == b"host" and not HOST.fullmatch(value):
        raise InvalidInput("the header `host` must be a name and a port")
    if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
        raise InvalidInput(f"`transfer-encoding` must be chunked: {value[:40].decode('latin-1')!r}")


def check(method: bytes, version: str, marked: list[bytes]) -> None:
    """Hold a head to what its version of HTTP demands.

    Args:
        method: such as `GET`.
        version: such as `1.1`.
        marked: names of its marked headers, in their order.

    Raises:
        InvalidInput: it is neither HTTP/1.0 nor HTTP/1.1; not one host is named; a body is chunked for 1.0; it asks for
            a tunnel, after which no HTTP would follow.
    """
    if method == b"CONNECT":
        raise InvalidInput("CONNECT asks for a tunnel, and this is no proxy")
    if version == "1.1":
        if marked.count(b"host") != 1:
            raise InvalidInput(f"a request of HTTP/1.1 must have one header `host`: {marked.count(b'host')}")
    elif version != "1.0":
        raise InvalidInput(f"only HTTP/1.0 and HTTP/1.1 are spoken here: {version}")
    elif b"transfer-encoding" in marked:
        raise InvalidInput("HTTP/1.0 has no `transfer-encoding`")
    elif marked.count(b"host") > 1:
        raise InvalidInput(f"a request must have one header `host`: {marked.count(b'host')}")


def check_opening(version: str, headers: Headers) -> None:
    """Hold a request for a WebSocket to what two servers would read alike.

    Raises:
        InvalidInput: it has a body, which would be read as frames, or is of HTTP/1.0, which has no upgrade.
    """
    if version != "1.1":
        raise InvalidInput(f"a WebSocket needs HTTP/1.1: {version}")
    if any(name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers):
        raise InvalidInput("a request for a WebSocket must have no body")


def origin_form(method: bytes, target: bytes, headers: Headers) -> bytes:
    """Give an absolute or asterisk target as a path; its host replaces the header's.

    Raises:
        InvalidInput: it is no address of this kind of server.
        httptools.HttpParserError: it is none at all.
    """
    if target == b"*":
        if method != b"OPTIONS":
            raise InvalidInput("only OPTIONS may ask for `*`")
        return target
    url: Any = httptools.parse_url(target)  # whose parts may be None, whatever its stubs say
    if url.schema is None or url.schema.lower() not in SCHEMES or not url.host or url.userinfo is not None:
        raise InvalidInput("the target of a request must be a path, or a URL with http or https")
    host = b"[%s]" % url.host if b":" in url.host else url.host
    host += b"" if url.port is None else b":%d" % url.port
    headers[:] = [header for header in headers if header[0] != b"host"] + [(b"host", host)]
    path: bytes = url.path or b"/"
    return path if url.query is None else path + b"?" + url.query


def size(target: bytes, headers: Headers) -> int:
    """Count the bytes of a head, as far as it was kept."""
    return len(target) + sum([len(name) + len(value) for name, value in headers])


def too_many(count: int, most: int) -> HeadersTooLarge:
    """Say that there are too many headers."""
    return HeadersTooLarge(f"a request must have at most {most} headers: {count}")


def too_long(most: int) -> HeadersTooLarge:
    """Say that a head is too long."""
    return HeadersTooLarge(f"the head of a request must be at most {most} bytes")
