"""What a model was given and answered is kept, without any call that waits for it."""

import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import ekiben
from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.core.running import Running, answering
from ekiben.core.spec import MonitoringSpec
from ekiben.engine.monitoring import Monitors, monitor, monitoring
from tests.engine.running import ask, running
from tests.http.within import asking


class Kept:
    """A writer of the user's own, which may be held up."""

    made: ClassVar[dict[str, "Kept"]] = {}
    gate: ClassVar[threading.Event] = threading.Event()

    def __init__(self, name: str, color: str = "red") -> None:
        self.color = color
        self.columns: list[Any] = []
        self.records: list[dict[str, Any]] = []
        self.is_closed = False
        self.threads: set[str] = set()
        Kept.made[name] = self

    def write(self, columns: list[dict[str, str]], records: list[dict[str, Any]]) -> None:
        assert Kept.gate.wait(30)
        if records[0].get("x") == "broken":
            raise OSError("the disk is full")
        self.columns.append(columns)
        self.records += records
        self.threads.add(threading.current_thread().name)

    def close(self) -> None:
        self.is_closed = True


KEPT = f"{__name__}.Kept"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Kept, "made", {})
    monkeypatch.setattr(Kept, "gate", threading.Event())
    Kept.gate.set()


@pytest.fixture
def monitors() -> Iterator[Monitors]:
    """Give monitors that write into `Kept`, for the length of a test."""
    made = Monitors(MonitoringSpec(type=KEPT))
    with monitoring(made):
        yield made
    made.close()


def test_a_record(monitors: Monitors) -> None:
    """One value a column is one record, with the time and the request that it answers."""
    with answering(Running("r1", "t1")), monitor("iris") as mon:
        mon.log(1.5, "x", "feature", "numerical")
        mon.log("setosa", name="species", role="prediction", data_type="categorical")
        mon.log(np.array([1, 2]), "parts", "feature", "numerical_sequence")
    assert monitors.flush()
    (record,) = Kept.made["iris"].records
    stamp = record.pop("timestamp")
    assert record == {"x": 1.5, "species": "setosa", "parts": [1, 2], "request_id": "r1", "trace_id": "t1"}
    assert len(stamp) == len("2026-01-01T00:00:00.000Z")
    assert Kept.made["iris"].columns[0][1] == {"name": "species", "role": "prediction", "data_type": "categorical"}
    assert Kept.made["iris"].threads == {"ekiben-monitoring"}, "no call waits for a writer"


def test_batches(monitors: Monitors) -> None:
    """Several values a column are a record each; so are several calls of `log`."""
    with monitor("iris") as mon:
        mon.log_batch(np.array([1.0, float("nan")]), "x", "feature", "numerical")
        mon.log("a", "y", "prediction", "categorical")
        mon.log("b", "y", "prediction", "categorical")
    assert monitors.flush()
    assert [(record["x"], record["y"]) for record in Kept.made["iris"].records] == [(1.0, "a"), (None, "b")]


def test_nothing_logged(monitors: Monitors) -> None:
    """A block that logs nothing, or raises, keeps no record."""
    with monitor("iris"):
        pass

    def broken() -> None:
        with monitor("iris") as mon:
            mon.log(1, "x", "feature", "numerical")
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    assert monitors.flush()
    assert Kept.made == {}


def test_a_value_is_kept_as_it_was(monitors: Monitors) -> None:
    """What happens to an array afterwards does not change its record."""
    Kept.gate.clear()
    values = np.array([1, 2])
    with monitor("iris") as mon:
        mon.log(values, "x", "feature", "numerical_sequence")
    values[:] = 9
    Kept.gate.set()
    assert monitors.flush()
    assert Kept.made["iris"].records[0]["x"] == [1, 2]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([("x", "input", "numerical")], "`role` of the column `x` must be one of feature, prediction, target: 'input'"),
        ([("x", "feature", "text")], "`data_type` of the column `x` must be one of numerical, "),
        ([("timestamp", "feature", "numerical")], "`name` of a column must be text, and none of timestamp"),
        ([("", "feature", "numerical")], "`name` of a column must be text"),
        ([("x", "feature", "numerical"), ("x", "target", "numerical")], "the column `x` must have one role"),
        ([("x", "feature", "numerical")] * 2 + [("y", "target", "numerical")], "x has 2, y has 1"),
    ],
)
def test_columns_refused(monitors: Monitors, columns: list[Any], words: str) -> None:
    """A column that cannot be meant is refused by its name."""

    def log() -> None:
        with monitor("iris") as mon:
            for name, role, kind in columns:
                mon.log(1, name, role, kind)

    with pytest.raises(ConfigError) as caught:
        log()
    assert words in caught.value.message


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a\0b", "a\n", "x" * 200])
def test_names_refused(monitors: Monitors, name: Any) -> None:
    """No name of a monitor leads out of its folder."""
    with pytest.raises(ConfigError, match="the name of a monitor must be"), monitor(name):
        pass


