"""Keep records of what a model was given and answered, by BentoML's names.

In: a monitor's name, and columns. Out: records, as `ekiben.monitor` keeps them. A class of yours that writes them
derives from `MonitorBase`, and is named by its dotted path.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from bentoml.refusals import Refused
from ekiben.core.errors import ConfigError
from ekiben.engine.monitoring import Monitor
from ekiben.engine.monitoring import monitor as ekiben_monitor

__all__ = ["Monitor", "MonitorBase", "monitor"]

OTLP = ("nothing speaks OTLP here", 'write a class that does, and name it: `monitor_class="package.module.Class"`')
OTLPMonitor = Refused("monitoring.OTLPMonitor", *OTLP)


def monitor(
    name: str, monitor_class: str | type | None = None, monitor_options: Mapping[str, Any] | None = None
) -> AbstractContextManager[Monitor]:
    """Keep records of a model's inputs and answers.

    Args:
        name: of the monitor.
        monitor_class: `default`, or the dotted path of a class; None is what the service's `monitoring` says.
        monitor_options: its keywords.

    Raises:
        ConfigError: there is no such class, or it is `otlp`.
    """
    if monitor_class == "otlp":
        raise ConfigError(f"`monitor_class` must be default, or the path of a class: {OTLP[0]}: 'otlp'", hint=OTLP[1])
    if isinstance(monitor_class, type):
        monitor_class = f"{monitor_class.__module__}.{monitor_class.__qualname__}"
    return ekiben_monitor(name, monitor_class, monitor_options)


class MonitorBase:
    """Writes records; override `export_data`, and what else is of use.

    Args:
        name: of the monitor.
        options: the monitor's options.
    """

    def __init__(self, name: str, **options: Any) -> None:
        self.name = name
        self.options = options
        self._columns: list[dict[str, str]] | None = None
        self.initialize()

    def initialize(self) -> None:
        """Open what the records go to; called once."""

    def export_schema(self, columns_schemas: Sequence[Mapping[str, str]]) -> None:
        """Write which columns there are; called before the first records, and when they change."""

    def export_data(self, datas: Sequence[Mapping[str, Any]]) -> None:
        """Write records, each a mapping by column."""

    def write(self, columns: list[dict[str, str]], records: list[dict[str, Any]]) -> None:
        """Take records from Ekiben."""
        if columns != self._columns:
            self._columns = columns
            self.export_schema(columns)
        self.export_data(records)

    def close(self) -> None:
        """Write what is left."""
