"""The life of an instance: made, hooked, warmed up, ended; and what is said when it cannot start."""

import asyncio
import os
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import ekiben
from ekiben.core.errors import ConfigError, ServiceLoadError
from ekiben.core.paths import home, use_home
from ekiben.engine.local import LocalDispatcher
from ekiben.schema.codec import plan
from tests.engine.running import ask, dispatcher_of, running


def test_order() -> None:
    """Deployment hooks run first, then `__init__`, startup hooks, calls and shutdown hooks; each once."""
    events: list[str] = []

    @ekiben.service
    class Inner:
        def __init__(self) -> None:
            events.append("inner made")

        @ekiben.on_startup
        def begin(self) -> None:
            events.append("inner begins")

        @ekiben.on_shutdown
        def end(self) -> None:
            events.append("inner ends")

    @ekiben.service
    class Outer:
        inner = ekiben.depends(Inner)

        @ekiben.on_deployment
        @staticmethod
        def prepare() -> None:
            events.append("deployed")

        def __init__(self) -> None:
            assert isinstance(self.inner, Inner)
            events.append("made")

        @ekiben.on_startup
        async def connect(self) -> None:
            events.append("connects")

        @ekiben.on_startup
        def begin(self) -> None:
            events.append("begins")

        @ekiben.on_shutdown
        async def disconnect(self) -> None:
            events.append("disconnects")

        @ekiben.api
        def call(self) -> None:
            events.append("called")

    async def life() -> None:
        async with running(Outer) as dispatcher:
            await ask(dispatcher, "call")

    asyncio.run(life())
    assert events == [
        "deployed", "inner made", "made", "inner begins", "connects", "begins", "called", "disconnects", "inner ends",
    ]  # fmt: skip


async def test_where_hooks_run() -> None:
    """Sync hooks run in the model's thread, async ones on the loop, whatever the service's endpoints are."""
    places: dict[str, int] = {}

    @ekiben.service
    class Mixed:
        @ekiben.on_startup
        def sync(self) -> None:
            places["sync"] = threading.get_ident()

        @ekiben.on_startup
        async def asynchronous(self) -> None:
            places["async"] = threading.get_ident()

        @ekiben.api
        async def on_loop(self) -> int:
            return threading.get_ident()

        @ekiben.api
        def in_thread(self) -> int:
            return threading.get_ident()

    async with running(Mixed) as dispatcher:
        assert await ask(dispatcher, "in_thread") == places["sync"]
        assert await ask(dispatcher, "on_loop") == places["async"] == threading.get_ident()


@ekiben.service
class Failing:
    """Cannot be made."""

    def __init__(self) -> None:
        raise ValueError("no weights")

    @ekiben.api
    def call(self) -> None:
        """Never reached."""


async def test_failing_init() -> None:
    """A failing `__init__` is told with its words and its line, and without ours."""
    dispatcher = dispatcher_of(Failing)
    with pytest.raises(ServiceLoadError) as caught:
        await dispatcher.start()
    words = str(caught.value)
    assert words.startswith("`Failing` cannot start: ValueError: no weights\n")
    assert 'test_starting.py", line' in words
    assert 'raise ValueError("no weights")' in words
    assert "src/ekiben" not in words
    assert dispatcher.failure is caught.value
    assert not dispatcher.is_ready


async def test_failing_start_leaves_nothing() -> None:
    """A start that fails ends its threads."""
    before = threading.active_count()
    with pytest.raises(ServiceLoadError):
        await dispatcher_of(Failing).start()
    assert threading.active_count() == before


@pytest.mark.parametrize("kind", ["exit", "hook", "config"])
async def test_other_failures(kind: str) -> None:
    """An exit, a failing hook and an error of ours are told with their place too; a hint is kept."""

    @ekiben.service
    class Odd:
        def __init__(self) -> None:
            if kind == "exit":
                raise SystemExit("bye")
            if kind == "config":
                raise ConfigError("`x` is wrong", hint="write y")

        @ekiben.on_startup
        def begin(self) -> None:
            raise KeyError("table")

        @ekiben.api
        def call(self) -> None:
            """Never reached."""

    with pytest.raises(ServiceLoadError) as caught:
        await dispatcher_of(Odd).start()
    expected = {"exit": "SystemExit: bye", "hook": "KeyError: 'table'", "config": "`x` is wrong"}
    assert f"`Odd` cannot start: {expected[kind]}\n" in str(caught.value)
    assert caught.value.hint == ("write y" if kind == "config" else None)
    assert "line" in str(caught.value)


async def test_failing_shutdown(caplog: pytest.LogCaptureFixture) -> None:
    """A shutdown hook that fails is logged, and the others run."""
    ended: list[str] = []

    @ekiben.service
    class Ends:
        @ekiben.on_shutdown
        def first(self) -> None:
            raise OSError("disk")

        @ekiben.on_shutdown
        def second(self) -> None:
            ended.append("second")

        @ekiben.api
        def call(self) -> None:
            """Do nothing."""

    async with running(Ends):
        pass
    assert ended == ["second"]
    assert "the hook `first` failed" in caplog.text


