"""Check the trees of a model file before XGBoost trusts their numbers.

In: the bytes of a `.ubj` or `.json` file that anybody may have written. Out: nothing, or an error.
XGBoost looks at the lengths of most arrays and not at what they point to: a forged child, feature or category makes it
read foreign memory, some of them while it loads. Trees that it grew have children that are there and one parent each.
Source: the JSON schema of XGBoost's models.
"""

import json
from collections.abc import Mapping
from typing import Any

from ekiben.core.errors import StoreError
from ekiben.core.front import command
from ekiben.core.optional import need
from ekiben.frameworks import ubjson

LARGEST_CATEGORY = 2**24  # XGBoost's own limit: a category is a float


def check_file(data: bytes, tag: str) -> None:
    """Refuse a model that is damaged, or has a tree that leads out of itself.

    Args:
        data: UBJSON or JSON.
        tag: whose it is, for the error.

    Raises:
        StoreError: the error names *tag*.
    """
    try:
        model = json.loads(data, object_pairs_hook=once) if data[1:2] in (b'"', b" ", b"\n") else ubjson.read(data)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{tag} is no model of XGBoost: {error}", hint=f"ask {command('models verify')}") from error
    try:
        learner = model["learner"]
        parameters = {name: number(value) for name, value in learner["learner_model_param"].items()}
        is_fine = is_sound(learner["gradient_booster"], parameters)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError):
        is_fine = False
    if not is_fine:
        raise StoreError(
            f"{tag} holds a damaged or forged tree, whose nodes lead nowhere",
            hint=f"ask {command('models verify')}, or save the model again",
        )


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs, if no key comes twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("it has a key twice")
    return found


def number(text: str) -> int:
    """Read a whole number; what is none, such as a base score, is 0."""
    return int(text) if text.isdecimal() else 0


def is_sound(booster: Mapping[str, Any], parameters: Mapping[str, int]) -> bool:
    """Say whether all indices of a booster point to something.

    Args:
        booster: `gbtree`, `dart` (trees and weights) or `gblinear`.
        parameters: `num_feature`, `num_class`, `num_target`.
    """
    groups = max(parameters["num_class"], parameters["num_target"], 1)
    if booster["name"] == "gblinear":
        return len(booster["model"]["weights"]) == (parameters["num_feature"] + 1) * groups
    model = booster["gbtree" if booster["name"] == "dart" else "model"]
    model = model.get("model", model)
    trees, starts = model["trees"], [int(start) for start in model.get("iteration_indptr", [])]
    return (
        len(model["tree_info"]) == len(trees)
        and sorted(tree["id"] for tree in trees) == list(range(len(trees)))
        and all(0 <= group < groups for group in model["tree_info"])
        and (not starts or (starts == sorted(starts) and starts[0] == 0 and starts[-1] == len(trees)))
        and (booster["name"] != "dart" or len(booster["weight_drop"]) == len(trees))
        and all(is_tree(tree, parameters["num_feature"], groups) for tree in trees)
    )


def is_tree(tree: Mapping[str, Any], features: int, groups: int) -> bool:
    """Say whether the nodes of one tree form a tree, and split by features that exist."""
    numpy = need("numpy", "a stored model")
    left, right, parents = (
        numpy.asarray(tree[name], "int64") for name in ("left_children", "right_children", "parents")
    )
    inner = numpy.flatnonzero(left != -1)
    leaves = numpy.flatnonzero(left == -1)
    children = numpy.concatenate([left[inner], right[inner]])
    splits = numpy.asarray(tree["split_indices"], "int64")[inner]
    return bool(
        len(left) == len(parents) == number(tree["tree_param"]["num_nodes"]) > 0
        and are_leaves(right[leaves], tree, groups)
        # Nobody is the root's parent, and nobody has two: so no way from the root leads round.
        and ((children > 0) & (children < len(left))).all()
        and len(numpy.unique(children)) == len(children)
        and (parents[children] == numpy.concatenate([inner, inner])).all()
        and ((splits >= 0) & (splits < features)).all()
        and are_categories(tree, len(left))
    )


def are_leaves(marks: Any, tree: Mapping[str, Any], groups: int) -> bool:
    """Say whether leaves are marked as such; of several targets, by their weights."""
    written = tree["tree_param"]["size_leaf_vector"]
    width = number(written)
    if written in ("0", "1"):
        return bool((marks == -1).all())
    if width != groups:
        return False
    if "leaf_weights" in tree:
        return bool(((marks >= 0) & ((marks + 1) * width <= len(tree["leaf_weights"]))).all())
    nodes = len(tree["left_children"])
    return len(tree["base_weights"]) == nodes * width and bool((marks == -1).all())


def are_categories(tree: Mapping[str, Any], nodes: int) -> bool:
    """Say whether the sets of categories that a tree splits by are there."""
    numpy = need("numpy", "a stored model")
    owners, starts, sizes, every = (
        numpy.asarray(tree.get(name, []), "int64")
        for name in ("categories_nodes", "categories_segments", "categories_sizes", "categories")
    )
    split_by = numpy.flatnonzero(numpy.asarray(tree.get("split_type", [])) == 1)
    return bool(
        len(owners) == len(starts) == len(sizes)
        and ((owners >= 0) & (owners < nodes)).all()
        and ((starts >= 0) & (sizes >= 0) & (starts + sizes <= len(every))).all()
        and ((every >= 0) & (every < LARGEST_CATEGORY)).all()
        and numpy.array_equal(owners, split_by)
    )
