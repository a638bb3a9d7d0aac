"""Keep what a wrapper knows beside its booster: its parameters and its classes.

In: a wrapper, such as `LGBMClassifier`. Out: plain data for model.yaml; or, from that, parameters and classes again.
The booster's own file holds neither, and both count when it predicts.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ekiben.core.errors import ConfigError, InvalidInput, StoreError
from ekiben.core.optional import need
from ekiben.store.document import make_plain

KINDS = "biufU"  # of classes: booleans, whole numbers, numbers, text


def find_class(model: Any, names: Iterable[str], library: str, instead: str) -> str:
    """Name the library's class of *model*.

    Args:
        model: a fitted wrapper.
        names: the classes that can be kept.
        library: where they are from.
        instead: what of the model can be saved in any case.

    Raises:
        ConfigError: it is of a class of the user's own, whose code no native file keeps, or is not fitted.
    """
    name, home = type(model).__name__, type(model).__module__.partition(".")[0]
    if home != library or name not in names:
        raise ConfigError(
            f"`model` must be of a class of {library} itself, one of {', '.join(names)}: "
            f"it is a {type(model).__module__}.{type(model).__qualname__}",
            hint=f"save {instead}, or pickle it with `picklable_model.save_model`",
        )
    if not model.__sklearn_is_fitted__():
        raise ConfigError(f"`model` must be fitted: it is a {name} that is not", hint="call its `fit` first")
    return name


def split_parameters(model: Any) -> tuple[dict[str, Any], list[str]]:
    """Give the parameters that are no defaults, and the names of those left out.

    What is no plain data, such as a function, is left out.
    """
    given, default = model.get_params(), type(model)().get_params()
    plain, left_out = {}, []
    for name, value in given.items():
        if name in default and (value is default[name] or is_same(value, default[name])):
            continue
        try:
            plain[name] = make_plain({"value": value}, name)["value"]
        except InvalidInput:
            left_out.append(name)
    return plain, left_out


def is_same(value: Any, default: Any) -> bool:
    """Say whether two plain parameters are equal; others never are."""
    plain = (str, int, float, bool, type(None))
    return isinstance(value, plain) and isinstance(default, plain) and value == default


def make_wrapper(kind: Any, parameters: Any, tag: str) -> Any:
    """Make an empty wrapper with the parameters that model.yaml has.

    Raises:
        StoreError: they are no parameters of this class.
    """
    if not isinstance(parameters, Mapping):
        raise StoreError(f"{tag} must have a mapping as `params` in model.yaml: {parameters!r}", hint="save it again")
    try:
        return kind(**parameters)
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"{tag} must have parameters of an {kind.__name__} as `params` in model.yaml: {error}", hint="save it again"
        ) from error


def write_classes(classes: Any) -> dict[str, Any]:
    """Give the plain form of a classifier's labels.

    Raises:
        ConfigError: they are neither numbers nor text.
    """
    numpy = need("numpy", "saving a classifier")
    array = numpy.asarray(classes)
    values = array.tolist()
    is_text = array.dtype.kind == "O" and all(isinstance(value, str) for value in values)
    if array.dtype.kind not in KINDS and not is_text:
        raise ConfigError(
            f"the classes of `model` must be numbers or text: {values[:3]!r}", hint="train it with such labels"
        )
    return {"values": values, "dtype": "object" if is_text else str(array.dtype)}


def read_classes(stored: Any, tag: str) -> Any:
    """Give the labels that `write_classes` wrote, as an array.

    Raises:
        StoreError: model.yaml says something else.
    """
    numpy = need("numpy", "loading a classifier")
    try:
        if not isinstance(stored, Mapping):
            raise TypeError(f"it is {stored!r}")
        dtype = numpy.dtype(str(stored["dtype"]))
        if dtype.kind not in f"{KINDS}O" or dtype.names is not None:
            raise TypeError(f"labels of {dtype}")
        return numpy.asarray(list(stored["values"]), dtype)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise StoreError(f"{tag} must name its classes in model.yaml: {error}", hint="save it again") from error
