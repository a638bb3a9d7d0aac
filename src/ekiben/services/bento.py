"""Serve a bento: its own code, with the models that it carries.

In: a bento, from the store or in a folder. Out: a `BoundService`, with what the bento says of labels and variables.
Nothing of the project that it was built from is read, and what the store of models has got since changes nothing.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ekiben.core.errors import ConfigError, CorruptItem, InvalidInput, NotFound
from ekiben.core.paths import join_below
from ekiben.core.spec import BoundService
from ekiben.services.arguments import giving
from ekiben.services.modules import apart
from ekiben.services.named import load_named
from ekiben.services.options import read_envs
from ekiben.store.bentos import DESCRIPTION, Bento, bento_store, open_bento
from ekiben.store.carried import Carried, acting, carried_for, carry


def find_bento(target: str) -> Bento | None:
    """Find the stored bento that *target* names, if it is a tag and there is one."""
    try:
        return bento_store().get(target.lower())  # as a tag does, without its warning: this may be a module
    except (NotFound, InvalidInput):
        return None


def bento_at(folder: Path) -> Bento | None:
    """Give the bento that lies in *folder*, if one does."""
    return open_bento(folder.resolve()) if (folder / DESCRIPTION).is_file() else None


def bind_bento(bento: Bento) -> BoundService:
    """Make a service of *bento*.

    Raises:
        NotFound: a model that it carries is not there.
        CorruptItem: a model has other content than at the build; the bento is not one.
        ServiceLoadError: its code cannot be imported here.
    """
    source = bento.source.resolve()
    if not source.is_dir():
        raise CorruptItem(f"the bento {bento.tag} has no code: there is no folder {bento.source}")
    try:
        roots = [join_below(source, each) for each in bento.info.import_roots]
        join_below(source, bento.info.service.partition(":")[0])
        envs = read_envs(list(bento.info.envs))
    except (ConfigError, InvalidInput) as error:
        raise CorruptItem(f"{DESCRIPTION} of the bento {bento.tag} cannot be used: {error}") from error
    carried = carried_by(bento, source)
    carry(carried)
    with apart(roots, bento.info.service), acting(carried), giving(bento.info.args, below=True):
        bound = within(load_named(bento.info.service, roots, is_whole=True), carried)
    check_code(bento, bound, source)
    spec = replace(
        bound.spec,
        version=bento.tag.version,
        labels={**bound.spec.labels, **bento.info.labels},
        envs=joined(bound.spec.envs, envs),
    )
    return replace(bound, spec=spec)


def within(bound: BoundService, carried: Carried) -> BoundService:
    """Let those that a service depends on be bound in the name of its bento, too."""

    def bind(inner: Callable[[], BoundService]) -> BoundService:
        with acting(carried):
            return within(inner(), carried)

    return replace(bound, dependencies={name: partial(bind, inner) for name, inner in bound.dependencies.items()})


def carried_by(bento: Bento, source: Path) -> Carried:
    """Say which models the code of *bento* is given; raises as `bind_bento`."""
    models = sorted(bento.find_models(), key=lambda model: model.creation_time, reverse=True)
    return Carried(
        bento=bento.tag,
        source=source,
        models=tuple(model.tag for model in models),
        aliases={each.alias: each.tag for each in bento.info.models if each.alias},
        root=bento.model_store().root,
    )


def check_code(bento: Bento, bound: BoundService, source: Path) -> None:
    """Refuse a service that a hostile bento names outside of its own code."""
    file = file_of(bound)
    if file is not None and not file.is_relative_to(source):
        raise CorruptItem(f"the service of the bento {bento.tag} must lie in its code: {bento.info.service!r}")


def packed_source(bound: BoundService) -> Path | None:
    """Give the folder of code that a service was loaded from, if that is a bento's."""
    file = file_of(bound)
    carried = None if file is None else carried_for(str(file))
    return None if carried is None else carried.source


def file_of(bound: BoundService) -> Path | None:
    """Give the file that a service's class stands in."""
    module = sys.modules.get((bound.origin or "").partition(":")[0])
    file = getattr(module, "__file__", None)
    return None if file is None else Path(file).resolve()


def joined(below: Sequence[Mapping[str, str]], above: Sequence[Mapping[str, str]]) -> tuple[Mapping[str, str], ...]:
    """Lay variables over others, by their names."""
    return tuple({each["name"]: each for each in (*below, *above)}.values())
