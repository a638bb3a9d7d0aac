"""Keep what a model was given and what it answered, for those who watch it.

In: values, a column each, from a service's code. Out: records, one JSON object a line, written by a thread of its own.
No call waits for a disk: what the thread cannot keep up with is dropped, counted, and told in the log.
Without a service it works the same, with the settings that are built in.
"""

import atexit
import importlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, Protocol, TypeAlias, get_args

import orjson

from ekiben.core.errors import ConfigError
from ekiben.core.running import running
from ekiben.core.spec import MonitoringSpec
from ekiben.engine.records import NAME, Column, Lines

log = logging.getLogger("ekiben")

Role: TypeAlias = Literal["feature", "prediction", "target"]
DataType: TypeAlias = Literal["numerical", "categorical", "numerical_sequence"]

OURS = ("timestamp", "request_id", "trace_id")  # of every record
WAITING = 10_000  # records; what comes beyond is dropped
AT_ONCE = 1000  # records that are written together
PATIENCE = 5.0  # seconds for what waits to be written, when a service ends
SAID_EVERY = 60.0  # seconds between two warnings of one kind


class Writer(Protocol):
    """Writes records somewhere; made with a monitor's name and options."""

    def write(self, columns: list[dict[str, str]], records: list[dict[str, Any]]) -> None:
        """Write records of columns with `name`, `role` and `data_type`.

        It is called on the monitors' own thread.
        """

    def close(self) -> None:
        """Write what is left."""


class Monitor:
    """The records of one block; made by `monitor`."""

    def __init__(self, name: str, keep: Callable[[str, tuple[Column, ...], list[bytes]], None]) -> None:
        self._name = name
        self._keep = keep
        self._columns: dict[str, Column] = {}
        self._values: dict[str, list[Any]] = {}

    def log(self, data: Any, name: str, role: Role, data_type: DataType) -> None:
        """Add one value to a column.

        Args:
            data: a value; arrays and scalars of NumPy are written as lists and numbers.
            name: of the column.
            role: what the column is to the model.
            data_type: how its values are to be read.

        Raises:
            ConfigError: role or type is none of these, or another than the column had before.
        """
        self.log_batch([data], name, role, data_type)

    def log_batch(self, data_batch: Iterable[Any], name: str, role: Role, data_type: DataType) -> None:
        """Add several values to a column, one a record; otherwise as `log`."""
        column = Column(name, role, data_type)
        before = self._columns.setdefault(name, column)
        if before is column:
            check(column)
        elif before != column:
            raise ConfigError(f"the column `{name}` must have one role and one type: {before} and {column}")
        self._values.setdefault(name, []).extend(data_batch)

    def close(self) -> None:
        """Hand the records over.

        Raises:
            ConfigError: the columns have different numbers of values.
        """
        lengths = {name: len(values) for name, values in self._values.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise ConfigError(
                f"the columns of the monitor `{self._name}` must have as many values each: {told}",
                hint="call `log` once for each column, or `log_batch` with as many values",
            )
        if not any(lengths.values()):
            return
        request, now = running(), time.time()
        stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03d}Z"
        about = {"timestamp": stamp, "request_id": request.request_id, "trace_id": request.trace_id}
        rows = zip(*self._values.values(), strict=True)
        lines = [orjson.dumps({**dict(zip(self._values, row, strict=True)), **about}, plain, FORM) for row in rows]
        self._keep(self._name, tuple(self._columns.values()), lines)


Kept: TypeAlias = tuple[str, tuple[Column, ...], list[bytes]]  # a monitor's name, columns, a line for each record
FORM = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def plain(value: Any) -> Any:
    """Give a value in a form that JSON has."""
    return value.tolist() if callable(getattr(value, "tolist", None)) else str(value)


def check(column: Column) -> None:
    """Refuse a column that cannot be meant."""
    for word, given, allowed in (
        ("role", column.role, get_args(Role)),
        ("data_type", column.data_type, get_args(DataType)),
    ):
        if given not in allowed:
            raise ConfigError(f"`{word}` of the column `{column.name}` must be one of {', '.join(allowed)}: {given!r}")
    if not column.name or column.name in OURS:
        raise ConfigError(f"`name` of a column must be text, and none of {', '.join(OURS)}: {column.name!r}")


