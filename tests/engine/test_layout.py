"""Which layout a service gets, and which choices are refused."""

import pytest

from ekiben.core.errors import ConfigError
from ekiben.core.resources import cpu_count
from ekiben.core.spec import BatchSpec, CommandSpec, EndpointSpec, Layout, ServiceSpec
from ekiben.engine.layout import choose, count_workers


@pytest.mark.parametrize(
    ("layout", "workers", "supervised", "expected"),
    [
        pytest.param(None, 1, None, Layout.INLINE, id="one worker is one process"),
        pytest.param(None, 2, None, Layout.REPLICAS, id="several are replicas"),
        pytest.param(None, 1, "--watch-models", Layout.REPLICAS, id="one that is to be watched is a replica"),
        pytest.param(Layout.REPLICAS, 1, None, Layout.REPLICAS, id="a replica that was asked for"),
        pytest.param(Layout.INLINE, 1, None, Layout.INLINE, id="inline that was asked for"),
    ],
)
def test_choose(layout: Layout | None, workers: int, supervised: str | None, expected: Layout) -> None:
    """The layout is what was asked for, else what suits."""
    assert choose(ServiceSpec("iris", layout=layout), workers, "linux", supervised) is expected


@pytest.mark.parametrize(
    ("layout", "workers", "platform", "supervised", "words"),
    [
        pytest.param(Layout.APART, 2, "darwin", None, "only Linux does: 'apart'", id="macOS"),
        pytest.param(Layout.APART, 2, "linux", "--watch-models", "`layout: apart` keeps its front", id="apart"),
        pytest.param(Layout.INLINE, 2, "linux", None, "`workers` must be 1 with `layout: inline`", id="one process"),
        pytest.param(Layout.INLINE, 1, "linux", "--watch-models", "`--watch-models` needs a supervisor", id="watching"),
        pytest.param(None, 2, "win32", None, "`workers` needs several processes", id="workers on Windows"),
        pytest.param(Layout.REPLICAS, 1, "win32", None, "`layout` needs several processes", id="replicas on Windows"),
        pytest.param(None, 1, "win32", "--watch-models", "`--watch-models` needs several", id="watching on Windows"),
    ],
)
def test_refused(layout: Layout | None, workers: int, platform: str, supervised: str | None, words: str) -> None:
    """What does not go together is refused, with the reason and a hint."""
    with pytest.raises(ConfigError, match=words) as caught:
        choose(ServiceSpec("iris", layout=layout), workers, platform, supervised)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("platform", "mounts", "supervised", "expected"),
    [
        pytest.param("linux", False, None, Layout.APART, id="one queue fills larger batches"),
        pytest.param("linux", True, None, Layout.REPLICAS, id="a mounted app may need the instance"),
        pytest.param("linux", False, "--watch-models", Layout.REPLICAS, id="whole processes can be replaced"),
        pytest.param("darwin", False, None, Layout.REPLICAS, id="apart needs Linux"),
    ],
)
def test_several_workers_that_batch(platform: str, mounts: bool, supervised: str | None, expected: Layout) -> None:
    """Several workers of a service that batches are apart, where that can be."""
    spec = ServiceSpec("iris", endpoints=(EndpointSpec("predict", "/predict", batch=BatchSpec()),))
    assert choose(spec, 2, platform, supervised, mounts=mounts) is expected
    assert choose(spec, 1, platform) is Layout.INLINE


def test_windows_serves_inline() -> None:
    """One process needs no supervisor, on any system."""
    assert choose(ServiceSpec("iris"), 1, "win32") is Layout.INLINE


def test_cpu_count() -> None:
    """`cpu_count` is as many workers as this process has CPUs."""
    assert count_workers(ServiceSpec("iris", workers="cpu_count")) == cpu_count()
    assert count_workers(ServiceSpec("iris", workers=5)) == 5


@pytest.mark.parametrize(
    ("layout", "workers", "platform", "supervised", "words"),
    [
        pytest.param(None, 2, "linux", None, "`workers` must be 1 for a service with a command", id="workers"),
        pytest.param(Layout.APART, 1, "linux", None, "`layout` must be inline .*: 'apart'", id="apart"),
        pytest.param(Layout.REPLICAS, 1, "linux", None, "`layout` must be inline .*: 'replicas'", id="replicas"),
        pytest.param(None, 1, "linux", "--watch-models", "`--watch-models` replaces processes", id="watched"),
        pytest.param(None, 1, "win32", None, "`cmd` needs groups of processes", id="Windows"),
    ],
)
def test_a_command_runs_once(
    layout: Layout | None, workers: int, platform: str, supervised: str | None, words: str
) -> None:
    """A service with a command is one process, on a system that has groups of processes."""
    spec = ServiceSpec("iris", layout=layout, command=CommandSpec(("serve",)))
    with pytest.raises(ConfigError, match=words) as caught:
        choose(spec, workers, platform, supervised)
    assert caught.value.hint
    assert choose(ServiceSpec("iris", command=CommandSpec(("serve",))), 1, "linux") is Layout.INLINE