def test_what_waits_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Records beyond what may wait are dropped, counted and told; those that were taken are written."""
    made = Monitors(MonitoringSpec(type=KEPT), waiting=3)
    Kept.gate.clear()
    with monitoring(made), caplog.at_level(logging.WARNING, "ekiben"):
        for number in range(5):
            with monitor("iris") as mon:
                mon.log(number, "x", "feature", "numerical")
        Kept.gate.set()
        assert made.flush()
        made.close()
    assert made.dropped == 2
    assert [record["x"] for record in Kept.made["iris"].records] == [0, 1, 2]
    assert "2 records were dropped so far" in caplog.text


def test_a_writer_that_fails(monitors: Monitors, caplog: pytest.LogCaptureFixture) -> None:
    """A full disk is told once, its records are counted as dropped, and other monitors go on."""
    with caplog.at_level(logging.WARNING, "ekiben"):
        for name, value in (("bad", "broken"), ("bad", "broken"), ("good", "x")):
            with monitor(name) as mon:
                mon.log(value, "x", "feature", "categorical")
            assert monitors.flush()
    assert monitors.dropped == 2
    assert len(Kept.made["good"].records) == 1
    assert caplog.text.count("the records of `bad` cannot be written: the disk is full") == 1


def test_close(monitors: Monitors) -> None:
    """Closing writes what waits, closes the writers and ends the thread; later records begin anew."""
    with monitor("iris") as mon:
        mon.log(1, "x", "feature", "numerical")
    monitors.close()
    first = Kept.made["iris"]
    assert (len(first.records), first.is_closed) == (1, True)
    assert "ekiben-monitoring" not in {thread.name for thread in threading.enumerate()}
    with monitor("iris") as mon:
        mon.log(2, "x", "feature", "numerical")
    assert monitors.flush()
    assert Kept.made["iris"] is not first


def test_switched_off() -> None:
    """Where monitoring is off nothing is kept, and nothing started."""
    made = Monitors(MonitoringSpec(enabled=False, type="no.such.Class"))
    with monitoring(made), monitor("iris") as mon:
        mon.log(1, "x", "feature", "numerical")
    assert made.flush()
    made.close()
    assert Kept.made == {}


@pytest.mark.parametrize("kind", ["nope", "no.such.Class", "json.Nope", ""])
def test_no_class(kind: str) -> None:
    """A class that is not there is told when the service starts."""
    with pytest.raises(ConfigError, match=r"`monitoring\.type` must be default, or the dotted path of a class"):
        Monitors(MonitoringSpec(type=kind))


@ekiben.service(monitoring={"type": KEPT, "options": {"color": "blue"}})
class Watched:
    """Logs from every kind of method."""

    @ekiben.api
    def sync(self, x: int) -> int:
        return self.note(x)

    @ekiben.api
    async def on_loop(self, x: int) -> int:
        return self.note(x)

    @ekiben.api(batchable=True)
    def batch(self, x: list[int]) -> list[int]:
        return [self.note(each) for each in x]

    @ekiben.api(batchable=True)
    async def batch_on_loop(self, x: list[int]) -> list[int]:
        return [self.note(each) for each in x]

    @ekiben.api
    def pieces(self, x: int) -> Iterator[int]:
        for each in range(x, x + 3):
            yield self.note(each)

    @ekiben.api
    async def pieces_on_loop(self, x: int) -> AsyncIterator[int]:
        for each in range(x, x + 3):
            yield self.note(each)
            await asyncio.sleep(0)

    def note(self, x: int) -> int:
        with ekiben.monitor("iris") as mon:
            mon.log(x, "x", "feature", "numerical")
        return x


async def test_in_a_service() -> None:
    """Whatever kind the method is, its records go where the service says, and are written when it stops."""
    async with running(Watched) as service:
        await ask(service, "sync", 1)
        await ask(service, "on_loop", 2)
        await asyncio.gather(ask(service, "batch", [3]), ask(service, "batch_on_loop", [4]))
    assert Kept.made["iris"].color == "blue"
    assert sorted(record["x"] for record in Kept.made["iris"].records) == [1, 2, 3, 4]
    assert Kept.made["iris"].is_closed


@pytest.mark.parametrize("path", ["pieces", "pieces_on_loop"])
async def test_in_a_stream(path: str) -> None:
    """What a generator logs goes where the service says, with the id of its request, from the first to the last."""
    async with asking(Watched) as client:
        given = await client.post(f"/{path}", json={"x": 5}, headers={"x-request-id": f"id-{path}"})
    assert (given.status_code, given.text.split()) == (200, ["5", "6", "7"])
    records = Kept.made["iris"].records
    assert [(record["x"], record["request_id"]) for record in records] == [(x, f"id-{path}") for x in (5, 6, 7)]
    assert Kept.made["iris"].color == "blue"


async def test_a_stream_that_is_left() -> None:
    """A generator whose reader leaves ends as one of its service: also what it logs at its end goes where that says."""
    ended = threading.Event()

    @ekiben.service(monitoring={"type": KEPT, "options": {"color": "green"}})
    class Left:
        @ekiben.api
        def pieces(self) -> Iterator[int]:
            try:
                yield from range(1_000_000)
            finally:
                with ekiben.monitor("end") as mon:
                    mon.log(1, "x", "feature", "numerical")
                ended.set()

    async with running(Left) as service:
        stream = await ask(service, "pieces")
        assert (await anext(stream))[0] == 0
        await stream.close()
        assert await asyncio.to_thread(ended.wait, 30)
    assert (Kept.made["end"].color, len(Kept.made["end"].records)) == ("green", 1)


async def test_request_ids() -> None:
    """A record bears the id of the request that it answers, from a thread and from the loop, and alone in a batch."""
    async with asking(Watched) as client:
        for path in ("sync", "on_loop"):
            await client.post(f"/{path}", json={"x": 1}, headers={"x-request-id": f"id-{path}"})
        await client.post("/batch", json={"x": [1]}, headers={"x-request-id": "id-batch"})
    assert [record["request_id"] for record in Kept.made["iris"].records] == ["id-sync", "id-on_loop", "id-batch"]


async def test_a_class_that_is_not_there_keeps_the_service_from_starting() -> None:
    """A slip in `type` is told at start, not at the first record."""

    @ekiben.service(monitoring={"type": "no.such.Class"})
    class Slip:
        @ekiben.api
        def f(self) -> int:
            return 1

    with pytest.raises((ConfigError, ServiceLoadError), match=r"`monitoring\.type` must be default"):
        async with running(Slip):
            pass


ALONE = """
import ekiben
with ekiben.monitor("iris") as mon:
    mon.log_batch([1, 2], name="x", role="feature", data_type="numerical")
with ekiben.monitor("iris", monitor_options={"log_path": "elsewhere"}) as mon:
    mon.log(3, name="x", role="feature", data_type="numerical")
"""


def test_without_a_service(tmp_path: Path) -> None:
    """A script's records are written by the time it ends, into the folder that is built in or the one it names."""
    done = subprocess.run([sys.executable, "-c", ALONE], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    (data,) = (tmp_path / "monitoring/iris/data").iterdir()
    assert [json.loads(line)["x"] for line in data.read_text().splitlines()] == [1, 2]
    assert str(os.getpid()) not in data.name
    (other,) = (tmp_path / "elsewhere/iris/data").iterdir()
    assert json.loads(other.read_text())["request_id"] == ""
