"""Read how people write where a registry is, and what is in it.

In: text such as `localhost:5000/team` or `python:3.12-slim`. Out: a `Place`, an `ImageName`. Pure: nobody is asked.

Plain HTTP is for this machine, or for whoever asks for it. What a registry names (a redirect, a place to upload to, a
server of tokens) is held against the same rule by `Place.allows`.
Source: the OCI distribution specification 1.1, "Pull"; the names of Docker Hub as Docker's command line reads them.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from ekiben.core.errors import InvalidInput
from ekiben.core.front import worded

HUB = "docker.io"
_HUB_API = "registry-1.docker.io"
_HUB_NAMES = (HUB, "index.docker.io", _HUB_API)
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_LONGEST = 255  # letters of host and repository


@dataclass(frozen=True, slots=True)
class Place:
    """A registry, and the folder in it under which names stand."""

    scheme: str  # "https" or "http"
    host: str  # with its port, if it is not the scheme's own
    prefix: str = ""  # "team/models"
    plain_http: bool = False  # someone asked for plain HTTP, to whatever machine
    ca_file: str | None = None  # certificates to trust besides the system's

    @property
    def url(self) -> str:
        """Where its API begins, without a slash at the end."""
        return f"{self.scheme}://{_HUB_API if self.host in _HUB_NAMES else self.host}"

    @property
    def is_local(self) -> bool:
        """True if it is on this machine."""
        return is_loopback(self.url)

    def repository(self, name: str) -> str:
        """Give the repository of *name* below the prefix.

        Raises:
            InvalidInput: no repository can be called so.
        """
        return check_repository(f"{self.prefix}/{name}" if self.prefix else name)

    def allows(self, url: str) -> bool:
        """Say whether the registry may send us to *url*, by a redirect for example.

        Never from HTTPS to plain HTTP, and from another machine never to this one or to its link-local neighbours.
        """
        try:
            parts = urlsplit(url)
            inward, is_port = is_inward(url), parts.port != 0
        except ValueError:
            return False
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.username is not None or not is_port:
            return False
        if inward and not self.is_local:
            return False
        return parts.scheme == "https" or (self.scheme == "http" and (self.plain_http or is_loopback(url)))

    def __str__(self) -> str:
        return f"{self.host}/{self.prefix}" if self.prefix else self.host


@dataclass(frozen=True, slots=True)
class ImageName:
    """An image as people write it, taken apart."""

    host: str
    repository: str
    reference: str  # a tag or a digest

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `python:3.12`, `localhost:5000/team/base@sha256:…` and the like.

        A name without a host is one of Docker Hub, a name without a tag means `latest`.

        Raises:
            InvalidInput: *text* is not the name of an image.
        """
        rest, at, digest = text.partition("@")
        first, slash, path = rest.partition("/")
        if slash and ("." in first or ":" in first or first == "localhost"):
            host, rest = first, path
        else:
            host = HUB
        repository, colon, tag = rest.partition(":")
        if host in _HUB_NAMES:
            host, repository = HUB, repository if "/" in repository else f"library/{repository}"
        is_good = _HOST.fullmatch(host) and _REPOSITORY.fullmatch(repository) and len(text) <= _LONGEST + 128
        if not is_good or (at and not _DIGEST.fullmatch(digest)) or (colon and not _TAG.fullmatch(tag)):
            raise InvalidInput(f"this is not the name of an image such as 'python:3.12-slim': {text!r}")
        return cls(host, repository, digest or tag or "latest")

    def place(self, *, plain_http: bool = False, ca_file: str | None = None) -> Place:
        """Say which registry has it; see `parse_place`."""
        return parse_place(self.host, plain_http=plain_http, ca_file=ca_file)


def parse_place(text: str, *, plain_http: bool = False, ca_file: str | None = None) -> Place:
    """Read `host[:port][/folder]`, with `https://` or `http://` before it or without.

    Without a scheme it is HTTPS, but plain HTTP on this machine.

    Args:
        text: as a person writes it.
        plain_http: allow plain HTTP to another machine too.
        ca_file: a file of certificates to trust besides the system's; asks for HTTPS.

    Raises:
        InvalidInput: it is no such place, holds a password, or asks for plain HTTP without leave.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "", text
    if "@" in rest:
        where = rest.rpartition("@")[2].partition("/")[0]
        hint = f"write the registry without them, and log in once: `docker login {where}`"
        raise InvalidInput("a registry is written without a user and password, which would be kept in files", hint=hint)
    host, _, prefix = rest.rstrip("/").partition("/")
    if scheme not in ("", "https", "http") or not _HOST.fullmatch(host) or not _has_port(host):
        raise InvalidInput(f"a registry must be a host such as 'registry.example.com:5000/team': {text!r}")
    host = HUB if host.lower() in _HUB_NAMES else host.lower()
    if prefix:
        check_repository(prefix)
    local = is_loopback(f"//{host}")
    if not scheme:
        scheme = "http" if (local or plain_http) and not ca_file else "https"
    if scheme == "http" and not (local or plain_http):
        told = worded("say `plain_http=True`", "add `--plain-http`")
        hint = f"use https://{host}, or {told} if you trust the wire"
        raise InvalidInput(f"plain HTTP is for registries on this machine, and this one is not: {text!r}", hint=hint)
    return Place(scheme, host, prefix, plain_http, ca_file)


def check_repository(name: str) -> str:
    """Give *name* back if a repository may be called so.

    Raises:
        InvalidInput: it may not.
    """
    if len(name) > _LONGEST or not _REPOSITORY.fullmatch(name):
        raise InvalidInput(
            f"a repository must be of a-z 0-9 with single . _ - between them, and / between parts: {name!r}",
            hint="registries allow fewer names than the store: save it under a plainer one",
        )
    return name


def check_reference(text: str) -> str:
    """Give a tag or a digest back if it is one.

    Raises:
        InvalidInput: it is neither.
    """
    if not (_TAG.fullmatch(text) or _DIGEST.fullmatch(text)):
        raise InvalidInput(f"this must be a tag or a digest of a registry: {text!r}")
    return text


def is_loopback(url: str) -> bool:
    """Say whether *url* names this machine; by its words, no resolver is asked."""
    name = _name(url)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def is_inward(url: str) -> bool:
    """Say whether *url* names this machine, or a service beside it."""
    address = _address(_name(url))
    return is_loopback(url) or (address is not None and (address.is_link_local or address.is_unspecified))


def _name(url: str) -> str:
    return (urlsplit(url).hostname or "").rstrip(".").lower()


def _has_port(host: str) -> bool:
    """Say whether the port of a host, if it has one, can be."""
    try:
        return urlsplit(f"//{host}").port != 0
    except ValueError:
        return False


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an address in any form that the system reads.

    `127.1` and `2130706433` are one, too.
    """
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(name))
        except (OSError, ValueError):
            return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
