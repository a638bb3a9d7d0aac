"""Describe a service with plain data.

In: nothing but literals. Out: frozen values that turn into JSON, and `BoundService`,
the one value that also holds code. Everything past `services/load.py` works on these alone:
the engine runs them, OpenAPI is made from them, a bento stores them.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from ekiben.core.errors import EkibenError

JsonSchema = Mapping[str, Any]


class Convention(StrEnum):
    """How the user's callable is called."""

    KEYWORDS = "keywords"  # one keyword a parameter
    ONE_VALUE = "one_value"  # the body is the one value
    STACKED = "stacked"  # one value, the joined batch of several calls
    LISTED = "listed"  # one list, an element a call


class Layout(StrEnum):
    """Which processes hold HTTP and the model."""

    INLINE = "inline"
    APART = "apart"
    REPLICAS = "replicas"


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """How calls of one endpoint are joined."""

    max_size: int = 100  # items
    max_wait: float = 0.0  # seconds that the oldest call may wait for others
    max_latency: float = 60.0  # seconds; a call that cannot be answered in time is shed
    in_axis: int = 0
    out_axis: int = 0


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """One route of a service."""

    name: str
    route: str
    input: JsonSchema = field(default_factory=dict)
    output: JsonSchema = field(default_factory=dict)
    methods: tuple[str, ...] = ("POST",)
    convention: Convention = Convention.KEYWORDS
    batch: BatchSpec | None = None
    stream: bool = False
    heartbeat: float | None = None  # seconds without a piece after which a stream of events says that it lives
    task: bool = False
    max_attempts: int = 1  # of a task: how often it may be started
    timeout: float | None = None  # seconds; None: the service's, and none for a task; 0: no limit
    isolate: bool = False  # a failed batch is run again by halves
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another service that this one calls."""

    attribute: str
    service: str | None = None
    url: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A stored model that this service needs, or one of a registry."""

    attribute: str
    tag: str  # as it was asked for, `iris` or `iris:latest` included
    resolved: str | None = None  # the exact tag that this was
    digest: str | None = None
    registry: str | None = None  # "huggingface", where it is not the store


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """The container that a service wants, as data."""

    base: str | None = None
    python_version: str | None = None
    steps: tuple[tuple[str, tuple[str, ...]], ...] = ()  # in the order in which they were said (`services/image`)
    lock_packages: bool = True
    pack_git_packages: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """What a service accepts at once, and for how long."""

    timeout: float | None = 60.0  # seconds for one call
    max_concurrency: int | None = None  # calls
    kill_after: float | None = None  # seconds beyond its time that a call may hold a worker; None: for ever
    max_body: int = 100 * 1024 * 1024  # bytes, after decompression
    max_parts: int = 1000  # of one multipart body
    max_depth: int = 64  # of JSON
    max_headers: int = 100
    max_header_size: int = 64 * 1024  # bytes, all headers together


# The content type of an error's body, by `Style.error_style`.
ERROR_MEDIA: Mapping[str, str] = {
    "problem": "application/problem+json",  # problem details (RFC 9457)
    "object": "application/json",  # {"error": words}
    "string": "application/json",  # the words, as JSON
    "text": "text/plain; charset=utf-8",  # the words
}


@dataclass(frozen=True, slots=True)
class Style:
    """What dialects differ in on the wire.

    `{service}` stands for the service's name in `server_header`, `metrics_prefix` and the values of `metrics_labels`.
    """

    error_style: str = "problem"  # one of ERROR_MEDIA
    error_prefix: str = ""  # before the words of a caller's mistake, in bodies that are nothing but words
    error_statuses: tuple[tuple[str, int], ...] = ()  # of classes in core/errors, where another one is sent
    nan_style: str = "null"  # null | literal
    stream_style: str = "framed"  # framed | raw: text as it is, under text/event-stream
    request_id_header: str = "x-request-id"
    trace_id_header: str = "x-trace-id"
    server_header: str = "ekiben"
    metrics_prefix: str = "ekiben"
    metrics_labels: tuple[tuple[str, str], ...] = ()  # with their values, beside those that each metric has
    default_port: int = 3000
    healthz: str = "livez"  # livez | readyz: what /healthz is another name of
    unbuilt: str = ""  # what is shown as the version of a service that is not of a bento
    waiting: str = "pending"  # the state that is told of a task that has not begun

    def status_of(self, kind: type[EkibenError]) -> int:
        """Give the HTTP status of a class of errors.

        One that is derived elsewhere keeps its own.
        """
        is_ours = kind.__module__ == EkibenError.__module__
        return dict(self.error_statuses).get(kind.__name__, kind.status) if is_ours else kind.status


