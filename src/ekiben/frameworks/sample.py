"""Keep a small input beside a model: it documents, warms up and types the served endpoints.

In: a few rows, such as `X[:3]`. Out: a file in the model's folder, and a description for model.yaml.
"""

import json
from pathlib import Path
from typing import Any

from ekiben.core.optional import loaded, need

ARRAY, TABLE, PLAIN = "sample.npy", "sample.json", "sample.plain.json"


def write(value: Any, folder: Path) -> dict[str, Any]:
    """Write *value* into *folder*, and describe it.

    Raises:
        TypeError: it is neither an array, a frame nor JSON data.
    """
    numpy, pandas = loaded("numpy"), loaded("pandas")
    if pandas is not None and isinstance(value, pandas.DataFrame):
        (folder / TABLE).write_text(value.to_json(orient="split", default_handler=str))
        return describe(value) | {"file": TABLE}
    if numpy is not None and isinstance(value, numpy.ndarray):
        numpy.save(folder / ARRAY, value, allow_pickle=False)
        return describe(value) | {"file": ARRAY}
    (folder / PLAIN).write_text(json.dumps(value))
    return describe(value) | {"file": PLAIN}


def read(folder: Path, description: dict[str, Any]) -> Any:
    """Read what `write` wrote."""
    name = description["file"]
    if name == ARRAY:
        return need("numpy", "a stored sample").load(folder / ARRAY, allow_pickle=False)
    if name == TABLE:
        stored = json.loads((folder / TABLE).read_text())
        frame = need("pandas", "a stored sample", extra="pandas").DataFrame(
            stored["data"], columns=stored["columns"], index=stored["index"]
        )
        return frame.astype(description["dtypes"])
    return json.loads((folder / PLAIN).read_text())


def describe(value: Any) -> dict[str, Any]:
    """Describe a value by kind, dtype and shape; the first axis is open."""
    if hasattr(value, "columns") and hasattr(value, "dtypes"):
        return {"kind": "dataframe", "dtypes": {str(name): str(dtype) for name, dtype in value.dtypes.items()}}
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return {"kind": "ndarray", "dtype": str(value.dtype), "shape": [-1, *value.shape[1:]]}
    return {"kind": "record"}
