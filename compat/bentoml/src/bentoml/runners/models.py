"""Stored models that become runners.

In: a model of BentoML's store. Out: the same, with `to_runner`, `to_runnable` and `with_options`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from bentoml.runners.runnable import Runnable
from bentoml.runners.runner import Runner
from bentoml.runners.stored import runnable_of
from bentoml.runners.strategy import DefaultStrategy, Strategy
from ekiben.frameworks import handle
from ekiben.store.models import ModelInfo


class Model(handle.Model):
    """A stored model that can be loaded, exported, and run in a runner."""

    __slots__ = ("_options",)

    def __init__(self, path: Path, info: ModelInfo, *, is_draft: bool = False) -> None:
        super().__init__(path, info, is_draft=is_draft)
        self._options: dict[str, Any] = {}

    def load_model(self, **options: Any) -> Any:
        """Load the model; the options go over those of `with_options`."""
        return super().load_model(**{**self._options, **options})

    def with_options(self, **options: Any) -> Self:
        """Give the same model, which is loaded with these options of its framework."""
        made = type(self)(self.path, self.info)
        made._wanted, made._options = self._wanted, {**self._options, **options}
        return made

    def to_runnable(self) -> type[Runnable]:
        """Make the class that a runner of this model runs.

        Raises:
            ConfigError: the model names no method.
        """
        return runnable_of(self, self._options)

    def to_runner(
        self,
        name: str | None = None,
        max_batch_size: int | None = None,
        max_latency_ms: float | None = None,
        method_configs: Mapping[str, Mapping[str, Any]] | None = None,
        embedded: bool = False,
        scheduling_strategy: type[Strategy] = DefaultStrategy,
    ) -> Runner:
        """Make a runner of this model; the arguments are those of `bentoml.Runner`.

        Args:
            name: the model's by default.
            max_batch_size: items of a batch.
            max_latency_ms: milliseconds after which a call that waits for its batch is refused.
            method_configs: the last two for single methods.
            embedded: run it within the processes of the service.
            scheduling_strategy: decides how many workers there are.
        """
        return Runner(
            self.to_runnable(),
            name=name or self.tag.name,
            models=[self],
            max_batch_size=max_batch_size,
            max_latency_ms=max_latency_ms,
            method_configs=method_configs,
            embedded=embedded,
            scheduling_strategy=scheduling_strategy,
        )
