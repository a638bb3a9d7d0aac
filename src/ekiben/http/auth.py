"""Let in who bears a token, and tell the others why not.

In: the tokens of a service, and its routes, once at start. Out: on each request yes, 401 or 403.
Everything is guarded, unknown paths, descriptions and mounted apps too, but for the paths that `pages` opens: the
probes, and files of the docs page. Tokens are compared by digest in constant time; nothing that is logged shows one.
Source: RFC 6750 (bearer tokens), RFC 9110, 11.
"""

import hashlib
import hmac
import os
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ekiben.core.errors import ConfigError, Forbidden, InvalidInput, NotAuthenticated
from ekiben.core.spec import AuthSpec, ServiceSpec, TokenSpec
from ekiben.core.token import digest
from ekiben.http.errors import Failure
from ekiben.http.exchange import AsgiApp, Receive, Scope, Send

VARIABLE, FILE = "EKIBEN_AUTH_TOKEN", "EKIBEN_AUTH_TOKEN_FILE"
LARGEST = 1024 * 1024  # bytes of a file of tokens
HOLDS = "one token a line, `#` before a comment"
CHALLENGE = "Bearer"
ANY = ""  # what every token may ask for

Refuse = Callable[[InvalidInput, Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Known:
    """One token, by its digest, and the endpoints that it may call; None is all."""

    digest: bytes
    endpoints: frozenset[str] | None


class Authorizer:
    """The rule of one app.

    Args:
        tokens: who may call.
        opened: paths that everybody may ask for.
        read: paths that every token may ask for.
        routes: endpoints by their paths; what stands below a task's path belongs to it.
        tasks: paths of tasks.
    """

    def __init__(
        self,
        tokens: Collection[Known],
        opened: Collection[str],
        read: Collection[str],
        routes: Mapping[str, str],
        tasks: Collection[str],
    ) -> None:
        self._tokens = tuple(tokens)
        self._opened = frozenset(opened)
        self._rights = {**dict.fromkeys(read, ANY), **routes}
        self._tasks = frozenset(tasks)

    def check(self, path: str, values: list[bytes]) -> None:
        """Pass or refuse a request.

        Args:
            path: what it asks for.
            values: of its headers `authorization`.

        Raises:
            NotAuthenticated: it bears no token, or an unknown one.
            Forbidden: its token is not for this path.
        """
        if path in self._opened:
            return
        known = self._known(values[0]) if len(values) == 1 else None
        if known is None:
            raise stranger(values)
        if known.endpoints is not None and self._right(path) not in (ANY, *known.endpoints):
            raise Forbidden("this token is not for this path", challenge=f'{CHALLENGE} error="insufficient_scope"')

    def lets_in(self, path: str, headers: Mapping[bytes, bytes]) -> bool:
        """Say whether a request passes; *headers* holds each once."""
        value = headers.get(b"authorization")
        known = None if value is None else self._known(value)
        return known is not None and (known.endpoints is None or self._right(path) in known.endpoints)

    def _known(self, value: bytes) -> Known | None:
        """Find the token that a header bears, in the time that all of them take."""
        scheme, _, token = value.partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        given = hashlib.sha256(token.strip()).digest()
        found = None
        for known in self._tokens:
            if hmac.compare_digest(known.digest, given):
                found = known
        return found

    def _right(self, path: str) -> str | None:
        """Give the endpoint of a path; None where only a token for all may go."""
        right = self._rights.get(path)
        above = path.rpartition("/")[0]
        return self._rights.get(above) if right is None and above in self._tasks else right


def stranger(values: list[bytes]) -> NotAuthenticated:
    """Say that nobody is known by what a request bears."""
    if not any(value[:7].lower() == b"bearer " for value in values):
        return NotAuthenticated(
            "this service asks for a token", challenge=CHALLENGE, hint="send the header `Authorization: Bearer TOKEN`"
        )
    words = "the token is unknown" if len(values) == 1 else "a request must bear one token"
    return NotAuthenticated(words, challenge=f'{CHALLENGE} error="invalid_token"')


def plan(
    spec: ServiceSpec, opened: Collection[str], read: Collection[str], environ: Mapping[str, str] = os.environ
) -> Authorizer | None:
    """Make the rule of a service; None where everybody may call.

    Args:
        spec: the service.
        opened: paths that everybody may ask for.
        read: paths that every token may ask for.
        environ: variables; what they say of tokens stands in place of what the service says.

    Raises:
        ConfigError: a token is missing or none, a file cannot be read, or there is no such endpoint.
    """
    auth, said = spec.http.auth, from_environment(environ)
    if said is None and auth is None:
        return None
    tokens = said or [known for each in (auth or AuthSpec()).tokens for known in resolved(each, spec, environ)]
    if not tokens:
        raise ConfigError(
            "`auth` has no token, so that nobody could call",
            hint=f"set {VARIABLE} or {FILE}, or name one in `auth.tokens`",
        )
    prefix = spec.http.path_prefix
    routes = {prefix + each.route: each.name for each in spec.endpoints}
    tasks = [prefix + each.route for each in spec.endpoints if each.task]
    return Authorizer(tokens, opened, read, routes, tasks)


def from_environment(environ: Mapping[str, str]) -> list[Known] | None:
    """Read the tokens that variables name, for every endpoint; None where none is set.

    One that is set and empty is an error: a secret that did not arrive must not open the service.
    """
    given = [variable for variable in (VARIABLE, FILE) if variable in environ]
    if not given:
        return None
    if len(given) == 2:
        raise ConfigError(f"only one of {VARIABLE} and {FILE} can be set", hint=f"a file may hold several: {HOLDS}")
    if given == [VARIABLE]:
        return [Known(digest(environ[VARIABLE], VARIABLE), None)]
    if not environ[FILE]:
        raise ConfigError(f"{FILE} is set and empty", hint="name a file, or unset it")
    return [Known(each, None) for each in read_file(environ[FILE], FILE)]


def resolved(token: TokenSpec, spec: ServiceSpec, environ: Mapping[str, str]) -> list[Known]:
    """Look up what a token's name stands for."""
    names = [each.name for each in spec.endpoints]
    for name in token.endpoints or ():
        if name not in names:
            raise ConfigError(
                f"`{token.name}` is for an endpoint that there is not: {name!r}", hint=f"there is {', '.join(names)}"
            )
    may = None if token.endpoints is None else frozenset(token.endpoints)
    if token.file is not None:
        return [Known(each, may) for each in read_file(token.file, f"`{token.name}`")]
    if token.digest is not None:
        return [Known(bytes.fromhex(token.digest), may)]
    value = environ.get(token.env or "")
    if value is None:
        raise ConfigError(f"`{token.name}` is in the variable {token.env}, which is not set", hint=f"set {token.env}")
    return [Known(digest(value, f"the variable {token.env}"), may)]


def read_file(name: str, whose: str) -> list[bytes]:
    """Read a file of tokens; errors name it and the line, not what stands there."""
    try:
        with Path(name).expanduser().open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"{whose}: the file of tokens cannot be read: {error.strerror}: {name}") from error
    if len(content) > LARGEST:
        raise ConfigError(f"{whose}: a file of tokens must have at most {LARGEST} bytes: {name}", hint=HOLDS)
    found = []
    for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
        token = line.partition("#")[0].strip()
        if token:
            found.append(digest(token, f"{name}, line {number},"))
    if not found:
        raise ConfigError(f"{whose}: the file holds no token: {name}", hint=f"write {HOLDS}")
    return found


async def refuse_socket(failure: Failure, scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a WebSocket, in words where the server can send such."""
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    given = {"content-type": failure.media_type, **failure.headers}
    headers = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]
    await send({"type": "websocket.http.response.start", "status": failure.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": failure.body})


def guard(app: AsgiApp, rule: Authorizer, refuse: Refuse) -> AsgiApp:
    """Put *rule* before an app; *refuse* answers who is not let in."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            try:
                rule.check(scope["path"], [value for name, value in scope["headers"] if name == b"authorization"])
            except InvalidInput as error:
                await refuse(error, scope, receive, send)
                return
        await app(scope, receive, send)

    return guarded