def named(text: str, service: str) -> str:
    """Put the service's name into a text of a `Style`."""
    return text.replace("{service}", service)


@dataclass(frozen=True, slots=True)
class CorsSpec:
    """Which pages of other origins may call (Fetch standard, CORS protocol)."""

    origins: tuple[str, ...] = ()
    origin_regex: str | None = None
    methods: tuple[str, ...] = ("GET", "POST")
    headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    credentials: bool = False
    max_age: int = 600  # seconds


@dataclass(frozen=True, slots=True)
class AccessSpec:
    """What the access log holds."""

    enabled: bool = True
    skip_paths: tuple[str, ...] = ("/metrics", "/healthz", "/livez", "/readyz")
    request_content_length: bool = True
    request_content_type: bool = True
    response_content_length: bool = True
    response_content_type: bool = True
    format: str | None = None  # text | json; None: as the rest of the log


@dataclass(frozen=True, slots=True)
class MetricsSpec:
    """What is counted, and under which prefix; None takes the style's."""

    enabled: bool = True
    namespace: str | None = None
    buckets: tuple[float, ...] | None = None  # seconds


@dataclass(frozen=True, slots=True)
class TraceSpec:
    """Which requests become spans of the user's OpenTelemetry provider."""

    sample_rate: float | None = None  # of requests without a traced caller; None: the provider's sampler decides
    excluded: tuple[str, ...] = ("*/metrics", "*/healthz", "*/livez", "*/readyz")  # paths, `*` for any part
    header: bool = False  # tell the trace id in each answer


@dataclass(frozen=True, slots=True)
class MonitoringSpec:
    """Where the records of `ekiben.monitor` go."""

    enabled: bool = True
    type: str = "default"  # files, or the dotted path of a class
    options: Mapping[str, Any] = field(default_factory=dict)  # its keywords


@dataclass(frozen=True, slots=True)
class TlsSpec:
    """Files and rules of TLS."""

    certfile: str
    keyfile: str | None = None
    keyfile_password: str | None = None
    ca_certs: str | None = None
    cert_reqs: int | None = None  # of the ssl module
    ciphers: str | None = None


@dataclass(frozen=True, slots=True)
class TokenSpec:
    """One token, which is not here: its digest, or where it is found at start."""

    name: str
    digest: str | None = None  # SHA-256 of the token
    env: str | None = None  # the variable that holds it
    file: str | None = None  # the file that holds such, one a line
    endpoints: tuple[str, ...] | None = None  # that it may call; None: every path


@dataclass(frozen=True, slots=True)
class AuthSpec:
    """Who may call."""

    tokens: tuple[TokenSpec, ...] = ()
    metrics: bool = False  # the metrics are guarded too


@dataclass(frozen=True, slots=True)
class HttpSpec:
    """How the service is listened for."""

    host: str | None = None  # None: the front end's default
    port: int | None = None
    path_prefix: str = ""  # before each route
    place: str = ""  # the beginning of that which sets this service apart from others behind the same port
    livez: str = "/livez"
    readyz: str = "/readyz"
    cors: CorsSpec | None = None
    access: AccessSpec = AccessSpec()
    metrics: MetricsSpec = MetricsSpec()
    auth: AuthSpec | None = None  # None: everybody may call, unless the environment names a token
    tls: TlsSpec | None = None
    gzip_min: int | None = 4096  # bytes from which an answer is compressed; None: never
    backlog: int = 2048  # connections that wait to be accepted


