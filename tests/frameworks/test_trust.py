"""Files that need no unpickling name types and values; none of that may do harm."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator
from sklearn.preprocessing import FunctionTransformer

import ekiben.models
import ekiben.sklearn
from ekiben.core.errors import StoreError
from ekiben.frameworks.trust import is_harmless, split_trusted, trusted_types


class StandIn(BaseEstimator):
    """An innocent object, whose name in the file is then forged."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


class Constructed:
    """An object that is made by a call with arguments, which are then an attacker's."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __reduce__(self) -> Any:
        return Constructed, self.arguments


def placeholder(x: Any) -> Any:
    """Stand where another function's name will be written."""
    return x


def forge(value: Any, fake: Any, module: str, name: str) -> str:
    """Store *value* as skops, with the name of *fake* replaced; list the forged type as a saved model would."""
    honest = io.BytesIO(skops.io.dumps(value))
    with zipfile.ZipFile(honest) as archive:
        schema = json.loads(archive.read("schema.json"))
    text = json.dumps(schema).replace(
        f'"__class__": "{fake.__name__}", "__module__": "{fake.__module__}"',
        f'"__class__": "{name}", "__module__": "{module}"',
    )
    assert module in text
    options = {"types": [f"{module}.{name}"]}
    with ekiben.models.create("forged", module="ekiben.sklearn", options=options) as model:
        with zipfile.ZipFile(model.path / "saved_model.skops", "w") as archive:
            archive.writestr("schema.json", text)
    return str(model.tag)


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A folder with a file that the attacks are after."""
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "precious.txt").write_text("precious")
    return folder


def attacks(victim: Path) -> dict[str, tuple[Any, Any, str, str]]:
    """List forged files that do harm if their type is trusted; each was seen to work with skops alone."""
    file = str(victim / "precious.txt")
    return {
        "a data source removes a folder when it is forgotten": (
            StandIn(_istmpdest=True, _destpath=str(victim)), StandIn, "numpy.lib._datasource", "DataSource",
        ),
        "a memory map empties a file": (
            Constructed(file, "uint8", "w+", 0, (1,)), Constructed, "numpy", "memmap",
        ),
        "a distribution runs text": (
            StandIn(_parse_arg_template=f"open({file!r}, 'w')"), StandIn, "scipy.stats._continuous_distns", "norm_gen",
        ),
        "a process is started": (
            Constructed(["rm", file]), Constructed, "subprocess", "Popen",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("attack", attacks(Path("x")))
def test_attacks_are_refused(victim: Path, attack: str) -> None:
    """A forged type is refused before anything of it is made, although model.yaml lists it."""
    value, fake, module, name = attacks(victim)[attack]
    tag = forge(value, fake, module, name)
    with pytest.raises(StoreError, match=f"types that are not trusted: {module}.{name}") as caught:
        ekiben.sklearn.load_model(tag)
    assert f"EKIBEN_TRUSTED_TYPES={module}.{name}" in (caught.value.hint or "")
    assert (victim / "precious.txt").read_text() == "precious"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        pytest.param("os", "system", id="of the standard library"),
        pytest.param("numpy", "load", id="of numpy"),
        pytest.param("sklearn.datasets._base", "load_files", id="of scikit-learn"),
    ],
)
def test_functions_are_refused(module: str, name: str) -> None:
    """A function that a transformer would call is refused, whatever library it is of."""
    tag = forge(FunctionTransformer(placeholder), placeholder, module, name)
    with pytest.raises(StoreError, match=f"{module}.{name}"):
        ekiben.sklearn.load_model(tag)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("sklearn.tree._tree.Tree", True, id="a tree"),
        pytest.param("sklearn.gaussian_process.kernels.RBF", True, id="a kernel"),
        pytest.param("numpy.dtype", True, id="a dtype"),
        pytest.param("numpy.float32", True, id="a number"),
        pytest.param("scipy.sparse._csr.csr_matrix", True, id="a sparse matrix"),
        pytest.param("sklearn.feature_selection._univariate_selection.f_classif", True, id="a score"),
        pytest.param("sklearn.datasets._base.load_files", False, id="a function that reads files"),
        pytest.param("sklearn.utils._testing.TempMemmap", False, id="a class for tests"),
        pytest.param("sklearn.calibration.partial", False, id="a class that is merely imported there"),
        pytest.param("sklearn.nowhere.Thing", False, id="a module that is not there"),
        pytest.param("sklearn.svm.Thing", False, id="a class that is not there"),
        pytest.param("numpy.memmap", False, id="an array of a file"),
        pytest.param("numpy.lib.npyio.NpzFile", False, id="a file of arrays"),
        pytest.param("numpy.f2py.crackfortran.myeval", False, id="a function that evaluates text"),
        pytest.param("scipy.stats._continuous_distns.norm_gen", False, id="a distribution"),
        pytest.param("scipy.io._netcdf.netcdf_file", False, id="a file format"),
        pytest.param("joblib.parallel.Parallel", False, id="another library"),
        pytest.param("sklearn_evil.Thing", False, id="a library with a like name"),
        pytest.param("", False, id="no name"),
    ],
)
def test_is_harmless(name: str, expected: bool) -> None:
    """What scikit-learn's models are made of is trusted, and nothing that touches files, processes or code."""
    assert is_harmless(name) is expected


def test_the_setting() -> None:
    """EKIBEN_TRUSTED_TYPES is a list with commas; blanks and empty names do not count."""
    assert trusted_types({"EKIBEN_TRUSTED_TYPES": "a.B, c.D,,"}) == {"a.B", "c.D"}
    assert trusted_types({}) == frozenset()


def test_split_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is trusted by itself, by the caller or by the setting; the rest needs consent."""
    monkeypatch.setenv("EKIBEN_TRUSTED_TYPES", "mine.Set")
    names = ["mine.Set", "mine.Given", "numpy.dtype", "mine.Other"]
    assert split_trusted(names, ["mine.Given"]) == (["mine.Given", "mine.Set", "numpy.dtype"], ["mine.Other"])


def test_default_functions_are_named_right() -> None:
    """NumPy's pooling function is trusted under the name that skops writes."""
    assert skops.io.get_untrusted_types(data=skops.io.dumps(FunctionTransformer(np.mean))) == ["numpy.mean"]
    assert is_harmless("numpy.mean")
