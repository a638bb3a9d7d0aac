"""Do with items of a store what commands for models and for bentos share.

In: tags as they were typed. Out: the items that are meant; deleted after a question, or held against their manifests.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ekiben.cli.errors import Failure, say
from ekiben.cli.output import echo_data, echo_table, progress

if TYPE_CHECKING:
    from ekiben.store.items import Item, ItemStore

T = TypeVar("T", bound="Item")


def pair(text: str, option: str = "--label", form: str = "KEY=VALUE") -> tuple[str, str]:
    """Read `KEY=VALUE`, as *option* takes it, whose help calls it *form*."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.BadParameter(f"must be {form}: {text!r}", param_hint=option)
    return key, value


def apart(targets: Sequence[str]) -> list[str]:
    """Take words apart at commas and blanks, so that `a:1,b:2` names two."""
    return [part for words in targets for part in re.split(r"[,\s]+", words) if part]


def find_targets(store: "ItemStore[T]", targets: Sequence[str], every: bool) -> dict[Any, T]:
    """Find what is to be deleted; a bare name is refused unless *every* is set."""
    from ekiben.core.tag import Tag

    found: dict[Any, T] = {}
    for target in apart(targets):
        wanted = Tag.parse(target)
        if wanted.version is None and not every:
            store.delete(wanted)  # refuses a bare name, with words that say how many versions it has
        found |= {item.tag: item for item in store.list(wanted)}
    return found


def delete_items(
    store: "ItemStore[T]",
    found: Mapping[Any, T],
    show: Callable[[Sequence[T], str], None],
    row: Callable[[T], Mapping[str, Any]],
    *,
    yes: bool,
    output: str,
) -> None:
    """Delete items after showing them and asking."""
    if not yes:
        show(list(found.values()), "table")
        count = f"this {store.kind}" if len(found) == 1 else f"these {len(found)} {store.kind}s"
        if not click.confirm(f"Delete {count}?"):
            raise Failure(say("nothing was deleted"))
    rows = [row(item) for item in found.values()]
    for tag in found:
        store.delete(tag)
        if output == "table":
            click.echo(f"deleted {tag}")
    if output != "table":
        echo_data(rows, output)


def verify_items(store: "ItemStore[T]", targets: Sequence[str], *, output: str, quiet: bool) -> None:
    """Hold items against what was saved, and say how each is; damage ends with code 1."""
    from ekiben.core.errors import CorruptItem, NotFound
    from ekiben.store.digest import read_manifest

    found: dict[str, list[str]] = {}
    for item in [item for target in targets or (None,) for item in store.list(target)]:
        with progress(f"verifying {item.tag}", quiet=quiet) as note:
            try:
                store.verify(item.tag, progress=note)
                found[str(item.tag)] = ["ok" if read_manifest(item.path) else "no manifest"]
            except CorruptItem as error:
                found[str(item.tag)] = ["damaged", *([str(one) for one in error.problems] or [str(error)])]
            except NotFound as error:  # a model of a bento
                found[str(item.tag)] = ["damaged", str(error)]
    if output == "table":
        echo_table(("Tag", "State"), [(tag, "; ".join(told)) for tag, told in found.items()])
    else:
        echo_data([{"tag": tag, "state": state, "problems": rest} for tag, (state, *rest) in found.items()], output)
    damaged = sum(told[0] == "damaged" for told in found.values())
    if damaged:
        again = "save it" if store.kind == "model" else "build it"
        hint = f"delete what is damaged, and {again} again or import it from elsewhere"
        raise Failure(say(f"{damaged} of {len(found)} {store.kind}s are damaged", hint))