class Monitors:
    """The monitors of one service in one process, and the thread that writes for them."""

    def __init__(self, spec: MonitoringSpec, waiting: int = WAITING) -> None:
        self.dropped = 0  # records
        self._make = writer_class(spec.type) if spec.enabled else None
        self._options = dict(spec.options)
        self._waiting: queue.SimpleQueue[Kept | threading.Event | None] = queue.SimpleQueue()
        self._limit = waiting
        self._count = 0  # records that wait
        self._lock = threading.Lock()
        self._writers: dict[str, Writer] = {}
        self._thread: threading.Thread | None = None
        self._said: dict[str, float] = {}

    def keep(self, name: str, columns: tuple[Column, ...], lines: list[bytes]) -> None:
        """Take records; they are written a moment later, or dropped where too many wait."""
        if self._make is None:
            return
        with self._lock:
            if self._count + len(lines) > self._limit:
                self.dropped += len(lines)
                return
            self._count += len(lines)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="ekiben-monitoring", daemon=True)
                self._thread.start()
        self._waiting.put((name, columns, lines))

    def flush(self, patience: float = PATIENCE) -> bool:
        """Wait until what was taken is written; False: that took longer."""
        if self._thread is None:
            return True
        written = threading.Event()
        self._waiting.put(written)
        return written.wait(patience)

    def close(self) -> None:
        """Write what waits, end the thread and the writers; later records begin anew."""
        thread = self._thread
        if thread is None:
            return
        if not self.flush():
            log.warning("monitoring: %d records could not be written in %g seconds", self._count, PATIENCE)
        self._waiting.put(None)
        thread.join(PATIENCE)
        self._thread = None
        for name, writer in list(self._writers.items()):
            self._guard(name, writer.close)
        self._writers.clear()

    def _work(self) -> None:
        """Write what comes, together as far as it waits, until None comes."""
        while True:
            taken = self._waiting.get()
            batch: list[Kept] = []
            while isinstance(taken, tuple):
                batch.append(taken)
                if len(batch) >= AT_ONCE or self._waiting.empty():
                    break
                taken = self._waiting.get()
            self._write(batch)
            self._tell_drops()
            if taken is None:
                return
            if isinstance(taken, threading.Event):
                taken.set()

    def _write(self, batch: list[Kept]) -> None:
        groups: dict[tuple[str, tuple[Column, ...]], list[bytes]] = {}
        for name, columns, lines in batch:
            groups.setdefault((name, columns), []).extend(lines)
        for (name, columns), lines in groups.items():
            if not self._guard(name, lambda: self._write_one(name, columns, lines)):  # noqa: B023 - called at once
                with self._lock:
                    self.dropped += len(lines)
            with self._lock:
                self._count -= len(lines)

    def _write_one(self, name: str, columns: tuple[Column, ...], lines: list[bytes]) -> None:
        assert self._make is not None
        writer = self._writers.get(name)
        if writer is None:
            writer = self._writers[name] = self._make(name, **self._options)
        if isinstance(writer, Lines):
            writer.write_lines(columns, lines)
        else:
            writer.write([column.to_json() for column in columns], [orjson.loads(line) for line in lines])

    def _guard(self, name: str, action: Callable[[], None]) -> bool:
        """Do something that may fail, as disks do; say so now and then."""
        try:
            action()
        except Exception as error:
            if self._is_due(name):
                log.warning("monitoring: the records of `%s` cannot be written: %s", name, error, exc_info=True)
            return False
        return True

    def _tell_drops(self) -> None:
        if self.dropped and self._is_due(""):
            log.warning(
                "monitoring: %d records were dropped so far, as they could not be written in time", self.dropped
            )

    def _is_due(self, what: str) -> bool:
        now = time.monotonic()
        if now - self._said.get(what, -SAID_EVERY) < SAID_EVERY:
            return False
        self._said[what] = now
        return True


def writer_class(kind: str) -> Callable[..., Writer]:
    """Find what writes: our own files, or a class by its dotted path.

    Raises:
        ConfigError: there is no such class.
    """
    if kind == "default":
        return Lines
    module, _, name = kind.rpartition(".")
    try:
        found: Callable[..., Writer] = getattr(importlib.import_module(module), name)
    except (ImportError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"`monitoring.type` must be default, or the dotted path of a class: {kind!r} ({error})",
            hint='write "package.module.Class"',
        ) from error
    return found


_MONITORS: ContextVar[Monitors | None] = ContextVar("ekiben_monitors", default=None)
_ALONE: dict[tuple[str, str], Monitors] = {}  # by type and options, of code that no service runs
_LOCK = threading.Lock()


@contextmanager
def monitoring(monitors: Monitors) -> Iterator[None]:
    """Run a block whose monitors are those of a service."""
    token = _MONITORS.set(monitors)
    try:
        yield
    finally:
        _MONITORS.reset(token)


def monitor_from_here(monitors: Monitors) -> None:
    """Let the rest of a task of its own use the monitors of a service."""
    _MONITORS.set(monitors)


@contextmanager
def monitor(
    name: str, monitor_class: str | None = None, monitor_options: Mapping[str, Any] | None = None
) -> Iterator[Monitor]:
    """Keep records of a model's inputs and answers.

        with ekiben.monitor("iris") as mon:
            mon.log(row[0], name="sepal length", role="feature", data_type="numerical")
            mon.log(label, name="species", role="prediction", data_type="categorical")

    The block's end hands the records over; a block that raises keeps none.

    Args:
        name: of the monitor: letters, digits, `-`, `.` and `_`.
        monitor_class: the dotted path of a `Writer`, or `default`; by default what the service's `monitoring` says.
        monitor_options: its keywords, in place of the service's.

    Raises:
        ConfigError: the name is none, the class is not there, or the columns do not go together.
    """
    if not NAME.fullmatch(str(name)):
        raise ConfigError(f"the name of a monitor must be letters, digits, `-`, `.` and `_`: {name!r}")
    here = _MONITORS.get()
    if here is None or monitor_class is not None or monitor_options is not None:
        here = alone(monitor_class or "default", monitor_options or {})
    made = Monitor(str(name), here.keep)
    yield made
    made.close()


def alone(kind: str, options: Mapping[str, Any]) -> Monitors:
    """Give the monitors of code that no service runs; a program's end closes them."""
    key = kind, repr(sorted(options.items()))
    with _LOCK:
        found = _ALONE.get(key)
        if found is None:
            found = _ALONE[key] = Monitors(MonitoringSpec(type=kind, options=options))
            atexit.register(found.close)
        return found
