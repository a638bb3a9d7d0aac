"""Instances of several requests become one tensor, and their results go back."""

import base64
from types import SimpleNamespace
from typing import Any

import bentoml
import numpy as np
import pytest
from bentoml.adapters import TfTensorInput, TfTensorOutput
from bentoml.bundles.bind import bind
from bentoml.bundles.tensors import InstancesLeaf

from ekiben.core.errors import ConfigError
from ekiben.schema.content import Upload
from ekiben.testing import client

LEAF = InstancesLeaf()


@pytest.mark.parametrize(
    ("raw", "dtype", "expected"),
    [
        pytest.param({"instances": [[1, 2], [3, 4]]}, "int32", [[1, 2], [3, 4]], id="whole numbers"),
        pytest.param({"instances": [1.5, 2]}, "float32", [1.5, 2.0], id="numbers"),
        pytest.param({"instances": [2**40]}, "int64", [2**40], id="large numbers keep their bits"),
        pytest.param({"instances": [True, False]}, "bool", [True, False], id="true and false"),
        pytest.param({"signature_name": "x", "instances": [[[1]]]}, "int32", [[[1]]], id="beside other members"),
        pytest.param([[1.0]], "float32", [[1.0]], id="the list itself"),
        pytest.param(Upload(b'{"instances": [1]}', "text/plain"), "int32", [1], id="a file"),
        pytest.param({"instances": []}, "float32", [], id="none"),
    ],
)
def test_decode(raw: Any, dtype: str, expected: Any) -> None:
    """Numbers get the types that TensorFlow gives Python's."""
    found = LEAF.decode(raw)
    assert (found.dtype.name, found.tolist()) == (dtype, expected)


def test_text_and_bytes() -> None:
    """Text stays text, and bytes come as base64."""
    assert LEAF.decode({"instances": ["a", "bc"]}).tolist() == ["a", "bc"]
    packed = base64.b64encode(b"\xff1").decode()
    assert LEAF.decode({"instances": [{"b64": packed}]}).tolist() == [b"\xff1"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"inputs": [1]}, "must be an object with a list of `instances`"),
        (3, "must be an object with a list of `instances`: 3"),
        ({"instances": 3}, "a list of `instances`"),
        ({"instances": [[1, 2], [3]]}, "of one shape"),
        ({"instances": [None]}, "numbers, true or false, or text"),
        ({"instances": [{"a": 1}]}, "lists, or"),
        ({"instances": [{"b64": "%"}]}, "must be base64: '%'"),
        ({"instances": [{"b64": 3}]}, "lists, or"),
    ],
)
def test_what_are_no_instances(raw: Any, words: str) -> None:
    """What is no list of instances of one shape is refused with words."""
    with pytest.raises(ValueError, match=words):
        LEAF.decode(raw)


def test_join_and_split() -> None:
    """Instances of one shape and type are joined, others are not."""
    one, two = LEAF.decode([[1, 2]]), LEAF.decode([[3, 4], [5, 6]])
    assert LEAF.alike(one, 0) == LEAF.alike(two, 0)
    assert LEAF.alike(one, 0) != LEAF.alike(LEAF.decode([[1.5, 2]]), 0)
    assert LEAF.alike(one, 0) != LEAF.alike(LEAF.decode([[1, 2, 3]]), 0)
    assert LEAF.alike(LEAF.decode(["a"]), 0) == LEAF.alike(LEAF.decode(["bcd"]), 0)
    joined, sizes = LEAF.join([one, two], 0)
    assert (joined.tolist(), sizes) == ([[1, 2], [3, 4], [5, 6]], [1, 2])
    assert [part.tolist() for part in LEAF.split(joined, sizes, 0)] == [[[1, 2]], [[3, 4], [5, 6]]]
    with pytest.raises(ValueError, match="must be answered by as many"):
        LEAF.split(joined, [1, 1], 0)


def test_it_says_what_it_is() -> None:
    """An input tells its options, its package and its schema; there is one method only."""
    adapter = TfTensorInput()
    assert (adapter.config, adapter.pip_dependencies) == ({"method": "predict"}, ["tensorflow"])
    assert TfTensorInput("PREDICT").config == {"method": "PREDICT"}
    assert TfTensorOutput().pip_dependencies == ["tensorflow"]
    assert adapter.request_schema["application/json"]["schema"]["required"] == ["instances"]
    with pytest.raises(ConfigError, match="`method` must be 'predict': 'classify'"):
        TfTensorInput("classify")


class Doubler:
    """Double tensors."""

    @bentoml.api(input=TfTensorInput(), output=TfTensorOutput(), batch=True)
    def double(self, tensor: Any) -> Any:
        return tensor * 2

    @classmethod
    def __ekiben_service__(cls) -> Any:
        return bind(cls)


def test_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function gets what TensorFlow makes of the joined instances; here NumPy stands in for it."""
    monkeypatch.setitem(__import__("sys").modules, "tensorflow", SimpleNamespace(constant=np.asarray))
    with client(Doubler) as served:
        assert served.request("POST", "/double", json={"instances": [[1, 2], [3, 4]]}).json() == [[2, 4], [6, 8]]
        assert served.request("POST", "/double", json={"instances": []}).json() == []
        answer = served.request("POST", "/double", json={"instances": [[1], []]})
        assert (answer.status_code, answer.text) == (400, "must have instances of one shape")


@pytest.mark.heavy
@pytest.mark.tensorflow
@pytest.mark.timeout(600)
def test_with_tensorflow() -> None:
    """The function gets a real tensor, and a real tensor is answered as lists."""
    with client(Doubler) as served:
        assert served.request("POST", "/double", json={"instances": [[1.5], [2]]}).json() == [[3.0], [4.0]]


@pytest.mark.parametrize(
    "instances",
    [["x" * 200_000, *["a"] * 100_000], [{"b64": "QUFB" * 70_000}, *[{"b64": "QQ=="}] * 100_000]],
    ids=["text", "bytes"],
)
def test_one_long_text_among_many(instances: list[Any]) -> None:
    """An array would make each text as long as the longest, 80 GB of 700 KB: it is refused before."""
    with pytest.raises(ValueError, match="texts take at most"):
        LEAF.decode({"instances": instances})


def test_a_long_text_is_not_joined_with_short_ones() -> None:
    """One request's long text does not make those of others as long."""
    long, short, shorter = (LEAF.decode({"instances": ["x" * size]}) for size in (100_000, 30, 2))
    assert LEAF.alike(long, 0) != LEAF.alike(short, 0)
    assert LEAF.alike(short, 0) == LEAF.alike(shorter, 0)
