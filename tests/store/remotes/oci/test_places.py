"""What people write for a registry is read in one way, and plain HTTP stays on this machine."""

import pytest

from ekiben.core.errors import InvalidInput
from ekiben.store.remotes.oci.places import (
    ImageName,
    Place,
    check_reference,
    is_inward,
    is_loopback,
    parse_place,
)


@pytest.mark.parametrize(
    ("text", "expected", "url"),
    [
        pytest.param(
            "registry.example.com/team",
            ("https", "registry.example.com", "team"),
            "https://registry.example.com",
            id="HTTPS by itself",
        ),
        pytest.param(
            "localhost:5000", ("http", "localhost:5000", ""), "http://localhost:5000", id="plain HTTP on this machine"
        ),
        pytest.param(
            "127.3.2.1/a/b/", ("http", "127.3.2.1", "a/b"), "http://127.3.2.1", id="all of 127/8 is this machine"
        ),
        pytest.param("[::1]:5000", ("http", "[::1]:5000", ""), "http://[::1]:5000", id="IPv6 in brackets"),
        pytest.param(
            "https://localhost:5000",
            ("https", "localhost:5000", ""),
            "https://localhost:5000",
            id="TLS on this machine if it is written",
        ),
        pytest.param(
            "Registry.Example.com",
            ("https", "registry.example.com", ""),
            "https://registry.example.com",
            id="a host has no capitals",
        ),
        pytest.param(
            "docker.io/me",
            ("https", "docker.io", "me"),
            "https://registry-1.docker.io",
            id="Docker Hub's API has another host",
        ),
        pytest.param(
            "index.docker.io/me", ("https", "docker.io", "me"), "https://registry-1.docker.io", id="and other names"
        ),
    ],
)
def test_a_place(text: str, expected: tuple[str, str, str], url: str) -> None:
    """A host, maybe a port, maybe a folder."""
    place = parse_place(text)
    assert (place.scheme, place.host, place.prefix) == expected
    assert place.url == url


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("ftp://example.com", id="another scheme"),
        pytest.param("example.com:port", id="a port that is no number"),
        pytest.param("example.com:99999", id="a port that no machine has"),
        pytest.param("localhost:0", id="or that nobody listens on"),
        pytest.param("example.com/Team", id="a folder with capitals"),
        pytest.param("example.com/../team", id="a folder that climbs"),
        pytest.param("example.com/a b", id="a blank"),
        pytest.param("example.com\r\nX: y", id="a header in it"),
        pytest.param("example.com/team?x=1", id="a query"),
        pytest.param("http://example.com", id="plain HTTP to another machine"),
        pytest.param("http://127.0.0.1.example.com", id="a name that only begins like this machine"),
        pytest.param("http://localhost.example.com", id="or like localhost"),
    ],
)
def test_no_place(text: str) -> None:
    """What is no registry is refused before anybody is asked."""
    with pytest.raises(InvalidInput):
        parse_place(text)


def test_plain_http_on_request() -> None:
    """Plain HTTP to another machine is there for whoever asks for it."""
    assert parse_place("http://10.0.0.7:5000", plain_http=True).url == "http://10.0.0.7:5000"
    assert parse_place("lab:5000", plain_http=True).scheme == "http"
    assert parse_place("localhost:5000", ca_file="ca.pem").scheme == "https"
    with pytest.raises(InvalidInput, match="plain_http=True"):
        parse_place("http://10.0.0.7:5000")


def test_a_password_in_a_place_is_refused_and_not_repeated() -> None:
    """A password would be kept in a file and shown in errors; it is neither."""
    with pytest.raises(InvalidInput, match=r"docker login registry\.example\.com") as refused:
        parse_place("https://me:hunter2@registry.example.com/team")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "is_good"),
    [
        pytest.param("iris", True, id="a plain name"),
        pytest.param("iris-v2.1_a", True, id="single marks"),
        pytest.param("a--b", True, id="dashes may be doubled"),
        pytest.param("a..b", False, id="dots may not"),
        pytest.param("a._b", False, id="nor marks be mixed"),
        pytest.param("x" * 300, False, id="nor is any length taken"),
    ],
)
def test_repositories(name: str, is_good: bool) -> None:
    """A registry allows fewer names than the store, and says so before anything is sent."""
    if is_good:
        assert parse_place("localhost:5000/team").repository(name) == f"team/{name}"
    else:
        with pytest.raises(InvalidInput, match="repository"):
            parse_place("localhost:5000/team").repository(name)


