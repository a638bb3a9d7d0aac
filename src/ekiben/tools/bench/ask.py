"""Ask a server what it serves, try one request, and read its counts.

In: an address. Out: the endpoint to load and the bytes of a request that it takes; counts of batches.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from prometheus_client.parser import text_string_to_metric_families

from ekiben.core.errors import ConfigError, ServerError
from ekiben.core.front import command
from ekiben.services.near import near_hint

WAIT = 300.0  # seconds until a server takes calls
LOOK = 0.05  # seconds between tries
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # of RFC 9110
REFUSED = (401, 403)
TOKENS = "give a token by `--header 'Authorization: Bearer TOKEN'`"
COUNTED = ("_adaptive_batch_size_sum", "_adaptive_batch_size_count", "_model_seconds_sum")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is loaded."""

    name: str
    path: str
    schema: Mapping[str, Any]
    reads: tuple[str, ...]
    batches: bool = False
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent to it."""

    content: bytes
    media: str = "application/json"


class Server:
    """A server that is asked, over one client."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.url = url
        self.headers = dict(headers)
        for name, value in self.headers.items():
            if not TOKEN.fullmatch(name) or not value.isprintable() or not value.isascii():
                raise ConfigError(
                    f"`--header` must be a name and a value: {name!r}: {value!r}", hint="write `X-Name: value`"
                )
        self.http = httpx.Client(base_url=url, headers=self.headers, timeout=60.0, trust_env=False, verify=False)  # noqa: S501 - what is measured is the server, not its papers

    def close(self) -> None:
        """Close the client."""
        self.http.close()

    def endpoints(self) -> dict[str, Endpoint]:
        """List the endpoints.

        Raises:
            ServerError: there is no server, or it serves no service.
        """
        answer = self._get("/schema.json")
        try:
            routes = answer.json()["routes"]
            return {
                told["name"]: Endpoint(
                    told["name"],
                    told["route"],
                    told["input"],
                    tuple(told.get("reads", ("application/json",))),
                    bool(told.get("batchable")),
                    "POST" if "POST" in told.get("methods", ["POST"]) else told["methods"][0],
                )
                for told in routes
                if not told.get("is_task")
            }
        except (ValueError, KeyError, TypeError) as error:
            raise ServerError(
                f"what is served at {self.url} is no service: its /schema.json has another form"
            ) from error

    def choose(self, name: str | None) -> Endpoint:
        """Find the endpoint called *name*, or the only one.

        Raises:
            ConfigError: there is none, or several and none is named.
        """
        found = self.endpoints()
        if name is None:
            if len(found) == 1:
                return next(iter(found.values()))
            raise ConfigError(f"`--endpoint` must name one of: {', '.join(found) or 'nothing that can be loaded'}")
        named = found.get(name.lstrip("/")) or next((each for each in found.values() if each.path == name), None)
        if named is None:
            raise ConfigError(
                f"there is no endpoint `{name}`", hint=near_hint(name, found) or f"there is {', '.join(found)}"
            )
        return named

    def attempt(self, endpoint: Endpoint, body: Body) -> None:
        """Send one request, as soon as the service takes calls.

        Raises:
            ConfigError: it is refused.
            ServerError: the service fails, or never takes calls.
        """
        until = time.monotonic() + WAIT
        while True:
            answer = self._send(endpoint, body)
            if answer.status_code != 503 or time.monotonic() > until:
                break
            time.sleep(LOOK)
        if answer.status_code < 400:
            return
        told = f"{endpoint.path} answers {answer.status_code}: {words(answer)}"
        if answer.status_code in REFUSED:
            raise ConfigError(told, hint=TOKENS)
        if answer.status_code < 500:
            raise ConfigError(told, hint="give a body that it takes by `--body`, and its `--content-type`")
        raise ServerError(told, answered=answer.status_code, hint="look at the server's log")

    def request(self, endpoint: Endpoint, body: Body) -> bytes:
        """Write a request as it goes over the wire (RFC 9112)."""
        parts = urlsplit(self.url)
        host, place = parts.netloc.rpartition("@")[2], parts.path.rstrip("/")  # of one service among several
        lines = [f"{endpoint.method} {place}{endpoint.path} HTTP/1.1", f"host: {host}", *self._lines(body)]
        return "\r\n".join([*lines, "", ""]).encode() + body.content

    def _lines(self, body: Body) -> list[str]:
        given = {name.lower(): value for name, value in self.headers.items()}
        ours = {"accept": "*/*", "content-type": body.media, "content-length": str(len(body.content))}
        return [
            f"{name}: {value}" for name, value in {**ours, **given, "content-length": ours["content-length"]}.items()
        ]

    def counts(self, endpoint: Endpoint) -> dict[str, float]:
        """Read the counts of an endpoint's batches, by the end of their name."""
        parts = endpoint.path.split("/")
        for depth in range(len(parts)):
            try:
                answer = self.http.get("/".join(parts[: depth + 1]) + "/metrics")
            except httpx.HTTPError:
                return {}
            if answer.status_code == 200:
                return batch_counts(answer.text, endpoint.name)
        return {}

    def _get(self, path: str) -> httpx.Response:
        try:
            answer = self.http.get(path)
        except httpx.HTTPError as error:
            raise ServerError(
                f"there is no server at {self.url}: {error}", hint=f"start it by {command('serve')}"
            ) from error
        if answer.status_code != 200:
            hint = TOKENS if answer.status_code in REFUSED else None
            raise ServerError(f"{self.url}{path} answers {answer.status_code}", answered=answer.status_code, hint=hint)
        return answer

    def _send(self, endpoint: Endpoint, body: Body) -> httpx.Response:
        try:
            return self.http.request(
                endpoint.method,
                endpoint.path,
                content=body.content,
                headers={"content-type": body.media, **self.headers},
            )
        except httpx.HTTPError as error:
            raise ServerError(f"{endpoint.path} gives no answer: {str(error) or type(error).__name__}") from error


def words(answer: httpx.Response) -> str:
    """Give the words of an error."""
    try:
        told = answer.json()
        return str(told.get("detail") or told.get("error") or told)
    except (ValueError, AttributeError):
        return answer.text[:500].strip() or "no words"


def batch_counts(text: str, method: str) -> dict[str, float]:
    """Add up the counts of a method's batches over all series."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            end = next((each for each in COUNTED if sample.name.endswith(each)), None)
            if end is not None and sample.labels.get("method_name") == method:
                found[end] = found.get(end, 0.0) + sample.value
    return found
