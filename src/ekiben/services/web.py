"""Check the options of `@service` that concern HTTP, and make an `HttpSpec`.

In: `http`, `ssl`, `metrics`, `logging`, `path_prefix`, `endpoints`, `backlog`, as the user wrote them.
Out: an `HttpSpec`, and the limits that stand in `http`.
"""

import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal, TypedDict

from ekiben.core.errors import ConfigError
from ekiben.core.spec import AccessSpec, CorsSpec, HttpSpec, MetricsSpec, TlsSpec, TraceSpec
from ekiben.services.auth import read_auth
from ekiben.services.checks import block, flag, number, text, texts, url_path, whole

NAMESPACE = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")  # of Prometheus' data model
CORS = "access_control_"
MOST_BUCKETS = 200

LIMITS = {
    "max_body_bytes": ("max_body", "bytes of a body, after decompression"),
    "max_parts": ("max_parts", "parts of one multipart body"),
    "max_json_depth": ("max_depth", "levels of nested JSON"),
    "max_headers": ("max_headers", "headers of one request"),
    "max_header_bytes": ("max_header_size", "bytes of all headers of one request"),
}
CONTENT = ("request_content_length", "request_content_type", "response_content_length", "response_content_type")


class Cors(TypedDict, total=False):
    """`http.cors`: which pages of other origins may call."""

    enabled: bool
    access_control_allow_origins: Sequence[str] | str
    access_control_allow_origin_regex: str | None
    access_control_allow_methods: Sequence[str] | str
    access_control_allow_headers: Sequence[str] | str
    access_control_expose_headers: Sequence[str] | str
    access_control_allow_credentials: bool
    access_control_max_age: int  # seconds


class Response(TypedDict, total=False):
    """`http.response`: what each answer tells."""

    trace_id: bool


class Http(TypedDict, total=False):
    """`http`: where to listen, and how much a request may be."""

    host: str
    port: int
    proxy_port: int | None  # of `cmd`
    cors: Cors | None
    response: Response | None
    max_body_bytes: int
    max_parts: int
    max_json_depth: int
    max_headers: int
    max_header_bytes: int
    gzip_min_bytes: int | None


class Ssl(TypedDict, total=False):
    """`ssl`: files and rules of TLS."""

    enabled: bool
    certfile: str
    keyfile: str | None
    keyfile_password: str | None
    ca_certs: str | None
    version: int | None
    cert_reqs: int | None
    ciphers: str | None


class Duration(TypedDict, total=False):
    """`metrics.duration`: the histogram's buckets in seconds, listed or generated."""

    buckets: Sequence[float]
    min: float
    max: float
    factor: float


class Metrics(TypedDict, total=False):
    """`metrics`: whether `/metrics` is there, and how its names begin."""

    enabled: bool
    namespace: str
    duration: Duration | None


class Access(TypedDict, total=False):
    """`logging.access`: what the access log holds."""

    enabled: bool
    skip_paths: Sequence[str]
    request_content_length: bool
    request_content_type: bool
    response_content_length: bool
    response_content_type: bool
    format: Literal["text", "json"] | None


class Logging(TypedDict, total=False):
    """`logging`: the access log."""

    access: Access | None


class Tracing(TypedDict, total=False):
    """`tracing`: which requests become spans."""

    enabled: bool
    sample_rate: float | None
    excluded_urls: Sequence[str] | None


class Endpoints(TypedDict, total=False):
    """`endpoints`: the paths of the two health probes."""

    livez: str
    readyz: str


def read(options: Mapping[str, Any]) -> HttpSpec:
    """Check all that concerns HTTP.

    Raises:
        ConfigError: an option is unknown, not of its type, or not supported yet.
    """
    keys = ("host", "port", "proxy_port", "cors", "response", "gzip_min_bytes", *LIMITS)
    http = block(options.get("http"), "http", keys)
    block(http.get("response"), "http.response", ("trace_id",))
    paths = block(options.get("endpoints"), "endpoints", ("livez", "readyz"))
    probes = {
        name: url_path(paths.get(name) or f"/{name}", f"endpoints.{name}", f"/{name}") for name in ("livez", "readyz")
    }
    if probes["livez"] == probes["readyz"]:
        raise ConfigError(f"`endpoints.livez` and `endpoints.readyz` must differ: {probes['livez']!r}")
    return HttpSpec(
        host=None if http.get("host") is None else text(http["host"], "http.host", "an address"),
        port=None if http.get("port") is None else whole(http["port"], "http.port", "a port", least=0, most=65535),
        path_prefix=url_path(options.get("path_prefix") or "", "path_prefix", "/models/iris", empty=True),
        cors=read_cors(http.get("cors")),
        access=read_access(options.get("logging")),
        metrics=read_metrics(options.get("metrics")),
        auth=read_auth(options.get("auth")),
        tls=read_tls(options.get("ssl")),
        gzip_min=read_gzip(http),
        backlog=whole(options.get("backlog", 2048), "backlog", "connections that wait to be accepted", least=64),
        **probes,
    )


