"""Check the trees of a loaded model, whose code trusts their numbers.

In: a model made from a file that anybody may have written. Out: nothing, or an error.
scikit-learn follows the indices in a tree without looking at them, so a forged one could read foreign memory or never
end. A tree that scikit-learn grew has children behind their parent, and features that exist.
Source: the arrays that `sklearn.tree._tree.Tree`, `TreePredictor` and `BinaryTree` give out.
"""

from typing import Any

from ekiben.core.errors import StoreError
from ekiben.core.front import command
from ekiben.core.optional import need
from ekiben.frameworks.parts import parts

GROWN = ("sklearn.tree._tree", "Tree")
HISTOGRAM = ("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor")
NEIGHBOURS = {("sklearn.neighbors._kd_tree", "KDTree"), ("sklearn.neighbors._ball_tree", "BallTree")}


def check_trees(model: Any, tag: str) -> None:
    """Refuse a model with a tree that leads out of itself.

    Raises:
        StoreError: the error names *tag*.
    """
    for part in parts(model):
        width = getattr(part, "n_features_in_", None)
        for tree in trees_of(part):
            if not is_sound(tree, width):
                raise StoreError(
                    f"{tag} holds a damaged or forged tree: a {type(part).__name__} whose nodes lead nowhere",
                    hint=f"ask {command('models verify')}, or save the model again",
                )


def trees_of(part: Any) -> list[Any]:
    """List the trees that an estimator holds directly."""
    kinds = {GROWN, HISTOGRAM} | NEIGHBOURS
    found = [value for value in getattr(part, "__dict__", {}).values() if kind(value) in kinds]
    nested = getattr(part, "_predictors", None)  # of histogram boosting: a list of trees an iteration
    if isinstance(nested, list):
        found += [tree for trees in nested if isinstance(trees, list) for tree in trees if kind(tree) in kinds]
    return found


def kind(value: Any) -> tuple[str, str]:
    """Give module and name of a value's type."""
    return type(value).__module__, type(value).__name__


def is_sound(tree: Any, width: int | None) -> bool:
    """Say whether every index in *tree* points to something.

    Args:
        tree: of one of the kinds above.
        width: the number of features that its owner checks its input for.
    """
    if kind(tree) == GROWN:
        if width is not None and tree.n_features > width:
            return False
        nodes = tree.__getstate__()["nodes"]
        is_leaf = nodes["left_child"] == -1
        return points_on(nodes, ("left_child", "right_child"), is_leaf) and points_in(
            nodes["feature"][~is_leaf], tree.n_features
        )
    if kind(tree) == HISTOGRAM:
        nodes = tree.nodes
        is_leaf = nodes["is_leaf"].astype(bool)
        is_split = nodes["is_categorical"].astype(bool) & ~is_leaf
        sets = min(len(tree.raw_left_cat_bitsets), len(tree.binned_left_cat_bitsets))
        return (
            points_on(nodes, ("left", "right"), is_leaf)
            and points_in(nodes["feature_idx"][~is_leaf], width or 0)
            and points_in(nodes["bitset_idx"][is_split], sets)
        )
    data, order, nodes, bounds = (need("numpy", "a stored model").asarray(array) for array in tree.get_arrays())
    return bool(
        order.shape == data.shape[:1]
        and points_in(order, len(data))
        and (nodes["idx_start"] >= 0).all()
        and (nodes["idx_start"] <= nodes["idx_end"]).all()
        and (nodes["idx_end"] <= len(data)).all()
        and bounds.shape[1] == len(nodes)
        and (width is None or data.shape[1] == width)
    )


def points_on(nodes: Any, fields: tuple[str, str], is_leaf: Any) -> bool:
    """Say whether there are nodes, and children stand behind their parents."""
    numpy = need("numpy", "a stored model")
    places = numpy.arange(len(nodes))[~is_leaf]
    children = [nodes[field][~is_leaf].astype("int64") for field in fields]
    return len(nodes) > 0 and all(((child > places) & (child < len(nodes))).all() for child in children)


def points_in(indices: Any, length: int) -> bool:
    """Say whether all *indices* are below *length* and none is negative."""
    return bool(((indices >= 0) & (indices < length)).all()) if len(indices) else True
