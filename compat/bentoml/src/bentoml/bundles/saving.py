"""Save a service as a bundle: its code, its artifacts, and what it takes to run them elsewhere.

In: an instance of a service. Out: a folder, whole or not at all.

    bentoml.yml  README.md  docs.json  python_version
    <Name>/      the service's modules, artifacts/, web_static_content/, zipimport_archives/; a package by itself
    requirements.txt  environment.yml  setup.sh  bundled_pip_dependencies/
    setup.py  MANIFEST.in  Dockerfile  docker-entrypoint.sh  bentoml-init.sh
"""

import datetime
import json
import logging
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import bentoml
from bentoml.bundles import papers
from bentoml.bundles.description import Bundle, BundleInfo, open_bundle
from bentoml.bundles.packages import OURS, Packages, carry_ours, settle
from bentoml.bundles.repository import Repository, repository
from bentoml.bundles.tags import BundleTag
from ekiben.bundle.imports import Imported, find_all
from ekiben.bundle.wheels import is_editable, local_source, read_wheel
from ekiben.core.errors import AlreadyExists, ConfigError, InvalidInput
from ekiben.core.paths import disk_errors, make_folder, write_whole
from ekiben.core.spec import BoundService
from ekiben.schema.codec import plan
from ekiben.schema.openapi import document

log = logging.getLogger("ekiben")

ARTIFACTS, CONTENT, ARCHIVES = "artifacts", "web_static_content", "zipimport_archives"
READ, RUN = 0o644, 0o755  # modes


def save(service: Any, labels: Mapping[str, str], base: Path | None) -> Path:
    """Save *service* under its tag.

    Args:
        service: an instance, packed.
        labels: texts by name.
        base: a folder in place of `<home>/repository`.

    Returns:
        The folder of the bundle; raises as `BentoService.save`.
    """
    check_labels(labels)
    tag = BundleTag(service.name, service.version)
    if base is not None:
        place = base.expanduser().absolute() / tag.name / str(tag.version)
        if place.exists():
            raise AlreadyExists(f"the bundle `{tag}` exists already in {base}", hint="give another `version`")
        save_to(service, place, labels)
        return place
    store: Repository = repository()
    store.check_free(tag)
    with store.draft() as folder:
        write(service, folder, labels)
        path = store.put(folder, tag).path
    log.info("saved %s to %s", tag, path)
    return path


def save_to(service: Any, place: Path, labels: Mapping[str, str] | None = None) -> Bundle:
    """Save *service* into the folder *place*, which is empty or not there; raises as `BentoService.save`."""
    place = place.expanduser().absolute()
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise AlreadyExists(f"`save_to_dir` needs a folder that is empty or not there: {place}")
    with disk_errors(f"cannot write to {place.parent}", is_home=False):
        place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.{os.urandom(6).hex()}")
    try:
        make_folder(draft, is_home=False)
        write(service, draft, labels or {})
        with disk_errors(f"cannot write {place}", is_home=False):
            draft.rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return open_bundle(place)


def check_labels(labels: Any) -> None:
    """Refuse labels that are not text by text; raises InvalidInput."""
    if not isinstance(labels, Mapping) or not all(
        isinstance(key, str) and key and isinstance(value, str) for key, value in labels.items()
    ):
        raise InvalidInput(f"`labels` must be text by text: {labels!r}")


def write(service: Any, folder: Path, labels: Mapping[str, str]) -> None:
    """Write every file of the bundle into an empty folder."""
    check_labels(labels)
    own, imported, module = find_code(type(service))
    package = folder / service.name
    make_folder(package, is_home=False)
    for path, file in own.items():
        put_file(file, package / path)
    put_text(package / "__init__.py", papers.MODULE_TEXT)
    service.artifacts.save(package / ARTIFACTS)
    service.artifacts.set_dependencies(service.env)
    put_content(service, package)
    info = BundleInfo(
        name=service.name,
        version=service.version,
        created=datetime.datetime.now(datetime.UTC),
        module=module,
        file=next(iter(own)).as_posix(),
        labels=dict(labels),
        env=service.env.options.describe(),
        apis=[each.describe() for each in service.inference_apis],
        artifacts=service.artifacts.describe(),
    )
    for place in (folder, package):
        info.write(place)
    write_environment(service, folder, info, imported)
    write_texts(service, folder, info)


def write_environment(service: Any, folder: Path, info: BundleInfo, imported: Iterable[Imported]) -> None:
    """Write what the bundle is installed and run by."""
    options = service.env.options
    adapters = [name for api in service.inference_apis for name in getattr(api.input_adapter, "pip_dependencies", ())]
    packages: Packages = settle(service.env, [each for each in imported if is_foreign(each)], adapters)
    for note in packages.notes:
        log.warning("%s", note)
    carried = [read_wheel(each, "here") for each in carry_ours(folder / papers.WHEELS)]
    put_text(folder / "requirements.txt", packages.text)
    put_text(folder / "python_version", info.python + "\n")
    if options.conda_env_yml_file is None:
        put_text(folder / "environment.yml", papers.environment_yml(info, options))
    else:
        put_file(existing(options.conda_env_yml_file, "conda_env_yml_file"), folder / "environment.yml")
    if options.setup_sh is not None:
        script = Path(options.setup_sh) if "\n" not in options.setup_sh else None
        if script is not None and script.is_file():
            put_file(script, folder / papers.SETUP, RUN)
        elif options.setup_sh.startswith("#!") or "\n" in options.setup_sh:
            put_text(folder / papers.SETUP, options.setup_sh, RUN)
        else:
            raise ConfigError(f"`setup_sh` names no file, and is no script: {options.setup_sh!r}")
    ours = [f"{each.name}=={each.version}" for each in carried]
    put_text(folder / "setup.py", papers.setup_py(info, packages, ours))
    put_text(folder / "MANIFEST.in", papers.manifest_in(info.name))


