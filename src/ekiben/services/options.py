"""Check what `@service` was given, and turn it into parts of a spec.

In: keywords, as the user wrote them. Out: `ServiceOptions`. An option works or is refused; none is ignored.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypedDict

from ekiben.core.command import read_words
from ekiben.core.errors import ConfigError
from ekiben.core.front import front
from ekiben.core.resources import cpus, memory
from ekiben.core.spec import (
    HttpSpec,
    ImageSpec,
    Layout,
    Limits,
    MonitoringSpec,
    ServiceSpec,
    Style,
    TasksSpec,
    TraceSpec,
)
from ekiben.services import web
from ekiben.services.auth import Auth
from ekiben.services.batches import Batching, Joining, read_batching
from ekiben.services.checks import block, flag, number, text, whole
from ekiben.services.command import check_place, read_port, settle
from ekiben.services.image import Image, read_image

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CPU_COUNT = "cpu_count"  # as many workers as CPUs
STAGES = ("all", "build", "runtime")

ALLOWED = (
    "name", "description", "labels", "envs", "resources", "workers", "layout", "watch_models", "threads", "inline",
    "traffic", "http", "ssl", "metrics", "logging", "tracing", "monitoring", "auth", "path_prefix", "endpoints",
    "backlog", "tasks", "batching", "image", "cmd",
)  # fmt: skip

# Known from elsewhere, and refused with the reason rather than as unknown.
REFUSED = {
    "service_class": "a service is the class that is decorated",
    "grpc": "only HTTP is served",
    "extra_ports": "a service listens on one port",
    "replicate_process": "a service runs in one process",
    "runner_probe": "`/readyz` asks every dependency, and there is nothing to set",
    "runner_connection": "dependencies are processes of the same server",
    "max_runner_connections": "dependencies are processes of the same server",
}
REFUSED_TRAFFIC = {
    "concurrency": "nothing scales by it; `max_concurrency` limits the calls at once",
    "external_queue": "calls wait in the process itself",
}


class Env(TypedDict, total=False):
    """One of `envs`: a variable that must be set while the service runs."""

    name: str
    value: str
    stage: Literal["all", "build", "runtime"]


class Resources(TypedDict, total=False):
    """`resources`: what the service asks of the machine that it is deployed to."""

    cpu: float | str
    memory: str
    gpu: float
    gpu_type: str
    tpu_type: str


class Traffic(TypedDict, total=False):
    """`traffic`: what is accepted at once and for how long."""

    timeout: float | None  # seconds
    max_concurrency: int | None  # calls
    kill_after: float | None  # seconds


class TaskSettings(TypedDict, total=False):
    """`tasks`: how the tasks of a service are kept and run."""

    workers: int  # processes
    max_pending: int  # tasks
    retention_hours: float
    grace: float  # seconds
    folder: str | None


class MonitoringOptions(TypedDict, total=False):
    """`monitoring.options` of the files that are built in."""

    log_path: str
    max_bytes: int
    backups: int


class Monitoring(TypedDict, total=False):
    """`monitoring`: where the records of `ekiben.monitor` go."""

    enabled: bool
    type: str
    options: MonitoringOptions | None


class ServiceKeywords(TypedDict, total=False):
    """The options of `@service`."""

    name: str | None
    description: str | None
    labels: Mapping[str, str] | None
    envs: Sequence[Env] | None
    resources: Resources | None
    workers: int | Literal["cpu_count"]
    layout: Literal["inline", "apart", "replicas"] | None
    watch_models: bool
    threads: int
    inline: bool
    traffic: Traffic | None
    http: web.Http | None
    ssl: web.Ssl | None
    metrics: web.Metrics | None
    logging: web.Logging | None
    tracing: web.Tracing | None
    monitoring: Monitoring | None
    auth: Auth | None
    path_prefix: str | None
    endpoints: web.Endpoints | None
    backlog: int
    tasks: TaskSettings | None
    batching: Batching | None
    image: Image | None
    cmd: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """The options of `@service`, checked."""

    name: str | None = None
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    envs: tuple[Mapping[str, str], ...] = ()
    resources: Mapping[str, Any] = field(default_factory=dict)
    workers: int | str = 1
    layout: Layout | None = None
    watch_models: bool = False
    threads: int = 1
    inline: bool = False
    limits: Limits = Limits()
    http: HttpSpec = HttpSpec()
    tasks: TasksSpec = TasksSpec()
    style: Style = Style()
    tracing: TraceSpec | None = None
    monitoring: MonitoringSpec | None = None
    batching: Joining = Joining()
    image: ImageSpec | None = None
    command: tuple[str, ...] = ()  # `cmd`
    proxy_port: int | None = None
    given: Mapping[str, Any] = field(default_factory=dict)  # as the user wrote them


def read_options(options: Mapping[str, Any]) -> ServiceOptions:
    """Check the options of `@service`.

    Raises:
        ConfigError: an option is unknown, not of its type, or not supported yet.
    """
    given = block(options, "", ALLOWED, REFUSED)
    limits = read_traffic(given.get("traffic"))
    return ServiceOptions(
        name=read_name(given.get("name")),
        description=text(given.get("description") or "", "description"),
        labels=read_labels(given.get("labels")),
        envs=read_envs(given.get("envs")),
        resources=read_resources(given.get("resources")),
        workers=read_workers(given.get("workers", 1)),
        layout=read_layout(given.get("layout")),
        watch_models=flag(given.get("watch_models", False), "watch_models"),
        threads=whole(given.get("threads", 1), "threads", "threads that call sync methods", most=1024),
        inline=flag(given.get("inline", False), "inline"),
        limits=replace(limits, **web.read_limits(given.get("http"))),
        http=web.read(given),
        tasks=read_tasks(given.get("tasks")),
        style=front().style,
        tracing=web.read_tracing(given),
        monitoring=read_monitoring(given.get("monitoring")),
        batching=read_batching(given.get("batching")),
        image=read_image(given.get("image")),
        command=read_words(given.get("cmd")),
        proxy_port=read_port(given.get("http")),
        given=dict(given),
    )


def apply(spec: ServiceSpec, options: ServiceOptions) -> ServiceSpec:
    """Give *spec* with all that options say, but for the name and what its front says.

    Raises:
        ConfigError: an option does not go with what the service is.
    """
    if options.inline and spec.dependencies:
        names = ", ".join(f"`{each.attribute}`" for each in spec.dependencies)
        raise ConfigError(
            f"`inline` must be False where a service depends on others, whose answers it would wait for: {names}",
            hint="leave it out, or make the methods `async def`",
        )
    command = settle(spec.command, options.command, options.proxy_port)
    if command is not None:
        check_place(options.workers, options.layout)
    return replace(
        spec,
        command=command,
        workers=options.workers,
        layout=options.layout,
        watch_models=options.watch_models,
        threads=options.threads,
        inline=options.inline,
        resources=options.resources,
        limits=options.limits,
        http=options.http,
        tasks=options.tasks,
        labels=options.labels,
        envs=options.envs,
        image=options.image,
        tracing=options.tracing,
        monitoring=options.monitoring,
        doc=options.description or spec.doc,
    )


def read_workers(workers: Any) -> int | str:
    """Check `workers=4` and `workers="cpu_count"`."""
    if workers == CPU_COUNT:
        return CPU_COUNT
    try:
        return whole(workers, "workers", "processes", most=1024)
    except ConfigError as error:
        raise ConfigError(
            f'`workers` must be a whole number of processes from 1 to 1024, or "{CPU_COUNT}": {workers!r}',
            hint=f'write 2, or "{CPU_COUNT}" for one a CPU',
        ) from error


def read_layout(layout: Any) -> Layout | None:
    """Check `layout="replicas"`; None leaves the choice to the engine."""
    if layout is None:
        return None
    if layout not in tuple(Layout):
        raise ConfigError(
            f"`layout` must be one of {', '.join(Layout)}: {layout!r}", hint="leave it out for the one that suits"
        )
    return Layout(layout)


def read_name(name: Any) -> str | None:
    """Check the name of a service, which becomes that of its bento too."""
    if name is not None and not (isinstance(name, str) and NAME.fullmatch(name)):
        raise ConfigError(
            f"`name` must be at most 63 letters, digits, `-`, `.` or `_`, none of these three at an end: {name!r}",
            hint='write `name="fraud_check"`',
        )
    return name


def read_labels(labels: Any) -> dict[str, str]:
    """Check `labels={"team": "nlp"}`."""
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise ConfigError(f"`labels` must be a mapping of text to text: {labels!r}", hint='write `{"team": "nlp"}`')
    for key, value in labels.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise ConfigError(f"`labels` must be a mapping of text to text: {key!r}: {value!r}")
    return dict(labels)


def read_envs(envs: Any) -> tuple[Mapping[str, str], ...]:
    """Check `envs=[{"name": "TOKEN"}, {"name": "LEVEL", "value": "3"}]`."""
    if envs is None:
        return ()
    if isinstance(envs, str | Mapping) or not isinstance(envs, Sequence):
        raise ConfigError(f"`envs` must be a list of variables: {envs!r}", hint='write `[{"name": "TOKEN"}]`')
    found = []
    for index, env in enumerate(envs):
        given = block(env, f"envs[{index}]", ("name", "value", "stage"))
        name = given.get("name")
        if not isinstance(name, str) or not VARIABLE.fullmatch(name):
            raise ConfigError(f"`envs[{index}].name` must be the name of an environment variable: {name!r}")
        if given.get("value") is None:
            given.pop("value", None)
        else:
            text(given["value"], f"envs[{index}].value")
        if given.setdefault("stage", "all") not in STAGES:
            raise ConfigError(f"`envs[{index}].stage` must be one of {', '.join(STAGES)}: {given['stage']!r}")
        found.append(given)
    return tuple(found)


def read_resources(resources: Any) -> dict[str, Any]:
    """Check `resources={"cpu": "500m", "gpu": 1}`, which are kept for whoever deploys."""
    given = block(resources, "resources", ("cpu", "memory", "gpu", "gpu_type", "tpu_type"))
    if given.get("cpu") is not None:
        cpus(given["cpu"], "resources.cpu")
    if given.get("memory") is not None:
        memory(given["memory"], "resources.memory")
    if given.get("gpu") is not None:
        number(given["gpu"], "resources.gpu", "GPUs", above=None, example=1)
    for key in ("gpu_type", "tpu_type"):
        if given.get(key) is not None:
            text(given[key], f"resources.{key}")
    return {key: value for key, value in given.items() if value is not None}


def read_traffic(traffic: Any) -> Limits:
    """Check `traffic={"timeout": 30, "max_concurrency": 100, "kill_after": 10}`."""
    given = block(traffic, "traffic", ("timeout", "max_concurrency", "kill_after"), REFUSED_TRAFFIC)
    timeout, most, patience = given.get("timeout", 60.0), given.get("max_concurrency"), given.get("kill_after")
    return Limits(
        timeout=None if timeout is None else number(timeout, "traffic.timeout", "seconds"),
        max_concurrency=None if most is None else whole(most, "traffic.max_concurrency", "calls at once"),
        kill_after=None if patience is None else number(patience, "traffic.kill_after", "seconds"),
    )


def read_tasks(tasks: Any) -> TasksSpec:
    """Check `tasks={"workers": 2, "retention_hours": 24}`."""
    given = block(tasks, "tasks", ("workers", "max_pending", "retention_hours", "grace", "folder"))
    folder = given.get("folder")
    hours = number(given.get("retention_hours", 24), "tasks.retention_hours", "hours", example=24)
    return TasksSpec(
        workers=whole(given.get("workers", 1), "tasks.workers", "processes that run tasks", most=1024),
        max_pending=whole(given.get("max_pending", 1000), "tasks.max_pending", "tasks that wait"),
        retention=hours * 3600,
        grace=number(given.get("grace", 5), "tasks.grace", "seconds", above=None, example=5),
        folder=None if folder is None else text(folder, "tasks.folder", "the path of a folder"),
    )


def read_monitoring(monitoring: Any) -> MonitoringSpec | None:
    """Check `monitoring={"type": "default", "options": {"log_path": "monitoring"}}`."""
    if monitoring is None:
        return None
    given = block(monitoring, "monitoring", ("enabled", "type", "options"))
    kind = text(given.get("type", "default"), "monitoring.type", "default, or the dotted path of a class")
    options = given.get("options") or {}
    if not isinstance(options, Mapping):
        raise ConfigError(f"`monitoring.options` must be a mapping: {options!r}")
    if kind == "default":
        block(options, "monitoring.options", ("log_path", "max_bytes", "backups"), REFUSED_MONITORING)
        if "log_path" in options:
            text(options["log_path"], "monitoring.options.log_path", "the path of a folder")
        for key, least in (("max_bytes", 1), ("backups", 0)):
            if key in options:
                whole(
                    options[key], f"monitoring.options.{key}", "bytes" if key == "max_bytes" else "files", least=least
                )
    return MonitoringSpec(flag(given.get("enabled", True), "monitoring.enabled"), kind, dict(options))


REFUSED_MONITORING = {"log_config_file": "the files are not written by Python's logging; `type` names a class of yours"}
