"""Read a project's service in a process of its own, so that nothing of it stays.

In: a request, as JSON, and a file to write. Out: in that file, what the service is, or what was wrong with it.

    python -P -m ekiben.bundle.reader REQUEST FILE
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from ekiben.bundle.calls import asked_tags
from ekiben.core.errors import EkibenError, InvalidInput, NotFound, ServiceLoadError
from ekiben.core.paths import home
from ekiben.core.spec import BoundService
from ekiben.core.tag import Tag
from ekiben.core.trace import explain
from ekiben.schema.codec import plan
from ekiben.schema.openapi import document
from ekiben.services.depends import in_order
from ekiben.services.modules import enter_roots
from ekiben.services.named import load_named
from ekiben.store.carried import Carried, carry, noted
from ekiben.store.models import ModelStore, StoredModel


def read_service(request: Mapping[str, Any]) -> dict[str, Any]:
    """Load the service of a project, and say all that a bento has to know of it.

    Args:
        request: `service`, a target in the project; `roots`, the folders that imports start from, the project's own
            first; `aliases`, models by the names that the service has for them; `bento`, the name in errors.

    Raises:
        EkibenError: it cannot be loaded; the error says why.
    """
    roots = [Path(root) for root in request["roots"]]
    aliases = {name: Tag.parse(tag) for name, tag in request["aliases"].items()}
    carry(Carried(Tag("draft"), roots[0], (), aliases, is_open=True))
    enter_roots(roots)
    with noted() as asked:
        bound = load_named(request["service"], roots, is_whole=True)
        bounds = in_order(bound)
    modules = modules_below(roots[0])
    tags = [ref.resolved or ref.tag for each in bounds for ref in each.spec.models if ref.registry is None]
    tags += [str(tag) for tag in asked]
    tags += stored(asked_tags(modules.values()), aliases)
    return {
        "name": bound.spec.name,
        "doc": bound.spec.doc,
        "services": [service_of(each, last=each is bounds[-1]) for each in bounds],
        "models": list(dict.fromkeys(tags)),
        "entry": entry_of(bound, modules, roots[0]),
        "openapi": document(bound.spec, {name: plan(one) for name, one in bound.signatures.items()}),
    }


def service_of(bound: BoundService, *, last: bool) -> dict[str, Any]:
    """Describe one service; what is secret, or of this machine, stays out."""
    spec = bound.spec.to_json()
    for key in ("tls", "auth"):
        spec["http"].pop(key)
    return {
        "name": bound.spec.name,
        "service": re.sub("@[^:]*", "", bound.origin or ""),  # the folder, of a module named like one of Python's
        "models": [ref.resolved or ref.tag for ref in bound.spec.models],
        "dependencies": [each.service or each.url or "" for each in bound.spec.dependencies],
        "is_entry": last,
        "spec": spec,
    }


def modules_below(folder: Path) -> dict[str, ModuleType]:
    """List the imported modules whose files lie in the project, by name."""
    found = {}
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and Path(file).is_relative_to(folder):
            found[name] = module
    return found


def entry_of(bound: BoundService, modules: Mapping[str, ModuleType], folder: Path) -> str | None:
    """Give the file of the service, from the project's folder."""
    module = modules.get((bound.origin or "").partition(":")[0])
    file = getattr(module, "__file__", None)
    return None if file is None else Path(file).relative_to(folder).as_posix()


def stored(tags: Sequence[str], aliases: Mapping[str, Tag]) -> list[str]:
    """Give those of *tags* that are models of the store, as exact tags."""
    store = ModelStore(home() / "models", StoredModel)
    found = []
    for tag in tags:
        try:
            found.append(str(store.get(aliases.get(tag, tag)).tag))
        except (NotFound, InvalidInput):
            continue  # a text like a tag, or a model that this home never had
    return found


def main(words: Sequence[str]) -> None:
    """Answer the request in a file."""
    request, answer = json.loads(words[0]), Path(words[1])
    try:
        found = read_service(request)
    except EkibenError as error:
        found = {"error": error.message, "hint": error.hint, "kind": type(error).__name__}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the border: whatever the user's code raises
        found = {"error": explain(error), "hint": None, "kind": ServiceLoadError.__name__}
    answer.write_text(json.dumps(found, default=str), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
