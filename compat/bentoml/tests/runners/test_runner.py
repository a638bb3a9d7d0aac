"""Runners: their methods, their limits, and how they run in this process."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import bentoml
import numpy as np
import pytest
from bentoml.exceptions import BentoMLException, StateException
from bentoml.runners.binding import bind, names_of
from bentoml.runners.runner import LARGEST

from ekiben.core.spec import BatchSpec


class Scorer(bentoml.Runnable):
    def __init__(self, factor: int = 2) -> None:
        self.factor = factor

    @bentoml.Runnable.method(batchable=True)
    def score(self, rows: Any) -> Any:
        """Multiply."""
        return rows * self.factor

    @bentoml.Runnable.method
    async def add(self, a: int, b: int = 1) -> int:
        return a + b


class Single(bentoml.Runnable):
    @bentoml.Runnable.method
    def only(self, x: Any) -> Any:
        return x


class Callable(bentoml.Runnable):
    @bentoml.Runnable.method
    def __call__(self, x: Any) -> Any:
        return [x]

    @bentoml.Runnable.method
    def other(self) -> str:
        return "other"


def local(*args: Any, **kwargs: Any) -> bentoml.Runner:
    runner = bentoml.Runner(*args, **kwargs)
    runner.init_local(quiet=True)
    return runner


def test_calls_in_this_process() -> None:
    """`run` waits, `async_run` is awaited, of sync and async methods alike; init params reach the class."""
    runner = local(Scorer, runnable_init_params={"factor": 3})
    assert runner.score.run(np.array([1, 2])).tolist() == [3, 6]
    assert runner.add.run(1) == 2

    async def both() -> tuple[Any, Any]:
        return await runner.score.async_run(np.array([1])), await runner.add.async_run(1, b=5)

    scored, added = asyncio.run(both())
    assert (scored.tolist(), added) == ([3], 6)


def test_a_runner_with_one_method_stands_for_it() -> None:
    """`runner.run` is that of the only method, or of the call itself; with several there is none."""
    assert local(Single).run(1) == 1
    runner = local(Callable)
    assert (runner.run(1), runner.other.run()) == ([1], "other")
    assert asyncio.run(runner.async_run(2)) == [2]
    assert not hasattr(local(Scorer), "run")


def test_before_it_runs_it_says_what_to_do() -> None:
    """A call before the start is refused with what to write, and so it is after the end."""
    runner = bentoml.Runner(Single)
    assert not runner.is_ready
    with pytest.raises(StateException, match="`single` is not running") as caught:
        runner.run(1)
    assert "init_local" in str(caught.value.hint)
    with pytest.raises(StateException):
        runner.init_client()
    runner.init_local()
    assert runner.is_ready
    assert asyncio.run(runner.runner_handle_is_ready(timeout=1))
    runner.destroy()
    with pytest.raises(StateException):
        runner.only.run(1)


def test_init_local_warns_unless_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever calls it in a service reads that this is for trying out."""
    runner = bentoml.Runner(Single)
    runner.init_local(quiet=True)
    assert not caplog.records
    runner.init_local()
    assert "is for trying it out" in caplog.text


class Tokens(bentoml.Runnable):
    @bentoml.Runnable.method
    def now(self, n: int) -> Iterator[str]:
        for i in range(n):
            yield f"now {i}"

    @bentoml.Runnable.method(batchable=False)
    async def later(self, n: int) -> AsyncIterator[str]:
        for i in range(n):
            yield f"later {i}"


def test_streams_in_this_process() -> None:
    """`async_stream` gives the pieces of a generator, sync or async."""
    runner = local(Tokens)

    async def read() -> list[str]:
        now = [piece async for piece in runner.now.async_stream(2)]
        return [*now, *[piece async for piece in runner.later.async_stream(n=1)]]

    assert asyncio.run(read()) == ["now 0", "now 1", "later 0"]
    assert [each.stream for each in bind(runner, "tokens").spec.endpoints] == [True, True]


