"""UBJSON is read strictly, and hostile bytes are a `ValueError` and nothing else."""

import json
import struct
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from ekiben.core.errors import StoreError
from ekiben.frameworks.ubjson import DEEPEST, read
from ekiben.frameworks.xgboost_trees import check_file

ROWS = np.random.default_rng(0).random((60, 3))
BOOSTER = xgboost.train({"max_depth": 3, "nthread": 1}, xgboost.DMatrix(ROWS, label=ROWS[:, 0]), 2)
MODEL = bytes(BOOSTER.save_raw("ubj"))


def text(value: str) -> bytes:
    return b"L" + struct.pack(">q", len(value.encode())) + value.encode()


def plain(value: Any) -> Any:
    """Give arrays as lists."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def test_a_model_is_what_its_json_says() -> None:
    """XGBoost's UBJSON and JSON of one model hold the same."""
    ours, theirs = plain(read(MODEL)), json.loads(bytes(BOOSTER.save_raw("json")))
    ours_tree, tree = (each["learner"]["gradient_booster"]["model"]["trees"][0] for each in (ours, theirs))
    for name in ("left_children", "right_children", "parents", "split_indices", "tree_param"):
        assert ours_tree[name] == tree[name]
    assert np.allclose(ours_tree["split_conditions"], tree["split_conditions"], rtol=1e-5)
    assert ours["learner"]["learner_model_param"]["num_feature"] == "3"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"{}", {}, id="an empty object"),
        pytest.param(b"{" + text("a") + b"i\x05}", {"a": 5}, id="a small number"),
        pytest.param(b"{" + text("a") + b"S" + text("b") + b"}", {"a": "b"}, id="text"),
        pytest.param(b"[TFZ]", [True, False, None], id="constants, in an open array"),
        pytest.param(b"[#L" + struct.pack(">q", 2) + b"i\x01U\xff", [1, 255], id="an array of a length"),
        pytest.param(b"[$l#L" + struct.pack(">qii", 2, -1, 7), [-1, 7], id="an array of one kind"),
        pytest.param(b"[$d#L" + struct.pack(">qf", 1, 0.5), [0.5], id="an array of floats"),
        pytest.param(b"D" + struct.pack(">d", 0.25), 0.25, id="a float of 64 bits"),
    ],
)
def test_values(data: bytes, expected: Any) -> None:
    """Each kind of value is read."""
    assert plain(read(data)) == expected


@pytest.mark.parametrize(
    ("data", "told"),
    [
        pytest.param(b"", "cut short", id="nothing"),
        pytest.param(b"{", "cut short", id="an open object"),
        pytest.param(b"{}x", "behind its end", id="something after it"),
        pytest.param(b"{" + text("a") + b"T" + text("a") + b"F}", "twice", id="a key twice"),
        pytest.param(b"{i\x01aT}", "a key has no length", id="a key of another width"),
        pytest.param(b"S" + b"i\x01a", "another width", id="text of another width"),
        pytest.param(b"S" + b"L" + struct.pack(">q", -1), "cut short", id="text shorter than nothing"),
        pytest.param(b"S" + b"L" + struct.pack(">q", 2**62), "cut short", id="text without end"),
        pytest.param(b"[$l#L" + struct.pack(">q", 2**62), "cut short", id="an array without end"),
        pytest.param(b"[#L" + struct.pack(">q", 2**62), "cut short", id="a list without end"),
        pytest.param(b"[$S#L" + struct.pack(">q", 1), "an array of 'S'", id="an array of text"),
        pytest.param(b"[" * (DEEPEST + 5), "nested too deep", id="a tower"),
        pytest.param(b"N", "unknown mark", id="a mark of nothing"),
        pytest.param(b"S" + b"L" + struct.pack(">q", 1) + b"\xff", "utf-8", id="text that is none"),
    ],
)
def test_what_is_none(data: bytes, told: str) -> None:
    """Anything else is refused, in memory and time of its size."""
    with pytest.raises(ValueError, match=told):
        read(data)


@settings(max_examples=300)
@given(st.data())
def test_any_change(data: st.DataObject) -> None:
    """Whatever is changed in a file, it is a sound model or one error; nothing else is raised."""
    changed = bytearray(MODEL)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(changed))))
    with suppress(StoreError):
        check_file(bytes(changed[:cut]), "it")
