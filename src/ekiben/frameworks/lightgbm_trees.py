"""Check the trees of a model file before LightGBM trusts their numbers.

In: the text of a file that anybody may have written. Out: nothing, or an error.
LightGBM ends the process where a tree is cut short, because it reads the trees in threads that nobody watches, and it
follows the children, features and categories of a tree without looking at them.
Source: the model file of LightGBM: a header with the length of each tree in bytes, trees as lines `key=values`, an end.
"""

import re
from collections.abc import Mapping
from typing import Any

from ekiben.core.errors import StoreError
from ekiben.core.front import command
from ekiben.core.optional import need

PLAIN = re.compile(rb"[-+.0-9eE naif]*", re.DOTALL)  # what numbers are written with, `nan` and `inf` included
INDEX = re.compile(rb"[-0-9 ]*")  # of arrays of whole numbers, which LightGBM would read up to the first other letter
INDICES = {
    "split_feature",
    "left_child",
    "right_child",
    "decision_type",
    "cat_boundaries",
    "cat_threshold",
    "num_features",
    "leaf_features",
}
WHOLE = re.compile(rb"-?[0-9]{1,18}")
END = b"end of trees"
# What follows it: how often each feature is used, the parameters of the training, the categories of a frame.
TAIL = re.compile(
    rb"\s+(feature_importances:\n([^\n]+=[^\n]+\n)*)?\s*(parameters:\n(\[\w+: [^\n]*\]\n)*\s*end of parameters\n)?"
    rb"\s*(pandas_categorical:[^\n]*\s*)?"
)
CATEGORY = 1  # the bit of a node's `decision_type` that says it splits by a set
# Arrays with a value for each inner node, and for each leaf; the first few must be there.
NODES = ("split_feature", "threshold", "left_child", "right_child", "decision_type", "split_gain")
OTHER_NODES = ("internal_value", "internal_weight", "internal_count")
LEAVES = ("leaf_value", "leaf_weight", "leaf_count")


class Unsound(ValueError):
    """Why a file is no sound model."""


def check_file(data: bytes, tag: str) -> None:
    """Refuse a model that is damaged, or has a tree that leads out of itself.

    Args:
        data: the file.
        tag: whose it is, for the error.

    Raises:
        StoreError: the error names *tag*.
    """
    try:
        header, trees = split_file(data)
        features = whole(header["max_feature_idx"]) + 1
        check_header(header, len(trees), features)
        for tree in trees:
            check_tree(tree, features)
    except (KeyError, ValueError, OverflowError) as error:
        reason = f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else error
        raise StoreError(
            f"{tag} is no sound model of LightGBM: {reason}",
            hint=f"ask {command('models verify')}, or save the model again",
        ) from error


def split_file(data: bytes) -> tuple[dict[str, bytes], list[dict[str, bytes]]]:
    """Give the lines of the header, and those of each tree.

    Raises:
        Unsound: it is of another form, or cut short.
    """
    if not data.startswith(b"tree\n") or b"\0" in data:
        raise Unsound("it does not begin as one")
    starts = [place for place in (data.find(b"\nTree="), data.find(b"\n" + END)) if place >= 0]
    if not starts:
        raise Unsound("it is cut short")
    place = min(starts) + 1
    header = lines(data[:place])
    trees: list[dict[str, bytes]] = []
    for size in map(whole, header["tree_sizes"].split()):
        tree = data[place : place + size]
        if len(tree) != size or not tree.startswith(b"Tree=") or not tree.endswith(b"\n\n"):
            raise Unsound(f"tree {len(trees)} is cut short")
        trees.append(lines(tree))
        place += size
    if not data.startswith(END, place):
        raise Unsound("it is cut short, or has more trees than it says")
    if not TAIL.fullmatch(data, place + len(END)):
        raise Unsound("what follows its trees is cut short")
    return header, trees


def lines(block: bytes) -> dict[str, bytes]:
    """Give the lines `key=value` of a block by key, none twice."""
    found: dict[str, bytes] = {}
    for line in block.splitlines():
        key, is_pair, value = line.partition(b"=")
        name = key.decode()
        if name in found:
            raise Unsound(f"it has `{name}` twice")
        if is_pair:
            found[name] = value
    return found


