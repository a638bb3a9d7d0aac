"""ONNX models, run by ONNX Runtime.

In: a `ModelProto`. Out: one `.onnx` file, and beside it one of weights where it is larger than protobuf allows. It is
loaded as an `InferenceSession`, for which the library onnx need not be there. The file holds no Python; operators of
your own are a library that `session_options` name.
Source: the ONNX IR specification, and the Python API of ONNX Runtime.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.core.errors import ConfigError, StoreError
from ekiben.core.front import command
from ekiben.core.optional import loaded, need
from ekiben.frameworks.base import Method, Saved
from ekiben.frameworks.onnx_values import feed, tell
from ekiben.store.info import ModelInfo

NAME = "onnx"
LIBRARY = "onnx"
PACKAGES = ("onnx", "onnxruntime", "onnxruntime-gpu")
FILE, WEIGHTS = "saved_model.onnx", "saved_model.weights"
LARGEST = 2**31 - 2**20  # bytes of one protobuf message, and some room for what is not weights
THREADS = "OMP_NUM_THREADS"  # what a server gives each worker; ONNX Runtime does not look at it itself
# How ONNX Runtime says that a file is none, or that a model cannot run.
FAILURES = (
    "Fail",
    "InvalidArgument",
    "InvalidGraph",
    "InvalidProtobuf",
    "NoModel",
    "NoSuchFile",
    "NotImplemented",
    "RuntimeException",
)


def owns(model: Any) -> bool:
    """Say whether *model* is a `ModelProto`."""
    library = loaded("onnx")
    return library is not None and isinstance(model, library.ModelProto)


def save(model: Any, folder: Path, *, by_value: Sequence[ModuleType] = ()) -> Saved:
    """Write *model*, once onnx has checked it.

    Raises:
        ConfigError: it is no sound model.
    """
    library = need("onnx", "saving an ONNX model", extra="onnx")
    is_large = model.ByteSize() > LARGEST
    try:
        if is_large:
            copy = library.ModelProto()
            copy.CopyFrom(model)  # writing weights apart takes them out of the model
            library.save_model(copy, folder / FILE, save_as_external_data=True, location=WEIGHTS, size_threshold=0)
            library.checker.check_model(str(folder / FILE))
        else:
            library.checker.check_model(model)
            library.save_model(model, folder / FILE)
    except library.checker.ValidationError as error:
        said = str(error).strip().partition("\n")[0]
        raise ConfigError(
            f"`model` must be a sound ONNX model: {said}", hint="ask `onnx.checker.check_model`"
        ) from error
    return Saved("onnx", needs_unpickling=False)


def read_file(path: Path) -> Any:
    """Read an `.onnx` file of the user's own, with its weights.

    Raises:
        ConfigError: it is none.
    """
    if not path.is_file():
        raise ConfigError(f"`model` must be a ModelProto or the path of an .onnx file: {str(path)!r}")
    library = need("onnx", "reading an ONNX file", extra="onnx")
    decode_error = need("google.protobuf.message", "reading an ONNX file").DecodeError
    try:
        return library.load(path)
    except (decode_error, library.checker.ValidationError, OSError) as error:
        raise ConfigError(f"`model` must be the path of an ONNX file: {str(path)!r}: {error}") from error


def load(folder: Path, info: ModelInfo, *, providers: Sequence[Any] | None = None, session_options: Any = None) -> Any:
    """Start a session with a model.

    Args:
        folder: the stored model's.
        info: what is known of it.
        providers: where it runs, in order of preference, such as `["CUDAExecutionProvider"]`, each a name or a name
            with its options; None takes all that are here.
        session_options: an `onnxruntime.SessionOptions`.

    Raises:
        StoreError: the file is missing or damaged.
        ConfigError: a provider is not here.
    """
    runtime = need("onnxruntime", "loading an ONNX model", extra="onnx")
    if not (folder / FILE).is_file():
        raise StoreError(f"{info.tag} must hold {FILE}, and does not")
    if session_options is not None and not isinstance(session_options, runtime.SessionOptions):
        raise ConfigError(f"`session_options` must be an onnxruntime.SessionOptions: {session_options!r}")
    where = stored_providers(info) if providers is None else providers
    return start(str(folder / FILE), str(info.tag), choose(runtime, where), session_options)


def stored_providers(info: ModelInfo) -> list[str] | None:
    """Give where model.yaml says that a model runs, if it does.

    Options of a provider name libraries to load (`backend_path` and the like), so only the caller may give some.

    Raises:
        StoreError: it says more than names.
    """
    found = info.options.get("providers")
    if found is not None and not (isinstance(found, list) and all(isinstance(name, str) for name in found)):
        raise StoreError(
            f"{info.tag} may list names only as `providers` in model.yaml: {found!r}",
            hint="give options to `load_model(providers=…)`",
        )
    return found


def start(model: str | bytes, tag: str, providers: Sequence[Any], options: Any = None) -> Any:
    """Start a session.

    Args:
        model: a path, or the model itself.
        tag: whose it is, for the error.
        providers: those that are here.
        options: `SessionOptions`; None takes the threads that a server gives its workers.

    Raises:
        StoreError: it is damaged, or needs operators that are not here.
    """
    runtime = need("onnxruntime", "an ONNX model", extra="onnx")
    if options is None:
        options = runtime.SessionOptions()
        options.log_severity_level = 3  # errors: they are raised as well
        options.intra_op_num_threads = threads()
    try:
        return runtime.InferenceSession(model, options, providers=list(providers))
    except failures(runtime) as error:
        said = str(error).partition(" : ")[2] or str(error)
        raise StoreError(
            f"{tag} cannot be run by ONNX Runtime: {said}", hint=f"ask {command('models verify')}, and `onnx.checker`"
        ) from error


def choose(runtime: ModuleType, asked: Any) -> list[Any]:
    """Settle where a model runs.

    Raises:
        ConfigError: a provider is not here; ONNX Runtime would go on without it.
    """
    here = runtime.get_available_providers()
    if asked is None:
        return list(here)
    if isinstance(asked, str) or not isinstance(asked, Sequence):
        raise ConfigError(f"`providers` must be a list of names: {asked!r}", hint=f"here are: {', '.join(here)}")
    for provider in asked:
        name = provider[0] if isinstance(provider, list | tuple) and len(provider) == 2 else provider
        if name not in here:
            raise ConfigError(
                f"`providers` must be among those of this ONNX Runtime: {provider!r}",
                hint=f"here are: {', '.join(here)}",
            )
    return [tuple(provider) if isinstance(provider, list) else provider for provider in asked]


def threads(env: Mapping[str, str] = os.environ) -> int:
    """Give the threads of one call; 0 leaves them to ONNX Runtime."""
    asked = env.get(THREADS, "")
    return int(asked) if asked.isdecimal() else 0


def failures(runtime: ModuleType) -> tuple[type[Exception], ...]:
    """List the errors of ONNX Runtime, which have no common base."""
    state = runtime.capi.onnxruntime_pybind11_state
    return tuple(getattr(state, name) for name in FAILURES if hasattr(state, name))


def methods(model: Any) -> Mapping[str, Method]:
    """Serve `run`; its calls are joined where the model leaves first axes open."""
    if owns(model):
        return {"run": Method(batchable=all(map(is_open, places(model.graph))), call=run)}
    refusals = (need("onnxruntime", "an ONNX model", extra="onnx").capi.onnxruntime_pybind11_state.InvalidArgument,)
    is_joined = all(is_row(place.type, place.shape) for place in (*model.get_inputs(), *model.get_outputs()))
    return {"run": Method(batchable=is_joined, call=run, refusals=refusals)}


def places(graph: Any) -> list[Any]:
    """List the inputs and outputs of a graph; what has a value in it is none."""
    known = {weight.name for weight in graph.initializer}
    return [*(place for place in graph.input if place.name not in known), *graph.output]


def is_open(place: Any) -> bool:
    """Say whether a graph leaves the first axis of a value open."""
    kind = place.type.WhichOneof("value")
    shape = [axis.dim_value or None for axis in place.type.tensor_type.shape.dim] if kind == "tensor_type" else []
    return is_row("seq(" if kind == "sequence_type" else "", shape)


def is_row(kind: str, shape: Sequence[Any]) -> bool:
    """Say whether a value has an item a row: a list, or an array of an open length."""
    return kind.startswith("seq(") or (len(shape) > 0 and not isinstance(shape[0], int))


def session_of(model: Any) -> Any:
    """Start a session with a `ModelProto`."""
    runtime = need("onnxruntime", "serving an ONNX model", extra="onnx")
    return start(model.SerializeToString(), "`model`", choose(runtime, None))


def run(model: Any, value: Any) -> Any:
    """Run a model with one value: an array, a frame, or a mapping by input.

    Returns:
        The one output, or a mapping by the names of several.

    Raises:
        ValueError: the value does not fit the model's inputs.
    """
    session = session_of(model) if owns(model) else model
    return tell(session.get_outputs(), session.run(None, feed(session.get_inputs(), value)))
