"""Build a bento: choose, copy, describe, lock, and store all of it at once.

In: the folder of a project, and what the caller says over it. Out: a `Bento`, and nothing at all
if anything goes wrong on the way. The same project, models and packages give the same digest.

    bento.yaml      what it is: services, models by digest, environment, labels
    README.md       what people read
    src/            the code
    env/            requirements as asked and as locked, wheels, the version of Python, packages of the system
    apis/           OpenAPI, and the schema of each endpoint
    manifest.json   SHA-256 and size of each file
"""

import datetime
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

from ekiben.bundle.contents import docker_of, write_apis, write_environment, write_text
from ekiben.bundle.description import Description, describe
from ekiben.bundle.files import IGNORE, choose_files, copy_files, restore_files
from ekiben.bundle.image import with_image
from ekiben.bundle.options import BuildOptions
from ekiben.bundle.settings import find_settings, read_build
from ekiben.bundle.target import Target
from ekiben.bundle.values import below
from ekiben.core.errors import ConfigError
from ekiben.core.front import front, worded
from ekiben.core.log import announce
from ekiben.core.paths import home, known_homes
from ekiben.core.tag import Tag
from ekiben.services.arguments import giving
from ekiben.services.configure import FILE
from ekiben.services.project import DEFAULT, PYPROJECT
from ekiben.store.bento_info import BentoInfo, CarriedModel, installed_version
from ekiben.store.bentos import SOURCE, Bento, Draft, bento_store
from ekiben.store.models import ModelStore, StoredModel

SECOND = 1_000_000_000  # nanoseconds
Tell = Callable[[str], None]


class BuildKeywords(TypedDict, total=False):
    """What `build` may be told over what the project says; the keys of a bentofile."""

    name: str | None
    version: str | None
    description: str | None
    labels: Mapping[str, str] | None
    include: list[str] | None
    exclude: list[str] | None
    models: list[Any] | None
    envs: list[Mapping[str, str]] | None
    args: Mapping[str, Any] | None
    python: Mapping[str, Any] | None
    docker: Mapping[str, Any] | None