@pytest.mark.parametrize("stage", ["all", "runtime", "build"])
async def test_envs(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`envs` are set before `__init__` and taken back at the end; those of the build are not set."""
    monkeypatch.delenv("EKIBEN_TEST_LEVEL", raising=False)

    @ekiben.service(envs=[{"name": "EKIBEN_TEST_LEVEL", "value": "3", "stage": stage}])  # type: ignore[typeddict-item]
    class Levels:
        def __init__(self) -> None:
            self.seen = os.environ.get("EKIBEN_TEST_LEVEL")

        @ekiben.api
        def level(self) -> str | None:
            return self.seen

    async with running(Levels) as dispatcher:
        assert await ask(dispatcher, "level") == (None if stage == "build" else "3")
    assert "EKIBEN_TEST_LEVEL" not in os.environ


async def test_envs_that_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says already wins over `envs`, and stays."""
    monkeypatch.setenv("EKIBEN_TEST_LEVEL", "5")

    @ekiben.service(envs=[{"name": "EKIBEN_TEST_LEVEL", "value": "3"}])
    class Levels:
        @ekiben.api
        def level(self) -> str:
            return os.environ["EKIBEN_TEST_LEVEL"]

    async with running(Levels) as dispatcher:
        assert await ask(dispatcher, "level") == "5"
    assert os.environ["EKIBEN_TEST_LEVEL"] == "5"


async def test_envs_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable without a value must be set by whoever serves, and the error names it."""
    monkeypatch.delenv("EKIBEN_TEST_TOKEN", raising=False)

    @ekiben.service(envs=[{"name": "EKIBEN_TEST_TOKEN"}])
    class Needs:
        @ekiben.api
        def call(self) -> None:
            """Do nothing."""

    with pytest.raises(ConfigError, match="needs the environment variable EKIBEN_TEST_TOKEN") as caught:
        await dispatcher_of(Needs).start()
    assert caught.value.hint == "set it: EKIBEN_TEST_TOKEN=…"


async def test_the_home_of_the_caller(tmp_path: Any) -> None:
    """Code in the model's thread sees the home that was chosen around the start."""

    @ekiben.service
    class Homes:
        @ekiben.api
        def where(self) -> str:
            return str(home())

    with use_home(tmp_path / "chosen"):
        async with running(Homes) as dispatcher:
            assert await ask(dispatcher, "where") == str(tmp_path / "chosen")


@pytest.mark.parametrize("is_good", [True, False])
async def test_warm_up(is_good: bool, caplog: pytest.LogCaptureFixture) -> None:
    """A stored sample is run before the service is ready; one that fails is logged, and the service starts."""
    seen: list[Any] = []

    @ekiben.service
    class Model:
        @ekiben.api
        def predict(self, x: np.ndarray, /) -> np.ndarray:
            seen.append(x)
            return x if is_good else x @ np.zeros(7)

    bound = replace(Model.__ekiben_service__(), samples={"predict": np.ones((1, 2))})  # type: ignore[attr-defined]
    dispatcher = LocalDispatcher(bound, {"predict": plan(bound.signatures["predict"])})
    await dispatcher.start()
    assert [value.tolist() for value in seen] == [[[1, 1]]]
    assert dispatcher.is_ready
    assert ("the stored sample does not pass Model.predict" in caplog.text) is not is_good
    await dispatcher.stop()


async def test_a_start_that_is_given_up() -> None:
    """A start that is cancelled while `__init__` runs ends with its thread."""
    entered, go_on = threading.Event(), threading.Event()
    before = threading.active_count()

    @ekiben.service
    class Long:
        def __init__(self) -> None:
            entered.set()
            assert go_on.wait(60)

        @ekiben.api
        def call(self) -> None:
            """Do nothing."""

    starting = asyncio.create_task(dispatcher_of(Long).start())
    while not entered.is_set():
        await asyncio.sleep(0.001)
    starting.cancel()
    await asyncio.sleep(0.01)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert threading.active_count() == before


async def test_busy_thread_at_the_end(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that never ends keeps neither the stop nor the process; hooks that cannot run are named."""
    monkeypatch.setattr("ekiben.engine.local.GRACE", 0.01)
    entered, go_on = threading.Event(), threading.Event()

    @ekiben.service
    class Stuck:
        @ekiben.on_shutdown
        def close_files(self) -> None:
            """Never reached."""

        @ekiben.api
        def call(self) -> None:
            entered.set()
            assert go_on.wait(60)

    dispatcher = dispatcher_of(Stuck)
    await dispatcher.start()
    call = asyncio.create_task(ask(dispatcher, "call"))
    while not entered.is_set():
        await asyncio.sleep(0.001)
    await dispatcher.stop(drain=0.01)
    assert "the hook `close_files` failed" in caplog.text
    assert "a call of Stuck is still running; its thread is left behind" in caplog.text
    go_on.set()
    await call
