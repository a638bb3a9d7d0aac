"""Trees of a stored model are followed only where they lead somewhere."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.tree._tree import Tree

import ekiben.sklearn
from ekiben.core.errors import StoreError
from ekiben.frameworks.trees import check_trees


def grown(change: Callable[[dict[str, Any]], None], rows, features: int = 4) -> DecisionTreeClassifier:
    """Forge a tree by changing its state."""
    model = DecisionTreeClassifier(random_state=0).fit(*rows)
    state = model.tree_.__getstate__()
    state["nodes"] = state["nodes"].copy()
    change(state)
    forged = Tree(features, np.array([3], dtype=np.intp), 1)
    forged.__setstate__(state)
    model.tree_ = forged
    return model


def set_node(field: str, node: int, value: int) -> Callable[[dict[str, Any]], None]:
    """Change one field of one node."""
    return lambda state: state["nodes"][field].__setitem__(node, value)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(set_node("left_child", 0, 10**6), id="a child far outside"),
        pytest.param(set_node("right_child", 0, -7), id="a child before the first"),
        pytest.param(set_node("left_child", 2, 0), id="a circle"),
        pytest.param(set_node("feature", 0, 10**6), id="a feature that does not exist"),
        pytest.param(set_node("feature", 0, -1), id="a feature before the first"),
    ],
)
def test_forged_trees_are_refused(change, rows) -> None:
    """A tree that leads out of itself is refused when it is loaded, by the name of its model."""
    ekiben.sklearn.save_model("forged", grown(change, rows))
    with pytest.raises(StoreError, match=r"forged:.* holds a damaged or forged tree: a DecisionTreeClassifier"):
        ekiben.sklearn.load_model("forged")


def test_a_tree_wider_than_its_owner(rows) -> None:
    """A tree may not ask for more features than its owner checks rows for."""
    with pytest.raises(StoreError, match="forged tree"):
        check_trees(grown(set_node("feature", 0, 90), rows, features=100), "x:1")


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(RandomForestClassifier(3, random_state=0), id="a forest"),
        pytest.param(GradientBoostingClassifier(n_estimators=3), id="boosting, in an array of trees"),
    ],
)
def test_trees_are_found_in_ensembles(model, rows) -> None:
    """A forged tree is found inside an ensemble, and honest ones pass."""
    model.fit(*rows)
    check_trees(model, "x:1")
    np.asarray(model.estimators_, dtype=object).flat[1].tree_ = grown(set_node("left_child", 0, 999), rows).tree_
    with pytest.raises(StoreError, match="x:1"):
        check_trees(model, "x:1")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("left", 10**6, id="a child far outside"),
        pytest.param("right", 0, id="a circle"),
        pytest.param("feature_idx", 999, id="a feature that does not exist"),
    ],
)
def test_histogram_trees(field: str, value: int, rows) -> None:
    """The trees of histogram boosting are checked alike."""
    model = HistGradientBoostingClassifier(max_iter=3).fit(*rows)
    check_trees(model, "x:1")
    model._predictors[1][0].nodes[field][0] = value
    with pytest.raises(StoreError, match="x:1"):
        check_trees(model, "x:1")


def test_a_category_set_that_is_not_there(rows) -> None:
    """A split by categories must point to a set of them."""
    model = HistGradientBoostingClassifier(max_iter=1).fit(*rows)
    nodes = model._predictors[0][0].nodes
    nodes["is_categorical"][0], nodes["bitset_idx"][0] = 1, 3
    with pytest.raises(StoreError, match="x:1"):
        check_trees(model, "x:1")


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
@pytest.mark.parametrize("change", ["order", "node"])
def test_neighbour_trees(algorithm: str, change: str, rows) -> None:
    """The trees of nearest neighbours point into their own rows only."""
    model = KNeighborsClassifier(algorithm=algorithm).fit(*rows)
    check_trees(model, "x:1")
    _, order, nodes, _ = (np.asarray(array) for array in model._tree.get_arrays())
    if change == "order":
        order[0] = 10**6
    else:
        nodes["idx_end"][0] = 10**6
    with pytest.raises(StoreError, match="x:1"):
        check_trees(model, "x:1")
