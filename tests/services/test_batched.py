"""Which parameter of a batching endpoint is joined."""

from typing import Any

import numpy as np
import pytest

import ekiben


@pytest.mark.parametrize(
    ("function", "options", "expected"),
    [
        pytest.param(lambda self, x: x, {}, None, id="the only one needs no name"),
        pytest.param(lambda self, x, scale: x, {}, "x", id="the array beside a number"),
        pytest.param(lambda self, scale, x: x, {}, "x", id="wherever it stands"),
        pytest.param(lambda self, x, other: x, {}, "x", id="the one whose type is told"),
        pytest.param(lambda self, x, labels=(): x, {}, "x", id="the one that must be given"),
        pytest.param(lambda self, x, labels: x, {"batch_on": "labels"}, "labels", id="the one that is named"),
        pytest.param(lambda self, x: x, {"batch_on": "x"}, None, id="the only one may be named too"),
    ],
)
def test_which_parameter_batches(function: Any, options: dict[str, Any], expected: str | None) -> None:
    """The parameter that has items is joined; the others are arguments of the batch."""
    hints = {"x": np.ndarray, "scale": float, "labels": list[str]}
    names = function.__code__.co_varnames[1 : function.__code__.co_argcount]
    function.__annotations__ = {name: hints[name] for name in names if name in hints}
    function.__name__ = function.__qualname__ = "run"
    service: Any = ekiben.service(type("Good", (), {"run": ekiben.api(batchable=True, **options)(function)}))
    assert service.__ekiben_service__().signatures["run"].batched == expected