def write_texts(service: Any, folder: Path, info: BundleInfo) -> None:
    """Write what people, browsers and engines read."""
    put_text(folder / "README.md", papers.readme(info, type(service).__doc__ or ""))
    described = api_document(service.__ekiben_service__())
    put_text(folder / "docs.json", json.dumps(described, indent=2, ensure_ascii=False) + "\n")
    put_text(folder / papers.INIT, papers.INIT_TEXT, RUN)
    put_text(folder / papers.ENTRY, papers.ENTRY_TEXT, RUN)
    files = [f"{each.name}/" if each.is_dir() else each.name for each in sorted(folder.iterdir())]
    put_text(folder / "Dockerfile", papers.dockerfile(info, files, service.env.options.docker_base_image))


def api_document(bound: BoundService) -> dict[str, Any]:
    """Give the OpenAPI document of a service."""
    return document(bound.spec, {name: plan(each, bound.spec.style) for name, each in bound.signatures.items()})


def put_content(service: Any, package: Path) -> None:
    """Copy the folder of static files, and archives of modules."""
    content = service.web_static_content
    if content is not None:
        if not content.is_dir():
            raise ConfigError(f"`@web_static_content` names a folder that is not there: {str(content)!r}")
        for file in sorted(content.rglob("*")):
            if file.is_file() and file.resolve().is_relative_to(content):
                put_file(file, package / CONTENT / file.relative_to(content))
    for told in service.env.options.zipimport_archives:
        file = (
            existing(told, "zipimport_archives")
            if service.bundle is None
            else service.bundle / ARCHIVES / Path(told).name
        )
        put_file(file, package / ARCHIVES / Path(told).name)


def find_code(cls: type) -> tuple[dict[Path, Path], tuple[Imported, ...], str]:
    """Find the modules of a class: own files by their place in the bundle, what they import, the module's name.

    Raises:
        ConfigError: the class stands in no file, or inside of something else.
    """
    file = file_of(cls)
    if "." in cls.__qualname__:
        raise ConfigError(f"`{cls.__qualname__}` must stand at the top of its module to be saved")
    spec = getattr(sys.modules[cls.__module__], "__spec__", None)
    name = spec.name if spec is not None else cls.__module__
    name = file.stem if name == "__main__" or "@" in name else name.removesuffix(".__init__")
    depth = name.count(".") + (file.name == "__init__.py")
    root = file.parents[depth]
    own, imported = find_all(file, (root, *local_roots(root)))
    return own, imported, name


def file_of(cls: type) -> Path:
    """Give the file that a class stands in; raises ConfigError where it stands in none."""
    told = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if told is None or not Path(told).is_file():
        raise ConfigError(
            f"`{cls.__name__}` stands in no file, and a bundle holds files", hint="write the class into a module"
        )
    return Path(told).resolve()


def local_roots(root: Path) -> list[Path]:
    """List the folders of the user's that imports start from: those of neither Python nor an installation."""
    paths = [Path(sysconfig.get_paths()[name]).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    theirs = [Path(str(bentoml.__file__)).resolve().parents[1]]
    theirs += [source.resolve() for each in distributions() if is_told(each) and (source := local_source(each))]
    found = []
    for entry in (Path(each or ".").resolve() for each in sys.path):
        if not entry.is_dir() or entry == root or any(entry.glob("*.dist-info")):
            continue
        if not any(entry.is_relative_to(each) for each in (*paths, *theirs)):
            found.append(entry)
    return list(dict.fromkeys(found))


def is_told(found: Any) -> bool:
    """Say whether a distribution is installed from its sources."""
    return found.read_text("direct_url.json") is not None and is_editable(found)


def is_foreign(found: Imported) -> bool:
    """Say whether an imported module is another's, and not this drop-in itself."""
    return found.module.partition(".")[0] not in OURS


def existing(told: str, option: str) -> Path:
    """Give a file that an option names; raises ConfigError."""
    if not Path(told).is_file():
        raise ConfigError(f"`{option}` names no file: {told!r}")
    return Path(told)


def put_text(place: Path, text: str, mode: int = READ) -> None:
    """Write a text."""
    write_whole(place, text.encode("utf-8", "replace"))
    place.chmod(mode)


def put_file(source: Path, place: Path, mode: int = READ) -> None:
    """Copy a file, and make the folders above it."""
    with disk_errors(f"cannot write {place}", is_home=False):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        place.chmod(mode)
