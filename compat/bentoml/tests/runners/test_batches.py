"""Calls of a runner's method become batches, and their answers are taken apart again."""

from typing import Any

import bentoml
import numpy as np
import pandas as pd
from bentoml.runners.binding import bind
from bentoml.runners.hosted import Hosted
from starlette.testclient import TestClient

from ekiben.engine.batch import Batcher
from ekiben.engine.invoke import drive
from ekiben.engine.messages import Call, Reply
from ekiben.schema.codec import plan


class Sums(bentoml.Runnable):
    """Notes how many rows each call of a method has."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    @bentoml.Runnable.method(batchable=True)
    def weighted(self, rows: Any, weights: Any, scale: float = 1.0) -> Any:
        if any(weight < 0 for weight in weights):
            raise ValueError("a negative weight")
        self.sizes.append(len(rows))
        return np.asarray(rows).sum(axis=1) * np.asarray(weights) * scale

    @bentoml.Runnable.method(batchable=True, batch_dim=(1, 0))
    def columns(self, table: Any) -> Any:
        self.sizes.append(table.shape[1])
        return table.sum(axis=0)

    @bentoml.Runnable.method(batchable=True)
    def lengths(self, texts: list[str]) -> list[int]:
        self.sizes.append(len(texts))
        return [len(text) for text in texts]

    @bentoml.Runnable.method(batchable=True)
    def frame(self, rows: pd.DataFrame) -> pd.DataFrame:
        self.sizes.append(len(rows))
        return rows * 2


def answered(method: str, *calls: tuple[tuple[Any, ...], dict[str, Any]], **limits: Any) -> tuple[list[Any], list[int]]:
    """Answer calls that wait together; give the replies, and the sizes of what the method was called with."""
    runner = bentoml.Runner(Sums, **limits)
    bound, hosted = bind(runner, "sums"), Hosted(made := Sums(), runner.offered)
    spec = next(each for each in bound.spec.endpoints if each.name == method)
    codec = plan(bound.signatures[method])
    assert spec.batch is not None
    batcher = Batcher(spec.batch, codec.leaf, codec.output_leaf, isolate=spec.isolate, joined="values")
    sort = getattr(runner, method)._sort
    waiting = [Call(method, (), sort(args, kwargs)._asdict()) for args, kwargs in calls]
    replies: list[Reply] = drive(batcher.run(waiting), lambda call: getattr(hosted, method)(**call.kwargs))
    return [reply.error or plain(reply.value) for reply in replies], made.sizes


def plain(value: Any) -> Any:
    return value.to_dict("list") if hasattr(value, "to_dict") else value.tolist() if hasattr(value, "tolist") else value


def test_several_arguments_are_joined() -> None:
    """All batches of a call go into one, whether they are named or not; the answer has each call's rows."""
    found, sizes = answered(
        "weighted",
        ((np.ones((2, 2)), [1.0, 2.0]), {}),
        ((np.ones((1, 2)),), {"weights": [10.0]}),
        ((), {"rows": np.ones((1, 2)), "weights": [100.0]}),
    )
    assert found == [[2.0, 4.0], [20.0], [200.0]]
    assert sum(sizes) == 4
    together, sizes = answered("weighted", *[((np.ones((1, 2)), [float(i)]), {}) for i in range(5)])
    assert (together, sizes) == ([[2.0 * i] for i in range(5)], [5])


def test_calls_with_other_options_run_apart() -> None:
    """No call is answered with the options of another."""
    calls = [((np.ones((1, 2)), [1.0]), {"scale": float(scale)}) for scale in (1, 2, 1)]
    found, sizes = answered("weighted", *calls)
    assert found == [[2.0], [4.0], [2.0]]
    assert sorted(sizes) == [1, 2]


def test_one_bad_item_fails_alone() -> None:
    """Of a batch that raises, only the calls that raise by themselves are answered with the error."""
    weights = [1.0, -1.0, 3.0, 4.0]
    found, _ = answered("weighted", *[((np.ones((1, 1)), [weight]), {}) for weight in weights])
    assert [found[0], *found[2:]] == [[1.0], [3.0], [4.0]]
    assert isinstance(found[1], ValueError)


def test_a_call_beyond_the_size_is_cut() -> None:
    """A call with more rows than a batch may have is run in pieces, and answered as one."""
    rows = np.arange(5.0).reshape(5, 1)
    found, sizes = answered("weighted", ((rows, [1.0] * 5), {}), max_batch_size=2)
    assert (found, sizes) == ([[0.0, 1.0, 2.0, 3.0, 4.0]], [2, 2, 1])


def test_axes() -> None:
    """What goes in and what comes out each have their own axis."""
    found, sizes = answered("columns", ((np.ones((3, 2)),), {}), ((np.ones((3, 1)) * 2,), {}))
    assert (found, sizes) == ([[3.0, 3.0], [6.0]], [3])


def test_lists_and_frames() -> None:
    """Lists are batches of their items, frames of their rows; a text alone is no batch."""
    assert answered("lengths", ((["a", "bb"],), {}), ((["ccc"],), {})) == ([[1, 2], [3]], [3])
    frames = [((pd.DataFrame({"x": [i]}),), {}) for i in range(3)]
    assert answered("frame", *frames) == ([{"x": [0]}, {"x": [2]}, {"x": [4]}], [3])
    alone, sizes = answered("lengths", (("text",), {}), (("more",), {}))
    assert (alone, sizes) == ([[1, 1, 1, 1], [1, 1, 1, 1]], [4, 4])


def test_the_app_of_a_service() -> None:
    """`svc.asgi_app` is the whole server for whoever runs ASGI apps, runners and pages included."""
    runner = bentoml.Runner(Sums)
    svc = bentoml.Service("sums_app", runners=[runner])

    @svc.api(input=bentoml.io.JSON(), output=bentoml.io.JSON())
    async def lengths(texts: Any) -> Any:
        return await runner.lengths.async_run(texts)

    with TestClient(svc.asgi_app) as client:
        assert client.post("/lengths", json=["a", "bb"]).json() == [1, 2]
        assert client.get("/readyz").status_code == 200
        assert svc.asgi_app is svc.asgi_app