def read_tracing(options: Mapping[str, Any]) -> TraceSpec | None:
    """Check `tracing`, which is on where it is given, unless `enabled` says no."""
    given = block(options.get("tracing"), "tracing", ("enabled", "sample_rate", "excluded_urls"), REFUSED_TRACING)
    response = block((options.get("http") or {}).get("response"), "http.response", ("trace_id",))
    header = flag(response.get("trace_id", False), "http.response.trace_id")
    if options.get("tracing") is None or not flag(given.get("enabled", True), "tracing.enabled"):
        if header:
            raise ConfigError(
                "`http.response.trace_id` needs `tracing`: without it there is no trace", hint="write `tracing={}`"
            )
        return None
    rate, excluded = given.get("sample_rate"), given.get("excluded_urls")
    if rate is not None and number(rate, "tracing.sample_rate", "requests", above=None, example=0.1) > 1:
        raise ConfigError(f"`tracing.sample_rate` must be from 0 to 1: {rate!r}", hint="write 0.1 for every tenth")
    found = TraceSpec(sample_rate=rate, header=header)
    return (
        found if excluded is None else replace(found, excluded=texts(excluded, "tracing.excluded_urls", '["/livez"]'))
    )


THEIRS = "spans go to the OpenTelemetry provider that you set, and it has the exporter"
REFUSED_TRACING = dict.fromkeys(
    ("exporter_type", "timeout", "max_tag_value_length", "zipkin", "jaeger", "otlp"), THEIRS
)


def read_gzip(http: Mapping[str, Any]) -> int | None:
    """Check `http.gzip_min_bytes`; None never compresses."""
    given = http.get("gzip_min_bytes", HttpSpec().gzip_min)
    return None if given is None else whole(given, "http.gzip_min_bytes", "bytes of an answer", least=0)


def read_limits(http: Any) -> dict[str, int]:
    """Give the fields of `Limits` that stand in `http`."""
    given = http if isinstance(http, Mapping) else {}
    return {
        field: whole(given[name], f"http.{name}", unit)
        for name, (field, unit) in LIMITS.items()
        if given.get(name) is not None
    }


def read_cors(cors: Any) -> CorsSpec | None:
    """Check `http.cors`; named origins switch it on, unless `enabled` says no."""
    keys = ("enabled", *(CORS + key for key in CORS_KEYS))
    given = block(cors, "http.cors", keys)
    named = {key: given.get(CORS + key) for key in CORS_KEYS}
    if cors is None or not flag(given.get("enabled", True), "http.cors.enabled"):
        return None
    lists = {
        field: texts(named[key], f"http.cors.{CORS}{key}", '["https://example.org"]')
        for key, field in CORS_LISTS.items()
        if named[key] is not None
    }
    pattern = named["allow_origin_regex"]
    if pattern is not None:
        check_pattern(pattern)
    if not lists.get("origins") and pattern is None:
        raise ConfigError(
            f"`http.cors.{CORS}allow_origins` must name the origins that may call: {named['allow_origins']!r}",
            hint='write ["https://example.org"], or ["*"] for every page',
        )
    credentials = flag(named["allow_credentials"] or False, f"http.cors.{CORS}allow_credentials")
    if credentials and "*" in lists.get("origins", ()):
        raise ConfigError(
            f"`http.cors.{CORS}allow_credentials` would let every page call in its visitors' names, as `*` is allowed",
            hint="name the origins",
        )
    age = named["max_age"]
    return CorsSpec(
        **lists,
        origin_regex=pattern,
        credentials=credentials,
        max_age=600 if age is None else whole(age, f"http.cors.{CORS}max_age", "seconds", least=0),
    )


CORS_LISTS = {
    "allow_origins": "origins",
    "allow_methods": "methods",
    "allow_headers": "headers",
    "expose_headers": "expose_headers",
}
CORS_KEYS = (*CORS_LISTS, "allow_origin_regex", "allow_credentials", "max_age")


def check_pattern(pattern: Any) -> None:
    """Refuse what is no regular expression."""
    try:
        re.compile(pattern)
    except (re.error, TypeError) as error:
        path = f"http.cors.{CORS}allow_origin_regex"
        raise ConfigError(f"`{path}` must be a regular expression ({error}): {pattern!r}") from error