def build(
    service: str | None = None,
    *,
    build_ctx: str | os.PathLike[str] = ".",
    bentofile: str | os.PathLike[str] | None = None,
    platform: str | None = None,
    tell: Tell | None = None,
    **options: Unpack[BuildKeywords],
) -> Bento:
    """Pack a project into a bento.

    Args:
        service: a target in the project, such as `service:Iris`; None goes by the settings, else by `service.py`.
        build_ctx: the project's folder.
        bentofile: the file of settings; None looks for `bentofile.yaml` or `pyproject.toml` in the project.
        platform: what the packages are locked for, `linux/amd64` or `linux/arm64`; None is this machine's processor.
        tell: gets each line that a person should read; None writes them to the log.
        options: keys of a bentofile, over those of the file; labels and arguments are joined.

    Returns:
        The bento, in the store of this home.

    Raises:
        ConfigError: a setting is wrong, a file leads out of the project, or the service cannot be loaded.
        NotFound: a model is not in the store.
        AlreadyExists: the version is there already.
        StoreError: the disk is full. Whatever is raised, nothing is left in the store.
    """
    context = Path(build_ctx).expanduser().resolve()
    if not context.is_dir():
        what = "a folder, and this is a file" if context.exists() else "a folder that is there"
        raise ConfigError(
            f"{worded('`build_ctx`', 'FOLDER, the project,')} must be {what}: {str(build_ctx)!r}",
            hint=worded("name the project's folder", f"`{front().program} build` alone packs the folder you are in"),
        )
    told = {"service": service, **options}
    settings = Path(bentofile).resolve() if bentofile is not None else find_settings(context)
    read = read_build(context, bentofile, told=told)
    plan = Plan(context, settings, read, Target.parse(platform, read.docker.python_version), tell or announce)
    store = bento_store()
    if plan.options.name and plan.options.version:
        store.claim(plan.options.name.lower(), plan.options.version)  # refused before any work
    with store.create() as draft:
        return pack(draft, plan)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be built."""

    context: Path
    settings: Path | None  # the file that says so
    options: BuildOptions
    target: Target  # of the packages
    tell: Tell


def pack(draft: Draft, plan: Plan) -> Bento:
    """Fill the folder of *draft*, and finish it; raises as `build`."""
    options, tell = plan.options, plan.tell
    source = draft.path.resolve() / SOURCE
    files = choose(plan)
    moment = time.time_ns() // SECOND * SECOND - SECOND  # no change of a file has just this time
    size = copy_files(files, source, moment)
    service, roots = service_of(plan), import_roots(plan)
    aliases = {each.alias: each.tag for each in options.models if each.alias}
    with giving(options.args, below=True):
        described = describe(source, service, roots, aliases, shown=plan.context, scratch=draft.path.parent)
    restore_files(files, source, moment)
    options = with_image(options, described.spec.get("image"), plan.context)
    target = Target.parse(plan.target.platform, options.docker.python_version)
    lost = next((path for path in options.steps.include if path not in files), None)
    if lost is not None:
        raise ConfigError(f"`build_include` of an image must name files of the bento, which has no {lost!r}")
    tag = draft.store.claim((options.name or described.name).lower(), options.version)
    tell(f'Building {front().title} service "{tag}" from build context "{plan.context}".')
    models, names = find_models(options, described)
    for model in models:
        tell(f'Packing model "{model.tag}"')
    tell(f"Packing {len(files)} file{'s' * (len(files) != 1)}, {size} bytes.")
    environment = write_environment(
        draft.path / "env", plan.context, options, models, target=target, described=described, tell=tell
    )
    write_apis(draft.path / "apis", described)
    readme = options.description or described.doc or f"The bento {tag.name}."
    write_text(draft.path / "README.md", readme.rstrip() + "\n")
    info = BentoInfo(
        tag=tag,
        creation_time=datetime.datetime.now(datetime.UTC),
        service=service,
        entry_service=described.name,
        description=readme,
        labels=dict(sorted({**described.spec["labels"], **options.labels}.items())),
        models=tuple(carried(model, names.get(model.tag)) for model in models),
        services=described.services,
        envs=options.envs,
        args=options.args,
        import_roots=roots,
        environment=environment,
        docker=docker_of(options),
        ekiben_version=installed_version(),
    )
    return draft.finish(info)


def choose(plan: Plan) -> dict[str, Path]:
    """Choose the files of the project; those of settings always go in."""
    options = plan.options

    def say(path: str) -> None:
        plan.tell(f"Leaving out {path}, which may hold passwords; `!{path}` in {IGNORE} packs it.")

    files = choose_files(plan.context, options.include, options.exclude, without=[home()], on_secret=say)
    for place in (plan.settings, plan.context / FILE):
        if place is not None and place.is_file() and place.parent == plan.context:
            files |= choose_files(plan.context, [f"/{place.name}"])
    return dict(sorted(files.items()))


def service_of(plan: Plan) -> str:
    """Say which target of the project is the service.

    Raises:
        ConfigError: none is named, and there is no `service.py`.
    """
    if plan.options.service:
        path = plan.options.service.partition(":")[0]
        if path.endswith(".py"):
            below(path, "service", context=plan.context)
        return plan.options.service
    if not (plan.context / DEFAULT).is_file():
        raise ConfigError(
            f"`service` must be said where the project has no {DEFAULT}: {plan.context}",
            hint="write `service: file:NAME` into bentofile.yaml",
        )
    return DEFAULT


def import_roots(plan: Plan) -> tuple[str, ...]:
    """Say where imports start from: the project, and its `src/` if it has that layout."""
    asked, folder = plan.options.python.is_src_layout, plan.context / "src"
    if asked and not folder.is_dir():
        raise ConfigError(f"`python.is_src_layout` needs a folder `src` in the project: {plan.context}")
    is_src = (plan.context / PYPROJECT).is_file() and folder.is_dir() if asked is None else asked
    return (".", "src") if is_src else (".",)


def find_models(options: BuildOptions, described: Description) -> tuple[list[StoredModel], dict[Tag, str]]:
    """Find the models that are named, and those that the code asks for, each once.

    Returns:
        The models, newest first by name, and the aliases of those that have one.

    Raises:
        NotFound: one is not in the store.
        ConfigError: one has two aliases.
    """
    store = ModelStore(home() / "models", StoredModel, others=[each / "models" for each in known_homes()])
    found: dict[Tag, StoredModel] = {}
    names: dict[Tag, str] = {}
    for index, each in enumerate(options.models):
        model = store.get(each.tag)
        found.setdefault(model.tag, model)
        if each.alias and names.setdefault(model.tag, each.alias) != each.alias:
            raise ConfigError(
                f"`models[{index}].alias` must be the one name of {model.tag}, "
                f"which is {names[model.tag]!r}: {each.alias!r}"
            )
    for tag in described.models:
        model = store.get(tag)
        found.setdefault(model.tag, model)
    order = sorted(found.values(), key=lambda model: (model.tag.name, model.creation_time), reverse=True)
    return order, names


def carried(model: StoredModel, alias: str | None) -> CarriedModel:
    """Note a model in the words of `bento.yaml`."""
    return CarriedModel(model.tag, model.digest, model.info.module, model.creation_time.isoformat(), alias)
