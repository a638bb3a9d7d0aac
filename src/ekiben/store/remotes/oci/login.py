"""Answer a registry that asks who we are.

In: its challenge, the scopes that we need. Out: a value of `Authorization`; tokens are kept in memory until they end.
A password goes to the registry, or to the server of tokens that it names, by HTTPS or on this machine; nowhere else.
Source: the distribution project's token authentication; RFC 6749 for identity tokens; RFC 7617.
"""

import json
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

from ekiben.core.errors import NotAuthenticated
from ekiben.store.remotes.oci.challenge import Challenge, parse_challenges
from ekiben.store.remotes.oci.credentials import Credentials
from ekiben.store.remotes.oci.places import HUB, Place
from ekiben.store.remotes.oci.wire import Body

Ask = Callable[[str, str, Mapping[str, str], Body | None], tuple[int, bytes]]  # method, URL, headers, body
Scopes = tuple[str, ...]  # `repository:team/iris:pull,push`

CLIENT = "ekiben"
_EARLY = 10.0  # seconds before its end at which a token counts as spent
_USUAL = 60.0  # seconds that a token lives where nothing is said
_MAX_TOKEN = 64 * 1024  # letters


class Login:
    """Who we are at one registry.

    Args:
        place: the registry.
        find: gives the credentials; called once, and only if the registry asks.
        ask: sends one request to a server of tokens, without anything of ours added.
        now: a clock, in seconds.
    """

    def __init__(
        self,
        place: Place,
        find: Callable[[], Credentials | None],
        ask: Ask,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place, self._find, self._ask, self._now = place, find, ask, now
        self._known: list[Credentials | None] = []
        self._basic = ""
        self._tokens: dict[Scopes, tuple[str, float]] = {}

    def header(self, scopes: Scopes) -> str | None:
        """Give what is known to let us in; None where nobody has asked yet."""
        token, until = self._tokens.get(scopes, ("", 0.0))
        if token and self._now() < until:
            return f"Bearer {token}"
        return self._basic or None

    def answer(self, header: str, scopes: Scopes) -> str:
        """Answer the challenge *header*.

        Returns:
            The value of `Authorization` to try next.

        Raises:
            NotAuthenticated: there is nothing to answer with.
        """
        challenges = {one.scheme: one for one in reversed(parse_challenges(header))}
        if "bearer" in challenges:
            return self._buy_token(challenges["bearer"], scopes)
        credentials = self.credentials
        if "basic" not in challenges:
            raise self._refused("asks for a kind of login that is not known here")
        if credentials is None or not credentials.user:
            raise self._refused("wants to know who you are")
        self._basic = credentials.basic
        return self._basic

    @property
    def credentials(self) -> Credentials | None:
        """Who we are, if anyone said so."""
        if not self._known:
            self._known.append(self._find())
        return self._known[0]

    def _buy_token(self, challenge: Challenge, scopes: Scopes) -> str:
        credentials = self.credentials
        if credentials and credentials.registry_token:
            self._tokens[scopes] = (credentials.registry_token, self._now() + _USUAL)
            return f"Bearer {credentials.registry_token}"
        realm = challenge.parameters.get("realm", "")
        if not self._place.allows(realm):
            raise self._refused(f"wants a password to be sent where it is not safe: {_bare(realm)}")
        wanted = list(dict.fromkeys([*scopes, *challenge.parameters.get("scope", "").split()]))
        service = challenge.parameters.get("service", "")
        status, data = self._request(realm, service, wanted, credentials)
        if status != 200:
            known = "does not know you" if credentials is None else "refuses your user and password"
            raise self._refused(known, f" ({_bare(realm)} answered {status})")
        token, seconds = _read_token(data)
        if not token:
            raise self._refused("gives no token", f" ({_bare(realm)})")
        self._tokens[scopes] = (token, self._now() + max(0.0, seconds - _EARLY))
        return f"Bearer {token}"

    def _request(
        self, realm: str, service: str, scopes: list[str], credentials: Credentials | None
    ) -> tuple[int, bytes]:
        if credentials and credentials.identity_token:
            form = {
                "grant_type": "refresh_token",
                "service": service,
                "client_id": CLIENT,
                "scope": " ".join(scopes),
                "refresh_token": credentials.identity_token,
            }
            headers = {"content-type": "application/x-www-form-urlencoded"}
            return self._ask("POST", realm, headers, Body.of(urlencode(form).encode()))
        query = [("service", service)] if service else []
        query += [("scope", scope) for scope in scopes]
        basic = {"authorization": credentials.basic} if credentials and credentials.user else {}
        joint = "&" if urlsplit(realm).query else "?"
        return self._ask("GET", f"{realm}{joint}{urlencode(query)}", basic, None)

    def _refused(self, why: str, more: str = "") -> NotAuthenticated:
        host = self._place.host
        command = "docker login" if host == HUB else f"docker login {host}"
        return NotAuthenticated(f"the registry {host} {why}{more}", hint=f"log in: `{command}`", challenge=None)


def _read_token(data: bytes) -> tuple[str, float]:
    """Read the token and how long it lives; no token where there is none to trust."""
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        return "", 0.0
    if not isinstance(answer, dict):
        return "", 0.0
    token, seconds = answer.get("token") or answer.get("access_token"), answer.get("expires_in")
    is_token = isinstance(token, str) and len(token) <= _MAX_TOKEN and token.isascii() and token.isprintable()
    lives = float(seconds) if isinstance(seconds, int | float) and 0 < seconds < 10**7 else _USUAL
    return (str(token) if is_token and " " not in str(token) else ""), lives


def _bare(url: str) -> str:
    """Give a URL without its query and user, to be shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "no URL"
    shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return "".join(letter for letter in shown if letter.isprintable())[:200]