@dataclass(frozen=True, slots=True)
class TasksSpec:
    """How the tasks of a service are kept and run."""

    workers: int = 1  # processes, of each server
    max_pending: int = 1000  # tasks that wait
    retention: float = 86_400.0  # seconds that a finished task is kept
    grace: float = 5.0  # seconds that a method gets to end by itself
    folder: str | None = None  # None: `tasks` in the home


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A server of another program, behind the service.

    It answers what the service itself does not.
    """

    words: tuple[str, ...] = ()  # the program and its arguments; none: the instance's `__command__` gives them
    port: int = 8000  # of 127.0.0.1, where it listens


# What stands below the route of a task, and by which methods.
TASK_ROUTES: Mapping[str, tuple[str, ...]] = {
    "submit": ("POST",),
    "status": ("GET",),
    "get": ("GET",),
    "retry": ("POST",),
    "cancel": ("PUT", "POST"),
}


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """All that is known of a service without running it."""

    name: str
    endpoints: tuple[EndpointSpec, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    models: tuple[ModelRef, ...] = ()
    workers: int | str = 1
    threads: int = 1
    inline: bool = False  # sync methods run on the event loop: a promise that they are short
    layout: Layout | None = None  # None: what suits the service (`engine/layout`)
    watch_models: bool = False  # swap in newer versions of models that are asked for as `latest`
    resources: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = Limits()
    tasks: TasksSpec = TasksSpec()
    style: Style = Style()
    http: HttpSpec = HttpSpec()
    tracing: TraceSpec | None = None
    monitoring: MonitoringSpec | None = None  # None: as built in, and the records bear no request id
    image: ImageSpec | None = None
    command: CommandSpec | None = None
    envs: tuple[Mapping[str, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None  # of the bento or model it came from
    doc: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give plain data, fit for JSON and YAML."""
        found: dict[str, Any] = plain(asdict(self))
        return found


def plain(value: Any) -> Any:
    """Give lists for tuples and text for names, as JSON and YAML know them."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return str(value) if isinstance(value, StrEnum) else value


@dataclass(frozen=True, slots=True)
class MountSpec:
    """An ASGI app of the user's, below a path."""

    app: Any
    path: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Names of the instance's methods that are called around its life."""

    startup: tuple[str, ...] = ()
    shutdown: tuple[str, ...] = ()
    ready: str | None = None
    alive: str | None = None
    metrics: str | None = None  # is given the text of `/metrics`, and gives what is shown


@dataclass(frozen=True, slots=True)
class BoundService:
    """A service with its code: the only thing that a dialect has to make.

    `signatures` holds, by endpoint name, the `schema.signature.Signature` that codecs are planned from;
    `methods` the attribute of the instance that an endpoint calls (its own name where it is absent);
    `dependencies` by attribute what binds the other service, with the same `create` each time; `on_deployment` what is
    called once before the first instance; `samples` the stored input that warms an endpoint up; `policies` by endpoint
    what decides when its batches leave, where the user gave one; `origin` is `module:attr` where there is one;
    `tokens` by attribute what a server asks for that is depended on by its address, or `$NAME` of a variable;
    `elsewhere` by attribute what binds a service that is to be asked at an address in place of being run here;
    `environ` gives the environment variables of a worker process by its index, over those of its share of the machine;
    `settled` makes of the service, whenever a file or a variable has set options, what follows from them;
    `services` are those of a stall, which has no endpoints of its own (`services/stall`);
    `options` are what the decorator was given, in the users' words, with what files and variables lay over it, and
    `sources` where each of those was said, by its dotted path.
    """

    spec: ServiceSpec
    create: Callable[[Mapping[str, Any]], Any]
    signatures: Mapping[str, Any] = field(default_factory=dict)
    methods: Mapping[str, str] = field(default_factory=dict)
    dependencies: Mapping[str, "Callable[[], BoundService]"] = field(default_factory=dict)
    hooks: Hooks = Hooks()
    on_deployment: tuple[Callable[[], Any], ...] = ()
    mounts: tuple[MountSpec, ...] = ()
    middleware: tuple[tuple[Any, Mapping[str, Any]], ...] = ()
    samples: Mapping[str, Any] = field(default_factory=dict)
    on_loop: bool = False  # create the instance on the event loop, not in the model thread
    origin: str | None = None
    policies: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    services: tuple["BoundService", ...] = ()
    batches: Mapping[str, BatchSpec | None] = field(default_factory=dict)  # by endpoint, where an option lies over them
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    elsewhere: Mapping[str, "Callable[[], BoundService]"] = field(default_factory=dict)
    environ: Callable[[int], Mapping[str, str]] | None = None
    settled: "Callable[[BoundService], BoundService] | None" = None
