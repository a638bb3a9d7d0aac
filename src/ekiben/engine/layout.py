"""Choose which processes hold HTTP and the model, or say why a choice cannot be.

In: a service, as options have set it. Out: a layout and a number of workers. Pure.
"""

from ekiben.core.errors import ConfigError
from ekiben.core.resources import cpu_count
from ekiben.core.spec import Layout, ServiceSpec


def count_workers(spec: ServiceSpec) -> int:
    """Give the number of workers; `"cpu_count"` is one for each CPU that may be used."""
    return spec.workers if isinstance(spec.workers, int) else cpu_count()


def choose(
    spec: ServiceSpec, workers: int, platform: str, supervised: str | None = None, *, mounts: bool = False
) -> Layout:
    """Choose the layout.

    Args:
        spec: the service.
        workers: how many there will be.
        platform: of `sys.platform`.
        supervised: what was asked for that only the supervisor of replicas can do, as the user writes it.
        mounts: whether an app is mounted, or anything else needs the instance where HTTP is.

    Raises:
        ConfigError: what was asked for does not go together, or not on this system.
    """
    if spec.command is not None:
        check_command(spec, workers, platform, supervised)
    if spec.layout is Layout.APART and supervised is not None:
        raise ConfigError(
            f"`{supervised}` replaces whole processes, and `layout: apart` keeps its front", hint="write `replicas`"
        )
    if spec.layout is Layout.APART and platform != "linux":
        raise ConfigError(
            "`layout` must be inline or replicas here, since `apart` shares memory as only Linux does: 'apart'",
            hint="leave it out",
        )
    if spec.layout is Layout.INLINE and workers > 1:
        raise ConfigError(
            f"`workers` must be 1 with `layout: inline`, which is one process: {workers}",
            hint="leave `layout` out, or write `replicas`",
        )
    if spec.layout is Layout.INLINE and supervised is not None:
        raise ConfigError(
            f"`{supervised}` needs a supervisor beside the worker, and `layout: inline` is one process",
            hint="leave `layout` out",
        )
    if spec.layout is None and workers == 1 and supervised is None:
        return Layout.INLINE
    found = spec.layout or suited(spec, platform, supervised, mounts=mounts)
    if found is not Layout.INLINE and platform == "win32":
        what = supervised or ("workers" if workers > 1 else "layout")
        raise ConfigError(
            f"`{what}` needs several processes, which share no sockets on Windows",
            hint="leave it out, or run it on Linux, in WSL or in a container",
        )
    return found


def check_command(spec: ServiceSpec, workers: int, platform: str, supervised: str | None) -> None:
    """Hold a service with a command to one process, as its port can be had once.

    Raises:
        ConfigError: something else was asked for.
    """
    if workers != 1:
        raise ConfigError(
            f"`workers` must be 1 for a service with a command, whose port only one process can have: {workers}",
            hint="let the command itself use more processes",
        )
    if spec.layout not in (None, Layout.INLINE):
        raise ConfigError(
            f"`layout` must be inline for a service with a command, which runs once: '{spec.layout}'",
            hint="leave it out",
        )
    if supervised is not None:
        raise ConfigError(
            f"`{supervised}` replaces processes by others that start before those end, and a command has one port",
            hint="leave it out",
        )
    if platform == "win32":
        raise ConfigError(
            "`cmd` needs groups of processes, which Windows has not",
            hint="run it on Linux, on macOS, in WSL or in a container",
        )


def suited(spec: ServiceSpec, platform: str, supervised: str | None, *, mounts: bool) -> Layout:
    """Give what suits several workers: one queue where there are batches."""
    is_batching = any(endpoint.batch is not None for endpoint in spec.endpoints)
    if (is_batching or spec.dependencies) and not mounts and supervised is None and platform == "linux":
        return Layout.APART
    return Layout.REPLICAS