def read_tls(options: Any) -> TlsSpec | None:
    """Check `ssl`; a certificate switches it on, unless `enabled` says no."""
    files = ("certfile", "keyfile", "keyfile_password", "ca_certs", "ciphers")
    given = block(options, "ssl", ("enabled", *files, "version", "cert_reqs"))
    if options is None or not flag(given.get("enabled", True), "ssl.enabled"):
        return None
    version, needs = given.get("version"), given.get("cert_reqs")
    if version not in (None, int(ssl.PROTOCOL_TLS_SERVER)):
        raise ConfigError(
            f"`ssl.version` must be {int(ssl.PROTOCOL_TLS_SERVER)}, with which both sides agree on 1.2 or newer: "
            f"{version!r}",
            hint="leave it out",
        )
    if not given.get("certfile"):
        raise ConfigError(
            "`ssl.certfile` must be the path of a certificate", hint='write `ssl={"certfile": "tls.pem"}`'
        )
    named = {key: text(given[key], f"ssl.{key}") for key in files if given.get(key) is not None}
    if needs is not None:
        needs = whole(needs, "ssl.cert_reqs", "as in Python's ssl module", least=0, most=2)
    return TlsSpec(**named, cert_reqs=needs)


def read_access(logging: Any) -> AccessSpec:
    """Check `logging.access`."""
    outer = block(logging, "logging", ("access",))
    given = block(outer.get("access"), "logging.access", ("enabled", "skip_paths", *CONTENT, "format"))
    flags: dict[str, Any] = {
        key: flag(given[key], f"logging.access.{key}") for key in ("enabled", *CONTENT) if given.get(key) is not None
    }
    form = given.get("format")
    if form not in (None, "text", "json"):
        raise ConfigError(f"`logging.access.format` must be text or json: {form!r}", hint='write "json"')
    found = replace(AccessSpec(), **flags, format=form)
    if given.get("skip_paths") is None:
        return found
    return replace(found, skip_paths=texts(given["skip_paths"], "logging.access.skip_paths", '["/livez"]'))


def read_metrics(metrics: Any) -> MetricsSpec:
    """Check `metrics`."""
    given = block(metrics, "metrics", ("enabled", "namespace", "duration"))
    namespace = given.get("namespace")
    if namespace is not None and not (isinstance(namespace, str) and NAMESPACE.fullmatch(namespace)):
        raise ConfigError(f"`metrics.namespace` must be letters, digits, `_` and `:`: {namespace!r}")
    return MetricsSpec(
        enabled=flag(given.get("enabled", True), "metrics.enabled"),
        namespace=namespace,
        buckets=read_buckets(given.get("duration")),
    )


def read_buckets(duration: Any) -> tuple[float, ...] | None:
    """Check `metrics.duration`: the bounds, or the first, the last and their factor."""
    path = "metrics.duration"
    given = block(duration, path, ("buckets", "min", "max", "factor"))
    generated = [key for key in ("min", "max", "factor") if given.get(key) is not None]
    if given.get("buckets") is not None:
        if generated:
            raise ConfigError(f"`{path}` takes either `buckets` or `min`, `max` and `factor`: {duration!r}")
        return checked_buckets(given["buckets"], f"{path}.buckets")
    if not generated:
        return None
    if len(generated) < 3:
        raise ConfigError(
            f"`{path}` needs all of `min`, `max` and `factor`: {duration!r}",
            hint="write {'min': 0.001, 'max': 10, 'factor': 2}",
        )
    least = number(given["min"], f"{path}.min", "seconds", example=0.001)
    most = number(given["max"], f"{path}.max", "seconds", above=least, example=least * 100)
    factor = number(given["factor"], f"{path}.factor", "steps", above=1.0, example=2)
    bounds = [least]
    while bounds[-1] * factor < most and len(bounds) < MOST_BUCKETS:
        bounds.append(bounds[-1] * factor)
    if len(bounds) >= MOST_BUCKETS:
        raise ConfigError(f"`{path}.factor` makes more than {MOST_BUCKETS} buckets: {given['factor']!r}")
    return (*bounds, most)


def checked_buckets(buckets: Any, path: str) -> tuple[float, ...]:
    """Give bounds that rise."""
    if not isinstance(buckets, list | tuple) or not buckets:
        raise ConfigError(f"`{path}` must be a list of seconds: {buckets!r}", hint="write [0.01, 0.1, 1]")
    bounds = tuple(number(value, f"{path}[{index}]", "seconds") for index, value in enumerate(buckets))
    if any(later <= earlier for earlier, later in pairwise(bounds)):
        raise ConfigError(f"`{path}` must rise from each bound to the next: {buckets!r}")
    return bounds
