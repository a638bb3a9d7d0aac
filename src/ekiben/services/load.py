"""Find the service that a target names.

In: an object, `module:attr`, `file.py:attr`, a folder or a tag. Out: a `BoundService`.
This is the only door for dialects. An object with `__ekiben_service__()` is a service; a target that is no such object
may be read by a function of the entry-point group `ekiben.targets`, called with the text and the folder: it gives a
`BoundService`, or None where the target is not of its dialect.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ekiben.core.errors import InvalidInput, NotFound, ServiceLoadError
from ekiben.core.front import front
from ekiben.core.spec import BoundService
from ekiben.frameworks.api import model_store
from ekiben.frameworks.handle import Model
from ekiben.services import modules, project
from ekiben.services.arguments import giving
from ekiben.services.bento import bento_at, bind_bento, find_bento, packed_source
from ekiben.services.configure import configured
from ekiben.services.named import load_named, pick, read_object
from ekiben.services.near import near_hint
from ekiben.services.stall import Stand, join, stands
from ekiben.services.stored import bind_model
from ekiben.store.bentos import bento_store

log = logging.getLogger("ekiben")

GROUP = "ekiben.targets"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to understand a target."""

    words: str  # what it would be
    instead: str  # what names only this
    load: Callable[[], BoundService]


def same(bound: BoundService) -> BoundService:
    """Give what was loaded already."""
    return bound


def load(
    target: Any, *, folder: Path | None = None, change: Callable[[BoundService], BoundService] = same
) -> BoundService:
    """Load what *target* names.

    Args:
        target: a service, a stored model, or text that names one; a list of such, or a dict of them by name.
        folder: where modules and files are looked for; the current one by default.
        change: what has to be changed of each service.

    Returns:
        The service, with the options that a file and the environment set (`configure`); of a list or a dict a stall.

    Raises:
        ServiceLoadError: there is no such thing, or more than one, or its code cannot be imported.
        ConfigError: an option that a file or a variable sets is unknown or not of its type.
    """
    place = (folder or Path.cwd()).resolve()
    if not isinstance(target, Mapping | Sequence) or isinstance(target, str):
        bound = read(target, place)
        return change(configured(bound, packed_source(bound) or place))
    given = [Stand(name, one, read(one, place)) for name, one in stands(target, place)]
    beside = [stand.bound for stand in given]
    return join([replace(each, bound=change(configured(each.bound, place, beside))) for each in given])


def read(target: Any, folder: Path) -> BoundService:
    """Give what *target* names, with the options of its decorator; raises as `load`."""
    return load_text(target, folder) if isinstance(target, str) else read_object(target)


def load_text(target: str, folder: Path) -> BoundService:
    """Load a target that was typed, by the only reading it has.

    Raises:
        ServiceLoadError: it has no reading, or two.
    """
    kind, _, rest = target.partition(":")
    if kind == "model" and rest:
        return bind_model(model_store().get(rest))
    if kind == "bento" and rest:
        return bind_bento(bento_store().get(rest))
    found = list(readings(target, folder))
    if len(found) == 1:
        return found[0].load()
    if found:
        raise ServiceLoadError(
            f"`{target}` can be read in {len(found)} ways: " + ", and ".join(reading.words for reading in found),
            hint="write " + ", or ".join(reading.instead for reading in found),
        )
    raise nothing(target, folder)


def readings(target: str, folder: Path) -> Iterator[Reading]:
    """Give every way to understand *target*; nothing of the user's is imported for it."""
    path, _, attribute = target.partition(":")
    if path.endswith(".py"):
        module = modules.at(folder / path)
        yield Reading(f"the file {path}", target, lambda: pick(module, attribute))
        return
    bento = None if attribute else bento_at(folder / path)
    if bento is not None:
        lying = bento
        yield Reading(f"the bento in the folder {path}", f"`./{path}`", lambda: bind_bento(lying))
        return
    if not attribute and project.is_project(folder / path):
        yield Reading(f"the folder {path}", f"`./{path}`", lambda: load_project(folder / path))
        if path in ("", ".") or path.startswith(("/", "./", "../")):
            return
    yield from stored(target)
    found = modules.find(path, folder)
    if found is not None:
        named = f"`{found.written}:{attribute or 'NAME'}` for the module"
        yield Reading(f"the module {found.written}", named, lambda: pick(found, attribute))
    for point in entry_points(group=GROUP):
        bound = point.load()(target, folder)
        if bound is not None:
            words = f"what `{point.name}` reads from it"
            yield Reading(words, f"a target that only `{point.name}` reads", partial(same, bound))


def stored(target: str) -> Iterator[Reading]:
    """Give what a tag names; a bento goes before a model of the same name."""
    built, model = find_bento(target), find_model(target)
    if built is not None:
        packed, other = built, "" if model is None else f"; `model:{target}` is the stored model {model.tag}"

        def bind() -> BoundService:
            log.info("%s is the bento %s%s", target, packed.tag, other)
            return bind_bento(packed)

        yield Reading(f"the bento {packed.tag}", f"`bento:{target}` for the bento", bind)
    elif model is not None:
        yield Reading(f"the stored model {model.tag}", f"`model:{target}` for the model", partial(bind_model, model))


def load_project(folder: Path) -> BoundService:
    """Load a project: the service that its settings name, else that of `service.py`."""
    with giving(project.args_of(folder), below=True):
        return load_named(project.service_of(folder), (folder,))


def find_model(target: str) -> Model | None:
    """Find the stored model that *target* names, if it is a tag and there is one."""
    try:
        return model_store().get(target.lower())  # as a tag does, without its warning: this may be a module
    except (NotFound, InvalidInput):
        return None


def lacking_versions(target: str) -> Iterator[NotFound]:
    """Say of each store that knows the name of a tag, and not the version."""
    for store in (bento_store(), model_store()):
        with suppress(InvalidInput):
            found = store.lacking(target.lower())
            if found is not None:
                yield found


def nothing(target: str, folder: Path) -> ServiceLoadError:
    """Say that a target names nothing, and what is near."""
    path = target.partition(":")[0]
    if (folder / path).is_dir():
        return ServiceLoadError(
            f"there is no service in the folder {folder / path}: it has neither service.py nor settings that name one",
            hint="name the file: `file.py:NAME`",
        )
    lacking = next(lacking_versions(target), None)
    if lacking is not None:
        module = "" if modules.find(path, folder) else f"there is no module `{path}` in {folder}, and "
        return ServiceLoadError(f"{module}{lacking}", hint=lacking.hint)
    program = front().program
    here = [file.stem for file in sorted(folder.glob("*.py"))]
    stored = sorted(
        {*(model.tag.name for model in model_store().list()), *(bento.tag.name for bento in bento_store().list())}
    )
    return ServiceLoadError(
        f"`{target}` is neither a module in {folder} nor a bento or a stored model",
        hint=near_hint(path, [*here, *stored])
        or f"`{program} list` and `{program} models list` show what is stored; a module is named as `file:NAME`",
    )