def check_header(header: Mapping[str, bytes], trees: int, features: int) -> None:
    """Refuse a header whose numbers of classes and features do not go together."""
    classes, at_once = whole(header["num_class"]), whole(header["num_tree_per_iteration"])
    named = re.findall(rb"num_class:(\d+)", header.get("objective", b""))
    if not 1 <= classes == at_once or trees % at_once or any(int(number) != classes for number in named):
        raise Unsound(f"it has {trees} trees for {classes} classes")
    if not header.get("objective", b"custom").strip():
        raise Unsound("its objective has no name")
    if features < 1 or any(len(header[name].split()) != features for name in ("feature_names", "feature_infos")):
        raise Unsound(f"it does not name its {features} features")


def check_tree(tree: Mapping[str, bytes], features: int) -> None:
    """Refuse a tree whose arrays are not as long as it says, or point to nothing.

    Args:
        tree: its lines by key.
        features: how many there are.
    """
    numpy = need("numpy", "a stored model")
    leaves, sets = whole(tree["num_leaves"]), whole(tree["num_cat"])
    if leaves < 1 or sets < 0:
        raise Unsound(f"a tree has {leaves} leaves")
    numbers(tree, LEAVES[0], leaves)
    if leaves > 1:
        for name in LEAVES[1:]:
            numbers(tree, name, leaves, is_needed=False)
        by_node = {name: numbers(tree, name, leaves - 1, is_needed=name in NODES[:5]) for name in NODES + OTHER_NODES}
        check_ways(by_node["left_child"], by_node["right_child"], leaves)
        if not within(by_node["split_feature"], features):
            raise Unsound("a tree splits by a feature that is not there")
        is_set = by_node["decision_type"].astype("int64") & CATEGORY == CATEGORY
        if is_set.any() and not within(by_node["threshold"][is_set], sets):
            raise Unsound("a tree splits by a set of categories that is not there")
    if sets:
        bounds = numbers(tree, "cat_boundaries", sets + 1)
        if bounds[0] != 0 or (numpy.diff(bounds) < 0).any() or (bounds % 1 != 0).any():
            raise Unsound("a tree has sets of categories without bounds")
        numbers(tree, "cat_threshold", int(bounds[-1]))
    if "shrinkage" in tree:
        numbers(tree, "shrinkage", 1)
    if whole(tree.get("is_linear", b"0")):
        check_linear(tree, leaves, features)


def check_ways(left: Any, right: Any, leaves: int) -> None:
    """Refuse children that are not there, or that lead round.

    A child of 0 or more is a node, one below 0 a leaf.
    """
    numpy = need("numpy", "a stored model")
    children = numpy.concatenate([left, right])
    nodes, ends = children[children >= 0], -1 - children[children < 0]
    # Nobody is the root's parent, and nobody has two: so no way from the root leads round.
    if (
        (children % 1 != 0).any()
        or not within(nodes, leaves - 1)
        or not within(ends, leaves)
        or (nodes == 0).any()
        or len(numpy.unique(children)) != len(children)
    ):
        raise Unsound("the nodes of a tree lead nowhere")


def check_linear(tree: Mapping[str, bytes], leaves: int, features: int) -> None:
    """Refuse a tree with linear models in its leaves that are not as long as it says."""
    widths = numbers(tree, "num_features", leaves)
    numbers(tree, "leaf_const", leaves)
    if (widths < 0).any() or (widths % 1 != 0).any():
        raise Unsound("a leaf has a linear model of no length")
    total = int(widths.sum())
    if not within(numbers(tree, "leaf_features", total), features):
        raise Unsound("a leaf computes with a feature that is not there")
    numbers(tree, "leaf_coeff", total)


def numbers(tree: Mapping[str, bytes], name: str, count: int, *, is_needed: bool = True) -> Any:
    """Give an array of *count* numbers; None where it is missing and may be.

    Raises:
        Unsound: it has another length, or something else in it.
    """
    if name not in tree and not is_needed:
        return None
    text = tree[name]
    words = text.split()
    form = INDEX if name in INDICES else PLAIN
    if len(words) != count or not form.fullmatch(text):
        raise Unsound(f"`{name}` of a tree must be {count} numbers")
    return need("numpy", "a stored model").array(words, "float64")


def whole(text: bytes) -> int:
    """Read a whole number as LightGBM would; Python would take `1_0` as well."""
    if not WHOLE.fullmatch(text):
        raise Unsound(f"{text.decode(errors='replace')!r} must be a whole number")
    return int(text)


def within(indices: Any, length: int) -> bool:
    """Say whether all of *indices* are whole, at least 0 and below *length*."""
    return bool(((indices >= 0) & (indices < length) & (indices % 1 == 0)).all())
