"""Send one request and give its answer as a stream: the one room that knows httpx.

In: a method, a URL, headers, a body that can be sent again. Out: an `Answer`, or `Cut` where none came.
No redirect is followed here, nothing is unpacked, no cookie is kept, and the system's certificates count.
"""

import contextlib
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Self
from urllib.parse import urlsplit

from ekiben.core.errors import ConfigError, Unavailable
from ekiben.core.optional import need
from ekiben.store.remotes.oci.places import Place

CHUNK = 1024 * 1024  # bytes
_CONNECT, _SILENCE = 15.0, 120.0  # seconds until connected, seconds without a byte


class Cut(Exception):
    """A connection that could not be made, or broke; the same request may go well."""


class Unreached(Cut):
    """A connection that could not be made at all."""


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent; `open` begins it anew each time."""

    size: int  # bytes
    open: Callable[[], Iterator[bytes]]

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Send *data*."""
        return cls(len(data), lambda: iter((data,)))


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer, and its body as it comes."""

    status: int
    headers: Mapping[str, str]  # whatever the case of the name
    url: str
    chunks: Callable[[], Iterator[bytes]]

    def read(self, limit: int) -> bytes:
        """Give the body, or the first bytes of a longer one: at most *limit* and 1."""
        parts, size = [], 0
        for chunk in self.chunks():
            parts.append(chunk)
            size += len(chunk)
            if size > limit:
                break
        return b"".join(parts)[: limit + 1]


class Wire:
    """Connections to a registry and to whomever it names."""

    def __init__(self, place: Place) -> None:
        self._library: ModuleType = need("httpx", "a registry")
        self._client = self._library.Client(
            verify=_trust(place.ca_file),
            trust_env=not place.is_local,  # a proxy has no way to this machine
            timeout=self._library.Timeout(_SILENCE, connect=_CONNECT),
            follow_redirects=False,
            headers={"user-agent": "ekiben", "accept-encoding": "identity"},
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    @contextmanager
    def send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: Body | None = None
    ) -> Iterator[Answer]:
        """Send one request.

        Raises:
            Cut: no answer came, or, while it is read, the rest of it did not.
            Unavailable: the other side is not who it says it is.
        """
        words = dict(headers or {})
        content: Any = None
        if body is not None:
            words["content-length"] = str(body.size)
            content = body.open()
        elif method in ("POST", "PUT", "PATCH"):
            words["content-length"] = "0"
        self._client.cookies.clear()
        with self._errors(url):
            request = self._client.build_request(method, url, headers=words, content=content)
            response = self._client.send(request, stream=True)
        try:
            yield Answer(response.status_code, response.headers, url, lambda: self._chunks(response, url))
            _drain(response)
        finally:
            response.close()

    def _chunks(self, response: Any, url: str) -> Iterator[bytes]:
        with self._errors(url):
            yield from response.iter_raw()  # in pieces as they come: those that came before a cut count

    @contextmanager
    def _errors(self, url: str) -> Iterator[None]:
        host = urlsplit(url).netloc
        try:
            yield
        except (self._library.InvalidURL, self._library.UnsupportedProtocol) as error:
            raise Unavailable(f"a registry names a place that cannot be reached: {host}") from error
        except self._library.TransportError as error:
            if _is_certificate(error):
                hint = "name its certificate: `--ca-file FILE` (`ca_file=`), or the variable SSL_CERT_FILE"
                raise Unavailable(f"the certificate of {host} is not trusted: {error}", hint=hint) from error
            if "WRONG_VERSION_NUMBER" in str(error):
                hint = "if it is a registry without TLS: `--plain-http` (`plain_http=True`), or no `https://`"
                raise Unavailable(f"{host} does not speak HTTPS", hint=hint) from error
            kind = Unreached if isinstance(error, self._library.ConnectError) else Cut
            raise kind(f"{host}: {str(error) or type(error).__name__}") from error


def _trust(ca_file: str | None) -> ssl.SSLContext:
    """Trust what the system trusts, SSL_CERT_FILE included, and one more file."""
    context = ssl.create_default_context()
    try:
        if ca_file is not None:
            context.load_verify_locations(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        reason = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror or error
        raise ConfigError(f"`ca_file` must be a file of certificates in PEM: {ca_file!r}: {reason}") from error
    return context


def _drain(response: Any) -> None:
    """Read the rest of a short answer, so that its connection can be used again."""
    length = response.headers.get("content-length", "")
    is_short = length.isascii() and length.isdigit() and len(length) < 6
    if not response.is_stream_consumed and (is_short or response.request.method == "HEAD"):
        with contextlib.suppress(Exception):  # the answer is known; its connection is not needed
            for _ in response.iter_raw():
                pass


def _is_certificate(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
