"""A model, or code of the user's, in workers of its own, called by a service.

In: a class of `Runnable`. Out: a `Runner`, whose methods have `run`, `async_run` and `async_stream`. Where it runs is
settled when its service starts, by a handle; until then, or outside of a service, `init_local` runs it right here.
"""

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from bentoml.exceptions import StateException
from bentoml.runners.arguments import Joining, Sent, nothing_joined
from bentoml.runners.hosted import Hosted
from bentoml.runners.runnable import USUAL, Runnable, RunnableMethod, methods_of
from bentoml.runners.strategy import DefaultStrategy, Strategy
from ekiben.core.errors import ConfigError
from ekiben.core.tag import Tag
from ekiben.engine.near import Blocking, Near
from ekiben.services.checks import block, number, whole
from ekiben.store.models import StoredModel

log = logging.getLogger("ekiben")

CALL = "__call__"
LARGEST, LATEST = 100, 60_000.0  # of a batch: items, milliseconds
METHOD_OPTIONS = ("max_batch_size", "max_latency_ms")


class LimitKeywords(TypedDict, total=False):
    """What batches of a runner may be."""

    max_batch_size: int | None  # items
    max_latency_ms: float | None
    method_configs: Mapping[str, Mapping[str, Any]] | None


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What one method of a runner allows for a batch."""

    max_batch_size: int = LARGEST  # items
    max_latency_ms: float = LATEST

    @classmethod
    def read(cls, given: Mapping[str, Any], where: str, usual: "BatchLimits | None" = None) -> "BatchLimits":
        """Check limits; those that are not given are the *usual* ones. Raises ConfigError."""
        before = usual or cls()
        size, latency = given.get("max_batch_size"), given.get("max_latency_ms")
        return cls(
            before.max_batch_size if size is None else whole(size, f"{where}max_batch_size", "items"),
            before.max_latency_ms
            if latency is None
            else number(latency, f"{where}max_latency_ms", "milliseconds", example=1000),
        )


class RunnerMethod:
    """One method of a runner."""

    def __init__(self, runner: "Runner", method: RunnableMethod, endpoint: str, limits: BatchLimits) -> None:
        self.runner = runner
        self.name = method.name
        self.config = method.options
        self.max_batch_size = limits.max_batch_size
        self.max_latency_ms = limits.max_latency_ms
        self._endpoint = endpoint
        self._is_stream = method.is_stream
        is_joined = method.options.batchable
        self._sort: Callable[[tuple[Any, ...], dict[str, Any]], Sent] = (
            Joining(method.function, method.options.batch_dim[0]) if is_joined else nothing_joined
        )

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method, and wait; raises what it raised, RuntimeError on the event loop."""
        self._check(is_stream=False)
        try:
            return self._face("to_sync")(**self._sort(args, kwargs)._asdict())
        except Blocking:
            raise RuntimeError(
                f"`{self.name}.run` of the runner `{self.runner.name}` waits, and nothing else could use the event loop"
                f" meanwhile: in an `async def` write `await ….{self.name}.async_run(…)`"
            ) from None

    async def async_run(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method; raises what it raised."""
        self._check(is_stream=False)
        return await self._face("to_async")(**self._sort(args, kwargs)._asdict())

    def async_stream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Call a generator; its pieces come as they are made."""
        self._check(is_stream=True)
        found: AsyncIterator[Any] = self._face("to_async")(**self._sort(args, kwargs)._asdict())
        return found

    def _face(self, name: str) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(getattr(self.runner.handle(), name), self._endpoint)
        return found

    def _check(self, *, is_stream: bool) -> None:
        """Refuse a call of the wrong kind; raises TypeError."""
        if is_stream != self._is_stream:
            words = "is no generator: call `async_run`" if is_stream else "is a generator: call `async_stream`"
            raise TypeError(f"`{self.name}` of the runner `{self.runner.name}` {words}")

    def __repr__(self) -> str:
        return f"<method {self.name} of the runner {self.runner.name}>"


class Runner:
    """A runnable, with what its workers need; each of its methods is an attribute.

    A runner with one method, or with one that is its own call, has `run`, `async_run` and `async_stream` of that, too.

    Args:
        runnable_class: a class of `Runnable`.
        runnable_init_params: keywords for its `__init__`.
        name: the class's by default; capitals are lowered.
        scheduling_strategy: decides how many workers there are, and what they may use.
        models: stored models that it needs.
        embedded: run it within the processes of the service.
        limits: `max_batch_size`, items of a batch; `max_latency_ms`, milliseconds after which a call that waits for its
            batch is refused; `method_configs`, the two for single methods: `{"predict": {"max_batch_size": 32}}`.

    Raises:
        ConfigError: an argument is not of its type, or the class offers no method.
        InvalidInput: the name is none.
    """

    def __init__(
        self,
        runnable_class: type[Runnable],
        *,
        runnable_init_params: Mapping[str, Any] | None = None,
        name: str | None = None,
        scheduling_strategy: type[Strategy] = DefaultStrategy,
        models: Sequence[StoredModel] | None = None,
        embedded: bool = False,
        **limits: Unpack[LimitKeywords],
    ) -> None:
        check_class(runnable_class)
        check_strategy(scheduling_strategy)
        self.name = Tag((name or runnable_class.__name__).lower()).name
        self.runnable_class = runnable_class
        self.runnable_init_params = dict(runnable_init_params or {})
        self.scheduling_strategy = scheduling_strategy
        self.models = list(models or ())
        self.embedded = embedded
        self.workers_per_resource = 1.0
        self.create: Callable[[Mapping[str, Any]], Hosted] = lambda handles: self.make()  # the same each time
        self._handle: Any = None
        offered = methods_of(runnable_class)
        self.offered = {endpoint_name(name, offered): method for name, method in offered.items()}
        given = block(limits, "", tuple(LimitKeywords.__annotations__))
        self.runner_methods = self._read_methods(offered, given)
        for method in self.runner_methods:
            setattr(self, method.name, method)
        usual = single(self.runner_methods, getattr(runnable_class, USUAL, None))
        if usual is not None:
            self.run, self.async_run, self.async_stream = usual.run, usual.async_run, usual.async_stream

    @property
    def is_ready(self) -> bool:
        """Whether it can be called now."""
        return self._handle is not None

    async def runner_handle_is_ready(self, timeout: int = 0) -> bool:
        """Say whether it can be called now; nothing is waited for, since start-up was."""
        return self.is_ready

    def init_local(self, quiet: bool = False) -> None:
        """Make its instance in this very process, for scripts, notebooks and tests.

        Args:
            quiet: leave out the warning that this is not how it is served.
        """
        if not quiet:
            log.warning("the runner `%s` runs in this process; `init_local` is for trying it out", self.name)
        streams = [endpoint for endpoint, method in self.offered.items() if method.is_stream]
        self.attach(Near(self.make(), streams=streams))

    def init_client(self, *_: Any, **__: Any) -> None:
        """Do nothing in a service, which connects it; raises StateException elsewhere."""
        self.handle()

    def destroy(self) -> None:
        """Let go of its instance, or of the way to it."""
        self._handle = None

    def make(self) -> Hosted:
        """Make its instance."""
        return Hosted(self.runnable_class(**self.runnable_init_params), self.offered)

    def attach(self, handle: Any) -> None:
        """Say where it runs; only its service calls this."""
        self._handle = handle

    def handle(self) -> Any:
        """Give the way to where it runs; raises StateException before it runs."""
        if self._handle is None:
            raise StateException(
                f"the runner `{self.name}` is not running",
                hint="name it in `bentoml.Service(…, runners=[…])`; in a script or a test call `init_local()` first",
            )
        return self._handle

    def _read_methods(
        self, offered: Mapping[str, RunnableMethod], given: Mapping[str, Any]
    ) -> tuple[RunnerMethod, ...]:
        configs: Mapping[str, Mapping[str, Any]] = given.get("method_configs") or {}
        unknown = [name for name in configs if name not in offered]
        if unknown:
            raise ConfigError(
                f"`method_configs` must name methods of `{self.runnable_class.__name__}`: {unknown[0]!r}",
                hint=f"it has {', '.join(offered)}",
            )
        limits = BatchLimits.read(given, "")
        found = []
        for name, method in offered.items():
            path = f"method_configs.{name}"
            allowed = BatchLimits.read(block(configs.get(name), path, METHOD_OPTIONS), f"{path}.", limits)
            found.append(RunnerMethod(self, method, endpoint_name(name, offered), allowed))
        return tuple(found)

    def __repr__(self) -> str:
        return f"<runner {self.name} of {self.runnable_class.__name__}>"


def check_class(runnable: Any) -> None:
    """Refuse what is no runnable, or offers nothing; raises ConfigError."""
    if not (isinstance(runnable, type) and issubclass(runnable, Runnable)):
        raise ConfigError(f"a runner takes a class of `bentoml.Runnable`: {runnable!r}")
    if not methods_of(runnable):
        raise ConfigError(f"`{runnable.__name__}` offers no method", hint="write `@bentoml.Runnable.method` above one")


def check_strategy(strategy: Any) -> None:
    """Refuse what is no strategy; raises ConfigError."""
    if not (isinstance(strategy, type) and issubclass(strategy, Strategy)):
        raise ConfigError(f"`scheduling_strategy` must be a class of `Strategy`: {strategy!r}")


def single(methods: Sequence[RunnerMethod], usual: str | None = None) -> RunnerMethod | None:
    """Give the method that the runner itself stands for.

    Args:
        methods: all that it has.
        usual: the one that its class names; else it is the call itself, or the only one.
    """
    if len(methods) == 1:
        return methods[0]
    return next((method for method in methods if method.name == (usual or CALL)), None)


def endpoint_name(method: str, offered: Mapping[str, Any]) -> str:
    """Name the endpoint of a method; the call itself is `call`, or `call_` beside one."""
    if method != CALL:
        return method
    return "call_" if "call" in offered else "call"
