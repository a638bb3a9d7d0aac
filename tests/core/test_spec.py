"""A spec is plain data, and never changes."""

import json
from dataclasses import FrozenInstanceError

import pytest
import yaml

from ekiben.core.spec import BatchSpec, EndpointSpec, Layout, ModelRef, ServiceSpec

SPEC = ServiceSpec(
    name="iris",
    endpoints=(EndpointSpec("predict", "/predict", input={"type": "array"}, batch=BatchSpec(max_size=8)),),
    models=(ModelRef("model", "iris:1", digest="sha256:0"),),
    layout=Layout.INLINE,
    labels={"team": "nlp"},
)


def test_to_json() -> None:
    """All of a spec fits into JSON and into plain YAML, by the names of its fields."""
    data = SPEC.to_json()
    assert json.loads(json.dumps(data)) == data
    assert yaml.safe_load(yaml.safe_dump(data)) == data
    [endpoint] = data["endpoints"]
    assert (data["name"], data["layout"], endpoint["batch"]["max_size"]) == ("iris", "inline", 8)
    assert (endpoint["convention"], endpoint["methods"]) == ("keywords", ["POST"])


def test_frozen() -> None:
    """A spec does not change once it is made."""
    with pytest.raises(FrozenInstanceError):
        SPEC.name = "other"  # type: ignore[misc]  # which is the point
