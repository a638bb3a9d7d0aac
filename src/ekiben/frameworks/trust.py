"""Say which types a stored file may bring to life without anybody's consent.

In: a type's full name, as a file that needs no unpickling names it. Out: yes or no.
Whoever writes such a file chooses types, attributes and the arguments of constructors. So "a class of NumPy or SciPy"
is no reason to trust: `numpy.memmap(path, mode="w+")` empties a file, a `DataSource` removes a folder when it is
forgotten, and a distribution of `scipy.stats` runs a text among its attributes. What is listed here does none of this.
The setting EKIBEN_TRUSTED_TYPES, full names with commas between, adds what its owner trusts.
"""

import importlib
import os
from collections.abc import Iterable, Mapping

from ekiben.core.optional import need

TRUSTED_VARIABLE = "EKIBEN_TRUSTED_TYPES"

# Parts of scikit-learn that touch files, the network or other people's code.
UNWANTED = {"_build_utils", "_testing", "conftest", "datasets", "externals", "tests"}
# Functions that estimators hold by default: they take arrays and give arrays.
FUNCTIONS = {
    "numpy.max",
    "numpy.mean",
    "numpy.median",
    "numpy.min",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "sklearn.cluster._kmeans._kmeans_single_elkan",
    "sklearn.cluster._kmeans._kmeans_single_lloyd",
    "sklearn.feature_selection._mutual_info.mutual_info_classif",
    "sklearn.feature_selection._mutual_info.mutual_info_regression",
    "sklearn.feature_selection._univariate_selection.chi2",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.feature_selection._univariate_selection.f_regression",
    "sklearn.feature_selection._univariate_selection.r_regression",
}
SCIPY = ("scipy.interpolate._bsplines.BSpline", "scipy.sparse.")


def trusted_types(env: Mapping[str, str] = os.environ) -> frozenset[str]:
    """List the types that this process trusts, such as `my_package.steps.Scaler`."""
    return frozenset(name.strip() for name in env.get(TRUSTED_VARIABLE, "").split(",") if name.strip())


def is_trusted(name: str, env: Mapping[str, str] = os.environ) -> bool:
    """Say whether the type of this full name is trusted by the setting."""
    return name in trusted_types(env)


def split_trusted(names: Iterable[str], consent: Iterable[str] = ()) -> tuple[list[str], list[str]]:
    """Part *names* into those that may be made and those that need consent.

    Args:
        names: full names of types and functions.
        consent: those that the caller trusts, beside the setting's.
    """
    agreed = {*consent, *trusted_types()}
    every = sorted(set(names))
    may = [name for name in every if name in agreed or is_harmless(name)]
    return may, [name for name in every if name not in may]


def is_harmless(name: str) -> bool:
    """Say whether a type of the three libraries only holds and computes numbers."""
    if name in FUNCTIONS:
        return True
    module, _, attribute = name.rpartition(".")
    package = module.partition(".")[0]
    if package not in ("sklearn", "numpy", "scipy") or UNWANTED & set(module.split(".")):
        return False
    if package == "scipy" and not name.startswith(SCIPY):
        return False
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return False
    if not isinstance(found, type):
        return False
    if package == "numpy":
        numpy = need("numpy", "a stored model")
        plain = (numpy.generic, numpy.dtype, numpy.random.Generator, numpy.random.RandomState)
        return found in (numpy.ndarray, numpy.ma.MaskedArray) or issubclass(found, plain)
    return found.__module__.startswith(f"{package}.")  # and is not merely imported there