def test_a_stream_is_no_plain_call() -> None:
    """`async_stream` is for generators, and `run` for all else."""
    with pytest.raises(TypeError, match="is a generator: call `async_stream`"):
        local(Tokens).now.run(1)
    with pytest.raises(TypeError, match="is no generator: call `async_run`"):
        local(Single).async_stream(1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"max_batch_size": 0}, "`max_batch_size` must be a whole number", id="max_batch_size"),
        pytest.param({"max_latency_ms": -1}, "`max_latency_ms` must be a number of milliseconds", id="max_latency_ms"),
        pytest.param({"method_configs": {"scor": {}}}, "must name methods of `Scorer`: 'scor'", id="no such method"),
        pytest.param(
            {"method_configs": {"score": {"size": 1}}}, "no option `method_configs.score.size`", id="no such option"
        ),
        pytest.param(
            {"method_configs": {"score": {"max_batch_size": "x"}}},
            "`method_configs.score.max_batch_size` must be",
            id="a bad option of a method",
        ),
        pytest.param({"scheduling_strategy": Scorer}, "must be a class of `Strategy`", id="no strategy"),
        pytest.param({"name": "a b"}, "the name of a tag", id="a name with a blank"),
    ],
)
def test_bad_options(options: dict[str, Any], words: str) -> None:
    """Whatever is not of its type is refused by its name."""
    with pytest.raises(BentoMLException, match=words):
        bentoml.Runner(Scorer, **options)


@pytest.mark.parametrize("runnable", [int, Scorer(), bentoml.Runnable])
def test_no_runnable(runnable: Any) -> None:
    """A runner takes a class of `Runnable` that offers a method."""
    with pytest.raises(BentoMLException, match=r"a class of `bentoml\.Runnable`|offers no method"):
        bentoml.Runner(runnable)


def test_its_service() -> None:
    """Each method is an endpoint, batched by its own limits; a name in use gets another."""
    runner = bentoml.Runner(
        Scorer, name="Scores", max_batch_size=10, max_latency_ms=500, method_configs={"score": {"max_batch_size": 4}}
    )
    bound = bind(runner, "scores")
    assert (runner.name, bound.spec.name) == ("scores", "scores")
    score, add = bound.spec.endpoints
    assert score.batch == BatchSpec(max_size=4, max_latency=0.5)
    assert (score.isolate, score.doc, add.batch) == (True, "Multiply.", None)
    assert (runner.score.max_batch_size, runner.add.max_batch_size) == (4, 10)
    assert bentoml.Runner(Single).only.max_batch_size == LARGEST
    assert bind(runner, "scores").create is bound.create
    assert bound.on_loop
    assert not bind(bentoml.Runner(Single), "single").on_loop
    assert names_of("iris", {"iris": runner, "other": runner}) == {"iris": "iris-runner", "other": "other"}


def test_the_call_itself_is_an_endpoint() -> None:
    """`__call__` is the endpoint `call`, also beside a method of that name."""

    class Both(Callable):
        @bentoml.Runnable.method
        def call(self) -> str:
            return "call"

    assert [each.name for each in bind(bentoml.Runner(Callable), "x").spec.endpoints] == ["call", "other"]
    both = local(Both)
    assert (both.run(1), both.call.run()) == ([1], "call")
    assert {each.name for each in bind(both, "x").spec.endpoints} == {"call", "call_", "other"}


def test_an_async_method_is_not_waited_for_on_the_event_loop() -> None:
    """`run` within `async def` says `async_run`; a sync method in this process is simply called."""
    runner = local(Scorer)

    async def wait() -> Any:
        return runner.add.run(1)

    with pytest.raises(RuntimeError, match=r"`add\.run` of the runner `scorer` waits.*write `await ….add\.async_run"):
        asyncio.run(wait())

    async def score() -> Any:
        return runner.score.run(np.array([1]))

    assert asyncio.run(score()).tolist() == [2]
