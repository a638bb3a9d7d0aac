"""Ask a registry: log in, follow redirects, try again, say what went wrong.

In: a method, a URL, the scopes that it needs, the statuses that are right. Out: an `Answer` of one of these, or an
error. Who we are is told to the registry itself only; another host, to which it redirects us, is told nothing.
"""

import datetime
import json
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Self
from urllib.parse import urljoin, urlsplit

from ekiben.core.errors import (
    BodyTooLarge,
    EkibenError,
    Forbidden,
    NotAuthenticated,
    NotFound,
    ServerError,
    TooManyRequests,
    Unavailable,
)
from ekiben.store.remotes.oci.credentials import Credentials, find_credentials
from ekiben.store.remotes.oci.login import Login, Scopes
from ekiben.store.remotes.oci.places import HUB, Place
from ekiben.store.remotes.oci.retries import AGAIN, Patience, decide_delay, read_retry_after
from ekiben.store.remotes.oci.wire import Answer, Body, Cut, Unreached, Wire

_HOPS = 5
_KNOCKS = 3  # attempts at a door that nobody opens
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_ERROR, _MAX_TOKEN = 16 * 1024, 256 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    scopes: Scopes
    headers: Mapping[str, str]
    body: Body | None


class Session:
    """A conversation with one registry; close it, or use it in `with`.

    Args:
        place: the registry.
        find: gives the credentials of a host; Docker's file by itself.
        patience: how often and how slowly to ask again.
        sleep: waits for seconds.
        chance: throws a number in [0, 1).
    """

    def __init__(
        self,
        place: Place,
        *,
        find: Callable[[str, str], Credentials | None] = find_credentials,
        patience: Patience = Patience(),
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.place, self.patience = place, patience
        self._sleep, self._chance = sleep, chance
        self._wire = Wire(place)
        self._login = Login(place, lambda: find(place.host, place.prefix), self._ask_for_token)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    @contextmanager
    def ask(
        self,
        method: str,
        url: str,
        *,
        scopes: Scopes,
        right: Collection[int],
        headers: Mapping[str, str] | None = None,
        body: Body | None = None,
        again: bool = True,
    ) -> Iterator[Answer]:
        """Send a request until it is answered, and give the answer.

        Args:
            method: of HTTP.
            url: a path of the registry (`/v2/…`), or a URL that it named.
            scopes: what the token must allow.
            right: statuses that the caller knows what to do with.
            headers: more of them.
            body: what is sent.
            again: try again where no answer comes or a later one may be better; else the caller does, after `Cut`.

        Raises:
            NotAuthenticated, Forbidden, NotFound, TooManyRequests, ServerError: what the registry said.
            Unavailable: it cannot be reached.
            Cut: only without *again*.
        """
        request = _Request(method, url, scopes, headers or {}, body)
        answer, kept = self._reach(request, right, again=again)
        with kept:
            yield answer

    def _reach(self, request: _Request, right: Collection[int], *, again: bool) -> tuple[Answer, ExitStack]:
        """Send a request until its answer is right; give it with what closes it."""
        attempt, has_answered = 1, False
        while True:
            with ExitStack() as stack:
                try:
                    answer = stack.enter_context(self._follow(request))
                except Cut as cut:
                    if not again:
                        raise
                    wrong: EkibenError = Unavailable(f"the registry cannot be reached: {cut}", hint=self._hint(cut))
                    if isinstance(cut, Unreached) and attempt >= _KNOCKS:
                        raise wrong from cut
                    asked = None
                else:
                    if answer.status in right:
                        return answer, stack.pop_all()
                    challenge = answer.headers.get("www-authenticate")
                    if answer.status == 401 and challenge and not has_answered and self._is_ours(answer.url):
                        has_answered = True
                        self._login.answer(challenge, request.scopes)
                        continue
                    wrong, asked = self.say(request.method, answer), retry_after(answer)
                    if answer.status not in AGAIN or not again:
                        raise wrong
            self.wait(attempt, wrong, asked)
            attempt += 1

    def wait(self, attempt: int, wrong: EkibenError, asked: float | None = None) -> None:
        """Wait before the next attempt; raise *wrong* where it is enough."""
        delay = decide_delay(attempt, self._chance(), self.patience, asked)
        if delay is None:
            raise wrong
        self._sleep(delay)

    def absolute(self, location: str, base: str = "") -> str:
        """Give a place that the registry named as a whole URL, if it may send us there.

        Raises:
            ServerError: it may not.
        """
        try:
            url = urljoin(base or self.place.url, location)
        except ValueError:
            url = ""
        if not self.place.allows(url):
            host = "".join(letter for letter in _netloc(url) if letter.isprintable())[:200]
            raise ServerError(f"the registry {self.place.host} sends us where nothing may go: {host!r}", answered=502)
        return url

    @contextmanager
    def _follow(self, request: _Request) -> Iterator[Answer]:
        """Send a request; a GET or HEAD follows redirects."""
        target, method = self.absolute(request.url), request.method
        with ExitStack() as stack:
            for _ in range(_HOPS + 1):
                known = self._login.header(request.scopes) if self._is_ours(target) else None
                sent = {**request.headers, **({"authorization": known} if known else {})}
                inner = stack.enter_context(ExitStack())
                answer = inner.enter_context(self._wire.send(method, target, sent, request.body))
                location = answer.headers.get("location")
                if method not in ("GET", "HEAD") or answer.status not in _REDIRECTS or not location:
                    yield answer
                    return
                target = self.absolute(location, target)
                inner.close()
        raise ServerError(f"the registry {self.place.host} redirects more than {_HOPS} times", answered=502)

    def _is_ours(self, url: str) -> bool:
        """True if *url* is of the registry itself: same scheme, host and port."""
        return _origin(url) == _origin(self.place.url)

    def _ask_for_token(self, method: str, url: str, headers: Mapping[str, str], body: Body | None) -> tuple[int, bytes]:
        """Ask a server of tokens; nothing of it is followed."""
        attempt = 1
        while True:
            try:
                with self._wire.send(method, url, headers, body) as answer:
                    data = answer.read(_MAX_TOKEN)
                    if answer.status not in AGAIN:
                        return answer.status, data
                    wrong = self.say(method, answer, data)
                    asked = retry_after(answer)
            except Cut as cut:
                wrong, asked = Unavailable(f"the server of tokens cannot be reached: {cut}"), None
            self.wait(attempt, wrong, asked)
            attempt += 1

    def _hint(self, cut: Cut) -> str | None:
        """Say what to do about a registry that takes no connection."""
        if not isinstance(cut, Unreached):
            return None
        return (
            f"is a registry running at {self.place.host}, and is that its address? it is given as HOST[:PORT][/FOLDER]"
        )

    def say(self, method: str, answer: Answer, data: bytes | None = None) -> EkibenError:
        """Put an answer that is not right into words."""
        host, status = self.place.host, answer.status
        try:
            told = read_error(answer.read(_MAX_ERROR) if data is None else data)
        except Cut:
            told = ""
        said = f"the registry {host} answered {status}" + (f": {told}" if told else "")
        match status:
            case 401:
                command = "docker login" if host == HUB else f"docker login {host}"
                return NotAuthenticated(said, hint=f"log in: `{command}`", challenge=None)
            case 403:
                return Forbidden(said, hint="ask who runs the registry for the right to do this")
            case 404:
                return NotFound(said)
            case 413:
                return BodyTooLarge(said, hint="a proxy before the registry may have a lower limit than it")
            case 429:
                return TooManyRequests(said)
            case _:
                return ServerError(f"{said} ({method} {urlsplit(answer.url).path})", answered=status)


def retry_after(answer: Answer) -> float | None:
    """Give the seconds that a registry asks us to wait."""
    return read_retry_after(answer.headers.get("retry-after"), datetime.datetime.now(datetime.UTC))


def read_error(data: bytes) -> str:
    """Give the words of an error, fit for a terminal; none where there are none.

    Source: the OCI distribution specification 1.1, "Error Codes".
    """
    try:
        listed = json.loads(data)["errors"]
        parts = [": ".join(str(one[key]) for key in ("code", "message") if one.get(key)) for one in listed]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    return "".join(letter if letter.isprintable() else " " for letter in "; ".join(parts))[:500].strip()


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""
