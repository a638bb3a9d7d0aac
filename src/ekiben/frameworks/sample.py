"""Keep a small input beside a model, which documents and warms up its endpoints.

In: an array, a frame, or plain data such as a list of texts. Out: a file in the model's folder that is read without
unpickling, a description for model.yaml, and from that a type hint.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict
from typing_extensions import TypedDict

from ekiben.core.errors import InvalidInput
from ekiben.core.optional import loaded, need
from ekiben.schema.annotations import DataframeSchema, DType, Shape

ARRAY, TABLE, PLAIN = "sample.npy", "sample.frame.json", "sample.json"
FORMS = "an array of numbers, booleans or text, a DataFrame, or plain data (text, numbers, lists, dictionaries)"


def write(value: Any, folder: Path) -> dict[str, Any]:
    """Write *value* into *folder*, and describe it.

    Raises:
        InvalidInput: it is of another form.
    """
    value = settle(value)
    if is_frame(value):
        description = describe(value) | {"file": TABLE}
        for name, dtype in value.dtypes.items():
            if str(dtype) == "object":
                plain(value[name].tolist())
        try:
            text = value.reset_index(drop=True).to_json(orient="split", double_precision=15, date_format="iso")
            (folder / TABLE).write_text(text)
            read(folder, description)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidInput(
                f"`sample` must be a DataFrame of numbers, text, times and categories: {error}",
                hint="convert its columns, or give only those that the model reads",
            ) from error
        return description
    if hasattr(value, "dtype"):
        need("numpy", "a sample").save(folder / ARRAY, value, allow_pickle=False)
        return describe(value) | {"file": ARRAY}
    (folder / PLAIN).write_text(json.dumps(value))
    return describe(value) | {"file": PLAIN}


def read(folder: Path, description: Mapping[str, Any]) -> Any:
    """Read what `write` wrote."""
    name = description["file"]
    if name == ARRAY:
        return need("numpy", "a stored sample").load(folder / ARRAY, allow_pickle=False)
    if name == TABLE:
        stored = json.loads((folder / TABLE).read_text())
        pandas = need("pandas", "a stored sample", extra="pandas")
        return pandas.DataFrame(stored["data"], columns=stored["columns"]).astype(dict(description["dtypes"]))
    return json.loads((folder / PLAIN).read_text())


def settle(value: Any) -> Any:
    """Give *value* as an array, a frame or plain data.

    Raises:
        InvalidInput: it cannot be kept without pickling it.
    """
    if is_frame(value):
        if not all(isinstance(name, str) for name in value.columns) or not value.columns.is_unique:
            raise InvalidInput(
                f"the columns of `sample` must have names of text, each once: {list(value.columns)!r}",
                hint="rename them: `frame.columns = [...]`",
            )
        return value
    pandas, numpy, torch = loaded("pandas"), loaded("numpy"), loaded("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        value = (value.float() if value.dtype is torch.bfloat16 else value).detach().cpu().numpy()
    if pandas is not None and isinstance(value, pandas.Series):
        return plain(value.tolist())
    if numpy is not None and hasattr(value, "__array__") and not isinstance(value, numpy.generic):
        array = numpy.asarray(value)
        if array.dtype.kind not in "biufU":
            raise InvalidInput(
                f"`sample` must be {FORMS}: an array of {array.dtype}", hint="give a list, or a DataFrame"
            )
        return array
    return plain(value)


def plain(value: Any) -> Any:
    """Give plain data as JSON gives it back; NumPy's scalars become Python's."""

    def simplify(inner: Any) -> Any:
        item = getattr(inner, "item", None)
        if item is not None and not getattr(inner, "shape", ()):
            return item()
        raise InvalidInput(
            f"`sample` must be {FORMS}: {'' if inner is value else 'it holds '}a "
            f"{type(inner).__module__}.{type(inner).__qualname__}"
        )

    try:
        return json.loads(json.dumps(value, default=simplify))
    except (TypeError, ValueError) as error:  # keys that are no text; a list that holds itself
        raise InvalidInput(f"`sample` must be {FORMS}: {error}") from error


def is_frame(value: Any) -> bool:
    """Say whether *value* is a pandas DataFrame."""
    pandas = loaded("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def is_rows(value: Any) -> bool:
    """Say whether *value* holds inputs that can be joined with those of other calls."""
    return hasattr(value, "shape") or isinstance(value, list | tuple)


def count_rows(value: Any) -> int | None:
    """Count the rows of an array, a frame or a list; a tuple of answers has none."""
    if hasattr(value, "shape"):
        return int(value.shape[0]) if len(value.shape) else None
    return len(value) if isinstance(value, list) else None


def describe(value: Any) -> dict[str, Any]:
    """Describe a value by kind, dtype and shape; the first axis is open."""
    if is_frame(value):
        return {"kind": "dataframe", "dtypes": {str(name): str(dtype) for name, dtype in value.dtypes.items()}}
    numpy = loaded("numpy")
    if numpy is not None and hasattr(value, "__array__") and hasattr(value, "shape"):
        dtype = numpy.asarray(value).dtype
        if dtype.kind in "biufU":
            return {"kind": "ndarray", "dtype": "str" if dtype.kind == "U" else str(dtype), "shape": shape_of(value)}
    try:
        return {"kind": "record", "schema": schema_of(plain(value))}
    except InvalidInput:
        return {"kind": "other", "type": f"{type(value).__module__}.{type(value).__qualname__}"}


def shape_of(array: Any) -> list[int]:
    """Give the shape with an open first axis; a single number has none."""
    return [-1, *(int(length) for length in array.shape[1:])] if len(array.shape) else []


def schema_of(value: Any) -> dict[str, Any]:
    """Give the JSON Schema that a value suggests; whole numbers stand for any."""
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        return {"type": "number"}
    if isinstance(value, str):
        return {"type": "string"}
    if isinstance(value, list):
        items = [schema_of(item) for item in value]
        return {"type": "array", "items": items[0] if items and all(item == items[0] for item in items) else {}}
    if isinstance(value, dict):
        fields = {name: schema_of(inner) for name, inner in value.items()}
        return {"type": "object", "properties": fields, "required": list(fields)}
    return {}


def hint(description: Mapping[str, Any]) -> Any:
    """Give the type of a described input, for `schema/hints`."""
    if description["kind"] == "ndarray":
        array = need("numpy", "a stored sample").ndarray
        return Annotated[array, Shape(tuple(description["shape"])), DType(description["dtype"])]
    if description["kind"] == "dataframe":
        frame = need("pandas", "a stored sample", extra="pandas").DataFrame
        return Annotated[frame, DataframeSchema(orient="records", columns=tuple(description["dtypes"]))]
    return plain_hint(description.get("schema") or {})


def plain_hint(schema: Mapping[str, Any]) -> Any:
    """Give the type that a schema of `schema_of` stands for."""
    kind = schema.get("type")
    if kind == "array":
        return list[plain_hint(schema.get("items") or {})]  # type: ignore[misc]  # made from data
    if kind == "object":
        fields = {name: plain_hint(inner) for name, inner in schema["properties"].items()}
        record = TypedDict("Record", fields)  # type: ignore[misc]  # made from data
        record.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[attr-defined]
        return record
    return {"boolean": bool, "number": int | float, "string": str}.get(str(kind), Any)