FAR, NEAR = Place("https", "registry.example.com"), Place("http", "127.0.0.1:5000")


@pytest.mark.parametrize(
    ("place", "url", "is_allowed"),
    [
        pytest.param(FAR, "https://cdn.example.net/blob?sig=1", True, id="another host by HTTPS"),
        pytest.param(FAR, "http://registry.example.com/blob", False, id="never down to plain HTTP"),
        pytest.param(FAR, "https://127.0.0.1/blob", False, id="never to this machine"),
        pytest.param(FAR, "https://localhost./blob", False, id="whatever its name"),
        pytest.param(FAR, "https://[::ffff:127.0.0.1]/blob", False, id="or the form of its address"),
        pytest.param(FAR, "https://2130706433/blob", False, id="as one number"),
        pytest.param(FAR, "https://0x7f.1/blob", False, id="or a short one"),
        pytest.param(FAR, "https://169.254.169.254/latest/meta-data", False, id="never to a cloud's metadata"),
        pytest.param(FAR, "https://169.254.169.254./latest/meta-data", False, id="nor by a dot behind it"),
        pytest.param(FAR, "https://example.net:99999/", False, id="never to a port that no machine has"),
        pytest.param(FAR, "https://example.net:port/", False, id="nor to one that is no number"),
        pytest.param(FAR, "https://0.0.0.0/", False, id="never to no address"),
        pytest.param(FAR, "file:///etc/passwd", False, id="never to a file"),
        pytest.param(FAR, "https://me:pw@example.net/", False, id="never with a password"),
        pytest.param(FAR, "https://[broken/", False, id="never to what is no URL"),
        pytest.param(NEAR, "http://127.0.0.1:6000/blob", True, id="this machine may send us to itself"),
        pytest.param(NEAR, "http://example.com/blob", False, id="but not by plain HTTP elsewhere"),
        pytest.param(
            Place("http", "lab:5000", plain_http=True), "http://lab:6000/", True, id="unless someone allowed it"
        ),
    ],
)
def test_where_a_registry_may_send_us(place: Place, url: str, is_allowed: bool) -> None:
    """A redirect, an upload or a server of tokens is held against one rule."""
    assert place.allows(url) is is_allowed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("python", ("docker.io", "library/python", "latest"), id="Docker Hub's own"),
        pytest.param("python:3.12-slim", ("docker.io", "library/python", "3.12-slim"), id="with a tag"),
        pytest.param("me/app", ("docker.io", "me/app", "latest"), id="Docker Hub's users"),
        pytest.param("docker.io/python", ("docker.io", "library/python", "latest"), id="Docker Hub by name"),
        pytest.param("localhost:5000/a/b:v1", ("localhost:5000", "a/b", "v1"), id="a host with a port"),
        pytest.param("gcr.io/a/b", ("gcr.io", "a/b", "latest"), id="a host with a dot"),
        pytest.param(f"x.io/a:v1@sha256:{'a' * 64}", ("x.io", "a", f"sha256:{'a' * 64}"), id="a digest wins"),
    ],
)
def test_an_image(text: str, expected: tuple[str, str, str]) -> None:
    """Names of images are read as Docker reads them."""
    image = ImageName.parse(text)
    assert (image.host, image.repository, image.reference) == expected
    assert image.place().host == image.host


@pytest.mark.parametrize("text", ["", ":v1", "Python", "a:b:c", "x.io/a@sha256:12", "x.io/a\nFROM evil", "-a", "x.io/"])
def test_no_image(text: str) -> None:
    """What is no image is refused."""
    with pytest.raises(InvalidInput, match="name of an image"):
        ImageName.parse(text)


def test_references() -> None:
    """A reference cannot climb out of its path."""
    assert check_reference("v1") == "v1"
    for text in ("", "../x", "a/b", "sha256:short", "a" * 129, "v1?x"):
        with pytest.raises(InvalidInput):
            check_reference(text)


def test_this_machine() -> None:
    """Which machine a URL names is told by its words alone."""
    urls = [
        "http://localhost:1/",
        "http://a.localhost",
        "http://[::1]",
        "http://localhost.example.com",
        "http://128.0.0.1",
    ]
    assert [is_loopback(url) for url in urls] == [True, True, True, False, False]
    assert [is_inward(url) for url in ("http://169.254.1.1/", "http://10.0.0.1/")] == [True, False]
